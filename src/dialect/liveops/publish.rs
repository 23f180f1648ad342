//! What liveops clients publish, as events of ours.
//!
//! A frame in one of the dialect's six forms, flat or with `data`, becomes the event that says the
//! same. What our payload has no place for is kept in it under [`EXTRA`], so that the frame comes
//! out to other clients with the fields it came in with. A frame that does not fit its form, or is
//! of no known form, becomes a custom event `liveops.<name>` with the original as payload: nothing
//! is lost, and nothing made up.

use serde_json::{Value, json};

use super::{Channel, EXTRA, MAX_EVENT, SOURCE};
use crate::event::message::MessageType;
use crate::event::wire::{At, Object, Wire, to_text};
use crate::event::{Body, Custom, Draft, Entity, MAX_ENTITY_ID, Timestamp};

/// Longest name of an event that becomes part of a custom type, in bytes; the rest is cut there
/// and whole in the payload.
const MAX_NAME: usize = 64;

/// Why a published event is not taken, in words for its publisher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The event is larger than the deck keeps.
    #[error("{0} bytes, over the limit of {MAX_EVENT}")]
    TooLarge(usize),
    /// The id is longer than the deck keeps.
    #[error("{0}: {1} bytes, over the limit of {MAX_ENTITY_ID}")]
    LongId(&'static str, usize),
}

/// The event that a publisher's frame says, on the channel he named.
///
/// `name` is the event's name where it stands beside the frame, as it does over HTTP. Without a time
/// of its own it happened `now`.
///
/// # Errors
/// The event or its id is too large.
pub fn draft(channel: &str, name: Option<&str>, event: Value, now: Timestamp) -> Result<Draft, Refused> {
    let name = name.or_else(|| named(&event)).or_else(|| Some(Channel::named(channel)?.event())).unwrap_or("event").to_owned();
    let told = event.as_object().and_then(|frame| frame.get("timestamp").or_else(|| frame.get("data")?.get("timestamp")));
    let ts = match told {
        None | Some(Value::Null) => Some(now),
        Some(told) => time(told),
    };
    let known = Channel::named(channel).filter(|channel| channel.event() == name).zip(ts);
    let (entity, body) = match known.zip(event.as_object()) {
        Some(((channel, _), frame)) => fitting(channel, fields(frame, &name))?,
        None => None,
    }
    .unwrap_or_else(|| {
        let payload = json!({"channel": channel, "type": name, "event": event});
        let payload = payload.as_object().cloned().unwrap_or_default();
        (None, Body::Custom(Custom { name: custom_name(&name), payload }))
    });
    let draft = Draft { ts: Some(ts.unwrap_or(now)), source: SOURCE.to_owned(), entity, id: None, body };
    match draft.to_json().len() {
        size if size > MAX_EVENT => Err(Refused::TooLarge(size)),
        _ => Ok(draft),
    }
}

/// The name that a frame gives its event. Where both `event` and `type` stand there, `type` is the
/// kind of what it is about.
fn named(event: &Value) -> Option<&str> {
    let name = |key: &str| event.get(key)?.as_str().filter(|name| !name.is_empty());
    name("event").or_else(|| name("type"))
}

/// Unix milliseconds, a fraction of one being cut, or RFC 3339.
fn time(told: &Value) -> Option<Timestamp> {
    let whole = match told.as_f64() {
        Some(ms) if told.is_f64() => Value::from(ms.floor() as i64),
        _ => told.clone(),
    };
    Timestamp::read(whole, &At::Root("timestamp")).ok()
}

/// `liveops.<name>`, in the letters that a type may have.
fn custom_name(name: &str) -> String {
    let letter = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
        _ => '_',
    };
    let name: String = name.chars().map(letter).skip_while(|c| !c.is_ascii_lowercase()).take(MAX_NAME).collect();
    if name.is_empty() { "liveops.event".to_owned() } else { format!("liveops.{name}") }
}

/// What a frame says, without what the deck says around it: the fields on top, and those of `data`
/// that are not there.
fn fields(frame: &Object, name: &str) -> Object {
    let ours = |key: &str, value: &Value| match key {
        "channel" | "event" | "seq" | "timestamp" => true,
        "type" => value.as_str() == Some(name),
        // A frame of ours that is published again.
        "id" => value.as_str().and_then(|id| id.strip_prefix("evt-")).is_some_and(|seq| seq.bytes().all(|b| b.is_ascii_digit())),
        "data" => value.is_object(),
        _ => false,
    };
    let mut fields: Object =
        frame.iter().filter(|(key, value)| !ours(key, value)).map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in frame.get("data").and_then(Value::as_object).into_iter().flatten() {
        if key != "timestamp" && !fields.contains_key(key) {
            fields.insert(key.clone(), value.clone());
        }
    }
    fields
}

/// A field of a frame on its way into a payload.
struct Mapped {
    theirs: &'static str,
    ours: &'static str,
    told: Value,
    value: Value,
}

/// The fields of a frame, taken out one by one.
struct Fields {
    rest: Object,
    mapped: Vec<Mapped>,
}

impl Fields {
    /// Reads the second generation's names as the first's. Both may stand there; where they differ,
    /// both are kept.
    fn rename(&mut self, names: &[(&'static str, &'static str)]) {
        for (second, first) in names {
            let Some(value) = self.rest.remove(*second) else { continue };
            match self.rest.get(*first) {
                None => self.rest.insert((*first).to_owned(), value),
                Some(same) if *same == value => None,
                Some(_) => self.rest.insert((*second).to_owned(), value),
            };
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.rest.get(key)?.as_str()
    }

    /// The id under this name, taken out.
    fn id(&mut self, key: &'static str) -> Result<Option<String>, Refused> {
        match self.text(key).map(str::len) {
            None | Some(0) => Ok(None),
            Some(len) if len > MAX_ENTITY_ID => Err(Refused::LongId(key, len)),
            Some(_) => Ok(self.rest.remove(key).and_then(|id| id.as_str().map(str::to_owned))),
        }
    }

    /// Takes fields under our names. `null` says nothing to us and is kept with the rest.
    fn map(&mut self, names: &[(&'static str, &'static str)]) {
        for (theirs, ours) in names {
            if self.rest.get(*theirs).is_some_and(|value| !value.is_null())
                && let Some(told) = self.rest.remove(*theirs)
            {
                let value = if *theirs == "metrics" { measured(&told) } else { told.clone() };
                self.mapped.push(Mapped { theirs, ours, told, value });
            }
        }
    }

    /// Puts a field in that stands in the frame in another form.
    fn put(&mut self, key: &'static str, value: Value) {
        self.mapped.push(Mapped { theirs: key, ours: key, told: value.clone(), value });
    }

    /// A field as text, empty where it is missing. A text is taken out; another value stays with the
    /// rest, and its JSON is the text.
    fn take_text(&mut self, key: &str) -> String {
        match self.rest.remove(key) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text,
            Some(other) => {
                let text = to_text(&other);
                self.rest.insert(key.to_owned(), other);
                text
            }
        }
    }

    /// The payload of this type. A field that does not fit, and need not be there, is kept with the
    /// rest; without one that must be there, there is no such payload.
    fn read(mut self, kind: &str) -> Option<Body> {
        loop {
            let mut payload: Object = self.mapped.iter().map(|field| (field.ours.to_owned(), field.value.clone())).collect();
            if !self.rest.is_empty() {
                payload.insert(EXTRA.to_owned(), self.rest.clone().into());
            }
            let fault = match Body::read(kind, payload, &At::Root("")) {
                Ok(body) => return Some(body),
                Err(fault) => fault,
            };
            let faulty = fault.path.split(['.', '[']).next().unwrap_or_default();
            let place = self.mapped.iter().position(|field| field.ours == faulty)?;
            let field = self.mapped.remove(place);
            self.rest.insert(field.theirs.to_owned(), field.told);
        }
    }
}

/// An agent's metrics under our names.
fn measured(told: &Value) -> Value {
    let mut value = told.clone();
    if let Some(metrics) = value.as_object_mut()
        && let Some(count) = metrics.remove("messageCount")
    {
        metrics.insert("message_count".to_owned(), count);
    }
    value
}

type Fitting = Option<(Option<Entity>, Body)>;

fn fitting(channel: Channel, rest: Object) -> Result<Fitting, Refused> {
    let fields = Fields { rest, mapped: Vec::new() };
    match channel {
        Channel::Agents => agent(fields),
        Channel::Tasks => task(fields),
        Channel::Messages => message(fields),
        Channel::Memory => memory(fields),
        Channel::Topology => topology(fields),
        // The deck's numbers are its own; a publisher's are kept as he told them.
        Channel::Metrics | Channel::Other => Ok(None),
    }
}

fn agent(mut fields: Fields) -> Result<Fitting, Refused> {
    fields.rename(&[("id", "agentId"), ("type", "agentType")]);
    let Some(id) = fields.id("agentId")? else { return Ok(None) };
    fields.map(&[("status", "status"), ("task", "task"), ("reason", "reason"), ("metrics", "metrics")]);
    Ok(fields.read("agent.status_changed").map(|body| (Some(Entity::new("agent", id)), body)))
}

fn task(mut fields: Fields) -> Result<Fitting, Refused> {
    fields.rename(&[("id", "taskId"), ("assignedAgent", "agentId"), ("startedAt", "startTime"), ("completedAt", "endTime")]);
    let Some(id) = fields.id("taskId")? else { return Ok(None) };
    if !fields.rest.contains_key("progress")
        && let Some(progress) = fields.rest.get("metadata").and_then(|metadata| metadata.get("progress"))
    {
        let progress = progress.clone();
        fields.rest.insert("progress".to_owned(), progress);
    }
    let share = fields.rest.get("progress").and_then(Value::as_f64);
    let status = fields.text("status").unwrap_or_default().to_owned();
    let kind = match status.as_str() {
        "pending" => {
            fields.map(&[("description", "description"), ("priority", "priority"), ("parent", "parent")]);
            "task.created"
        }
        "assigned" => {
            fields.map(&[("agentId", "agent")]);
            "task.assigned"
        }
        "running" if share.is_some_and(|share| (0.0..=100.0).contains(&share)) => {
            fields.map(&[("progress", "progress"), ("message", "message")]);
            "task.progress"
        }
        "running" => {
            fields.map(&[("agentId", "agent"), ("title", "title")]);
            "task.started"
        }
        "completed" => {
            fields.map(&[("result", "result")]);
            "task.completed"
        }
        "failed" => {
            // The dialect lets an error be left out, our payload does not: an empty one says as much.
            let error = fields.take_text("error");
            fields.put("error", error.into());
            "task.failed"
        }
        _ => return Ok(None),
    };
    fields.rest.remove("status");
    Ok(fields.read(kind).map(|body| (Some(Entity::new("task", id)), body)))
}

fn message(mut fields: Fields) -> Result<Fitting, Refused> {
    fields.rename(&[("id", "messageId"), ("type", "messageType"), ("content", "payload")]);
    let Some(id) = fields.id("messageId")? else { return Ok(None) };
    let content = fields.take_text("payload");
    let size = match fields.rest.get("size").and_then(Value::as_u64) {
        Some(size) => {
            fields.rest.remove("size");
            size
        }
        None => content.len() as u64,
    };
    if !fields.rest.contains_key("target") && fields.text("messageType") == Some(MessageType::Broadcast.as_str()) {
        fields.rest.insert("target".to_owned(), "*".into());
    }
    fields.map(&[("source", "from"), ("target", "to"), ("messageType", "message_type")]);
    fields.put("content", content.into());
    fields.put("size", size.into());
    Ok(fields.read("message.sent").map(|body| (Some(Entity::new("message", id)), body)))
}

fn memory(mut fields: Fields) -> Result<Fitting, Refused> {
    let kind = match fields.text("operation") {
        Some("store") => "memory.stored",
        Some("retrieve") => "memory.retrieved",
        Some("search") => "memory.searched",
        Some("update") => "memory.updated",
        Some("delete") => "memory.deleted",
        _ => return Ok(None),
    };
    fields.rest.remove("operation");
    let namespace = fields.text("namespace").filter(|name| (1..=MAX_ENTITY_ID).contains(&name.len())).map(str::to_owned);
    let entity = fields.id("id")?.or(namespace).map(|id| Entity::new("memory", id));
    fields.map(&[("namespace", "namespace"), ("key", "key"), ("query", "query"), ("value", "value")]);
    fields.map(&[("resultCount", "result_count"), ("cacheHit", "cache_hit"), ("latency", "latency_ms")]);
    Ok(fields.read(kind).map(|body| (entity, body)))
}

fn topology(mut fields: Fields) -> Result<Fitting, Refused> {
    let entity = fields.id("id")?.map(|id| Entity::new("topology", id));
    fields.map(&[("topology", "topology"), ("nodes", "nodes"), ("edges", "edges")]);
    Ok(fields.read("topology.changed").map(|body| (entity, body)))
}
