//! Idempotency keys: a repeated pair of source and id is stored once.

use std::collections::{HashMap, VecDeque};

/// Over how many events a repetition is recognised.
pub const WINDOW: u64 = 100_000;

/// The keys of the newest [`WINDOW`] events.
#[derive(Debug, Default)]
pub(super) struct Keys {
    seqs: HashMap<(String, String), u64>,
    order: VecDeque<(u64, (String, String))>,
}

impl Keys {
    /// The place of the event that this source sent under this key.
    pub(super) fn find(&self, source: &str, key: &str) -> Option<u64> {
        self.seqs.get(&(source.to_owned(), key.to_owned())).copied()
    }

    /// Remembers an event's key.
    pub(super) fn insert(&mut self, seq: u64, source: &str, key: &str) {
        let pair = (source.to_owned(), key.to_owned());
        self.seqs.insert(pair.clone(), seq);
        self.order.push_back((seq, pair));
    }

    /// Forgets keys of events that are no longer in the window.
    pub(super) fn forget_before(&mut self, head: u64) {
        while self.order.front().is_some_and(|(seq, _)| *seq + WINDOW <= head) {
            self.drop_one(true);
        }
    }

    /// Forgets the keys of events after `head`: their commit failed.
    pub(super) fn forget_after(&mut self, head: u64) {
        while self.order.back().is_some_and(|(seq, _)| *seq > head) {
            self.drop_one(false);
        }
    }

    fn drop_one(&mut self, oldest: bool) {
        let gone = if oldest { self.order.pop_front() } else { self.order.pop_back() };
        if let Some((seq, pair)) = gone
            && self.seqs.get(&pair) == Some(&seq)
        {
            self.seqs.remove(&pair);
        }
    }
}
