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

/// How an agent stands at `now`, with nothing made for it: for counts, filters and graphs.
pub fn attention(agent: &Agent, now: Timestamp) -> Attention {
    rests_on(agent, now).0
}

/// How an agent stands at `now`, and the event that this rests on.
pub fn rests_on(agent: &Agent, now: Timestamp) -> (Attention, &Evidence) {
    if agent.ended() {
        return (Attention::Done, &agent.status_by);
    }
    if let Some(ask) = agent.asks.first() {
        return (Attention::NeedsYou, &ask.evidence);
    }
    if let Some(failing) = &agent.failing {
        return (Attention::Failing, failing);
    }
    match (agent.health, &agent.health_by) {
        (Some(Health::Unhealthy), Some(by)) => return (Attention::Failing, by),
        (Some(Health::Offline), Some(by)) => return (Attention::Lost, by),
        _ => {}
    }
    if agent.works() || agent.open_tool.is_some() {
        if now.since(agent.heard.ts) > STALE_AFTER_MS {
            return (Attention::Stale, &agent.heard);
        }
        let by = match &agent.open_tool {
            Some(tool) if agent.task.is_none() => &tool.evidence,
            _ if agent.status.is_some() => &agent.status_by,
            _ => &agent.heard,
        };
        return (Attention::Working, by);
    }
    match &agent.waits_on {
        Some(waits) => (Attention::Waiting, &waits.evidence),
        None => (Attention::Idle, &agent.status_by),
    }
}

/// How an agent stands at `now`.
pub fn agent(agent: &Agent, now: Timestamp) -> Standing {
    let (attention, evidence) = rests_on(agent, now);
    Standing::new(attention, evidence, why(agent, attention, now))
}

/// Why an agent stands as it does, in a few words.
fn why(agent: &Agent, attention: Attention, now: Timestamp) -> String {
    let reason = agent.reason.as_deref().unwrap_or_default();
    let said = match attention {
        Attention::Done if !reason.is_empty() => reason,
        Attention::Done if agent.removed => "removed",
        Attention::Done => "stopped",
        Attention::NeedsYou => "asks for permission",
        Attention::Failing if agent.failing.is_some() => agent.failure.as_deref().unwrap_or("reported an error"),
        Attention::Failing => agent.health_reason.as_deref().unwrap_or("unhealthy"),
        Attention::Lost => agent.health_reason.as_deref().unwrap_or("offline"),
        Attention::Stale => return silent(agent, now),
        Attention::Working => return works(agent),
        Attention::Waiting => return ["for ", agent.waits_on.as_ref().map_or("", |waits| &waits.agent)].concat(),
        Attention::Idle => match agent.status {
            Some(AgentStatus::Idle) if reason.is_empty() => "idle",
            Some(_) => reason,
            None => "has not said what it does",
        },
    };
    said.to_owned()
}

/// For how long nothing was heard, and what it was at.
fn silent(agent: &Agent, now: Timestamp) -> String {
    let minutes = (now.since(agent.heard.ts) / 60_000).to_string();
    let [what, at, more] = match (&agent.open_tool, &agent.task) {
        (Some(tool), _) => [" while ", &tool.name, " is open"],
        (None, Some(task)) => [" while on ", task, ""],
        (None, None) => [" while it works", "", ""],
    };
    ["no event for ", &minutes, " m", what, at, more].concat()
}

/// What it works at.
fn works(agent: &Agent) -> String {
    match (&agent.task, &agent.open_tool, agent.running, agent.status) {
        (Some(task), ..) => ["on ", task].concat(),
        (None, Some(tool), ..) => [&tool.name, " is open"].concat(),
        (None, None, 0, Some(status)) => status.as_str().to_owned(),
        (None, None, 0 | 1, _) => "runs a task".to_owned(),
        (None, None, many, _) => ["runs ", &many.to_string(), " tasks"].concat(),
    }
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
        counts[attention(it, now) as usize] += 1;
    }
    counts
}
