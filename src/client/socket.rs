//! A browser socket, WebSocket or EventSource, as one thing.
//!
//! A WebSocket is heard beside the page where that can be, by a worker: a message costs the main thread
//! as much as all events of a frame, and while the page draws, it can hear nothing.

use std::cell::Cell;

use js_sys::Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CloseEvent, Event, EventSource, MessageEvent, WebSocket, Worker};

use super::link::Transport;

/// The worker's script.
const STREAM: &str = "/stream.js";

thread_local! {
    /// Whether the worker's script could not be run: then nobody tries again.
    static ALONE: Cell<bool> = const { Cell::new(false) };
}

/// What a socket tells.
pub(super) enum Told {
    /// A frame's text, or those of several events, a line each; and the browser's own value of it.
    Frames(String, JsValue),
    /// It is over, and why.
    Closed(String),
}

/// An open or opening connection. Dropping it closes it, and it tells nothing further.
pub(super) struct Socket {
    raw: Raw,
    /// The browser calls these as long as the socket stands.
    _listeners: Vec<Closure<dyn FnMut(Event)>>,
}

enum Raw {
    Beside(Worker),
    WebSocket(WebSocket),
    Sse(EventSource),
}

impl Socket {
    /// Opens a connection to this page's server with these parameters.
    pub(super) fn open(transport: Transport, query: &str, tell: impl Fn(Told) + Clone + 'static) -> Result<Self, String> {
        match transport {
            Transport::WebSocket => {
                let address = address(query);
                Self::beside(&address, tell.clone()).map_or_else(|| Self::websocket(&address, tell), Ok)
            }
            // What another tab brings needs no socket: nobody asks for one.
            Transport::Sse | Transport::Tab => Self::sse(query, tell),
        }
    }

    /// One that a worker hears; none where there are no workers.
    fn beside(address: &str, tell: impl Fn(Told) + Clone + 'static) -> Option<Self> {
        let raw = (!ALONE.get()).then(|| Worker::new(STREAM).ok()).flatten()?;
        let on_message = listener({
            let tell = tell.clone();
            move |event| match event.unchecked_ref::<MessageEvent>().data().dyn_into::<Array>() {
                Ok(close) => {
                    let code = close.get(0).as_f64().unwrap_or_default();
                    tell(Told::Closed(cause(code as u16, close.get(1).as_string().unwrap_or_default())));
                }
                Err(_text) => tell_text(&event, &tell),
            }
        });
        let on_error = listener(move |_| {
            ALONE.set(true);
            tell(Told::Closed("the script that hears the stream does not run".to_owned()));
        });
        raw.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        raw.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        raw.post_message(&address.into()).ok()?;
        Some(Self { raw: Raw::Beside(raw), _listeners: vec![on_message, on_error] })
    }

    fn websocket(address: &str, tell: impl Fn(Told) + Clone + 'static) -> Result<Self, String> {
        let raw = WebSocket::new(address).map_err(|error| format!("{error:?}"))?;
        let on_message = listener({
            let tell = tell.clone();
            move |event| tell_text(&event, &tell)
        });
        let on_close = listener(move |event| {
            let close = event.unchecked_into::<CloseEvent>();
            tell(Told::Closed(cause(close.code(), close.reason())));
        });
        raw.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        raw.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self { raw: Raw::WebSocket(raw), _listeners: vec![on_message, on_close] })
    }

    fn sse(query: &str, tell: impl Fn(Told) + Clone + 'static) -> Result<Self, String> {
        let raw = EventSource::new(&["/sse/events?plain=1&", query].concat()).map_err(|error| format!("{error:?}"))?;
        let on_frame = listener({
            let tell = tell.clone();
            move |event| tell_text(&event, &tell)
        });
        raw.set_onmessage(Some(on_frame.as_ref().unchecked_ref()));
        // The link decides when to come back; the browser's own retry would not know the cursor.
        let on_error = listener(move |_| tell(Told::Closed("the server cannot be reached".to_owned())));
        raw.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { raw: Raw::Sse(raw), _listeners: vec![on_frame, on_error] })
    }
}

/// The address of the stream with these parameters.
fn address(query: &str) -> String {
    let location = leptos::prelude::window().location();
    let (protocol, host) = (location.protocol().unwrap_or_default(), location.host().unwrap_or_default());
    let scheme = if protocol == "https:" { "wss" } else { "ws" };
    [scheme, "://", &host, "/ws/events?", query].concat()
}

/// Why a WebSocket is over, in words.
fn cause(code: u16, reason: String) -> String {
    match (code, reason) {
        (1001, _) => "the server stopped".to_owned(),
        (1006, _) => "the server cannot be reached".to_owned(),
        (code, reason) if reason.is_empty() => format!("closed with {code}"),
        (_, reason) => reason,
    }
}

fn listener(run: impl FnMut(Event) + 'static) -> Closure<dyn FnMut(Event)> {
    Closure::new(run)
}

fn tell_text(event: &Event, tell: &impl Fn(Told)) {
    let frame = event.unchecked_ref::<MessageEvent>().data();
    if let Some(text) = frame.as_string() {
        tell(Told::Frames(text, frame));
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        match &self.raw {
            Raw::Beside(raw) => {
                raw.set_onmessage(None);
                raw.set_onerror(None);
                raw.terminate();
            }
            Raw::WebSocket(raw) => {
                raw.set_onmessage(None);
                raw.set_onclose(None);
                let _already_closed = raw.close();
            }
            Raw::Sse(raw) => raw.close(),
        }
    }
}
