//! What a swarm keeps in common: values under keys in namespaces, with full-text search.
//!
//! The truth is the log: every operation is a `memory.*` event, whoever reports it. Of a living key
//! whose last write retention takes away, the log keeps that event ([`Hub::kept`]). Beside the log
//! stands an index, `memory.db`, which [follows it](projection) and answers what is asked here;
//! lost or deleted, it is built again with every living value. How many operations a namespace saw
//! is then counted from what is kept. The index grows with what is stored and is bounded by the disk.
//!
//! A write is decided as one step against the newest state, so that of two that claim the same key
//! one comes second; who has been answered reads what he wrote. Latency and cache hit are measured:
//! the latency of a write ends when it is decided, since the event that tells it is what is
//! committed then.
//!
//! In memory only: the cache of recent values, which a restart empties.

mod cache;
mod index;
mod projection;
mod read;
mod text;
mod write;

pub use crate::event::memory::{MAX_KEY, MAX_NAMESPACE};
pub use read::{Found, History, Hit, Retrieved, Write};
pub use write::{Condition, Written};

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{Refusal, Setup};
use crate::event::memory::MemoryOperation;
use crate::event::wire::Object;
use crate::event::{Entity, MAX_SOURCE, Timestamp};
use crate::hub::Hub;
use cache::Cache;
use index::Index;

/// Largest value, in bytes of its JSON.
pub const MAX_VALUE: usize = 48 << 10;
/// How much of a value lists and search results show, in bytes of its JSON.
pub const MAX_SHOWN: usize = 16 << 10;
/// Longest search, in bytes.
pub const MAX_QUERY: usize = 1_000;
/// Most results of a search, keys of a page, and writes of a page of history.
pub const MAX_RESULTS: usize = 100;
/// Most namespaces of a page.
pub const MAX_NAMESPACES: usize = 1_000;
/// How many writes of a key are known; older ones are still in the log.
pub const MAX_HISTORY: usize = 1_000;
/// The namespace that the event of a search through all of them names.
pub const ANYWHERE: &str = "*";
/// How long an operation waits for the index before it is refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The namespace.
    pub namespace: String,
    /// The key in it.
    pub key: String,
    /// The value's JSON; none where the event that wrote it told none.
    pub value: Option<String>,
    /// The value's size, in bytes of its JSON.
    pub bytes: u64,
    /// The place in the log of the event that wrote it: no two states of a key share it.
    pub version: u64,
    /// How often it was written since it was last put under a new key.
    pub writes: u64,
    /// When it was first written.
    pub created: Timestamp,
    /// When it was last written.
    pub updated: Timestamp,
    /// Who wrote it last.
    pub source: String,
}

/// One namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceSummary {
    /// Its name.
    pub name: String,
    /// How many keys it has.
    pub keys: u64,
    /// The size of their values, in bytes of JSON.
    pub bytes: u64,
    /// How many operations it saw.
    pub operations: u64,
    /// When it saw the newest.
    pub updated: Timestamp,
}

/// The size of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Namespaces.
    pub namespaces: u64,
    /// Keys.
    pub keys: u64,
    /// Bytes of JSON.
    pub bytes: u64,
    /// Operations.
    pub operations: u64,
    /// Events that are not in the index: they name no key, or a longer name than is taken here.
    pub passed_over: u64,
}

/// How far the index is behind the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexLag {
    /// The newest memory event.
    pub newest: u64,
    /// Up to where the index is built.
    pub built: u64,
    /// Why it does not go on, while it does not.
    pub trouble: Option<String>,
}

/// What a swarm keeps in common; cheap to clone.
#[derive(Debug, Clone)]
pub struct Memory {
    hub: Hub,
    parts: Arc<Parts>,
}

/// What the service and its projection share.
#[derive(Debug)]
struct Parts {
    index: Index,
    cache: Cache,
    /// Up to which event the index holds every operation.
    built: watch::Sender<u64>,
    /// Why the projection does not go on, while it does not.
    trouble: Mutex<Option<String>>,
}

impl Memory {
    /// Opens the index and lets it follow the log. It catches up in the background; what is asked
    /// meanwhile waits.
    ///
    /// # Errors
    /// The index cannot be opened.
    pub async fn start(setup: &Setup) -> Result<Self, Refusal> {
        let path = setup.data.join("memory.db");
        let (epoch, head) = (setup.hub.epoch(), setup.hub.head());
        let opened = blocking(move || {
            Index::open(&path, epoch, head)
                .map_err(|error| Refusal::unavailable(format!("cannot use {}: {error}", path.display())))
        });
        let index = opened.await?;
        let (built, _) = watch::channel(index.built());
        let parts = Arc::new(Parts { index, cache: Cache::default(), built, trouble: Mutex::default() });
        let memory = Self { hub: setup.hub.clone(), parts: Arc::clone(&parts) };
        setup.tracker.spawn(projection::follow(setup.hub.clone(), parts, setup.stopping.clone()));
        Ok(memory)
    }

    /// How far the index is behind the log.
    pub fn lag(&self) -> IndexLag {
        let newest = self.hub.state().memory.recent.back().map_or(0, |operation| operation.seq);
        let trouble = self.parts.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
        IndexLag { newest, built: *self.parts.built.borrow(), trouble }
    }

    /// Waits until the index holds all that is in the log now; up to where it is built then.
    ///
    /// # Errors
    /// It does not get there in time.
    async fn current(&self) -> Result<u64, Refusal> {
        let newest = self.lag().newest;
        let mut built = self.parts.built.subscribe();
        let reached = tokio::time::timeout(PATIENCE, built.wait_for(|built| *built >= newest)).await;
        if let Ok(Ok(built)) = reached {
            return Ok(*built);
        }
        let lag = self.lag();
        let why = lag.trouble.map(|trouble| format!(": {trouble}")).unwrap_or_default();
        Err(Refusal::unavailable(format!("the index of the memory is at {} of {}{why}", lag.built, lag.newest)))
    }

    /// Asks the index, off the async threads.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Index) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Refusal> {
        let parts = Arc::clone(&self.parts);
        let answer = blocking(move || question(&parts.index)).await;
        answer.map_err(|error| {
            tracing::error!(%error, "memory.index.read");
            Refusal::unavailable(format!("the index of the memory cannot be read: {error}"))
        })
    }
}

fn check_namespace(namespace: &str) -> Result<(), Refusal> {
    bounded("namespace", namespace, MAX_NAMESPACE)?;
    if namespace == ANYWHERE {
        return Err(Refusal::invalid("namespace: * stands for all of them"));
    }
    Ok(())
}

fn check_names(namespace: &str, key: &str) -> Result<(), Refusal> {
    check_namespace(namespace)?;
    bounded("key", key, MAX_KEY)
}

fn check_source(by: &str) -> Result<(), Refusal> {
    bounded("source", by, MAX_SOURCE)
}

fn bounded(what: &str, text: &str, most: usize) -> Result<(), Refusal> {
    match text.len() {
        0 => Err(Refusal::invalid(format!("{what}: empty"))),
        length if length > most => Err(Refusal::invalid(format!("{what}: {length} bytes, over the limit of {most}"))),
        _ => Ok(()),
    }
}

/// An operation that took from `began` to now.
fn operation(namespace: &str, began: Instant) -> MemoryOperation {
    MemoryOperation {
        namespace: namespace.to_owned(),
        key: None,
        query: None,
        value: None,
        result_count: None,
        cache_hit: None,
        latency_ms: elapsed_ms(began),
        extra: Object::new(),
    }
}

/// Milliseconds since `began`, to the microsecond.
fn elapsed_ms(began: Instant) -> f64 {
    began.elapsed().as_micros() as f64 / 1_000.0
}

/// What an event about a namespace is about.
fn about(namespace: &str) -> Entity {
    Entity::new("memory", namespace)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
