//! Pages of the tasks.

use crate::swarm::SwarmState;
use crate::swarm::tasks::{Task, TaskState};

/// How many tasks one page has at most.
pub const MAX_PAGE: usize = 1_000;
/// How many where nobody says.
pub const DEFAULT_PAGE: usize = 100;

/// Which tasks are wanted. They come most urgent first: by priority, then by how long they are where
/// they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskQuery {
    /// Only those in this state.
    pub state: Option<TaskState>,
    /// Only those of this agent.
    pub agent: Option<String>,
    /// Only the parts of this task.
    pub parent: Option<String>,
    /// Only those that wait for others, or only those that do not.
    pub blocked: Option<bool>,
    /// How many to leave out at the beginning.
    pub skip: usize,
    /// How many, at most [`MAX_PAGE`].
    pub limit: usize,
}

impl Default for TaskQuery {
    fn default() -> Self {
        Self { state: None, agent: None, parent: None, blocked: None, skip: 0, limit: DEFAULT_PAGE }
    }
}

/// A page of the tasks.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskListing {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// How many there are on all pages.
    pub total: usize,
}

impl TaskQuery {
    pub(super) fn pick(&self, state: &SwarmState) -> TaskListing {
        let wanted = |task: &&Task| {
            self.state.is_none_or(|state| task.state == state)
                && (self.agent.is_none() || self.agent == task.agent)
                && (self.parent.is_none() || self.parent == task.parent)
                && self.blocked.is_none_or(|blocked| task.is_blocked() == blocked)
        };
        let mut found: Vec<&Task> = state.tasks.by_id.values().filter(wanted).collect();
        found.sort_by_key(|task| (std::cmp::Reverse(task.priority.unwrap_or(0)), task.state_by.seq));
        let total = found.len();
        let page = found.into_iter().skip(self.skip).take(self.limit.min(MAX_PAGE));
        TaskListing { tasks: page.cloned().collect(), total }
    }
}
