//! What agents say of themselves, checked.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::event::agent::{AgentRegistered, AgentUpdated};
use crate::event::wire::Object;
use crate::service::{Refusal, input};
use crate::swarm::agents::{Agent, MAX_CAPABILITIES, MAX_TEXT};

/// How long the name of one capability may be, in bytes.
pub const MAX_CAPABILITY: usize = 64;

/// An agent that registers.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewAgent {
    /// Its id, at most 256 bytes; one is made where it is absent.
    pub id: Option<String>,
    /// Its name for people; its id where it is absent.
    pub name: Option<String>,
    /// Its kind, such as coordinator or researcher; `agent` where it is absent.
    pub agent_type: Option<String>,
    /// The agent that started it.
    pub parent: Option<String>,
    /// Where it can be reached.
    pub endpoint: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it can do: at most 32 names of at most 64 bytes.
    pub capabilities: Option<Vec<String>>,
    /// The machine it runs on.
    pub host: Option<String>,
    /// What else is to be kept with the event, as it is.
    #[serde(skip)]
    pub extra: Object,
}

/// What is to be changed of an agent's description; what is absent stays.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AgentChanges {
    /// Its name for people.
    pub name: Option<String>,
    /// Its kind.
    pub agent_type: Option<String>,
    /// The agent that started it.
    pub parent: Option<String>,
    /// Where it can be reached.
    pub endpoint: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// What it can do: at most 32 names of at most 64 bytes.
    pub capabilities: Option<Vec<String>>,
    /// The machine it runs on.
    pub host: Option<String>,
    /// What else is to be kept with the event, as it is.
    #[serde(skip)]
    pub extra: Object,
}

impl NewAgent {
    pub(super) fn check(&self, id: &str) -> Result<(), Refusal> {
        input::id("id", id)?;
        self.changes().check(id)
    }

    /// The same as changes to an agent that is there already.
    pub(super) fn changes(&self) -> AgentChanges {
        AgentChanges {
            name: self.name.clone(),
            agent_type: self.agent_type.clone(),
            parent: self.parent.clone(),
            endpoint: self.endpoint.clone(),
            version: self.version.clone(),
            capabilities: self.capabilities.clone(),
            host: self.host.clone(),
            extra: self.extra.clone(),
        }
    }

    pub(super) fn registered(&self, id: &str) -> AgentRegistered {
        AgentRegistered {
            name: self.name.clone().unwrap_or_else(|| id.to_owned()),
            agent_type: self.agent_type.clone().unwrap_or_else(|| "agent".to_owned()),
            parent: self.parent.clone(),
            endpoint: self.endpoint.clone(),
            version: self.version.clone(),
            capabilities: self.capabilities.clone().unwrap_or_default(),
            host: self.host.clone(),
            extra: self.extra.clone(),
        }
    }
}

impl AgentChanges {
    pub(super) fn check(&self, id: &str) -> Result<(), Refusal> {
        for (field, text) in [
            ("name", &self.name),
            ("agent_type", &self.agent_type),
            ("parent", &self.parent),
            ("endpoint", &self.endpoint),
            ("version", &self.version),
            ("host", &self.host),
        ] {
            input::optional(field, text.as_deref(), MAX_TEXT)?;
        }
        if self.parent.as_deref() == Some(id) {
            return Err(Refusal::invalid("parent: nobody starts himself"));
        }
        let capabilities = self.capabilities.as_deref().unwrap_or_default();
        if capabilities.len() > MAX_CAPABILITIES {
            let count = capabilities.len();
            return Err(Refusal::too_large(format!("capabilities: {count}, over the limit of {MAX_CAPABILITIES}")));
        }
        for (index, capability) in capabilities.iter().enumerate() {
            input::text(&format!("capabilities[{index}]"), capability, MAX_CAPABILITY)?;
        }
        Ok(())
    }

    /// What of it is new to an agent; none where nothing is.
    pub(super) fn against(&self, agent: &Agent) -> Option<AgentUpdated> {
        let new = |said: &Option<String>, known: Option<&str>| said.clone().filter(|said| Some(said.as_str()) != known);
        let updated = AgentUpdated {
            name: new(&self.name, Some(&agent.name)),
            agent_type: new(&self.agent_type, agent.agent_type.as_deref()),
            parent: new(&self.parent, agent.parent.as_deref()),
            endpoint: new(&self.endpoint, agent.endpoint.as_deref()),
            version: new(&self.version, agent.version.as_deref()),
            capabilities: self.capabilities.clone().filter(|said| *said != agent.capabilities),
            host: new(&self.host, agent.host.as_deref()),
            extra: self.extra.clone(),
        };
        let said = [&updated.name, &updated.agent_type, &updated.parent, &updated.endpoint, &updated.version, &updated.host];
        let any = said.iter().any(|said| said.is_some()) || updated.capabilities.is_some() || !updated.extra.is_empty();
        any.then_some(updated)
    }
}
