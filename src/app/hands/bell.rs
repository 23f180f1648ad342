//! Calls a person: by a sound, and by a notification of the system. Each only where it was switched on.

use leptos::prelude::*;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{AudioContext, Notification, NotificationOptions, NotificationPermission};

use super::Hands;
use super::notice::Asked;
use super::settings::{Choice, SETTINGS};
use crate::app::route::Address;
use crate::client::Live;

/// The two notes of the bell: when it begins, in seconds, and how high it is, in hertz.
const NOTES: [(f64, f32); 2] = [(0.0, 659.3), (0.14, 880.0)];
/// How long a note is heard, in seconds.
const LENGTH: f64 = 0.28;
/// How loud it is, of 1.
const LOUD: f32 = 0.12;

/// Calls for a request.
pub(super) fn call(hands: Hands, live: Live, asked: &Asked) {
    let chosen = hands.chosen.get_untracked();
    if chosen.is(Choice::Sound, "on") {
        ring();
    }
    let elsewhere = document().hidden() || !document().has_focus().unwrap_or(true);
    if chosen.is(Choice::Notify, "on") && elsewhere && !live.is_demo() {
        notify(asked);
    }
}

/// Two soft notes. A browser may refuse until somebody has touched the page; then it is silent.
pub(super) fn ring() {
    let _silent = play();
}

fn play() -> Result<(), JsValue> {
    let context = AudioContext::new()?;
    let now = context.current_time();
    for (place, (after, pitch)) in NOTES.into_iter().enumerate() {
        let (note, volume) = (context.create_oscillator()?, context.create_gain()?);
        let begin = now + after;
        note.frequency().set_value(pitch);
        // Soft at both ends: a hard edge clicks.
        volume.gain().set_value_at_time(0.0, begin)?;
        volume.gain().linear_ramp_to_value_at_time(LOUD, begin + 0.02)?;
        volume.gain().linear_ramp_to_value_at_time(0.0, begin + LENGTH)?;
        note.connect_with_audio_node(&volume)?.connect_with_audio_node(&context.destination())?;
        note.start_with_when(begin)?;
        note.stop_with_when(begin + LENGTH)?;
        if place + 1 == NOTES.len() {
            let done = context.clone();
            let done = Closure::once_into_js(move || drop(done.close()));
            note.set_onended(Some(done.unchecked_ref()));
        }
    }
    Ok(())
}

/// Whether this browser knows notifications at this address.
fn can_notify() -> bool {
    js_sys::Reflect::has(&window(), &JsValue::from_str("Notification")).unwrap_or(false)
}

/// Asks whether notifications may be shown; where not, the setting goes back and says why.
pub(super) fn ask_leave(hands: Hands) {
    let refused = move || {
        let setting = Choice::Notify as usize;
        hands.choose(setting, 0);
        hands.tell([SETTINGS[setting].name, ": this browser does not allow it at this address."].concat());
    };
    if !can_notify() {
        return refused();
    }
    let Ok(asked) = Notification::request_permission() else { return refused() };
    let answered = Closure::once(move |_| {
        if Notification::permission() != NotificationPermission::Granted {
            refused();
        }
    });
    let _then = asked.then(&answered);
    // It is called once, and goes with the page.
    answered.forget();
}

/// Shows a request by the system. Tabs that show the same one show it once: the tag says which.
fn notify(asked: &Asked) {
    if !can_notify() || Notification::permission() != NotificationPermission::Granted {
        return;
    }
    let options = NotificationOptions::new();
    options.set_body(&asked.words);
    options.set_tag(&asked.id);
    options.set_icon("/icon-192.png");
    match Notification::new_with_options("Swarmdeck", &options) {
        Ok(shown) => {
            let address = use_context::<Address>();
            let clicked = Closure::once_into_js(move || {
                let _refused = window().focus();
                if let Some(address) = address {
                    address.go("/approvals");
                }
            });
            shown.set_onclick(Some(clicked.unchecked_ref()));
        }
        // Phones show what a service worker asks for only.
        Err(_) => {
            let then = Closure::once(move |worker: JsValue| {
                let worker: web_sys::ServiceWorkerRegistration = worker.unchecked_into();
                let _shown = worker.show_notification_with_options("Swarmdeck", &options);
            });
            if let Ok(ready) = window().navigator().service_worker().ready() {
                let _then = ready.then(&then);
                then.forget();
            }
        }
    }
}
