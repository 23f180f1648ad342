//! The map on a canvas: for swarms too large for an element each.
//!
//! From far away a node is a dot in the shape of its standing, and a line is as thin as can be, whatever
//! went along it. Nearer a node has its sign, and where there is room its name. Nodes and lines that
//! look alike are drawn in one stroke.

use leptos::prelude::{document, window};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CanvasRenderingContext2d as Brush, HtmlCanvasElement};

use super::map::Map;
use crate::app::components::graph::{RADIUS, short_name, stands};
use crate::swarm::Attention;
use crate::swarm::bounds::order;
use crate::swarm::graph::{EdgeKind, Form, Link, Spot};

/// From these radii on, in pixels of the window, a node has its sign and its name.
const SIGNS: f64 = 5.5;
const NAMES: f64 = 8.5;
/// No dot is smaller.
const DOT: f64 = 2.1;
/// The room of a name, in pixels, and how many names there are at most.
const NAME: (f64, f64) = (84.0, 15.0);
const MOST_NAMES: usize = 160;
/// More lines than these have no dashes: those cost by their length, however long a line is.
const DASHED: usize = 400;
/// How much of what is dimmed is left.
const DIM: f64 = 0.13;

/// What the page's colours depend on beside the theme that is set.
const ASKED: [&str; 2] = ["(prefers-color-scheme: light)", "(prefers-contrast: more)"];

/// The page's colours, read once for each theme: asking for one may cost a styling of the page.
#[derive(Debug, Default)]
pub struct Palette {
    /// The theme they are of; empty before the first.
    theme: String,
    colours: Vec<(String, String)>,
}

impl Palette {
    /// Whether the page has another theme by now. Before the first drawing it has none.
    pub fn is_of_before(&self) -> bool {
        !self.theme.is_empty() && self.theme != theme()
    }

    fn renew(&mut self, canvas: &HtmlCanvasElement) {
        let theme = theme();
        if self.theme == theme {
            return;
        }
        let Ok(Some(style)) = window().get_computed_style(canvas) else { return };
        let own = ["control", "surface", "muted", "text", "focus", "sans"].into_iter();
        let read = |name: &str| {
            let token = ["--", name].concat();
            let value = style.get_property_value(&token).unwrap_or_default();
            (token, value)
        };
        self.colours = own.chain(Attention::ALL.iter().map(|attention| attention.slug())).map(read).collect();
        self.theme = theme;
    }

    fn get(&self, token: &str) -> &str {
        self.colours.iter().find(|(known, _)| known == token).map_or("", |(_, colour)| colour)
    }
}

/// The theme that the page has: the one that is set, and what the system asks for.
fn theme() -> String {
    let mut theme = document().document_element().and_then(|root| root.get_attribute("data-theme")).unwrap_or_default();
    for query in ASKED {
        let asked = window().match_media(query).ok().flatten().is_some_and(|asked| asked.matches());
        theme.push_str(if asked { " yes" } else { " no" });
    }
    theme
}

/// What a drawing needs to know beside the map.
struct Pen<'a> {
    brush: Brush,
    map: &'a Map,
    palette: &'a Palette,
    /// Pixels of the screen for each of the window's.
    ratio: f64,
    /// Where in the window each node is.
    seen: Vec<Spot>,
    /// A node's radius, in pixels of the window.
    radius: f64,
}

/// Draws the map.
pub fn draw(canvas: &HtmlCanvasElement, map: &Map, palette: &mut Palette) {
    let ratio = window().device_pixel_ratio().clamp(1.0, 2.0);
    let (wide, high) = ((map.size.0 * ratio) as u32, (map.size.1 * ratio) as u32);
    if (canvas.width(), canvas.height()) != (wide, high) {
        canvas.set_width(wide);
        canvas.set_height(high);
    }
    let Some(brush) = canvas.get_context("2d").ok().flatten().and_then(|brush| brush.dyn_into::<Brush>().ok()) else { return };
    palette.renew(canvas);
    let _same = brush.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0);
    brush.clear_rect(0.0, 0.0, map.size.0, map.size.1);
    let seen = map.spots.iter().map(|spot| map.view.seen(*spot, map.size)).collect();
    let pen = Pen { brush, map, palette, ratio, seen, radius: RADIUS * map.view.scale };
    pen.lines();
    pen.nodes();
    pen.marks();
    pen.names();
}

impl Pen<'_> {
    fn colour(&self, token: &str) -> &str {
        self.palette.get(token)
    }

    /// Whether all is drawn from far away.
    fn is_far(&self) -> bool {
        self.radius < SIGNS
    }

    fn is_lit(&self, at: usize) -> bool {
        self.map.lit.get(at).copied().unwrap_or(true)
    }

    /// Whether something from one place to another can be seen.
    fn is_near(&self, from: Spot, to: Spot, room: f64) -> bool {
        let (wide, high) = self.map.size;
        let beside = |a: f64, b: f64, end: f64| (a < -room && b < -room) || (a > end + room && b > end + room);
        !beside(from.x, to.x, wide) && !beside(from.y, to.y, high)
    }

    /// The lines, those that look alike in one stroke.
    fn lines(&self) {
        let links = self.map.graph.links.iter().filter(|link| self.is_near(self.seen[link.from], self.seen[link.to], 0.0));
        let links: Vec<&Link> = links.collect();
        let dashed = !self.is_far() && links.len() <= DASHED;
        let look = |link: &Link| {
            let trouble = match link.trouble() {
                "" => 0,
                "slow" => 1,
                _ => 2,
            };
            let lit = self.is_lit(link.from) && self.is_lit(link.to);
            let alike = u64::from(lit) << 16 | trouble << 12;
            // From far away only what is well told apart is.
            if self.is_far() {
                return alike | u64::from(link.kind == EdgeKind::Messages) << 8;
            }
            alike | (link.kind as u64) << 8 | u64::from(link.step())
        };
        let mut last = u64::MAX;
        for at in order(links.iter().map(|link| look(link))) {
            let link = links[at];
            let (from, to) = (self.seen[link.from], self.seen[link.to]);
            if last != look(link) {
                if last != u64::MAX {
                    self.brush.stroke();
                }
                last = look(link);
                self.line_style(link, dashed);
                self.brush.begin_path();
            }
            self.brush.move_to(from.x, from.y);
            if self.map.graph.form == Form::Tree && link.kind == EdgeKind::Parent && !self.is_far() {
                let middle = f64::midpoint(from.y, to.y);
                self.brush.bezier_curve_to(from.x, middle, to.x, middle, to.x, to.y);
            } else {
                self.brush.line_to(to.x, to.y);
            }
        }
        if last != u64::MAX {
            self.brush.stroke();
        }
        self.dash(&[]);
        self.brush.set_global_alpha(1.0);
    }

    fn line_style(&self, link: &Link, dashed: bool) {
        let (colour, strength) = match (link.trouble(), link.kind) {
            ("ailing", _) => ("--failing", 0.9),
            ("slow", _) => ("--stale", 0.8),
            (_, EdgeKind::Messages) => ("--control", 0.4),
            _ => ("--control", 0.65),
        };
        // From far away there are many: what is well must not hide who stands how.
        let strength = if self.is_far() && link.trouble().is_empty() { strength * 0.6 } else { strength };
        let dim = if self.is_lit(link.from) && self.is_lit(link.to) { 1.0 } else { DIM };
        self.brush.set_global_alpha(strength * dim);
        self.brush.set_stroke_style_str(self.colour(colour));
        let near = self.map.view.scale.clamp(0.45, 1.0);
        // A line of one pixel of the screen is drawn as it is, a wider one as a shape.
        let thin = 1.0 / self.ratio;
        self.brush.set_line_width(if self.is_far() { thin } else { (1.0 + 0.7 * f64::from(link.step())) * near });
        self.dash(match link.kind {
            _ if !dashed => &[],
            EdgeKind::Parent => &[],
            EdgeKind::Reported => &[10.0, 3.0],
            EdgeKind::Handoff => &[7.0, 3.0, 1.5, 3.0],
            EdgeKind::Messages => &[2.0, 4.0],
        });
    }

    fn dash(&self, lengths: &[f64]) {
        let lengths: js_sys::Array = lengths.iter().map(|length| JsValue::from_f64(*length)).collect();
        let _refused = self.brush.set_line_dash(&lengths);
    }

    /// The nodes, those who stand alike in one stroke: first what is dimmed.
    fn nodes(&self) {
        for lit in [false, true] {
            if !lit && self.map.lit.is_empty() {
                continue;
            }
            self.brush.set_global_alpha(if lit { 1.0 } else { DIM });
            for attention in std::iter::once(None).chain(Attention::ALL.iter().rev().copied().map(Some)) {
                self.alike(attention, lit);
            }
        }
        self.brush.set_global_alpha(1.0);
    }

    fn alike(&self, attention: Option<Attention>, lit: bool) {
        let room = self.radius + 2.0;
        let places = self.map.graph.places.iter().enumerate();
        let wanted = places.filter(|(at, place)| {
            place.attention == attention && self.is_lit(*at) == lit && self.is_near(self.seen[*at], self.seen[*at], room)
        });
        let wanted: Vec<usize> = wanted.map(|(at, _)| at).collect();
        if wanted.is_empty() {
            return;
        }
        let (slug, glyph, _) = stands(attention);
        let token = ["--", if attention.is_some() { slug } else { "control" }].concat();
        let hue = self.colour(&token);
        self.brush.begin_path();
        for at in &wanted {
            self.shape(self.seen[*at], attention);
        }
        let is_open = matches!(attention, Some(Attention::Stale | Attention::Lost));
        let is_hollow = is_open || !self.is_far();
        self.brush.set_fill_style_str(if is_hollow { self.colour("--surface") } else { hue });
        self.brush.fill();
        if is_hollow {
            self.dash(if is_open && !self.is_far() { &[3.0, 2.0] } else { &[] });
            self.brush.set_stroke_style_str(hue);
            self.brush.set_line_width(if self.is_far() { 1.0 } else { 2.0 });
            self.brush.stroke();
            self.dash(&[]);
        }
        if self.is_far() {
            return;
        }
        self.brush.set_fill_style_str(hue);
        self.write(self.radius * 0.9);
        for at in wanted {
            let _refused = self.brush.fill_text(glyph, self.seen[at].x, self.seen[at].y);
        }
    }

    /// A dot in the shape of its standing: a diamond asks, a square fails, a ring rests.
    fn shape(&self, at: Spot, attention: Option<Attention>) {
        let small = self.is_far();
        let radius = self.radius.max(DOT);
        match attention {
            Some(Attention::NeedsYou) if small => {
                let radius = radius * 1.9;
                self.brush.move_to(at.x, at.y - radius);
                self.brush.line_to(at.x + radius, at.y);
                self.brush.line_to(at.x, at.y + radius);
                self.brush.line_to(at.x - radius, at.y);
                self.brush.close_path();
            }
            Some(Attention::Failing) if small => {
                let radius = radius * 1.25;
                self.brush.rect(at.x - radius, at.y - radius, radius * 2.0, radius * 2.0);
            }
            Some(Attention::Done | Attention::Idle) if small => self.circle(at, radius * 0.75),
            _ => self.circle(at, radius),
        }
    }

    fn circle(&self, at: Spot, radius: f64) {
        self.brush.move_to(at.x + radius, at.y);
        let _refused = self.brush.arc(at.x, at.y, radius, 0.0, std::f64::consts::TAU);
    }

    fn write(&self, pixels: f64) {
        let size = (pixels.round() as u32).max(6).to_string();
        self.brush.set_font(&[&size, "px ", self.colour("--sans")].concat());
        self.brush.set_text_align("center");
        self.brush.set_text_baseline("middle");
    }

    /// What is chosen, pinned, or under the pointer.
    fn marks(&self) {
        let ring = |at: usize, colour: &str, width: f64, room: f64| {
            self.brush.set_stroke_style_str(self.colour(colour));
            self.brush.set_line_width(width);
            self.brush.begin_path();
            self.circle(self.seen[at], self.radius.max(4.0) + room);
            self.brush.stroke();
        };
        for (id, _) in self.map.pins() {
            if let Some(at) = self.map.graph.find(id) {
                ring(at, "--muted", 1.0, 3.0);
            }
        }
        if let Some(at) = self.map.hovered {
            ring(at, "--text", 1.5, 3.0);
        }
        if let Some(at) = self.map.chosen {
            ring(at, "--focus", 2.5, 4.0);
        }
    }

    /// Names where there is room for them; always those of what is looked at.
    fn names(&self) {
        let looked_at = [self.map.chosen, self.map.hovered].into_iter().flatten();
        let all = 0..if self.radius >= NAMES { self.seen.len() } else { 0 };
        let few = !self.map.lit.is_empty() && self.map.lit.iter().filter(|lit| **lit).count() <= MOST_NAMES / 6;
        let found = (0..if few { self.seen.len() } else { 0 }).filter(|at| self.is_lit(*at));
        self.write(11.0);
        self.brush.set_fill_style_str(self.colour("--text"));
        let mut taken: Vec<Spot> = Vec::new();
        for at in looked_at.chain(found).chain(all) {
            let spot = Spot { x: self.seen[at].x, y: self.seen[at].y + self.radius.max(4.0) + 10.0 };
            let is_free = |other: &Spot| (other.x - spot.x).abs() > NAME.0 || (other.y - spot.y).abs() > NAME.1;
            if !self.is_lit(at) || !self.is_near(spot, spot, 20.0) || !taken.iter().all(is_free) {
                continue;
            }
            let _refused = self.brush.fill_text(&short_name(&self.map.graph.places[at].name), spot.x, spot.y);
            taken.push(spot);
            if taken.len() >= MOST_NAMES {
                break;
            }
        }
    }
}
