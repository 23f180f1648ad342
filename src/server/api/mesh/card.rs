//! Agent cards: checked on their way in, put together on their way out.
//!
//! The register keeps the names of skills as capabilities; the rest of a card stands in the event
//! that brought it, under `card`, and is read from there.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::envelope::Failure;
use crate::event::agent::AgentEvent;
use crate::event::agent::Health;
use crate::event::wire::from_text;
use crate::event::{Body, Event};
use crate::hub::{Hub, LogError, Read};
use crate::service::registry::{AgentChanges, NewAgent};
use crate::swarm::agents::{Agent, MAX_CAPABILITIES};
use crate::swarm::bounds::clip;

/// How long an id may be, in bytes.
const MAX_ID: usize = 100;
/// How much of a skill's name the register keeps, in bytes; the mark of a cut stands after it.
const MAX_SKILL: usize = 60;
/// Keys of a card that stand elsewhere or are the deck's to say.
const OWN: &[&str] =
    &["id", "agent_id", "name", "version", "endpoint", "trust_score", "health_status", "registered_at", "last_seen"];

/// An agent card, as the reference shows it.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read key by key for the dialect's own error texts")]
pub(super) struct CardBody {
    /// Letters, digits, `_`, `:` and `-`, at most 100.
    id: String,
    /// Its name for people.
    name: String,
    /// Its version.
    version: String,
    /// Where it can be reached.
    endpoint: String,
    /// What it can do: at least one, each with a name of its own.
    skills: Vec<Value>,
}

/// A heartbeat, as the reference shows it.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read key by key for the dialect's own error texts")]
pub(super) struct HeartbeatBody {
    /// healthy, unhealthy, unknown or offline; healthy where absent.
    status: Option<String>,
}

/// A card that was checked.
#[derive(Debug, PartialEq)]
pub(super) struct Card {
    pub(super) id: String,
    name: String,
    version: String,
    endpoint: String,
    kind: Option<String>,
    skills: Vec<String>,
    rest: Map<String, Value>,
}

fn wrong(field: &str, message: &str) -> Failure {
    Failure::bad_request(format!("{field}: {message}"), json!({"field": field}))
}

fn needed(card: &mut Map<String, Value>, field: &str) -> Result<String, Failure> {
    optional(card, field)?.ok_or_else(|| wrong(field, "is required"))
}

fn optional(card: &mut Map<String, Value>, field: &str) -> Result<Option<String>, Failure> {
    match card.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Err(wrong(field, "must not be empty")),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(wrong(field, "must be a text")),
    }
}

fn check_id(id: &str) -> Result<(), Failure> {
    let fits = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'-'));
    if id.len() > MAX_ID {
        return Err(wrong("id", "must have at most 100 characters"));
    }
    if !fits {
        return Err(wrong("id", "must have only letters, digits, '_', ':' and '-'"));
    }
    Ok(())
}

/// The names of skills, each a text or an object with a name.
fn skill_names(skills: &Value) -> Result<Vec<String>, Failure> {
    let Value::Array(skills) = skills else { return Err(wrong("skills", "must be a list")) };
    if skills.is_empty() {
        return Err(wrong("skills", "at least one is required"));
    }
    let mut names: Vec<String> = Vec::with_capacity(skills.len());
    for skill in skills {
        let name = skill.as_str().or_else(|| skill["name"].as_str()).map(str::trim).unwrap_or_default();
        if name.is_empty() {
            return Err(wrong("skills", "each needs a name"));
        }
        if names.iter().any(|known| known == name) {
            return Err(wrong("skills", &format!("names must be unique, and '{name}' is there twice")));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

/// What the register keeps of them.
fn capabilities(names: &[String]) -> Vec<String> {
    names.iter().take(MAX_CAPABILITIES).map(|name| clip(name, MAX_SKILL)).collect()
}

fn object(card: Value) -> Map<String, Value> {
    match card {
        Value::Object(card) => card,
        _ => Map::new(),
    }
}

fn strip(card: &mut Map<String, Value>) {
    OWN.iter().for_each(|own| {
        card.remove(*own);
    });
}

fn extra(card: Map<String, Value>) -> Map<String, Value> {
    Map::from_iter([("card".to_owned(), Value::Object(card))])
}

impl Card {
    /// Reads a card of which nothing may be missing.
    ///
    /// # Errors
    /// Names the first field that does not fit.
    pub(super) fn whole(card: Value) -> Result<Self, Failure> {
        let mut card = object(card);
        let id = needed(&mut card, "id")?;
        check_id(&id)?;
        let name = needed(&mut card, "name")?;
        let version = needed(&mut card, "version")?;
        let endpoint = needed(&mut card, "endpoint")?;
        let skills = skill_names(card.get("skills").ok_or_else(|| wrong("skills", "is required"))?)?;
        let kind = card.get("agent_type").and_then(Value::as_str).map(str::to_owned);
        strip(&mut card);
        Ok(Self { id, name, version, endpoint, kind, skills, rest: card })
    }

    /// As the register takes it.
    pub(super) fn into_agent(self) -> NewAgent {
        NewAgent {
            id: Some(self.id),
            name: Some(self.name),
            agent_type: self.kind,
            endpoint: Some(self.endpoint),
            version: Some(self.version),
            capabilities: Some(capabilities(&self.skills)),
            extra: extra(self.rest),
            ..NewAgent::default()
        }
    }
}

/// Reads changes to the card of `id`, of which `before` is what the register does not keep.
///
/// # Errors
/// Names the first field that does not fit.
pub(super) fn changes(id: &str, card: Value, before: Map<String, Value>) -> Result<AgentChanges, Failure> {
    let mut card = object(card);
    if let Some(named) = optional(&mut card, "id")?
        && named != id
    {
        return Err(wrong("id", &format!("is '{named}', and the address says '{id}'")));
    }
    let (name, version) = (optional(&mut card, "name")?, optional(&mut card, "version")?);
    let endpoint = optional(&mut card, "endpoint")?;
    let skills = card.get("skills").map(skill_names).transpose()?;
    let agent_type = card.get("agent_type").and_then(Value::as_str).map(str::to_owned);
    strip(&mut card);
    let mut whole = before.clone();
    whole.extend(card);
    Ok(AgentChanges {
        name,
        agent_type,
        endpoint,
        version,
        capabilities: skills.map(|names| capabilities(&names)),
        extra: if whole == before { Map::new() } else { extra(whole) },
        ..AgentChanges::default()
    })
}

/// What a card says beyond what the register keeps; empty where it never said more, or where the log
/// no longer keeps it.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn kept(hub: &Hub, agent: &Agent) -> Result<Map<String, Value>, LogError> {
    let Some(seq) = agent.described else { return Ok(Map::new()) };
    let page = hub.read(Read { after: seq - 1, before: seq + 1, limit: 1, ..Read::default() }).await?;
    let event = page.events.first().and_then(|stored| from_text::<Event>(&stored.json).ok());
    let extra = match event.map(|event| event.body) {
        Some(Body::Agent(AgentEvent::Registered(it))) => it.extra,
        Some(Body::Agent(AgentEvent::Updated(it))) => it.extra,
        _ => Map::new(),
    };
    Ok(extra.get("card").cloned().map(object).unwrap_or_default())
}

/// An agent as a card, with what the deck knows of it.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn show(hub: &Hub, agent: &Agent, trust: f64) -> Result<Value, LogError> {
    let mut card = kept(hub, agent).await?;
    let named = card.get("skills").and_then(|skills| skill_names(skills).ok());
    if named.is_none_or(|names| capabilities(&names) != agent.capabilities) {
        // Its capabilities were changed by another way than its card.
        let skills: Vec<Value> = agent.capabilities.iter().map(|name| json!({"name": name})).collect();
        card.insert("skills".to_owned(), skills.into());
    }
    let own = [
        ("id", json!(agent.id)),
        ("agent_id", json!(agent.id)),
        ("name", json!(agent.name)),
        ("version", json!(agent.version)),
        ("endpoint", json!(agent.endpoint)),
        ("trust_score", json!(trust)),
        ("health_status", json!(agent.health.unwrap_or(Health::Unknown).as_str())),
        ("registered_at", json!(agent.first_seen.to_string())),
        ("last_seen", json!(agent.heard.ts.to_string())),
    ];
    card.extend(own.map(|(key, value)| (key.to_owned(), value)));
    Ok(Value::Object(card))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Value {
        json!({"id": "org:agent_1-a", "name": "A", "version": "1.0", "endpoint": "http://localhost:9000",
            "skills": [{"name": "sum", "description": "adds"}, "sort"], "trust_score": 1.0, "health_status": "healthy", "tags": ["x"]})
    }

    #[test]
    fn a_card_is_read_and_its_trust_passed_over() {
        let read = Card::whole(card()).unwrap();
        assert_eq!(read.skills, ["sum", "sort"]);
        assert!(!read.rest.contains_key("trust_score") && !read.rest.contains_key("health_status"));
        assert_eq!((&read.rest["tags"], &read.rest["skills"][0]["description"]), (&json!(["x"]), &json!("adds")));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (field, value) in [
            ("id", Value::Null),
            ("id", json!("a b")),
            ("id", json!("é")),
            ("id", json!("x".repeat(101))),
            ("name", json!("")),
            ("name", json!(7)),
            ("version", Value::Null),
            ("endpoint", Value::Null),
            ("skills", Value::Null),
            ("skills", json!([])),
            ("skills", json!([{"id": "no name"}])),
            ("skills", json!([{"name": "a"}, {"name": "a"}])),
        ] {
            let mut card = card();
            card[field] = value.clone();
            let failure = format!("{:?}", Card::whole(card).unwrap_err());
            assert!(failure.contains(&format!("{field}: ")), "{field} {value}: {failure}");
        }
        let mut without = object(card());
        without.remove("skills");
        assert!(Card::whole(Value::Object(without)).is_err());
    }

    #[test]
    fn changes_keep_what_they_do_not_name() {
        let before = Card::whole(card()).unwrap().rest;
        let read = changes("org:agent_1-a", json!({"name": "B", "tags": []}), before.clone()).unwrap();
        assert_eq!((read.name.as_deref(), read.version, read.capabilities), (Some("B"), None, None));
        assert_eq!((&read.extra["card"]["tags"], &read.extra["card"]["skills"]), (&json!([]), &before["skills"]));
        assert!(changes("org:agent_1-a", json!({"trust_score": 1}), before.clone()).unwrap().extra.is_empty());
        assert!(changes("other", json!({"id": "another"}), before).is_err());
    }
}
