//! What the swarm keeps in common: current keys, the newest operations, and totals.

use std::collections::{BTreeMap, VecDeque};

use super::Evidence;
use super::bounds::{clip, prune, push_newest};
use super::table::Table;
use crate::event::memory::MemoryEvent;
use crate::event::table::{record, words};
use crate::event::wire::to_text;
use crate::event::{Event, Timestamp};

/// How many operations are kept; older ones are in the log.
pub const MAX_RECENT: usize = 200;
/// How many namespaces are kept; past it those longest unused are forgotten.
pub const MAX_NAMESPACES: usize = 100;
/// How many keys of a namespace are kept; past it those longest unchanged are forgotten.
pub const MAX_KEYS: usize = 200;
/// How much of a value is kept, in bytes of its JSON.
pub const MAX_VALUE: usize = 300;

words! {
    /// What was done to the memory.
    pub enum Operation {
        Store = "store",
        Retrieve = "retrieve",
        Search = "search",
        Update = "update",
        Delete = "delete",
    }
}

record! {
    /// One operation.
    pub struct Recent {
        /// Its place in the log.
        seq: u64,
        /// When it was done.
        ts: Timestamp,
        /// What was done.
        operation: Operation,
        /// The namespace.
        namespace: String,
        /// The key.
        key: Option<String>,
        /// What was searched for.
        query: Option<String>,
        /// How many values were found.
        result_count: Option<u64>,
        /// Whether a cache answered.
        cache_hit: Option<bool>,
        /// How long it took, in milliseconds.
        latency_ms: f64,
        /// Who reported it.
        source: String,
    }
}

record! {
    /// A key with its value.
    pub struct Entry {
        /// The beginning of the value's JSON; unknown where it was not told.
        value: Option<String>,
        /// How often it was written.
        writes: u64,
        /// The event that wrote it last.
        written_by: Evidence,
    }
}

record! {
    /// One namespace.
    pub struct Namespace {
        /// Its current keys.
        keys: Table<Entry>,
        /// How many keys were forgotten at the bound.
        forgotten: u64,
        /// How many operations it saw.
        operations: u64,
        /// The newest one's place in the log.
        last: u64,
    }
}

record! {
    /// The memory.
    #[derive(Default)]
    pub struct Memory {
        /// The newest operations, oldest first.
        recent: VecDeque<Recent>,
        /// How many of each operation.
        by_operation: BTreeMap<String, u64>,
        /// How often a cache answered.
        hits: u64,
        /// How often it was asked and did not.
        misses: u64,
        /// The sum of all latencies, in milliseconds.
        latency_ms: f64,
        /// The namespaces.
        namespaces: Table<Namespace>,
    }
}

impl Memory {
    pub(super) fn fold(&mut self, event: &Event, body: &MemoryEvent) {
        let it = body.operation();
        let operation = match body {
            MemoryEvent::Stored(_) => Operation::Store,
            MemoryEvent::Retrieved(_) => Operation::Retrieve,
            MemoryEvent::Searched(_) => Operation::Search,
            MemoryEvent::Updated(_) => Operation::Update,
            MemoryEvent::Deleted(_) => Operation::Delete,
        };
        *self.by_operation.entry(operation.as_str().to_owned()).or_default() += 1;
        match it.cache_hit {
            Some(true) => self.hits += 1,
            Some(false) => self.misses += 1,
            None => {}
        }
        self.latency_ms += it.latency_ms;
        let recent = Recent {
            seq: event.seq,
            ts: event.when(),
            operation,
            namespace: it.namespace.clone(),
            key: it.key.clone(),
            query: it.query.as_deref().map(|query| clip(query, MAX_VALUE)),
            result_count: it.result_count,
            cache_hit: it.cache_hit,
            latency_ms: it.latency_ms,
            source: event.source.clone(),
        };
        push_newest(&mut self.recent, recent, MAX_RECENT);

        let namespace =
            self.namespaces.entry(&it.namespace, || Namespace { keys: Table::default(), forgotten: 0, operations: 0, last: 0 });
        namespace.operations += 1;
        namespace.last = event.seq;
        if let Some(key) = &it.key {
            namespace.fold(event, operation, key, it.value.as_ref().map(|value| clip(&to_text(value), MAX_VALUE)));
        }
        prune(&mut self.namespaces, MAX_NAMESPACES, |namespace| (true, namespace.last));
    }
}

impl Namespace {
    fn fold(&mut self, event: &Event, operation: Operation, key: &str, value: Option<String>) {
        match operation {
            Operation::Store | Operation::Update => {
                let writes = self.keys.get(key).map_or(0, |entry| entry.writes) + 1;
                self.keys.insert(key, Entry { value, writes, written_by: Evidence::of(event) });
                self.forgotten += prune(&mut self.keys, MAX_KEYS, |entry| (true, entry.written_by.seq));
            }
            Operation::Delete => {
                self.keys.remove(key);
            }
            Operation::Retrieve | Operation::Search => {}
        }
    }
}
