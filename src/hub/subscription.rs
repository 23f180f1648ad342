//! A reader of the log: a cursor, and nothing that grows.

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

/// A reader's place. A slow reader costs this and no more.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    head: watch::Receiver<u64>,
    filter: Option<Arc<SharedFilter>>,
    lag: Lag,
    /// The last place that was looked at.
    at: u64,
    /// The last seq that was delivered; where it began before that.
    prev: u64,
    began: u64,
    resumed: Resumed,
    gap: Option<Gap>,
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
        let filter = shared.filters.share(filter);
        if gap.is_some() {
            shared.counters.gaps.fetch_add(1, Ordering::Relaxed);
        }
        Self { shared, head, filter, lag, at, prev: at, began: at, resumed, gap }
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
        self.prev = self.prev.max(seq);
    }

    /// The gap that it begins with, to be told before anything else.
    pub fn take_gap(&mut self) -> Option<Gap> {
        self.gap.take()
    }

    /// Goes on with another filter.
    pub fn refilter(&mut self, filter: Filter) {
        self.filter = self.shared.filters.share(filter);
        self.prev = self.at;
    }

    /// Whether a filter is set.
    pub fn is_filtered(&self) -> bool {
        self.filter.is_some()
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

    fn overflow(&mut self, head: u64) -> Option<Gap> {
        let Lag::DropOldest(most) = self.lag else { return None };
        if head - self.at <= most {
            return None;
        }
        let gap = Gap { from: self.at + 1, to: head - most, reason: GapReason::Overflow };
        self.at = gap.to;
        self.prev = self.at;
        self.shared.counters.gaps.fetch_add(1, Ordering::Relaxed);
        Some(gap)
    }

    fn deliver(&mut self, batch: Arc<Batch>) -> Option<Delivery> {
        let start = batch.index_after(self.at);
        self.at = batch.last();
        let Some(filter) = &self.filter else {
            let run = start..batch.len();
            self.prev = self.at;
            return Some(Delivery::Run(batch, run));
        };
        let found = batch.matching(filter)?;
        let from = found.partition_point(|index| (*index as usize) < start);
        let filter = filter.id();
        self.pick(batch, found, from, filter)
    }

    fn pick(&mut self, batch: Arc<Batch>, found: Arc<[u32]>, from: usize, filter: u64) -> Option<Delivery> {
        let last = *found[from..].last()?;
        let prev = std::mem::replace(&mut self.prev, batch.seq(last as usize));
        Some(Delivery::Picked(Picked { batch, found, from, prev, filter }))
    }

    async fn read_log(&mut self, head: u64) -> Result<Option<Delivery>, LogError> {
        self.shared.counters.log_reads.fetch_add(1, Ordering::Relaxed);
        let log = Arc::clone(&self.shared.log);
        let filter = self.filter.as_ref().map(|shared| shared.filter().clone()).unwrap_or_default();
        let read = Read { after: self.at, before: head + 1, limit: GROUP, newest: false, filter };
        // Looking for the oldest event after the read: what retention took meanwhile shows too.
        let (page, first): (Page, u64) = blocking(move || -> Result<_, LogError> {
            let page = log.read(&read)?;
            Ok((page, log.first().unwrap_or(head + 1)))
        })
        .await?;
        if self.at + 1 < first {
            let gap = Gap { from: self.at + 1, to: first - 1, reason: GapReason::Retention };
            self.at = gap.to;
            self.prev = self.prev.max(self.at);
            self.shared.counters.gaps.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(Delivery::Gap(gap)));
        }
        self.at = if page.exhausted { head } else { page.reached };
        if page.events.is_empty() {
            return Ok(None);
        }
        let batch = Arc::new(Batch::new(self.shared.epoch, page.events));
        if let Some(filter) = self.filter.as_ref().map(|filter| filter.id()) {
            let all = (0..batch.len() as u32).collect();
            return Ok(self.pick(batch, all, 0, filter));
        }
        let run = 0..batch.len();
        self.prev = self.at;
        Ok(Some(Delivery::Run(batch, run)))
    }
}
