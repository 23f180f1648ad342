//! The liveops dialect in tables.

use serde_json::{Value, json};

use super::*;
use crate::dialect::tests::{NOW, event, folded, parsed};
use crate::event::control::Metrics;
use crate::event::{Draft, Timestamp};
use crate::swarm::SwarmState;

const MS: i64 = NOW.0;

/// What the deck knows before the events of the table below.
fn known() -> SwarmState {
    folded(&[
        json!({"type": "agent.registered", "entity": "agent:a", "payload": {"name": "Ada", "agent_type": "coder"}}),
        json!({"type": "agent.status_changed", "entity": "agent:a", "payload": {"status": "busy"}}),
        json!({"type": "task.created", "entity": "task:t", "ts": 1000, "payload": {"description": "Build it"}}),
        json!({"type": "task.started", "entity": "task:t", "ts": 2000, "payload": {"agent": "a"}}),
    ])
}

/// A frame of `evt-42`: the flat fields on top and in `data`, and what stands in `data` only.
fn frame(channel: &str, name: &str, flat: Value, detail: Value) -> Value {
    let (mut frame, mut data) = (flat.clone(), flat);
    for (key, value) in detail.as_object().unwrap() {
        data[key] = value.clone();
    }
    data["timestamp"] = json!(MS);
    let around =
        json!({"type": name, "channel": channel, "event": name, "id": "evt-42", "seq": 42, "timestamp": MS, "data": data});
    for (key, value) in around.as_object().unwrap() {
        frame[key] = value.clone();
    }
    frame
}

fn said(value: &Value, state: &SwarmState) -> Option<Value> {
    let frame = frames(&event(42, value.clone()), state)?;
    let json = parsed(&frame.json);
    assert_eq!(json["channel"], json!(frame.channel.as_str()));
    Some(json)
}

#[test]
fn agents_as_frames() {
    let status = |flat: Value, kind: &str| {
        Some(frame("agents", "agent:status", flat.clone(), json!({"id": flat["agentId"], "type": kind})))
    };
    for (event, said_as) in [
        (
            json!({"type": "agent.registered", "entity": "agent:b", "payload": {"name": "Bob", "agent_type": "tester"}}),
            status(json!({"agentId": "b", "name": "Bob", "agentType": "tester", "status": "spawning"}), "tester"),
        ),
        (
            json!({"type": "agent.registered", "entity": "agent:a", "payload": {"name": "Ada 2", "agent_type": "lead"}}),
            status(json!({"agentId": "a", "name": "Ada 2", "agentType": "lead", "status": "busy"}), "lead"),
        ),
        (
            json!({"type": "agent.updated", "entity": "agent:a", "payload": {"version": "2"}}),
            status(json!({"agentId": "a", "name": "Ada", "agentType": "coder", "status": "busy"}), "coder"),
        ),
        (
            json!({"type": "agent.status_changed", "entity": "agent:a", "payload": {"status": "idle", "task": "t", "reason": "waits",
                "metrics": {"cpu": 12.5, "memory": 1024, "message_count": 3}}}),
            status(
                json!({"agentId": "a", "name": "Ada", "agentType": "coder", "status": "idle", "task": "t", "reason": "waits",
                    "metrics": {"cpu": 12.5, "memory": 1024, "messageCount": 3}}),
                "coder",
            ),
        ),
        (
            json!({"type": "agent.status_changed", "entity": "agent:new", "payload": {"status": "active"}}),
            status(json!({"agentId": "new", "name": "new", "agentType": "unknown", "status": "active"}), "unknown"),
        ),
        (
            json!({"type": "agent.removed", "entity": "agent:a", "payload": {"reason": "scaled down"}}),
            status(
                json!({"agentId": "a", "name": "Ada", "agentType": "coder", "status": "stopped", "reason": "scaled down"}),
                "coder",
            ),
        ),
        (
            json!({"type": "agent.health_changed", "entity": "agent:a", "payload": {"status": "offline", "previous": "healthy"}}),
            None,
        ),
        (
            json!({"type": "agent.trust_changed", "entity": "agent:a", "payload": {"score": 1, "previous": 0.5, "delta": 0.5, "reason": "r"}}),
            None,
        ),
    ] {
        assert_eq!(said(&event, &known()), said_as, "{event}");
    }
}

#[test]
fn tasks_as_frames() {
    let update = |flat: Value, detail: Value| {
        let mut data = json!({"id": flat["taskId"], "type": "task", "metadata": {}});
        for (key, value) in detail.as_object().unwrap() {
            data[key] = value.clone();
        }
        frame("tasks", "task:update", flat, data)
    };
    for (action, payload, said_as) in [
        (
            "created",
            json!({"description": "Test it", "priority": 2}),
            update(
                json!({"taskId": "t", "status": "pending", "description": "Test it", "priority": 2}),
                json!({"createdAt": MS}),
            ),
        ),
        (
            "assigned",
            json!({"agent": "b"}),
            update(
                json!({"taskId": "t", "status": "assigned", "description": "Build it", "agentId": "b"}),
                json!({"createdAt": 1000, "assignedAgent": "b"}),
            ),
        ),
        (
            "started",
            json!({}),
            update(
                json!({"taskId": "t", "status": "running", "description": "Build it", "agentId": "a", "startTime": MS}),
                json!({"createdAt": 1000, "assignedAgent": "a", "startedAt": MS}),
            ),
        ),
        (
            "progress",
            json!({"progress": 42, "message": "Linking"}),
            update(
                json!({"taskId": "t", "status": "running", "description": "Build it", "agentId": "a", "startTime": 2000, "progress": 42,
                    "message": "Linking"}),
                json!({"createdAt": 1000, "assignedAgent": "a", "startedAt": 2000, "metadata": {"progress": 42}}),
            ),
        ),
        (
            "completed",
            json!({"result": {"files": 3}}),
            update(
                json!({"taskId": "t", "status": "completed", "description": "Build it", "agentId": "a", "startTime": 2000, "endTime": MS,
                    "result": {"files": 3}}),
                json!({"createdAt": 1000, "assignedAgent": "a", "startedAt": 2000, "completedAt": MS}),
            ),
        ),
        (
            "failed",
            json!({"error": "no \"disk\""}),
            update(
                json!({"taskId": "t", "status": "failed", "description": "Build it", "agentId": "a", "startTime": 2000, "endTime": MS,
                    "error": "no \"disk\""}),
                json!({"createdAt": 1000, "assignedAgent": "a", "startedAt": 2000, "completedAt": MS}),
            ),
        ),
        (
            "cancelled",
            json!({"reason": "superseded"}),
            update(
                json!({"taskId": "t", "status": "failed", "description": "Build it", "agentId": "a", "startTime": 2000, "endTime": MS,
                    "error": "cancelled: superseded"}),
                json!({"createdAt": 1000, "assignedAgent": "a", "startedAt": 2000, "completedAt": MS}),
            ),
        ),
    ] {
        let event = json!({"type": format!("task.{action}"), "entity": "task:t", "payload": payload});
        assert_eq!(said(&event, &known()), Some(said_as), "{action}");
    }
    let unheard = json!({"type": "task.cancelled", "entity": "task:u"});
    let bare = json!({"taskId": "u", "status": "failed", "description": "u", "endTime": MS, "error": "cancelled"});
    assert_eq!(said(&unheard, &known()), Some(update(bare, json!({"completedAt": MS}))));
}

#[test]
fn the_rest_as_frames() {
    for (event, said_as) in [
        (
            json!({"type": "message.sent", "entity": "message:m", "payload":
                {"from": "a", "to": "*", "message_type": "broadcast", "content": "<b>hi</b>", "size": 9}}),
            Some(frame(
                "messages",
                "message:sent",
                json!({"messageId": "m", "source": "a", "target": "*", "messageType": "broadcast", "payload": "<b>hi</b>", "size": 9}),
                json!({"id": "m", "type": "broadcast", "content": "<b>hi</b>"}),
            )),
        ),
        (
            json!({"type": "memory.retrieved", "entity": "memory:notes", "payload":
                {"namespace": "notes", "key": "k", "value": {"v": 1}, "cache_hit": true, "latency_ms": 1.25}}),
            Some(frame(
                "memory",
                "memory:operation",
                json!({"operation": "retrieve", "namespace": "notes", "key": "k", "value": {"v": 1}, "cacheHit": true, "latency": 1.25}),
                json!({"id": "notes", "type": "retrieve", "success": true}),
            )),
        ),
        (
            json!({"type": "memory.searched", "payload": {"namespace": "notes", "query": "q", "result_count": 2, "latency_ms": 3}}),
            Some(frame(
                "memory",
                "memory:operation",
                json!({"operation": "search", "namespace": "notes", "query": "q", "resultCount": 2, "latency": 3}),
                json!({"id": "evt-42", "type": "search", "success": true}),
            )),
        ),
        (
            json!({"type": "topology.changed", "payload": {"topology": "mesh",
                "nodes": [{"id": "a", "name": "Ada", "type": "coder", "status": "busy"}], "edges": [{"source": "a", "target": "b", "health": 0.5}]}}),
            Some(frame(
                "topology",
                "topology:change",
                json!({"topology": "mesh", "nodes": [{"id": "a", "name": "Ada", "type": "coder", "status": "busy"}],
                    "edges": [{"source": "a", "target": "b", "health": 0.5}]}),
                json!({"id": "evt-42", "type": "mesh"}),
            )),
        ),
        (json!({"type": "config.changed", "payload": {"change_type": "limits"}}), None),
        (
            json!({"type": "provider.status_changed", "entity": "provider:p", "payload": {"state": "READY", "endpoint": "e"}}),
            None,
        ),
        (json!({"type": "deploy.finished", "payload": {"channel": "agents", "type": "x", "event": {}}}), None),
        (json!({"type": "liveops.x", "payload": {"channel": "agents"}}), None),
    ] {
        assert_eq!(said(&event, &known()), said_as, "{event}");
    }
}

#[test]
fn texts_and_their_answers() {
    let pong = json!({"type": "pong", "timestamp": MS});
    let error = |text: &str| json!({"type": "error", "error": text, "timestamp": MS});
    let told = |kind: &str, channel: &str, channels: &[&str]| json!({"type": kind, "channel": channel, "channels": channels, "timestamp": MS});
    let mut client = Client::default();
    // One conversation: each text finds what those before it left.
    for (text, answer) in [
        (r#"{"type":"subscribe","channel":"nonsense"}"#, json!({"type": "subscribed", "channels": [], "timestamp": MS})),
        (r#"{"type":"subscribe","channel":"tasks"}"#, told("subscribed", "tasks", &["tasks"])),
        (
            r#"{"type":"subscribe","channels":["agents","nonsense",7,"tasks"]}"#,
            told("subscribed", "agents", &["tasks", "agents"]),
        ),
        (r#"{"type":"unsubscribe","channel":"tasks"}"#, told("unsubscribed", "tasks", &["agents"])),
        (r#"{"type":"unsubscribe","channels":["agents","memory"]}"#, told("unsubscribed", "agents", &[])),
        (r#"{"type":"subscribe"}"#, json!({"type": "subscribed", "channels": [], "timestamp": MS})),
        (r#"{"type":"ping"}"#, pong),
        (r#"{"type":"dance"}"#, error("Unknown message type: dance")),
        (r#"{"type":5}"#, error("Unknown message type: 5")),
        (r#"{"kind":"ping"}"#, error("Invalid message format: missing type")),
        ("[1]", error("Invalid message format: expected an object")),
        ("ping", error("Invalid message format: expected value at line 1 column 1")),
        ("", error("Invalid message format: EOF while parsing a value at line 1 column 0")),
        (r#"{"type":"event"}"#, error("Invalid event message: missing event or channel")),
        (r#"{"type":"event","channel":"agents"}"#, error("Invalid event message: missing event or channel")),
        (r#"{"type":"event","event":{"type":"agent:status"}}"#, error("Invalid event message: missing event or channel")),
        (r#"{"type":"event","channel":"agents","event":null}"#, error("Invalid event message: missing event or channel")),
        (
            r#"{"type":"replay","since":"soon"}"#,
            error("Invalid message format: since is not a time like 2026-01-27T10:21:33.123Z"),
        ),
        (r#"{"type":"replay","since":{}}"#, error("Invalid message format: since is not a time in unix milliseconds")),
        (r#"{"type":"replay","after":-1}"#, error("Invalid message format: after is not a place in the log")),
    ] {
        let answered = client.receive(text, NOW);
        assert_eq!(answered.replies.iter().map(|reply| parsed(reply)).collect::<Vec<_>>(), [answer], "{text}");
        assert!(answered.publish.is_empty() && answered.replay.is_none(), "{text}");
    }
    assert_eq!(client.receive(r#"{"type":"pong"}"#, NOW), Answer::default());
    for (text, since) in [
        (r#"{"type":"replay"}"#, None),
        (r#"{"type":"replay","since":null}"#, None),
        (r#"{"type":"replay","since":1769509293123}"#, Some(NOW)),
        (r#"{"type":"replay","since":1769509293123.9}"#, Some(NOW)),
        (r#"{"type":"replay","since":"2026-01-27T10:21:33.123Z"}"#, Some(NOW)),
        (r#"{"type":"replay","since":1e300}"#, Some(Timestamp(i64::MAX))),
    ] {
        let answer = Answer { replay: Some(Replay { since, after: None }), ..Answer::default() };
        assert_eq!(client.receive(text, NOW), answer, "{text}");
    }
    let on = Answer { replay: Some(Replay { since: None, after: Some(7) }), ..Answer::default() };
    assert_eq!(client.receive(r#"{"type":"replay","after":7}"#, NOW), on);
}

#[test]
fn a_client_hears_all_until_it_subscribes() {
    let mut client = Client::default();
    assert!(client.wants(Channel::Memory) && client.wants(Channel::Other));
    client.receive(r#"{"type":"unsubscribe","channel":"tasks"}"#, NOW);
    assert!(client.wants(Channel::Tasks));
    client.receive(r#"{"type":"subscribe","channel":"tasks"}"#, NOW);
    assert!(client.wants(Channel::Tasks) && !client.wants(Channel::Agents) && !client.wants(Channel::Other));
    client.receive(r#"{"type":"unsubscribe","channel":"tasks"}"#, NOW);
    assert!(!client.wants(Channel::Tasks));
}

#[test]
fn frames_that_are_not_from_the_log() {
    assert_eq!(parsed(&Client::welcome("c-1", NOW)), json!({"type": "welcome", "clientId": "c-1", "timestamp": MS}));
    assert_eq!(parsed(&shutdown(NOW)), json!({"type": "error", "error": "Server shutting down", "timestamp": MS}));
    assert_eq!(parsed(&missed(7, NOW)), json!({"type": "missed", "count": 7, "timestamp": MS}));
    let numbers = Metrics { active_agents: 3, pending_tasks: 2, messages_per_second: 1.5, memory_ops_per_second: 4.0 };
    let flat = json!({"activeAgents": 3, "pendingTasks": 2, "messagesPerSecond": 1.5, "memoryOpsPerSecond": 4});
    let mut expected = frame("metrics", "metrics:update", flat, json!({"id": "metrics", "type": "metrics"}));
    expected["id"] = json!(format!("metrics-{MS}"));
    expected.as_object_mut().unwrap().remove("seq");
    assert_eq!(parsed(&metrics(&numbers, NOW)), expected);
}

#[test]
fn a_replay_holds_what_the_client_wants() {
    let one = |channel, n: u64| Frame { channel, json: json!({"n": n}).to_string() };
    let frames = [one(Channel::Tasks, 1), one(Channel::Agents, 2), one(Channel::Tasks, 3)];
    let mut client = Client::default();
    let all = parsed(&client.replay_frame(&frames, None, NOW));
    assert_eq!(all, json!({"type": "replay", "events": [{"n": 1}, {"n": 2}, {"n": 3}], "timestamp": MS}));
    client.receive(r#"{"type":"subscribe","channel":"tasks"}"#, NOW);
    let some = parsed(&client.replay_frame(&frames, Some(9), NOW));
    assert_eq!(some, json!({"type": "replay", "events": [{"n": 1}, {"n": 3}], "more": true, "after": 9, "timestamp": MS}));
    let many: Vec<Frame> = (0..=MAX_REPLAY as u64).map(|n| one(Channel::Tasks, n)).collect();
    let cut = parsed(&client.replay_frame(&many, None, NOW));
    assert_eq!((cut["events"].as_array().unwrap().len(), &cut["more"]), (MAX_REPLAY, &json!(true)));
    assert_eq!(client.replay_frame([], None, NOW), format!("{{\"type\":\"replay\",\"events\":[],\"timestamp\":{MS}}}"));
}

fn published(channel: &str, event: &Value) -> Draft {
    let text = json!({"type": "event", "channel": channel, "event": event}).to_string();
    let mut answer = Client::default().receive(&text, NOW);
    assert!(answer.replies.is_empty(), "{answer:?}");
    answer.publish.remove(0)
}

#[test]
fn what_is_published_becomes_an_event() {
    for (channel, told, kind, entity, payload) in [
        (
            "agents",
            json!({"type": "agent:status", "agentId": "a", "name": "Ada", "agentType": "coder", "status": "busy", "task": "t",
                "metrics": {"cpu": 1, "messageCount": 2}, "timestamp": 5}),
            "agent.status_changed",
            "agent:a",
            json!({"status": "busy", "task": "t", "metrics": {"cpu": 1, "message_count": 2}, "liveops": {"name": "Ada", "agentType": "coder"}}),
        ),
        (
            "agents",
            json!({"event": "agent:status", "data": {"id": "a", "type": "coder", "status": "idle", "metrics": {"cpu": "12%"}, "timestamp": 5}}),
            "agent.status_changed",
            "agent:a",
            json!({"status": "idle", "liveops": {"agentType": "coder", "metrics": {"cpu": "12%"}}}),
        ),
        (
            "tasks",
            json!({"taskId": "t", "status": "pending", "description": "d", "priority": "high"}),
            "task.created",
            "task:t",
            json!({"description": "d", "liveops": {"priority": "high"}}),
        ),
        (
            "tasks",
            json!({"type": "task:update", "taskId": "t", "status": "assigned", "agentId": "a", "description": "d"}),
            "task.assigned",
            "task:t",
            json!({"agent": "a", "liveops": {"description": "d"}}),
        ),
        (
            "tasks",
            json!({"type": "task:update", "taskId": "t", "status": "running", "agentId": "a", "description": "d", "startTime": 3}),
            "task.started",
            "task:t",
            json!({"agent": "a", "liveops": {"description": "d", "startTime": 3}}),
        ),
        (
            "tasks",
            json!({"type": "task:update", "data": {"id": "t", "status": "running", "assignedAgent": "a", "metadata": {"progress": 40, "x": 1}}}),
            "task.progress",
            "task:t",
            json!({"progress": 40, "liveops": {"agentId": "a", "metadata": {"progress": 40, "x": 1}}}),
        ),
        (
            "tasks",
            json!({"taskId": "t", "status": "running", "description": "d", "progress": "half"}),
            "task.started",
            "task:t",
            json!({"liveops": {"description": "d", "progress": "half"}}),
        ),
        (
            "tasks",
            json!({"taskId": "t", "status": "completed", "description": "d", "result": [1], "endTime": 9}),
            "task.completed",
            "task:t",
            json!({"result": [1], "liveops": {"description": "d", "endTime": 9}}),
        ),
        ("tasks", json!({"taskId": "t", "status": "failed"}), "task.failed", "task:t", json!({"error": ""})),
        (
            "messages",
            json!({"type": "message:sent", "messageId": "m", "source": "a", "target": "b", "messageType": "query", "payload": {"q": 1}, "size": 7}),
            "message.sent",
            "message:m",
            json!({"from": "a", "to": "b", "message_type": "query", "content": "{\"q\":1}", "size": 7, "liveops": {"payload": {"q": 1}}}),
        ),
        (
            "messages",
            json!({"event": "message:sent", "data": {"id": "m", "source": "a", "type": "broadcast", "content": "grüße"}}),
            "message.sent",
            "message:m",
            json!({"from": "a", "to": "*", "message_type": "broadcast", "content": "grüße", "size": 7}),
        ),
        (
            "memory",
            json!({"operation": "search", "namespace": "n", "query": "q", "resultCount": 2, "cacheHit": false, "latency": 1.5, "success": false}),
            "memory.searched",
            "memory:n",
            json!({"namespace": "n", "query": "q", "result_count": 2, "cache_hit": false, "latency_ms": 1.5, "liveops": {"success": false}}),
        ),
        (
            "topology",
            json!({"topology": "mesh", "nodes": [], "edges": [{"source": "a", "target": "b", "health": 1}], "id": "main"}),
            "topology.changed",
            "topology:main",
            json!({"topology": "mesh", "edges": [{"source": "a", "target": "b", "health": 1}]}),
        ),
    ] {
        let draft = parsed(&published(channel, &told).to_json());
        let ts =
            if told.to_string().contains("\"timestamp\":5") { "1970-01-01T00:00:00.005Z" } else { "2026-01-27T10:21:33.123Z" };
        let (of, id) = entity.split_once(':').unwrap();
        let expected = json!({"type": kind, "ts": ts, "source": "liveops", "entity": {"kind": of, "id": id}, "payload": payload});
        assert_eq!(draft, expected, "{told}");
    }
}

#[test]
fn what_does_not_fit_is_kept_as_it_is() {
    for (channel, told, kind, name) in [
        ("metrics", json!({"type": "metrics:update", "activeAgents": 5}), "liveops.metrics_update", "metrics:update"),
        ("agents", json!({"type": "agent:status", "agentId": "a", "status": "sleeping"}), "liveops.agent_status", "agent:status"),
        ("agents", json!({"type": "agent:status", "status": "idle"}), "liveops.agent_status", "agent:status"),
        ("agents", json!({"type": "agent:status", "agentId": "", "status": "idle"}), "liveops.agent_status", "agent:status"),
        ("agents", json!({"agentId": "a", "status": "idle", "timestamp": "soon"}), "liveops.agent_status", "agent:status"),
        ("tasks", json!({"taskId": "t", "status": "assigned"}), "liveops.task_update", "task:update"),
        ("tasks", json!({"taskId": "t", "status": "cancelled"}), "liveops.task_update", "task:update"),
        ("messages", json!({"messageId": "m", "source": "a", "messageType": "query"}), "liveops.message_sent", "message:sent"),
        ("memory", json!({"operation": "store", "namespace": "n"}), "liveops.memory_operation", "memory:operation"),
        ("topology", json!({"topology": "ring"}), "liveops.topology_change", "topology:change"),
        ("tasks", json!({"type": "agent:status", "agentId": "a", "status": "idle"}), "liveops.agent_status", "agent:status"),
        ("build", json!({"type": "Build Done! 🐝", "ok": true}), "liveops.build_done___", "Build Done! 🐝"),
        ("build", json!({"ok": true, "data": [1]}), "liveops.event", "event"),
        ("agents", json!("hello"), "liveops.agent_status", "agent:status"),
        ("agents", json!([1, 2]), "liveops.agent_status", "agent:status"),
    ] {
        let draft = published(channel, &told);
        let expected = json!({"type": kind, "ts": "2026-01-27T10:21:33.123Z", "source": "liveops",
            "payload": {"channel": channel, "type": name, "event": told}});
        assert_eq!(parsed(&draft.to_json()), expected, "{told}");
        let frame = parsed(&frames(&draft.into_event(42, NOW), &SwarmState::default()).unwrap().json);
        assert_eq!((&frame["channel"], &frame["type"], &frame["id"]), (&json!(channel), &json!(name), &json!("evt-42")));
        assert_eq!(frame["data"], told.get("data").unwrap_or(&told).clone());
        for (key, value) in
            told.as_object().into_iter().flatten().filter(|(key, _)| !["type", "data", "timestamp"].contains(&key.as_str()))
        {
            assert_eq!(frame[key], *value, "{told}");
        }
    }
}

#[test]
fn what_is_too_large_is_answered() {
    for (told, fault) in [
        (json!({"agentId": "a".repeat(257), "status": "idle"}), "agentId: 257 bytes, over the limit of 256"),
        (json!({"agentId": "a", "status": "idle", "note": "n".repeat(65_500)}), "bytes, over the limit of 65536"),
    ] {
        let text = json!({"type": "event", "channel": "agents", "event": told}).to_string();
        let answer = Client::default().receive(&text, NOW);
        let error = parsed(&answer.replies[0])["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with("Invalid event message: ") && error.ends_with(fault), "{error}");
        assert!(answer.publish.is_empty());
    }
}

/// The frames that others get of what one publishes, and the state after it.
fn heard(channel: &str, told: &Value, state: &mut SwarmState) -> Vec<Value> {
    let mut heard = Vec::new();
    for draft in settled(vec![published(channel, told)], state) {
        let event = draft.into_event(state.seq + 1, NOW);
        state.fold(&event);
        heard.extend(frames(&event, state).map(|frame| parsed(&frame.json)));
    }
    heard
}

#[test]
fn what_is_published_comes_out_once_with_the_same_fields() {
    for (channel, told) in [
        (
            "agents",
            json!({"type": "agent:status", "agentId": "a", "name": "Ada", "agentType": "coder", "status": "busy", "task": "t",
            "metrics": {"cpu": 1.5, "memory": 2, "messageCount": 3, "tokens": 4}, "timestamp": 5, "mood": ["good"]}),
        ),
        (
            "agents",
            json!({"type": "agent:status", "agentId": "a", "name": "Ada", "agentType": "coder", "status": "stopped", "timestamp": 5}),
        ),
        (
            "tasks",
            json!({"type": "task:update", "taskId": "t", "status": "pending", "description": "d", "agentId": null, "timestamp": 5}),
        ),
        (
            "tasks",
            json!({"type": "task:update", "taskId": "t", "status": "running", "agentId": "a", "description": "d", "progress": 40.5,
            "startTime": 1, "timestamp": 5}),
        ),
        (
            "tasks",
            json!({"type": "task:update", "taskId": "t", "status": "running", "agentId": "b", "description": "other", "timestamp": 5}),
        ),
        (
            "tasks",
            json!({"type": "task:update", "taskId": "u", "status": "completed", "agentId": "a", "description": "d", "progress": 100,
            "startTime": 1, "endTime": 4, "result": null, "timestamp": 5}),
        ),
        (
            "tasks",
            json!({"type": "task:update", "taskId": "v", "status": "failed", "description": "d", "error": {"code": 7}, "timestamp": 5}),
        ),
        (
            "messages",
            json!({"type": "message:sent", "messageId": "m", "source": "a", "target": "b", "messageType": "task", "payload": {"do": ["it"]},
            "size": 11, "timestamp": 5}),
        ),
        (
            "messages",
            json!({"type": "message:sent", "messageId": "m", "source": "a", "target": "b", "messageType": "error", "payload": "x",
            "size": "small", "timestamp": 5}),
        ),
        (
            "memory",
            json!({"type": "memory:operation", "operation": "store", "namespace": "n", "key": "k", "value": null, "latency": 0.5, "timestamp": 5}),
        ),
        (
            "topology",
            json!({"type": "topology:change", "topology": "hierarchical", "nodes": [{"id": "a", "name": "A", "type": "t", "status": "s", "x": 1}],
            "edges": [{"source": "a", "target": "a", "health": 0.25, "y": 2}], "timestamp": 5}),
        ),
        (
            "metrics",
            json!({"type": "metrics:update", "activeAgents": 1, "pendingTasks": 2, "messagesPerSecond": 0.5, "memoryOpsPerSecond": 0, "timestamp": 5}),
        ),
        ("own", json!({"type": "anything:else", "deep": {"er": [null]}, "timestamp": 5})),
    ] {
        for mut state in [SwarmState::default(), known()] {
            let frames = heard(channel, &told, &mut state);
            let [frame] = frames.as_slice() else { panic!("{frames:?}") };
            for (key, value) in told.as_object().unwrap() {
                assert_eq!(frame.get(key), Some(value), "{key} of {told}");
            }
            // And a client that publishes what it received is understood as well.
            let again = heard(channel, frame, &mut state);
            for (key, value) in told.as_object().unwrap() {
                assert_eq!(again[0].get(key), Some(value), "{key} of {told}, again");
            }
        }
    }
}

#[test]
fn the_second_shape_comes_out_in_both() {
    let told = json!({"event": "task:update", "data": {"id": "t", "type": "review", "status": "running", "assignedAgent": "a", "description": "d",
        "createdAt": 1, "startedAt": 2, "metadata": {"progress": 40, "phase": "one"}}});
    let frames = heard("tasks", &told, &mut SwarmState::default());
    for (key, value) in told["data"].as_object().unwrap() {
        assert_eq!(frames[0]["data"].get(key), Some(value), "{key}");
    }
    for (key, value) in [
        ("taskId", json!("t")),
        ("agentId", json!("a")),
        ("startTime", json!(2)),
        ("progress", json!(40)),
        ("type", json!("task:update")),
    ] {
        assert_eq!(frames[0][key], value, "{key}");
    }
}

#[test]
fn what_the_deck_has_not_heard_comes_first() {
    let kinds = |channel: &str, told: Value, state: &SwarmState| -> Vec<String> {
        settled(vec![published(channel, &told)], state).iter().map(|draft| draft.body.name().to_owned()).collect()
    };
    let status = |name: &str| json!({"agentId": "a", "name": name, "agentType": "coder", "status": "idle"});
    let running = |agent: &str| json!({"taskId": "t", "status": "running", "agentId": agent, "description": "d", "progress": 1});
    let (empty, known) = (SwarmState::default(), known());
    assert_eq!(kinds("agents", status("Ada"), &empty), ["agent.registered", "agent.status_changed"]);
    assert_eq!(kinds("agents", status("Ada"), &known), ["agent.status_changed"]);
    assert_eq!(kinds("agents", status("Eve"), &known), ["agent.updated", "agent.status_changed"]);
    assert_eq!(kinds("agents", json!({"agentId": "a", "status": "idle"}), &empty), ["agent.status_changed"]);
    assert_eq!(kinds("tasks", running("a"), &empty), ["task.created", "task.assigned", "task.progress"]);
    assert_eq!(kinds("tasks", running("a"), &known), ["task.progress"]);
    assert_eq!(kinds("tasks", running("b"), &known), ["task.assigned", "task.progress"]);
    let done = folded(&[
        json!({"type": "task.completed", "entity": "task:t"}),
        json!({"type": "agent.registered", "entity": "agent:a", "payload": {"name": "Ada", "agent_type": "coder"}}),
        json!({"type": "agent.removed", "entity": "agent:a"}),
    ]);
    assert_eq!(kinds("tasks", running("b"), &done), ["task.progress"]);
    assert_eq!(kinds("agents", status("Ada"), &done), ["agent.registered", "agent.status_changed"]);

    let mut state = SwarmState::default();
    heard("agents", &status("Ada"), &mut state);
    heard("tasks", &running("a"), &mut state);
    heard("tasks", &json!({"taskId": "t", "status": "completed", "agentId": "a", "description": "d"}), &mut state);
    let (agent, task) = (&state.agents.by_id["a"], &state.tasks.by_id["t"]);
    assert_eq!((agent.name.as_str(), agent.agent_type.as_deref(), agent.completed), ("Ada", Some("coder"), 1));
    assert_eq!((task.description.as_str(), task.agent.as_deref(), task.state.as_str()), ("d", Some("a"), "completed"));
}

#[test]
fn the_bridge_takes_what_the_socket_takes() {
    let body = json!({"channel": "agents", "type": "agent:status", "event": {"agentId": "a", "type": "coder", "status": "idle"}, "timestamp": 5});
    let draft = bridge(body.to_string().as_bytes(), NOW).unwrap();
    assert_eq!((draft.body.name(), draft.ts, draft.source.as_str()), ("agent.status_changed", Some(Timestamp(5)), "liveops"));
    let flat = json!({"channel": "tasks", "type": "task:update", "taskId": "t", "status": "failed", "error": "x"});
    assert_eq!(bridge(flat.to_string().as_bytes(), NOW).unwrap().body.name(), "task.failed");
    let bare = bridge(br#"{"channel":"agents","type":"swarm:ready","event":"now"}"#, NOW).unwrap();
    assert_eq!(parsed(&bare.to_json())["payload"], json!({"channel": "agents", "type": "swarm:ready", "event": "now"}));
    assert_eq!(bare.body.name(), "liveops.swarm_ready");

    for (body, status, answer) in [
        ("", 400, r#"{"error":"Invalid JSON"}"#),
        ("{", 400, r#"{"error":"Invalid JSON"}"#),
        ("[]", 400, r#"{"error":"Missing channel or type"}"#),
        (r#"{"channel":"agents"}"#, 400, r#"{"error":"Missing channel or type"}"#),
        (r#"{"channel":"","type":"x"}"#, 400, r#"{"error":"Missing channel or type"}"#),
        (r#"{"channel":"agents","type":7}"#, 400, r#"{"error":"Missing channel or type"}"#),
    ] {
        let error = bridge(body.as_bytes(), NOW).unwrap_err();
        assert_eq!((error.status(), error.json().as_str()), (status, answer), "{body}");
    }
    let large = json!({"channel": "x", "type": "y", "event": "z".repeat(MAX_EVENT)}).to_string();
    assert_eq!(bridge(large.as_bytes(), NOW).unwrap_err().status(), 413);
}
