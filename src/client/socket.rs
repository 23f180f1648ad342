//! A browser socket, WebSocket or EventSource, as one thing.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CloseEvent, Event, EventSource, MessageEvent, WebSocket};

use super::link::Transport;

/// What a socket tells.
pub(super) enum Told {
    /// A frame's text, and the browser's own value of it.
    Frame(String, JsValue),
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
    WebSocket(WebSocket),
    Sse(EventSource),
}

impl Socket {
    /// Opens a connection to this page's server with these parameters.
    pub(super) fn open(transport: Transport, query: &str, tell: impl Fn(Told) + Clone + 'static) -> Result<Self, String> {
        match transport {
            Transport::WebSocket => Self::websocket(query, tell),
            // What another tab brings needs no socket: nobody asks for one.
            Transport::Sse | Transport::Tab => Self::sse(query, tell),
        }
    }

    fn websocket(query: &str, tell: impl Fn(Told) + Clone + 'static) -> Result<Self, String> {
        let location = leptos::prelude::window().location();
        let (protocol, host) = (location.protocol().unwrap_or_default(), location.host().unwrap_or_default());
        let scheme = if protocol == "https:" { "wss" } else { "ws" };
        let raw = WebSocket::new(&[scheme, "://", &host, "/ws/events?", query].concat()).map_err(|error| format!("{error:?}"))?;
        let on_message = listener({
            let tell = tell.clone();
            move |event| tell_text(&event, &tell)
        });
        let on_close = listener(move |event| {
            let close = event.unchecked_into::<CloseEvent>();
            let cause = match (close.code(), close.reason()) {
                (1001, _) => "the server stopped".to_owned(),
                (1006, _) => "the server cannot be reached".to_owned(),
                (code, reason) if reason.is_empty() => format!("closed with {code}"),
                (_, reason) => reason,
            };
            tell(Told::Closed(cause));
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

fn listener(run: impl FnMut(Event) + 'static) -> Closure<dyn FnMut(Event)> {
    Closure::new(run)
}

fn tell_text(event: &Event, tell: &impl Fn(Told)) {
    let frame = event.unchecked_ref::<MessageEvent>().data();
    if let Some(text) = frame.as_string() {
        tell(Told::Frame(text, frame));
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        match &self.raw {
            Raw::WebSocket(raw) => {
                raw.set_onmessage(None);
                raw.set_onclose(None);
                let _already_closed = raw.close();
            }
            Raw::Sse(raw) => raw.close(),
        }
    }
}
