//! What happens: the opening, and the scenes that chance picks from then on.

use serde_json::{Value, json};

use super::Scenario;
use super::cast::{CHORES, COMMANDS, Job, LINES, MINTS, NAMESPACES, Player, STAGES, Talk};
use crate::event::agent::{
    AgentHealthChanged, AgentMetrics, AgentRegistered, AgentRemoved, AgentStatus, AgentStatusChanged, AgentTrustChanged,
    AgentUpdated, Health, HealthCause,
};
use crate::event::config::ConfigChanged;
use crate::event::memory::{MemoryEvent, MemoryOperation};
use crate::event::message::{MessageDelivered, MessageSent, MessageType};
use crate::event::mode::ModeViolation;
use crate::event::provider::{ProviderState, ProviderStatusChanged};
use crate::event::selfcheck::{SelfcheckCompleted, SelfcheckFailed, SelfcheckProgress, SelfcheckStarted};
use crate::event::session::{
    SessionAborted, SessionCompleted, SessionFailed, SessionPermissionDecided, SessionPermissionExpired,
    SessionPermissionRequested, SessionPrompted, SessionRemoved, SessionStarted, SessionTextCompleted, SessionTextDelta,
    SessionToolFinished, SessionToolStarted, SessionUpdated,
};
use crate::event::task::{
    TaskAssigned, TaskCancelled, TaskCompleted, TaskCreated, TaskEvent, TaskFailed, TaskProgress, TaskRetried, TaskRoute,
    TaskStarted,
};
use crate::event::topology::{LinkKind, TopologyChanged, TopologyEdge, TopologyKind, TopologyNode};
use crate::event::trade::{
    Decision, SafetyResult, Side, TradeAnalysisStarted, TradeBreakerTripped, TradeBuybackTriggered, TradeDecided, TradeExecuted,
    TradePriceChanged, TradeRunEnded, TradeRunStarted, TradeSafetyChecked, TradeSmartMoneyChecked,
};
use crate::event::wire::Object;
use crate::event::{Body, Timestamp};

/// How many questions wait for an answer; a further one stays unanswered.
const MAX_QUESTIONS: usize = 64;

fn none() -> Object {
    Object::new()
}

impl Scenario {
    /// Everybody comes on stage.
    pub(super) fn open(&mut self) {
        for index in 0..self.agents.len() {
            self.enter(index);
        }
        self.map();
        for (id, endpoint) in [("local-llm", "http://localhost:11434"), ("search", "http://localhost:8080")] {
            self.provider(id, endpoint, ProviderState::Ready);
        }
        self.selfcheck();
    }

    /// Chance picks a scene.
    pub(super) fn act(&mut self) {
        match self.random.below(1_000) {
            0..=419 => self.work(),
            420..=559 => self.talk(),
            560..=699 => self.message(),
            700..=839 => self.remember(),
            840..=899 => self.measure(),
            900..=959 => self.plan(),
            960..=969 => self.trust(),
            970..=977 => self.health(),
            978..=983 => {
                let (id, endpoint) =
                    *self.random.pick(&[("local-llm", "http://localhost:11434"), ("search", "http://localhost:8080")]);
                let state = *self.random.pick(&[
                    ProviderState::Ready,
                    ProviderState::Running,
                    ProviderState::Degraded,
                    ProviderState::Ready,
                ]);
                self.provider(id, endpoint, state);
            }
            984..=988 => self.trade(),
            989..=992 => self.selfcheck(),
            993..=995 => self.come_and_go(),
            996..=997 => self.map(),
            998 => self.violate(),
            _ => self.tell("config", "swarmdeck", ConfigChanged { change_type: "limits".into(), extra: none() }),
        }
    }

    fn enter(&mut self, index: usize) {
        let Player { id, name, role, parent, .. } = self.agents[index].clone();
        let registered = AgentRegistered {
            name,
            agent_type: role.to_owned(),
            parent,
            endpoint: None,
            version: Some("1.4".into()),
            capabilities: vec![role.to_owned(), "report".to_owned()],
            host: Some(["atlas", "boreas", "calypso"][index % 3].to_owned()),
            extra: none(),
        };
        self.tell("agent", id, registered);
        self.turn(index, AgentStatus::Idle, None);
    }

    fn turn(&mut self, index: usize, status: AgentStatus, task: Option<String>) {
        let metrics = AgentMetrics {
            cpu: Some(f64::from(self.random.below(80) as u32) + 0.5),
            memory: Some((64 + self.random.below(400)) as f64 * 1_048_576.0),
            message_count: Some(self.serial),
            extra: none(),
        };
        let player = &mut self.agents[index];
        let previous = Some(std::mem::replace(&mut player.status, status));
        let reason = (status == AgentStatus::Error).then(|| "the model server refused the connection".to_owned());
        let id = player.id.clone();
        self.tell("agent", id, AgentStatusChanged { status, previous, task, reason, metrics: Some(metrics), extra: none() });
    }

    /// Puts up a task.
    fn plan(&mut self) {
        if self.tasks.len() > self.agents.len() + 10 {
            return;
        }
        let id = format!("task-{}", self.number());
        let what = *self.random.pick(CHORES);
        let priority = Some(self.random.below(5) as i64);
        let created = TaskCreated { description: what.to_owned(), priority, parent: None, depends_on: Vec::new(), extra: none() };
        self.tell("task", id.clone(), created);
        if self.random.once_in(12) {
            self.route(&id);
        }
        self.tasks.push(Job { id, what, agent: None, started: false, progress: 0.0, attempt: 1 });
    }

    /// A router thinks about who is to do a task.
    fn route(&mut self, task: &str) {
        let index = self.random.below(self.agents.len() as u64) as usize;
        let agent = Some(self.agents[index].id.clone());
        let route = TaskRoute {
            agent,
            previous: None,
            reason: Some("knows the code".into()),
            confidence: Some(0.8),
            by: Some("router".into()),
            extra: none(),
        };
        self.tell("task", task, Body::from(TaskEvent::Routed(route.clone())));
        let second = match self.random.below(4) {
            0 => TaskEvent::Rerouted(route),
            1 => TaskEvent::RouteOverridden(route),
            _ => TaskEvent::RouteVerified(route),
        };
        self.tell("task", task, Body::from(second));
    }

    /// Takes one task a step further.
    fn work(&mut self) {
        if self.tasks.is_empty() {
            return self.plan();
        }
        let index = self.random.below(self.tasks.len() as u64) as usize;
        let job = self.tasks[index].clone();
        match job.agent {
            None => {
                let agent = self.random.below(self.agents.len() as u64) as usize;
                if self.agents[agent].status != AgentStatus::Idle || self.agents[agent].away {
                    // Nobody is free right now: something else happens.
                    return self.remember();
                }
                self.tasks[index].agent = Some(agent);
                let id = self.agents[agent].id.clone();
                self.tell("task", job.id, TaskAssigned { agent: id, extra: none() });
            }
            Some(agent) if !job.started => {
                if self.random.once_in(40) {
                    self.tasks.swap_remove(index);
                    return self.tell("task", job.id, TaskCancelled { reason: Some("superseded".into()), extra: none() });
                }
                self.tasks[index].started = true;
                let id = self.agents[agent].id.clone();
                self.turn(agent, AgentStatus::Busy, Some(job.id.clone()));
                self.tell("task", job.id, TaskStarted { agent: Some(id), title: Some(job.what.to_owned()), extra: none() });
            }
            Some(agent) => self.advance(index, agent, &job),
        }
    }

    fn advance(&mut self, index: usize, agent: usize, job: &Job) {
        if self.random.once_in(120) {
            self.tasks.swap_remove(index);
            self.tell("task", job.id.clone(), TaskFailed { error: "connection reset by the model server".into(), extra: none() });
            let status = if self.random.once_in(4) { AgentStatus::Error } else { AgentStatus::Idle };
            self.turn(agent, status, None);
            if !self.random.once_in(3) {
                let (attempt, reason) = (job.attempt + 1, Some("the model server is back".into()));
                self.tell("task", job.id.clone(), TaskRetried { attempt, reason, extra: none() });
                self.tasks.push(Job { agent: None, started: false, progress: 0.0, attempt, ..job.clone() });
            }
            return;
        }
        let progress = job.progress + 3.0 + self.random.below(12) as f64;
        if progress < 100.0 {
            self.tasks[index].progress = progress;
            let message = STAGES[(progress / 20.0) as usize % STAGES.len()].to_owned();
            return self.tell("task", job.id.clone(), TaskProgress { progress, message: Some(message), extra: none() });
        }
        self.tasks.swap_remove(index);
        let duration_ms = Some(1_000.0 + self.random.below(60_000) as f64);
        let completed =
            TaskCompleted { duration_ms, result: Some(json!({ "summary": job.what, "files": 3 })), stats: None, extra: none() };
        self.tell("task", job.id.clone(), completed);
        self.turn(agent, AgentStatus::Idle, None);
    }

    fn message(&mut self) {
        // Who was asked answers, most often soon.
        if !self.questions.is_empty() && !self.random.once_in(3) {
            let (from, to) = self.questions.swap_remove(0);
            return self.say(from, to, MessageType::Response, "The newer one; the other is kept for reference.");
        }
        let from = self.random.below(self.agents.len() as u64) as usize;
        let to = match &self.agents[from].parent {
            Some(parent) if !self.random.once_in(4) => parent.clone(),
            _ => {
                let other = self.random.below(self.agents.len() as u64) as usize;
                self.agents[other].id.clone()
            }
        };
        let (message_type, to, content) = match self.random.below(10) {
            0 => (MessageType::Broadcast, "*".to_owned(), "Stand-up in five minutes: one line each."),
            1 | 2 => (MessageType::Query, to, "Which of the two indexes is current?"),
            3 => (MessageType::Task, to, "Please take the next review."),
            4 => (MessageType::Error, to, "The tool answered 503 three times, giving up."),
            _ => (MessageType::Response, to, "Done. Result is stored under findings."),
        };
        let from = self.agents[from].id.clone();
        if matches!(message_type, MessageType::Query | MessageType::Task) && self.questions.len() < MAX_QUESTIONS {
            self.questions.push((to.clone(), from.clone()));
        }
        self.say(from, to, message_type, content);
    }

    fn say(&mut self, from: String, to: String, message_type: MessageType, content: &str) {
        let id = format!("msg-{}", self.number());
        let size = content.len() as u64;
        let delivered = (to != "*" && self.random.once_in(8)).then(|| to.clone());
        let sent = MessageSent {
            from,
            to,
            message_type,
            content: content.into(),
            size,
            correlation_id: None,
            receivers: None,
            extra: none(),
        };
        self.tell("message", id.clone(), sent);
        if let Some(agent) = delivered {
            // The play does not know the places of its events: 0 is none.
            self.tell("message", id, MessageDelivered { agent, sent_seq: 0, extra: none() });
        }
    }

    fn remember(&mut self) {
        let namespace = (*self.random.pick(NAMESPACES)).to_owned();
        let key = Some(format!("note-{}", self.random.below(24)));
        let latency_ms = (self.random.below(900) + 50) as f64 / 100.0;
        let plain = MemoryOperation {
            namespace: namespace.clone(),
            key,
            query: None,
            value: None,
            result_count: None,
            cache_hit: None,
            latency_ms,
            extra: none(),
        };
        let value = Some(json!({ "text": "retry after two seconds", "weight": self.random.below(10) }));
        let event = match self.random.below(10) {
            0..=2 => MemoryEvent::Stored(MemoryOperation { value, ..plain }),
            3 => MemoryEvent::Updated(MemoryOperation { value, ..plain }),
            4 => MemoryEvent::Deleted(plain),
            5 | 6 => {
                let result_count = Some(self.random.below(12));
                MemoryEvent::Searched(MemoryOperation { key: None, query: Some("retry policy".into()), result_count, ..plain })
            }
            _ => MemoryEvent::Retrieved(MemoryOperation { cache_hit: Some(!self.random.once_in(3)), ..plain }),
        };
        self.tell("memory", namespace, Body::from(event));
    }

    fn measure(&mut self) {
        let index = self.random.below(self.agents.len() as u64) as usize;
        let status = match self.agents[index].status {
            AgentStatus::Error => AgentStatus::Idle,
            other => other,
        };
        let task = self.tasks.iter().find(|job| job.started && job.agent == Some(index)).map(|job| job.id.clone());
        self.turn(index, status, task);
    }

    /// Takes one session a step further, or begins one.
    fn talk(&mut self) {
        if self.talks.is_empty() || (self.talks.len() < 4 && self.random.once_in(60)) {
            return self.greet();
        }
        let index = self.random.below(self.talks.len() as u64) as usize;
        let mut talk = self.talks[index].clone();
        let over = self.speak(&mut talk);
        if over {
            self.talks.swap_remove(index);
            if self.random.once_in(8) {
                self.tell("session", talk.id, SessionRemoved { extra: none() });
            }
        } else {
            self.talks[index] = talk;
        }
    }

    fn greet(&mut self) {
        let id = format!("session-{}", self.number());
        let agent = self.random.below(self.agents.len() as u64) as usize;
        let started = SessionStarted {
            title: Some((*self.random.pick(CHORES)).to_owned()),
            agent: Some(self.agents[agent].id.clone()),
            permission_mode: "ask".into(),
            driver: None,
            workspace: None,
            extra: none(),
        };
        self.tell("session", id.clone(), started);
        let text = (*self.random.pick(CHORES)).to_owned();
        self.tell("session", id.clone(), SessionPrompted { text, by: "demo".into(), extra: none() });
        let words = *self.random.pick(LINES);
        self.talks.push(Talk { id, turn: 1, words, said: 0, asks: None, patience: 0 });
    }

    /// One step of a session; whether it is over.
    fn speak(&mut self, talk: &mut Talk) -> bool {
        let id = talk.id.clone();
        if let Some(request_id) = talk.asks.clone() {
            talk.patience = talk.patience.saturating_sub(1);
            if talk.patience > 0 {
                // While a person thinks, the agent says nothing; somebody else does.
                self.message();
                return false;
            }
            talk.asks = None;
            if self.random.once_in(6) {
                self.tell("session", id, SessionPermissionExpired { request_id, extra: none() });
            } else {
                let allowed = !self.random.once_in(4);
                self.tell(
                    "session",
                    id,
                    SessionPermissionDecided {
                        request_id,
                        allowed,
                        always_allow: false,
                        by: "demo".into(),
                        reason: None,
                        extra: none(),
                    },
                );
            }
            return false;
        }
        let turn_id = Some(talk.turn.to_string());
        if talk.said < talk.words.len() {
            let end = talk.words.len().min(talk.said + 9);
            let delta = talk.words[talk.said..end].to_owned();
            talk.said = end;
            self.tell("session", id, SessionTextDelta { turn_id, delta, extra: none() });
            return false;
        }
        let text = talk.words.to_owned();
        self.tell(
            "session",
            id.clone(),
            SessionTextCompleted { turn_id: turn_id.clone(), text, intermediate: true, extra: none() },
        );
        talk.turn += 1;
        talk.said = 0;
        talk.words = self.random.pick(LINES);
        match self.random.below(8) {
            0 => {
                if self.random.once_in(4) {
                    let title = Some((*self.random.pick(CHORES)).to_owned());
                    self.tell("session", id.clone(), SessionUpdated { title, permission_mode: None, extra: none() });
                }
                self.tell("session", id, SessionCompleted { extra: none() });
            }
            1 if self.random.once_in(3) => {
                self.tell("session", id, SessionFailed { error: "the driver exited with code 1".into(), extra: none() });
            }
            2 if self.random.once_in(3) => self.tell("session", id, SessionAborted { by: "demo".into(), extra: none() }),
            3 | 4 => {
                self.ask(talk);
                return false;
            }
            _ => {
                self.tool(&id, turn_id);
                return false;
            }
        }
        true
    }

    fn ask(&mut self, talk: &mut Talk) {
        let request_id = format!("ask-{}", self.number());
        let command = Some((*self.random.pick(COMMANDS)).to_owned());
        talk.asks = Some(request_id.clone());
        talk.patience = 20 + self.random.below(60);
        let requested = SessionPermissionRequested {
            request_id,
            tool_name: "Bash".into(),
            command,
            description: Some("Needed for the next step".into()),
            input: None,
            expires_at: Timestamp(self.now.0 + 60_000),
            extra: none(),
        };
        self.tell("session", talk.id.clone(), requested);
    }

    fn tool(&mut self, session: &str, turn_id: Option<String>) {
        let tool_use_id = format!("use-{}", self.number());
        let tool_name = (*self.random.pick(&["Read", "Grep", "Bash"])).to_owned();
        let started = SessionToolStarted {
            tool_use_id: tool_use_id.clone(),
            tool_name: tool_name.clone(),
            input: json!({ "path": "src/lib.rs", "lines": [1, 40] }),
            intent: None,
            display_name: None,
            turn_id: turn_id.clone(),
            extra: none(),
        };
        self.tell("session", session, started);
        let is_error = self.random.once_in(8);
        let result = if is_error { Value::from("no such file") } else { json!({ "matches": self.random.below(20) }) };
        self.tell("session", session, SessionToolFinished { tool_use_id, tool_name, result, is_error, turn_id, extra: none() });
    }

    fn trust(&mut self) {
        let index = self.random.below(self.agents.len() as u64) as usize;
        let delta: f64 = if self.random.once_in(3) { -0.1 } else { 0.05 };
        let player = &mut self.agents[index];
        let previous = player.trust;
        let score = ((previous + delta) * 100.0).round().clamp(0.0, 100.0) / 100.0;
        player.trust = score;
        let id = player.id.clone();
        let reason = if delta > 0.0 { "task succeeded" } else { "task failed" };
        self.tell(
            "agent",
            id,
            AgentTrustChanged { score, previous, delta: score - previous, reason: reason.into(), by: None, extra: none() },
        );
    }

    fn health(&mut self) {
        let index = self.random.below(self.agents.len() as u64) as usize;
        let id = self.agents[index].id.clone();
        let (previous, status) =
            if self.random.once_in(3) { (Health::Healthy, Health::Offline) } else { (Health::Unknown, Health::Healthy) };
        let changed = |status, previous, cause| AgentHealthChanged { status, previous, cause, reason: None, extra: none() };
        let cause = if status == Health::Offline { HealthCause::Silence } else { HealthCause::Heartbeat };
        self.tell("agent", id.clone(), changed(status, previous, Some(cause)));
        if status == Health::Offline && !self.random.once_in(3) {
            self.tell("agent", id, changed(previous, status, Some(HealthCause::Heartbeat)));
        }
    }

    fn provider(&mut self, id: &str, endpoint: &str, state: ProviderState) {
        let latency_ms = Some(20.0 + self.random.below(400) as f64);
        let last_error = (state == ProviderState::Degraded).then(|| "answers are slow".to_owned());
        self.tell(
            "provider",
            id,
            ProviderStatusChanged { state, endpoint: endpoint.into(), latency_ms, last_error, extra: none() },
        );
    }

    fn selfcheck(&mut self) {
        let id = format!("check-{}", self.number());
        self.tell("selfcheck", id.clone(), SelfcheckStarted { extra: none() });
        for (progress, message) in [(30.0, "log contiguous"), (70.0, "providers answer")] {
            self.tell("selfcheck", id.clone(), SelfcheckProgress { progress, message: message.into(), extra: none() });
        }
        if self.random.once_in(6) {
            self.tell(
                "selfcheck",
                id,
                SelfcheckFailed { error: "search did not answer within 2 s".into(), checks: Vec::new(), extra: none() },
            );
        } else {
            let checks = vec![json!({ "name": "log", "ok": true }), json!({ "name": "providers", "ok": true })];
            self.tell("selfcheck", id, SelfcheckCompleted { summary: "2 of 2 checks passed".into(), checks, extra: none() });
        }
    }

    fn trade(&mut self) {
        let mint = (*self.random.pick(MINTS)).to_owned();
        let id = mint.clone();
        let is_safe = !self.random.once_in(3);
        let run = TradeRunStarted {
            feed: "a made-up market".into(),
            digest: "0".into(),
            seed: 1,
            speed: 1.0,
            balance: 50.0,
            lines: 3,
            skipped: 0,
            faults: Vec::new(),
            extra: none(),
        };
        self.tell("trade", "demo", run);
        self.tell("trade", id.clone(), TradeAnalysisStarted { mint: mint.clone(), place: None, extra: none() });
        let risks = if is_safe { Vec::new() } else { vec!["mint authority active".to_owned()] };
        let result = SafetyResult {
            is_safe,
            risks,
            authorities: None,
            extensions: None,
            holders: None,
            liquidity: Some(52.5),
            extra: none(),
        };
        self.tell("trade", id.clone(), TradeSafetyChecked { mint: mint.clone(), result, extra: none() });
        let count = self.random.below(6);
        self.tell("trade", id.clone(), TradeSmartMoneyChecked { mint: mint.clone(), count, extra: none() });
        let reasons = vec![if is_safe { "safe" } else { "mint authority active" }.to_owned(), format!("{count} smart wallets")];
        let decision = Decision {
            should_trade: is_safe,
            side: is_safe.then_some(Side::Buy),
            amount: is_safe.then_some(0.25),
            reasons,
            extra: none(),
        };
        self.tell("trade", id.clone(), TradeDecided { mint: mint.clone(), decision, reasoning: None, extra: none() });
        if is_safe {
            let (bought, signature) = (format!("simulated-{}", self.number()), format!("simulated-{}", self.number()));
            for (side, signature, amount) in [(Side::Buy, bought, 0.25), (Side::Sell, signature.clone(), 0.31)] {
                let (price, tokens, profit, balance, reason, place) = (None, None, None, None, None, None);
                let mint = mint.clone();
                if side == Side::Sell {
                    let moved = TradePriceChanged { mint: mint.clone(), price: 0.31, place: None, extra: none() };
                    self.tell("trade", id.clone(), moved);
                }
                let executed =
                    TradeExecuted { mint, side, signature, amount, price, tokens, profit, balance, reason, place, extra: none() };
                self.tell("trade", id.clone(), executed);
            }
            let (balance, place) = (None, None);
            let buyback = TradeBuybackTriggered { profit: 0.06, amount: 0.006, signature, balance, place, extra: none() };
            self.tell("trade", id, buyback);
        } else {
            let until = Timestamp(self.now.0 + 3_600_000);
            self.tell("trade", "demo", TradeBreakerTripped { reason: "3 losses in a row".into(), until, extra: none() });
        }
        self.tell("trade", "demo", TradeRunEnded { reason: "finished".into(), extra: none() });
    }

    /// An agent does what its mode does not allow.
    fn violate(&mut self) {
        let index = self.random.below(self.agents.len() as u64) as usize;
        let agent = Some(self.agents[index].id.clone());
        let violation = ModeViolation {
            mode: Some("plan".into()),
            rule: Some("read only".into()),
            message: Some("tried to write src/lib.rs".into()),
            agent,
            task: None,
            extra: none(),
        };
        self.tell("mode", "plan", violation);
    }

    /// An agent leaves, or one that left comes back.
    fn come_and_go(&mut self) {
        if let Some(index) = self.agents.iter().position(|player| player.away) {
            self.agents[index].away = false;
            return self.enter(index);
        }
        let index = 1 + self.random.below(self.agents.len() as u64 - 1) as usize;
        if self.agents[index].status != AgentStatus::Idle {
            let id = self.agents[index].id.clone();
            let updated = AgentUpdated {
                name: None,
                agent_type: None,
                parent: None,
                endpoint: None,
                version: Some("1.5".into()),
                capabilities: None,
                host: None,
                extra: none(),
            };
            return self.tell("agent", id, updated);
        }
        self.agents[index].away = true;
        self.turn(index, AgentStatus::Stopped, None);
        let id = self.agents[index].id.clone();
        self.tell("agent", id, AgentRemoved { reason: Some("scaled down".into()), extra: none() });
    }

    fn map(&mut self) {
        // One event carries at most 64 KiB: a large company reports its upper part.
        let shown = self.agents.len().min(150);
        let nodes = self.agents[..shown].iter().map(|player| TopologyNode {
            id: player.id.clone(),
            name: player.name.clone(),
            kind: player.role.to_owned(),
            status: player.status.as_str().to_owned(),
            extra: none(),
        });
        let nodes = nodes.collect();
        let ends: Vec<(String, String)> =
            self.agents[..shown].iter().filter_map(|player| Some((player.parent.clone()?, player.id.clone()))).collect();
        let edges = ends
            .into_iter()
            .map(|(source, target)| {
                let health = if self.random.once_in(12) { 0.4 } else { 1.0 };
                TopologyEdge { source, target, health, kind: Some(LinkKind::Parent), extra: none() }
            })
            .collect();
        let changed = TopologyChanged {
            topology: TopologyKind::Hierarchical,
            nodes,
            edges,
            form: None,
            reason: None,
            computed: None,
            left_out: None,
            extra: none(),
        };
        self.tell("topology", "swarm", changed);
    }
}
