//! The filters in use: equal ones are one, so that their readers share one evaluation.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Counters;
use crate::event::Filter;

/// A filter that subscriptions share: equal filters are one.
#[derive(Debug)]
pub struct SharedFilter {
    id: u64,
    filter: Filter,
    counters: Arc<Counters>,
}

impl SharedFilter {
    /// What it asks.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What tells it from all others that ever were in use.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Counts evaluations on so many events.
    pub(super) fn evaluated(&self, events: usize) {
        self.counters.filter_evaluations.fetch_add(events as u64, Ordering::Relaxed);
    }
}

/// The filters in use.
#[derive(Debug)]
pub(crate) struct Filters {
    known: Mutex<HashMap<String, Weak<SharedFilter>>>,
    ids: AtomicU64,
    counters: Arc<Counters>,
}

impl Filters {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { known: Mutex::default(), ids: AtomicU64::new(1), counters }
    }

    /// The shared form of a filter; none where it asks nothing.
    pub(super) fn share(&self, filter: Filter) -> Option<Arc<SharedFilter>> {
        if filter.is_everything() {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = filter.to_string();
        if let Some(shared) = known.get(&name).and_then(Weak::upgrade) {
            return Some(shared);
        }
        known.retain(|_, shared| shared.strong_count() > 0);
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(SharedFilter { id, filter, counters: Arc::clone(&self.counters) });
        known.insert(name, Arc::downgrade(&shared));
        Some(shared)
    }
}
