//! The stream's own frames: what a server says about the stream itself.
//!
//! They have the envelope's shape, the domain `stream` and no `seq`, so that a client that does not
//! know them can pass them over.

use serde_json::Value;

use super::table::{record, words};
use super::wire::{At, Fault, Object, Wire, from_text, object, parse, put};
use super::{Cursor, Epoch, Event, Timestamp};

words! {
    /// How a stream took up its reader's cursor.
    pub enum Resumed {
        /// There was no cursor: it begins now or at the beginning.
        Fresh = "fresh",
        /// It goes on right after the cursor.
        Exact = "exact",
        /// Events after the cursor are gone; a `stream.gap` says which.
        Gap = "gap",
    }
}

words! {
    /// Why events are missing from a stream.
    pub enum GapReason {
        /// The log no longer keeps them.
        Retention = "retention",
        /// The reader fell behind further than it asked to be kept up with.
        Overflow = "overflow",
        /// The cursor is of another log.
        Epoch = "epoch",
    }
}

record! {
    /// The first frame of every stream.
    pub struct Hello {
        /// The log's identity, 16 hexadecimal digits.
        epoch: String,
        /// The newest event's seq.
        head: u64,
        /// Where this stream begins.
        cursor: Cursor,
        /// How the reader's cursor was taken up.
        resumed: Resumed,
        /// Milliseconds between heartbeats; a client that hears nothing for two of them is cut off.
        heartbeat_ms: u64,
    }
}

record! {
    /// Events that this stream will not deliver.
    pub struct Gap {
        /// The first missing seq.
        from: u64,
        /// The last missing seq.
        to: u64,
        /// Why.
        reason: GapReason,
    }
}

record! {
    /// What a swarm does, in four numbers. Rates are means over the last ten seconds.
    pub struct Metrics {
        /// Agents at work.
        active_agents: u64,
        /// Tasks that nobody has begun.
        pending_tasks: u64,
        /// Messages a second.
        messages_per_second: f64,
        /// Memory operations a second.
        memory_ops_per_second: f64,
    }
}

record! {
    /// A sign of life, and how far the log has come.
    pub struct Heartbeat {
        /// The newest event's seq.
        head: u64,
        /// What the swarm does.
        metrics: Metrics,
    }
}

record! {
    /// The folded state at a place in the log; the stream goes on right after it.
    pub struct Snapshot {
        /// The last event folded into it.
        seq: u64,
        /// The state, see `GET /api/state`.
        state: Value,
    }
}

record! {
    /// The server ends the stream.
    pub struct Bye {
        /// The WebSocket close code that goes with it.
        code: u64,
        /// Why.
        reason: String,
        /// How long to wait before coming back, in milliseconds.
        retry_ms: u64,
    }
}

record! {
    /// The answer to a `ping`.
    pub struct Pong {
        /// The server's time.
        ts: Timestamp,
    }
}

/// A frame that is no event.
#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    /// See [`Hello`].
    Hello(Hello),
    /// See [`Gap`].
    Gap(Gap),
    /// See [`Heartbeat`].
    Heartbeat(Heartbeat),
    /// See [`Snapshot`].
    Snapshot(Box<Snapshot>),
    /// See [`Bye`].
    Bye(Bye),
}

/// The names and tables of all control frames, for schema and reference.
pub const FRAMES: &[(&str, &[super::wire::Field])] = &[
    ("stream.hello", Hello::FIELDS),
    ("stream.gap", Gap::FIELDS),
    ("stream.heartbeat", Heartbeat::FIELDS),
    ("stream.snapshot", Snapshot::FIELDS),
    ("stream.bye", Bye::FIELDS),
];

impl Control {
    /// Its type.
    pub fn name(&self) -> &'static str {
        FRAMES[self.index()].0
    }

    fn index(&self) -> usize {
        match self {
            Self::Hello(_) => 0,
            Self::Gap(_) => 1,
            Self::Heartbeat(_) => 2,
            Self::Snapshot(_) => 3,
            Self::Bye(_) => 4,
        }
    }

    /// Its JSON, sent at `now`.
    pub fn to_json(&self, now: Timestamp) -> String {
        let mut out = frame_start(self.name(), now);
        match self {
            Self::Hello(payload) => payload.write(&mut out),
            Self::Gap(payload) => payload.write(&mut out),
            Self::Heartbeat(payload) => payload.write(&mut out),
            Self::Snapshot(payload) => payload.write(&mut out),
            Self::Bye(payload) => payload.write(&mut out),
        }
        out.push('}');
        out
    }

    fn read(name: &str, payload: Value, at: &At<'_>) -> Result<Option<Self>, Fault> {
        let mut frame = match name {
            "stream.hello" => Self::Hello(Wire::blank()),
            "stream.gap" => Self::Gap(Wire::blank()),
            "stream.heartbeat" => Self::Heartbeat(Wire::blank()),
            "stream.snapshot" => Self::Snapshot(Wire::blank()),
            "stream.bye" => Self::Bye(Wire::blank()),
            _ => return Ok(None),
        };
        match &mut frame {
            Self::Hello(it) => it.fill(payload, at)?,
            Self::Gap(it) => it.fill(payload, at)?,
            Self::Heartbeat(it) => it.fill(payload, at)?,
            Self::Snapshot(it) => it.fill(payload, at)?,
            Self::Bye(it) => it.fill(payload, at)?,
        }
        Ok(Some(frame))
    }
}

/// The text of a `stream.snapshot` frame around a state that is JSON text already.
pub fn snapshot_json(seq: u64, state: &str, now: Timestamp) -> String {
    let mut out = frame_start("stream.snapshot", now);
    out.reserve(state.len() + 64);
    out.push_str("{\"seq\":");
    seq.write(&mut out);
    out.push_str(",\"state\":");
    out.push_str(state);
    out.push_str("}}");
    out
}

fn frame_start(name: &str, now: Timestamp) -> String {
    let mut out = String::with_capacity(192);
    let start = out.len();
    put(&mut out, start, "type", &name.to_owned());
    put(&mut out, start, "ts", &now);
    put(&mut out, start, "source", &"core".to_owned());
    out.push_str(",\"payload\":");
    out
}

/// Anything a stream can bring.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// An event; under a filter with the seq delivered before it.
    Event {
        /// The event.
        event: Box<Event>,
        /// The seq delivered before it on this subscription, where a filter is set.
        prev: Option<u64>,
    },
    /// A word about the stream.
    Control(Control),
    /// Something this version does not know; to be passed over.
    Other,
}

impl Frame {
    /// Reads a frame's text.
    ///
    /// # Errors
    /// Text that is not JSON, or a frame of a known type that does not fit its table.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let root = At::Root("frame");
        let mut frame = object(parse(text, &root)?, &root)?;
        if frame.contains_key("seq") {
            let prev = frame.remove("prev").and_then(|prev| prev.as_u64());
            return Ok(Self::Event { event: Box::new(Event::read(Value::Object(frame), &root)?), prev });
        }
        let payload = frame.remove("payload").unwrap_or_else(|| Value::Object(Object::new()));
        let name = frame.get("type").and_then(Value::as_str).unwrap_or_default();
        let control = Control::read(name, payload, &At::Key(&root, "payload"))?;
        Ok(control.map_or(Self::Other, Self::Control))
    }
}

/// When the server sent a word about the stream, by its own clock.
pub fn sent_at(text: &str) -> Option<Timestamp> {
    let root = At::Root("frame");
    let mut frame = object(parse(text, &root).ok()?, &root).ok()?;
    Timestamp::read(frame.remove("ts")?, &root).ok()
}

/// The cursor after `seq` in the log `epoch`.
pub fn cursor(epoch: Epoch, seq: u64) -> Cursor {
    Cursor::After { epoch, seq }
}

/// Reads an epoch as [`Hello`] spells it.
pub fn epoch(text: &str) -> Option<Epoch> {
    match from_text::<Cursor>(&format!("\"{text}-0\"")) {
        Ok(Cursor::After { epoch, .. }) => Some(epoch),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_read_back() {
        let now = Timestamp(1_769_509_293_123);
        let hello = Hello {
            epoch: Epoch(7).to_string(),
            head: 42,
            cursor: cursor(Epoch(7), 40),
            resumed: Resumed::Exact,
            heartbeat_ms: 15_000,
        };
        let metrics = Metrics { active_agents: 3, pending_tasks: 1, messages_per_second: 0.5, memory_ops_per_second: 0.0 };
        for control in [
            Control::Hello(hello),
            Control::Gap(Gap { from: 1, to: 9, reason: GapReason::Retention }),
            Control::Heartbeat(Heartbeat { head: 42, metrics }),
            Control::Snapshot(Box::new(Snapshot { seq: 3, state: serde_json::json!({"agents": {}}) })),
            Control::Bye(Bye { code: 1001, reason: "shutdown".into(), retry_ms: 500 }),
        ] {
            let text = control.to_json(now);
            assert_eq!(Frame::parse(&text), Ok(Frame::Control(control)), "{text}");
            assert!(sent_at(&text).is_some(), "{text}");
        }
        assert_eq!(
            Frame::parse(&snapshot_json(3, "{\"agents\":{}}", now)),
            Ok(Frame::Control(Control::Snapshot(Box::new(Snapshot { seq: 3, state: serde_json::json!({"agents": {}}) }))))
        );
    }

    #[test]
    fn unknown_frames_are_passed_over() {
        assert_eq!(Frame::parse(r#"{"type":"stream.weather","payload":{}}"#), Ok(Frame::Other));
        assert_eq!(Frame::parse(r#"{"type":"pong","ts":"2026-01-27T10:21:33.123Z"}"#), Ok(Frame::Other));
        assert!(Frame::parse("nonsense").is_err());
    }

    #[test]
    fn an_epoch_reads_back() {
        assert_eq!(epoch(&Epoch(0xabc).to_string()), Some(Epoch(0xabc)));
        assert_eq!(epoch("abc"), None);
    }
}
