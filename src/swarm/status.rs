//! How agents, tasks and sessions stand, in the order in which they deserve attention.
//!
//! A standing is derived, never reported: it names the event it rests on, and `now` is an argument.

use super::agents::Agent;
use super::sessions::{Session, SessionState};
use super::tasks::{Task, TaskState};
use super::{Evidence, SwarmState};
use crate::event::Timestamp;
use crate::event::agent::{AgentStatus, Health};
use crate::event::table::words;

/// How long something that works may be silent before it is stale, in milliseconds.
pub const STALE_AFTER_MS: u64 = 120_000;

words! {
    /// The one vocabulary of standings, most urgent first.
    pub enum Attention {
        /// A person is asked and has not answered.
        NeedsYou = "needs you",
        /// The last thing it did failed.
        Failing = "failing",
        /// It works, and should have been heard of by now.
        Stale = "stale",
        /// It cannot be reached.
        Lost = "lost",
        /// It works.
        Working = "working",
        /// It waits for another agent or for its turn.
        Waiting = "waiting",
        /// It has nothing to do.
        Idle = "idle",
        /// It came to its end.
        Done = "done",
    }
}

impl Attention {
    /// Its sign, told apart without colour.
    pub fn glyph(self) -> &'static str {
        match self {
            Self::NeedsYou => "◆",
            Self::Failing => "✕",
            Self::Stale => "◔",
            Self::Lost => "◌",
            Self::Working => "●",
            Self::Waiting => "◐",
            Self::Idle => "○",
            Self::Done => "✓",
        }
    }

    /// Its name in class names and addresses.
    pub fn slug(self) -> &'static str {
        match self {
            Self::NeedsYou => "needs-you",
            other => other.as_str(),
        }
    }
}

/// How something stands, and by what evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The standing.
    pub attention: Attention,
    /// The event it rests on; its age is the standing's age.
    pub evidence: Evidence,
    /// Why, in a few words.
    pub why: String,
}

impl Standing {
    fn new(attention: Attention, evidence: &Evidence, why: impl Into<String>) -> Self {
        Self { attention, evidence: evidence.clone(), why: why.into() }
    }
}

/// How an agent stands at `now`.
pub fn agent(agent: &Agent, now: Timestamp) -> Standing {
    let reason = agent.reason.as_deref().unwrap_or_default();
    if agent.ended() {
        let why = if agent.removed { "removed" } else { "stopped" };
        return Standing::new(Attention::Done, &agent.status_by, if reason.is_empty() { why } else { reason });
    }
    if let Some(ask) = agent.asks.first() {
        return Standing::new(Attention::NeedsYou, &ask.evidence, "asks for permission");
    }
    if let Some(failing) = &agent.failing {
        return Standing::new(Attention::Failing, failing, agent.failure.as_deref().unwrap_or("reported an error"));
    }
    if let (Some(Health::Unhealthy), Some(by)) = (agent.health, &agent.health_by) {
        return Standing::new(Attention::Failing, by, agent.health_reason.as_deref().unwrap_or("unhealthy"));
    }
    if let (Some(Health::Offline), Some(by)) = (agent.health, &agent.health_by) {
        return Standing::new(Attention::Lost, by, agent.health_reason.as_deref().unwrap_or("offline"));
    }
    if agent.works() {
        if now.since(agent.heard.ts) > STALE_AFTER_MS {
            return Standing::new(Attention::Stale, &agent.heard, "works, and has not been heard of since");
        }
        let why = match (&agent.task, agent.status) {
            (Some(task), _) => ["on ", task].concat(),
            (None, Some(status)) => status.as_str().to_owned(),
            (None, None) => "runs a task".to_owned(),
        };
        let by = if agent.status.is_some() { &agent.status_by } else { &agent.heard };
        return Standing::new(Attention::Working, by, why);
    }
    if let Some(waits) = &agent.waits_on {
        return Standing::new(Attention::Waiting, &waits.evidence, ["for ", &waits.agent].concat());
    }
    let why = match agent.status {
        Some(AgentStatus::Idle) if reason.is_empty() => "idle",
        Some(_) => reason,
        None => "has not said what it does",
    };
    Standing::new(Attention::Idle, &agent.status_by, why)
}

/// How a task stands at `now`.
pub fn task(task: &Task, now: Timestamp) -> Standing {
    let why = task.error.as_deref();
    match task.state {
        TaskState::Failed => Standing::new(Attention::Failing, &task.state_by, why.unwrap_or("failed")),
        TaskState::Completed => Standing::new(Attention::Done, &task.state_by, "completed"),
        TaskState::Cancelled => Standing::new(Attention::Done, &task.state_by, why.unwrap_or("cancelled")),
        TaskState::Running if now.since(task.heard.ts) > STALE_AFTER_MS => {
            Standing::new(Attention::Stale, &task.heard, "running, and nothing heard since")
        }
        TaskState::Running => Standing::new(Attention::Working, &task.state_by, task.message.as_deref().unwrap_or("running")),
        TaskState::Assigned | TaskState::Pending => {
            let why = task.open.first().map_or_else(|| task.state.as_str().to_owned(), |open| ["for ", open].concat());
            Standing::new(Attention::Waiting, &task.state_by, why)
        }
    }
}

/// How a session stands at `now`.
pub fn session(session: &Session, now: Timestamp) -> Standing {
    if let Some(request) = session.open.values().next() {
        return Standing::new(Attention::NeedsYou, &request.by, ["asks to run ", &request.tool_name].concat());
    }
    match session.state {
        SessionState::Failed => Standing::new(Attention::Failing, &session.heard, session.error.as_deref().unwrap_or("failed")),
        SessionState::Completed => Standing::new(Attention::Done, &session.heard, "completed"),
        SessionState::Aborted => Standing::new(Attention::Done, &session.heard, "aborted"),
        SessionState::Idle => Standing::new(Attention::Idle, &session.heard, "waits for its first message"),
        SessionState::Running if now.since(session.heard.ts) > STALE_AFTER_MS => {
            Standing::new(Attention::Stale, &session.heard, "running, and nothing heard since")
        }
        SessionState::Running => Standing::new(Attention::Working, &session.heard, "running"),
    }
}

/// Counts of agents by standing, in the vocabulary's order.
pub fn agents_by_attention(state: &SwarmState, now: Timestamp) -> [u64; Attention::ALL.len()] {
    let mut counts = [0; Attention::ALL.len()];
    for it in state.agents.by_id.values() {
        counts[agent(it, now).attention as usize] += 1;
    }
    counts
}
