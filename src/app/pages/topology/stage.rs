//! Where the map meets the browser: frames, the window it is seen through, pointer, wheel and keys.
//!
//! A frame is asked for when something changed, and again as long as the map has more to do; a map at
//! rest costs nothing.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{Element as Dom, Event, KeyboardEvent, MouseEvent, PointerEvent, WheelEvent};

use super::canvas::Palette;
use super::map::Map;
use super::{canvas, vector};
use crate::app::components::derived::Derived;
use crate::app::html::effect;
use crate::app::route::Address;
use crate::client::{Live, in_frame, precise, preference, remember};
use crate::swarm::graph::{Graph, Spot};

/// The element that the map is drawn in.
pub const DRAWING: &str = "map-drawing";
/// How much of a frame the layout may take, in milliseconds; drawing a small map comes on top.
const BUDGET: f64 = 3.0;
/// How long the window's size is taken as it was, in milliseconds: asking for it costs a layout of
/// the page.
const SIZED: f64 = 1_000.0;
/// How far arrows and buttons move the view, and a pinned node, in pixels.
const STEP: f64 = 80.0;
const NUDGE: f64 = 24.0;
/// How much nearer a button, and the wheel at most, brings everything.
const NEARER: f64 = 1.35;
/// A pointer that moves less than this did not mean to drag, in pixels.
const STILL: f64 = 4.0;
/// Where pins are kept in this browser.
const PINS: &str = "pins";

/// A pointer that is held down.
#[derive(Debug)]
struct Held {
    pointer: i32,
    /// Where it went down and where it is.
    began: Spot,
    last: Spot,
    /// The node it went down on, by id: others may come and go meanwhile.
    node: Option<String>,
    /// Whether it has moved.
    drags: bool,
}

/// The map on the page. Copy.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    live: Live,
    scene: StoredValue<Scene>,
    address: Address,
    /// Raised when a pin is set or taken away.
    pins: RwSignal<u64>,
}

/// The map, and what is done to it just now.
#[derive(Debug)]
struct Scene {
    map: Map,
    /// Whether a frame is on its way.
    asked: bool,
    held: Option<Held>,
    /// Whether the pointer was dragged since it went down: then the click that follows is none.
    dragged: bool,
    /// When the window's size was asked for; none where it may be another.
    sized: Option<f64>,
    /// Whether the last frame was for the layout alone.
    laid: bool,
    palette: Palette,
}

impl Stage {
    /// A stage for a graph that changes; `lit` says which nodes a search leaves lit, `chosen` which one is looked at.
    pub fn new(live: Live, graph: Derived<Graph>, lit: Derived<Vec<bool>>, chosen: Memo<String>, address: Address) -> Self {
        let stage = Self {
            live,
            scene: StoredValue::new(Scene {
                map: Map::new(graph.peek()),
                asked: false,
                held: None,
                dragged: false,
                sized: None,
                laid: false,
                palette: Palette::default(),
            }),
            address,
            pins: RwSignal::new(0),
        };
        let mut before: Option<String> = None;
        effect(move || {
            let (lit, id) = (lit.get(), chosen.get());
            graph.with(|_| ());
            let graph = graph.peek();
            let time = precise();
            let chose = before.as_ref() != Some(&id);
            let mut differs = chose;
            stage.change(&mut |map| {
                map.calm = is_calm();
                differs |= map.take(Arc::clone(&graph), time);
                map.chosen = map.graph.find(&id);
                let mut lit = lit.clone();
                // Whoever is looked at is seen, whatever is searched for.
                if let Some(at) = map.chosen.filter(|at| *at < lit.len()) {
                    lit[at] = true;
                }
                if map.lit != lit {
                    (map.lit, map.changed, differs) = (lit, true, true);
                }
                // Whoever was chosen just now is brought to where they can be seen.
                if let (Some(at), true) = (map.chosen, chose && map.size.0 > 0.0) {
                    map.show(at, time);
                }
            });
            before = Some(id);
            // What would be drawn as it is drawn already needs no frame.
            if differs {
                stage.ask();
            }
        });
        effect(move || {
            let resized = window_event_listener(leptos::ev::resize, move |_| stage.measure());
            on_cleanup(move || resized.remove());
        });
        effect(move || {
            live.measured.track();
            stage.repaint();
        });
        stage
    }

    /// The window may have another size.
    fn measure(self) {
        self.act(&mut |scene| scene.sized = None);
        self.ask();
    }

    /// Draws anew where the page has other colours than the drawing.
    fn repaint(self) {
        let mut differs = false;
        self.act(&mut |scene| differs = scene.palette.is_of_before());
        if differs {
            self.ask();
        }
    }

    /// Does something to the scene; not where the page is gone.
    fn act(self, act: &mut dyn FnMut(&mut Scene)) -> bool {
        self.scene.try_update_value(|scene| act(scene)).is_some()
    }

    fn change(self, change: &mut dyn FnMut(&mut Map)) {
        self.act(&mut |scene| change(&mut scene.map));
    }

    /// Asks for a frame.
    pub fn ask(self) {
        let mut asks = false;
        self.act(&mut |scene| asks = !std::mem::replace(&mut scene.asked, true));
        if asks {
            in_frame(self.live, Box::new(move || self.frame()));
        }
    }

    fn frame(self) {
        // The page may be gone by now.
        if !self.act(&mut |scene| scene.asked = false) {
            return;
        }
        let Some(drawing) = document().get_element_by_id(DRAWING) else { return };
        let (began, mut busy, mut first) = (precise(), false, false);
        self.act(&mut |scene| {
            let Scene { map, palette, sized, laid, .. } = scene;
            first = map.size.0 <= 0.0;
            if first || sized.is_none_or(|sized| began - sized > SIZED) {
                map.resize((f64::from(drawing.client_width()), f64::from(drawing.client_height())));
                *sized = Some(began);
            }
            if map.size.0 <= 0.0 {
                return;
            }
            if first {
                map.begin(kept_pins());
                if let Some(at) = map.chosen {
                    map.show(at, began);
                }
            }
            let canvas = drawing.dyn_ref::<web_sys::HtmlCanvasElement>();
            // A large map is laid out in one frame and drawn in the next: both are too much for one.
            *laid = canvas.is_some() && !map.is_laid_out() && !*laid;
            let steps = *laid || canvas.is_none();
            busy = map.advance(began, &mut || steps && precise() - began < BUDGET);
            if *laid && busy {
                return;
            }
            match canvas {
                Some(element) => canvas::draw(element, map, palette),
                None => vector::draw(&drawing, map),
            }
            (map.reshaped, map.changed) = (false, false);
        });
        if first {
            // Pins of an earlier visit are known now.
            self.pins.update(|count| *count += 1);
        }
        if busy {
            self.ask();
        }
    }

    /// A new element stands there: it is empty, or the server's.
    pub fn renewed(self) {
        self.change(&mut |map| map.reshaped = true);
        self.measure();
    }

    /// Makes everything larger or smaller around the middle.
    pub fn zoom(self, times: f64) {
        self.change(&mut |map| {
            let middle = Spot { x: map.size.0 / 2.0, y: map.size.1 / 2.0 };
            map.look(map.aimed().zoomed(times, middle, map.size), Some(precise()));
        });
        self.ask();
    }

    /// Nearer, by a step.
    pub fn nearer(self) {
        self.zoom(NEARER);
    }

    /// Further away, by a step.
    pub fn further(self) {
        self.zoom(1.0 / NEARER);
    }

    /// Moves what is seen by so many steps.
    pub fn pan(self, across: f64, down: f64) {
        self.change(&mut |map| map.look(map.aimed().moved(across * STEP, down * STEP), Some(precise())));
        self.ask();
    }

    /// Shows everything.
    pub fn fit(self) {
        self.change(&mut |map| map.fit(precise()));
        self.ask();
    }

    /// Whether a node is pinned; follows pins.
    pub fn is_pinned(self, id: &str) -> bool {
        self.pins.track();
        let mut is_pinned = false;
        self.change(&mut |map| is_pinned = map.graph.find(id).is_some_and(|at| map.is_pinned(at)));
        is_pinned
    }

    /// Pins a node where it stands, or lets it go.
    pub fn toggle_pin(self, id: &str) {
        self.change(&mut |map| {
            if let Some(at) = map.graph.find(id) {
                if map.is_pinned(at) { map.unpin(at, precise()) } else { map.pin(at, None) }
            }
        });
        self.pinned();
    }

    /// Moves the chosen node by so many small steps, and pins it there.
    fn nudge(self, across: f64, down: f64) {
        self.change(&mut |map| {
            if let Some((at, spot)) = map.chosen.and_then(|at| Some((at, *map.spots.get(at)?))) {
                map.pin(at, Some(Spot { x: spot.x + across * NUDGE, y: spot.y + down * NUDGE }));
            }
        });
        self.pinned();
    }

    fn pinned(self) {
        self.change(&mut |map| keep_pins(map.pins()));
        self.pins.update(|count| *count += 1);
        self.ask();
    }

    /// Chooses a node; none where the id is empty.
    pub fn choose(self, id: &str) {
        self.address.replace(&untrack(|| self.address.with(&[("node", id)])));
    }

    /// A key, while the map has the focus.
    pub fn key(self, event: Event) {
        let key: &KeyboardEvent = event.unchecked_ref();
        if key.ctrl_key() || key.meta_key() || key.alt_key() {
            return;
        }
        let moves = if key.shift_key() { Self::nudge } else { Self::pan };
        match key.key().as_str() {
            "ArrowLeft" => moves(self, -1.0, 0.0),
            "ArrowRight" => moves(self, 1.0, 0.0),
            "ArrowUp" => moves(self, 0.0, -1.0),
            "ArrowDown" => moves(self, 0.0, 1.0),
            "+" | "=" => self.nearer(),
            "-" => self.further(),
            "0" => self.fit(),
            "Escape" => self.choose(""),
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    }

    /// The wheel, with Ctrl or pinched: without, it scrolls the page.
    pub fn wheel(self, event: Event) {
        let wheel: &WheelEvent = event.unchecked_ref();
        if !(wheel.ctrl_key() || wheel.meta_key()) {
            return;
        }
        event.prevent_default();
        let at = place(wheel);
        let times = (1.0 - wheel.delta_y() / 240.0).clamp(1.0 / NEARER, NEARER);
        self.change(&mut |map| map.look(map.view.zoomed(times, at, map.size), None));
        self.ask();
    }

    /// A pointer goes down.
    pub fn down(self, event: Event) {
        let pointer: &PointerEvent = event.unchecked_ref();
        if pointer.button() != 0 {
            return;
        }
        let (at, id) = (place(pointer), pointer.pointer_id());
        self.act(&mut |scene| {
            if scene.held.is_none() {
                scene.dragged = false;
                let node = scene.map.hit(at).map(|at| scene.map.graph.places[at].id.clone());
                scene.held = Some(Held { pointer: id, began: at, last: at, node, drags: false });
            }
        });
    }

    /// A pointer moves: it drags a node, or the view, or passes over.
    pub fn moved(self, event: Event) {
        let pointer: &PointerEvent = event.unchecked_ref();
        let (at, id) = (place(pointer), pointer.pointer_id());
        let (mut changed, mut begins) = (false, false);
        self.act(&mut |scene| {
            let map = &mut scene.map;
            let Some(held) = scene.held.as_mut().filter(|held| held.pointer == id) else {
                let hit = map.hit(at);
                changed = std::mem::replace(&mut map.hovered, hit) != hit;
                return;
            };
            if !held.drags {
                held.drags = (at.x - held.began.x).abs() + (at.y - held.began.y).abs() > STILL;
                begins = held.drags;
            }
            if held.drags {
                match &held.node {
                    // Whoever went away while being dragged is dragged no more.
                    Some(id) => {
                        if let Some(node) = map.graph.find(id) {
                            map.pin(node, Some(map.view.meant(at, map.size)));
                        }
                    }
                    None => map.look(map.view.moved(held.last.x - at.x, held.last.y - at.y), None),
                }
                held.last = at;
                scene.dragged = true;
                changed = true;
            }
        });
        if begins && let Some(element) = event.current_target().and_then(|target| target.dyn_into::<Dom>().ok()) {
            let _lost = element.set_pointer_capture(id);
        }
        if changed {
            self.ask();
        }
    }

    /// A pointer goes up, or away.
    pub fn up(self, event: Event) {
        let pointer: &PointerEvent = event.unchecked_ref();
        let (id, mut put) = (pointer.pointer_id(), false);
        self.act(&mut |scene| {
            if let Some(held) = scene.held.take_if(|held| held.pointer == id) {
                put = held.drags && held.node.is_some();
            }
        });
        if put {
            self.pinned();
        }
    }

    /// A click chooses: the link of a node is for other ways of opening it.
    pub fn click(self, event: Event) {
        let click: &MouseEvent = event.unchecked_ref();
        if click.ctrl_key() || click.meta_key() || click.shift_key() {
            return;
        }
        event.prevent_default();
        let (at, mut chosen) = (place(click), None);
        self.act(&mut |scene| {
            if !scene.dragged {
                let hit = scene.map.hit(at);
                chosen = Some(hit.map_or_else(String::new, |at| scene.map.graph.places[at].id.clone()));
            }
        });
        if let Some(id) = chosen {
            self.choose(&id);
        }
    }
}

/// Where in the map an event is.
fn place(event: &MouseEvent) -> Spot {
    let Some(drawing) = document().get_element_by_id(DRAWING) else { return Spot::default() };
    let corner = drawing.get_bounding_client_rect();
    Spot { x: f64::from(event.client_x()) - corner.left(), y: f64::from(event.client_y()) - corner.top() }
}

/// Whether nothing may move by itself: as the page is set, else as the system is.
fn is_calm() -> bool {
    let set = document().document_element().and_then(|root| root.get_attribute("data-motion"));
    match set.as_deref() {
        Some("reduced") => true,
        Some("full") => false,
        _ => window().match_media("(prefers-reduced-motion: reduce)").ok().flatten().is_some_and(|asked| asked.matches()),
    }
}

/// The pins that this browser keeps: a line each, where and who.
fn kept_pins() -> Vec<(String, Spot)> {
    let kept = preference(PINS).unwrap_or_default();
    let read = |line: &str| {
        let mut parts = line.splitn(3, ' ');
        let mut number = || parts.next()?.parse::<i32>().ok();
        let spot = Spot { x: f64::from(number()?), y: f64::from(number()?) };
        Some((parts.next()?.to_owned(), spot))
    };
    kept.lines().filter_map(read).collect()
}

fn keep_pins(pins: &[(String, Spot)]) {
    let mut kept = String::new();
    // An id with a break in it would be two lines.
    for (id, spot) in pins.iter().filter(|(id, _)| !id.contains('\n')) {
        for number in [spot.x, spot.y] {
            kept.push_str(&(number as i32).to_string());
            kept.push(' ');
        }
        kept.push_str(id);
        kept.push('\n');
    }
    remember(PINS, &kept);
}
