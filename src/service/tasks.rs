//! What is to be done, and who does it.
//!
//! A task goes from pending to assigned to running to completed, failed or cancelled; one that
//! failed or was cancelled can be retried. It goes nowhere else: a refusal names where it stands and
//! where it was to go. Everything is decided in the order of the log, so that of two agents that
//! claim one task at once, one has it and the other is told so.

mod commands;
mod query;

pub use commands::{Completion, NewTask};
pub use query::{TaskListing, TaskQuery};

use super::input::{self, Decided};
use super::{Refusal, Setup};
use crate::event::task::{
    TaskAssigned, TaskCancelled, TaskCompleted, TaskCreated, TaskFailed, TaskProgress, TaskRetried, TaskStarted,
};
use crate::event::wire::Object;
use crate::event::{Body, CORE, Draft, Entity, Timestamp};
use crate::hub::Hub;
use crate::service::registry;
use crate::swarm::SwarmState;
use crate::swarm::agents::{Agent, MAX_TEXT};
use crate::swarm::tasks::{MAX_DEPENDENCIES, MAX_TASKS, Task, TaskState};

/// How long a description may be, in bytes.
pub const MAX_DESCRIPTION: usize = 4_096;
/// How large a result or figures may be, in bytes of JSON.
pub const MAX_RESULT: usize = 24 << 10;

/// What is to be done, and who does it; cheap to clone.
#[derive(Debug, Clone)]
pub struct Tasks {
    hub: Hub,
}

impl Tasks {
    /// Starts it.
    pub fn start(setup: &Setup) -> Self {
        Self { hub: setup.hub.clone() }
    }

    /// A task.
    ///
    /// # Errors
    /// No such task, or it is no longer kept.
    pub fn get(&self, id: &str) -> Result<Task, Refusal> {
        known(&self.hub.state(), id).cloned()
    }

    /// A page of the tasks.
    pub fn list(&self, query: &TaskQuery) -> TaskListing {
        query.pick(&self.hub.state())
    }

    /// Puts up a task, and gives it to an agent at once where one is named.
    ///
    /// Dependencies must be there already; since the task itself is not, no circle can arise.
    ///
    /// # Errors
    /// A field that does not fit, an id that is taken, a dependency or an agent that is not there,
    /// or [`MAX_TASKS`] open tasks.
    pub async fn create(&self, task: NewTask) -> Result<Task, Refusal> {
        let id = match &task.id {
            Some(id) => id.clone(),
            None => input::fresh("task")?,
        };
        task.check(&id)?;
        let name = id.clone();
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<()> {
            if let Some(known) = state.tasks.by_id.get(&name) {
                return Err(Refusal::conflict(format!("task {name:?} is there already and is {}", known.state)));
            }
            room(state)?;
            for (index, on) in task.depends_on.iter().enumerate() {
                let Some(on) = state.tasks.by_id.get(on) else {
                    return Err(Refusal::missing(format!("depends_on[{index}]: no task {on:?}")));
                };
                if task.agent.is_some() && on.state != TaskState::Completed {
                    return Err(waits(&name, on));
                }
            }
            let created = TaskCreated {
                description: task.description,
                priority: task.priority,
                parent: task.parent,
                depends_on: task.depends_on,
                extra: Object::new(),
            };
            let mut drafts = vec![draft(&name, created)];
            if let Some(agent) = task.agent {
                able(state, &agent)?;
                drafts.push(draft(&name, TaskAssigned { agent, extra: Object::new() }));
            }
            Ok((drafts, ()))
        };
        self.hub.decide(rule).await?;
        self.get(&id)
    }

    /// Gives a pending task to an agent.
    ///
    /// # Errors
    /// No such task; one that is not pending or waits for others; an agent that is not there or
    /// has stopped.
    pub async fn assign(&self, id: &str, agent: &str) -> Result<Task, Refusal> {
        let (name, agent) = (id.to_owned(), agent.to_owned());
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<()> {
            let task = known(state, &name)?;
            able(state, &agent)?;
            if task.state != TaskState::Pending {
                return Err(no_way(task, TaskState::Assigned));
            }
            unblocked(state, task)?;
            Ok((vec![draft(&name, TaskAssigned { agent, extra: Object::new() })], ()))
        };
        self.hub.decide(rule).await?;
        self.get(id)
    }

    /// An agent takes a pending task. Of several that want it at once, one gets it.
    ///
    /// # Errors
    /// As [`assign`](Self::assign): whoever comes second is told that it is assigned, and to whom.
    pub async fn claim(&self, id: &str, agent: &str) -> Result<Task, Refusal> {
        self.assign(id, agent).await
    }

    /// An agent takes the most urgent task that it can have: the largest priority, then the one that
    /// is pending longest. None where there is none.
    ///
    /// # Errors
    /// The agent is not there or has stopped.
    pub async fn claim_next(&self, agent: &str) -> Result<Option<Task>, Refusal> {
        let agent = agent.to_owned();
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<Option<String>> {
            able(state, &agent)?;
            let free = state.tasks.by_id.values().filter(|task| task.state == TaskState::Pending && !task.is_blocked());
            let first = free.min_by_key(|task| (std::cmp::Reverse(task.priority.unwrap_or(0)), task.state_by.seq));
            let Some(id) = first.map(|task| task.id.clone()) else { return Ok((Vec::new(), None)) };
            Ok((vec![draft(&id, TaskAssigned { agent, extra: Object::new() })], Some(id)))
        };
        let (_, id) = self.hub.decide(rule).await?;
        id.map(|id| self.get(&id)).transpose()
    }

    /// The agent that has a task begins it.
    ///
    /// # Errors
    /// No such task, one that is not assigned, or one of another agent.
    pub async fn start_task(&self, id: &str, agent: Option<&str>, title: Option<String>) -> Result<Task, Refusal> {
        input::optional("title", title.as_deref(), MAX_TEXT)?;
        self.turn(id, agent, &[TaskState::Assigned], TaskState::Running, move |state, task, _| {
            unblocked(state, task)?;
            let agent = task.agent.clone();
            if let Some(agent) = &agent {
                able(state, agent)?;
            }
            Ok(vec![draft(&task.id, TaskStarted { agent, title, extra: Object::new() })])
        })
        .await
    }

    /// A running task came forward, to so many percent. Progress only grows: a report of less, which
    /// came late, changes nothing and is not published, and the answer says how far the task is.
    ///
    /// # Errors
    /// No such task, one that is not running or of another agent, or a share that is none.
    pub async fn progress(&self, id: &str, agent: Option<&str>, progress: f64, message: Option<String>) -> Result<Task, Refusal> {
        if !(0.0..=100.0).contains(&progress) {
            return Err(Refusal::invalid(format!("progress: {progress} is not between 0 and 100")));
        }
        input::optional("message", message.as_deref(), MAX_TEXT)?;
        self.turn(id, agent, &[TaskState::Running], TaskState::Running, move |_, task, _| {
            let known = task.progress.unwrap_or(0.0);
            if progress < known || (task.progress == Some(progress) && message == task.message) {
                return Ok(Vec::new());
            }
            Ok(vec![draft(&task.id, TaskProgress { progress, message, extra: Object::new() })])
        })
        .await
    }

    /// A running task ended well. How long it took is measured from its start where nobody says.
    ///
    /// # Errors
    /// No such task, one that is not running or of another agent, or a result that is too large.
    pub async fn complete(&self, id: &str, agent: Option<&str>, done: Completion) -> Result<Task, Refusal> {
        done.check()?;
        self.turn(id, agent, &[TaskState::Running], TaskState::Completed, move |_, task, now| {
            let measured = || task.started.map(|started| now.since(started) as f64);
            let duration_ms = done.duration_ms.or_else(measured);
            let completed = TaskCompleted { duration_ms, result: done.result, stats: done.stats, extra: Object::new() };
            Ok(vec![draft(&task.id, completed)])
        })
        .await
    }

    /// A running task ended badly.
    ///
    /// # Errors
    /// No such task, one that is not running or of another agent, or no word of what went wrong.
    pub async fn fail(&self, id: &str, agent: Option<&str>, error: String) -> Result<Task, Refusal> {
        input::text("error", &error, MAX_DESCRIPTION)?;
        self.turn(id, agent, &[TaskState::Running], TaskState::Failed, move |_, task, _| {
            Ok(vec![draft(&task.id, TaskFailed { error, extra: Object::new() })])
        })
        .await
    }

    /// Calls off a task that has not ended.
    ///
    /// # Errors
    /// No such task, or one that has ended.
    pub async fn cancel(&self, id: &str, reason: Option<String>) -> Result<Task, Refusal> {
        input::optional("reason", reason.as_deref(), MAX_TEXT)?;
        let open = [TaskState::Pending, TaskState::Assigned, TaskState::Running];
        self.turn(id, None, &open, TaskState::Cancelled, move |_, task, _| {
            Ok(vec![draft(&task.id, TaskCancelled { reason, extra: Object::new() })])
        })
        .await
    }

    /// Puts a task that failed or was cancelled up again: pending, with nobody on it.
    ///
    /// # Errors
    /// No such task, or one that neither failed nor was cancelled.
    pub async fn retry(&self, id: &str, reason: Option<String>) -> Result<Task, Refusal> {
        input::optional("reason", reason.as_deref(), MAX_TEXT)?;
        let ended = [TaskState::Failed, TaskState::Cancelled];
        self.turn(id, None, &ended, TaskState::Pending, move |_, task, _| {
            Ok(vec![draft(&task.id, TaskRetried { attempt: task.attempt + 1, reason, extra: Object::new() })])
        })
        .await
    }

    /// Moves a task from one of some states to another, where it is the agent's to move.
    async fn turn(
        &self,
        id: &str,
        agent: Option<&str>,
        from: &[TaskState],
        to: TaskState,
        events: impl FnOnce(&SwarmState, &Task, Timestamp) -> Result<Vec<Draft>, Refusal> + Send + 'static,
    ) -> Result<Task, Refusal> {
        let (name, agent, from) = (id.to_owned(), agent.map(str::to_owned), from.to_vec());
        let rule = move |state: &SwarmState, now: Timestamp| -> Decided<()> {
            let task = known(state, &name)?;
            if !from.contains(&task.state) {
                return Err(no_way(task, to));
            }
            if let (Some(agent), Some(owner)) = (&agent, &task.agent)
                && agent != owner
            {
                return Err(Refusal::conflict(format!("task {name:?} is {owner:?}'s, not {agent:?}'s")));
            }
            Ok((events(state, task, now)?, ()))
        };
        self.hub.decide(rule).await?;
        self.get(id)
    }
}

fn draft(id: &str, body: impl Into<Body>) -> Draft {
    Draft::new(CORE, Entity::new("task", id), body)
}

fn known<'a>(state: &'a SwarmState, id: &str) -> Result<&'a Task, Refusal> {
    state.tasks.by_id.get(id).ok_or_else(|| Refusal::missing(format!("no task {id:?}")))
}

/// An agent that can be given something to do.
fn able<'a>(state: &'a SwarmState, id: &str) -> Result<&'a Agent, Refusal> {
    let agent = registry::known(state, id)?;
    if agent.ended() {
        return Err(Refusal::conflict(format!("agent {id:?} has stopped")));
    }
    Ok(agent)
}

fn no_way(task: &Task, to: TaskState) -> Refusal {
    let holder = task.agent.as_ref().filter(|_| !task.state.ended()).map(|agent| format!(" to {agent:?}"));
    let holder = holder.filter(|_| task.state == TaskState::Assigned).unwrap_or_default();
    Refusal::conflict(format!("task {:?} is {}{holder} and cannot become {to}", task.id, task.state))
}

fn waits(id: &str, on: &Task) -> Refusal {
    Refusal::conflict(format!("task {id:?} is blocked: it depends on {:?}, which is {}", on.id, on.state))
}

/// Refuses a task that waits for others, and names the first of them.
fn unblocked(state: &SwarmState, task: &Task) -> Result<(), Refusal> {
    let Some(open) = task.open.first() else { return Ok(()) };
    Err(match state.tasks.by_id.get(open) {
        Some(on) => waits(&task.id, on),
        None => Refusal::conflict(format!("task {:?} is blocked: it depends on {open:?}, of which nothing is known", task.id)),
    })
}

/// The fold forgets tasks at its bound, those that ended first: an open one must not push out
/// another.
fn room(state: &SwarmState) -> Result<(), Refusal> {
    let tasks = &state.tasks.by_id;
    if tasks.len() >= MAX_TASKS && tasks.values().filter(|task| !task.state.ended()).count() >= MAX_TASKS {
        return Err(Refusal::conflict(format!("{MAX_TASKS} tasks are open, and no more are kept")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
