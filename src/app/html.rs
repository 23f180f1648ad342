//! What views are made of: one kind of node.
//!
//! A framework that is generic over views is compiled once for each shape of view, and the browser
//! downloads every copy. Here a view is data: a tree of [`Node`]s that one routine writes as HTML
//! on the server ([`write`]) and one other puts into the document or takes over there ([`mount`]).
//! Signals, effects, ownership and the way into the page are Leptos'; a `Node` is one of its views.
//!
//! ```
//! use swarmdeck::app::html::{Node, a, li, text, ul};
//!
//! let list: Node = ul()
//!     .class("lines")
//!     .child(li().child("plain text, always escaped"))
//!     .child(li().child(text(|| "text that follows the signals it reads")))
//!     .child(li().child(a("/agents").child("a link")))
//!     .into();
//! ```

mod mount;
mod tags;
mod write;

pub use mount::rows_drawn;
pub use tags::*;
pub use write::escape;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A text that is fixed when its view is made.
pub type Words = Cow<'static, str>;

/// A part of a view.
#[derive(Default)]
pub enum Node {
    /// Nothing at all.
    #[default]
    Nothing,
    /// A text; never markup.
    Words(Words),
    /// A text that follows the state.
    Text(Text),
    /// An element with what is in it.
    Element(Element),
    /// Several, one after the other.
    Several(Vec<Self>),
    /// A part that is made anew whenever a signal changes that its making reads.
    Part(Arc<dyn Fn() -> Self + Send + Sync>),
    /// Rows that follow the state.
    Rows(Rows),
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node")
    }
}

/// A text that follows the signals it reads.
#[derive(Clone)]
pub struct Text(Arc<dyn Fn() -> String + Send + Sync>);

/// A yes or no that follows the signals it reads.
#[derive(Clone)]
pub struct Flag(Arc<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text")
    }
}

impl fmt::Debug for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flag")
    }
}

impl Flag {
    /// What it says now.
    pub fn get(&self) -> bool {
        (self.0)()
    }
}

/// A text that follows the state.
pub fn text<T: Into<String>>(read: impl Fn() -> T + Send + Sync + 'static) -> Text {
    Text(Arc::new(move || read().into()))
}

/// A yes or no that follows the state.
pub fn flag(read: impl Fn() -> bool + Send + Sync + 'static) -> Flag {
    Flag(Arc::new(read))
}

/// Something done once the page lives, and again whenever a signal changes that it reads; never on
/// the server.
pub fn effect(run: impl FnMut() + 'static) {
    boxed_effect(Box::new(run));
}

fn boxed_effect(run: Box<dyn FnMut()>) {
    let _kept_by_its_owner = leptos::prelude::Effect::new(run);
}

/// A part that is made anew whenever a signal changes that its making reads.
pub fn part<T: Into<Node>>(make: impl Fn() -> T + Send + Sync + 'static) -> Node {
    Node::Part(Arc::new(move || make().into()))
}

/// A part that stands as long as a flag says so. It is not made anew while the flag stays.
pub fn when<T: Into<Node>>(shown: Flag, make: impl Fn() -> T + Send + Sync + 'static) -> Node {
    either(shown, make, || Node::Nothing)
}

/// A part that stands as long as a flag says so, and another in its place else.
pub fn either<T: Into<Node>, E: Into<Node>>(
    shown: Flag,
    make: impl Fn() -> T + Send + Sync + 'static,
    otherwise: impl Fn() -> E + Send + Sync + 'static,
) -> Node {
    boxed_either(shown, Box::new(move || make().into()), Box::new(move || otherwise().into()))
}

type Make = Box<dyn Fn() -> Node + Send + Sync>;

fn boxed_either(shown: Flag, make: Make, otherwise: Make) -> Node {
    use leptos::prelude::{Get as _, Memo, untrack};
    let settled = Memo::new(move |_| shown.get());
    Node::Part(Arc::new(move || {
        let chosen = if settled.get() { &make } else { &otherwise };
        untrack(chosen)
    }))
}

/// One row of a list: its key, and how it is drawn when it first appears.
pub struct Row {
    key: String,
    draw: Box<dyn FnOnce() -> Node + Send>,
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({:?})", self.key)
    }
}

impl Row {
    /// A row for some data. The same key keeps the row as it was drawn; keys in a list differ.
    pub fn new<T: Send + 'static>(key: impl Into<String>, data: T, draw: fn(T) -> Node) -> Self {
        Self { key: key.into(), draw: Box::new(move || draw(data)) }
    }

    /// One that is drawn already.
    fn drawn(key: &str) -> Self {
        Self { key: key.to_owned(), draw: Box::new(|| Node::Nothing) }
    }
}

/// Does something in the next frame.
type Later = Arc<dyn Fn(Box<dyn FnOnce()>) + Send + Sync>;

/// A list that follows the state.
pub struct Rows {
    read: Arc<dyn Fn() -> Vec<Row> + Send + Sync>,
    /// Where not all that is new is drawn in one frame: what has the rest drawn in the next.
    later: Option<Later>,
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.later.is_some() { "Rows by and by" } else { "Rows" })
    }
}

/// A list that follows the state, row by row.
pub fn rows(read: impl Fn() -> Vec<Row> + Send + Sync + 'static) -> Node {
    Node::Rows(Rows { read: Arc::new(read), later: None })
}

/// The same where much changes at once: a few rows are drawn in a frame, the rest `later`, until then
/// some stand there that were there before.
pub fn rows_by_and_by(
    later: impl Fn(Box<dyn FnOnce()>) + Send + Sync + 'static,
    read: impl Fn() -> Vec<Row> + Send + Sync + 'static,
) -> Node {
    Node::Rows(Rows { read: Arc::new(read), later: Some(Arc::new(later)) })
}

/// The value of an attribute.
#[derive(Debug)]
pub enum Value {
    /// A text that stays.
    Words(Words),
    /// A text that follows the state.
    Text(Text),
    /// There, without a value, while a flag says so.
    Flag(Flag),
    /// Not there.
    Absent,
}

/// What an element does when something happens to it, or when it is in the document.
type Listener = Box<dyn FnMut(web_sys::Event) + Send>;
type Ready = Box<dyn FnOnce(web_sys::Element) + Send>;

/// An element. A pointer: what a view hands from call to call is one word.
pub struct Element(Box<Parts>);

struct Parts {
    tag: &'static str,
    attributes: Vec<(&'static str, Value)>,
    listeners: Vec<(&'static str, Listener)>,
    ready: Option<Ready>,
    /// Markup of our own making in place of children.
    drawing: Option<Text>,
    children: Vec<Node>,
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0.tag)
    }
}

impl Element {
    /// An element without anything.
    pub fn new(tag: &'static str) -> Self {
        let (attributes, listeners, children) = (Vec::new(), Vec::new(), Vec::new());
        Self(Box::new(Parts { tag, attributes, listeners, ready: None, drawing: None, children }))
    }

    /// With an attribute. `value` follows the state as the element's value, not only as its first.
    #[must_use]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub fn attr(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        // The last word counts: an attribute stands once.
        match self.0.attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, before)) => *before = value,
            None => self.0.attributes.push((name, value)),
        }
        self
    }

    /// With classes.
    #[must_use]
    pub fn class(self, value: impl Into<Value>) -> Self {
        self.attr("class", value)
    }

    /// With an id.
    #[must_use]
    pub fn id(self, value: impl Into<Value>) -> Self {
        self.attr("id", value)
    }

    /// With a name for those who do not see it.
    #[must_use]
    pub fn label(self, value: impl Into<Value>) -> Self {
        self.attr("aria-label", value)
    }

    /// Not for those who do not see it: decoration.
    #[must_use]
    pub fn hidden_from_readers(self) -> Self {
        self.attr("aria-hidden", "true")
    }

    /// With something in it, after what is there.
    #[must_use]
    #[cfg_attr(target_arch = "wasm32", inline(never))]
    pub fn child(mut self, child: impl Into<Node>) -> Self {
        self.0.children.push(child.into());
        self
    }

    /// With several things in it, after what is there.
    #[must_use]
    pub fn children<T: Into<Node>>(mut self, children: impl IntoIterator<Item = T>) -> Self {
        self.0.children.extend(children.into_iter().map(Into::into));
        self
    }

    /// Markup in place of children, for drawings of our own: nothing from an agent may be in it
    /// that was not escaped.
    #[must_use]
    pub fn drawing(mut self, markup: Text) -> Self {
        self.0.drawing = Some(markup);
        self
    }

    /// With something done when an event reaches it.
    #[must_use]
    pub fn on(mut self, event: &'static str, listener: impl FnMut(web_sys::Event) + Send + 'static) -> Self {
        self.0.listeners.push((event, Box::new(listener)));
        self
    }

    /// With something done once when it stands in the document of a browser.
    #[must_use]
    pub fn ready(mut self, ready: impl FnOnce(web_sys::Element) + Send + 'static) -> Self {
        self.0.ready = Some(Box::new(ready));
        self
    }
}

impl From<Element> for Node {
    fn from(element: Element) -> Self {
        Self::Element(element)
    }
}

impl From<&'static str> for Node {
    fn from(words: &'static str) -> Self {
        Self::Words(Cow::Borrowed(words))
    }
}

impl From<String> for Node {
    fn from(words: String) -> Self {
        Self::Words(Cow::Owned(words))
    }
}

impl From<Text> for Node {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Self>> for Node {
    fn from(several: Vec<Self>) -> Self {
        Self::Several(several)
    }
}

impl<T: Into<Self>> From<Option<T>> for Node {
    fn from(maybe: Option<T>) -> Self {
        maybe.map_or(Self::Nothing, Into::into)
    }
}

impl From<&'static str> for Value {
    fn from(words: &'static str) -> Self {
        Self::Words(Cow::Borrowed(words))
    }
}

impl From<String> for Value {
    fn from(words: String) -> Self {
        Self::Words(Cow::Owned(words))
    }
}

impl From<Text> for Value {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<Flag> for Value {
    fn from(flag: Flag) -> Self {
        Self::Flag(flag)
    }
}

impl From<bool> for Value {
    fn from(there: bool) -> Self {
        if there { Self::Words(Cow::Borrowed("")) } else { Self::Absent }
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(maybe: Option<T>) -> Self {
        maybe.map_or(Self::Absent, Into::into)
    }
}
