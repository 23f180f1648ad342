//! The reducer: the state of a swarm, folded from its events.
//!
//! [`SwarmState::fold`] is the one place where an event takes effect. The server folds what it
//! commits, the browser folds what it receives, and both arrive at the same state: [`hash`] says
//! so. Live view, page snapshot, resume, history and demo are all this fold.
//!
//! The module knows no I/O, no clock (time comes in as an argument) and no framework. Every
//! collection is bounded; what a bound leaves out is counted beside it.

pub mod activity;
pub mod agents;
pub mod bounds;
pub mod graph;
pub mod hash;
pub mod memory;
pub mod messages;
pub mod providers;
pub mod rates;
pub mod selfchecks;
pub mod sessions;
pub mod status;
pub mod table;
pub mod tasks;
pub mod topology;
pub mod trades;

pub use hash::hash;
pub use status::{Attention, Standing};

use std::collections::BTreeMap;

use crate::event::agent::AgentEvent;
use crate::event::control::Metrics;
use crate::event::table::record;
use crate::event::{Body, Event, Timestamp};

/// Raised whenever the fold or the state's form changes; snapshots of another form are not used.
pub const FORM: u64 = 9;

/// How many types of event are counted one by one; further ones are counted together under `other`.
pub const MAX_TYPES: usize = 200;

record! {
    /// An event that a statement rests on.
    pub struct Evidence {
        /// Its place in the log.
        seq: u64,
        /// When it happened.
        ts: Timestamp,
        /// Its type.
        kind as "type": String,
    }
}

impl Evidence {
    /// The event as evidence.
    pub fn of(event: &Event) -> Self {
        Self { seq: event.seq, ts: event.when(), kind: event.kind().to_owned() }
    }
}

record! {
    /// A swarm as its events tell it, up to one place in the log.
    #[derive(Default)]
    pub struct SwarmState {
        /// The last event folded in; 0 before the first.
        seq: u64,
        /// The latest time that an event told, by a clock that never runs ahead of the hub's.
        as_of: Timestamp,
        /// Events folded, by type.
        types: BTreeMap<String, u64>,
        /// The agents.
        agents: agents::Agents,
        /// The tasks.
        tasks: tasks::Tasks,
        /// What agents told each other.
        messages: messages::Messages,
        /// What the swarm keeps in common.
        memory: memory::Memory,
        /// The reported graph.
        topology: topology::Topology,
        /// The model servers and services.
        providers: providers::Providers,
        /// The runs of self-checks.
        selfchecks: selfchecks::Selfchecks,
        /// The sessions.
        sessions: sessions::Sessions,
        /// The trading agents' doings.
        trades: trades::Trades,
        /// How much happened when.
        rates: rates::Rates,
        /// The newest events in words.
        activity: activity::Activity,
    }
}

/// Which parts of the state an event changed; a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Touched(u16);

impl Touched {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// The agents.
    pub const AGENTS: Self = Self(1);
    /// The tasks.
    pub const TASKS: Self = Self(1 << 1);
    /// The messages.
    pub const MESSAGES: Self = Self(1 << 2);
    /// The memory.
    pub const MEMORY: Self = Self(1 << 3);
    /// The reported graph.
    pub const TOPOLOGY: Self = Self(1 << 4);
    /// The providers.
    pub const PROVIDERS: Self = Self(1 << 5);
    /// The self-checks.
    pub const SELFCHECKS: Self = Self(1 << 6);
    /// The sessions.
    pub const SESSIONS: Self = Self(1 << 7);
    /// The trades.
    pub const TRADES: Self = Self(1 << 8);
    /// The activity and the rates: every event touches them.
    pub const ACTIVITY: Self = Self(1 << 9);
    /// Everything.
    pub const ALL: Self = Self((1 << 10) - 1);

    /// Both sets together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the two sets share a part.
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl SwarmState {
    /// Folds the next event in. One that is folded already is passed over, so that a seam between
    /// a snapshot and a stream may overlap.
    pub fn fold(&mut self, event: &Event) -> Touched {
        if event.seq <= self.seq {
            return Touched::NONE;
        }
        self.seq = event.seq;
        self.as_of = self.as_of.max(event.when());
        self.count(event.kind());
        self.rates.fold(event);
        self.activity.fold(event);
        Touched::ACTIVITY.and(self.fold_body(event))
    }

    fn fold_body(&mut self, event: &Event) -> Touched {
        let id = event.entity_id();
        match &event.body {
            Body::Agent(body) => {
                self.agents.fold(event, id, body);
                if matches!(body, AgentEvent::Removed(_)) {
                    self.messages.forget(id);
                }
                Touched::AGENTS.and(Touched::MESSAGES)
            }
            Body::Task(body) => {
                let before = self.tasks.owner(id);
                self.tasks.fold(event, id, body);
                self.agents.task_moved(event, id, before.as_deref(), self.tasks.by_id.get(id));
                if let Some(task) = self.tasks.by_id.get(id) {
                    self.topology.task_moved(event, before.as_deref(), task);
                }
                Touched::TASKS.and(Touched::AGENTS)
            }
            Body::Message(body) => {
                self.messages.fold(event, id, body, &self.agents);
                self.agents.message_sent(event, body);
                Touched::MESSAGES.and(Touched::AGENTS)
            }
            Body::Memory(body) => {
                self.memory.fold(event, body);
                Touched::MEMORY
            }
            Body::Topology(body) => {
                self.topology.fold(event, body);
                Touched::TOPOLOGY
            }
            Body::Provider(body) => {
                self.providers.fold(event, id, body);
                Touched::PROVIDERS
            }
            Body::Selfcheck(body) => {
                self.selfchecks.fold(event, id, body);
                Touched::SELFCHECKS
            }
            Body::Session(body) => {
                let removed = self.sessions.fold(event, id, body);
                if let Some(session) = removed.as_ref().or(self.sessions.by_id.get(id)) {
                    self.agents.session_moved(event, session, body);
                }
                Touched::SESSIONS.and(Touched::AGENTS)
            }
            Body::Trade(body) => {
                self.trades.fold(event, body);
                Touched::TRADES
            }
            Body::Config(_) | Body::Mode(_) | Body::Custom(_) => Touched::NONE,
        }
    }

    fn count(&mut self, kind: &str) {
        if let Some(count) = self.types.get_mut(kind) {
            *count += 1;
            return;
        }
        let key = if self.types.len() < MAX_TYPES { kind } else { "other" };
        *self.types.entry(key.to_owned()).or_default() += 1;
    }

    /// A copy for a page: without the inboxes, which no page reads.
    pub fn for_page(&self) -> Self {
        Self {
            seq: self.seq,
            as_of: self.as_of,
            types: self.types.clone(),
            agents: self.agents.clone(),
            tasks: self.tasks.clone(),
            messages: self.messages.for_page(),
            memory: self.memory.clone(),
            topology: self.topology.clone(),
            providers: self.providers.clone(),
            selfchecks: self.selfchecks.clone(),
            sessions: self.sessions.clone(),
            trades: self.trades.clone(),
            rates: self.rates.clone(),
            activity: self.activity.clone(),
        }
    }

    /// Whether anything was ever reported.
    pub fn is_empty(&self) -> bool {
        self.seq == 0
    }

    /// The four numbers of a heartbeat, as of `now`.
    pub fn metrics(&self, now: Timestamp) -> Metrics {
        let rates = self.rates.per_second(now, rates::MEAN_SECONDS);
        Metrics {
            active_agents: self.agents.active(),
            pending_tasks: self.tasks.pending(),
            messages_per_second: rates.messages,
            memory_ops_per_second: rates.memory,
        }
    }
}

#[cfg(test)]
mod tests;
