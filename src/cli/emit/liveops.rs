//! What liveops clients publish: over their WebSocket, or over the HTTP bridge.

use anyhow::{Context as _, bail};
use serde_json::{Map, Value, json};

use super::{Said, Way, own};
use crate::cli::client::{Client, said as words};
use crate::cli::dialect::{Talk, bridge};
use crate::event::wire::At;
use crate::event::{Draft, Timestamp};
use crate::hub::now;

/// One of our types in their words.
struct Row {
    ours: &'static str,
    channel: &'static str,
    theirs: &'static str,
    /// Where the id of what it is about goes.
    id: &'static str,
    /// What their frame says beside our payload.
    fixed: &'static [(&'static str, &'static str)],
    /// Fields of the payload that have another name there; the others keep theirs.
    renamed: &'static [(&'static str, &'static str)],
}

const AGENT: &[(&str, &str)] = &[("agent_type", "agentType"), ("message_count", "messageCount")];
const TASK: &[(&str, &str)] = &[("agent", "agentId")];
const MESSAGE: &[(&str, &str)] = &[("from", "source"), ("to", "target"), ("message_type", "messageType"), ("content", "payload")];
const MEMORY: &[(&str, &str)] = &[("result_count", "resultCount"), ("cache_hit", "cacheHit"), ("latency_ms", "latency")];

macro_rules! rows {
    ($($ours:literal $channel:literal $theirs:literal $id:literal [$($key:ident $word:literal)?] $renamed:expr;)+) => {
        &[$(Row { ours: $ours, channel: $channel, theirs: $theirs, id: $id,
                  fixed: &[$((stringify!($key), $word))?], renamed: $renamed }),+]
    };
}

/// What can be said. A cancelled task and an agent's mere description have no frame there.
#[rustfmt::skip]
const TABLE: &[Row] = rows! {
    "agent.registered"     "agents"   "agent:status"     "agentId"   [status "spawning"]     AGENT;
    "agent.status_changed" "agents"   "agent:status"     "agentId"   []                      AGENT;
    "agent.removed"        "agents"   "agent:status"     "agentId"   [status "stopped"]      AGENT;
    "task.created"         "tasks"    "task:update"      "taskId"    [status "pending"]      TASK;
    "task.assigned"        "tasks"    "task:update"      "taskId"    [status "assigned"]     TASK;
    "task.started"         "tasks"    "task:update"      "taskId"    [status "running"]      TASK;
    "task.progress"        "tasks"    "task:update"      "taskId"    [status "running"]      TASK;
    "task.completed"       "tasks"    "task:update"      "taskId"    [status "completed"]    TASK;
    "task.failed"          "tasks"    "task:update"      "taskId"    [status "failed"]       TASK;
    "message.sent"         "messages" "message:sent"     "messageId" []                      MESSAGE;
    "memory.stored"        "memory"   "memory:operation" ""          [operation "store"]     MEMORY;
    "memory.retrieved"     "memory"   "memory:operation" ""          [operation "retrieve"]  MEMORY;
    "memory.searched"      "memory"   "memory:operation" ""          [operation "search"]    MEMORY;
    "memory.updated"       "memory"   "memory:operation" ""          [operation "update"]    MEMORY;
    "memory.deleted"       "memory"   "memory:operation" ""          [operation "delete"]    MEMORY;
    "topology.changed"     "topology" "topology:change"  ""          []                      &[];
};

/// An event in their words: its channel, its name and its frame.
fn translated(said: &Said, now: Timestamp) -> anyhow::Result<(&'static str, &'static str, Value)> {
    anyhow::ensure!(said.id.is_none(), "--id: liveops has no idempotency keys");
    let Some(row) = TABLE.iter().find(|row| row.ours == said.kind) else {
        let known: Vec<&str> = TABLE.iter().map(|row| row.ours).collect();
        bail!("liveops has no name for {}; it has one for {}. --raw sends anything", said.kind, known.join(", "));
    };
    let event = json!({"type": said.kind, "entity": said.entity, "ts": said.ts, "payload": said.payload});
    let draft = Draft::read(event, &At::Root("event"))?;
    let mut frame = renamed(&said.payload, row.renamed);
    for (key, word) in row.fixed {
        frame.insert((*key).to_owned(), (*word).into());
    }
    if let (Some(entity), false) = (&draft.entity, row.id.is_empty()) {
        frame.insert(row.id.to_owned(), entity.id.as_str().into());
    }
    frame.insert("type".to_owned(), row.theirs.into());
    frame.insert("timestamp".to_owned(), draft.ts.unwrap_or(now).0.into());
    Ok((row.channel, row.theirs, frame.into()))
}

/// The same fields under their names, those of an agent's metrics too.
fn renamed(payload: &Map<String, Value>, names: &[(&str, &str)]) -> Map<String, Value> {
    let name =
        |key: &String| names.iter().find(|(ours, _)| ours == key).map_or_else(|| key.clone(), |(_, theirs)| (*theirs).to_owned());
    let value = |key: &String, value: &Value| match value {
        Value::Object(metrics) if key == "metrics" => renamed(metrics, names).into(),
        other => other.clone(),
    };
    payload.iter().map(|(key, told)| (name(key), value(key, told))).collect()
}

/// The tasks of the classic sequence.
fn sample() -> anyhow::Result<(Vec<Said>, &'static str)> {
    let known = own::classic()?.into_iter().filter(|said| TABLE.iter().any(|row| row.ours == said.kind));
    Ok((known.collect(), "; liveops has no names for providers and self-checks"))
}

/// Over the WebSocket.
pub(super) struct Liveops {
    talk: Talk,
}

impl Liveops {
    pub(super) fn open(client: &Client) -> anyhow::Result<Self> {
        Ok(Self { talk: Talk::liveops(client)?.0 })
    }
}

impl Way for Liveops {
    fn send(&mut self, said: &Said) -> anyhow::Result<String> {
        let (channel, name, event) = translated(said, now())?;
        self.talk.say(&json!({"type": "event", "channel": channel, "event": event}).to_string())?;
        self.talk.settle()?;
        Ok(format!("{name} published on {channel}"))
    }

    /// What the server answers, where it does.
    fn raw(&mut self, text: &str) -> anyhow::Result<String> {
        self.talk.say(text)?;
        self.talk.say(&json!({"type": "ping"}).to_string())?;
        let mut answer = None;
        // All that is no event is an answer to us.
        self.talk.hear_until("pong", |frame| {
            if frame["type"] == "pong" {
                return Ok(true);
            }
            if frame["channel"].is_null() || frame["type"] == "subscribed" || frame["type"] == "unsubscribed" {
                answer = Some(frame.clone());
            }
            Ok(false)
        })?;
        match answer {
            Some(error) if error["type"] == "error" => bail!("the server says: {}", words(&error)),
            Some(answer) => Ok(answer.to_string()),
            None => Ok("sent and taken without an answer".to_owned()),
        }
    }

    fn sample(&self) -> anyhow::Result<(Vec<Said>, &'static str)> {
        sample()
    }
}

/// Over the HTTP bridge.
pub(super) struct Bridge {
    client: Client,
}

impl Bridge {
    pub(super) fn new(client: &Client) -> anyhow::Result<Self> {
        Ok(Self { client: bridge(client)? })
    }
}

impl Way for Bridge {
    fn send(&mut self, said: &Said) -> anyhow::Result<String> {
        let (channel, name, event) = translated(said, now())?;
        let body = json!({"channel": channel, "type": name, "timestamp": event["timestamp"], "event": event});
        self.raw(&body.to_string())?;
        Ok(format!("{name} published on {channel}, over the bridge at {}", self.client.url()))
    }

    fn raw(&mut self, text: &str) -> anyhow::Result<String> {
        let hint = || format!("no HTTP bridge at {}: name a liveops listener with --url", self.client.url());
        let (status, answer) = self.client.ask("POST", "/event", Some(text)).with_context(hint)?;
        match (status, &answer) {
            (200, answer) if answer["success"] == true => Ok(answer.to_string()),
            (_, answer) if answer["error"].is_string() => bail!("{status}: {}", words(answer)),
            _ => bail!("{} (it answers {status})", hint()),
        }
    }

    fn sample(&self) -> anyhow::Result<(Vec<Said>, &'static str)> {
        sample()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::catalogue::is_known;

    fn frame(kind: &str, entity: Option<&str>, payload: Value) -> Value {
        let said = Said::new(kind, entity.map(str::to_owned), payload);
        let (channel, name, frame) = translated(&said, Timestamp(7)).unwrap();
        assert_eq!(frame["type"], name);
        json!([channel, frame])
    }

    #[test]
    fn our_events_in_their_words() {
        assert!(TABLE.iter().all(|row| is_known(row.ours)));
        assert_eq!(
            frame("task.progress", Some("task:a"), json!({"progress": 42})),
            json!(["tasks", {"type": "task:update", "taskId": "a", "status": "running", "progress": 42, "timestamp": 7}])
        );
        assert_eq!(
            frame("task.assigned", Some("task:a"), json!({"agent": "b"})),
            json!(["tasks", {"type": "task:update", "taskId": "a", "status": "assigned", "agentId": "b", "timestamp": 7}])
        );
        let metrics = json!({"cpu": 1.5, "message_count": 3});
        assert_eq!(
            frame("agent.status_changed", Some("agent:a"), json!({"status": "busy", "metrics": metrics})),
            json!(["agents", {"type": "agent:status", "agentId": "a", "status": "busy",
                              "metrics": {"cpu": 1.5, "messageCount": 3}, "timestamp": 7}])
        );
        let message = json!({"from": "a", "to": "*", "message_type": "broadcast", "content": "hi", "size": 2});
        assert_eq!(
            frame("message.sent", Some("message:m"), message),
            json!(["messages", {"type": "message:sent", "messageId": "m", "source": "a", "target": "*",
                                "messageType": "broadcast", "payload": "hi", "size": 2, "timestamp": 7}])
        );
        assert_eq!(
            frame("memory.retrieved", None, json!({"namespace": "n", "key": "k", "cache_hit": true, "latency_ms": 0.5})),
            json!(["memory", {"type": "memory:operation", "operation": "retrieve", "namespace": "n", "key": "k",
                              "cacheHit": true, "latency": 0.5, "timestamp": 7}])
        );
    }

    #[test]
    fn what_they_cannot_say_or_does_not_fit_is_refused() {
        let refused = |kind: &str, entity: &str, payload: Value| {
            translated(&Said::new(kind, Some(entity.to_owned()), payload), Timestamp(7)).unwrap_err().to_string()
        };
        assert!(refused("task.cancelled", "task:a", json!({})).contains("no name for task.cancelled"));
        assert!(refused("task.progress", "task:a", json!({"progress": 142})).contains("payload.progress: 142 is over 100"));
        assert!(refused("task.started", "agent:a", json!({})).contains("about a \"task\""));
        assert_eq!(sample().unwrap().0.len(), 7);
    }
}
