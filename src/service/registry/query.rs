//! Pages and numbers of the register.

use crate::event::agent::{AgentStatus, Health};
use crate::swarm::SwarmState;
use crate::swarm::agents::Agent;

/// How many agents one page has at most.
pub const MAX_PAGE: usize = 1_000;
/// How many where nobody says.
pub const DEFAULT_PAGE: usize = 100;

/// What a page is ordered by; equal ones are in order of their ids, backwards where all is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// The id.
    #[default]
    Id,
    /// The name.
    Name,
    /// The kind.
    Type,
    /// The version, as text.
    Version,
    /// The status, in the order of its words; unknown first.
    Status,
    /// The health, in the order of its words; unknown first.
    Health,
    /// The trust now.
    Trust,
    /// When it was first heard of.
    FirstSeen,
    /// When it was last heard of.
    LastSeen,
}

impl SortBy {
    /// Its spellings, the first of each being the usual one.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("id", Self::Id),
        ("name", Self::Name),
        ("agent_type", Self::Type),
        ("version", Self::Version),
        ("status", Self::Status),
        ("health_status", Self::Health),
        ("trust_score", Self::Trust),
        ("first_seen", Self::FirstSeen),
        ("last_seen", Self::LastSeen),
        ("agent_id", Self::Id),
        ("health", Self::Health),
        ("trust", Self::Trust),
        ("registered_at", Self::FirstSeen),
        ("created_at", Self::FirstSeen),
        ("updated_at", Self::LastSeen),
        ("last_heartbeat", Self::LastSeen),
    ];

    /// Reads a spelling.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, by)| *by)
    }
}

/// Which agents are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentQuery {
    /// How many to leave out at the beginning.
    pub skip: usize,
    /// How many, at most [`MAX_PAGE`].
    pub limit: usize,
    /// What they are ordered by.
    pub sort_by: SortBy,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Only those of this health.
    pub health: Option<Health>,
    /// Only those of this status.
    pub status: Option<AgentStatus>,
}

impl Default for AgentQuery {
    fn default() -> Self {
        Self { skip: 0, limit: DEFAULT_PAGE, sort_by: SortBy::Id, descending: false, health: None, status: None }
    }
}

/// A page of the register.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// The agents.
    pub agents: Vec<Agent>,
    /// How many there are on all pages.
    pub total: usize,
}

impl AgentQuery {
    pub(super) fn pick(&self, state: &SwarmState, trust: impl Fn(&Agent) -> f64) -> Listing {
        let wanted = |agent: &&Agent| {
            !agent.removed
                && self.health.is_none_or(|health| agent.health.unwrap_or(Health::Unknown) == health)
                && self.status.is_none_or(|status| agent.status == Some(status))
        };
        let mut found: Vec<&Agent> = state.agents.by_id.values().filter(wanted).collect();
        match self.sort_by {
            SortBy::Id => {}
            SortBy::Name => found.sort_by(|a, b| a.name.cmp(&b.name)),
            SortBy::Type => found.sort_by(|a, b| a.agent_type.cmp(&b.agent_type)),
            SortBy::Version => found.sort_by(|a, b| a.version.cmp(&b.version)),
            SortBy::Status => found.sort_by_key(|agent| agent.status),
            SortBy::Health => found.sort_by_key(|agent| agent.health),
            SortBy::Trust => {
                let mut scored: Vec<(f64, &Agent)> = found.into_iter().map(|agent| (trust(agent), agent)).collect();
                scored.sort_by(|a, b| a.0.total_cmp(&b.0));
                found = scored.into_iter().map(|(_, agent)| agent).collect();
            }
            SortBy::FirstSeen => found.sort_by_key(|agent| agent.first_seen),
            SortBy::LastSeen => found.sort_by_key(|agent| agent.heard.ts),
        }
        if self.descending {
            found.reverse();
        }
        let total = found.len();
        let page = found.into_iter().skip(self.skip).take(self.limit.min(MAX_PAGE));
        Listing { agents: page.cloned().collect(), total }
    }
}

/// The register in numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stats {
    /// Agents on the register.
    pub total: u64,
    /// Those that are healthy.
    pub healthy: u64,
    /// Those that are unhealthy.
    pub unhealthy: u64,
    /// Those of which nothing is known.
    pub unknown: u64,
    /// Those that are offline.
    pub offline: u64,
    /// Their mean trust; none where there is no agent.
    pub mean_trust: Option<f64>,
    /// How many different capabilities they name.
    pub capabilities: u64,
}

impl Stats {
    pub(super) fn of(state: &SwarmState, trust: impl Fn(&Agent) -> f64) -> Self {
        let mut stats = Self::default();
        let (mut sum, mut named) = (0.0, std::collections::BTreeSet::new());
        for agent in state.agents.by_id.values().filter(|agent| !agent.removed) {
            stats.total += 1;
            sum += trust(agent);
            named.extend(agent.capabilities.iter());
            match agent.health.unwrap_or(Health::Unknown) {
                Health::Healthy => stats.healthy += 1,
                Health::Unhealthy => stats.unhealthy += 1,
                Health::Unknown => stats.unknown += 1,
                Health::Offline => stats.offline += 1,
            }
        }
        stats.mean_trust = (stats.total > 0).then(|| super::trust::rounded(sum / stats.total as f64));
        stats.capabilities = named.len() as u64;
        stats
    }
}
