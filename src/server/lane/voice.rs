//! What the clients of a lane are told, and in which form.

use std::any::Any;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hash, RandomState};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::hub::{Batch, Hub};

/// What a client gets of the log: its bytes for each run of events. Clients with equal voices get
/// the same bytes, which are made once for all of them; so what a voice remembers is a part of it.
pub(in crate::server) trait Voice: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// The bytes for a run of events, the voice standing behind them from then on; empty where its
    /// clients get nothing of it.
    fn speak(&mut self, hub: &Hub, batch: &Arc<Batch>, run: Range<usize>) -> Bytes;
}

/// A voice of whatever kind.
pub(super) trait AnyVoice: Debug + Send + Sync {
    /// A number that differs between voices that differ, but for rare chances.
    fn key(&self, hasher: &RandomState) -> u64;
    /// Whether it is the same voice.
    fn is(&self, other: &dyn Any) -> bool;
    /// What it says to all of these runs.
    fn speak_all(&self, hub: &Hub, runs: &[(Arc<Batch>, Range<usize>)]) -> Spoken;
    /// The voice itself.
    fn as_any(&self) -> &dyn Any;
}

/// What a voice said.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// The bytes, none of them empty.
    pub(super) pieces: Vec<Bytes>,
    /// How many bytes.
    pub(super) length: usize,
    /// The voice from then on, where it is another.
    pub(super) then: Option<Arc<dyn AnyVoice>>,
}

impl<V: Voice> AnyVoice for V {
    fn key(&self, hasher: &RandomState) -> u64 {
        hasher.hash_one((std::any::TypeId::of::<V>(), self))
    }

    fn is(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<V>().is_some_and(|other| other == self)
    }

    fn speak_all(&self, hub: &Hub, runs: &[(Arc<Batch>, Range<usize>)]) -> Spoken {
        let mut voice = self.clone();
        let said = runs.iter().map(|(batch, run)| voice.speak(hub, batch, run.clone()));
        let pieces: Vec<Bytes> = said.filter(|piece| !piece.is_empty()).collect();
        let length = pieces.iter().map(Bytes::len).sum();
        let then = (voice != *self).then(|| Arc::new(voice) as Arc<dyn AnyVoice>);
        Spoken { pieces, length, then }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
