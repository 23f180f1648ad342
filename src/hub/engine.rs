//! What the hub asks of a log, whatever keeps it.

use std::fmt;
use std::sync::Arc;

use crate::event::timeline::{Mark, MarkKind, Timeline};
use crate::event::{Entity, Epoch, Event, Filter, Subject, Timestamp};

/// How many rows one filtered read looks at before it returns what it has found.
pub const MAX_SCAN: usize = 100_000;
/// How many bytes of JSON one read returns before it stops short of its limit.
pub const MAX_READ_BYTES: usize = 4 << 20;

/// When a commit counts as safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The disk has it: an acknowledged event survives loss of power.
    Power,
    /// The system has it: an acknowledged event survives the end of the process.
    Crash,
}

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The engine says why.
    #[error("log: {0}")]
    Engine(#[from] rusqlite::Error),
    /// It was written by something newer or is something else.
    #[error("log: {0}")]
    Form(String),
    /// An event in it cannot be read.
    #[error("log: event {seq} cannot be read: {problem}")]
    Unreadable {
        /// Its place.
        seq: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// An event as the log keeps it: its JSON, and its head for filters.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its place.
    pub seq: u64,
    /// Its type.
    pub kind: String,
    /// Who reported it.
    pub source: String,
    /// What it is about.
    pub entity: Option<Entity>,
    /// The sender's idempotency key.
    pub key: Option<String>,
    /// The whole event.
    pub json: String,
}

impl Stored {
    /// An event, ready to be kept.
    pub fn of(event: &Event) -> Self {
        Self {
            seq: event.seq,
            kind: event.kind().to_owned(),
            source: event.source.clone(),
            entity: event.entity.clone(),
            key: event.id.clone(),
            json: event.to_json(),
        }
    }

    /// The event itself.
    ///
    /// # Errors
    /// Its JSON cannot be read.
    pub fn event(&self) -> Result<Event, LogError> {
        crate::event::wire::from_text(&self.json)
            .map_err(|fault| LogError::Unreadable { seq: self.seq, problem: fault.to_string() })
    }

    /// What a filter looks at.
    pub fn subject(&self) -> Subject<'_> {
        let entity = self.entity.as_ref().map(|entity| (entity.kind.as_str(), entity.id.as_str()));
        Subject { kind: &self.kind, source: &self.source, entity }
    }
}

/// Which part of a log to read.
#[derive(Debug, Clone)]
pub struct Read {
    /// Only events after this place.
    pub after: u64,
    /// Only events before this place.
    pub before: u64,
    /// How many at most.
    pub limit: usize,
    /// Whether to take the newest of the range instead of the oldest. The answer is in order of
    /// `seq` all the same.
    pub newest: bool,
    /// Which events.
    pub filter: Filter,
}

impl Default for Read {
    fn default() -> Self {
        Self { after: 0, before: u64::MAX, limit: 1_000, newest: false, filter: Filter::everything() }
    }
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// The events, in order.
    pub events: Vec<Stored>,
    /// How far the read has looked: the last place, in its direction, that it decided about.
    pub reached: u64,
    /// Whether the range holds nothing further.
    pub exhausted: bool,
}

/// Where a view of the log begins or ends.
pub use crate::event::query::Bound as Edge;

/// Which part of a log to see from afar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning; that of the log where absent.
    pub from: Option<Edge>,
    /// Its end, included; the newest event where absent.
    pub to: Option<Edge>,
    /// How many buckets at most.
    pub buckets: u64,
    /// Where the view of an empty log stands.
    pub now: Timestamp,
}

/// In which direction to look for a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// The first after a place.
    After(u64),
    /// The last before a place.
    Before(u64),
}

/// A living key of the memory whose last write retention took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The event that wrote it last, as JSON.
    pub json: String,
    /// How often it was written since it was last put under a new key.
    pub writes: u64,
    /// When it was first written.
    pub created: Timestamp,
}

/// Which events living keys were kept of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remains {
    /// Up to here nothing was kept: retention took it away before the log kept living keys.
    pub from: u64,
    /// Up to here events are gone.
    pub upto: u64,
}

/// The writing side of a log; owned by the sequencer.
pub trait LogEngine: Send + fmt::Debug {
    /// The log's identity.
    fn epoch(&self) -> Epoch;
    /// The newest event's seq, 0 before the first.
    fn head(&self) -> u64;
    /// Adds events in one transaction, all or nothing. `now` is kept beside them, for retention and
    /// for the timeline; a clock that was set back stands still until it has caught up.
    ///
    /// # Errors
    /// The log cannot be written; nothing was added.
    fn append(&mut self, events: &[Stored], now: Timestamp) -> Result<(), LogError>;
    /// The newest place whose event was added before `time`, 0 if none.
    ///
    /// # Errors
    /// The log cannot be read.
    fn place_before(&self, time: Timestamp) -> Result<u64, LogError>;
    /// The log's size in bytes, without what is free inside it and what is kept of the memory.
    ///
    /// # Errors
    /// The log cannot be read.
    fn bytes(&self) -> Result<u64, LogError>;
    /// Takes away the oldest events up to and with `up_to`, at most `limit` of them and a few at a
    /// time, as long as `go_on` says so; how many went. Of the memory the last write of each living
    /// key is kept: see [`LogReader::kept`].
    ///
    /// # Errors
    /// The log cannot be written.
    fn trim(&mut self, up_to: u64, limit: usize, go_on: &mut dyn FnMut() -> bool) -> Result<usize, LogError>;
    /// Gives at most so many free pages of the log's file back to the system, one after the other as
    /// long as `go_on` says so; whether there are more.
    ///
    /// # Errors
    /// The log cannot be written.
    fn shrink(&mut self, pages: usize, go_on: &mut dyn FnMut() -> bool) -> Result<bool, LogError>;
    /// Does what commits left for a moment in which nobody waits for an answer.
    ///
    /// # Errors
    /// The log cannot be written; what was committed is not touched.
    fn settle(&mut self) -> Result<(), LogError>;
    /// A reader, which sees everything that is committed.
    fn reader(&self) -> Arc<dyn LogReader>;
    /// Settles everything on disk.
    ///
    /// # Errors
    /// The log cannot be written.
    fn close(&mut self) -> Result<(), LogError>;
}

/// The reading side of a log; shared by everybody. Reads block: call them off the async threads.
pub trait LogReader: Send + Sync + fmt::Debug {
    /// The oldest event that is kept; none where the log is empty.
    fn first(&self) -> Option<u64>;
    /// Reads a part.
    ///
    /// # Errors
    /// The log cannot be read.
    fn read(&self, read: &Read) -> Result<Page, LogError>;
    /// Tells `take` the living keys of the memory whose last write retention took away, in no
    /// order, until it says `false`; and which events they are of.
    ///
    /// # Errors
    /// The log cannot be read.
    fn kept(&self, take: &mut dyn FnMut(Kept) -> bool) -> Result<Remains, LogError>;
    /// Idempotency keys after a place: seq, source and key.
    ///
    /// # Errors
    /// The log cannot be read.
    fn keys(&self, after: u64) -> Result<Vec<(u64, String, String)>, LogError>;
    /// The newest place whose event was added before `time`, 0 if none.
    ///
    /// # Errors
    /// The log cannot be read.
    fn place_before(&self, time: Timestamp) -> Result<u64, LogError>;
    /// When the hub took an event in; none where the log does not keep it.
    ///
    /// # Errors
    /// The log cannot be read.
    fn instant(&self, seq: u64) -> Result<Option<Timestamp>, LogError>;
    /// The next mark of a kind in a direction.
    ///
    /// # Errors
    /// The log cannot be read.
    fn mark(&self, kind: MarkKind, look: Look) -> Result<Option<Mark>, LogError>;
    /// A part of the log from afar; its cursor is the caller's to fill in.
    ///
    /// # Errors
    /// The log cannot be read.
    fn timeline(&self, window: &Window) -> Result<Timeline, LogError>;
}
