//! What stands around a page and does not open: keys, and the words that are said aloud or shown.

use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;

use super::{Hands, bell, notice, press};
use crate::app::html::{Node, div, effect, flag, p, text, when};
use crate::app::route::Address;
use crate::client::Live;

/// How long a word on what was done is shown.
const TOLD: Duration = Duration::from_secs(6);

/// Begins to listen and to speak.
pub(super) fn around() -> Node {
    let (hands, live) = (expect_context::<Hands>(), expect_context::<Live>());
    press::listen(hands, expect_context::<Address>());
    register();
    let stored = window_event_listener(leptos::ev::storage, move |_| hands.look_again());
    on_cleanup(move || stored.remove());
    notice::sign(hands, live);
    let summary = notice::summary(hands, live);
    let called = notice::called(live, move |asked| bell::call(hands, live, asked));
    fade(hands);
    let told = when(flag(move || hands.told.with(|told| !told.is_empty())), move || {
        p().class("told").child(text(move || hands.told.get()))
    });
    vec![
        div().id("told").attr("aria-live", "polite").child(told).into(),
        div().id("summary").class("unseen").attr("aria-live", "polite").child(text(move || summary.get())).into(),
        div().id("called").class("unseen").attr("aria-live", "assertive").child(text(move || called.get())).into(),
    ]
    .into()
}

/// What was told goes after a while, unless something else was told since.
fn fade(hands: Hands) {
    let telling = StoredValue::new(0_u64);
    effect(move || {
        if hands.told.with(String::is_empty) {
            return;
        }
        let mine = telling.with_value(|telling| telling + 1);
        telling.set_value(mine);
        set_timeout(
            move || {
                if telling.try_with_value(|telling| *telling == mine) == Some(true) {
                    hands.told.set(String::new());
                }
            },
            TOLD,
        );
    });
}

/// Has the browser keep what opens without a server, where it can: at a secure address, and not
/// while the page is built anew all the time.
fn register() {
    let navigator = window().navigator();
    let can = js_sys::Reflect::get(&navigator, &JsValue::from_str("serviceWorker")).is_ok_and(|worker| worker.is_object());
    let wanted = document().query_selector("link[rel=manifest]").ok().flatten().is_some();
    if can && wanted {
        // Without one the page is the same as long as there is a server.
        let refused = Closure::once(|_: JsValue| {});
        let _settled = navigator.service_worker().register("/sw.js").catch(&refused);
        refused.forget();
    }
}
