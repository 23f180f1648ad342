//! The status vocabulary on screen: shape, glyph and word, with colour as a fourth.

use leptos::prelude::*;

use crate::swarm::Attention;

/// A standing with its word.
#[component]
pub fn Badge(#[prop(into)] attention: Signal<Attention>) -> impl IntoView {
    view! {
        <span class=move || ["badge ", attention.get().slug()].concat()>
            <span class="glyph" aria-hidden="true">
                {move || attention.get().glyph()}
            </span>
            {move || attention.get().as_str()}
        </span>
    }
}
