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

/// Draws the timeline, where its code is here.
#[cfg(all(feature = "split", target_family = "wasm"))]
type Draw = fn(Live, Address) -> Node;

/// The place under every page, and in it the timeline once its code is here.
pub fn under_pages(live: Live, address: Address) -> Element {
    let here = RwSignal::new(false);
    effect(move || {
        if live.awake.get() && !here.get_untracked() {
            leptos::task::spawn_local(async move { here.set(place::fetch().await) });
        }
        if address.at().is_none() {
            live.leave_past(crate::client::browser_now());
        }
    });
    let shown = flag(move || here.get() && live.demo().is_none() && live.head.get() > 0);
    div().class("past").child(when(shown, move || place::draw(live, address)))
}

#[cfg(not(all(feature = "split", target_family = "wasm")))]
mod place {
    use super::{Address, Live, Node, scrubber};

    /// Fetches the code; whether it is here now.
    pub async fn fetch() -> bool {
        true
    }

    /// Draws the timeline.
    pub fn draw(live: Live, address: Address) -> Node {
        scrubber::scrubber(live, address)
    }
}

/// The code as a release carries it.
#[cfg(all(feature = "split", target_family = "wasm"))]
#[allow(unsafe_code, reason = "what cuts the code declares the functions at the cut as foreign ones")]
mod place {
    use std::cell::Cell;

    use leptos::wasm_split::{SplitLoaderError, wasm_split};

    use super::{Address, Draw, Live, Node};

    thread_local! {
        static HERE: Cell<Option<Draw>> = const { Cell::new(None) };
    }

    #[wasm_split(history, wasm_split_path = leptos::wasm_split, fallible)]
    fn history() -> Result<Draw, SplitLoaderError> {
        Ok(super::scrubber::scrubber as Draw)
    }

    /// Fetches the code; whether it is here now.
    pub async fn fetch() -> bool {
        if let Ok(draw) = history().await {
            HERE.set(Some(draw));
        }
        HERE.get().is_some()
    }

    /// Draws the timeline.
    pub fn draw(live: Live, address: Address) -> Node {
        HERE.get().map_or(Node::Nothing, |draw| draw(live, address))
    }
}
