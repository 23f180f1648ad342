//! The few things that only a browser has: clock, chance, storage, clipboard, frames.

use leptos::prelude::window;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::JsFuture;

use crate::event::Timestamp;
use crate::event::table::record;
use crate::event::wire::from_text;

/// The browser's clock, in milliseconds since 1970.
pub fn now() -> Timestamp {
    Timestamp(clock() as i64)
}

/// The same with what fraction it has.
pub(super) fn clock() -> f64 {
    js_sys::Date::now()
}

/// From 0 to 1.
pub(super) fn chance() -> f64 {
    js_sys::Math::random()
}

/// Whether nobody sees the page.
pub(super) fn hidden() -> bool {
    leptos::prelude::document().hidden()
}

/// Runs something before the next frame; soon, where the page is hidden and has no frames.
pub(super) fn next_frame(run: impl FnOnce() + 'static) {
    let run = Closure::once_into_js(run);
    let run = run.unchecked_ref();
    if hidden() {
        let _no_handle = window().set_timeout_with_callback_and_timeout_and_arguments_0(run, 250);
    } else {
        let _no_handle = window().request_animation_frame(run);
    }
}

/// A setting kept in this browser; none where there is none or storage is denied.
pub fn preference(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(key).ok()?
}

/// Keeps a setting in this browser, where storage is allowed.
pub fn remember(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _denied = storage.set_item(key, value);
    }
}

/// Puts a text on the clipboard.
pub fn copy(text: &str) {
    let _promise = window().navigator().clipboard().write_text(text);
}

/// Asks the page's own server for a text.
///
/// # Errors
/// It does not answer, or says why not; in words.
pub async fn ask(path: &str) -> Result<String, String> {
    let away = |_| "the server does not answer".to_owned();
    let response = JsFuture::from(window().fetch_with_str(path)).await.map_err(away)?;
    let response: web_sys::Response = response.unchecked_into();
    let text = JsFuture::from(response.text().map_err(away)?).await.map_err(away)?;
    let text = text.as_string().unwrap_or_default();
    if response.ok() {
        return Ok(text);
    }
    // Faults come with a sentence of their own.
    let told = from_text::<Problem>(&text).map(|problem| problem.detail).unwrap_or_default();
    Err(if told.is_empty() { ["the server answered ", &response.status().to_string()].concat() } else { told })
}

record! {
    /// What is read of a problem that the server tells.
    pub struct Problem {
        /// What happened.
        detail: String,
    }
}
