//! How well agents are: what is remembered of each, and what follows from it.
//!
//! Signs of life are in memory only. After a restart the clock of every agent starts anew: one that
//! fell silent before it is offline a full period after it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::event::Timestamp;
use crate::event::agent::{Health, HealthCause};
use crate::swarm::SwarmState;
use crate::swarm::agents::Agent;

/// How agents are watched: the table `[health]` of the settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct HealthConfig {
    /// Milliseconds between two looks at all agents.
    pub interval_ms: u64,
    /// Milliseconds without a heartbeat or an event of its own after which an agent is offline.
    pub offline_after_ms: u64,
    /// Whether endpoints of agents are asked: `GET`, and any answer under 500 is well. The deck
    /// then sends requests to whatever `http` or `https` address an agent names.
    pub check_endpoints: bool,
    /// Milliseconds that an endpoint has for its answer.
    pub endpoint_timeout_ms: u64,
    /// How many endpoints are asked at the same time.
    pub endpoints_at_once: usize,
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            interval_ms: 30_000,
            offline_after_ms: 300_000,
            check_endpoints: true,
            endpoint_timeout_ms: 5_000,
            endpoints_at_once: 16,
        }
    }
}

impl HealthConfig {
    /// Between two looks; at least a hundredth of a second.
    pub fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms.max(10))
    }

    /// How long an agent may be silent.
    pub fn offline_after(&self) -> Duration {
        Duration::from_millis(self.offline_after_ms)
    }
}

/// What a check of an endpoint found.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointCheck {
    /// When.
    pub at: Timestamp,
    /// How long the answer took, in milliseconds.
    pub latency_ms: f64,
    /// Why it failed; none where it answered well.
    pub failure: Option<String>,
}

/// What is remembered of one agent.
#[derive(Debug, Clone)]
struct Sign {
    /// Its last own event that was noticed.
    spoke: u64,
    /// When its last sign of life was noticed.
    at: Instant,
    heartbeat: Option<Timestamp>,
    endpoint: Option<EndpointCheck>,
}

/// What is remembered of all agents.
#[derive(Debug, Default)]
pub(super) struct Signs {
    known: Mutex<HashMap<String, Sign>>,
}

impl Signs {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Sign>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of an agent. The clock of one that is new here starts now.
    fn sign<'a>(known: &'a mut HashMap<String, Sign>, agent: &Agent) -> &'a mut Sign {
        let new = || Sign { spoke: agent.spoke, at: Instant::now(), heartbeat: None, endpoint: None };
        known.entry(agent.id.clone()).or_insert_with(new)
    }

    /// A heartbeat came.
    pub(super) fn beat(&self, agent: &Agent, now: Timestamp) {
        let mut known = self.known();
        let sign = Self::sign(&mut known, agent);
        (sign.at, sign.heartbeat) = (Instant::now(), Some(now));
    }

    /// Looks whether an agent did something since the last look; how long it has been silent. An
    /// event counts from the look that finds it, by the deck's clock: the sender's may be wrong.
    pub(super) fn silence(&self, agent: &Agent) -> Duration {
        let mut known = self.known();
        let sign = Self::sign(&mut known, agent);
        if sign.spoke < agent.spoke {
            (sign.spoke, sign.at) = (agent.spoke, Instant::now());
        }
        sign.at.elapsed()
    }

    /// Keeps what a check found; whether the one before it failed, where there was one.
    pub(super) fn checked(&self, agent: &Agent, check: EndpointCheck) -> Option<bool> {
        let mut known = self.known();
        let before = Self::sign(&mut known, agent).endpoint.replace(check);
        before.map(|before| before.failure.is_some())
    }

    /// The last heartbeat and the last check of an agent.
    pub(super) fn of(&self, agent: &Agent) -> (Option<Timestamp>, Option<EndpointCheck>) {
        self.known().get(&agent.id).map_or((None, None), |sign| (sign.heartbeat, sign.endpoint.clone()))
    }

    /// Forgets agents that are gone.
    pub(super) fn keep_only(&self, state: &SwarmState) {
        self.known().retain(|id, _| state.agents.by_id.get(id).is_some_and(|agent| !agent.removed));
    }
}

/// A change of health that is due.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) status: Health,
    pub(super) cause: HealthCause,
    pub(super) reason: String,
}

/// What follows from an agent's silence.
pub(super) fn of_silence(agent: &Agent, silent: Duration, config: &HealthConfig) -> Option<Verdict> {
    let verdict = |status, reason| Some(Verdict { status, cause: HealthCause::Silence, reason });
    let offline = agent.health == Some(Health::Offline);
    if silent >= config.offline_after() {
        let seconds = config.offline_after().as_secs_f64();
        return if offline { None } else { verdict(Health::Offline, format!("no sign of life for {seconds} s")) };
    }
    // Offline for its silence alone, and silent no longer.
    let over = offline && agent.health_cause == Some(HealthCause::Silence);
    if over { verdict(Health::Healthy, "it was heard of again".to_owned()) } else { None }
}

/// What follows from a check of an agent's endpoint; `failed_before` says what the last one found.
///
/// A failure is told when it begins, not at every check: an agent whose heartbeats say that it is
/// well, and whose endpoint stays shut, does not turn to and fro for ever.
pub(super) fn of_check(agent: &Agent, failure: Option<&str>, failed_before: Option<bool>) -> Option<Verdict> {
    let verdict = |status, reason| Some(Verdict { status, cause: HealthCause::Endpoint, reason });
    match (failure, agent.health) {
        (_, Some(Health::Offline)) => None,
        (Some(why), health) if failed_before != Some(true) && health != Some(Health::Unhealthy) => {
            verdict(Health::Unhealthy, format!("endpoint: {why}"))
        }
        (None, Some(Health::Unhealthy)) if agent.health_cause == Some(HealthCause::Endpoint) => {
            verdict(Health::Healthy, "endpoint: answers again".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Draft;
    use crate::event::wire::At;

    fn agent(health: Option<(Health, HealthCause)>) -> Agent {
        let registered =
            serde_json::json!({"type": "agent.registered", "entity": "agent:a", "payload": {"name": "A", "agent_type": "t"}});
        let mut state = SwarmState::default();
        state.fold(&Draft::read(registered, &At::Root("")).unwrap().into_event(1, Timestamp(0)));
        let mut agent = state.agents.by_id["a"].clone();
        (agent.health, agent.health_cause) = (health.map(|(health, _)| health), health.map(|(_, cause)| cause));
        agent
    }

    #[test]
    fn silence_is_told_once_and_ends() {
        let config = HealthConfig::default();
        let status = |health, seconds| of_silence(&agent(health), Duration::from_secs(seconds), &config).map(|v| v.status);
        for (health, seconds, expected) in [
            (None, 299, None),
            (None, 300, Some(Health::Offline)),
            (Some((Health::Unhealthy, HealthCause::Endpoint)), 300, Some(Health::Offline)),
            (Some((Health::Offline, HealthCause::Silence)), 900, None),
            (Some((Health::Offline, HealthCause::Silence)), 1, Some(Health::Healthy)),
            (Some((Health::Offline, HealthCause::Heartbeat)), 1, None),
            (Some((Health::Healthy, HealthCause::Heartbeat)), 1, None),
        ] {
            assert_eq!(status(health, seconds), expected, "{health:?} {seconds}");
        }
        assert_eq!(of_silence(&agent(None), Duration::from_secs(301), &config).unwrap().reason, "no sign of life for 300 s");
    }

    #[test]
    fn a_failing_endpoint_is_told_when_it_begins_and_when_it_ends() {
        let by = |health, cause| Some((health, cause));
        for (health, failure, before, expected) in [
            (None, None, None, None),
            (None, Some("refused"), None, Some(Health::Unhealthy)),
            (by(Health::Healthy, HealthCause::Heartbeat), Some("refused"), Some(false), Some(Health::Unhealthy)),
            (by(Health::Healthy, HealthCause::Heartbeat), Some("refused"), Some(true), None),
            (by(Health::Unhealthy, HealthCause::Endpoint), Some("refused"), None, None),
            (by(Health::Unhealthy, HealthCause::Endpoint), None, Some(true), Some(Health::Healthy)),
            (by(Health::Unhealthy, HealthCause::Heartbeat), None, Some(true), None),
            (by(Health::Offline, HealthCause::Silence), Some("refused"), None, None),
        ] {
            let told = of_check(&agent(health), failure, before).map(|verdict| verdict.status);
            assert_eq!(told, expected, "{health:?} {failure:?} {before:?}");
        }
    }

    #[test]
    fn settings_are_read_and_misspelt_ones_refused() {
        let config: HealthConfig = toml::from_str("offline-after-ms = 60000\ncheck-endpoints = false").unwrap();
        assert_eq!((config.offline_after_ms, config.check_endpoints, config.interval_ms), (60_000, false, 30_000));
        assert!(toml::from_str::<HealthConfig>("offline_after = 3").is_err());
    }
}
