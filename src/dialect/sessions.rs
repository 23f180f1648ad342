//! The sessions dialect: streaming text, tools and permissions of the sessions a client subscribed to.
//!
//! [`frames`] turns an event into frames, [`Client`] is one connection's side of the conversation.
//! Pieces of text are put together before they become events, by the sessions' service; here every
//! event is a frame at once, in the log's order.
//!
//! An `error` is always followed by `complete`. The sessions' service appends `session.completed`
//! after `session.failed`; a log that an outside program reports may lack it. Neither is relied on:
//! the `complete` is sent with the `error`, and a client that got it does not get the one of the
//! `session.completed` after it. The same with `session.aborted`, for which the dialect has no name
//! but `complete`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::event::config::ConfigEvent;
use crate::event::session::SessionEvent;
use crate::event::wire::to_text;
use crate::event::{Body, Event, MAX_ENTITY_ID, Timestamp};

/// How many sessions one client may be subscribed to. A further one is not subscribed to, and
/// counted in [`Client::refused`]: the dialect has no answer for it.
pub const MAX_SUBSCRIPTIONS: usize = 1_000;

/// One frame, encoded for all clients that want it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Whose subscribers it is for; `None` for every client.
    pub session: Option<String>,
    /// Its JSON.
    pub json: String,
    part: Part,
}

/// A frame's part in the end of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The session began anew: a client that hears of its end is to hear of it once more.
    Begins,
    /// It does not end it.
    GoesOn,
    /// The `complete` right after a failure or an abort.
    EndsAtOnce,
    /// The `complete` of a `session.completed`.
    Ends,
}

/// The event as frames, in order: none where the dialect has no name for it, two for a failure. That
/// of a `session.started` is empty, and no client [wants](Client::wants) it.
pub fn frames(event: &Event) -> Vec<Frame> {
    let body = match &event.body {
        Body::Session(body) => body,
        Body::Config(ConfigEvent::Changed(it)) => {
            let json = json!({"type": "config_changed", "changeType": it.change_type}).to_string();
            return vec![Frame { session: None, json, part: Part::GoesOn }];
        }
        _ => return Vec::new(),
    };
    let session = event.entity_id();
    let frame = |kind: &str, part: Part, fields: Value| {
        let Value::Object(mut frame) = fields else { unreachable!("every frame is written as an object") };
        frame.retain(|_, value| !value.is_null());
        // What a tool was called with and what it answered stay where they are null.
        if let SessionEvent::ToolStarted(it) = body {
            frame.insert("toolInput".to_owned(), it.input.clone());
        }
        if let SessionEvent::ToolFinished(it) = body {
            frame.insert("result".to_owned(), it.result.clone());
        }
        frame.insert("type".to_owned(), kind.into());
        frame.insert("sessionId".to_owned(), session.into());
        Frame { session: Some(session.to_owned()), json: Value::Object(frame).to_string(), part }
    };
    let one = |kind: &str, fields: Value| vec![frame(kind, Part::GoesOn, fields)];
    let complete = |part: Part| frame("complete", part, json!({}));
    match body {
        SessionEvent::TextDelta(it) => one("text_delta", json!({"delta": it.delta, "turnId": it.turn_id})),
        SessionEvent::TextCompleted(it) => {
            one("text_complete", json!({"text": it.text, "isIntermediate": it.intermediate, "turnId": it.turn_id}))
        }
        SessionEvent::ToolStarted(it) => one(
            "tool_start",
            json!({"toolName": it.tool_name, "toolUseId": it.tool_use_id, "toolIntent": it.intent,
                   "toolDisplayName": it.display_name, "turnId": it.turn_id}),
        ),
        SessionEvent::ToolFinished(it) => one(
            "tool_result",
            json!({"toolUseId": it.tool_use_id, "toolName": it.tool_name, "turnId": it.turn_id, "isError": it.is_error}),
        ),
        SessionEvent::PermissionRequested(it) => {
            let command = it.command.clone().or_else(|| it.input.as_ref().map(to_text)).unwrap_or_default();
            let description = it.description.as_deref().unwrap_or_default();
            let request =
                json!({"requestId": it.request_id, "toolName": it.tool_name, "command": command, "description": description});
            one("permission_request", json!({"request": request}))
        }
        SessionEvent::PermissionExpired(it) => one("permission_timeout", json!({"requestId": it.request_id})),
        SessionEvent::Completed(_) => vec![complete(Part::Ends)],
        SessionEvent::Failed(it) => {
            vec![frame("error", Part::GoesOn, json!({"error": it.error})), complete(Part::EndsAtOnce)]
        }
        SessionEvent::Aborted(_) => vec![complete(Part::EndsAtOnce)],
        SessionEvent::Started(_) => vec![Frame { session: Some(session.to_owned()), json: String::new(), part: Part::Begins }],
        SessionEvent::PermissionDecided(_) | SessionEvent::Prompted(_) | SessionEvent::Updated(_) | SessionEvent::Removed(_) => {
            Vec::new()
        }
    }
}

/// A person's answer to a request for permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The request.
    pub request_id: String,
    /// Whether the tool may run.
    pub allowed: bool,
    /// Whether it may run from now on in this session.
    pub always_allow: bool,
}

/// What a client is to hear.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// The sessions it subscribed to; whether it was sent the `complete` of one that failed, and
    /// nothing of that session since.
    sessions: BTreeMap<String, bool>,
    refused: u64,
}

impl Client {
    /// The first frame of a connection.
    pub fn connected(now: Timestamp) -> String {
        json!({"type": "connected", "timestamp": now.0}).to_string()
    }

    /// Takes a client's text; what cannot be read is passed over.
    pub fn receive(&mut self, text: &str) -> Option<Decision> {
        let Ok(Value::Object(message)) = serde_json::from_str(text) else { return None };
        match message.get("type")?.as_str()? {
            "subscribe" => {
                let session = id(&message, "sessionId")?;
                if self.sessions.len() < MAX_SUBSCRIPTIONS {
                    self.sessions.entry(session).or_default();
                } else if !self.sessions.contains_key(&session) {
                    self.refused += 1;
                }
                None
            }
            "unsubscribe" => {
                self.sessions.remove(&id(&message, "sessionId")?);
                None
            }
            "permission_response" => {
                let always_allow = match message.get("alwaysAllow") {
                    None | Some(Value::Null) => false,
                    Some(told) => told.as_bool()?,
                };
                Some(Decision {
                    request_id: id(&message, "requestId")?,
                    allowed: message.get("allowed")?.as_bool()?,
                    always_allow,
                })
            }
            _ => None,
        }
    }

    /// Whether a frame is for this client. To be asked of every frame once, in order: a session's
    /// second `complete` in a row is not.
    pub fn wants(&mut self, frame: &Frame) -> bool {
        let Some(session) = &frame.session else { return true };
        let Some(told) = self.sessions.get_mut(session) else { return false };
        match frame.part {
            Part::Begins => {
                *told = false;
                false
            }
            Part::Ends => !std::mem::take(told),
            Part::EndsAtOnce => !std::mem::replace(told, true),
            Part::GoesOn => {
                *told = false;
                true
            }
        }
    }

    /// How many subscriptions were refused at the bound.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

/// An id that a client names: not empty, and not longer than an event's can be.
fn id(message: &Map<String, Value>, key: &str) -> Option<String> {
    message.get(key)?.as_str().filter(|id| (1..=MAX_ENTITY_ID).contains(&id.len())).map(str::to_owned)
}

/// What a client that fell behind is told, in the place of `count` frames that it will not get.
pub fn missed(count: u64, now: Timestamp) -> String {
    json!({"type": "missed", "count": count, "timestamp": now.0}).to_string()
}

#[cfg(test)]
mod tests;
