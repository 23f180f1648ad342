//! Agents: who is there, what each does and how well it is.

use super::table::{About, domain, payload, words};

words! {
    /// What an agent says it is doing.
    pub enum AgentStatus {
        Spawning = "spawning",
        Active = "active",
        Idle = "idle",
        Busy = "busy",
        Error = "error",
        Stopped = "stopped",
    }
}

words! {
    /// Whether an agent can be reached and works.
    pub enum Health {
        Healthy = "healthy",
        Unhealthy = "unhealthy",
        Unknown = "unknown",
        Offline = "offline",
    }
}

words! {
    /// What a change of health rests on.
    pub enum HealthCause {
        /// The agent said so.
        Heartbeat = "heartbeat",
        /// Nothing was heard of it for too long, or it was heard of again.
        Silence = "silence",
        /// A check of its endpoint.
        Endpoint = "endpoint",
    }
}

payload! {
    /// What an agent measures of itself.
    pub struct AgentMetrics {
        /// Processor use in percent of one core.
        cpu: Option<f64> => (0.0, 100_000.0),
        /// Resident memory in bytes.
        memory: Option<f64> => (0.0, 1e18),
        /// Messages handled since it started.
        message_count: Option<u64>,
    }
}

domain! {
    /// Agents: who is there, what each does and how well it is.
    AgentEvent = "agent" about About::Its("agent");

    /// An agent made itself known.
    Registered = "registered" AgentRegistered {
        /// Its name for people.
        name: String,
        /// Its kind, such as coordinator or researcher.
        agent_type: String,
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
    }

    /// An agent's description changed; what is not named stays.
    Updated = "updated" AgentUpdated {
        /// Its name for people.
        name: Option<String>,
        /// Its kind.
        agent_type: Option<String>,
        /// The agent that started it.
        parent: Option<String>,
        /// Where it can be reached.
        endpoint: Option<String>,
        /// Its version.
        version: Option<String>,
        /// What it can do.
        capabilities: Option<Vec<String>>,
        /// The machine it runs on.
        host: Option<String>,
    }

    /// An agent turned to something else.
    StatusChanged = "status_changed" AgentStatusChanged {
        /// What it does now.
        status: AgentStatus,
        /// What it did before.
        previous: Option<AgentStatus>,
        /// The task it works on.
        task: Option<String>,
        /// Why.
        reason: Option<String>,
        /// What it measured of itself.
        metrics: Option<AgentMetrics>,
    }

    /// An agent became reachable or unreachable, well or unwell.
    HealthChanged = "health_changed" AgentHealthChanged {
        /// How it is now.
        status: Health,
        /// How it was.
        previous: Health,
        /// What says so.
        cause: Option<HealthCause>,
        /// Why, in words.
        reason: Option<String>,
    }

    /// An agent earned or lost trust.
    TrustChanged = "trust_changed" AgentTrustChanged {
        /// The score now.
        score: f64 => (0.0, 1.0),
        /// The score before.
        previous: f64 => (0.0, 1.0),
        /// The change.
        delta: f64 => (-1.0, 1.0),
        /// What earned or cost it.
        reason: String,
        /// The peer that reported it.
        by: Option<String>,
    }

    /// An agent was taken off the register.
    Removed = "removed" AgentRemoved {
        /// Why.
        reason: Option<String>,
    }
}
