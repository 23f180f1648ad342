//! Retrieve, search and list.

use std::sync::Arc;
use std::time::Instant;

use super::{
    ANYWHERE, Entry, MAX_NAMESPACES, MAX_RESULTS, Memory, NamespaceSummary, Totals, about, check_names, check_namespace,
    check_source, elapsed_ms, operation, text,
};
use crate::event::memory::MemoryEvent;
use crate::event::wire::{from_text, to_text};
use crate::event::{Body, Draft, Event, Timestamp};
use crate::hub::Read;
use crate::service::Refusal;

/// A value that was asked for by its key.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieved {
    /// The key with its value.
    pub entry: Arc<Entry>,
    /// Whether the cache answered.
    pub cache_hit: bool,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
}

/// One result of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The key with its value.
    pub entry: Entry,
    /// How well it fits; higher is better, and only of use to compare results of one search.
    pub rank: f64,
    /// Where it fits: a few words, what was searched for in square brackets.
    pub snippet: String,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The results, best first.
    pub hits: Vec<Hit>,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
}

/// One write of a key, as the log tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Its place in the log.
    pub seq: u64,
    /// When it was done.
    pub ts: Timestamp,
    /// `memory.stored`, `memory.updated` or `memory.deleted`.
    pub kind: String,
    /// Who did it.
    pub source: String,
    /// The value's JSON; none of a deletion.
    pub value: Option<String>,
}

/// A page of the writes of a key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The writes, newest first.
    pub writes: Vec<Write>,
    /// What to go on before, where there is more.
    pub next: Option<u64>,
}

impl Memory {
    /// The value of a key.
    ///
    /// The operation's event is handed to the log without waiting for the disk, also where there is
    /// no such key.
    ///
    /// # Errors
    /// The key is missing; a name is over its bound; the index does not answer.
    pub async fn retrieve(&self, by: &str, namespace: &str, key: &str) -> Result<Retrieved, Refusal> {
        check_source(by)?;
        check_names(namespace, key)?;
        let began = Instant::now();
        self.current().await?;
        let (found, cache_hit) = self.look_up(namespace, key).await?;
        let mut it = operation(namespace, began);
        let latency_ms = it.latency_ms;
        it.key = Some(key.to_owned());
        it.result_count = Some(u64::from(found.is_some()));
        it.cache_hit = Some(cache_hit);
        self.hub.emit(Draft::new(by, about(namespace), MemoryEvent::Retrieved(it)));
        let entry = found.ok_or_else(|| Refusal::missing(format!("there is no {key:?} in {namespace:?}")))?;
        Ok(Retrieved { entry, cache_hit, latency_ms })
    }

    /// A value, and whether the cache had it.
    async fn look_up(&self, namespace: &str, key: &str) -> Result<(Option<Arc<Entry>>, bool), Refusal> {
        if let Some(entry) = self.parts.cache.get(namespace, key) {
            return Ok((Some(entry), true));
        }
        let generation = self.parts.cache.generation();
        let (namespace, key) = (namespace.to_owned(), key.to_owned());
        let found = self.ask(move |index| index.get(&namespace, &key)).await?;
        if let Some(entry) = &found {
            self.parts.cache.add(generation, Arc::clone(entry));
        }
        Ok((found, false))
    }

    /// What has all words of a query, in its key or its value, in one namespace or in all; at most
    /// `limit` and [`MAX_RESULTS`], best first. A word that ends in `*` stands for all that begin
    /// with it; capitals and accents make no difference; nothing else in a query has a meaning.
    ///
    /// # Errors
    /// The query has no word, or too many; the index does not answer.
    pub async fn search(&self, by: &str, query: &str, namespace: Option<&str>, limit: usize) -> Result<Found, Refusal> {
        check_source(by)?;
        namespace.map_or(Ok(()), check_namespace)?;
        let expression = text::expression(query)?;
        let began = Instant::now();
        self.current().await?;
        let wanted = namespace.map(str::to_owned);
        let limit = limit.min(MAX_RESULTS);
        let rows = self.ask(move |index| index.search(&expression, wanted.as_deref(), limit)).await?;
        let hits: Vec<Hit> = rows.into_iter().map(|(entry, rank, snippet)| Hit { entry, rank, snippet }).collect();
        let mut it = operation(namespace.unwrap_or(ANYWHERE), began);
        let latency_ms = elapsed_ms(began);
        it.latency_ms = latency_ms;
        it.query = Some(query.to_owned());
        it.result_count = Some(hits.len() as u64);
        self.hub.emit(Draft::new(by, about(namespace.unwrap_or(ANYWHERE)), MemoryEvent::Searched(it)));
        Ok(Found { hits, latency_ms })
    }

    /// Namespaces in order of their names after `after`, at most `limit` and [`MAX_NAMESPACES`], and
    /// the size of everything.
    ///
    /// # Errors
    /// The index does not answer.
    pub async fn namespaces(&self, after: &str, limit: usize) -> Result<(Vec<NamespaceSummary>, Totals), Refusal> {
        self.current().await?;
        let after = after.to_owned();
        self.ask(move |index| Ok((index.namespaces(&after, limit.min(MAX_NAMESPACES))?, index.totals()?))).await
    }

    /// A namespace, and its keys in order after `after`, at most `limit` and [`MAX_RESULTS`].
    ///
    /// # Errors
    /// No operation ever named the namespace; the index does not answer.
    pub async fn keys(&self, namespace: &str, after: &str, limit: usize) -> Result<(NamespaceSummary, Vec<Entry>), Refusal> {
        check_namespace(namespace)?;
        self.current().await?;
        let (name, after) = (namespace.to_owned(), after.to_owned());
        let (summary, keys) =
            self.ask(move |index| Ok((index.namespace(&name)?, index.keys(&name, &after, limit.min(MAX_RESULTS))?))).await?;
        let summary = summary.ok_or_else(|| Refusal::missing(format!("there is no namespace {namespace:?}")))?;
        Ok((summary, keys))
    }

    /// The writes of a key before the place `before`, newest first, at most `limit` and
    /// [`MAX_RESULTS`]: as far as the log keeps them, and the newest [`MAX_HISTORY`](super::MAX_HISTORY).
    ///
    /// # Errors
    /// Nothing ever wrote the key, as far as is known; the log or the index does not answer.
    pub async fn history(&self, namespace: &str, key: &str, before: u64, limit: usize) -> Result<History, Refusal> {
        check_names(namespace, key)?;
        self.current().await?;
        let limit = limit.clamp(1, MAX_RESULTS);
        let (space, name) = (namespace.to_owned(), key.to_owned());
        let mut seqs = self.ask(move |index| index.writes(&space, &name, before, limit + 1)).await?;
        if seqs.is_empty() && before == u64::MAX {
            return Err(Refusal::missing(format!("nothing ever wrote {key:?} in {namespace:?}")));
        }
        let more = seqs.len() > limit;
        seqs.truncate(limit);
        let mut history = History { next: seqs.last().copied().filter(|_| more), ..History::default() };
        for seq in seqs {
            let page = self.hub.read(Read { after: seq - 1, before: seq + 1, limit: 1, ..Read::default() }).await?;
            // What retention took away is no longer told.
            let Some(stored) = page.events.first() else {
                history.next = None;
                break;
            };
            history.writes.push(write(from_text(&stored.json)?));
        }
        Ok(history)
    }

    /// Looks whether the index is up to date and can be read; what it holds, in a sentence.
    ///
    /// # Errors
    /// It is behind, or cannot be read.
    pub async fn verify(&self) -> Result<String, Refusal> {
        let built = self.current().await?;
        let totals = self.ask(super::index::Index::totals).await?;
        Ok(format!("keys: {}, namespaces: {}; built up to event {built}", totals.keys, totals.namespaces))
    }
}

fn write(event: Event) -> Write {
    let value = match &event.body {
        Body::Memory(body) => body.operation().value.as_ref().map(to_text),
        _ => None,
    };
    Write { seq: event.seq, ts: event.when(), kind: event.kind().to_owned(), source: event.source, value }
}
