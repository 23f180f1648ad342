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

use super::{Listener, Node, Parts, Row, Text, Value, write};

/// The namespace of drawings.
const SVG: &str = "http://www.w3.org/2000/svg";
/// What closes a part or a list.
const END: &str = "/";

/// Where the next node goes, or is found.
#[derive(Clone)]
struct Place {
    parent: web_sys::Node,
    drawing: bool,
    at: At,
}

#[derive(Clone)]
enum At {
    /// Nodes are made, before this one or at the end.
    Make(Option<web_sys::Node>),
    /// Nodes are there: the next one is this. Shared by all that stand in the same parent.
    Find(Rc<RefCell<Option<web_sys::Node>>>),
}

impl Place {
    fn before(parent: web_sys::Node, next: Option<web_sys::Node>, drawing: bool) -> Self {
        Self { parent, drawing, at: At::Make(next) }
    }

    /// The place before a mark, as long as that stands in the document.
    fn at_mark(mark: &OnceCell<web_sys::Node>, drawing: bool) -> Option<Self> {
        let mark = mark.get()?;
        Some(Self::before(mark.parent_node()?, Some(mark.clone()), drawing))
    }

    /// The first place inside an element.
    fn inside(element: &web_sys::Element, found: bool, drawing: bool) -> Self {
        let parent: web_sys::Node = element.clone().into();
        let at = if found { At::Find(Rc::new(RefCell::new(parent.first_child()))) } else { At::Make(None) };
        Self { parent, drawing, at }
    }

    /// Puts a node here: before the next, or before the place where nodes are made.
    fn put(&self, node: &web_sys::Node) {
        let next = match &self.at {
            At::Make(next) => next.clone(),
            At::Find(next) => next.borrow().clone(),
        };
        let _refused = self.parent.insert_before(node, next.as_ref());
    }

    /// The node that was found here, where it passes the test; the place moves on behind it.
    fn take(&self, fits: impl Fn(&web_sys::Node) -> bool) -> Option<web_sys::Node> {
        let At::Find(next) = &self.at else { return None };
        let node = next.borrow().clone().filter(|node| fits(node))?;
        next.replace(node.next_sibling());
        Some(node)
    }

    fn is_found(&self) -> bool {
        matches!(self.at, At::Find(_))
    }

    fn missed(&self, what: &str) {
        if self.is_found() {
            let found = match &self.at {
                At::Find(next) => next.borrow().as_ref().map_or_else(|| "nothing".to_owned(), web_sys::Node::node_name),
                At::Make(_) => String::new(),
            };
            leptos::logging::error!("{}", ["the server wrote ", &found, " where ", what, " belongs"].concat());
        }
    }

    fn text(&self, words: &str) -> web_sys::Text {
        // An empty text was not written.
        if !words.is_empty() {
            let _apart =
                self.take(|node| node.node_type() == web_sys::Node::COMMENT_NODE && node.node_value().as_deref() == Some(""));
            if let Some(node) = self.take(|node| node.node_type() == web_sys::Node::TEXT_NODE) {
                if node.node_value().as_deref() != Some(words) {
                    node.set_node_value(Some(words));
                }
                return node.unchecked_into();
            }
            self.missed("a text");
        }
        let node = document().create_text_node(words);
        self.put(&node);
        node
    }

    /// The element, and whether it was found.
    fn element(&self, tag: &str) -> (web_sys::Element, bool) {
        let fits = |node: &web_sys::Node| node.node_name().eq_ignore_ascii_case(tag);
        if let Some(node) = self.take(fits) {
            return (node.unchecked_into(), true);
        }
        self.missed(tag);
        let made = if self.drawing || tag == "svg" {
            document().create_element_ns(Some(SVG), tag)
        } else {
            document().create_element(tag)
        };
        let element = made.expect("views name elements that there are");
        self.put(&element);
        (element, false)
    }

    /// The mark behind a part or a list.
    fn end(&self) -> web_sys::Node {
        let fits =
            |node: &web_sys::Node| node.node_type() == web_sys::Node::COMMENT_NODE && node.node_value().as_deref() == Some(END);
        if let Some(node) = self.take(fits) {
            return node;
        }
        self.missed("the end of a part");
        let node: web_sys::Node = document().create_comment(END).into();
        self.put(&node);
        node
    }

    /// Takes away what the server wrote and no view asked for.
    fn finish(&self) {
        while let Some(node) = self.take(|_| true) {
            leptos::logging::error!("{}", ["the server wrote ", &node.node_name(), " where nothing belongs"].concat());
            let _gone = self.parent.remove_child(&node);
        }
    }
}

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
        Node::Rows(read) => show_rows(read, place),
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

fn show_element(view: Parts, place: &Place) -> Shown {
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
    if let Some(ready) = view.ready {
        ready(element.clone());
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
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// How many rows of lists were drawn since the page began.
pub fn rows_drawn() -> u64 {
    DRAWN.get()
}

/// The rows of a list.
#[derive(Default)]
struct List {
    rows: Vec<Placed>,
    /// Owners of rows that are gone. They are used again: the owner above would else remember
    /// every row that ever was.
    spare: Vec<Owner>,
}

struct Placed {
    key: String,
    owner: Owner,
    shown: Shown,
}

fn show_rows(read: Arc<dyn Fn() -> Vec<Row> + Send + Sync>, place: &Place) -> Shown {
    let (rows, end) = (Rc::new(RefCell::new(List::default())), Rc::new(OnceCell::new()));
    let (list, mark, drawing) = (Rc::clone(&rows), Rc::clone(&end), place.drawing);
    let mut first = Some(place.clone());
    // Rows outlive a run of the effect, and so must what they own.
    let above = Owner::new();
    let effect = follow(Box::new(move || {
        let wanted = read();
        // Nothing that is drawn or taken out below comes back to this list: effects of others wait
        // for their turn, and listeners only set signals.
        let mut list = list.borrow_mut();
        match first.take() {
            Some(place) => {
                for row in wanted {
                    let placed = list.draw(row, &above, &place);
                    list.rows.push(placed);
                }
            }
            None => {
                if let Some(place) = Place::at_mark(&mark, drawing) {
                    list.become_(wanted, &above, &place);
                }
            }
        }
    }));
    let end = end.get_or_init(|| place.end()).clone();
    Shown::Rows { rows: Inside(rows), end, _effect: effect }
}

impl List {
    fn draw(&mut self, row: Row, above: &Owner, place: &Place) -> Placed {
        DRAWN.set(DRAWN.get() + 1);
        let owner = self.spare.pop().unwrap_or_else(|| above.with(Owner::new));
        // What a row reads while it is drawn is not what the list depends on.
        let shown = owner.with(|| untrack(|| show((row.draw)(), place)));
        Placed { key: row.key, owner, shown }
    }

    /// Makes the rows be those wanted, before the end: what goes is taken out, what comes is drawn,
    /// what stays is moved only where its order among those that stay changed.
    fn become_(&mut self, wanted: Vec<Row>, above: &Owner, end: &Place) {
        if wanted.len() == self.rows.len() && wanted.iter().zip(&self.rows).all(|(new, old)| new.key == old.key) {
            return;
        }
        let focus = Focus::keep();
        let mut old: Vec<Option<Placed>> = self.rows.drain(..).map(Some).collect();
        let mut kept: Vec<Option<usize>> = Vec::with_capacity(wanted.len());
        let mut staying: Vec<Option<Placed>> = Vec::with_capacity(wanted.len());
        let mut after = 0;
        for row in &wanted {
            // Most rows keep their order: each is looked for behind the one before it first.
            let is_it = |at: &usize| old[*at].as_ref().is_some_and(|placed| placed.key == row.key);
            let found = (after..old.len()).chain(0..after).find(is_it);
            staying.push(found.and_then(|at| old[at].take()));
            kept.push(found);
            after = found.map_or(after, |at| at + 1);
        }
        for placed in old.into_iter().flatten() {
            placed.shown.remove();
            drop(placed.shown);
            placed.owner.cleanup();
            self.spare.push(placed.owner);
        }
        let in_order = longest_rising(&kept);
        // From the last to the first, so that the next sibling is always known.
        let mut next = end.clone();
        let mut nodes = Vec::new();
        for (index, row) in wanted.into_iter().enumerate().rev() {
            let placed = match staying[index].take() {
                Some(placed) => {
                    if !in_order[index] {
                        nodes.clear();
                        placed.shown.nodes(&mut nodes);
                        nodes.iter().for_each(|node| next.put(node));
                    }
                    placed
                }
                None => self.draw(row, above, &next),
            };
            nodes.clear();
            placed.shown.nodes(&mut nodes);
            if let Some(first) = nodes.first() {
                next.at = At::Make(Some(first.clone()));
            }
            self.rows.push(placed);
        }
        self.rows.reverse();
        focus.restore();
    }
}

/// Which entries belong to a longest run of rising numbers; those without a number do not.
fn longest_rising(numbers: &[Option<usize>]) -> Vec<bool> {
    // The last entry of the best run of each length so far, and the entry before each entry.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; numbers.len()];
    for (index, number) in numbers.iter().enumerate() {
        let Some(number) = number else { continue };
        let length = ends.partition_point(|end| numbers[*end] < Some(*number));
        before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut member = vec![false; numbers.len()];
    let mut at = ends.last().copied();
    while let Some(index) = at {
        member[index] = true;
        at = before[index];
    }
    member
}

/// What has the focus keeps it when its row is moved: the document takes it away.
struct Focus(Option<web_sys::HtmlElement>);

impl Focus {
    fn keep() -> Self {
        Self(document().active_element().and_then(|active| active.dyn_into().ok()))
    }

    fn restore(self) {
        let Some(active) = self.0.filter(|active| active.is_connected()) else { return };
        if document().active_element().as_ref() != Some(active.as_ref()) {
            let options = web_sys::FocusOptions::new();
            options.set_prevent_scroll(true);
            let _no_focus = active.focus_with_options(&options);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::longest_rising;

    #[test]
    fn few_rows_move() {
        let moved = |numbers: &[usize]| {
            let kept: Vec<Option<usize>> = numbers.iter().copied().map(Some).collect();
            longest_rising(&kept).into_iter().filter(|stays| !stays).count()
        };
        assert_eq!(moved(&[0, 1, 2, 3]), 0);
        assert_eq!(moved(&[1, 2, 3, 0]), 1);
        assert_eq!(moved(&[3, 0, 1, 2]), 1);
        assert_eq!(moved(&[3, 2, 1, 0]), 3);
        assert_eq!(longest_rising(&[None, Some(4), None, Some(5)]), [false, true, false, true]);
        assert!(longest_rising(&[]).is_empty());
    }
}
