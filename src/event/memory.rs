//! Memory: what a swarm keeps in common, by namespace and key.

use super::table::{About, family, payload};
use serde_json::Value;

payload! {
    /// One operation on the shared memory.
    pub struct MemoryOperation {
        /// The namespace.
        namespace: String,
        /// The key in it.
        key: Option<String>,
        /// What was searched for.
        query: Option<String>,
        /// The value.
        value: Option<Value>,
        /// How many values were found.
        result_count: Option<u64>,
        /// Whether a cache answered.
        cache_hit: Option<bool>,
        /// How long it took, in milliseconds.
        latency_ms: f64 => (0.0, 1e12),
    }
}

family! {
    /// Memory: what a swarm keeps in common, by namespace and key.
    MemoryEvent = "memory" about About::Anything;

    /// A value was put under a new key.
    Stored = "stored" MemoryOperation
    /// A value was looked up by its key.
    Retrieved = "retrieved" MemoryOperation
    /// Values were searched for.
    Searched = "searched" MemoryOperation
    /// A value was put in the place of another.
    Updated = "updated" MemoryOperation
    /// A key was taken away.
    Deleted = "deleted" MemoryOperation
}

impl MemoryEvent {
    /// What was done, whichever operation it was.
    pub fn operation(&self) -> &MemoryOperation {
        match self {
            Self::Stored(op) | Self::Retrieved(op) | Self::Searched(op) | Self::Updated(op) | Self::Deleted(op) => op,
        }
    }
}
