//! A reader of the log: a cursor, and nothing that grows.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::watch;

use super::batch::{Batch, Picked};
use super::engine::{LogError, Page, Read};
pub use super::filters::SharedFilter;
use super::{GROUP, Shared, blocking};
use crate::event::control::{Gap, GapReason, Resumed};
use crate::event::{Cursor, Filter};

/// How many events the first page of a replay has; each further one has twice as many, up to
/// [`GROUP`]. The first byte comes soon, and the rest in large pieces.
const FIRST_PAGE: usize = 64;

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After the newest event.
    Now,
    /// After this cursor.
    After(Cursor),
}

impl From<Option<Cursor>> for Start {
    fn from(cursor: Option<Cursor>) -> Self {
        cursor.map_or(Self::Now, Self::After)
    }
}

/// What happens to a reader that falls behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lag {
    /// It gets everything, from the log if it must.
    #[default]
    Log,
    /// It gets the newest so many events, and is told which it missed.
    DropOldest(u64),
}

/// What a subscription brings.
#[derive(Debug)]
pub enum Delivery {
    /// A run of events with nothing left out.
    Run(Arc<Batch>, Range<usize>),
    /// The events of a batch that a filter let through.
    Picked(Picked),
    /// Events that will not come.
    Gap(Gap),
}

/// What a reader wants, and what it was given last: readers that have the same standing get the same
/// of whatever comes next.
#[derive(Debug, Clone)]
pub struct Standing {
    filter: Option<Arc<SharedFilter>>,
    /// The last seq that was delivered; where it began before that. It counts with a filter only.
    prev: u64,
}

impl Standing {
    /// What a reader gets of a run of events, which then stands behind them.
    pub fn take(&mut self, batch: Arc<Batch>, run: Range<usize>) -> Option<Delivery> {
        let Some(filter) = &self.filter else { return Some(Delivery::Run(batch, run)) };
        let found = batch.matching(filter)?;
        let from = found.partition_point(|index| (*index as usize) < run.start);
        let filter = filter.id();
        self.pick(batch, found, from, filter)
    }

    fn pick(&mut self, batch: Arc<Batch>, found: Arc<[u32]>, from: usize, filter: u64) -> Option<Delivery> {
        let last = *found[from..].last()?;
        let prev = std::mem::replace(&mut self.prev, batch.seq(last as usize));
        Some(Delivery::Picked(Picked { batch, found, from, prev, filter }))
    }

    /// What tells it from others.
    fn key(&self) -> Option<(u64, u64)> {
        self.filter.as_ref().map(|filter| (filter.id(), self.prev))
    }
}

impl PartialEq for Standing {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Standing {}

impl Hash for Standing {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// A reader's place. A slow reader costs this and no more.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    head: watch::Receiver<u64>,
    standing: Standing,
    lag: Lag,
    /// The last place that was looked at.
    at: u64,
    began: u64,
    resumed: Resumed,
    gap: Option<Gap>,
    /// How many events the next page of the log has.
    page: usize,
}

impl Subscription {
    pub(super) fn new(shared: Arc<Shared>, start: Start, filter: Filter, lag: Lag) -> Self {
        let head = shared.head.subscribe();
        let newest = *head.borrow();
        let first = shared.log.first().unwrap_or(newest + 1);
        let lost = |from, to, reason| Some(Gap { from, to, reason });
        let (at, resumed, gap) = match start {
            Start::Now => (newest, Resumed::Fresh, None),
            Start::After(Cursor::Beginning) => (first - 1, Resumed::Fresh, None),
            Start::After(Cursor::After { epoch, .. }) if epoch != shared.epoch => {
                (newest, Resumed::Gap, lost(first.min(newest), newest, GapReason::Epoch))
            }
            // A cursor past the end: the log lost its tail, which only a weaker durability allows.
            Start::After(Cursor::After { seq, .. }) if seq > newest => {
                (newest, Resumed::Gap, lost(newest + 1, seq, GapReason::Epoch))
            }
            Start::After(Cursor::After { seq, .. }) if seq + 1 < first => {
                (first - 1, Resumed::Gap, lost(seq + 1, first - 1, GapReason::Retention))
            }
            Start::After(Cursor::After { seq, .. }) => (seq, Resumed::Exact, None),
        };
        let standing = Standing { filter: shared.filters.share(filter), prev: at };
        if gap.is_some() {
            shared.counters.gaps.fetch_add(1, Ordering::Relaxed);
        }
        Self { shared, head, standing, lag, at, began: at, resumed, gap, page: FIRST_PAGE }
    }

    /// Where it began.
    pub fn began(&self) -> Cursor {
        Cursor::After { epoch: self.shared.epoch, seq: self.began }
    }

    /// How its cursor was taken up.
    pub fn resumed(&self) -> Resumed {
        self.resumed
    }

    /// How far it has come.
    pub fn position(&self) -> u64 {
        self.at
    }

    /// Moves on to right after `seq`, where it stands before that: a snapshot covered the rest.
    pub fn skip_to(&mut self, seq: u64) {
        self.at = self.at.max(seq);
        self.standing.prev = self.standing.prev.max(seq);
    }

    /// Goes on behind what somebody else gave this reader: up to `at`, and how it stands then.
    pub fn take_over(&mut self, at: u64, standing: Standing) {
        self.at = at;
        self.standing = standing;
    }

    /// The gap that it begins with, to be told before anything else.
    pub fn take_gap(&mut self) -> Option<Gap> {
        self.gap.take()
    }

    /// Goes on with another filter.
    pub fn refilter(&mut self, filter: Filter) {
        self.standing = Standing { filter: self.shared.filters.share(filter), prev: self.at };
    }

    /// How it stands, for somebody else who gives it what comes next.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Whether it has everything that there is now.
    pub fn has_all(&self) -> bool {
        self.gap.is_none() && self.at >= *self.head.borrow()
    }

    /// What comes next. Safe to give up and to ask again: nothing is lost between.
    ///
    /// # Errors
    /// The log cannot be read where it must be.
    pub async fn next(&mut self) -> Result<Delivery, LogError> {
        loop {
            if let Some(gap) = self.gap.take() {
                return Ok(Delivery::Gap(gap));
            }
            let head = *self.head.borrow_and_update();
            if self.at >= head {
                // The sender lives in `Shared`, which this subscription holds.
                let _never_closed = self.head.changed().await;
                continue;
            }
            if let Some(gap) = self.overflow(head) {
                return Ok(Delivery::Gap(gap));
            }
            let delivery = match self.shared.ring.after(self.at) {
                Some(batch) => self.deliver(batch),
                None => self.read_log(head).await?,
            };
            if let Some(delivery) = delivery {
                return Ok(delivery);
            }
        }
    }

    /// What comes next where it can be had without waiting and is in memory; it may be behind
    /// what was delivered last in the same write.
    pub fn ready(&mut self) -> Option<Delivery> {
        loop {
            let head = *self.head.borrow();
            if self.gap.is_some() || self.at >= head || self.is_over(head).is_some() {
                return None;
            }
            let batch = self.shared.ring.after(self.at)?;
            if let Some(delivery) = self.deliver(batch) {
                return Some(delivery);
            }
        }
    }

    /// How many events at most, where more than that are before it.
    fn is_over(&self, head: u64) -> Option<u64> {
        match self.lag {
            Lag::DropOldest(most) if head - self.at > most => Some(most),
            Lag::DropOldest(_) | Lag::Log => None,
        }
    }

    fn overflow(&mut self, head: u64) -> Option<Gap> {
        let most = self.is_over(head)?;
        let gap = Gap { from: self.at + 1, to: head - most, reason: GapReason::Overflow };
        self.at = gap.to;
        self.standing.prev = self.at;
        self.shared.counters.gaps.fetch_add(1, Ordering::Relaxed);
        Some(gap)
    }

    fn deliver(&mut self, batch: Arc<Batch>) -> Option<Delivery> {
        let run = batch.index_after(self.at)..batch.len();
        self.at = batch.last();
        self.standing.take(batch, run)
    }

    async fn read_log(&mut self, head: u64) -> Result<Option<Delivery>, LogError> {
        self.shared.counters.log_reads.fetch_add(1, Ordering::Relaxed);
        let log = Arc::clone(&self.shared.log);
        let filter = self.standing.filter.as_ref().map(|shared| shared.filter().clone()).unwrap_or_default();
        let read = Read { after: self.at, before: head + 1, limit: self.page, newest: false, filter };
        self.page = (self.page * 2).min(GROUP);
        // Looking for the oldest event after the read: what retention took meanwhile shows too.
        let (page, first): (Page, u64) = blocking(move || -> Result<_, LogError> {
            let page = log.read(&read)?;
            Ok((page, log.first().unwrap_or(head + 1)))
        })
        .await?;
        if self.at + 1 < first {
            let gap = Gap { from: self.at + 1, to: first - 1, reason: GapReason::Retention };
            self.at = gap.to;
            self.standing.prev = self.standing.prev.max(self.at);
            self.shared.counters.gaps.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(Delivery::Gap(gap)));
        }
        self.at = if page.exhausted { head } else { page.reached };
        if page.events.is_empty() {
            return Ok(None);
        }
        let batch = Arc::new(Batch::new(self.shared.epoch, page.events));
        // What the log was asked for with a filter needs none any more.
        if let Some(filter) = self.standing.filter.as_ref().map(|filter| filter.id()) {
            let all = (0..batch.len() as u32).collect();
            return Ok(self.standing.pick(batch, all, 0, filter));
        }
        let run = 0..batch.len();
        Ok(Some(Delivery::Run(batch, run)))
    }
}
