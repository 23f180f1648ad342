//! What mesh clients do: they keep a registry of agents over HTTP.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{Said, Way};
use crate::cli::client::{Client, said as words};
use crate::cli::dialect::fresh;

/// Where agents are registered.
const AGENTS: &str = "/api/v1/agents";

pub(super) struct Mesh<'a> {
    client: &'a Client,
}

impl<'a> Mesh<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&str>) -> anyhow::Result<String> {
        let (status, answer) = self.client.ask(method, path, body)?;
        if !(200..300).contains(&status) {
            bail!("{status}: {}", words(&answer));
        }
        let told = answer["message"].as_str().map_or_else(|| answer["data"].to_string(), str::to_owned);
        Ok(format!("{status}: {told}"))
    }
}

/// An agent's card. What our payload calls capabilities are skills there.
fn card(id: &str, said: &Said) -> Value {
    let mut card = json!({"id": id});
    for key in ["name", "version", "endpoint"] {
        if let Some(value) = said.payload.get(key) {
            card[key] = value.clone();
        }
    }
    if let Some(Value::Array(capabilities)) = said.payload.get("capabilities") {
        card["skills"] = capabilities.iter().map(|name| json!({"name": name})).collect();
    }
    if let Some(skills) = said.payload.get("skills") {
        card["skills"] = skills.clone();
    }
    card
}

impl Way for Mesh<'_> {
    fn send(&mut self, said: &Said) -> anyhow::Result<String> {
        said.plain("mesh")?;
        let one = |id: &str| format!("{AGENTS}/{}", crate::app::route::encode(id));
        match said.kind.as_str() {
            "agent.registered" => {
                let card = card(said.about("agent")?, said);
                let missing = ["name", "version", "endpoint", "skills"].into_iter().find(|key| card[*key].is_null());
                if let Some(key) = missing {
                    let ours = if key == "skills" { "capabilities" } else { key };
                    bail!("--payload: {ours} is missing; a card of mesh has name, version, endpoint and capabilities");
                }
                self.ask("POST", AGENTS, Some(&card.to_string()))
            }
            "agent.updated" => {
                let mut card = card(said.about("agent")?, said);
                card.as_object_mut().context("a card is an object")?.remove("id");
                self.ask("PUT", &one(said.about("agent")?), Some(&card.to_string()))
            }
            "agent.health_changed" => {
                let status = said.payload.get("status").and_then(Value::as_str).context("--payload: status is missing")?;
                let path = format!("{}/heartbeat", one(said.about("agent")?));
                self.ask("POST", &path, Some(&json!({"status": status}).to_string()))
            }
            "agent.removed" => self.ask("DELETE", &one(said.about("agent")?), None),
            other => bail!(
                "mesh has no way to say {other}; it says agent.registered, agent.updated, agent.health_changed and agent.removed"
            ),
        }
    }

    /// A card, as it stands.
    fn raw(&mut self, text: &str) -> anyhow::Result<String> {
        self.ask("POST", AGENTS, Some(text))
    }

    /// It knows agents only: one comes, is well, is not, changes and goes.
    fn sample(&self) -> anyhow::Result<(Vec<Said>, &'static str)> {
        let id = fresh("sample-")?;
        let step = |kind: &str, payload: Value| Said::new(kind, Some(format!("agent:{id}")), payload);
        let card = |version: &str| json!({"name": "Sample agent", "version": version, "endpoint": "http://localhost:9", "capabilities": ["sample"]});
        let steps = vec![
            step("agent.registered", card("1.0.0")),
            step("agent.health_changed", json!({"status": "healthy"})),
            step("agent.health_changed", json!({"status": "unhealthy"})),
            step("agent.health_changed", json!({"status": "healthy"})),
            step("agent.updated", card("1.0.1")),
            step("agent.removed", json!({})),
        ];
        Ok((steps, "; mesh has no names for tasks, providers and self-checks, so an agent came and went"))
    }
}
