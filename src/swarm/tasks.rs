//! The tasks as their events tell them.

use super::Evidence;
use super::agents::MAX_TEXT;
use super::bounds::{clip, prune};
use super::table::Table;
use crate::event::table::{record, words};
use crate::event::task::TaskEvent;
use crate::event::wire::to_text;
use crate::event::{Event, Timestamp};

/// How many tasks are kept. Past it those that ended longest ago are forgotten and counted.
pub const MAX_TASKS: usize = 10_000;
/// How much of a result is kept, in bytes of its JSON; the whole of it is in the log.
pub const MAX_RESULT: usize = 600;

words! {
    /// Where a task stands.
    pub enum TaskState {
        Pending = "pending",
        Assigned = "assigned",
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl TaskState {
    /// Whether it has come to its end.
    pub fn ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

record! {
    /// One task.
    pub struct Task {
        /// Its id.
        id: String,
        /// What is to be done; its id where that was never said.
        description: String,
        /// A title for people.
        title: Option<String>,
        /// Urgency; a larger number comes first.
        priority: Option<i64>,
        /// The task it is a part of.
        parent: Option<String>,
        /// Who has it.
        agent: Option<String>,
        /// Where it stands.
        state: TaskState,
        /// Where it stood before the last event about it.
        was: TaskState,
        /// The event that brought it there.
        state_by: Evidence,
        /// Share done, in percent.
        progress: Option<f64>,
        /// What is being done.
        message: Option<String>,
        /// What went wrong, or why it was called off.
        error: Option<String>,
        /// What came of it: the beginning of its JSON.
        result: Option<String>,
        /// How long it took by its own account, in milliseconds.
        duration_ms: Option<f64>,
        /// When it was put up.
        created: Option<Timestamp>,
        /// When it was begun.
        started: Option<Timestamp>,
        /// When it ended.
        ended: Option<Timestamp>,
        /// The newest event about it.
        heard: Evidence,
    }
}

record! {
    /// The tasks.
    #[derive(Default)]
    pub struct Tasks {
        /// By id.
        by_id: Table<Task>,
        /// How many ever completed.
        completed: u64,
        /// How many ever failed.
        failed: u64,
        /// How many ever were cancelled.
        cancelled: u64,
        /// How many were forgotten at the bound.
        forgotten: u64,
    }
}

impl Task {
    fn new(event: &Event, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            description: id.to_owned(),
            title: None,
            priority: None,
            parent: None,
            agent: None,
            state: TaskState::Pending,
            was: TaskState::Pending,
            state_by: Evidence::of(event),
            progress: None,
            message: None,
            error: None,
            result: None,
            duration_ms: None,
            created: None,
            started: None,
            ended: None,
            heard: Evidence::of(event),
        }
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.description)
    }

    fn turn(&mut self, event: &Event, state: TaskState) {
        if self.state == state {
            return;
        }
        self.state = state;
        self.state_by = Evidence::of(event);
        self.ended = state.ended().then_some(event.when());
        if !state.ended() {
            self.error = None;
        }
    }

    fn fold(&mut self, event: &Event, body: &TaskEvent) {
        match body {
            TaskEvent::Created(it) => {
                self.description = clip(&it.description, MAX_TEXT);
                self.priority = it.priority;
                self.parent.clone_from(&it.parent);
                self.created = Some(event.when());
                if self.state.ended() {
                    (self.progress, self.message, self.result) = (None, None, None);
                    self.turn(event, TaskState::Pending);
                }
            }
            TaskEvent::Assigned(it) => {
                self.agent = Some(it.agent.clone());
                self.turn(event, TaskState::Assigned);
            }
            TaskEvent::Started(it) => {
                if it.agent.is_some() {
                    self.agent.clone_from(&it.agent);
                }
                if it.title.is_some() {
                    self.title = it.title.as_deref().map(|title| clip(title, MAX_TEXT));
                }
                self.started = Some(event.when());
                self.turn(event, TaskState::Running);
            }
            TaskEvent::Progress(it) if !self.state.ended() => {
                // Progress only grows: a late report does not take back an earlier one.
                self.progress = Some(self.progress.unwrap_or(0.0).max(it.progress));
                self.message = it.message.as_deref().map(|message| clip(message, MAX_TEXT));
                if self.state != TaskState::Running {
                    self.started = self.started.or(Some(event.when()));
                    self.turn(event, TaskState::Running);
                }
            }
            TaskEvent::Progress(_) => {}
            TaskEvent::Completed(it) => {
                self.duration_ms = it.duration_ms;
                self.result = it.result.as_ref().map(|result| clip(&to_text(result), MAX_RESULT));
                self.turn(event, TaskState::Completed);
            }
            TaskEvent::Failed(it) => {
                self.turn(event, TaskState::Failed);
                self.error = Some(clip(&it.error, MAX_TEXT));
            }
            TaskEvent::Cancelled(it) => {
                self.turn(event, TaskState::Cancelled);
                self.error = it.reason.as_deref().map(|reason| clip(reason, MAX_TEXT));
            }
        }
    }
}

impl Tasks {
    /// Who has a task.
    pub fn owner(&self, id: &str) -> Option<String> {
        self.by_id.get(id)?.agent.clone()
    }

    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &TaskEvent) {
        if !self.by_id.contains_key(id) {
            self.by_id.insert(id, Task::new(event, id));
            self.forgotten += prune(&mut self.by_id, MAX_TASKS, |task| (!task.state.ended(), task.heard.seq));
        }
        let Some(task) = self.by_id.get_mut(id) else { return };
        task.was = task.state;
        task.heard = Evidence::of(event);
        task.fold(event, body);
        if task.state != task.was {
            match task.state {
                TaskState::Completed => self.completed += 1,
                TaskState::Failed => self.failed += 1,
                TaskState::Cancelled => self.cancelled += 1,
                TaskState::Pending | TaskState::Assigned | TaskState::Running => {}
            }
        }
    }

    /// How many are in a state.
    pub fn in_state(&self, state: TaskState) -> u64 {
        self.by_id.values().filter(|task| task.state == state).count() as u64
    }

    /// How many nobody has begun.
    pub fn pending(&self) -> u64 {
        self.in_state(TaskState::Pending) + self.in_state(TaskState::Assigned)
    }
}
