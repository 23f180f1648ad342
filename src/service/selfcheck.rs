//! How the deck tests itself: named checks in a run, on demand and on a schedule.
//!
//! A run is told by events about `selfcheck:<id>`: started, progress before each check, and
//! completed, or failed with the names of the checks that failed; both with every check as
//! `{name, ok, detail, took_ms}`. One run goes on at a time. [`checks`] says what is checked.
//!
//! In memory only: that a run goes on. One that the end of the process cut short is published as
//! failed at the next start.

pub mod checks;

pub use checks::Outcome;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::Deserialize;
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::memory::Memory;
use super::providers::Providers;
use super::{Refusal, Setup};
use crate::event::selfcheck::{SelfcheckCompleted, SelfcheckFailed, SelfcheckProgress, SelfcheckStarted};
use crate::event::wire::Object;
use crate::event::{Draft, Timestamp};
use crate::hub::{AppendError, Hub, now};
use crate::swarm::selfchecks::{Run, RunState};
use checks::{Check, Place, Subjects, about};

/// Shortest time between two scheduled runs, in seconds.
pub const MIN_EVERY: u64 = 5;
/// How many providers a run asks at once.
const AT_ONCE: usize = 8;
/// What the ids of the deck's own runs begin with.
const PREFIX: &str = "deck-";

/// The table `[selfcheck]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelfcheckSettings {
    /// Seconds between two scheduled runs, from 5; 0, the default, is no schedule.
    pub every_seconds: u64,
}

impl SelfcheckSettings {
    /// Whether all of it fits.
    ///
    /// # Errors
    /// The field that does not.
    pub fn check(&self) -> Result<(), Refusal> {
        match self.every_seconds {
            0 | MIN_EVERY.. => Ok(()),
            seconds => Err(Refusal::invalid(format!("every_seconds: {seconds} is under {MIN_EVERY}; 0 is no schedule"))),
        }
    }
}

/// How the deck tests itself; cheap to clone.
#[derive(Debug, Clone)]
pub struct Selfcheck {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    subjects: Subjects,
    stopping: CancellationToken,
    tracker: TaskTracker,
    running: AtomicBool,
    settings: watch::Sender<SelfcheckSettings>,
    /// When the next scheduled run is due.
    next: Mutex<Option<Timestamp>>,
}

/// The runs and the schedule.
#[derive(Debug, Clone)]
pub struct Status {
    /// Whether a run of the deck goes on.
    pub running: bool,
    /// The runs that the log tells of, whoever made them, newest first: id and what is known.
    pub runs: Vec<(String, Run)>,
    /// Seconds between two scheduled runs; 0 is no schedule.
    pub every_seconds: u64,
    /// When the next scheduled run is due.
    pub next: Option<Timestamp>,
}

/// Ends a run's claim to be the only one, however the run ends.
#[derive(Debug)]
struct Claim(Arc<Inner>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Release);
    }
}

impl Selfcheck {
    /// Publishes what an earlier process left open, and keeps the schedule.
    pub fn start(setup: &Setup, providers: &Providers, memory: &Memory) -> Self {
        let subjects =
            Subjects { hub: setup.hub.clone(), data: setup.data.clone(), providers: providers.clone(), memory: memory.clone() };
        let (settings, _) = watch::channel(setup.config.selfcheck);
        let inner = Inner {
            subjects,
            stopping: setup.stopping.clone(),
            tracker: setup.tracker.clone(),
            running: AtomicBool::new(false),
            settings,
            next: Mutex::default(),
        };
        let selfcheck = Self { inner: Arc::new(inner) };
        let left_open = left_open(&setup.hub);
        let task = selfcheck.clone();
        setup.tracker.spawn(async move {
            if !left_open.is_empty()
                && let Err(error) = task.inner.subjects.hub.append(left_open).await
            {
                tracing::warn!(%error, "selfcheck.left_open");
            }
            task.keep_schedule().await;
        });
        selfcheck
    }

    /// Takes over another schedule: it counts from now.
    pub fn apply(&self, settings: SelfcheckSettings) {
        self.inner.settings.send_replace(settings);
    }

    /// Begins a run and returns its id once its start is in the log; the run goes on by itself.
    ///
    /// # Errors
    /// A run goes on already; the log takes nothing.
    pub async fn run(&self) -> Result<String, Refusal> {
        if self.inner.running.swap(true, Ordering::AcqRel) {
            return Err(Refusal::conflict("a self-check goes on already"));
        }
        let claim = Claim(Arc::clone(&self.inner));
        let id = new_id();
        let (say, said) = oneshot::channel();
        let run = id.clone();
        // In a task of its own: whoever asked may leave, and what began is ended all the same.
        self.inner.tracker.spawn(async move {
            let Claim(inner) = &claim;
            let started = Draft::new("core", about(&run), SelfcheckStarted { extra: Object::new() });
            let started = inner.subjects.hub.append(vec![started]).await;
            let goes_on = started.is_ok();
            let _asker_left = say.send(started);
            if goes_on && let Err(error) = check(inner, &run).await {
                tracing::error!(run, %error, "selfcheck.untold: the log takes nothing");
            }
        });
        said.await.map_err(|_| AppendError::Closed)??;
        Ok(id)
    }

    /// The runs and the schedule.
    pub fn status(&self) -> Status {
        let state = self.inner.subjects.hub.state();
        let mut runs: Vec<(String, Run)> = state.selfchecks.by_id.iter().map(|(id, run)| (id.clone(), run.clone())).collect();
        drop(state);
        runs.sort_unstable_by_key(|(_, run)| std::cmp::Reverse(run.by.seq));
        Status {
            running: self.inner.running.load(Ordering::Acquire),
            runs,
            every_seconds: self.inner.settings.borrow().every_seconds,
            next: *self.inner.next.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    async fn keep_schedule(&self) {
        let mut settings = self.inner.settings.subscribe();
        loop {
            let every = settings.borrow_and_update().every_seconds;
            let scheduled = every > 0;
            let pause = Duration::from_secs(every);
            let due = Timestamp(now().0.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)));
            *self.inner.next.lock().unwrap_or_else(PoisonError::into_inner) = scheduled.then_some(due);
            tokio::select! {
                () = self.inner.stopping.cancelled() => return,
                _ = settings.changed() => {}
                () = tokio::time::sleep(pause), if scheduled => {
                    if let Err(refusal) = self.run().await {
                        tracing::warn!(%refusal, "selfcheck.schedule.skipped");
                    }
                }
            }
        }
    }
}

/// Runs the checks and publishes how it ended.
async fn check(inner: &Inner, run: &str) -> Result<(), AppendError> {
    let began = Instant::now();
    let mut outcomes = Vec::new();
    let end = if look(inner, run, &mut outcomes).await? {
        ended(run, &outcomes, began.elapsed())
    } else {
        cut_short(run, "the deck stopped while the check went on", &outcomes)
    };
    inner.subjects.hub.append(vec![end]).await?;
    Ok(())
}

/// Runs the checks, one after the other but for the providers; `false` where the deck stops first.
async fn look(inner: &Inner, run: &str, outcomes: &mut Vec<Outcome>) -> Result<bool, AppendError> {
    let (subjects, stopping) = (&inner.subjects, &inner.stopping);
    let checks = Check::all(subjects);
    let all = checks.len();
    let (providers, own): (Vec<Check>, Vec<Check>) = checks.into_iter().partition(|check| matches!(check, Check::Provider(_)));
    for check in own {
        let place = Place { run, share: share(outcomes.len(), all) };
        subjects.hub.append(vec![progress(place, &check.name())]).await?;
        let Some(outcome) = check.run(subjects, place, stopping).await else { return Ok(false) };
        outcomes.push(outcome);
    }
    let place = Place { run, share: share(outcomes.len(), all) };
    let mut waiting = providers.into_iter();
    let mut asked: FuturesUnordered<_> =
        waiting.by_ref().take(AT_ONCE).map(|check| check.run(subjects, place, stopping)).collect();
    while let Some(outcome) = asked.next().await {
        let Some(outcome) = outcome else { return Ok(false) };
        let place = Place { run, share: share(outcomes.len(), all) };
        subjects.hub.append(vec![progress(place, &outcome.name)]).await?;
        outcomes.push(outcome);
        if let Some(check) = waiting.next() {
            asked.push(check.run(subjects, place, stopping));
        }
    }
    Ok(true)
}

/// The share done, in percent with one decimal.
fn share(done: usize, all: usize) -> f64 {
    (done * 1_000 / all.max(1)) as f64 / 10.0
}

/// That a run came forward.
fn progress(place: Place<'_>, message: &str) -> Draft {
    let event = SelfcheckProgress { progress: place.share, message: message.to_owned(), extra: Object::new() };
    Draft::new("core", about(place.run), event)
}

/// How a run ended.
fn ended(run: &str, outcomes: &[Outcome], took: Duration) -> Draft {
    let checks = outcomes.iter().map(Outcome::json).collect();
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.ok).collect();
    let Some(first) = failed.first() else {
        let summary = format!("all {} checks passed in {} ms", outcomes.len(), took.as_millis());
        return Draft::new("core", about(run), SelfcheckCompleted { summary, checks, extra: Object::new() });
    };
    let names: Vec<&str> = failed.iter().map(|outcome| outcome.name.as_str()).collect();
    let error = match failed.len() {
        1 => format!("{} failed: {}", first.name, first.detail),
        count => format!("{count} of {} checks failed: {}", outcomes.len(), names.join(", ")),
    };
    Draft::new("core", about(run), SelfcheckFailed { error, checks, extra: Object::new() })
}

/// The ends of the deck's own runs that no process goes on with.
fn left_open(hub: &Hub) -> Vec<Draft> {
    let state = hub.state();
    let open = state.selfchecks.by_id.iter().filter(|(id, run)| run.state == RunState::Running && id.starts_with(PREFIX));
    open.map(|(id, _)| cut_short(id, "the deck ended while the check went on", &[])).collect()
}

/// That a run ended before its checks did.
fn cut_short(run: &str, why: &str, outcomes: &[Outcome]) -> Draft {
    let checks = outcomes.iter().map(Outcome::json).collect();
    Draft::new("core", about(run), SelfcheckFailed { error: why.to_owned(), checks, extra: Object::new() })
}

fn new_id() -> String {
    let mut bytes = [0; 8];
    // Without randomness the time alone tells two runs apart: they are not at once.
    let _by_time_alone = getrandom::fill(&mut bytes[..4]);
    format!("{PREFIX}{:x}{:08x}", now().0, u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Body;
    use crate::event::selfcheck::SelfcheckEvent;

    fn outcome(name: &str, ok: bool) -> Outcome {
        Outcome { name: name.into(), ok, detail: "because".into(), took_ms: 1.0 }
    }

    fn error(outcomes: &[Outcome]) -> String {
        match ended("r", outcomes, Duration::from_millis(5)).body {
            Body::Selfcheck(SelfcheckEvent::Failed(it)) => it.error,
            Body::Selfcheck(SelfcheckEvent::Completed(it)) => it.summary,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_failed_check_fails_the_run_and_is_named() {
        assert_eq!(error(&[outcome("a", true), outcome("b", true)]), "all 2 checks passed in 5 ms");
        assert_eq!(error(&[outcome("a", true), outcome("b", false)]), "b failed: because");
        assert_eq!(error(&[outcome("a", false), outcome("b", true), outcome("c", false)]), "2 of 3 checks failed: a, c");
    }

    #[test]
    fn a_schedule_is_not_too_dense() {
        for (seconds, fits) in [(0, true), (1, false), (4, false), (5, true), (86_400, true)] {
            assert_eq!(SelfcheckSettings { every_seconds: seconds }.check().is_ok(), fits, "{seconds}");
        }
    }
}
