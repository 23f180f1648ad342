//! Memory: what a swarm keeps in common, by namespace and key.

use super::table::{About, family, payload};
use serde_json::Value;

/// Longest namespace whose keys are kept, in bytes.
pub const MAX_NAMESPACE: usize = 128;
/// Longest key that is kept, in bytes.
pub const MAX_KEY: usize = 256;

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

    /// The key that it writes or takes away; none where it does neither, or names none that can be
    /// kept: it is empty, or it or its namespace is over the bound.
    pub fn writes(&self) -> Option<&str> {
        match self {
            Self::Retrieved(_) | Self::Searched(_) => None,
            Self::Stored(op) | Self::Updated(op) | Self::Deleted(op) => {
                let fits = |key: &&str| op.namespace.len() <= MAX_NAMESPACE && (1..=MAX_KEY).contains(&key.len());
                op.key.as_deref().filter(fits)
            }
        }
    }
}
