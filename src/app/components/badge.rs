//! The status vocabulary on screen: shape, glyph and word, with colour as a fourth.

use leptos::prelude::*;

use crate::app::reactive::text;
use crate::swarm::Attention;

/// A standing with its word.
#[component]
pub fn Badge(#[prop(into)] attention: Signal<Attention>) -> impl IntoView {
    view! {
        <span class=text(move || ["badge ", attention.get().slug()].concat())>
            <span class="glyph" aria-hidden="true">
                {text(move || attention.get().glyph())}
            </span>
            {text(move || attention.get().as_str())}
        </span>
    }
}
