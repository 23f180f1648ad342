//! A view in the document of a browser: put in, taken over from the server, changed, taken out.
//!
//! One routine does both: at a [`Place`] it either makes the node that a view asks for, or takes
//! the one that the server wrote there. What does not fit is made anew and said on the console, so
//! that a page is right even where the server's was not.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::{Owner, RenderEffect, document, is_server, untrack};
use leptos::tachys::html::attribute::any_attribute::AnyAttribute;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::no_attrs;
use leptos::tachys::view::{Mountable, Position, PositionState, Render, RenderHtml};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};

mod list;
mod place;

pub use self::list::rows_drawn;
use self::list::{List, show_rows};
use self::place::Place;
use super::{Listener, Node, Parts, Ready, Text, Value, write};

/// What keeps an element's listeners and effects alive.
enum Held {
    Effect(#[expect(dead_code, reason = "it runs as long as it is held")] RenderEffect<()>),
    Listener(#[expect(dead_code, reason = "it listens as long as it is held")] Listening),
}

/// A listener at its element.
struct Listening {
    element: web_sys::Element,
    event: &'static str,
    listener: Closure<dyn FnMut(web_sys::Event)>,
}

impl Drop for Listening {
    /// The element may be on an event's way right now, and must not call what is gone.
    fn drop(&mut self) {
        let _refused = self.element.remove_event_listener_with_callback(self.event, self.listener.as_ref().unchecked_ref());
    }
}

/// A view that stands in the document.
#[derive(Default)]
enum Shown {
    #[default]
    Nothing,
    Node(web_sys::Node),
    Element {
        element: web_sys::Element,
        _held: Vec<Held>,
        _children: Vec<Self>,
    },
    Several(Vec<Self>),
    Text {
        node: Rc<OnceCell<web_sys::Text>>,
        _effect: RenderEffect<()>,
    },
    Part {
        inside: Inside<Self>,
        end: web_sys::Node,
        _effect: RenderEffect<()>,
    },
    Rows {
        rows: Inside<List>,
        end: web_sys::Node,
        _effect: RenderEffect<()>,
    },
}

/// What stands in a part or a list, and goes with it. The effect that fills it holds it too and is
/// only let go when its turn comes: until then, what follows signals in there would follow those
/// of an owner that is gone.
struct Inside<T: Default>(Rc<RefCell<T>>);

impl<T: Default> Drop for Inside<T> {
    fn drop(&mut self) {
        let _gone = self.0.try_borrow_mut().map(|mut inside| std::mem::take(&mut *inside));
    }
}

impl Shown {
    /// Takes it out of the document.
    fn remove(&self) {
        match self {
            Self::Nothing => {}
            Self::Node(node) => detach(node),
            Self::Element { element, .. } => detach(element),
            Self::Several(several) => several.iter().for_each(Self::remove),
            Self::Text { node, .. } => {
                if let Some(node) = node.get() {
                    detach(node);
                }
            }
            Self::Part { inside, end, .. } => {
                inside.0.borrow().remove();
                detach(end);
            }
            Self::Rows { rows, end, .. } => {
                rows.0.borrow().rows.iter().for_each(|row| row.shown.remove());
                detach(end);
            }
        }
    }

    /// Its nodes in order, without those inside of them.
    fn nodes(&self, out: &mut Vec<web_sys::Node>) {
        match self {
            Self::Nothing => {}
            Self::Node(node) => out.push(node.clone()),
            Self::Element { element, .. } => out.push(element.clone().into()),
            Self::Several(several) => several.iter().for_each(|it| it.nodes(out)),
            Self::Text { node, .. } => out.extend(node.get().cloned().map(Into::into)),
            Self::Part { inside, end, .. } => {
                inside.0.borrow().nodes(out);
                out.push(end.clone());
            }
            Self::Rows { rows, end, .. } => {
                rows.0.borrow().rows.iter().for_each(|row| row.shown.nodes(out));
                out.push(end.clone());
            }
        }
    }
}

fn detach(node: &web_sys::Node) {
    if let Some(parent) = node.parent_node() {
        let _gone = parent.remove_child(node);
    }
}

/// An effect of one type, whatever it does.
fn follow(mut run: Box<dyn FnMut()>) -> RenderEffect<()> {
    RenderEffect::new(move |_| run())
}

/// Makes a view stand at a place.
fn show(node: Node, place: &Place) -> Shown {
    match node {
        Node::Nothing => Shown::Nothing,
        Node::Words(words) => Shown::Node(place.text(&words).into()),
        Node::Text(text) => show_text(text, place),
        Node::Element(element) => show_element(*element.0, place),
        Node::Several(several) => Shown::Several(several.into_iter().map(|node| show(node, place)).collect()),
        Node::Part(make) => show_part(make, place),
        Node::Rows(rows) => show_rows(rows, place),
    }
}

fn show_part(make: Arc<dyn Fn() -> Node + Send + Sync>, place: &Place) -> Shown {
    let (inside, end) = (Rc::new(RefCell::new(Shown::Nothing)), Rc::new(OnceCell::new()));
    let (content, mark, drawing) = (Rc::clone(&inside), Rc::clone(&end), place.drawing);
    let mut first = Some(place.clone());
    let effect = follow(Box::new(move || {
        let node = make();
        // What stood here goes with all that keeps it alive: nothing may run for what is gone.
        content.take().remove();
        if let Some(place) = first.take().or_else(|| Place::at_mark(&mark, drawing)) {
            let made = untrack(|| show(node, &place));
            content.replace(made);
        }
    }));
    let end = end.get_or_init(|| place.end()).clone();
    Shown::Part { inside: Inside(inside), end, _effect: effect }
}

fn show_text(text: Text, place: &Place) -> Shown {
    let shown = Rc::new(OnceCell::new());
    let node = Rc::clone(&shown);
    let mut first = Some(place.clone());
    let mut last = String::new();
    let effect = follow(Box::new(move || {
        let words = (text.0)();
        match first.take() {
            Some(place) => drop(node.set(place.text(&words))),
            None if last == words => return,
            None => node.get().into_iter().for_each(|node: &web_sys::Text| node.set_data(&words)),
        }
        last = words;
    }));
    Shown::Text { node: shown, _effect: effect }
}

/// What is called when an element stands in the document, and whose it is.
struct Waiting {
    owner: Option<Owner>,
    ready: Ready,
    element: web_sys::Element,
}

/// Calls what waits for elements to stand in the document, when the outermost that is being made does.
#[derive(Default)]
struct Making {
    depth: Cell<u32>,
    waiting: RefCell<Vec<Waiting>>,
}

impl Making {
    fn begin(&self) {
        self.depth.set(self.depth.get() + 1);
    }

    fn end(&self) {
        self.depth.set(self.depth.get() - 1);
        if self.depth.get() == 0 {
            // One may have others made.
            for Waiting { owner, ready, element } in self.waiting.take() {
                let call = || untrack(|| ready(element));
                match owner {
                    Some(owner) => owner.with(call),
                    None => call(),
                }
            }
        }
    }
}

/// Makes an element, or takes over the one that was found. One that is made comes into the document with
/// all that is in it: there, each change to it would be looked at by itself.
fn show_element(view: Parts, place: &Place) -> Shown {
    MAKING.with(Making::begin);
    let shown = make_element(view, place);
    MAKING.with(Making::end);
    shown
}

fn make_element(view: Parts, place: &Place) -> Shown {
    let (element, found) = place.element(view.tag);
    let mut held = Vec::new();
    for (name, value) in view.attributes {
        show_attribute(&element, found, name, value, &mut held);
    }
    for (name, listener) in view.listeners {
        held.push(listen(&element, name, listener));
    }
    let children = match view.drawing {
        Some(markup) => {
            held.push(Held::Effect(draw(element.clone(), found, markup)));
            Vec::new()
        }
        // Where scripts run, a parser takes what is in it for one text.
        None if view.tag == "noscript" => Vec::new(),
        None => {
            let inside = Place::inside(&element, found, place.drawing || view.tag == "svg");
            let children = view.children.into_iter().map(|child| show(child, &inside)).collect();
            inside.finish();
            children
        }
    };
    if !found {
        place.put(&element);
    }
    if let Some(ready) = view.ready {
        let waiting = Waiting { owner: Owner::current(), ready, element: element.clone() };
        MAKING.with(|making| making.waiting.borrow_mut().push(waiting));
    }
    Shown::Element { element, _held: held, _children: children }
}

fn listen(element: &web_sys::Element, event: &'static str, listener: Listener) -> Held {
    let listener = Closure::<dyn FnMut(web_sys::Event)>::new(listener);
    let _refused = element.add_event_listener_with_callback(event, listener.as_ref().unchecked_ref());
    Held::Listener(Listening { element: element.clone(), event, listener })
}

/// Attributes that only say what a field begins with. What a person or the browser put into it
/// since no longer follows them: a property of the same name says it.
const STATES: [&str; 3] = ["value", "checked", "selected"];

fn show_attribute(element: &web_sys::Element, found: bool, name: &'static str, value: Value, held: &mut Vec<Held>) {
    let read: Box<dyn Fn() -> Option<Cow<'static, str>>> = match value {
        Value::Absent => return,
        Value::Words(words) => {
            if !found {
                set(element, name, Some(&words));
            }
            return;
        }
        Value::Text(text) => Box::new(move || Some(Cow::Owned((text.0)()))),
        Value::Flag(flag) => Box::new(move || flag.get().then_some(Cow::Borrowed(""))),
    };
    let element = element.clone();
    // A browser that comes back to a page fills its fields with what was in them.
    let mut last = (found && !STATES.contains(&name)).then(|| element.get_attribute(name).map(Cow::Owned));
    held.push(Held::Effect(follow(Box::new(move || {
        let now = read();
        if last.as_ref() != Some(&now) {
            set(&element, name, now.as_deref());
            last = Some(now);
        }
    }))));
}

fn set(element: &web_sys::Element, name: &str, value: Option<&str>) {
    if STATES.contains(&name) {
        let state = match (name, value) {
            ("value", text) => JsValue::from_str(text.unwrap_or_default()),
            (_, there) => JsValue::from_bool(there.is_some()),
        };
        let _refused = js_sys::Reflect::set(element, &JsValue::from_str(name), &state);
    }
    let _refused = match value {
        Some(text) => element.set_attribute(name, text),
        None => element.remove_attribute(name),
    };
}

fn draw(element: web_sys::Element, found: bool, markup: Text) -> RenderEffect<()> {
    // The server drew the first one.
    let mut drawn = found;
    let mut last = String::new();
    follow(Box::new(move || {
        let now = (markup.0)();
        if !std::mem::take(&mut drawn) && now != last {
            element.set_inner_html(&now);
        }
        last = now;
    }))
}

thread_local! {
    static MAKING: Making = Making::default();
}

/// A view that Leptos holds.
#[expect(missing_debug_implementations, reason = "a piece of a document has no text")]
pub struct Mounted(Shown);

impl Mountable for Mounted {
    fn unmount(&mut self) {
        self.0.remove();
    }

    fn mount(&mut self, parent: &web_sys::Element, marker: Option<&web_sys::Node>) {
        let mut nodes = Vec::new();
        self.0.nodes(&mut nodes);
        for node in nodes {
            let _refused = parent.insert_before(&node, marker);
        }
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        let mut nodes = Vec::new();
        self.0.nodes(&mut nodes);
        let Some(first) = nodes.first() else { return false };
        let Some(parent) = first.parent_element() else { return false };
        child.mount(&parent, Some(first));
        true
    }

    fn elements(&self) -> Vec<web_sys::Element> {
        let mut nodes = Vec::new();
        self.0.nodes(&mut nodes);
        nodes.into_iter().filter_map(|node| node.dyn_into().ok()).collect()
    }
}

impl Render for Node {
    type State = Mounted;

    fn build(self) -> Mounted {
        let aside: web_sys::Node = document().create_document_fragment().into();
        Mounted(show(self, &Place::before(aside, None, false)))
    }

    fn rebuild(self, state: &mut Mounted) {
        let mut new = self.build();
        state.insert_before_this(&mut new);
        state.unmount();
        *state = new;
    }
}

no_attrs!(Node);

impl RenderHtml for Node {
    type AsyncOutput = Self;
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Self {
        self
    }

    fn to_html_with_buf(self, buf: &mut String, position: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {
        debug_assert!(is_server() || cfg!(test), "HTML is written on the server");
        write::write(&self, buf, &mut false);
        *position = Position::NextChild;
    }

    /// The view is all that stands in its parent: the way into the page is the body's.
    fn hydrate<const FROM_SERVER: bool>(self, cursor: &Cursor, _: &PositionState) -> Mounted {
        let parent: web_sys::Element = cursor.current().unchecked_into();
        let place = Place::inside(&parent, FROM_SERVER, false);
        let shown = show(self, &place);
        Mounted(shown)
    }

    fn into_owned(self) -> Self {
        self
    }
}
