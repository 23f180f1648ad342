//! What the addresses of the memory answer with.

use serde::Serialize;
use serde_json::Value;

use crate::service::memory::{Entry, Hit, MAX_SHOWN, NamespaceSummary, Totals, Write};
use crate::swarm::bounds::clip;

/// The namespaces.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NamespacePage {
    /// A page of them, in order of their names.
    pub namespaces: Vec<NamespaceView>,
    /// What to go on after, where there may be more.
    pub next: Option<String>,
    /// All namespaces together.
    pub totals: TotalsView,
}

/// One namespace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NamespaceView {
    /// Its name.
    pub name: String,
    /// How many keys it has.
    pub keys: u64,
    /// The size of their values, in bytes of JSON.
    pub bytes: u64,
    /// How many operations it saw.
    pub operations: u64,
    /// When it saw the newest.
    pub updated_at: String,
}

/// The size of everything.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TotalsView {
    /// Namespaces.
    pub namespaces: u64,
    /// Keys.
    pub keys: u64,
    /// Bytes of JSON.
    pub bytes: u64,
    /// Operations.
    pub operations: u64,
    /// Events that named no key to write, or a longer name than is taken here.
    pub passed_over: u64,
}

/// A key with its value.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EntryView {
    /// The namespace.
    pub namespace: String,
    /// The key in it.
    pub key: String,
    /// The value; where `cut`, the beginning of its JSON as a text; absent where nobody told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub value: Option<Value>,
    /// Whether `value` is only the beginning.
    pub cut: bool,
    /// The value's size, in bytes of its JSON.
    pub bytes: u64,
    /// The place in the log of the event that wrote it; `if_version` takes it.
    pub version: u64,
    /// How often it was written.
    pub writes: u64,
    /// When it was first written.
    pub created_at: String,
    /// When it was last written.
    pub updated_at: String,
    /// Who wrote it last.
    pub source: String,
    /// How well it fits a search; higher is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank: Option<f64>,
    /// Where it fits a search: a few words, what was searched for in square brackets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<String>,
}

/// The keys of a namespace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeyPage {
    /// The namespace.
    pub namespace: NamespaceView,
    /// A page of its keys in order; of a search the best first.
    pub keys: Vec<EntryView>,
    /// What to go on after, where there may be more.
    pub next: Option<String>,
}

/// What a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SearchAnswer {
    /// The results, best first.
    pub results: Vec<EntryView>,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
}

/// A value that was asked for by its key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ValueAnswer {
    /// The key with its whole value.
    #[serde(flatten)]
    pub entry: EntryView,
    /// Whether the cache answered.
    pub cache_hit: bool,
    /// How long it took, in milliseconds.
    pub latency_ms: f64,
}

/// What became of a write.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WriteAnswer {
    /// The event's place in the log, which is the value's version.
    pub version: u64,
    /// Whether the key is new.
    pub created: bool,
    /// How long it took until it was decided, in milliseconds.
    pub latency_ms: f64,
}

/// The writes of a key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WritePage {
    /// The writes, newest first.
    pub writes: Vec<WriteView>,
    /// What to go on before, where there is more.
    pub next: Option<u64>,
}

/// One write of a key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WriteView {
    /// Its place in the log.
    pub seq: u64,
    /// When it was done.
    pub ts: String,
    /// `memory.stored`, `memory.updated` or `memory.deleted`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Who did it.
    pub source: String,
    /// The value; where `cut`, the beginning of its JSON as a text; absent of a deletion.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub value: Option<Value>,
    /// Whether `value` is only the beginning.
    pub cut: bool,
}

/// A value as it is shown, and whether it is cut to [`MAX_SHOWN`].
fn shown(json: Option<&str>, most: usize) -> (Option<Value>, bool) {
    let cut = json.is_some_and(|json| json.len() > most);
    let value = json.map(|json| match cut {
        true => Value::String(clip(json, most)),
        // The index holds what was written as JSON.
        false => serde_json::from_str(json).unwrap_or_else(|_| Value::String(json.to_owned())),
    });
    (value, cut)
}

impl EntryView {
    pub(super) fn whole(entry: &Entry) -> Self {
        Self::of(entry, usize::MAX)
    }

    pub(super) fn cut(entry: &Entry) -> Self {
        Self::of(entry, MAX_SHOWN)
    }

    pub(super) fn of_hit(hit: Hit) -> Self {
        Self { rank: Some(hit.rank), snippet: Some(hit.snippet), ..Self::cut(&hit.entry) }
    }

    fn of(entry: &Entry, most: usize) -> Self {
        let (value, cut) = shown(entry.value.as_deref(), most);
        Self {
            namespace: entry.namespace.clone(),
            key: entry.key.clone(),
            value,
            cut,
            bytes: entry.bytes,
            version: entry.version,
            writes: entry.writes,
            created_at: entry.created.to_string(),
            updated_at: entry.updated.to_string(),
            source: entry.source.clone(),
            rank: None,
            snippet: None,
        }
    }
}

impl From<Write> for WriteView {
    fn from(write: Write) -> Self {
        let (value, cut) = shown(write.value.as_deref(), MAX_SHOWN);
        Self { seq: write.seq, ts: write.ts.to_string(), kind: write.kind, source: write.source, value, cut }
    }
}

impl From<NamespaceSummary> for NamespaceView {
    fn from(it: NamespaceSummary) -> Self {
        Self { name: it.name, keys: it.keys, bytes: it.bytes, operations: it.operations, updated_at: it.updated.to_string() }
    }
}

impl From<Totals> for TotalsView {
    fn from(it: Totals) -> Self {
        Self { namespaces: it.namespaces, keys: it.keys, bytes: it.bytes, operations: it.operations, passed_over: it.passed_over }
    }
}
