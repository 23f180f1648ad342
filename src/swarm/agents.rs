//! The agents as their events tell them.

use std::collections::VecDeque;

use super::Evidence;
use super::bounds::{clip, prune, push_newest};
use super::sessions::{Session, SessionState};
use super::table::Table;
use super::tasks::{Task, TaskState};
use crate::event::agent::{AgentEvent, AgentStatus, Health, HealthCause};
use crate::event::message::{MessageEvent, MessageType};
use crate::event::session::SessionEvent;
use crate::event::table::record;
use crate::event::{Event, Timestamp};

/// How many agents are kept. Past it those that stopped longest ago are forgotten and counted.
pub const MAX_AGENTS: usize = 5_000;
/// How many open requests one agent can be seen to have; further ones stand in their sessions only.
pub const MAX_ASKS: usize = 16;
/// How many capabilities of an agent are kept.
pub const MAX_CAPABILITIES: usize = 32;
/// How many changes of an agent's trust are kept; how many there ever were is counted.
pub const MAX_TRUST_HISTORY: usize = 50;
/// How many of the times are kept in which a person was asked on an agent's behalf.
pub const MAX_WAITS: usize = 16;
/// How long a name, reason or other short text may be, in bytes.
pub const MAX_TEXT: usize = 300;

record! {
    /// A person is asked on an agent's behalf.
    pub struct Ask {
        /// The request.
        request_id: String,
        /// The session it stands in.
        session: String,
        /// The event that asked.
        evidence: Evidence,
    }
}

record! {
    /// An agent waits for another's answer.
    pub struct WaitsOn {
        /// The other agent.
        agent: String,
        /// The message that asked.
        evidence: Evidence,
    }
}

record! {
    /// A time in which a person was asked on an agent's behalf.
    pub struct Wait {
        /// When the first was asked.
        from: Timestamp,
        /// When the last was answered; none while one is open.
        to: Option<Timestamp>,
    }
}

record! {
    /// A tool that an agent called and that has not answered.
    pub struct OpenTool {
        /// Its name.
        name: String,
        /// The call.
        tool_use_id: String,
        /// The session it stands in.
        session: String,
        /// The event that began it.
        evidence: Evidence,
    }
}

record! {
    /// One change of an agent's trust.
    pub struct TrustChange {
        /// Its place in the log.
        seq: u64,
        /// When.
        ts: Timestamp,
        /// The score then.
        score: f64,
        /// By how much it changed.
        delta: f64,
        /// What earned or cost it.
        reason: String,
        /// The peer that reported it.
        by: Option<String>,
    }
}

record! {
    /// One agent.
    pub struct Agent {
        /// Its id.
        id: String,
        /// Its name for people; its id where it gave none.
        name: String,
        /// Its kind; unknown where it never said.
        agent_type: Option<String>,
        /// The agent that started it.
        parent: Option<String>,
        /// Where it can be reached.
        endpoint: Option<String>,
        /// Its version.
        version: Option<String>,
        /// What it can do.
        capabilities: Vec<String>,
        /// The machine it runs on.
        host: Option<String>,
        /// Who reports it.
        source: String,
        /// The place of the newest description that says more than is kept here.
        described: Option<u64>,
        /// What it last said it does.
        status: Option<AgentStatus>,
        /// Why, in its words.
        reason: Option<String>,
        /// The task it said it works on.
        task: Option<String>,
        /// The event its status rests on.
        status_by: Evidence,
        /// Whether it is reachable and well.
        health: Option<Health>,
        /// The event its health rests on.
        health_by: Option<Evidence>,
        /// What says how it is.
        health_cause: Option<HealthCause>,
        /// Why it is so, in words.
        health_reason: Option<String>,
        /// Trust from 0 to 1, as it was when it last changed.
        trust: Option<f64>,
        /// Who says so.
        trust_source: Option<String>,
        /// How often it changed.
        trust_changes: u64,
        /// The newest changes, oldest first.
        trust_history: VecDeque<TrustChange>,
        /// Processor use in percent, as it measured it.
        cpu: Option<f64>,
        /// Memory in bytes, as it measured it.
        memory: Option<f64>,
        /// Messages it says it handled.
        message_count: Option<u64>,
        /// When it was first heard of.
        first_seen: Timestamp,
        /// The newest event that it did or that is about it.
        heard: Evidence,
        /// The place of the newest event that it did itself: its last sign of life.
        spoke: u64,
        /// Whether it was taken off the register.
        removed: bool,
        /// Messages it sent.
        sent: u64,
        /// Messages sent to it by name.
        received: u64,
        /// Tasks it is running.
        running: u64,
        /// Tasks it completed.
        completed: u64,
        /// Tasks it failed.
        failed: u64,
        /// Its last failure, until its next success.
        failing: Option<Evidence>,
        /// What that failure said.
        failure: Option<String>,
        /// Whose answer it waits for.
        waits_on: Option<WaitsOn>,
        /// What a person is asked on its behalf.
        asks: Vec<Ask>,
        /// When persons were asked on its behalf, oldest first.
        waits: VecDeque<Wait>,
        /// The tool it called last, while that has not answered.
        open_tool: Option<OpenTool>,
    }
}

record! {
    /// The agents.
    #[derive(Default)]
    pub struct Agents {
        /// By id.
        by_id: Table<Agent>,
        /// How many were forgotten at the bound.
        forgotten: u64,
    }
}

impl Agent {
    fn new(event: &Event, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            agent_type: None,
            parent: None,
            endpoint: None,
            version: None,
            capabilities: Vec::new(),
            host: None,
            source: event.source.clone(),
            described: None,
            status: None,
            reason: None,
            task: None,
            status_by: Evidence::of(event),
            health: None,
            health_by: None,
            health_cause: None,
            health_reason: None,
            trust: None,
            trust_source: None,
            trust_changes: 0,
            trust_history: VecDeque::new(),
            cpu: None,
            memory: None,
            message_count: None,
            first_seen: event.when(),
            heard: Evidence::of(event),
            spoke: event.seq,
            removed: false,
            sent: 0,
            received: 0,
            running: 0,
            completed: 0,
            failed: 0,
            failing: None,
            failure: None,
            waits_on: None,
            asks: Vec::new(),
            waits: VecDeque::new(),
            open_tool: None,
        }
    }

    /// Whether it is over for it: stopped or removed.
    pub fn ended(&self) -> bool {
        self.removed || self.status == Some(AgentStatus::Stopped)
    }

    /// Whether it says that it works, or runs a task.
    pub fn works(&self) -> bool {
        self.running > 0 || matches!(self.status, Some(AgentStatus::Active | AgentStatus::Busy | AgentStatus::Spawning))
    }

    /// Its trust as it was before the first change that is kept, and after each of them.
    pub fn trust_scores(&self) -> Vec<f64> {
        let before = self.trust_history.front().map(|first| (first.score - first.delta).clamp(0.0, 1.0));
        before.into_iter().chain(self.trust_history.iter().map(|change| change.score)).collect()
    }

    /// Keeps since when, or until when, a person is asked on its behalf.
    fn keep_wait(&mut self, at: Timestamp) {
        let waits = self.waits.back_mut().filter(|wait| wait.to.is_none());
        match (waits, self.asks.is_empty()) {
            (None, false) => push_newest(&mut self.waits, Wait { from: at, to: None }, MAX_WAITS),
            (Some(wait), true) => wait.to = Some(at),
            _ => {}
        }
    }

    /// Nobody waits for anything of it any more.
    fn rest(&mut self, event: &Event) {
        (self.waits_on, self.asks, self.open_tool) = (None, Vec::new(), None);
        self.keep_wait(event.when());
    }

    fn fold(&mut self, event: &Event, body: &AgentEvent) {
        match body {
            AgentEvent::Registered(it) => {
                self.name = clip(&it.name, MAX_TEXT);
                self.agent_type = Some(clip(&it.agent_type, MAX_TEXT));
                self.parent.clone_from(&it.parent);
                self.endpoint = it.endpoint.as_deref().map(short);
                self.version = it.version.as_deref().map(short);
                self.capabilities = capabilities(&it.capabilities);
                self.host = it.host.as_deref().map(short);
                self.source.clone_from(&event.source);
                self.described = (!it.extra.is_empty()).then_some(event.seq);
                if self.removed || self.status == Some(AgentStatus::Stopped) {
                    // It came back: what it was before says nothing of what it does now.
                    (self.status, self.reason, self.task) = (None, None, None);
                    (self.failing, self.failure) = (None, None);
                    self.status_by = Evidence::of(event);
                }
                self.removed = false;
            }
            AgentEvent::Updated(it) => {
                if !it.extra.is_empty() {
                    self.described = Some(event.seq);
                }
                if let Some(name) = &it.name {
                    self.name = clip(name, MAX_TEXT);
                }
                if let Some(list) = &it.capabilities {
                    self.capabilities = capabilities(list);
                }
                renew(&mut self.agent_type, &it.agent_type);
                renew(&mut self.parent, &it.parent);
                renew(&mut self.endpoint, &it.endpoint);
                renew(&mut self.version, &it.version);
                renew(&mut self.host, &it.host);
            }
            AgentEvent::StatusChanged(it) => {
                self.status = Some(it.status);
                self.reason = it.reason.as_deref().map(short);
                self.status_by = Evidence::of(event);
                if it.task.is_some() || !self.works() {
                    self.task.clone_from(&it.task);
                }
                if it.status == AgentStatus::Error {
                    self.failing = Some(Evidence::of(event));
                    self.failure = it.reason.as_deref().map(short);
                } else if matches!(&self.failing, Some(by) if by.kind == "agent.status_changed") {
                    // It said itself that it failed; now it says that it does not.
                    (self.failing, self.failure) = (None, None);
                }
                if it.status == AgentStatus::Stopped {
                    self.rest(event);
                }
                if let Some(metrics) = &it.metrics {
                    self.cpu = metrics.cpu.or(self.cpu);
                    self.memory = metrics.memory.or(self.memory);
                    self.message_count = metrics.message_count.or(self.message_count);
                }
            }
            AgentEvent::HealthChanged(it) => {
                self.health = Some(it.status);
                self.health_by = Some(Evidence::of(event));
                self.health_cause = it.cause;
                self.health_reason = it.reason.as_deref().map(short);
            }
            // What an agent says of its own trust counts for nothing.
            AgentEvent::TrustChanged(it) if event.source != self.id => {
                self.trust = Some(it.score);
                self.trust_source = Some(event.source.clone());
                self.trust_changes += 1;
                let change = TrustChange {
                    seq: event.seq,
                    ts: event.when(),
                    score: it.score,
                    delta: it.delta,
                    reason: clip(&it.reason, 100),
                    by: it.by.as_deref().map(short),
                };
                push_newest(&mut self.trust_history, change, MAX_TRUST_HISTORY);
            }
            AgentEvent::TrustChanged(_) => {}
            AgentEvent::Removed(it) => {
                self.removed = true;
                self.reason = it.reason.as_deref().map(short);
                self.status_by = Evidence::of(event);
                self.rest(event);
            }
        }
    }
}

/// Whether an event shows that the agent it concerns is alive: others say how well it is, how far
/// it is trusted, and what it is to do.
fn is_own_doing(kind: &str) -> bool {
    !matches!(kind, "agent.health_changed" | "agent.trust_changed" | "agent.removed" | "task.assigned" | "task.cancelled")
}

fn short(text: &str) -> String {
    clip(text, MAX_TEXT)
}

fn renew(field: &mut Option<String>, said: &Option<String>) {
    if let Some(said) = said {
        *field = Some(short(said));
    }
}

fn capabilities(list: &[String]) -> Vec<String> {
    list.iter().take(MAX_CAPABILITIES).map(|capability| clip(capability, 64)).collect()
}

impl Agents {
    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &AgentEvent) {
        if !self.by_id.contains_key(id) {
            self.by_id.insert(id, Agent::new(event, id));
            self.forgotten += prune(&mut self.by_id, MAX_AGENTS, |agent| (!agent.ended(), agent.heard.seq));
        }
        if let Some(agent) = self.heard(event, id) {
            agent.fold(event, body);
        }
    }

    /// The agent, if it is known, marked as heard of.
    fn heard(&mut self, event: &Event, id: &str) -> Option<&mut Agent> {
        let agent = self.by_id.get_mut(id)?;
        if is_own_doing(event.kind()) {
            agent.spoke = event.seq;
        }
        agent.heard.seq = event.seq;
        agent.heard.ts = agent.heard.ts.max(event.when());
        if agent.heard.kind != event.kind() {
            event.kind().clone_into(&mut agent.heard.kind);
        }
        Some(agent)
    }

    /// A task changed; `before` is who had it.
    pub(super) fn task_moved(&mut self, event: &Event, id: &str, before: Option<&str>, task: Option<&Task>) {
        let Some(task) = task else { return };
        let was_running = task.was == TaskState::Running;
        let runs = task.state == TaskState::Running;
        if let Some(agent) = before.and_then(|owner| self.by_id.get_mut(owner))
            && was_running
            && (!runs || task.agent.as_deref() != before)
        {
            agent.running = agent.running.saturating_sub(1);
            if agent.task.as_deref() == Some(id) {
                agent.task = None;
            }
        }
        let Some(owner) = task.agent.as_deref() else { return };
        let Some(agent) = self.heard(event, owner) else { return };
        if runs && (!was_running || before != Some(owner)) {
            agent.running += 1;
            agent.task = Some(id.to_owned());
        }
        if task.state == task.was {
            return;
        }
        match task.state {
            TaskState::Completed => {
                agent.completed += 1;
                (agent.failing, agent.failure) = (None, None);
            }
            TaskState::Failed => {
                agent.failed += 1;
                agent.failing = Some(Evidence::of(event));
                agent.failure.clone_from(&task.error);
            }
            TaskState::Pending | TaskState::Assigned | TaskState::Running | TaskState::Cancelled => {}
        }
    }

    pub(super) fn message_sent(&mut self, event: &Event, body: &MessageEvent) {
        let message = match body {
            MessageEvent::Sent(message) => message,
            MessageEvent::Delivered(it) => {
                self.heard(event, &it.agent);
                return;
            }
        };
        if let Some(sender) = self.heard(event, &message.from) {
            sender.sent += 1;
            if matches!(message.message_type, MessageType::Task | MessageType::Query) && message.to != "*" {
                sender.waits_on = Some(WaitsOn { agent: message.to.clone(), evidence: Evidence::of(event) });
            }
        }
        if let Some(receiver) = self.by_id.get_mut(&message.to) {
            receiver.received += 1;
            let answered = matches!(message.message_type, MessageType::Response | MessageType::Error);
            if answered && matches!(&receiver.waits_on, Some(waits) if waits.agent == message.from) {
                receiver.waits_on = None;
            }
        }
    }

    pub(super) fn session_moved(&mut self, event: &Event, session: &Session, body: &SessionEvent) {
        let Some(agent) = session.agent.as_deref().and_then(|id| self.heard(event, id)) else { return };
        match body {
            SessionEvent::PermissionRequested(it) if agent.asks.len() < MAX_ASKS => {
                let request_id = it.request_id.clone();
                agent.asks.retain(|ask| ask.request_id != request_id);
                agent.asks.push(Ask { request_id, session: session.id.clone(), evidence: Evidence::of(event) });
            }
            SessionEvent::PermissionDecided(it) => agent.asks.retain(|ask| ask.request_id != it.request_id),
            SessionEvent::PermissionExpired(it) => agent.asks.retain(|ask| ask.request_id != it.request_id),
            SessionEvent::Completed(_) | SessionEvent::Aborted(_) | SessionEvent::Removed(_) => {
                agent.asks.retain(|ask| ask.session != session.id);
                // A session of its failed; now one went well.
                let went_well = matches!(body, SessionEvent::Completed(_)) && session.state == SessionState::Completed;
                if went_well && matches!(&agent.failing, Some(by) if by.kind == "session.failed") {
                    (agent.failing, agent.failure) = (None, None);
                }
            }
            SessionEvent::Failed(it) => {
                agent.asks.retain(|ask| ask.session != session.id);
                agent.failing = Some(Evidence::of(event));
                agent.failure = Some(short(&it.error));
            }
            SessionEvent::ToolStarted(it) => {
                agent.open_tool = Some(OpenTool {
                    name: short(it.display_name.as_deref().unwrap_or(&it.tool_name)),
                    tool_use_id: it.tool_use_id.clone(),
                    session: session.id.clone(),
                    evidence: Evidence::of(event),
                });
            }
            _ => {}
        }
        let answered = |tool: &OpenTool| match body {
            SessionEvent::ToolFinished(it) => tool.tool_use_id == it.tool_use_id,
            SessionEvent::Completed(_) | SessionEvent::Aborted(_) | SessionEvent::Failed(_) | SessionEvent::Removed(_) => true,
            _ => false,
        };
        if agent.open_tool.as_ref().is_some_and(|tool| tool.session == session.id && answered(tool)) {
            agent.open_tool = None;
        }
        agent.keep_wait(event.when());
    }

    /// How many work now, as they say.
    pub fn active(&self) -> u64 {
        self.by_id.values().filter(|agent| !agent.ended() && agent.works()).count() as u64
    }
}
