//! The status vocabulary on screen: shape, glyph and word, with colour as a fourth.

use std::sync::Arc;

use crate::app::html::{Node, span, text};
use crate::swarm::Attention;

/// A standing with its word, as it changes.
pub fn badge(read: impl Fn() -> Attention + Send + Sync + 'static) -> Node {
    boxed(Arc::new(read))
}

fn boxed(read: Arc<dyn Fn() -> Attention + Send + Sync>) -> Node {
    let (class, glyph) = (Arc::clone(&read), Arc::clone(&read));
    span()
        .class(text(move || ["badge ", class().slug()].concat()))
        .child(span().class("glyph").hidden_from_readers().child(text(move || glyph().glyph())))
        .child(text(move || read().as_str()))
        .into()
}
