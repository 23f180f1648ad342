//! Tasks as the answers show them. Times are RFC 3339.

use serde::Serialize;
use utoipa::ToSchema;

use crate::event::Timestamp;
use crate::swarm::tasks::Task;

/// A task.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaskView {
    /// Its id.
    id: String,
    /// What is to be done.
    description: String,
    /// A title for people.
    title: Option<String>,
    /// Urgency; a larger number comes first.
    priority: Option<i64>,
    /// The task it is a part of.
    parent: Option<String>,
    /// The tasks that must be completed before it can begin.
    depends_on: Vec<String>,
    /// Whether some of them are not.
    blocked: bool,
    /// Those that are not.
    waits_for: Vec<String>,
    /// Who has it.
    agent: Option<String>,
    /// pending, assigned, running, completed, failed or cancelled.
    state: &'static str,
    /// Since when.
    since: String,
    /// Which attempt it is at.
    attempt: u64,
    /// Share done, in percent.
    progress: Option<f64>,
    /// What is being done.
    message: Option<String>,
    /// What went wrong, or why it was called off.
    error: Option<String>,
    /// What came of it: the beginning of its JSON, as text.
    result: Option<String>,
    /// How long it took, in milliseconds.
    duration_ms: Option<f64>,
    /// When it was put up.
    created: Option<String>,
    /// When it was begun.
    started: Option<String>,
    /// When it ended.
    ended: Option<String>,
}

impl TaskView {
    pub(super) fn of(task: &Task) -> Self {
        let text = |time: Timestamp| time.to_string();
        Self {
            id: task.id.clone(),
            description: task.description.clone(),
            title: task.title.clone(),
            priority: task.priority,
            parent: task.parent.clone(),
            depends_on: task.depends_on.clone(),
            blocked: task.is_blocked(),
            waits_for: task.open.clone(),
            agent: task.agent.clone(),
            state: task.state.as_str(),
            since: text(task.state_by.ts),
            attempt: task.attempt,
            progress: task.progress,
            message: task.message.clone(),
            error: task.error.clone(),
            result: task.result.clone(),
            duration_ms: task.duration_ms,
            created: task.created.map(text),
            started: task.started.map(text),
            ended: task.ended.map(text),
        }
    }
}

/// A page of the tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TaskPage {
    /// The tasks.
    pub(super) tasks: Vec<TaskView>,
    /// How many there are on all pages.
    pub(super) total: u64,
    /// How many were left out at the beginning.
    pub(super) skip: u64,
    /// How many there are on a page.
    pub(super) limit: u64,
}
