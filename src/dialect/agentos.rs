//! The agentos dialect: protocol v1 itself, with the spellings its clients use.
//!
//! Its frames are the events' own JSON, so there is nothing to encode here. Its clients write times
//! with micro- or milliseconds, `Z` or `+00:00`, which [`Timestamp`] reads; the types that only they
//! know, such as `task.routed`, are kept like any custom type, and `mode.violation` has its table.

use serde_json::{Value, json};

use crate::event::Timestamp;

/// The answer to a client's text: `ping`, bare or as `{"type":"ping"}`, gets a pong, all else none.
pub fn receive(text: &str, now: Timestamp) -> Option<String> {
    let pings = text.trim() == "ping"
        || serde_json::from_str::<Value>(text).is_ok_and(|message| message.get("type").is_some_and(|kind| kind == "ping"));
    pings.then(|| json!({"type": "pong", "ts": now.to_string()}).to_string())
}

/// The body of `GET /ws/events/status`: open connections, and how many of them hear events.
pub fn status(connections: u64, subscribers: u64) -> String {
    json!({"active_connections": connections, "event_bus_subscribers": subscribers}).to_string()
}
