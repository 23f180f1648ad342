//! The HTTP bridge: `POST /event` on the port after the listener's.

use serde_json::Value;

use super::publish::{Refused, draft};
use crate::event::{Draft, Timestamp};

/// The answer, 200, to an event that was taken.
pub const BRIDGE_OK: &str = r#"{"success":true}"#;
/// The answer, 404, to anything but `POST /event`.
pub const BRIDGE_NOT_FOUND: &str = r#"{"error":"Not found. POST to /event"}"#;

/// Why the bridge does not take a body. Its text is the answer's `error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BridgeError {
    /// Not JSON.
    #[error("Invalid JSON")]
    NotJson,
    /// No channel or no type, or not as texts.
    #[error("Missing channel or type")]
    Incomplete,
    /// Larger than the deck keeps.
    #[error("Event too large: {0}")]
    TooLarge(#[from] Refused),
}

impl BridgeError {
    /// The status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            Self::NotJson | Self::Incomplete => 400,
            Self::TooLarge(_) => 413,
        }
    }

    /// The body of the answer.
    pub fn json(&self) -> String {
        serde_json::json!({"error": self.to_string()}).to_string()
    }
}

/// The event that a body `{"channel","type","event"?,"timestamp"?}` says. Without `event`, what else
/// stands in the body is the event.
///
/// # Errors
/// What the bridge answers with; the status goes with it.
pub fn bridge(body: &[u8], now: Timestamp) -> Result<Draft, BridgeError> {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Err(BridgeError::NotJson) };
    let Value::Object(mut body) = body else { return Err(BridgeError::Incomplete) };
    let mut text = |key: &str| match body.remove(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        _ => Err(BridgeError::Incomplete),
    };
    let (channel, name) = (text("channel")?, text("type")?);
    let event = match body.remove("event") {
        None | Some(Value::Null) => Value::Object(body),
        Some(Value::Object(mut event)) => {
            for (key, value) in body {
                event.entry(key).or_insert(value);
            }
            Value::Object(event)
        }
        Some(other) => other,
    };
    Ok(draft(&channel, Some(&name), event, now)?)
}
