//! The log and its state as they were: from afar, at an instant, and the way there.

use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use super::engine::{Look, Window};
use super::{HistoryError, Hub, LogError, Read, Shared, Stored, blocking, fold_on};
use crate::event::pack::pack;
use crate::event::timeline::{Mark, MarkKind, Timeline, Way};
use crate::event::wire::to_text;
use crate::event::{Event, Timestamp};
use crate::swarm::SwarmState;

/// How many events before an instant the state stands at most that a browser begins with.
pub const NEAR: u64 = 128;
/// The same where a snapshot stands: reading and writing a state of a megabyte here costs as much as
/// reading and folding some thousand events there.
pub const BEFORE: u64 = 6_144;
/// How many events after an instant it gets as well: some steps on are a fold at once.
const AHEAD: u64 = 64;

/// A state that is kept, from which the states after it are folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event folded into it.
    pub seq: u64,
    /// Its JSON.
    pub state: String,
}

/// The way to an instant.
#[derive(Debug, Clone, PartialEq)]
pub struct Approach {
    /// Its beginning, and the events from there.
    pub way: Way,
    /// The state at its beginning, in its packed form.
    pub state: Vec<u8>,
}

impl Hub {
    /// The log from afar, or a part of it.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn timeline(&self, window: Window) -> Result<Timeline, LogError> {
        let log = Arc::clone(&self.shared.log);
        let timeline = blocking(move || log.timeline(&window)).await?;
        Ok(Timeline { cursor: self.cursor(timeline.head), ..timeline })
    }

    /// When the hub took an event in; none where the log does not keep it.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn instant(&self, seq: u64) -> Result<Option<Timestamp>, LogError> {
        let log = Arc::clone(&self.shared.log);
        blocking(move || log.instant(seq)).await
    }

    /// The next mark of a kind in a direction.
    ///
    /// # Errors
    /// The log cannot be read.
    pub async fn mark(&self, kind: MarkKind, look: Look) -> Result<Option<Mark>, LogError> {
        let log = Arc::clone(&self.shared.log);
        blocking(move || log.mark(kind, look)).await
    }

    /// The nearest kept state at or before `seq`, in its wire form; at the newest event that is the
    /// state itself. Nothing is folded for it.
    ///
    /// # Errors
    /// It has not happened, is no longer kept, or the log cannot be read.
    pub async fn snapshot(&self, seq: u64) -> Result<Snapshot, HistoryError> {
        self.past(seq, move |shared, live| {
            let state = if live.seq <= seq { live } else { Arc::new(shared.snapshots.newest(seq).unwrap_or_default()) };
            Ok((state.seq, to_text(state.as_ref())))
        })
        .await
        .map(|(seq, state)| Snapshot { seq, state })
    }

    /// A state close to an instant, packed, and the events from there to a little after the instant.
    ///
    /// Where snapshots are far from each other, what lies between is folded here; the browser folds the
    /// last [`BEFORE`] events at most.
    ///
    /// # Errors
    /// It has not happened, is no longer kept, or the log cannot be read.
    pub async fn approach(&self, seq: u64) -> Result<Approach, HistoryError> {
        let (place, (state, events)) = self
            .past(seq, move |shared, live| {
                if live.seq <= seq {
                    return Ok((live.seq, (pack(live.as_ref()), Vec::new())));
                }
                if let Some((place, state)) = shared.snapshots.newest_packed(seq).filter(|(place, _)| seq - place < BEFORE) {
                    // Where events are large, they are not sent in such numbers.
                    let events = shared.after(place, seq)?;
                    if place + events.len() as u64 >= seq {
                        return Ok((place, (state, events)));
                    }
                }
                let (place, state) = shared.near(seq)?;
                let mut events = shared.after(place, seq)?;
                while place + (events.len() as u64) < seq {
                    let more = shared.after(place + events.len() as u64, seq)?;
                    if more.is_empty() {
                        break;
                    }
                    events.extend(more);
                }
                Ok((place, (state, events)))
            })
            .await?;
        let events: Vec<Event> = events.iter().map(Stored::event).collect::<Result<_, _>>()?;
        let next = self.cursor(place + events.len() as u64).to_string();
        Ok(Approach { way: Way { seq: place, next, events }, state })
    }

    /// Tells something of the past: the place that it rests on, and itself.
    pub(super) async fn past<T: Send + 'static>(
        &self,
        seq: u64,
        tell: impl FnOnce(&Shared, Arc<SwarmState>) -> Result<(u64, T), HistoryError> + Send + 'static,
    ) -> Result<(u64, T), HistoryError> {
        let head = self.head();
        if seq > head {
            return Err(HistoryError::Future { seq, head });
        }
        let shared = Arc::clone(&self.shared);
        let live = self.state();
        blocking(move || {
            let (place, told) = tell(&shared, live)?;
            let first = shared.log.first().unwrap_or(head + 1);
            if place + 1 < first {
                return Err(HistoryError::Gone { seq, first: first.saturating_sub(1) });
            }
            Ok((place, told))
        })
        .await
    }
}

impl Shared {
    /// The events after a place and to a little after an instant; fewer where they are large.
    fn after(&self, place: u64, seq: u64) -> Result<Vec<Stored>, LogError> {
        let before = seq.saturating_add(AHEAD + 1);
        let read = Read { after: place, before, limit: (BEFORE + AHEAD) as usize, ..Read::default() };
        Ok(self.log.read(&read)?.events)
    }

    /// A state less than [`NEAR`] events before `seq`, packed, and its place.
    fn near(&self, seq: u64) -> Result<(u64, Vec<u8>), HistoryError> {
        let state = self.at(seq - seq % NEAR)?;
        let packed = pack(&state);
        let place = state.seq;
        let former = self.recent.put(state);
        // Whoever waits does not wait for that.
        drop(tokio::task::spawn_blocking(move || drop(former)));
        Ok((place, packed))
    }

    /// The state right after an event: the nearest that is there and a fold.
    pub(super) fn at(&self, seq: u64) -> Result<SwarmState, HistoryError> {
        let kept = self.snapshots.nearest(seq);
        let state = self.recent.take(kept..=seq).or_else(|| self.snapshots.newest(seq)).unwrap_or_default();
        let first = self.log.first().unwrap_or(u64::MAX);
        if state.seq + 1 < first {
            return Err(HistoryError::Gone { seq, first: first.saturating_sub(1) });
        }
        Ok(fold_on(state, self.log.as_ref(), seq)?)
    }
}

/// The state that was folded for a reader last, for the next that asks a little after it, as dragging
/// does. One at most: what was put there before is let go.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<Option<SwarmState>>);

impl Recent {
    /// Puts one there, and gives the one that was.
    fn put(&self, state: SwarmState) -> Option<SwarmState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).replace(state)
    }

    /// Takes it away, where it stands within these places.
    fn take(&self, places: RangeInclusive<u64>) -> Option<SwarmState> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|state| places.contains(&state.seq)) { held.take() } else { None }
    }
}

#[cfg(test)]
mod tests;
