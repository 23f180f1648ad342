//! The log and its state as they were: from afar, at an instant, and the way there.

use std::sync::Arc;

use super::engine::{Look, Window};
use super::{HistoryError, Hub, LogError, blocking};
use crate::event::Timestamp;
use crate::event::timeline::{Mark, MarkKind, Timeline};
use crate::event::wire::to_text;
use crate::swarm::SwarmState;

/// A state that is kept, from which the states after it are folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event folded into it.
    pub seq: u64,
    /// Its JSON.
    pub state: String,
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
        let head = self.head();
        if seq > head {
            return Err(HistoryError::Future { seq, head });
        }
        let shared = Arc::clone(&self.shared);
        let live = self.state();
        blocking(move || {
            if live.seq <= seq {
                return Ok(Snapshot { seq: live.seq, state: to_text(live.as_ref()) });
            }
            drop(live);
            let found = shared.snapshots.newest_text(seq);
            let (place, state) = found.unwrap_or_else(|| (0, to_text(&SwarmState::default())));
            let first = shared.log.first().unwrap_or(head + 1);
            if place + 1 < first {
                return Err(HistoryError::Gone { seq, first: first.saturating_sub(1) });
            }
            Ok(Snapshot { seq: place, state })
        })
        .await
    }
}

#[cfg(test)]
mod tests;
