//! The one thread that gives events their place.
//!
//! It drains what waits, numbers it, writes it in one transaction, folds it, publishes it, and only
//! then answers: many senders share one commit, and what is acknowledged is on disk.

mod retention;
mod wait;

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use super::engine::{LogEngine, LogError, Stored};
use super::keys::{Keys, WINDOW};
use super::snapshots::{Filler, Snapshots};
use super::state::{Ahead, Spare};
use super::{AppendError, Appended, GROUP, HubConfig, RETENTION_EVERY, Shared, now};
use crate::event::{Draft, Event, Timestamp};
use crate::swarm::SwarmState;
use retention::Retention;
use wait::recv_within;

/// How long one draining may last before what it has is committed.
const DRAIN: Duration = Duration::from_millis(2);

/// What the sequencer is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// Store a batch, all or nothing, and say where.
    Append {
        /// The batch.
        drafts: Vec<Draft>,
        /// Who waits.
        reply: oneshot::Sender<Result<Appended, AppendError>>,
    },
    /// Store an event; nobody waits.
    Emit(Box<Draft>),
    /// Decide against the state in which everything before is folded, then store what follows.
    Decide(Decision),
    /// Look whether something is over the bounds of retention.
    Retain,
    /// Take the events up to this place away; none where there is no snapshot to cut at.
    Cut(Option<u64>),
    /// Commit what waits and end.
    Stop,
}

/// Looks at the state; the events that follow, or none where it refuses.
type Rule = Box<dyn FnOnce(&SwarmState, Timestamp) -> Option<Vec<Draft>> + Send>;

/// A rule, and who waits for what it says.
pub(crate) struct Decision {
    /// It runs on the sequencer's thread, so it is short and waits for nothing.
    pub(crate) rule: Rule,
    /// Who waits.
    pub(crate) reply: oneshot::Sender<Result<Appended, AppendError>>,
}

impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decision")
    }
}

/// Who waits for what became of a batch.
type Reply = (oneshot::Sender<Result<Appended, AppendError>>, Appended);

#[derive(Debug)]
pub(super) struct Sequencer {
    shared: Arc<Shared>,
    engine: Box<dyn LogEngine>,
    queue: mpsc::Receiver<Command>,
    keys: Keys,
    head: u64,
    /// The state that the next group is folded into.
    spare: Spare,
    config: HubConfig,
    /// Takes work to the housekeeping thread; one piece may wait, a further one is skipped.
    keeper: Option<(SyncSender<Chore>, JoinHandle<()>)>,
    last_snapshot: u64,
    retention: Retention,
    /// Held as long as the hub is open: nobody else opens the folder.
    _lock: File,
}

/// What the housekeeping thread is asked to do.
#[derive(Debug)]
enum Chore {
    /// Write a snapshot.
    Write(Arc<SwarmState>),
    /// Look for the newest snapshot at or before `surplus`, and not before `first`.
    Cut { surplus: u64, first: u64 },
    /// Take the snapshots before a place away.
    Forget { before: u64 },
}

/// What one draining found.
#[derive(Debug, Default)]
struct Group {
    /// When it was drained: the time at which all its events happened where nobody told one, and were
    /// added. One time for both, so that who asks for what came after an event does not get it again.
    now: Timestamp,
    events: Vec<Event>,
    replies: Vec<Reply>,
    /// The state with the group's events folded in, where something was decided against it.
    ahead: Option<Ahead>,
    /// How many of the events are folded into it.
    folded: usize,
    stop: bool,
}

impl Sequencer {
    pub(super) fn new(
        shared: Arc<Shared>,
        engine: Box<dyn LogEngine>,
        queue: mpsc::Receiver<Command>,
        config: &HubConfig,
        last_snapshot: u64,
        lock: File,
    ) -> Result<Self, LogError> {
        let head = engine.head();
        let mut keys = Keys::default();
        for (seq, source, key) in shared.log.keys(head.saturating_sub(WINDOW))? {
            keys.insert(seq, &source, &key);
        }
        let (chores, waiting) = sync_channel(1);
        let (files, commands) = (Arc::clone(&shared.snapshots), shared.commands.clone());
        let filler = Filler::new(Arc::clone(&shared.log), config.snapshot_every);
        let keeper = std::thread::Builder::new().name("keeper".into()).spawn(move || keep(&waiting, &files, filler, &commands));
        Ok(Self {
            shared,
            engine,
            queue,
            keys,
            head,
            spare: Spare::default(),
            config: config.clone(),
            keeper: keeper.ok().map(|keeper| (chores, keeper)),
            last_snapshot,
            retention: Retention::default(),
            _lock: lock,
        })
    }

    pub(super) fn run(mut self) {
        self.retain();
        loop {
            let group = self.drain();
            let stop = group.stop;
            if !group.events.is_empty() || !group.replies.is_empty() {
                self.commit(group);
            }
            if let Err(error) = self.engine.settle() {
                tracing::error!(%error, "hub.log.settle");
            }
            self.snapshot_if_due();
            self.retain();
            if stop {
                break;
            }
        }
        self.end();
    }

    /// Waits for a command, then takes what else waits, up to the bounds of a group.
    fn drain(&mut self) -> Group {
        let mut group = Group::default();
        // While retention has something to take away, it goes on between commands.
        let first = match self.retention.rest() {
            Some(rest) => recv_within(&mut self.queue, rest),
            None => self.queue.blocking_recv(),
        };
        let Some(first) = first else { return group };
        group.now = now();
        let began = Instant::now();
        self.take(&mut group, first);
        while !group.stop && group.events.len() < GROUP && began.elapsed() < DRAIN {
            match self.queue.try_recv() {
                Ok(command) => self.take(&mut group, command),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        group
    }

    fn take(&mut self, group: &mut Group, command: Command) {
        let now = group.now;
        match command {
            Command::Stop => group.stop = true,
            Command::Retain => self.retention.remind(),
            Command::Cut(place) => self.retention.cut(place),
            Command::Emit(draft) => {
                self.place(group, *draft);
            }
            Command::Append { drafts, reply } => {
                let appended = self.place_all(group, drafts);
                group.replies.push((reply, appended));
            }
            Command::Decide(Decision { rule, reply }) => {
                // A rule that panics is its sender's trouble: the reply is dropped, the log goes on.
                let decided = if group.events.is_empty() {
                    let state = self.shared.state.get();
                    std::panic::catch_unwind(AssertUnwindSafe(|| rule(&state, now)))
                } else {
                    let state = self.ahead(group);
                    std::panic::catch_unwind(AssertUnwindSafe(|| rule(state, now)))
                };
                let drafts = match decided {
                    Ok(drafts) => drafts.unwrap_or_default(),
                    Err(_panic) => return tracing::error!("hub.decide.panicked"),
                };
                let appended = self.place_all(group, drafts);
                group.replies.push((reply, appended));
            }
        }
    }

    /// The state after everything that is in the group so far, on top of the published one.
    fn ahead<'a>(&mut self, group: &'a mut Group) -> &'a SwarmState {
        let ahead = group.ahead.get_or_insert_with(|| self.spare.take(&self.shared.state, &self.shared.counters));
        ahead.fold(&group.events[group.folded..]);
        group.folded = group.events.len();
        ahead.state()
    }

    fn place_all(&mut self, group: &mut Group, drafts: Vec<Draft>) -> Appended {
        let mut appended = Appended { seqs: Vec::with_capacity(drafts.len()), duplicates: 0 };
        for draft in drafts {
            let (seq, new) = self.place(group, draft);
            appended.seqs.push(seq);
            appended.duplicates += u64::from(!new);
        }
        appended
    }

    /// Gives an event its place, or finds the place it had.
    fn place(&mut self, group: &mut Group, draft: Draft) -> (u64, bool) {
        if let Some(key) = &draft.id {
            if let Some(seq) = self.keys.find(&draft.source, key) {
                self.shared.counters.duplicates.fetch_add(1, Ordering::Relaxed);
                return (seq, false);
            }
            let seq = self.head + group.events.len() as u64 + 1;
            self.keys.insert(seq, &draft.source, key);
        }
        let seq = self.head + group.events.len() as u64 + 1;
        group.events.push(draft.into_event(seq, group.now));
        (seq, true)
    }

    fn commit(&mut self, mut group: Group) {
        let stored: Vec<Stored> = group.events.iter().map(Stored::of).collect();
        let began = Instant::now();
        let written = if stored.is_empty() { Ok(()) } else { self.engine.append(&stored, group.now) };
        if let Err(error) = written {
            return self.refuse(group, &error);
        }
        if !stored.is_empty() {
            if self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
                tracing::info!("hub.log.writable_again");
            }
            let counters = &self.shared.counters;
            counters.commit_micros.fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
            counters.commits.fetch_add(1, Ordering::Relaxed);
            counters.events.fetch_add(stored.len() as u64, Ordering::Relaxed);
            self.publish(&mut group, stored);
        }
        for (reply, appended) in group.replies {
            // A sender that no longer waits has its answer in the log.
            let _gone = reply.send(Ok(appended));
        }
    }

    fn publish(&mut self, group: &mut Group, stored: Vec<Stored>) {
        self.ahead(group);
        self.head += group.events.len() as u64;
        if let Some(ahead) = group.ahead.take() {
            // What was decided against is what is published.
            self.spare.publish(ahead, std::mem::take(&mut group.events), &self.shared.state);
        }
        self.keys.forget_before(self.head);
        self.shared.ring.push(Batch::new(self.shared.epoch, stored));
        self.shared.head.send_replace(self.head);
    }

    /// The log took nothing: everybody in the group is told so.
    fn refuse(&mut self, group: Group, error: &LogError) {
        self.keys.forget_after(self.head);
        tracing::error!(%error, events = group.events.len(), "hub.commit.failed");
        let problem = error.to_string();
        *self.shared.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem.clone());
        for (reply, _) in group.replies {
            let _gone = reply.send(Err(AppendError::Log(problem.clone())));
        }
    }

    fn snapshot_if_due(&mut self) {
        if !self.shared.snapshots.due(self.head, self.last_snapshot, self.config.snapshot_every) {
            return;
        }
        if self.delegate(Chore::Write(self.shared.state.get())) {
            self.last_snapshot = self.head;
        }
    }

    fn end(mut self) {
        self.queue.close();
        let mut rest = VecDeque::new();
        while let Ok(command) = self.queue.try_recv() {
            rest.push_back(command);
        }
        // What was handed over before the end is committed; nobody is left without an answer.
        let mut group = Group { now: now(), ..Group::default() };
        for command in rest {
            self.take(&mut group, command);
        }
        self.commit(group);
        if let Some((chores, keeper)) = self.keeper.take() {
            let state = self.shared.state.get();
            if state.seq > self.last_snapshot {
                // The next start then folds nothing.
                let _keeper_gone = chores.send(Chore::Write(state));
            }
            drop(chores);
            if keeper.join().is_err() {
                tracing::error!("hub.snapshot.panicked");
            }
        }
        if let Err(error) = self.engine.close() {
            tracing::error!(%error, "hub.close.failed");
        }
    }
}

/// The housekeeping thread: writes snapshots, also those that are missing between others, takes
/// them away, and reminds the sequencer of retention.
fn keep(chores: &Receiver<Chore>, files: &Snapshots, mut filler: Filler, commands: &mpsc::Sender<Command>) {
    let mut due = Instant::now() + RETENTION_EVERY;
    loop {
        match chores.recv_timeout(due.min(filler.next()).saturating_duration_since(Instant::now())) {
            Ok(Chore::Write(state)) => {
                if let Err(error) = files.write(&state) {
                    tracing::warn!(%error, seq = state.seq, "hub.snapshot.write");
                }
            }
            Ok(Chore::Cut { surplus, first }) => {
                // Only a snapshot that can be read counts: the state at the cut is told from it.
                let place = files.newest(surplus).map(|state| state.seq).filter(|place| *place >= first);
                // A sequencer that ends has no use for it.
                let _ended = commands.blocking_send(Command::Cut(place));
            }
            Ok(Chore::Forget { before }) => files.trim(before),
            Err(RecvTimeoutError::Timeout) if Instant::now() < due => filler.step(files),
            Err(RecvTimeoutError::Timeout) => {
                due = Instant::now() + RETENTION_EVERY;
                // A full queue means commits, and the reminder comes again.
                let _full = commands.try_send(Command::Retain);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
