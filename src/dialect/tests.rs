//! What holds in every dialect, and what the dialects' tables of frames are read with.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{agentos, liveops, mesh, sessions};
use crate::event::wire::At;
use crate::event::{Draft, Event, Timestamp};
use crate::swarm::SwarmState;

/// 2026-01-27T10:21:33.123Z, the time of every test.
pub(super) const NOW: Timestamp = Timestamp(1_769_509_293_123);

/// The event that this JSON says, at [`NOW`].
pub(super) fn event(seq: u64, value: Value) -> Event {
    Draft::read(value, &At::Root("event")).unwrap_or_else(|fault| panic!("{fault}")).into_event(seq, NOW)
}

/// The fold of these events, numbered from 1.
pub(super) fn folded(events: &[Value]) -> SwarmState {
    let mut state = SwarmState::default();
    for (seq, value) in (1..).zip(events) {
        state.fold(&event(seq, value.clone()));
    }
    state
}

pub(super) fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|fault| panic!("{fault}: {json}"))
}

/// The words that clients use, so that what chance writes comes near to what clients write.
const WORDS: &[&str] = &[
    "type",
    "channel",
    "channels",
    "event",
    "data",
    "id",
    "seq",
    "timestamp",
    "since",
    "agents",
    "tasks",
    "messages",
    "memory",
    "topology",
    "metrics",
    "agent:status",
    "task:update",
    "message:sent",
    "memory:operation",
    "topology:change",
    "agentId",
    "agentType",
    "name",
    "status",
    "task",
    "cpu",
    "messageCount",
    "taskId",
    "description",
    "progress",
    "error",
    "startTime",
    "assignedAgent",
    "metadata",
    "result",
    "priority",
    "messageId",
    "source",
    "target",
    "messageType",
    "payload",
    "content",
    "size",
    "operation",
    "namespace",
    "key",
    "query",
    "value",
    "resultCount",
    "cacheHit",
    "latency",
    "success",
    "nodes",
    "edges",
    "health",
    "busy",
    "idle",
    "pending",
    "assigned",
    "running",
    "completed",
    "failed",
    "broadcast",
    "query",
    "store",
    "search",
    "mesh",
    "subscribe",
    "unsubscribe",
    "replay",
    "ping",
    "sessionId",
    "requestId",
    "allowed",
    "alwaysAllow",
    "permission_response",
    "liveops",
    "evt-7",
    "",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![8 => proptest::sample::select(WORDS).prop_map(str::to_owned), 1 => "\\PC{0,12}"]
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..101_i64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from), object(inner).prop_map(Value::Object),]
    })
}

fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    proptest::collection::vec((word(), value), 0..8).prop_map(|pairs| pairs.into_iter().collect())
}

/// A message near to a publication: one of the six forms, with any fields.
fn publication() -> impl Strategy<Value = Value> {
    let forms =
        [("agents", "agent:status"), ("tasks", "task:update"), ("messages", "message:sent"), ("memory", "memory:operation")];
    let status = proptest::sample::select(vec!["idle", "pending", "assigned", "running", "completed", "failed"]);
    (proptest::sample::select(forms.to_vec()), status, object(tree()), object(tree()), any::<bool>()).prop_map(
        |((channel, name), status, mut flat, data, second)| {
            for (key, value) in [("type", name), ("agentId", "a"), ("taskId", "t"), ("messageId", "m"), ("status", status)] {
                flat.insert(key.to_owned(), value.into());
            }
            if second {
                flat.insert("data".to_owned(), data.into());
            }
            json!({"type": "event", "channel": channel, "event": flat})
        },
    )
}

/// What must hold of anything that a client sends.
fn receive(text: &str) {
    let answer = liveops::Client::default().receive(text, NOW);
    for reply in &answer.replies {
        parsed(reply);
    }
    let mut state = SwarmState::default();
    for draft in liveops::settled(answer.publish, &state) {
        let written = draft.to_json();
        // The log can be read again.
        assert_eq!(Draft::read(parsed(&written), &At::Root("event")).map(|again| again.to_json()), Ok(written), "{text}");
        let event = draft.into_event(state.seq + 1, NOW);
        state.fold(&event);
        if let Some(frame) = liveops::frames(&event, &state) {
            assert!(parsed(&frame.json).is_object());
        }
    }
    let _decision = sessions::Client::default().receive(text);
    if let Some(pong) = agentos::receive(text, NOW) {
        parsed(&pong);
    }
    let _draft = liveops::bridge(text.as_bytes(), NOW);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        receive(&text);
    }

    #[test]
    fn no_tree_panics(tree in tree()) {
        receive(&tree.to_string());
    }

    #[test]
    fn no_publication_panics(publication in publication()) {
        receive(&publication.to_string());
    }

    #[test]
    fn no_bytes_panic_the_bridge(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _draft = liveops::bridge(&bytes, NOW);
    }
}

#[test]
fn what_is_hostile_is_answered_or_passed_over() {
    let deep = "[".repeat(100_000);
    let nested = format!("{}1{}", "{\"a\":".repeat(120), "}".repeat(120));
    let published = format!("{{\"type\":\"event\",\"channel\":\"agents\",\"event\":{nested}}}");
    for text in [
        "",
        " ",
        "null",
        "0",
        "[]",
        "{}",
        "\"ping\"",
        "{",
        "{\"type\":",
        "\u{0}",
        "\u{feff}{}",
        "{\"type\":null}",
        "{\"type\":1e999}",
        "{\"type\":123456789012345678901234567890}",
        "{\"type\":\"ping\",\"type\":[]}",
        "{\"type\":\"🐝\"}",
        "{\"type\":\"replay\",\"since\":1e300}",
        "{\"type\":\"replay\",\"since\":-9223372036854775809}",
        "{\"type\":\"event\",\"channel\":\"agents\",\"event\":[]}",
        "{\"type\":\"event\",\"channel\":\"\",\"event\":{}}",
        "{\"type\":\"event\",\"channel\":\"\u{202e}\",\"event\":\"</script>\"}",
        "{\"type\":\"subscribe\",\"channels\":\"agents\"}",
        "{\"type\":\"\\ud83d\"}",
        &deep,
        &nested,
        &published,
    ] {
        receive(text);
    }
}

#[test]
fn every_type_is_said_in_every_dialect_that_has_a_name_for_it() {
    let samples = crate::event::tests::samples();
    let mut state = SwarmState::default();
    let (mut live, mut session, mut registry) = (Vec::new(), Vec::new(), Vec::new());
    for event in &samples {
        // Before and after the fold: the state lends only what the event leaves out.
        let _before = liveops::frames(event, &SwarmState::default());
        state.fold(event);
        if let Some(frame) = liveops::frames(event, &state) {
            assert_eq!(parsed(&frame.json)["id"], json!(format!("evt-{}", event.seq)));
            live.push(event.kind());
        }
        for frame in sessions::frames(event).iter().filter(|frame| !frame.json.is_empty()) {
            assert!(parsed(&frame.json)["type"].is_string());
            session.push(event.kind());
        }
        if let Some((_, data)) = mesh::sse(event) {
            assert_eq!(parsed(&data)["agent_id"], json!("x1"));
            registry.push(event.kind());
        }
    }
    // Each type has two samples; a failure has two frames.
    assert_eq!(live.len(), 2 * (4 + 8 + 1 + 5 + 1), "{live:?}");
    assert_eq!(session.len(), 2 * (9 + 1 + 1), "{session:?}");
    assert_eq!(registry.len(), 2 * 4, "{registry:?}");
}

#[test]
fn mesh_names_four_events() {
    let about = |kind: &str, payload: Value| event(7, json!({"type": kind, "entity": "agent:a:1", "payload": payload}));
    for (event, said) in [
        (
            about("agent.registered", json!({"name": "A", "agent_type": "w"})),
            Some(("agent_registered", json!({"agent_id": "a:1"}))),
        ),
        (about("agent.updated", json!({"version": "2"})), Some(("agent_updated", json!({"agent_id": "a:1"})))),
        (
            about("agent.health_changed", json!({"status": "offline", "previous": "healthy"})),
            Some(("agent_health_changed", json!({"agent_id": "a:1", "status": "offline", "old_status": "healthy"}))),
        ),
        (
            about("agent.trust_changed", json!({"score": 0.55, "previous": 0.5, "delta": 0.05, "reason": "success"})),
            Some(("trust_score_changed", json!({"agent_id": "a:1", "trust_score": 0.55, "old_score": 0.5}))),
        ),
        (about("agent.status_changed", json!({"status": "busy"})), None),
        (about("agent.removed", json!({})), None),
    ] {
        assert_eq!(mesh::sse(&event).map(|(name, data)| (name, parsed(&data))), said, "{}", event.kind());
    }
}

#[test]
fn agentos_answers_a_ping_and_nothing_else() {
    let pong = Some(json!({"type": "pong", "ts": "2026-01-27T10:21:33.123Z"}));
    for (text, answer) in [
        ("ping", &pong),
        (" ping\n", &pong),
        (r#"{"type":"ping"}"#, &pong),
        (r#"{"type":"ping","ts":"2026-01-27T10:21:33.123456+00:00"}"#, &pong),
        ("PING", &None),
        (r#"["ping"]"#, &None),
        (r#"{"type":"pong"}"#, &None),
        ("", &None),
    ] {
        assert_eq!(&agentos::receive(text, NOW).map(|json| parsed(&json)), answer, "{text}");
    }
    assert_eq!(agentos::status(3, 2), r#"{"active_connections":3,"event_bus_subscribers":2}"#);
}

#[test]
fn agentos_types_are_taken() {
    for value in [
        json!({"type": "task.routed", "entity": "task:t", "ts": "2026-01-27T10:21:33.123456+00:00", "payload": {"to": "a"}}),
        json!({"type": "task.route_verified", "entity": "task:t"}),
        json!({"type": "task.rerouted", "entity": "task:t"}),
        json!({"type": "task.route_overridden", "entity": "task:t", "payload": {"by": "me"}}),
        json!({"type": "mode.violation", "payload": {"mode": "plan", "rule": "read only", "message": "wrote", "agent": "a", "task": "t", "x": 1}}),
        json!({"type": "mode.violation", "entity": "agent:a"}),
    ] {
        assert_eq!(event(1, value.clone()).kind(), value["type"]);
    }
}
