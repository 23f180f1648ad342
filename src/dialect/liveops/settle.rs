//! What a published event presupposes and the deck has not heard.
//!
//! A frame of liveops tells an agent's name with every status and a task's description with every
//! step; our events tell them once. Whether they are told already is known where the event is stored.

use serde_json::Value;

use super::EXTRA;
use crate::event::agent::{AgentEvent, AgentRegistered, AgentUpdated};
use crate::event::task::{TaskAssigned, TaskCreated, TaskEvent};
use crate::event::wire::Object;
use crate::event::{Body, Draft};
use crate::swarm::SwarmState;
use crate::swarm::agents::MAX_TEXT;
use crate::swarm::bounds::clip;

/// The drafts, each after what it presupposes and `state` has not heard: an agent's name and kind
/// before its status, a task's description and owner before its progress.
///
/// What is added has no liveops frame: the published event's own tells it all. To be called where
/// the state cannot change before the events are stored, in `Hub::decide`.
pub fn settled(drafts: Vec<Draft>, state: &SwarmState) -> Vec<Draft> {
    let mut settled = Vec::with_capacity(drafts.len());
    for draft in drafts {
        if let Some(entity) = &draft.entity {
            let bodies = match &draft.body {
                Body::Agent(AgentEvent::StatusChanged(it)) => agent_before(&entity.id, rest(&it.extra), state),
                Body::Task(body) => task_before(&entity.id, body, state),
                _ => Vec::new(),
            };
            let before =
                |body| Draft { ts: draft.ts, source: draft.source.clone(), entity: draft.entity.clone(), id: None, body };
            settled.extend(bodies.into_iter().map(before));
        }
        settled.push(draft);
    }
    settled
}

fn rest(extra: &Object) -> Option<&Object> {
    extra.get(EXTRA)?.as_object()
}

/// Marks an event as one without a liveops frame.
fn silent() -> Object {
    Object::from_iter([(EXTRA.to_owned(), Value::Bool(false))])
}

fn agent_before(id: &str, rest: Option<&Object>, state: &SwarmState) -> Vec<Body> {
    let told = |key: &str| rest?.get(key)?.as_str().map(str::to_owned);
    let (name, agent_type) = (told("name"), told("agentType"));
    let known = state.agents.by_id.get(id).filter(|agent| !agent.removed);
    if let (None, Some(name), Some(agent_type)) = (known, &name, &agent_type) {
        let (name, agent_type) = (name.clone(), agent_type.clone());
        let registered = AgentRegistered {
            name,
            agent_type,
            parent: None,
            endpoint: None,
            version: None,
            capabilities: Vec::new(),
            host: None,
            extra: silent(),
        };
        return vec![registered.into()];
    }
    let news = |told: Option<String>, known: Option<&str>| told.filter(|told| Some(clip(told, MAX_TEXT).as_str()) != known);
    let name = news(name, known.map(|agent| agent.name.as_str()));
    let agent_type = news(agent_type, known.and_then(|agent| agent.agent_type.as_deref()));
    if name.is_none() && agent_type.is_none() {
        return Vec::new();
    }
    let updated = AgentUpdated {
        name,
        agent_type,
        parent: None,
        endpoint: None,
        version: None,
        capabilities: None,
        host: None,
        extra: silent(),
    };
    vec![updated.into()]
}

fn task_before(id: &str, body: &TaskEvent, state: &SwarmState) -> Vec<Body> {
    let extra = match body {
        TaskEvent::Created(_)
        | TaskEvent::Cancelled(_)
        | TaskEvent::Retried(_)
        | TaskEvent::Routed(_)
        | TaskEvent::RouteVerified(_)
        | TaskEvent::Rerouted(_)
        | TaskEvent::RouteOverridden(_) => return Vec::new(),
        TaskEvent::Assigned(it) => &it.extra,
        TaskEvent::Started(it) => &it.extra,
        TaskEvent::Progress(it) => &it.extra,
        TaskEvent::Completed(it) => &it.extra,
        TaskEvent::Failed(it) => &it.extra,
    };
    let told = |key: &str| rest(extra)?.get(key)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let known = state.tasks.by_id.get(id);
    let mut bodies = Vec::new();
    if let (None, Some(description)) = (known, told("description")) {
        bodies.push(TaskCreated { description, priority: None, parent: None, depends_on: Vec::new(), extra: silent() }.into());
    }
    // Not of a task that ended: to give it to somebody would open it again.
    if let Some(agent) = told("agentId")
        && known.is_none_or(|task| !task.state.ended() && task.agent.as_ref() != Some(&agent))
    {
        bodies.push(TaskAssigned { agent, extra: silent() }.into());
    }
    bodies
}
