//! What is told of an agent's health and trust, and what it tells of its doing.

use serde::Deserialize;
use utoipa::ToSchema;

use super::health::EndpointCheck;
use super::trust::{self, Outcome};
use crate::event::Timestamp;
use crate::event::agent::{AgentMetrics, Health, HealthCause};
use crate::event::wire::Object;
use crate::service::Refusal;
use crate::swarm::agents::{Agent, TrustChange};

/// How well an agent is, and what says so.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReport {
    /// How it is; `unknown` where nothing says.
    pub status: Health,
    /// What says so.
    pub cause: Option<HealthCause>,
    /// Why, in words.
    pub reason: Option<String>,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Its last heartbeat; none since the deck started where there is none.
    pub last_heartbeat: Option<Timestamp>,
    /// The newest event that it did or that is about it.
    pub last_seen: Timestamp,
    /// The last check of its endpoint since the deck started.
    pub endpoint: Option<EndpointCheck>,
    /// When the monitor looks next.
    pub next_check: Timestamp,
}

/// How far an agent is trusted, and what that rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustReport {
    /// The score now, from 0 to 1, faded to this moment.
    pub score: f64,
    /// 1 where it is healthy, a half where that is unknown, else 0.
    pub availability: f64,
    /// The share of successes among tasks and reports; a half where nothing is known.
    pub reliability: f64,
    /// The share of outcomes that were no time-outs and broke no limit; a half where nothing is known.
    pub performance: f64,
    /// How often the score changed.
    pub events: u64,
    /// The newest of these changes, oldest first.
    pub history: Vec<TrustChange>,
}

/// What an agent says of its doing.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusReport {
    /// spawning, active, idle, busy, error or stopped.
    pub status: String,
    /// The task it works on.
    #[serde(default)]
    pub task: Option<String>,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
    /// What it measured of itself.
    #[serde(default)]
    pub metrics: Option<Measured>,
}

/// What an agent measures of itself.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Processor use in percent of one core, 0 to 100000.
    #[serde(default)]
    pub cpu: Option<f64>,
    /// Resident memory in bytes.
    #[serde(default)]
    pub memory: Option<f64>,
    /// Messages handled since it started.
    #[serde(default)]
    pub message_count: Option<u64>,
}

impl Measured {
    pub(super) fn checked(self) -> Result<AgentMetrics, Refusal> {
        for (field, value, most) in [("metrics.cpu", self.cpu, 100_000.0), ("metrics.memory", self.memory, 1e18)] {
            if value.is_some_and(|value| !(0.0..=most).contains(&value)) {
                return Err(Refusal::invalid(format!("{field}: not between 0 and {most}")));
            }
        }
        Ok(AgentMetrics { cpu: self.cpu, memory: self.memory, message_count: self.message_count, extra: Object::new() })
    }
}

impl TrustReport {
    pub(super) fn of(score: f64, agent: Agent) -> Self {
        let count = |wanted: &[Outcome]| {
            agent.trust_history.iter().filter(|change| wanted.iter().any(|one| one.as_str() == change.reason)).count() as u64
        };
        let good = count(&[Outcome::Success, Outcome::Invocation]) + agent.completed;
        let bad = count(&[Outcome::Failure, Outcome::BadSignature]) + agent.failed;
        let slow = count(&[Outcome::Timeout, Outcome::RateLimit]);
        let availability = match agent.health {
            Some(Health::Healthy) => 1.0,
            None | Some(Health::Unknown) => 0.5,
            Some(Health::Unhealthy | Health::Offline) => 0.0,
        };
        Self {
            score,
            availability,
            reliability: trust::share(good, bad),
            performance: trust::share(good + bad, slow),
            events: agent.trust_changes,
            history: agent.trust_history.into(),
        }
    }
}
