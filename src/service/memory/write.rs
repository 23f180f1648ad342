//! Store, update and delete: decided as one step, committed, then in the index.

use std::time::Instant;

use serde_json::Value;

use super::{MAX_VALUE, Memory, about, check_names, check_source, operation};
use crate::event::Draft;
use crate::event::memory::MemoryEvent;
use crate::event::wire::to_text;
use crate::hub::DecideError;
use crate::service::Refusal;
use crate::swarm;
use crate::swarm::memory::{MAX_RECENT, Operation};

/// How often a write looks anew where the key may have changed between looking and deciding.
const TRIES: usize = 10;

/// Under which condition a value is stored or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Condition {
    /// Whatever is there.
    #[default]
    Always,
    /// Only under a new key.
    Absent,
    /// Only in the place of another.
    Present,
    /// Only in the place of this version.
    Version(u64),
}

/// What became of a write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written {
    /// The event's place in the log, which is the value's version.
    pub version: u64,
    /// Whether the key is new.
    pub created: bool,
    /// How long it took until it was decided, in milliseconds.
    pub latency_ms: f64,
}

/// Why a decision came to nothing.
#[derive(Debug)]
enum Stale {
    /// The key may have changed since the index was asked.
    Key,
}

impl Memory {
    /// Stores a value under a key, new or not, and returns once it is committed and can be read.
    ///
    /// # Errors
    /// A name or the value is over its bound; the condition does not hold; the log or the index
    /// does not answer.
    pub async fn store(
        &self,
        by: &str,
        namespace: &str,
        key: &str,
        value: Value,
        condition: Condition,
    ) -> Result<Written, Refusal> {
        check_names(namespace, key)?;
        let size = to_text(&value).len();
        if size > MAX_VALUE {
            return Err(Refusal::too_large(format!("value: {size} bytes of JSON, over the limit of {MAX_VALUE}")));
        }
        self.write(by, namespace, key, Some(value), condition).await
    }

    /// Stores a value in the place of another.
    ///
    /// # Errors
    /// As [`store`](Self::store); the key is missing.
    pub async fn update(&self, by: &str, namespace: &str, key: &str, value: Value) -> Result<Written, Refusal> {
        self.store(by, namespace, key, value, Condition::Present).await
    }

    /// Takes a key away; where a version is given, only that one.
    ///
    /// # Errors
    /// The key is missing or has another version; the log or the index does not answer.
    pub async fn delete(&self, by: &str, namespace: &str, key: &str, version: Option<u64>) -> Result<Written, Refusal> {
        check_names(namespace, key)?;
        let condition = version.map_or(Condition::Present, Condition::Version);
        self.write(by, namespace, key, None, condition).await
    }

    async fn write(
        &self,
        by: &str,
        namespace: &str,
        key: &str,
        value: Option<Value>,
        condition: Condition,
    ) -> Result<Written, Refusal> {
        check_source(by)?;
        let began = Instant::now();
        for _ in 0..TRIES {
            let as_of = self.current().await?;
            let present = self.version(namespace, key).await?;
            check(namespace, key, present, condition)?;
            let (by, namespace, key, value) = (by.to_owned(), namespace.to_owned(), key.to_owned(), value.clone());
            let decided = self.hub.decide(move |state, _| {
                if !is_unchanged(&state.memory, &namespace, &key, as_of) {
                    return Err(Stale::Key);
                }
                let mut it = operation(&namespace, began);
                let latency = it.latency_ms;
                (it.key, it.value) = (Some(key), value);
                let event = match (&it.value, present) {
                    (None, _) => MemoryEvent::Deleted(it),
                    (Some(_), None) => MemoryEvent::Stored(it),
                    (Some(_), Some(_)) => MemoryEvent::Updated(it),
                };
                Ok((vec![Draft::new(by, about(&namespace), event)], latency))
            });
            let (appended, latency_ms) = match decided.await {
                Ok(decided) => decided,
                Err(DecideError::Refused(Stale::Key)) => continue,
                Err(DecideError::Append(error)) => return Err(error.into()),
            };
            // Whoever is answered reads what he wrote. That the index is late does not undo it.
            if let Err(refusal) = self.current().await {
                tracing::warn!(%refusal, "memory.write.not_indexed_yet");
            }
            return Ok(Written { version: appended.seqs[0], created: present.is_none(), latency_ms });
        }
        Err(Refusal::unavailable("the memory changes faster than the write can be decided"))
    }

    /// The version that a key has now.
    async fn version(&self, namespace: &str, key: &str) -> Result<Option<u64>, Refusal> {
        if let Some(entry) = self.parts.cache.get(namespace, key) {
            return Ok(Some(entry.version));
        }
        let (namespace, key) = (namespace.to_owned(), key.to_owned());
        let found = self.ask(move |index| index.get(&namespace, &key)).await?;
        Ok(found.map(|entry| entry.version))
    }
}

fn check(namespace: &str, key: &str, present: Option<u64>, condition: Condition) -> Result<(), Refusal> {
    let missing = || Refusal::missing(format!("there is no {key:?} in {namespace:?}"));
    match (condition, present) {
        (Condition::Always, _) | (Condition::Absent, None) | (Condition::Present, Some(_)) => Ok(()),
        (Condition::Present | Condition::Version(_), None) => Err(missing()),
        (Condition::Absent, Some(version)) => {
            Err(Refusal::conflict(format!("there is a {key:?} in {namespace:?} already, of version {version}")))
        }
        (Condition::Version(wanted), Some(version)) if wanted == version => Ok(()),
        (Condition::Version(wanted), Some(version)) => {
            Err(Refusal::conflict(format!("{key:?} in {namespace:?} has version {version}, not {wanted}")))
        }
    }
}

/// Whether the folded state shows that nothing wrote a key after `as_of`. `false` also where it
/// does not reach back so far.
fn is_unchanged(memory: &swarm::memory::Memory, namespace: &str, key: &str, as_of: u64) -> bool {
    if let Some(known) = memory.namespaces.get(namespace) {
        let kept = known.keys.get(key).is_some_and(|entry| entry.written_by.seq <= as_of);
        if known.last <= as_of || kept {
            return true;
        }
    }
    let reaches = memory.recent.len() < MAX_RECENT || memory.recent.front().is_some_and(|oldest| oldest.seq <= as_of);
    let writes = |operation| matches!(operation, Operation::Store | Operation::Update | Operation::Delete);
    reaches
        && !memory
            .recent
            .iter()
            .rev()
            .take_while(|recent| recent.seq > as_of)
            .any(|recent| writes(recent.operation) && recent.namespace == namespace && recent.key.as_deref() == Some(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::wire::At;
    use crate::event::{Event, Timestamp};
    use crate::swarm::SwarmState;
    use serde_json::json;

    fn event(seq: u64, action: &str, namespace: &str, key: &str) -> Event {
        let payload = json!({"namespace": namespace, "key": key, "latency_ms": 0});
        let event = json!({"type": format!("memory.{action}"), "source": "test", "payload": payload});
        Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(0))
    }

    fn fold(events: impl IntoIterator<Item = Event>) -> SwarmState {
        let mut state = SwarmState::default();
        events.into_iter().for_each(|event| {
            state.fold(&event);
        });
        state
    }

    #[test]
    fn a_change_after_the_look_is_seen() {
        let state = fold([
            event(1, "stored", "n", "a"),
            event(2, "stored", "n", "b"),
            event(3, "deleted", "n", "b"),
            event(4, "retrieved", "n", "c"),
        ]);
        let unchanged = |key: &str, as_of: u64| is_unchanged(&state.memory, "n", key, as_of);
        assert!(unchanged("a", 1) && !unchanged("a", 0));
        assert!(!unchanged("b", 1) && !unchanged("b", 2) && unchanged("b", 3));
        assert!(unchanged("c", 0), "to look is not to write");
        assert!(is_unchanged(&state.memory, "other", "a", 0));
    }

    #[test]
    fn what_the_state_no_longer_tells_counts_as_changed() {
        let most = MAX_RECENT as u64;
        let state = fold((1..=most + 50).map(|seq| event(seq, "stored", "n", &format!("k{seq}"))));
        assert!(is_unchanged(&state.memory, "n", "never", most), "the newest operations reach back");
        assert!(!is_unchanged(&state.memory, "n", "never", 10));
        assert!(!is_unchanged(&state.memory, "forgotten", "a", 10));
        let kept = format!("k{}", most + 1);
        assert!(is_unchanged(&state.memory, "n", &kept, most + 1), "the key itself tells it");
    }
}
