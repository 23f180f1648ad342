//! The newest events in memory, for all subscribers at once.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use super::batch::Batch;

/// The newest batches, up to a number of events and of bytes. At either bound the oldest batch
/// goes; a subscriber that still wanted it reads the log instead.
#[derive(Debug)]
pub(crate) struct Ring {
    max_events: usize,
    max_bytes: usize,
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: VecDeque<Arc<Batch>>,
    events: usize,
    bytes: usize,
}

impl Ring {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        Self { max_events, max_bytes, kept: RwLock::default() }
    }

    /// Adds the newest batch. It stays even where it alone is over the bounds.
    pub(super) fn push(&self, batch: Arc<Batch>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        kept.events += batch.len();
        kept.bytes += batch.bytes();
        kept.batches.push_back(batch);
        while kept.batches.len() > 1 && (kept.events > self.max_events || kept.bytes > self.max_bytes) {
            if let Some(oldest) = kept.batches.pop_front() {
                kept.events -= oldest.len();
                kept.bytes -= oldest.bytes();
            }
        }
    }

    /// The batch that holds the event after `seq`; none where the ring no longer, or not yet, has it.
    pub(super) fn after(&self, seq: u64) -> Option<Arc<Batch>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = seq + 1;
        if kept.batches.front().is_none_or(|oldest| oldest.first() > wanted) {
            return None;
        }
        let place = kept.batches.partition_point(|batch| batch.last() < wanted);
        kept.batches.get(place).cloned()
    }

    /// Events and bytes in it.
    pub(crate) fn size(&self) -> (usize, usize) {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        (kept.events, kept.bytes)
    }
}
