//! Agents as the answers show them. Times are RFC 3339.

use serde::Serialize;
use utoipa::ToSchema;

use crate::event::Timestamp;
use crate::event::agent::Health;
use crate::service::registry::{Beat, HealthReport, Outcome, Registry, TrustReport};
use crate::swarm::agents::{Agent, TrustChange};

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server::api) struct AgentView {
    /// Its id.
    id: String,
    /// Its name for people.
    name: String,
    /// Its kind; null where it never said.
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
    /// spawning, active, idle, busy, error or stopped; null where it never said.
    status: Option<&'static str>,
    /// Why, in its words.
    reason: Option<String>,
    /// The task it works on.
    task: Option<String>,
    /// healthy, unhealthy, unknown or offline.
    health_status: &'static str,
    /// Trust from 0 to 1, now.
    trust_score: f64,
    /// Processor use in percent, as it measured it.
    cpu: Option<f64>,
    /// Memory in bytes, as it measured it.
    memory: Option<f64>,
    /// Messages it says it handled.
    message_count: Option<u64>,
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
    /// When it was first heard of.
    first_seen: String,
    /// The newest event that it did or that is about it.
    last_seen: String,
}

impl AgentView {
    pub(in crate::server::api) fn of(agent: &Agent, registry: &Registry) -> Self {
        Self {
            trust_score: registry.score(agent),
            id: agent.id.clone(),
            name: agent.name.clone(),
            agent_type: agent.agent_type.clone(),
            parent: agent.parent.clone(),
            endpoint: agent.endpoint.clone(),
            version: agent.version.clone(),
            capabilities: agent.capabilities.clone(),
            host: agent.host.clone(),
            source: agent.source.clone(),
            status: agent.status.map(|status| status.as_str()),
            reason: agent.reason.clone(),
            task: agent.task.clone(),
            health_status: agent.health.unwrap_or(Health::Unknown).as_str(),
            cpu: agent.cpu,
            memory: agent.memory,
            message_count: agent.message_count,
            sent: agent.sent,
            received: agent.received,
            running: agent.running,
            completed: agent.completed,
            failed: agent.failed,
            first_seen: agent.first_seen.to_string(),
            last_seen: agent.heard.ts.to_string(),
        }
    }
}

/// A page of the register.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AgentPage {
    /// The agents.
    pub(super) agents: Vec<AgentView>,
    /// How many there are on all pages.
    pub(super) total: u64,
    /// How many were left out at the beginning.
    pub(super) skip: u64,
    /// How many there are on a page.
    pub(super) limit: u64,
}

/// The answer to a heartbeat.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server::api) struct BeatView {
    /// The agent.
    agent_id: String,
    /// How it is now.
    status: &'static str,
    /// When the heartbeat was taken.
    timestamp: String,
    /// When the monitor looks next.
    next_check: String,
}

impl BeatView {
    pub(in crate::server::api) fn of(id: &str, beat: &Beat) -> Self {
        Self {
            agent_id: id.to_owned(),
            status: beat.status.as_str(),
            timestamp: beat.at.to_string(),
            next_check: beat.next_check.to_string(),
        }
    }
}

/// How well an agent is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server::api) struct HealthView {
    /// The agent.
    agent_id: String,
    /// healthy, unhealthy, unknown or offline.
    status: &'static str,
    /// What says so: heartbeat, silence or endpoint.
    cause: Option<&'static str>,
    /// Why, in words.
    reason: Option<String>,
    /// Since when.
    since: Option<String>,
    /// Its last heartbeat since the deck started.
    last_heartbeat: Option<String>,
    /// When it was last heard of.
    last_seen: String,
    /// The last check of its endpoint since the deck started.
    endpoint: Option<EndpointView>,
    /// When the monitor looks next.
    next_check: String,
}

/// What a check of an endpoint found.
#[derive(Debug, Serialize, ToSchema)]
struct EndpointView {
    /// When.
    checked: String,
    /// Whether it answered well.
    ok: bool,
    /// How long the answer took, in milliseconds.
    latency_ms: f64,
    /// Why it failed.
    failure: Option<String>,
}

impl HealthView {
    pub(in crate::server::api) fn of(id: &str, report: HealthReport) -> Self {
        let text = |time: Timestamp| time.to_string();
        Self {
            agent_id: id.to_owned(),
            status: report.status.as_str(),
            cause: report.cause.map(|cause| cause.as_str()),
            reason: report.reason,
            since: report.since.map(text),
            last_heartbeat: report.last_heartbeat.map(text),
            last_seen: text(report.last_seen),
            endpoint: report.endpoint.map(|check| EndpointView {
                checked: text(check.at),
                ok: check.failure.is_none(),
                latency_ms: check.latency_ms,
                failure: check.failure,
            }),
            next_check: text(report.next_check),
        }
    }
}

/// How far an agent is trusted.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::server::api) struct TrustView {
    /// The agent.
    agent_id: String,
    /// The score now, from 0 to 1.
    trust_score: f64,
    /// What it rests on.
    breakdown: Breakdown,
}

/// What a score rests on.
#[derive(Debug, Serialize, ToSchema)]
struct Breakdown {
    /// The score now.
    overall: f64,
    /// 1 where it is healthy, a half where that is unknown, else 0.
    availability: f64,
    /// The share of successes among its tasks and the reports on it; a half where nothing is known.
    reliability: f64,
    /// The share of outcomes that were no time-outs and broke no limit; a half where nothing is known.
    performance: f64,
    /// How often the score changed by a step of 0.01 or more.
    events: u64,
    /// The newest 50 of these changes, oldest first.
    history: Vec<ChangeView>,
    /// What each outcome is worth.
    weights: std::collections::BTreeMap<&'static str, f64>,
}

/// One change of a score.
#[derive(Debug, Serialize, ToSchema)]
struct ChangeView {
    /// When.
    timestamp: String,
    /// The score then.
    score: f64,
    /// By how much it changed.
    delta: f64,
    /// What earned or cost it.
    reason: String,
    /// The peer that reported it.
    by: Option<String>,
}

impl TrustView {
    pub(in crate::server::api) fn of(id: &str, report: TrustReport) -> Self {
        let change = |change: TrustChange| ChangeView {
            timestamp: change.ts.to_string(),
            score: change.score,
            delta: change.delta,
            reason: change.reason,
            by: change.by,
        };
        let breakdown = Breakdown {
            overall: report.score,
            availability: report.availability,
            reliability: report.reliability,
            performance: report.performance,
            events: report.events,
            history: report.history.into_iter().map(change).collect(),
            weights: Outcome::ALL.iter().map(|outcome| (outcome.as_str(), outcome.weight())).collect(),
        };
        Self { agent_id: id.to_owned(), trust_score: report.score, breakdown }
    }
}
