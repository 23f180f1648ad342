//! The newest events in memory, for all subscribers at once.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use super::batch::Batch;
use super::batch::derived::Budget;

/// The newest batches, up to a number of events and of bytes. At either bound the oldest batch
/// goes; a subscriber that still wanted it reads the log instead.
///
/// The bytes are those of the events and of all that readers made of them. Of these, matches of
/// filters may be a quarter and other forms a half. Once half of such a part is used, the oldest
/// batches keep no more of it with each new batch: whoever is that far behind makes it for himself.
#[derive(Debug)]
pub(crate) struct Ring {
    max_events: usize,
    max_bytes: usize,
    matches: Arc<Budget>,
    forms: Arc<Budget>,
    kept: RwLock<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    batches: VecDeque<Arc<Batch>>,
    events: usize,
    bytes: usize,
    /// How many of the oldest batches keep no matches, and how many no forms.
    closed: Closed,
}

#[derive(Debug, Default)]
struct Closed {
    matches: usize,
    forms: usize,
}

impl Ring {
    pub(super) fn new(max_events: usize, max_bytes: usize) -> Self {
        let (matches, forms) = (Budget::new(max_bytes / 4), Budget::new(max_bytes / 2));
        Self { max_events, max_bytes, matches, forms, kept: RwLock::default() }
    }

    /// Adds the newest batch. It stays even where it alone is over the bounds.
    pub(super) fn push(&self, batch: Batch) {
        let batch = Arc::new(batch.within(&self.matches, &self.forms));
        let mut guard = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *guard;
        kept.events += batch.len();
        kept.bytes += batch.bytes();
        kept.batches.push_back(batch);
        let older = kept.batches.len() - 1;
        while self.matches.is_tight() && kept.closed.matches < older {
            kept.batches[kept.closed.matches].close_matches();
            kept.closed.matches += 1;
        }
        while self.forms.is_tight() && kept.closed.forms < older {
            kept.batches[kept.closed.forms].close_forms();
            kept.closed.forms += 1;
        }
        while kept.batches.len() > 1 && (kept.events > self.max_events || kept.bytes + self.derived() > self.max_bytes) {
            let Some(oldest) = kept.batches.pop_front() else { break };
            kept.events -= oldest.len();
            kept.bytes -= oldest.bytes();
            // A reader may hold it for a while; what it keeps is no longer the ring's.
            oldest.close_matches();
            oldest.close_forms();
            kept.closed.matches = kept.closed.matches.saturating_sub(1);
            kept.closed.forms = kept.closed.forms.saturating_sub(1);
        }
    }

    fn derived(&self) -> usize {
        self.matches.used() + self.forms.used()
    }

    /// The batch that holds the event after `seq`; none where the ring no longer, or not yet, has it.
    pub(super) fn after(&self, seq: u64) -> Option<Arc<Batch>> {
        #[cfg(test)]
        super::orders::point();
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let wanted = seq + 1;
        if kept.batches.front().is_none_or(|oldest| oldest.first() > wanted) {
            return None;
        }
        let place = kept.batches.partition_point(|batch| batch.last() < wanted);
        kept.batches.get(place).cloned()
    }

    /// Events and bytes in it, with what was made of them.
    pub(crate) fn size(&self) -> (usize, usize) {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        (kept.events, kept.bytes + self.derived())
    }
}

#[cfg(test)]
mod tests {
    use super::super::filters::{Filters, SharedFilter};
    use super::*;
    use crate::event::{Entity, Epoch, Filter};
    use crate::hub::engine::Stored;
    use crate::hub::{Counters, Picked};

    fn batch(first: u64, count: u64) -> Batch {
        let stored = |seq: u64| {
            let entity = Entity::new("thing", (seq % 10).to_string());
            let json = format!("{{\"seq\":{seq},\"type\":\"thing.happened\",\"entity\":\"thing:{}\"}}", seq % 10);
            Stored { seq, kind: "thing.happened".into(), source: "test".into(), entity: Some(entity), key: None, json }
        };
        Batch::new(Epoch(1), (first..first + count).map(stored).collect())
    }

    fn filters(count: usize) -> (Arc<Counters>, Vec<Arc<SharedFilter>>) {
        let counters = Arc::<Counters>::default();
        let filters = Filters::new(Arc::clone(&counters));
        let shared = (0..count).map(|n| {
            let mut filter = Filter::everything();
            filter.add("entity", &format!("thing:{},other:{n}", n % 10)).unwrap();
            filters.share(filter).unwrap()
        });
        (counters, shared.collect())
    }

    fn pick(batch: &Arc<Batch>, filter: &SharedFilter, prev: u64) -> Option<Picked> {
        let found = batch.matching(filter)?;
        Some(Picked { batch: Arc::clone(batch), found, from: 0, prev, filter: filter.id() })
    }

    /// Whatever is made of the batches, all of it is counted and within the bound.
    #[test]
    fn what_filters_and_formats_add_is_within_the_bound() {
        const MAX: usize = 1 << 20;
        let (ring, (counters, filters)) = (Ring::new(100_000, MAX), filters(500));
        for n in 0..4_000 {
            ring.push(batch(n + 1, 1));
            let batch = ring.after(n).unwrap();
            batch.sse(0..1);
            for filter in &filters {
                if let Some(picked) = pick(&batch, filter, n) {
                    picked.frames();
                }
            }
            let (events, bytes) = ring.size();
            assert!(bytes <= MAX, "{bytes} bytes");
            assert!(events as u64 == n + 1 || bytes > MAX / 4, "the events themselves have room");
        }
        assert_eq!(counters.filter_evaluations.load(std::sync::atomic::Ordering::Relaxed), 500 * 4_000);
        let kept = ring.kept.read().unwrap();
        assert!(kept.closed.forms > 0 && kept.closed.matches > 0, "the oldest gave way");
        assert_eq!(kept.bytes, kept.batches.iter().map(|batch| batch.bytes()).sum::<usize>());
        // One that gave way is still told from the rest, for each reader anew.
        let oldest = &kept.batches[0];
        let filter = &filters[(oldest.first() % 10) as usize];
        assert_eq!(pick(oldest, filter, 7).unwrap().frames(), pick(oldest, filter, 7).unwrap().frames());
    }

    #[test]
    fn readers_in_step_share_their_frames() {
        let (ring, (_, filters)) = (Ring::new(1_000, 1 << 20), filters(10));
        ring.push(batch(1, 40));
        let batch = ring.after(0).unwrap();
        let one = pick(&batch, &filters[3], 0).unwrap();
        let (first, other) = (one.frames(), pick(&batch, &filters[3], 0).unwrap().frames());
        assert_eq!(first.as_ptr(), other.as_ptr());
        let prevs: Vec<(usize, u64)> = one.events().collect();
        assert_eq!(prevs, [(2, 0), (12, 3), (22, 13), (32, 23)]);
        let text = String::from_utf8_lossy(&first).into_owned();
        for prev in [0, 3, 13, 23] {
            assert!(text.contains(&format!("{{\"prev\":{prev},\"seq\":")), "{text}");
        }
        let late = pick(&batch, &filters[3], 2).unwrap().frames();
        assert_ne!(late, first, "who stood elsewhere is told so");
        let half = Picked { from: 2, prev: 13, ..one };
        assert_eq!(half.frames(), first.slice(first.len() - half.frames().len()..));
    }
}
