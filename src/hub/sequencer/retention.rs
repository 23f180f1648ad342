//! Retention: what is over its bounds goes, in steps so short that no writer notices.
//!
//! The sequencer takes one step between two commits. A step ends by the clock, not after so much
//! work: what it touches may be in memory or still on the disk, which differs a hundredfold. It also
//! ends once somebody waits. Between two steps the disk and the processors are the others' for
//! [`REST`] times as long: what a step has written, the next commit waits for. What needs a
//! snapshot's file is the keeper's: where to cut, and which snapshots go. The pages that became free
//! are given back afterwards, so that the events that come meanwhile have them.

use std::time::{Duration, Instant};

use super::{Chore, Sequencer};
use crate::event::Timestamp;
use crate::hub::engine::LogError;
use crate::hub::now;

/// How long one step is to take: a writer waits no longer for it.
const STEP: Duration = Duration::from_millis(2);
/// How long it may take while somebody waits: writers that never pause must not outrun retention.
const BUSY: Duration = Duration::from_millis(1);
/// How many times as long as a step took the next one waits for somebody else.
const REST: u32 = 2;
/// The most of one step, in events or pages: what it commits is written at its end.
const MOST: usize = 2_048;

/// How far retention has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is known to be over a bound.
    Rest,
    /// It is to be looked whether something is.
    Due,
    /// The keeper looks for the place to cut at.
    Asked,
    /// Events up to this place go.
    Trimming(u64),
    /// They are gone, and the keeper is to take the snapshots before it away.
    Trimmed(u64),
    /// Free pages are given back.
    Shrinking,
}

#[derive(Debug)]
pub(super) struct Retention {
    stage: Stage,
    /// How long the next step waits for somebody else.
    rest: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self { stage: Stage::Due, rest: Duration::ZERO }
    }
}

impl Retention {
    /// Whether it has something to do while nobody writes.
    fn goes_on(&self) -> bool {
        matches!(self.stage, Stage::Trimming(_) | Stage::Shrinking)
    }

    /// How long it waits for a command until it goes on; none where it has nothing to do.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.goes_on().then_some(self.rest)
    }

    /// Somebody reminds it.
    pub(super) fn remind(&mut self) {
        if self.stage == Stage::Rest {
            self.stage = Stage::Due;
        }
    }

    /// The keeper says where to cut.
    pub(super) fn cut(&mut self, place: Option<u64>) {
        if self.stage == Stage::Asked {
            self.stage = place.map_or(Stage::Rest, Stage::Trimming);
        }
    }
}

/// Whether a step that has taken so long may go on.
fn fits(elapsed: Duration, awaited: bool) -> bool {
    elapsed < if awaited { BUSY } else { STEP }
}

impl Sequencer {
    /// Takes one step, if there is one to take.
    ///
    /// Events go up to a snapshot, so that the state at every kept place can still be told; the
    /// bounds are therefore kept to within one snapshot's distance.
    pub(super) fn retain(&mut self) {
        let began = Instant::now();
        match self.step() {
            Ok(next) => self.retention.stage = next,
            Err(error) => {
                tracing::error!(%error, "hub.retention.failed");
                self.retention.stage = Stage::Rest;
            }
        }
        self.retention.rest = began.elapsed() * REST;
    }

    fn step(&mut self) -> Result<Stage, LogError> {
        let began = Instant::now();
        let queue = &self.queue;
        let mut go_on = || fits(began.elapsed(), !queue.is_empty());
        Ok(match self.retention.stage {
            stage @ (Stage::Rest | Stage::Asked) => stage,
            Stage::Due => {
                let surplus = self.surplus()?.min(self.head.saturating_sub(1));
                let first = self.shared.log.first().unwrap_or(1);
                match surplus {
                    0 => Stage::Rest,
                    _ if surplus < first => Stage::Rest,
                    _ if self.delegate(Chore::Cut { surplus, first }) => Stage::Asked,
                    // The keeper has enough to do; it reminds when it has not.
                    _ => Stage::Rest,
                }
            }
            Stage::Trimming(up_to) => match self.engine.trim(up_to, MOST, &mut go_on)? {
                0 => Stage::Trimmed(up_to),
                _ => Stage::Trimming(up_to),
            },
            Stage::Trimmed(up_to) if self.delegate(Chore::Forget { before: up_to }) => Stage::Shrinking,
            stage @ Stage::Trimmed(_) => stage,
            Stage::Shrinking if self.engine.shrink(MOST, &mut go_on)? => Stage::Shrinking,
            Stage::Shrinking => Stage::Rest,
        })
    }

    /// Hands the keeper something to do; `false` where it has enough.
    pub(super) fn delegate(&self, chore: Chore) -> bool {
        self.keeper.as_ref().is_some_and(|(chores, _)| chores.try_send(chore).is_ok())
    }

    /// The newest place that is over a bound.
    fn surplus(&self) -> Result<u64, LogError> {
        let by_age = match self.config.retain_age {
            Some(age) => self.engine.place_before(Timestamp(now().0 - i64::try_from(age.as_millis()).unwrap_or(i64::MAX)))?,
            None => 0,
        };
        let by_bytes = match self.config.retain_bytes {
            Some(limit) => {
                let used = self.engine.bytes()?;
                let first = self.shared.log.first().unwrap_or(1);
                let events = (self.head + 1).saturating_sub(first);
                // Events of one log are much alike in size: a share of the bytes is a share of the events.
                let over = u128::from(used.saturating_sub(limit)) * u128::from(events) / u128::from(used.max(1));
                if used > limit { (first - 1) + u64::try_from(over).unwrap_or(0) } else { 0 }
            }
            None => 0,
        };
        Ok(by_age.max(by_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shorter_while_somebody_waits() {
        assert!(fits(BUSY / 2, true), "it comes on however many write");
        assert!(!fits(BUSY, true));
        assert!(fits(STEP - BUSY / 2, false));
        assert!(!fits(STEP, false));
    }

    #[test]
    fn what_the_keeper_says_counts_when_it_was_asked() {
        let mut retention = Retention::default();
        retention.cut(Some(7));
        assert_eq!(retention.stage, Stage::Due);
        retention.stage = Stage::Asked;
        retention.cut(Some(7));
        assert!(retention.goes_on());
        retention.remind();
        assert_eq!(retention.stage, Stage::Trimming(7));
        retention.stage = Stage::Asked;
        retention.cut(None);
        assert_eq!((retention.stage, retention.rest()), (Stage::Rest, None));
        retention.remind();
        assert_eq!(retention.stage, Stage::Due);
    }
}
