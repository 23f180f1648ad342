//! The runs of self-checks.

use serde_json::Value;

use super::Evidence;
use super::agents::MAX_TEXT;
use super::bounds::{clip, prune};
use super::table::Table;
use crate::event::selfcheck::SelfcheckEvent;
use crate::event::table::{record, words};
use crate::event::wire::to_text;
use crate::event::{Event, Timestamp};

/// How many runs are kept; past it those that ended longest ago are forgotten.
pub const MAX_RUNS: usize = 50;
/// How many checks of a run are kept.
pub const MAX_CHECKS: usize = 50;

words! {
    /// Where a run stands.
    pub enum RunState {
        Running = "running",
        Completed = "completed",
        Failed = "failed",
    }
}

record! {
    /// One run.
    pub struct Run {
        /// Where it stands.
        state: RunState,
        /// When it began.
        started: Timestamp,
        /// Share done, in percent.
        progress: Option<f64>,
        /// What is being checked, the outcome, or what failed.
        message: Option<String>,
        /// The checks, each the beginning of its JSON.
        checks: Vec<String>,
        /// The newest event about it.
        by: Evidence,
    }
}

record! {
    /// The runs.
    #[derive(Default)]
    pub struct Selfchecks {
        /// By id.
        by_id: Table<Run>,
    }
}

impl Selfchecks {
    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &SelfcheckEvent) {
        let run = self.by_id.entry(id, || Run {
            state: RunState::Running,
            started: event.when(),
            progress: None,
            message: None,
            checks: Vec::new(),
            by: Evidence::of(event),
        });
        run.by = Evidence::of(event);
        match body {
            SelfcheckEvent::Started(_) => {
                run.state = RunState::Running;
                run.started = event.when();
                (run.progress, run.message, run.checks) = (None, None, Vec::new());
            }
            SelfcheckEvent::Progress(it) => {
                run.progress = Some(it.progress);
                run.message = Some(clip(&it.message, MAX_TEXT));
            }
            SelfcheckEvent::Completed(it) => {
                run.state = RunState::Completed;
                run.progress = Some(100.0);
                run.message = Some(clip(&it.summary, MAX_TEXT));
                run.checks = clipped(&it.checks);
            }
            SelfcheckEvent::Failed(it) => {
                run.state = RunState::Failed;
                run.message = Some(clip(&it.error, MAX_TEXT));
                run.checks = clipped(&it.checks);
            }
        }
        prune(&mut self.by_id, MAX_RUNS, |run| (run.state == RunState::Running, run.by.seq));
    }
}

fn clipped(checks: &[Value]) -> Vec<String> {
    checks.iter().take(MAX_CHECKS).map(|check| clip(&to_text(check), MAX_TEXT)).collect()
}
