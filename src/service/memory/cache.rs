//! Recent values in memory: a retrieval that finds its value here does not ask the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Entry;

/// How many values are kept; past it the eighth that was unused longest goes.
pub(super) const MAX_ENTRIES: usize = 1_024;
/// How many bytes of values are kept; past it likewise.
pub(super) const MAX_BYTES: u64 = 8 << 20;

/// The cache. It never holds a value that the index no longer holds: the projection tells it of
/// every change in the moment in which it is committed, and a reader may add only what it read
/// while nothing changed.
#[derive(Debug, Default)]
pub(super) struct Cache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    slots: HashMap<Name, Slot>,
    bytes: u64,
    /// Counts uses, to tell which value was unused longest.
    clock: u64,
    /// Counts changes of the index.
    generation: u64,
}

type Name = (String, String);

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    used: u64,
}

/// What became of a key.
#[derive(Debug)]
pub(super) enum Change {
    /// It has this value now.
    Written(Arc<Entry>),
    /// It is gone.
    Deleted(String, String),
}

impl Cache {
    /// The value of a key, where it is kept.
    pub(super) fn get(&self, namespace: &str, key: &str) -> Option<Arc<Entry>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        let slot = kept.slots.get_mut(&(namespace.to_owned(), key.to_owned()))?;
        slot.used = clock;
        Some(Arc::clone(&slot.entry))
    }

    /// What to hand to [`add`](Self::add) with a value that is read after this.
    pub(super) fn generation(&self) -> u64 {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).generation
    }

    /// Keeps a value that was read from the index, unless the index changed meanwhile.
    pub(super) fn add(&self, generation: u64, entry: Arc<Entry>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.generation == generation {
            kept.put(entry);
        }
    }

    /// Forgets everything: the index was put right as a whole.
    pub(super) fn clear(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.slots, kept.bytes) = (HashMap::new(), 0);
        kept.generation += 1;
    }

    /// Takes in what changed in the index.
    pub(super) fn apply(&self, changes: Vec<Change>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.generation += 1;
        for change in changes {
            match change {
                Change::Written(entry) => kept.put(entry),
                Change::Deleted(namespace, key) => kept.take(&(namespace, key)),
            }
        }
    }
}

impl Kept {
    fn put(&mut self, entry: Arc<Entry>) {
        let name = (entry.namespace.clone(), entry.key.clone());
        self.take(&name);
        self.clock += 1;
        self.bytes += entry.bytes;
        self.slots.insert(name, Slot { entry, used: self.clock });
        if self.slots.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            self.shrink();
        }
    }

    fn take(&mut self, name: &Name) {
        if let Some(slot) = self.slots.remove(name) {
            self.bytes -= slot.entry.bytes;
        }
    }

    /// Lets go of an eighth, so that the sorting is paid once for many values.
    fn shrink(&mut self) {
        let mut ages: Vec<(u64, Name)> = self.slots.iter().map(|(name, slot)| (slot.used, name.clone())).collect();
        ages.sort_unstable_by_key(|(used, _)| *used);
        for (_, name) in ages {
            if self.slots.len() <= MAX_ENTRIES - MAX_ENTRIES / 8 && self.bytes <= MAX_BYTES - MAX_BYTES / 8 {
                return;
            }
            self.take(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    fn entry(key: &str, bytes: u64) -> Arc<Entry> {
        Arc::new(Entry {
            namespace: "n".into(),
            key: key.into(),
            value: Some("1".into()),
            bytes,
            version: 1,
            writes: 1,
            created: Timestamp(0),
            updated: Timestamp(0),
            source: "test".into(),
        })
    }

    #[test]
    fn what_was_unused_longest_goes_first() {
        let cache = Cache::default();
        for n in 0..MAX_ENTRIES {
            cache.apply(vec![Change::Written(entry(&n.to_string(), 1))]);
        }
        assert!(cache.get("n", "0").is_some());
        cache.apply(vec![Change::Written(entry("new", 1))]);
        assert!(cache.get("n", "0").is_some() && cache.get("n", "new").is_some());
        assert!(cache.get("n", "1").is_none() && cache.get("n", "100").is_none());
        for n in 0..40 {
            cache.apply(vec![Change::Written(entry(&format!("big{n}"), MAX_BYTES / 16))]);
        }
        let kept = cache.kept.lock().unwrap();
        assert!(kept.bytes <= MAX_BYTES);
        assert_eq!(kept.bytes, kept.slots.values().map(|slot| slot.entry.bytes).sum::<u64>());
    }

    #[test]
    fn a_reader_that_was_overtaken_adds_nothing() {
        let cache = Cache::default();
        let generation = cache.generation();
        cache.apply(vec![Change::Deleted("n".into(), "k".into())]);
        cache.add(generation, entry("k", 1));
        assert!(cache.get("n", "k").is_none());
        cache.add(cache.generation(), entry("k", 1));
        assert!(cache.get("n", "k").is_some());
    }
}
