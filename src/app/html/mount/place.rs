//! Where the next node goes, or is found.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use leptos::prelude::document;
use wasm_bindgen::JsCast as _;

/// The namespace of drawings.
const SVG: &str = "http://www.w3.org/2000/svg";
/// What closes a part or a list.
const END: &str = "/";

/// Where the next node goes, or is found.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) parent: web_sys::Node,
    pub(super) drawing: bool,
    pub(super) at: At,
}

#[derive(Clone)]
pub(super) enum At {
    /// Nodes are made, before this one or at the end.
    Make(Option<web_sys::Node>),
    /// Nodes are there: the next one is this. Shared by all that stand in the same parent.
    Find(Rc<RefCell<Option<web_sys::Node>>>),
}

impl Place {
    pub(super) fn before(parent: web_sys::Node, next: Option<web_sys::Node>, drawing: bool) -> Self {
        Self { parent, drawing, at: At::Make(next) }
    }

    /// The place before a mark, as long as that stands in the document.
    pub(super) fn at_mark(mark: &OnceCell<web_sys::Node>, drawing: bool) -> Option<Self> {
        let mark = mark.get()?;
        Some(Self::before(mark.parent_node()?, Some(mark.clone()), drawing))
    }

    /// The first place inside an element.
    pub(super) fn inside(element: &web_sys::Element, found: bool, drawing: bool) -> Self {
        let parent: web_sys::Node = element.clone().into();
        let at = if found { At::Find(Rc::new(RefCell::new(parent.first_child()))) } else { At::Make(None) };
        Self { parent, drawing, at }
    }

    /// Puts a node here: before the next, or before the place where nodes are made.
    pub(super) fn put(&self, node: &web_sys::Node) {
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

    pub(super) fn text(&self, words: &str) -> web_sys::Text {
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

    /// The element, and whether it was found; one that was not is put here when all of it is made.
    pub(super) fn element(&self, tag: &str) -> (web_sys::Element, bool) {
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
        (made.expect("views name elements that there are"), false)
    }

    /// The mark behind a part or a list.
    pub(super) fn end(&self) -> web_sys::Node {
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
    pub(super) fn finish(&self) {
        while let Some(node) = self.take(|_| true) {
            leptos::logging::error!("{}", ["the server wrote ", &node.node_name(), " where nothing belongs"].concat());
            let _gone = self.parent.remove_child(&node);
        }
    }
}
