//! One liveops connection's side of the conversation.

use serde_json::{Value, json};

use super::publish::draft;
use super::{CLOSE_STOPPING, Channel, Frame, MAX_REPLAY};
use crate::event::control::Metrics;
use crate::event::{Draft, Timestamp};

/// How much of a client's own text an error repeats, in characters.
const MAX_ECHO: usize = 100;

/// What a client is to hear.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Client {
    /// In the order of subscribing, each once; `None` before the first subscription.
    channels: Option<Vec<Channel>>,
}

/// What follows from a client's text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// Texts for this client, in order.
    pub replies: Vec<String>,
    /// Events for the log; to be [`settled`](super::settled) against its state.
    pub publish: Vec<Draft>,
    /// The client asks for events of the past: answer with [`Client::replay_frame`].
    pub replay: Option<Replay>,
}

/// Which events of the past a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// From the first event at or after this time; without it and without `after`, the newest
    /// [`REPLAY_LAST`](super::REPLAY_LAST) that the client wants.
    pub since: Option<Timestamp>,
    /// From the first event after this place in the log, whatever `since` says: how a client goes on
    /// after an answer with `more`.
    pub after: Option<u64>,
}

impl Client {
    /// The first frame of a connection.
    pub fn welcome(client_id: &str, now: Timestamp) -> String {
        json!({"type": "welcome", "clientId": client_id, "timestamp": now.0}).to_string()
    }

    /// Whether a frame of this channel is for this client: every frame before the first
    /// subscription; from then on those subscribed to, which may become none.
    pub fn wants(&self, channel: Channel) -> bool {
        self.channels.as_ref().is_none_or(|channels| channels.contains(&channel))
    }

    /// Takes a client's text. Whatever it is, the connection goes on.
    pub fn receive(&mut self, text: &str, now: Timestamp) -> Answer {
        let mut message = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(message)) => message,
            Ok(_) => return Answer::error("Invalid message format: expected an object", now),
            Err(error) => return Answer::error(&format!("Invalid message format: {error}"), now),
        };
        let kind = match message.get("type") {
            Some(Value::String(kind)) => kind.clone(),
            Some(Value::Null) | None => return Answer::error("Invalid message format: missing type", now),
            Some(other) => other.to_string(),
        };
        match kind.as_str() {
            "subscribe" => {
                let asked = asked(&message);
                if !asked.is_empty() {
                    let channels = self.channels.get_or_insert_default();
                    for channel in &asked {
                        if !channels.contains(channel) {
                            channels.push(*channel);
                        }
                    }
                }
                Answer::reply(self.subscriptions("subscribed", &asked, now))
            }
            "unsubscribe" => {
                let asked = asked(&message);
                if let Some(channels) = &mut self.channels {
                    channels.retain(|channel| !asked.contains(channel));
                }
                Answer::reply(self.subscriptions("unsubscribed", &asked, now))
            }
            "ping" => Answer::reply(json!({"type": "pong", "timestamp": now.0})),
            "pong" => Answer::default(),
            "replay" => match replay(&message) {
                Ok(replay) => Answer { replay: Some(replay), ..Answer::default() },
                Err(error) => Answer::error(&format!("Invalid message format: {error}"), now),
            },
            "event" => match (message.remove("channel"), message.remove("event").filter(is_there)) {
                (Some(Value::String(channel)), Some(event)) if !channel.is_empty() => match draft(&channel, None, event, now) {
                    Ok(draft) => Answer { publish: vec![draft], ..Answer::default() },
                    Err(refused) => Answer::error(&format!("Invalid event message: {refused}"), now),
                },
                _ => Answer::error("Invalid event message: missing event or channel", now),
            },
            other => {
                let shown: String = other.chars().take(MAX_ECHO).collect();
                Answer::error(&format!("Unknown message type: {shown}"), now)
            }
        }
    }

    fn subscriptions(&self, kind: &str, asked: &[Channel], now: Timestamp) -> Value {
        let channels: Vec<&str> = self.channels.iter().flatten().map(|channel| channel.as_str()).collect();
        let mut reply = json!({"type": kind, "channels": channels, "timestamp": now.0});
        if let Some(first) = asked.first() {
            reply["channel"] = first.as_str().into();
        }
        reply
    }

    /// The answer to a [`Replay`]: those of the frames that the client wants, in the order given, at
    /// most [`MAX_REPLAY`]. `more` is the place after which the log holds more, told as `after`; a cut
    /// here says that there is more without it.
    pub fn replay_frame<'a>(&self, frames: impl IntoIterator<Item = &'a Frame>, more: Option<u64>, now: Timestamp) -> String {
        let mut wanted = frames.into_iter().filter(|frame| self.wants(frame.channel));
        let mut out = String::from("{\"type\":\"replay\",\"events\":[");
        for (index, frame) in wanted.by_ref().take(MAX_REPLAY).enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(&frame.json);
        }
        out.push(']');
        if wanted.next().is_some() {
            out.push_str(",\"more\":true");
        } else if let Some(after) = more {
            out.push_str(",\"more\":true,\"after\":");
            out.push_str(&after.to_string());
        }
        out.push_str(",\"timestamp\":");
        out.push_str(&now.0.to_string());
        out.push('}');
        out
    }
}

impl Answer {
    fn reply(reply: Value) -> Self {
        Self { replies: vec![reply.to_string()], ..Self::default() }
    }

    fn error(text: &str, now: Timestamp) -> Self {
        Self { replies: vec![error(text, now)], ..Self::default() }
    }
}

/// The channels that a message names, in `channel` or `channels`; unknown ones are left out.
fn asked(message: &serde_json::Map<String, Value>) -> Vec<Channel> {
    let many = message.get("channels").and_then(Value::as_array).into_iter().flatten();
    message.get("channel").into_iter().chain(many).filter_map(|name| Channel::named(name.as_str()?)).collect()
}

/// What a replay asks for.
fn replay(message: &serde_json::Map<String, Value>) -> Result<Replay, String> {
    let since = since(message.get("since")).map_err(|error| format!("since {error}"))?;
    let after = match message.get("after") {
        None | Some(Value::Null) => None,
        Some(place) => Some(place.as_u64().ok_or("after is not a place in the log")?),
    };
    Ok(Replay { since, after })
}

/// The time of a replay: unix milliseconds or RFC 3339; a number beyond all times is the nearest.
fn since(told: Option<&Value>) -> Result<Option<Timestamp>, String> {
    match told {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(ms)) => Ok(Some(Timestamp(ms.as_i64().unwrap_or_else(|| ms.as_f64().unwrap_or_default() as i64)))),
        Some(Value::String(text)) => Timestamp::parse(text).map(Some).map_err(str::to_owned),
        Some(_) => Err("is not a time in unix milliseconds".to_owned()),
    }
}

/// Whether an event stands there, as its publishers' language has it.
fn is_there(event: &Value) -> bool {
    !(event.is_null() || event == false || event == "" || event.as_f64() == Some(0.0))
}

/// What a client is told when something it asked for cannot be done.
pub fn error(text: &str, now: Timestamp) -> String {
    json!({"type": "error", "error": text, "timestamp": now.0}).to_string()
}

/// The last frame before the server stops; [`CLOSE_STOPPING`] goes with it.
pub fn shutdown(now: Timestamp) -> String {
    error(CLOSE_STOPPING.1, now)
}

/// The four numbers of every second, on the channel `metrics`. They are not from the log: the frame
/// has no `seq`, and `metrics-<now>` for its id.
pub fn metrics(metrics: &Metrics, now: Timestamp) -> String {
    super::frames::metrics(metrics, now)
}

/// What a client that fell behind is told, in the place of `count` frames that it will not get.
pub fn missed(count: u64, now: Timestamp) -> String {
    json!({"type": "missed", "count": count, "timestamp": now.0}).to_string()
}
