//! Tasks: what is to be done, who does it and how it ended.

use super::table::{About, domain};
use super::wire::Object;
use serde_json::Value;

domain! {
    /// Tasks: what is to be done, who does it and how it ended.
    TaskEvent = "task" about About::Its("task");

    /// A task was put up.
    Created = "created" TaskCreated {
        /// What is to be done.
        description: String,
        /// Urgency; a larger number comes first.
        priority: Option<i64>,
        /// The task it is a part of.
        parent: Option<String>,
    }

    /// A task was given to an agent.
    Assigned = "assigned" TaskAssigned {
        /// The agent's id.
        agent: String,
    }

    /// An agent began a task.
    Started = "started" TaskStarted {
        /// The agent's id.
        agent: Option<String>,
        /// A title for people.
        title: Option<String>,
    }

    /// A task came forward.
    Progress = "progress" TaskProgress {
        /// Share done, in percent.
        progress: f64 => (0.0, 100.0),
        /// What is being done.
        message: Option<String>,
    }

    /// A task ended well.
    Completed = "completed" TaskCompleted {
        /// How long it took, in milliseconds.
        duration_ms: Option<f64> => (0.0, 1e15),
        /// What came of it.
        result: Option<Value>,
        /// Figures about it.
        stats: Option<Object>,
    }

    /// A task ended badly.
    Failed = "failed" TaskFailed {
        /// What went wrong.
        error: String,
    }

    /// A task was called off.
    Cancelled = "cancelled" TaskCancelled {
        /// Why.
        reason: Option<String>,
    }
}
