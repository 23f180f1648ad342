//! Who is there, how well each is, and how far it is trusted.
//!
//! Descriptions, states, health and published trust are folded from events. In memory only are the
//! last heartbeats and checks of endpoints, whose clocks a restart sets anew, and what has not yet
//! added up to a published change of trust, less than 0.01 for each agent, which a restart forgets.

mod describe;
pub mod health;
mod ledger;
mod monitor;
mod query;
mod report;
pub mod trust;

pub use describe::{AgentChanges, NewAgent};
pub use health::{EndpointCheck, HealthConfig};
pub use query::{AgentQuery, Listing, SortBy, Stats};
pub use report::{HealthReport, Measured, StatusReport, TrustReport};
pub use trust::Outcome;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::input::{self, Decided};
use super::{Refusal, Setup};
use crate::event::agent::{AgentHealthChanged, AgentRemoved, AgentStatus, AgentStatusChanged, Health, HealthCause};
use crate::event::wire::Object;
use crate::event::{Body, CORE, Draft, Entity, Timestamp};
use crate::hub::{Hub, now};
use crate::swarm::SwarmState;
use crate::swarm::agents::{Agent, MAX_AGENTS, MAX_TEXT};
use health::Signs;
use ledger::Ledger;

/// Who is there, how well each is, and how far it is trusted; cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    hub: Hub,
    config: HealthConfig,
    signs: Signs,
    ledger: Ledger,
    /// When the monitor looks next, in unix milliseconds.
    next_look: AtomicI64,
}

impl Inner {
    fn plan_next_look(&self, now: Timestamp) {
        let wait = i64::try_from(self.config.interval().as_millis()).unwrap_or(i64::MAX);
        self.next_look.store(now.0.saturating_add(wait), Ordering::Relaxed);
    }

    fn next_look(&self) -> Timestamp {
        Timestamp(self.next_look.load(Ordering::Relaxed))
    }
}

/// What became of a registration.
#[derive(Debug, Clone, PartialEq)]
pub struct Registered {
    /// The agent as it is now.
    pub agent: Agent,
    /// Whether it was not on the register before.
    pub new: bool,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// How the agent is now.
    pub status: Health,
    /// When the heartbeat was taken.
    pub at: Timestamp,
    /// When the monitor looks next.
    pub next_check: Timestamp,
}

impl Registry {
    /// Starts it, and the watch over all agents.
    pub fn start(setup: &Setup) -> Self {
        let inner = Arc::new(Inner {
            hub: setup.hub.clone(),
            config: setup.config.health.clone(),
            signs: Signs::default(),
            ledger: Ledger::default(),
            next_look: AtomicI64::new(0),
        });
        inner.plan_next_look(now());
        monitor::start(setup, &inner);
        Self { inner }
    }

    /// Puts an agent on the register. One that is there already is updated instead, and what the
    /// registration does not name stays; one that was stopped or removed comes back.
    ///
    /// # Errors
    /// A field that does not fit, or a register that is full of live agents.
    pub async fn register(&self, agent: NewAgent) -> Result<Registered, Refusal> {
        self.enter(agent, false).await
    }

    /// Puts an agent on the register that must not be there yet.
    ///
    /// # Errors
    /// As [`register`](Self::register); a conflict where it is there.
    pub async fn register_new(&self, agent: NewAgent) -> Result<Registered, Refusal> {
        self.enter(agent, true).await
    }

    async fn enter(&self, agent: NewAgent, only_new: bool) -> Result<Registered, Refusal> {
        let id = match &agent.id {
            Some(id) => id.clone(),
            None => input::fresh("agent")?,
        };
        agent.check(&id)?;
        let (inner, name) = (Arc::clone(&self.inner), id.clone());
        let rule = move |state: &SwarmState, now: Timestamp| -> Decided<bool> {
            let known = present(state, &name);
            if known.is_some() && only_new {
                return Err(Refusal::conflict(format!("agent {name:?} is on the register already")));
            }
            match known {
                Some(known) if !known.ended() => Ok((inner.update(known, &agent.changes(), now), false)),
                known => {
                    if known.is_none() {
                        room(state)?;
                    }
                    Ok((vec![draft(&name, agent.registered(&name))], known.is_none()))
                }
            }
        };
        let (_, new) = self.inner.hub.decide(rule).await?;
        Ok(Registered { agent: self.get(&id)?, new })
    }

    /// Changes what is said of an agent; what is not named stays. A change earns trust, as a
    /// renewed description does.
    ///
    /// # Errors
    /// No such agent, or a field that does not fit.
    pub async fn update(&self, id: &str, changes: AgentChanges) -> Result<Agent, Refusal> {
        changes.check(id)?;
        let (inner, name) = (Arc::clone(&self.inner), id.to_owned());
        let rule = move |state: &SwarmState, now: Timestamp| -> Decided<()> {
            let agent = known(state, &name)?;
            Ok((inner.update(agent, &changes, now), ()))
        };
        self.inner.hub.decide(rule).await?;
        self.get(id)
    }

    /// Takes an agent off the register. What waits in its inbox goes with it.
    ///
    /// # Errors
    /// No such agent, or a reason that is too long.
    pub async fn remove(&self, id: &str, reason: Option<String>) -> Result<(), Refusal> {
        input::optional("reason", reason.as_deref(), MAX_TEXT)?;
        let name = id.to_owned();
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<()> {
            known(state, &name)?;
            Ok((vec![draft(&name, AgentRemoved { reason, extra: Object::new() })], ()))
        };
        self.inner.hub.decide(rule).await?;
        Ok(())
    }

    /// An agent that is on the register.
    ///
    /// # Errors
    /// No such agent, or it was removed.
    pub fn get(&self, id: &str) -> Result<Agent, Refusal> {
        known(&self.inner.hub.state(), id).cloned()
    }

    /// A page of the register, without agents that were removed.
    pub fn list(&self, query: &AgentQuery) -> Listing {
        query.pick(&self.inner.hub.state(), |agent| self.score(agent))
    }

    /// The register in numbers.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.inner.hub.state(), |agent| self.score(agent))
    }

    /// Takes a sign of life: the agent is `healthy`, or as it says. Only a change is published.
    ///
    /// # Errors
    /// No such agent.
    pub async fn heartbeat(&self, id: &str, status: Option<Health>) -> Result<Beat, Refusal> {
        let (status, at) = (status.unwrap_or(Health::Healthy), now());
        let due = {
            let state = self.inner.hub.state();
            let agent = known(&state, id)?;
            self.inner.signs.beat(agent, at);
            let trusted = self.inner.ledger.beat(agent, at);
            trusted || agent.health != Some(status)
        };
        if due {
            let (inner, name) = (Arc::clone(&self.inner), id.to_owned());
            let rule = move |state: &SwarmState, now: Timestamp| -> Decided<()> {
                let agent = known(state, &name)?;
                let changed = (agent.health != Some(status)).then(|| health_changed(agent, status, HealthCause::Heartbeat, None));
                let trusted = inner.ledger.settle(agent, Outcome::Heartbeat.as_str(), now);
                Ok((changed.into_iter().chain(trusted).collect(), ()))
            };
            self.inner.hub.decide(rule).await?;
        }
        Ok(Beat { status, at, next_check: self.inner.next_look() })
    }

    /// How well an agent is.
    ///
    /// # Errors
    /// No such agent.
    pub fn health(&self, id: &str) -> Result<HealthReport, Refusal> {
        let state = self.inner.hub.state();
        let agent = known(&state, id)?;
        let (last_heartbeat, endpoint) = self.inner.signs.of(agent);
        Ok(HealthReport {
            status: agent.health.unwrap_or(Health::Unknown),
            cause: agent.health_cause,
            reason: agent.health_reason.clone(),
            since: agent.health_by.as_ref().map(|by| by.ts),
            last_heartbeat,
            last_seen: last_heartbeat.map_or(agent.heard.ts, |beat| beat.max(agent.heard.ts)),
            endpoint,
            next_check: self.inner.next_look(),
        })
    }

    /// An agent's trust now, faded to this moment.
    pub fn score(&self, agent: &Agent) -> f64 {
        self.inner.ledger.score(agent, now())
    }

    /// How far an agent is trusted.
    ///
    /// # Errors
    /// No such agent.
    pub fn trust(&self, id: &str) -> Result<TrustReport, Refusal> {
        let agent = self.get(id)?;
        Ok(TrustReport::of(self.score(&agent), agent))
    }

    /// Counts what `by`, another agent on the register, says came of its dealings with an agent.
    /// Further reports of the same reporter within the hour count less. Returns the score after it.
    ///
    /// # Errors
    /// No such agent, no such reporter, a report on oneself, or an outcome that is the registry's own to count.
    pub async fn report(&self, id: &str, by: &str, outcome: Outcome) -> Result<f64, Refusal> {
        input::id("by", by)?;
        if by == id {
            return Err(Refusal::denied("by: nobody reports on himself"));
        }
        if !outcome.is_reported() {
            return Err(Refusal::invalid(format!("outcome: {} is the registry's own to count", outcome.as_str())));
        }
        let (inner, name, peer) = (Arc::clone(&self.inner), id.to_owned(), by.to_owned());
        let rule = move |state: &SwarmState, now: Timestamp| -> Decided<()> {
            let agent = known(state, &name)?;
            if present(state, &peer).is_none() {
                return Err(Refusal::invalid(format!("by: no agent {peer:?} is on the register")));
            }
            Ok((inner.ledger.apply(agent, Some(&peer), outcome, now).into_iter().collect(), ()))
        };
        self.inner.hub.decide(rule).await?;
        Ok(self.score(&self.get(id)?))
    }

    /// Says what an agent does. The same again, with nothing measured, is not published.
    ///
    /// # Errors
    /// No such agent, or a field that does not fit.
    pub async fn report_status(&self, id: &str, report: StatusReport) -> Result<Agent, Refusal> {
        let status: AgentStatus = input::word("status", &report.status)?;
        input::optional("task", report.task.as_deref(), MAX_TEXT)?;
        input::optional("reason", report.reason.as_deref(), MAX_TEXT)?;
        let metrics = report.metrics.map(Measured::checked).transpose()?;
        let (name, task, reason) = (id.to_owned(), report.task, report.reason);
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<()> {
            let agent = known(state, &name)?;
            let same = agent.status == Some(status) && agent.reason == reason && (task.is_none() || agent.task == task);
            if same && metrics.is_none() {
                return Ok((Vec::new(), ()));
            }
            let previous = agent.status.filter(|previous| *previous != status);
            let changed = AgentStatusChanged { status, previous, task, reason, metrics, extra: Object::new() };
            Ok((vec![draft(&name, changed)], ()))
        };
        self.inner.hub.decide(rule).await?;
        self.get(id)
    }
}

impl Inner {
    /// The events that follow from changes to an agent's description; none where nothing changes.
    fn update(&self, agent: &Agent, changes: &AgentChanges, now: Timestamp) -> Vec<Draft> {
        let Some(updated) = changes.against(agent) else { return Vec::new() };
        let trusted = self.ledger.apply(agent, Some(&agent.id), Outcome::ProfileUpdate, now);
        std::iter::once(draft(&agent.id, updated)).chain(trusted).collect()
    }
}

fn draft(id: &str, body: impl Into<Body>) -> Draft {
    Draft::new(CORE, Entity::new("agent", id), body)
}

fn health_changed(agent: &Agent, status: Health, cause: HealthCause, reason: Option<String>) -> Draft {
    let previous = agent.health.unwrap_or(Health::Unknown);
    draft(&agent.id, AgentHealthChanged { status, previous, cause: Some(cause), reason, extra: Object::new() })
}

/// An agent that is on the register: known, and not removed.
pub(super) fn present<'a>(state: &'a SwarmState, id: &str) -> Option<&'a Agent> {
    state.agents.by_id.get(id).filter(|agent| !agent.removed)
}

/// The same; a refusal where there is none.
pub(super) fn known<'a>(state: &'a SwarmState, id: &str) -> Result<&'a Agent, Refusal> {
    present(state, id).ok_or_else(|| Refusal::missing(format!("no agent {id:?} is on the register")))
}

/// The fold forgets agents at its bound, those that ended first: a live one must not push out
/// another.
fn room(state: &SwarmState) -> Result<(), Refusal> {
    let agents = &state.agents.by_id;
    if agents.len() >= MAX_AGENTS && agents.values().filter(|agent| !agent.ended()).count() >= MAX_AGENTS {
        return Err(Refusal::conflict(format!("the register is full: {MAX_AGENTS} agents are live")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
