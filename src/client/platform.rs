//! The few things that only a browser has: clock, chance, storage, clipboard, frames.

use std::cell::Cell;

use leptos::prelude::window;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::event::Timestamp;
use crate::event::table::record;
use crate::event::wire::from_text;

thread_local! {
    /// What is added to a clock that is wrong, in milliseconds.
    static AMENDS: Cell<f64> = const { Cell::new(0.0) };
}

/// The time, in milliseconds since 1970: the browser's, set right where it is wrong.
pub fn now() -> Timestamp {
    Timestamp(amended() as i64)
}

/// The same with what fraction it has.
pub(super) fn amended() -> f64 {
    clock() + AMENDS.get()
}

/// Has so much added to the browser's clock from now on.
pub(super) fn amend(ms: f64) {
    AMENDS.set(ms);
}

/// The browser's clock as it is, right or wrong: for how long something takes.
pub(super) fn clock() -> f64 {
    js_sys::Date::now()
}

/// Milliseconds since the page began, finer than the clock.
pub fn precise() -> f64 {
    window().performance().map(|performance| performance.now()).unwrap_or_default()
}

/// Says when the browser has drawn the frame that is being made.
pub(super) struct AfterPaint {
    channel: Option<web_sys::MessageChannel>,
}

impl AfterPaint {
    pub(super) fn new() -> Self {
        Self { channel: web_sys::MessageChannel::new().ok() }
    }

    /// Runs something then. A message to oneself is read when what was begun is done: style, layout
    /// and paint of this frame are.
    pub(super) fn wait(&self, run: impl FnOnce() + 'static) {
        let Some(channel) = &self.channel else { return };
        let port = channel.port1();
        // What waits for the frame before tells of this one too.
        if port.onmessage().is_some() {
            return;
        }
        let over = port.clone();
        let run = move || {
            over.set_onmessage(None);
            run();
        };
        port.set_onmessage(Some(Closure::once_into_js(run).unchecked_ref()));
        let _refused = channel.port2().post_message(&JsValue::NULL);
    }
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
    text_of(&answer(path).await?).await
}

/// Asks the page's own server for bytes.
///
/// # Errors
/// It does not answer, or says why not; in words.
pub async fn ask_bytes(path: &str) -> Result<Vec<u8>, String> {
    let response = answer(path).await?;
    let bytes = JsFuture::from(response.array_buffer().map_err(away)?).await.map_err(away)?;
    Ok(js_sys::Uint8Array::new(&bytes).to_vec())
}

async fn answer(path: &str) -> Result<web_sys::Response, String> {
    let response = JsFuture::from(window().fetch_with_str(path)).await.map_err(away)?;
    let response: web_sys::Response = response.unchecked_into();
    if response.ok() {
        return Ok(response);
    }
    // Faults come with a sentence of their own.
    let told = from_text::<Problem>(&text_of(&response).await?).map(|problem| problem.detail).unwrap_or_default();
    Err(if told.is_empty() { ["the server answered ", &response.status().to_string()].concat() } else { told })
}

async fn text_of(response: &web_sys::Response) -> Result<String, String> {
    let text = JsFuture::from(response.text().map_err(away)?).await.map_err(away)?;
    Ok(text.as_string().unwrap_or_default())
}

fn away(_: JsValue) -> String {
    "the server does not answer".to_owned()
}

record! {
    /// What is read of a problem that the server tells.
    pub struct Problem {
        /// What happened.
        detail: String,
    }
}
