//! What tabs of one browser have in common: a channel, and a lock that one of them holds.

use std::rc::Rc;

use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::{document, window};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, MessageEvent};

use super::shared::PART;

/// Names the channel and the lock. Another name for other words: tabs of two versions share nothing.
const NAME: &str = "swarmdeck-stream";

/// An open channel, and a place in the queue for the lock. Dropping it closes and leaves both.
pub(super) struct Channel {
    raw: BroadcastChannel,
    /// Gives the lock back; before it is held, as soon as it would be.
    release: Function,
    /// Gone with the channel: a lock that comes later tells nobody.
    _stands: Rc<()>,
    _on_word: Closure<dyn FnMut(MessageEvent)>,
}

impl Channel {
    /// Opens the channel and queues for the lock; none where the browser has no such things, as where a
    /// page did not come over a safe connection.
    pub(super) fn open(on_word: impl Fn(JsValue) + 'static, on_lock: impl FnOnce() + 'static) -> Option<Self> {
        let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
        let request: Function = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
        let raw = BroadcastChannel::new(NAME).ok()?;
        let on_word = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| on_word(event.data()));
        raw.set_onmessage(Some(on_word.as_ref().unchecked_ref()));
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve.unchecked_into()));
        let stands = Rc::new(());
        let wanted = Rc::downgrade(&stands);
        let granted = Closure::once_into_js(move || {
            if wanted.upgrade().is_some() {
                on_lock();
            }
            // The lock is held until this promise is kept.
            JsValue::from(held)
        });
        let over = request.call2(&locks, &NAME.into(), &granted).ok()?;
        leptos::task::spawn_local(async move {
            // Where locks are denied, nobody carries, and each tab has its own socket.
            let _denied = JsFuture::from(over.unchecked_into::<Promise>()).await;
        });
        Some(Self { raw, release: release?, _stands: stands, _on_word: on_word })
    }

    /// Says something to all other tabs.
    pub(super) fn say(&self, said: &JsValue) {
        let _closed = self.raw.post_message(said);
    }

    /// Says a word that ends with these frames, whose texts stay where they are.
    pub(super) fn say_with<'a>(&self, word: &str, frames: impl Iterator<Item = &'a JsValue>) {
        let parts = Array::of1(&word.into());
        frames.for_each(|frame| {
            parts.push(frame);
        });
        self.say(&parts.join(PART).into());
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.raw.set_onmessage(None);
        self.raw.close();
        let _held = self.release.call0(&JsValue::NULL);
    }
}

/// Runs something when the browser is about to put the page away: for good, to come back to in the
/// history, or frozen behind other tabs.
pub(super) fn on_put_away(run: impl Fn() + 'static) {
    let run = Closure::<dyn Fn()>::new(run).into_js_value();
    let run = run.unchecked_ref();
    let _heard = window().add_event_listener_with_callback("pagehide", run);
    let _heard = document().add_event_listener_with_callback("freeze", run);
}
