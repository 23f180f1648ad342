//! The past under every page: a timeline of the whole log, and any page as it was at an instant.
//!
//! The address says which instant: `?at=SEQ`. The server renders it, and here the state is folded
//! from the nearest kept state by the same reducer, so that a seek is a fold of few events. Its code
//! is a chunk of its own: the first paint does not wait for it.

mod drawing;
mod player;
mod scrubber;
mod stretch;

use leptos::prelude::*;

use super::html::{Element, Node, div, effect, flag, when};
use super::route::Address;
use crate::client::Live;

/// Draws the timeline.
type Draw = fn(Live, Address) -> Node;

cut! {
    /// The timeline behind its cut.
    history: Draw = scrubber::scrubber;
}

/// The place under every page, and in it the timeline once its code is here.
pub fn under_pages(live: Live, address: Address) -> Element {
    let here = RwSignal::new(false);
    effect(move || {
        if live.awake.get() && !here.get_untracked() {
            leptos::task::spawn_local(async move { here.set(history::fetch().await) });
        }
        if address.at().is_none() {
            live.leave_past(crate::client::browser_now());
        }
    });
    let shown = flag(move || here.get() && live.demo().is_none() && live.head.get() > 0);
    div().class("past").child(when(shown, move || history::here().map_or(Node::Nothing, |draw| draw(live, address))))
}
