//! Tasks: what is to be done, who does it and how it ended.

use super::table::{About, family, payload};
use super::wire::Object;
use serde_json::Value;

payload! {
    /// A task was put up.
    pub struct TaskCreated {
        /// What is to be done.
        description: String,
        /// Urgency; a larger number comes first.
        priority: Option<i64>,
        /// The task it is a part of.
        parent: Option<String>,
        /// The tasks that must be completed before it can begin.
        depends_on: Vec<String>,
    }
}

payload! {
    /// A task was given to an agent.
    pub struct TaskAssigned {
        /// The agent's id.
        agent: String,
    }
}

payload! {
    /// An agent began a task.
    pub struct TaskStarted {
        /// The agent's id.
        agent: Option<String>,
        /// A title for people.
        title: Option<String>,
    }
}

payload! {
    /// A task came forward.
    pub struct TaskProgress {
        /// Share done, in percent.
        progress: f64 => (0.0, 100.0),
        /// What is being done.
        message: Option<String>,
    }
}

payload! {
    /// A task ended well.
    pub struct TaskCompleted {
        /// How long it took, in milliseconds.
        duration_ms: Option<f64> => (0.0, 1e15),
        /// What came of it.
        result: Option<Value>,
        /// Figures about it.
        stats: Option<Object>,
    }
}

payload! {
    /// A task ended badly.
    pub struct TaskFailed {
        /// What went wrong.
        error: String,
    }
}

payload! {
    /// A task was called off.
    pub struct TaskCancelled {
        /// Why.
        reason: Option<String>,
    }
}

payload! {
    /// A task that ended badly or was called off is to be done again.
    pub struct TaskRetried {
        /// Which attempt begins; the first was 1.
        attempt: u64,
        /// Why.
        reason: Option<String>,
    }
}

payload! {
    /// What a router says of the way a task goes.
    pub struct TaskRoute {
        /// The agent it goes to.
        agent: Option<String>,
        /// The agent it went to before.
        previous: Option<String>,
        /// Why.
        reason: Option<String>,
        /// How sure the router is.
        confidence: Option<f64>,
        /// Who decided.
        by: Option<String>,
    }
}

family! {
    /// Tasks: what is to be done, who does it and how it ended.
    TaskEvent = "task" about About::Its("task");

    /// A task was put up.
    Created = "created" TaskCreated
    /// A task was given to an agent.
    Assigned = "assigned" TaskAssigned
    /// An agent began a task.
    Started = "started" TaskStarted
    /// A task came forward.
    Progress = "progress" TaskProgress
    /// A task ended well.
    Completed = "completed" TaskCompleted
    /// A task ended badly.
    Failed = "failed" TaskFailed
    /// A task was called off.
    Cancelled = "cancelled" TaskCancelled
    /// A task that ended badly or was called off is to be done again.
    Retried = "retried" TaskRetried
    /// A router chose who is to do a task; the assignment itself is another event.
    Routed = "routed" TaskRoute
    /// A router's choice was looked at and found right.
    RouteVerified = "route_verified" TaskRoute
    /// A router chose somebody else.
    Rerouted = "rerouted" TaskRoute
    /// A person or a rule put another choice in the place of a router's.
    RouteOverridden = "route_overridden" TaskRoute
}

macro_rules! bodies {
    ($($variant:ident($payload:ident)),+ $(,)?) => {
        $(impl From<$payload> for super::Body {
            fn from(payload: $payload) -> Self {
                TaskEvent::$variant(payload).into()
            }
        })+
    };
}

bodies!(
    Created(TaskCreated),
    Assigned(TaskAssigned),
    Started(TaskStarted),
    Progress(TaskProgress),
    Completed(TaskCompleted),
    Failed(TaskFailed),
    Cancelled(TaskCancelled),
    Retried(TaskRetried),
);
