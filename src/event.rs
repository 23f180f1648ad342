//! The event: what agents report, in the form in which it is kept and shown.
//!
//! Everything else in Swarmdeck is a fold over these. The module owns the envelope, the catalogue
//! of known types ([`catalogue`]), the [`Cursor`], the [`Filter`], its text as a person writes it
//! ([`query`]) and the stream's control frames ([`control`]). It knows no I/O, no clock and no randomness, and is the same on the server and in
//! the browser.

pub mod agent;
pub mod catalogue;
pub mod config;
pub mod control;
mod cursor;
mod filter;
pub mod memory;
pub mod message;
pub mod mode;
pub mod pack;
pub mod provider;
pub mod query;
pub mod schema;
pub mod selfcheck;
pub mod session;
pub mod table;
pub mod task;
pub mod timeline;
mod timestamp;
pub mod topology;
pub mod trade;
pub mod wire;

pub use catalogue::{Body, Custom};
pub use cursor::{Cursor, Epoch, NoCursor};
pub use filter::{Filter, MAX_PATTERN, MAX_PATTERNS, Subject};
pub use query::Query;
pub use timestamp::Timestamp;
pub use wire::Fault;

use std::fmt;

use pack::{Packer, Unpacker};
use serde_json::Value;
use table::About;
use wire::{At, Object, Shape, Wire, object, put, take, to_text};

/// Longest type name, in bytes.
pub const MAX_TYPE: usize = 128;
/// Longest source, in bytes.
pub const MAX_SOURCE: usize = 128;
/// Longest idempotency key, in bytes.
pub const MAX_KEY: usize = 128;
/// Longest entity kind, in bytes.
pub const MAX_ENTITY_KIND: usize = 64;
/// Longest entity id, in bytes.
pub const MAX_ENTITY_ID: usize = 256;
/// How far ahead of the hub a sender's clock may be before its events are marked, in milliseconds.
pub const MAX_AHEAD_MS: u64 = 5 * 60 * 1_000;
/// The source of an event whose sender named none.
pub const DEFAULT_SOURCE: &str = "api";
/// The source of what the deck's own services decide.
pub const CORE: &str = "core";
/// The source of what a person does on the deck's page.
pub const WEBUI: &str = "webui";
/// The sources that are the deck's own: nobody else speaks under them.
pub const OWN_SOURCES: [&str; 2] = [CORE, WEBUI];

/// What an event is about. On the wire `{"kind":"task","id":"abc"}`; the short form `"task:abc"` is
/// read too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entity {
    /// The domain it belongs to, such as `task`.
    pub kind: String,
    /// Its id in that domain.
    pub id: String,
}

impl Entity {
    /// The entity `id` of the domain `kind`.
    pub fn new(kind: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: kind.into(), id: id.into() }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.id)
    }
}

impl Wire for Entity {
    const SHAPE: Shape = Shape::Reference;

    fn blank() -> Self {
        Self::new("", "")
    }

    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        let (kind, id) = match value {
            Value::String(text) => match text.split_once(':') {
                Some((kind, id)) => (kind.to_owned(), id.to_owned()),
                None => return Err(at.fault(format!("{:?} is no entity: write kind:id", clip(&text, 40)))),
            },
            other => {
                let mut entity = object(other, at)?;
                (take::<String>(&mut entity, "kind", at)?, take::<String>(&mut entity, "id", at)?)
            }
        };
        bounded(&kind, 1, MAX_ENTITY_KIND, &At::Key(at, "kind"))?;
        bounded(&id, 1, MAX_ENTITY_ID, &At::Key(at, "id"))?;
        if !kind.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')) {
            return Err(At::Key(at, "kind").fault(format!("{:?} has more than letters, digits, _, - and .", clip(&kind, 40))));
        }
        *self = Self { kind, id };
        Ok(())
    }

    fn write(&self, out: &mut String) {
        let start = out.len();
        put(out, start, "kind", &self.kind);
        put(out, start, "id", &self.id);
        wire::close(out, start);
    }

    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.text(&self.kind);
        out.text(&self.id);
    }

    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        *self = Self::new(from.text(), from.text());
    }
}

/// One thing that happened, at its place in the log.
///
/// As it comes from a sender it is a [`Draft`]; the hub makes an event of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its place in the log, from 1, without gaps.
    pub seq: u64,
    /// When it happened, by the sender's clock; by the hub's where the sender named no time.
    pub ts: Timestamp,
    /// Who reported it.
    pub source: String,
    /// What it is about.
    pub entity: Option<Entity>,
    /// The sender's idempotency key.
    pub id: Option<String>,
    /// By how many milliseconds `ts` was ahead of the hub's clock, where that was more than
    /// [`MAX_AHEAD_MS`]; else 0 and left out.
    pub ahead_ms: u64,
    /// Its type and what it says.
    pub body: Body,
}

/// An event as a sender gives it: checked, without a place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// When it happened; the hub's time is taken where there is none.
    pub ts: Option<Timestamp>,
    /// Who reports it.
    pub source: String,
    /// What it is about.
    pub entity: Option<Entity>,
    /// The idempotency key.
    pub id: Option<String>,
    /// Type and payload.
    pub body: Body,
}

/// The keys that a sender may write, for the error that names an unknown one.
const SENDER_KEYS: &str = "type, ts, source, entity, payload, id";

impl Draft {
    /// An event of `source` about `entity`.
    pub fn new(source: impl Into<String>, entity: Entity, body: impl Into<Body>) -> Self {
        Self { ts: None, source: source.into(), entity: Some(entity), id: None, body: body.into() }
    }

    /// The same at this time.
    #[must_use]
    pub fn at(mut self, ts: Timestamp) -> Self {
        self.ts = Some(ts);
        self
    }

    /// Reads what a sender wrote. `seq`, `prev` and `ahead_ms` are the hub's to say and are passed
    /// over, so that an exported event can be sent again as it stands.
    ///
    /// # Errors
    /// The first fault, with its place under `at`.
    pub fn read(value: Value, at: &At<'_>) -> Result<Self, Fault> {
        let mut envelope = object(value, at)?;
        for hubs in ["seq", "prev", "ahead_ms"] {
            envelope.remove(hubs);
        }
        let parts = Parts::take(&mut envelope, at)?;
        if let Some(key) = envelope.keys().next() {
            return Err(At::Key(at, key).fault(format!("unknown field; an event has {SENDER_KEYS}")));
        }
        Ok(Self { ts: parts.ts, source: parts.source, entity: parts.entity, id: parts.id, body: parts.body })
    }

    /// The event it becomes at `seq`, received when the hub's clock says `now`.
    pub fn into_event(self, seq: u64, now: Timestamp) -> Event {
        let ts = self.ts.unwrap_or(now);
        let ahead = ts.since(now);
        Event {
            seq,
            ts,
            source: self.source,
            entity: self.entity,
            id: self.id,
            ahead_ms: if ahead > MAX_AHEAD_MS { ahead } else { 0 },
            body: self.body,
        }
    }

    /// Its JSON, as a sender writes it.
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(256);
        write_envelope(&mut out, None, self.ts, &self.source, &self.entity, &self.id, 0, &self.body);
        out
    }
}

/// What an envelope says, whoever wrote it.
struct Parts {
    ts: Option<Timestamp>,
    source: String,
    entity: Option<Entity>,
    id: Option<String>,
    body: Body,
}

impl Parts {
    fn take(envelope: &mut Object, at: &At<'_>) -> Result<Self, Fault> {
        let name: String = take(envelope, "type", at)?;
        check_type(&name, &At::Key(at, "type"))?;
        let ts: Option<Timestamp> = take(envelope, "ts", at)?;
        let source = take::<Option<String>>(envelope, "source", at)?.unwrap_or_else(|| DEFAULT_SOURCE.to_owned());
        bounded(&source, 1, MAX_SOURCE, &At::Key(at, "source"))?;
        let entity: Option<Entity> = take(envelope, "entity", at)?;
        let id: Option<String> = take(envelope, "id", at)?;
        if let Some(id) = &id {
            bounded(id, 1, MAX_KEY, &At::Key(at, "id"))?;
        }
        let payload = take::<Option<Object>>(envelope, "payload", at)?.unwrap_or_default();
        let body = Body::read(&name, payload, &At::Key(at, "payload"))?;
        check_about(&body, entity.as_ref(), &At::Key(at, "entity"))?;
        Ok(Self { ts, source, entity, id, body })
    }
}

fn check_type(name: &str, at: &At<'_>) -> Result<(), Fault> {
    bounded(name, 1, MAX_TYPE, at)?;
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
    };
    if !name.contains('.') || !name.split('.').all(part) {
        return Err(at.fault(format!("{name:?} is no type: write <domain>.<action> in lower case, such as task.progress")));
    }
    if name.starts_with("stream.") {
        return Err(at.fault(format!("{name:?} is not for senders: stream.* are the server's own frames")));
    }
    Ok(())
}

fn check_about(body: &Body, entity: Option<&Entity>, at: &At<'_>) -> Result<(), Fault> {
    let Some(domain) = body.domain() else { return Ok(()) };
    match (domain.about, entity) {
        (About::Anything, _) => Ok(()),
        (About::Its(kind), Some(entity)) if entity.kind == kind => Ok(()),
        (About::Its(kind), Some(entity)) => Err(At::Key(at, "kind").fault(format!(
            "{:?} does not fit {}, which is about a {kind:?}",
            clip(&entity.kind, 40),
            body.name()
        ))),
        (About::Its(kind), None) => Err(at.fault(format!("missing; {} says which {kind} it is about", body.name()))),
    }
}

fn bounded(text: &str, min: usize, max: usize, at: &At<'_>) -> Result<(), Fault> {
    if text.len() < min {
        return Err(at.fault("empty"));
    }
    if text.len() > max {
        return Err(at.fault(format!("{} bytes, over the limit of {max}", text.len())));
    }
    Ok(())
}

/// The first `chars` characters of a text, for an error.
fn clip(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[expect(clippy::too_many_arguments, reason = "the envelope has this many parts, and drafts and events share its writing")]
fn write_envelope(
    out: &mut String,
    seq: Option<u64>,
    ts: Option<Timestamp>,
    source: &String,
    entity: &Option<Entity>,
    id: &Option<String>,
    ahead_ms: u64,
    body: &Body,
) {
    let start = out.len();
    put(out, start, "seq", &seq);
    out.push_str(if out.len() == start { "{\"type\":\"" } else { ",\"type\":\"" });
    // A type name needs no escaping: `check_type` let only plain letters through.
    out.push_str(body.name());
    out.push('"');
    put(out, start, "ts", &ts);
    put(out, start, "source", source);
    put(out, start, "entity", entity);
    out.push_str(",\"payload\":");
    body.write(out);
    put(out, start, "id", id);
    put(out, start, "ahead_ms", &(ahead_ms > 0).then_some(ahead_ms));
    out.push('}');
}

impl Event {
    /// Its type, such as `task.progress`.
    pub fn kind(&self) -> &str {
        self.body.name()
    }

    /// When it happened, by a clock that never runs ahead of the hub's.
    pub fn when(&self) -> Timestamp {
        Timestamp(self.ts.0 - i64::try_from(self.ahead_ms).unwrap_or(i64::MAX))
    }

    /// The id of what it is about, empty where it is about nothing.
    pub fn entity_id(&self) -> &str {
        self.entity.as_ref().map_or("", |entity| entity.id.as_str())
    }

    /// What a filter looks at.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            kind: self.kind(),
            source: &self.source,
            entity: self.entity.as_ref().map(|entity| (entity.kind.as_str(), entity.id.as_str())),
        }
    }

    /// Its JSON.
    pub fn to_json(&self) -> String {
        to_text(self)
    }
}

/// The whole envelope. Reading passes over keys it does not know: a later server may add some.
impl Wire for Event {
    const SHAPE: Shape = Shape::Record(catalogue::ENVELOPE);

    fn blank() -> Self {
        Draft { ts: None, source: String::new(), entity: None, id: None, body: Body::custom("") }.into_event(0, Timestamp(0))
    }

    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        let mut envelope = object(value, at)?;
        let seq = take(&mut envelope, "seq", at)?;
        let ahead_ms: Option<u64> = take(&mut envelope, "ahead_ms", at)?;
        let parts = Parts::take(&mut envelope, at)?;
        *self = Self {
            seq,
            ts: parts.ts.ok_or_else(|| At::Key(at, "ts").fault("missing"))?,
            source: parts.source,
            entity: parts.entity,
            id: parts.id,
            ahead_ms: ahead_ms.unwrap_or(0),
            body: parts.body,
        };
        Ok(())
    }

    fn write(&self, out: &mut String) {
        write_envelope(out, Some(self.seq), Some(self.ts), &self.source, &self.entity, &self.id, self.ahead_ms, &self.body);
    }

    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.number(self.seq);
        self.ts.pack(out);
        out.text(&self.source);
        self.entity.pack(out);
        self.id.pack(out);
        out.number(self.ahead_ms);
        self.body.pack(out);
    }

    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        self.seq = from.number();
        self.ts.unpack(from);
        self.source = from.text().to_owned();
        self.entity.unpack(from);
        self.id.unpack(from);
        self.ahead_ms = from.number();
        self.body = Body::unpack(from);
    }
}

/// Events cross server functions through their own wire format.
impl serde::Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: Value = serde_json::from_str(&self.to_json()).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Event {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Value::deserialize(deserializer)?, &At::Root("event")).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
pub(crate) mod tests;
