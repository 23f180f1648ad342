//! The hub: one gapless, durable order of events, and its fan-out.
//!
//! [`Hub::append`] and [`Hub::emit`] feed one [sequencer](sequencer) thread that numbers events,
//! commits them in groups, folds them and publishes them to the [ring](ring). A [`Subscription`] is
//! a cursor into that ring, never a queue; what fell off the ring is read from the
//! [log](engine::LogEngine). Callbacks in the same process stand on subscriptions: see [`bus`].
//!
//! The hub knows no HTTP and no page. It owns these promises: acknowledged means committed; `seq`
//! has no gaps; delivery is in order; a subscriber gets every event or is told which are gone.

pub mod batch;
pub mod bus;
pub mod engine;
mod filters;
mod history;
mod keys;
mod ring;
mod sequencer;
mod snapshots;
mod sqlite;
mod state;
mod subscription;

pub use batch::{Batch, Picked};
pub use bus::{Listener, Listening, Outcome};
pub use engine::{Durability, Edge, Kept, LogError, Look, Page, Read, Remains, Stored, Window};
pub use history::{Approach, Snapshot};
pub use keys::WINDOW;
pub use subscription::{Delivery, Lag, SharedFilter, Standing, Start, Subscription};

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};

use crate::event::{Cursor, Draft, Epoch, Event, Timestamp};
use crate::swarm::SwarmState;
use engine::LogReader;
use filters::Filters;
use history::Recent;
use ring::Ring;
use sequencer::{Command, Decision, Sequencer};
use snapshots::Snapshots;
use state::Published;

/// How many commands wait for the sequencer. A full queue makes `append` wait and `emit` drop.
pub const QUEUE: usize = 1_024;
/// How many events one commit takes together; a larger single batch is committed alone.
pub const GROUP: usize = 4_096;
/// How often retention is looked at.
const RETENTION_EVERY: Duration = Duration::from_secs(30);

/// How a hub is set up.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// Where log and snapshots stand. Created if missing; one hub at a time.
    pub data: PathBuf,
    /// When a commit counts as safe.
    pub durability: Durability,
    /// Events older than this go.
    pub retain_age: Option<Duration>,
    /// The oldest events go once the log is larger than this, in bytes.
    pub retain_bytes: Option<u64>,
    /// Events between two snapshots of the state, at least; a large state stands further apart.
    pub snapshot_every: u64,
    /// Events kept in memory for live subscribers.
    pub ring_events: usize,
    /// Bytes kept in memory for live subscribers: the events' JSON, and what was made of it for
    /// their filters (at most a quarter) and in other formats (at most a half).
    pub ring_bytes: usize,
}

impl HubConfig {
    /// The defaults, with the log under `data`.
    pub fn at(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            durability: Durability::Power,
            retain_age: None,
            retain_bytes: None,
            snapshot_every: 2_000,
            ring_events: 65_536,
            ring_bytes: 64 << 20,
        }
    }
}

/// Why a hub could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or read.
    #[error("cannot use {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error("{0} is in use by another swarmdeck")]
    InUse(PathBuf),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Why events were not taken.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The log could not be written; nothing of the batch is kept.
    #[error("the log cannot be written: {0}")]
    Log(String),
    /// The hub is closing.
    #[error("the hub is closing")]
    Closed,
}

/// Why nothing came of a decision.
#[derive(Debug, thiserror::Error)]
pub enum DecideError<E> {
    /// The rule refused.
    #[error("refused")]
    Refused(E),
    /// Its events were not taken.
    #[error(transparent)]
    Append(AppendError),
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// The place of each event, in the batch's order; a repeated one has its first place.
    pub seqs: Vec<u64>,
    /// How many were stored before under the same source and id.
    pub duplicates: u64,
}

/// Why the state at a place cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It has not happened yet.
    #[error("seq {seq} is after the newest event, {head}")]
    Future {
        /// What was asked for.
        seq: u64,
        /// The newest event.
        head: u64,
    },
    /// The events before it are no longer kept.
    #[error("seq {seq} is before {first}, the earliest that is kept")]
    Gone {
        /// What was asked for.
        seq: u64,
        /// The earliest place whose state can be told.
        first: u64,
    },
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// Counters for `/metrics`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events committed.
    pub events: AtomicU64,
    /// Transactions committed.
    pub commits: AtomicU64,
    /// Time spent in commits, in microseconds.
    pub commit_micros: AtomicU64,
    /// Events that were stored before.
    pub duplicates: AtomicU64,
    /// Events that `emit` dropped at a full queue.
    pub emit_dropped: AtomicU64,
    /// Times that a subscriber read the log because the ring no longer had its place.
    pub log_reads: AtomicU64,
    /// Gaps that subscribers were told of.
    pub gaps: AtomicU64,
    /// Evaluations of filters on events.
    pub filter_evaluations: AtomicU64,
    /// Times that the sequencer copied the whole state because readers held both that it has.
    pub state_copies: AtomicU64,
    /// Subscriptions that stand for many readers, each of which is counted itself.
    pub shared_subscriptions: AtomicU64,
}

/// What all handles of one hub share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) epoch: Epoch,
    pub(crate) commands: mpsc::Sender<Command>,
    /// The newest published seq; its watchers are the subscribers' wake-up.
    pub(crate) head: watch::Sender<u64>,
    pub(crate) ring: Ring,
    pub(crate) filters: Filters,
    pub(crate) log: Arc<dyn LogReader>,
    /// The state at the newest event.
    pub(crate) state: Published,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) recent: Recent,
    pub(crate) counters: Arc<Counters>,
    /// Why the log cannot be written, while it cannot.
    pub(crate) trouble: Mutex<Option<String>>,
}

/// A handle to the hub; cheap to clone.
#[derive(Debug, Clone)]
pub struct Hub {
    shared: Arc<Shared>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// The hub's clock.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Hub {
    /// Opens the log, rebuilds the state from the newest snapshot and what came after it, and
    /// starts the sequencer.
    ///
    /// # Errors
    /// A folder that cannot be used, is in use, or holds a log that cannot be read.
    pub fn open(config: &HubConfig) -> Result<Self, OpenError> {
        let folder = |source| OpenError::Folder { path: config.data.clone(), source };
        std::fs::create_dir_all(&config.data).map_err(folder)?;
        let lock = std::fs::File::create(config.data.join("lock")).map_err(folder)?;
        if lock.try_lock().is_err() {
            return Err(OpenError::InUse(config.data.clone()));
        }
        let engine = sqlite::open(&config.data.join("log.db"), config.durability)?;
        let log = engine.reader();
        let epoch = engine.epoch();
        let snapshots = Arc::new(Snapshots::open(config.data.join("snapshots"), epoch).map_err(folder)?);
        let (state, rebuilt_from) = rebuild(&snapshots, log.as_ref(), engine.head())?;

        let (commands, queue) = mpsc::channel(QUEUE);
        let (head, _) = watch::channel(engine.head());
        let counters = Arc::new(Counters::default());
        let shared = Arc::new(Shared {
            epoch,
            commands,
            head,
            ring: Ring::new(config.ring_events, config.ring_bytes),
            filters: Filters::new(Arc::clone(&counters)),
            log,
            state: Published::new(state),
            snapshots,
            recent: Recent::default(),
            counters,
            trouble: Mutex::new(None),
        });
        let sequencer = Sequencer::new(Arc::clone(&shared), engine, queue, config, rebuilt_from, lock)?;
        let thread = std::thread::Builder::new().name("sequencer".into()).spawn(move || sequencer.run()).map_err(folder)?;
        Ok(Self { shared, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// Stores a batch, all or nothing, and returns once it is committed. Waits while the queue is full.
    ///
    /// # Errors
    /// The log cannot be written, or the hub is closing; nothing of the batch is kept then.
    pub async fn append(&self, drafts: Vec<Draft>) -> Result<Appended, AppendError> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Append { drafts, reply };
        self.shared.commands.send(command).await.map_err(|_| AppendError::Closed)?;
        answer.await.map_err(|_| AppendError::Closed)?
    }

    /// Decides against the state in which every earlier event is folded, and stores what follows
    /// from it, as one step: of two that claim the same task at once, the second sees the first.
    /// Returns once the events are committed.
    ///
    /// The rule runs on the sequencer's thread, which gives all events their places: it looks
    /// things up and builds drafts, and does nothing that takes long.
    ///
    /// # Errors
    /// What the rule refuses with; or the log cannot be written, and then nothing is kept.
    pub async fn decide<T, E>(
        &self,
        rule: impl FnOnce(&SwarmState, Timestamp) -> Result<(Vec<Draft>, T), E> + Send + 'static,
    ) -> Result<(Appended, T), DecideError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (say, said) = oneshot::channel();
        let rule = move |state: &SwarmState, now: Timestamp| match rule(state, now) {
            Ok((drafts, told)) => {
                let _gone = say.send(Ok(told));
                Some(drafts)
            }
            Err(refusal) => {
                let _gone = say.send(Err(refusal));
                None
            }
        };
        let (reply, answer) = oneshot::channel();
        let command = Command::Decide(Decision { rule: Box::new(rule), reply });
        let closed = DecideError::Append(AppendError::Closed);
        if self.shared.commands.send(command).await.is_err() {
            return Err(closed);
        }
        let (Ok(answer), Ok(said)) = (answer.await, said.await) else { return Err(closed) };
        // A refusal rests on events of the same commit: where that failed, it says nothing.
        let appended = answer.map_err(DecideError::Append)?;
        Ok((appended, said.map_err(DecideError::Refused)?))
    }

    /// Hands an event over and returns at once, from any thread, in a runtime or not. `false` where
    /// the queue was full and it was dropped; drops are counted and logged.
    pub fn emit(&self, draft: Draft) -> bool {
        let taken = self.shared.commands.try_send(Command::Emit(Box::new(draft))).is_ok();
        if !taken {
            let dropped = self.shared.counters.emit_dropped.fetch_add(1, Ordering::Relaxed) + 1;
            if dropped.is_power_of_two() {
                tracing::warn!(dropped_events = dropped, "hub.emit.dropped: the queue to the log is full");
            }
        }
        taken
    }

    /// The log's identity.
    pub fn epoch(&self) -> Epoch {
        self.shared.epoch
    }

    /// The newest event's seq, 0 before the first.
    pub fn head(&self) -> u64 {
        *self.shared.head.borrow()
    }

    /// The oldest event that is kept; one past the head where none is.
    pub fn first(&self) -> u64 {
        self.shared.log.first().unwrap_or(self.head() + 1)
    }

    /// The cursor after `seq`.
    pub fn cursor(&self, seq: u64) -> Cursor {
        Cursor::After { epoch: self.shared.epoch, seq }
    }

    /// The state at the newest event, as it stands now. It never changes in the hand of whoever has
    /// it; one that is held while two further groups of events are committed costs the hub a copy.
    pub fn state(&self) -> Arc<SwarmState> {
        self.shared.state.get()
    }

    /// The place of the newest event that the hub received before a time; 0 where there is none.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn place_before(&self, time: Timestamp) -> Result<u64, LogError> {
        let log = Arc::clone(&self.shared.log);
        blocking(move || log.place_before(time)).await
    }

    /// Reads a page of the log, off the async threads.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn read(&self, read: Read) -> Result<Page, LogError> {
        let log = Arc::clone(&self.shared.log);
        blocking(move || log.read(&read)).await
    }

    /// Tells `take` the living keys of the memory whose last write retention took away, until it says
    /// `false`; and which events they are of: with the events after those they are all that is
    /// known of the memory. Blocks: not for the async threads.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn kept(&self, take: &mut dyn FnMut(Kept) -> bool) -> Result<Remains, LogError> {
        self.shared.log.kept(take)
    }

    /// The state right after the event `seq`: the nearest snapshot before it and a fold.
    ///
    /// # Errors
    /// It has not happened, is no longer kept, or the log cannot be read.
    pub async fn state_at(&self, seq: u64) -> Result<SwarmState, HistoryError> {
        let (_, state) = self.past(seq, move |shared, _| shared.at(seq).map(|state| (state.seq, state))).await?;
        Ok(state)
    }

    /// A reader of all that comes after `start`, and of what came before as far as it asks.
    pub fn subscribe(&self, start: Start, filter: crate::event::Filter, lag: Lag) -> Subscription {
        Subscription::new(Arc::clone(&self.shared), start, filter, lag)
    }

    /// How many subscriptions are open.
    pub fn subscriptions(&self) -> usize {
        let shared = self.shared.counters.shared_subscriptions.load(Ordering::Relaxed) as usize;
        self.shared.head.receiver_count().saturating_sub(shared)
    }

    /// Events and bytes in memory.
    pub fn ring_size(&self) -> (usize, usize) {
        self.shared.ring.size()
    }

    /// The hub's counters.
    pub fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Why the log cannot be written, while it cannot.
    pub fn trouble(&self) -> Option<String> {
        self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Commits what is waiting and ends the sequencer; later events are refused.
    pub async fn close(&self) {
        let _already_closed = self.shared.commands.send(Command::Stop).await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            blocking(move || {
                if thread.join().is_err() {
                    tracing::error!("hub.sequencer.panicked");
                }
            })
            .await;
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    #[cfg(test)]
    if orders::are_tried() {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The state at `head`, and the place of the snapshot that it was folded on from.
fn rebuild(snapshots: &Snapshots, log: &dyn LogReader, head: u64) -> Result<(SwarmState, u64), LogError> {
    let state = snapshots.newest(head).unwrap_or_default();
    let from = state.seq;
    let first = log.first().unwrap_or(head + 1);
    if from + 1 < first {
        tracing::warn!(first, "hub.rebuild.incomplete: no usable snapshot, and the events before the first kept one are gone");
    }
    if head - from > 100_000 {
        tracing::info!(events = head - from, "hub.rebuild: folding the log, as there is no snapshot near its end");
    }
    Ok((fold_on(state, log, head)?, from))
}

/// Folds the log from where `state` stands up to and with `to`.
fn fold_on(mut state: SwarmState, log: &dyn LogReader, to: u64) -> Result<SwarmState, LogError> {
    while state.seq < to {
        let page = log.read(&Read { after: state.seq, before: to + 1, limit: GROUP, ..Read::default() })?;
        if page.events.is_empty() {
            break;
        }
        for stored in page.events {
            let event: Event = crate::event::wire::from_text(&stored.json)
                .map_err(|fault| LogError::Unreadable { seq: stored.seq, problem: fault.to_string() })?;
            state.fold(&event);
        }
    }
    state.seq = to;
    Ok(state)
}

#[cfg(test)]
mod orders;
#[cfg(test)]
mod tests;
