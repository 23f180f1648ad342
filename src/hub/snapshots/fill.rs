//! Adds the snapshots that a fast time left out.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Snapshots;
use crate::hub::GROUP;
use crate::hub::engine::{LogError, LogReader, Read};
use crate::swarm::SwarmState;

/// How many events one step folds: a few milliseconds of work.
const STEP: usize = 1_000;
/// How many times as long as a step took is waited after it: what is filled in may take a quarter
/// of one processor.
const PAUSE: u32 = 3;
/// How often it is looked whether something is missing, and how long a busy log is left alone.
const LOOK: Duration = Duration::from_millis(500);
/// How many events may come between two looks before the log counts as busy.
const BUSY: u64 = 2_500;

/// Folds stretches of the log again that are longer than they should be, while the log is quiet. It
/// works on the housekeeping thread, a step at a time.
#[derive(Debug)]
pub(in crate::hub) struct Filler {
    log: Arc<dyn LogReader>,
    every: u64,
    next: Instant,
    /// The newest event at the last look.
    head: u64,
    looked: Instant,
    work: Option<Work>,
}

/// A stretch without a snapshot.
#[derive(Debug)]
struct Work {
    /// How far it is folded.
    state: SwarmState,
    /// The last snapshot in it.
    last: u64,
    /// The snapshot after it.
    end: u64,
}

impl Filler {
    pub(in crate::hub) fn new(log: Arc<dyn LogReader>, every: u64) -> Self {
        let now = Instant::now();
        Self { log, every, next: now + LOOK, head: 0, looked: now, work: None }
    }

    /// When the next step is due.
    pub(in crate::hub) fn next(&self) -> Instant {
        self.next
    }

    /// Does a little, and says when it wants to do more.
    pub(in crate::hub) fn step(&mut self, files: &Snapshots) {
        let began = Instant::now();
        if began < self.next {
            return;
        }
        if self.is_busy(files, began) {
            self.next = began + LOOK;
            return;
        }
        let going = match self.work.take() {
            Some(work) => self.fill(files, work),
            None => self.find(files),
        };
        self.work = going.unwrap_or_else(|error| {
            tracing::warn!(%error, "hub.snapshot.fill");
            None
        });
        let pause = if self.work.is_some() { began.elapsed() * PAUSE } else { LOOK };
        self.next = Instant::now() + pause;
    }

    fn is_busy(&mut self, files: &Snapshots, now: Instant) -> bool {
        let head = files.head.load(Ordering::Relaxed);
        if now.duration_since(self.looked) < LOOK {
            return false;
        }
        let new = head - std::mem::replace(&mut self.head, head);
        self.looked = now;
        new > BUSY
    }

    /// The first stretch that is long enough for one more, with the state at its beginning.
    fn find(&self, files: &Snapshots) -> Result<Option<Work>, LogError> {
        let mut places = files.places();
        if places.is_empty() || files.is_full(&places) {
            return Ok(None);
        }
        let first = self.log.first().unwrap_or(1);
        if first == 1 {
            places.insert(0, 0);
        }
        let spacing = files.spacing(self.every);
        let long = |two: &&[u64]| two[0] + 1 >= first && two[1] - two[0] >= spacing + spacing.div_ceil(2);
        let Some(stretch) = places.windows(2).find(long) else { return Ok(None) };
        let state = if stretch[0] == 0 { Some(SwarmState::default()) } else { files.read(stretch[0]) };
        // One that cannot be read any more goes, so that the stretch before it is seen as it is.
        if state.is_none() {
            files.remove(stretch[0]);
        }
        Ok(state.map(|state| Work { state, last: stretch[0], end: stretch[1] }))
    }

    fn fill(&self, files: &Snapshots, mut work: Work) -> Result<Option<Work>, LogError> {
        let spacing = files.spacing(self.every);
        let target = work.last + spacing;
        if target + spacing / 2 > work.end || work.state.seq + 1 < self.log.first().unwrap_or(u64::MAX) {
            return Ok(None);
        }
        let read = Read { after: work.state.seq, before: target + 1, limit: STEP.min(GROUP), ..Read::default() };
        for stored in self.log.read(&read)?.events {
            work.state.fold(&stored.event()?);
        }
        if work.state.seq < target {
            // Nothing more is there where retention was faster.
            return Ok((work.state.seq > read.after).then_some(work));
        }
        if let Err(error) = files.write(&work.state) {
            tracing::warn!(%error, seq = target, "hub.snapshot.write");
            return Ok(None);
        }
        work.last = target;
        Ok(Some(work))
    }
}
