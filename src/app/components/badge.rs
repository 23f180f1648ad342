//! The status vocabulary on screen: shape, glyph and word, with colour as a fourth.

use std::sync::Arc;

use leptos::prelude::*;

use crate::app::reactive::text;
use crate::swarm::Attention;

/// A standing with its word, as it changes.
pub fn badge(read: impl Fn() -> Attention + Send + Sync + 'static) -> AnyView {
    boxed(Arc::new(read))
}

fn boxed(read: Arc<dyn Fn() -> Attention + Send + Sync>) -> AnyView {
    let (class, glyph) = (Arc::clone(&read), Arc::clone(&read));
    view! {
        <span class=text(move || ["badge ", class().slug()].concat())>
            <span class="glyph" aria-hidden="true">
                {text(move || glyph().glyph())}
            </span>
            {text(move || read().as_str())}
        </span>
    }
    .into_any()
}
