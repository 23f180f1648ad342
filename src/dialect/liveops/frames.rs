//! Our events as liveops frames.
//!
//! One frame carries both shapes: the flat fields on top, and in `data` the same with `id`, `type`
//! and the second generation's names.

use serde_json::{Value, json};

use super::{Channel, EXTRA};
use crate::dialect::number;
use crate::event::agent::{AgentEvent, AgentMetrics};
use crate::event::memory::{MemoryEvent, MemoryOperation};
use crate::event::message::{MessageEvent, MessageSent};
use crate::event::task::TaskEvent;
use crate::event::topology::{TopologyChanged, TopologyEvent};
use crate::event::wire::Object;
use crate::event::{Body, Custom, Event};
use crate::swarm::SwarmState;

/// What stands where a frame must have a text and nobody told one.
const UNKNOWN: &str = "unknown";

/// One event, encoded for every client of its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The channel it goes out on.
    pub channel: Channel,
    /// Its JSON.
    pub json: String,
}

/// What a frame is made of. Where two parts name the same field, the later one wins.
struct Told<'a> {
    channel: Channel,
    /// The kind of what it is about, `data.type`.
    kind: Value,
    /// What the event leaves out, from the state.
    known: Object,
    /// What a liveops publisher said that our payload has no place for.
    rest: Option<&'a Object>,
    /// What the event says.
    said: Object,
    /// What stands in `data` only.
    detail: Object,
}

/// The event as a frame; nothing where the dialect has no name for it.
///
/// `state` is the folded state at the event or after it.
///
/// | event | frame |
/// |---|---|
/// | `agent.registered`, `.updated` | `agent:status` with the folded status, `spawning` where there is none yet |
/// | `agent.status_changed` | `agent:status` |
/// | `agent.removed` | `agent:status`, `stopped` |
/// | `agent.health_changed`, `.trust_changed` | none |
/// | `task.created`, `.assigned`, `.completed`, `.failed` | `task:update`: `pending`, `assigned`, `completed`, `failed` |
/// | `task.retried` | `task:update`, `pending` |
/// | `task.routed` and its sisters, `message.delivered` | none |
/// | `task.started`, `.progress` | `task:update`, `running` |
/// | `task.cancelled` | `task:update`, `failed` with the error `cancelled: …`: the dialect has no such word |
/// | `message.sent`, `memory.*`, `topology.changed` | `message:sent`, `memory:operation`, `topology:change` |
/// | `liveops.*` | what was published, as it was |
pub fn frames(event: &Event, state: &SwarmState) -> Option<Frame> {
    let told = match &event.body {
        Body::Agent(body) => agent(event, state, body)?,
        Body::Task(body) => task(event, state, body)?,
        Body::Message(MessageEvent::Sent(it)) => message(event, it)?,
        Body::Memory(body) => memory(body)?,
        Body::Topology(TopologyEvent::Changed(it)) => topology(it)?,
        Body::Custom(custom) => return published(event, custom),
        Body::Provider(_) | Body::Selfcheck(_) | Body::Session(_) | Body::Config(_) | Body::Trade(_) | Body::Mode(_) => {
            return None;
        }
        Body::Message(MessageEvent::Delivered(_)) => return None,
    };
    Some(told.frame(event))
}

impl Told<'_> {
    fn frame(self, event: &Event) -> Frame {
        let mut flat = self.known;
        for (key, value) in self.rest.into_iter().flatten() {
            flat.insert(key.clone(), value.clone());
        }
        flat.extend(self.said);
        // On top `type` is the event's name; in `data` it is the kind, which a publisher may have told.
        let kind = flat.remove("type").filter(Value::is_string).unwrap_or(self.kind);
        put(&mut flat, "timestamp", event.ts.0);
        let mut data = flat.clone();
        data.extend(self.detail);
        put(&mut data, "type", kind);
        match event.entity_id() {
            "" => put(&mut data, "id", frame_id(event)),
            id => put(&mut data, "id", id),
        }
        Frame { channel: self.channel, json: envelope(event, flat, self.channel.as_str(), self.channel.event(), data.into()) }
    }
}

/// The frame of an event: its fields, and around them what the deck says of it.
fn envelope(event: &Event, mut flat: Object, channel: &str, name: &str, data: Value) -> String {
    put(&mut flat, "type", name);
    put(&mut flat, "channel", channel);
    put(&mut flat, "event", name);
    put(&mut flat, "id", frame_id(event));
    put(&mut flat, "seq", event.seq);
    put(&mut flat, "data", data);
    put(&mut flat, "timestamp", event.ts.0);
    Value::Object(flat).to_string()
}

fn frame_id(event: &Event) -> String {
    format!("evt-{}", event.seq)
}

fn put(object: &mut Object, key: &str, value: impl Into<Value>) {
    object.insert(key.to_owned(), value.into());
}

fn put_some(object: &mut Object, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        put(object, key, value);
    }
}

/// What a publisher said beside our fields; `None` where the event has no frame of its own.
fn rest(extra: &Object) -> Option<Option<&Object>> {
    match extra.get(EXTRA) {
        Some(Value::Bool(false)) => None,
        other => Some(other.and_then(Value::as_object)),
    }
}

fn agent<'a>(event: &Event, state: &SwarmState, body: &'a AgentEvent) -> Option<Told<'a>> {
    let mut said = Object::new();
    let extra = match body {
        AgentEvent::Registered(it) => {
            put(&mut said, "name", it.name.as_str());
            put(&mut said, "agentType", it.agent_type.as_str());
            &it.extra
        }
        AgentEvent::Updated(it) => {
            put_some(&mut said, "name", it.name.as_deref());
            put_some(&mut said, "agentType", it.agent_type.as_deref());
            &it.extra
        }
        AgentEvent::StatusChanged(it) => {
            put(&mut said, "status", it.status.as_str());
            put_some(&mut said, "task", it.task.as_deref());
            put_some(&mut said, "reason", it.reason.as_deref());
            put_some(&mut said, "metrics", it.metrics.as_ref().map(agent_metrics));
            &it.extra
        }
        AgentEvent::Removed(it) => {
            put(&mut said, "status", "stopped");
            put_some(&mut said, "reason", it.reason.as_deref());
            &it.extra
        }
        AgentEvent::HealthChanged(_) | AgentEvent::TrustChanged(_) => return None,
    };
    let rest = rest(extra)?;
    put(&mut said, "agentId", event.entity_id());
    let agent = state.agents.by_id.get(event.entity_id());
    let mut known = Object::new();
    put(&mut known, "name", agent.map_or(event.entity_id(), |agent| agent.name.as_str()));
    put(&mut known, "agentType", agent.and_then(|agent| agent.agent_type.as_deref()).unwrap_or(UNKNOWN));
    put(&mut known, "status", agent.and_then(|agent| agent.status).map_or("spawning", |status| status.as_str()));
    let told = |key: &str| said.get(key).or_else(|| rest?.get(key)).or_else(|| known.get(key)).cloned();
    let kind = told("agentType").unwrap_or_default();
    Some(Told { channel: Channel::Agents, kind, known, rest, said, detail: Object::new() })
}

fn agent_metrics(metrics: &AgentMetrics) -> Value {
    let mut object = metrics.extra.clone();
    put_some(&mut object, "cpu", metrics.cpu.map(number));
    put_some(&mut object, "memory", metrics.memory.map(number));
    put_some(&mut object, "messageCount", metrics.message_count);
    object.into()
}

/// A late `task.progress` of a task that ended is `running` too: the event says no other.
fn task<'a>(event: &Event, state: &SwarmState, body: &'a TaskEvent) -> Option<Told<'a>> {
    let task = state.tasks.by_id.get(event.entity_id());
    let (mut said, mut known) = (Object::new(), Object::new());
    put(&mut known, "description", task.map_or(event.entity_id(), |task| task.description.as_str()));
    put_some(&mut known, "agentId", task.and_then(|task| task.agent.as_deref()));
    let created = task.and_then(|task| task.created);
    put_some(&mut known, "createdAt", created.map(|ts| ts.0));
    let begun = |known: &mut Object| put_some(known, "startTime", task.and_then(|task| task.started).map(|ts| ts.0));
    let ended = |known: &mut Object| {
        begun(known);
        put(known, "endTime", event.ts.0);
    };
    let (status, extra) = match body {
        TaskEvent::Created(it) => {
            put(&mut said, "description", it.description.as_str());
            put_some(&mut said, "priority", it.priority);
            put_some(&mut said, "parent", it.parent.as_deref());
            put(&mut known, "createdAt", event.ts.0);
            known.remove("agentId");
            ("pending", &it.extra)
        }
        TaskEvent::Assigned(it) => {
            put(&mut said, "agentId", it.agent.as_str());
            ("assigned", &it.extra)
        }
        TaskEvent::Started(it) => {
            put_some(&mut said, "agentId", it.agent.as_deref());
            put_some(&mut said, "title", it.title.as_deref());
            put(&mut known, "startTime", event.ts.0);
            ("running", &it.extra)
        }
        TaskEvent::Progress(it) => {
            put(&mut said, "progress", number(it.progress));
            put_some(&mut said, "message", it.message.as_deref());
            begun(&mut known);
            ("running", &it.extra)
        }
        TaskEvent::Completed(it) => {
            put_some(&mut said, "result", it.result.clone());
            ended(&mut known);
            ("completed", &it.extra)
        }
        TaskEvent::Failed(it) => {
            // An empty text is what a publisher who told no error is kept with.
            put_some(&mut known, "error", Some(it.error.as_str()).filter(|error| !error.is_empty()));
            ended(&mut known);
            ("failed", &it.extra)
        }
        TaskEvent::Cancelled(it) => {
            let error = it.reason.as_ref().map_or_else(|| "cancelled".to_owned(), |reason| format!("cancelled: {reason}"));
            put(&mut said, "error", error);
            ended(&mut known);
            ("failed", &it.extra)
        }
        TaskEvent::Retried(it) => {
            put_some(&mut said, "reason", it.reason.as_deref());
            known.remove("agentId");
            ("pending", &it.extra)
        }
        TaskEvent::Routed(_) | TaskEvent::RouteVerified(_) | TaskEvent::Rerouted(_) | TaskEvent::RouteOverridden(_) => {
            return None;
        }
    };
    let rest = rest(extra)?;
    put(&mut said, "taskId", event.entity_id());
    put(&mut said, "status", status);
    let told = |key: &str| said.get(key).or_else(|| rest?.get(key)).or_else(|| known.get(key)).cloned();
    let mut detail = Object::new();
    for (theirs, ours) in [("assignedAgent", "agentId"), ("startedAt", "startTime"), ("completedAt", "endTime")] {
        put_some(&mut detail, theirs, told(ours));
    }
    let mut metadata = rest.and_then(|rest| rest.get("metadata")?.as_object().cloned()).unwrap_or_default();
    put_some(&mut metadata, "progress", told("progress"));
    put(&mut detail, "metadata", metadata);
    put_some(&mut detail, "createdAt", told("createdAt"));
    known.remove("createdAt");
    Some(Told { channel: Channel::Tasks, kind: "task".into(), known, rest, said, detail })
}

fn message<'a>(event: &Event, it: &'a MessageSent) -> Option<Told<'a>> {
    let rest = rest(&it.extra)?;
    let (mut said, mut known, mut detail) = (Object::new(), Object::new(), Object::new());
    put(&mut said, "messageId", event.entity_id());
    put(&mut said, "source", it.from.as_str());
    put(&mut said, "target", it.to.as_str());
    put(&mut said, "messageType", it.message_type.as_str());
    put(&mut known, "payload", it.content.as_str());
    put(&mut known, "size", it.size);
    let payload = rest.and_then(|rest| rest.get("payload")).cloned().unwrap_or_else(|| it.content.as_str().into());
    put(&mut detail, "content", payload);
    Some(Told { channel: Channel::Messages, kind: it.message_type.as_str().into(), known, rest, said, detail })
}

fn memory(body: &MemoryEvent) -> Option<Told<'_>> {
    let operation = match body {
        MemoryEvent::Stored(_) => "store",
        MemoryEvent::Retrieved(_) => "retrieve",
        MemoryEvent::Searched(_) => "search",
        MemoryEvent::Updated(_) => "update",
        MemoryEvent::Deleted(_) => "delete",
    };
    let MemoryOperation { namespace, key, query, value, result_count, cache_hit, latency_ms, extra } = body.operation();
    let rest = rest(extra)?;
    let (mut said, mut detail) = (Object::new(), Object::new());
    put(&mut said, "operation", operation);
    put(&mut said, "namespace", namespace.as_str());
    put_some(&mut said, "key", key.as_deref());
    put_some(&mut said, "query", query.as_deref());
    put_some(&mut said, "value", value.clone());
    put_some(&mut said, "resultCount", *result_count);
    put_some(&mut said, "cacheHit", *cache_hit);
    put(&mut said, "latency", number(*latency_ms));
    // The log holds what was done: a failed operation is no event, unless its publisher says so.
    let success = rest.and_then(|rest| rest.get("success")).cloned().unwrap_or(true.into());
    put(&mut detail, "success", success);
    Some(Told { channel: Channel::Memory, kind: operation.into(), known: Object::new(), rest, said, detail })
}

fn topology(it: &TopologyChanged) -> Option<Told<'_>> {
    let rest = rest(&it.extra)?;
    let node = |node: &crate::event::topology::TopologyNode| {
        let mut object = node.extra.clone();
        for (key, value) in [("id", &node.id), ("name", &node.name), ("type", &node.kind), ("status", &node.status)] {
            put(&mut object, key, value.as_str());
        }
        Value::Object(object)
    };
    let edge = |edge: &crate::event::topology::TopologyEdge| {
        let mut object = edge.extra.clone();
        put(&mut object, "source", edge.source.as_str());
        put(&mut object, "target", edge.target.as_str());
        put(&mut object, "health", number(edge.health));
        Value::Object(object)
    };
    let mut said = Object::new();
    put(&mut said, "topology", it.topology.as_str());
    put(&mut said, "nodes", it.nodes.iter().map(node).collect::<Vec<_>>());
    put(&mut said, "edges", it.edges.iter().map(edge).collect::<Vec<_>>());
    let kind = it.topology.as_str().into();
    Some(Told { channel: Channel::Topology, kind, known: Object::new(), rest, said, detail: Object::new() })
}

/// An event that a publisher made up, on the channel that he named.
fn published(event: &Event, custom: &Custom) -> Option<Frame> {
    if !custom.name.starts_with("liveops.") {
        return None;
    }
    let channel = custom.payload.get("channel")?.as_str()?;
    let name = custom.payload.get("type")?.as_str()?;
    let original = custom.payload.get("event")?;
    let flat = original.as_object().cloned().unwrap_or_default();
    let data = flat.get("data").cloned().unwrap_or_else(|| original.clone());
    let json = envelope(event, flat, channel, name, data);
    Some(Frame { channel: Channel::named(channel).unwrap_or(Channel::Other), json })
}

/// A `metrics:update`, which is not from the log: it has no `seq`, and its id is its second's.
pub(super) fn metrics(metrics: &crate::event::control::Metrics, now: crate::event::Timestamp) -> String {
    let fields = json!({
        "activeAgents": metrics.active_agents,
        "pendingTasks": metrics.pending_tasks,
        "messagesPerSecond": number(metrics.messages_per_second),
        "memoryOpsPerSecond": number(metrics.memory_ops_per_second),
        "timestamp": now.0,
    });
    let Value::Object(mut flat) = fields else { unreachable!("it was written as an object") };
    let mut data = flat.clone();
    put(&mut data, "id", Channel::Metrics.as_str());
    put(&mut data, "type", Channel::Metrics.as_str());
    put(&mut flat, "type", Channel::Metrics.event());
    put(&mut flat, "event", Channel::Metrics.event());
    put(&mut flat, "channel", Channel::Metrics.as_str());
    put(&mut flat, "id", format!("metrics-{}", now.0));
    put(&mut flat, "data", data);
    Value::Object(flat).to_string()
}
