//! The sessions dialect in tables.

use serde_json::{Value, json};

use super::*;
use crate::dialect::tests::{NOW, event, parsed};

fn about(kind: &str, payload: Value) -> Event {
    event(42, json!({"type": format!("session.{kind}"), "entity": "session:s1", "payload": payload}))
}

#[test]
fn events_and_their_frames() {
    for (event, said) in [
        (
            about("text_delta", json!({"delta": "Hel\nlo <b>", "turn_id": "t1"})),
            vec![json!({"type": "text_delta", "sessionId": "s1", "delta": "Hel\nlo <b>", "turnId": "t1"})],
        ),
        (about("text_delta", json!({"delta": ""})), vec![json!({"type": "text_delta", "sessionId": "s1", "delta": ""})]),
        (
            about("text_completed", json!({"text": "Hello", "intermediate": true, "turn_id": "t1"})),
            vec![json!({"type": "text_complete", "sessionId": "s1", "text": "Hello", "isIntermediate": true, "turnId": "t1"})],
        ),
        (
            about(
                "tool_started",
                json!({"tool_use_id": "u1", "tool_name": "Bash", "input": {"command": "ls", "cwd": null}, "intent": "look", "display_name": "Shell", "turn_id": "t1"}),
            ),
            vec![
                json!({"type": "tool_start", "sessionId": "s1", "toolName": "Bash", "toolUseId": "u1", "toolInput": {"command": "ls", "cwd": null}, "toolIntent": "look", "toolDisplayName": "Shell", "turnId": "t1"}),
            ],
        ),
        (
            about("tool_finished", json!({"tool_use_id": "u1", "tool_name": "Bash", "result": "a.txt", "is_error": false})),
            vec![
                json!({"type": "tool_result", "sessionId": "s1", "toolUseId": "u1", "toolName": "Bash", "result": "a.txt", "isError": false}),
            ],
        ),
        (
            about(
                "permission_requested",
                json!({"request_id": "r1", "tool_name": "Bash", "command": "rm x", "description": "tidy", "expires_at": "2026-01-27T10:22:33Z"}),
            ),
            vec![
                json!({"type": "permission_request", "sessionId": "s1", "request": {"requestId": "r1", "toolName": "Bash", "command": "rm x", "description": "tidy"}}),
            ],
        ),
        (
            about(
                "permission_requested",
                json!({"request_id": "r1", "tool_name": "Write", "input": {"path": "x"}, "expires_at": 0}),
            ),
            vec![
                json!({"type": "permission_request", "sessionId": "s1", "request": {"requestId": "r1", "toolName": "Write", "command": "{\"path\":\"x\"}", "description": ""}}),
            ],
        ),
        (
            about("permission_expired", json!({"request_id": "r1"})),
            vec![json!({"type": "permission_timeout", "sessionId": "s1", "requestId": "r1"})],
        ),
        (about("permission_decided", json!({"request_id": "r1", "allowed": true, "always_allow": false, "by": "me"})), vec![]),
        (about("completed", json!({})), vec![json!({"type": "complete", "sessionId": "s1"})]),
        (
            about("failed", json!({"error": "exit 1"})),
            vec![json!({"type": "error", "sessionId": "s1", "error": "exit 1"}), json!({"type": "complete", "sessionId": "s1"})],
        ),
        (about("aborted", json!({"by": "me"})), vec![json!({"type": "complete", "sessionId": "s1"})]),
    ] {
        let frames = frames(&event);
        assert!(frames.iter().all(|frame| frame.session.as_deref() == Some("s1")));
        assert_eq!(frames.iter().map(|frame| parsed(&frame.json)).collect::<Vec<_>>(), said, "{}", event.kind());
    }
}

#[test]
fn a_configuration_is_everyones() {
    let changed = frames(&event(1, json!({"type": "config.changed", "payload": {"change_type": "limits"}})));
    assert_eq!(changed[0].session, None);
    assert_eq!(parsed(&changed[0].json), json!({"type": "config_changed", "changeType": "limits"}));
    assert!(Client::default().wants(&changed[0]));
    assert!(frames(&event(1, json!({"type": "task.failed", "entity": "task:t", "payload": {"error": "x"}}))).is_empty());
}

#[test]
fn texts_and_their_answers() {
    let decision = |allowed, always_allow| Some(Decision { request_id: "r".to_owned(), allowed, always_allow });
    for (text, answer) in [
        (r#"{"type":"permission_response","requestId":"r","allowed":true}"#, decision(true, false)),
        (r#"{"type":"permission_response","requestId":"r","allowed":true,"alwaysAllow":true}"#, decision(true, true)),
        (r#"{"type":"permission_response","requestId":"r","allowed":false,"alwaysAllow":null}"#, decision(false, false)),
        (r#"{"type":"permission_response","requestId":"r","allowed":"yes"}"#, None),
        (r#"{"type":"permission_response","requestId":"r","allowed":true,"alwaysAllow":1}"#, None),
        (r#"{"type":"permission_response","requestId":"r"}"#, None),
        (r#"{"type":"permission_response","allowed":true}"#, None),
        (r#"{"type":"permission_response","requestId":7,"allowed":true}"#, None),
        (r#"{"type":"subscribe","sessionId":"s"}"#, None),
        (r#"{"type":"subscribe"}"#, None),
        (r#"{"type":"dance"}"#, None),
        ("ping", None),
        ("", None),
    ] {
        assert_eq!(Client::default().receive(text), answer, "{text}");
    }
    assert_eq!(parsed(&Client::connected(NOW)), json!({"type": "connected", "timestamp": 1_769_509_293_123_i64}));
}

/// The types of the frames that a client gets of these events.
fn heard(client: &mut Client, events: &[Event]) -> Vec<String> {
    let all = events.iter().flat_map(frames);
    let wanted: Vec<Frame> = all.filter(|frame| client.wants(frame)).collect();
    wanted.iter().map(|frame| parsed(&frame.json)["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn only_subscribers_of_a_session_hear_it() {
    let mut client = Client::default();
    let delta = [about("text_delta", json!({"delta": "x"}))];
    assert!(heard(&mut client, &delta).is_empty());
    client.receive(r#"{"type":"subscribe","sessionId":"s1"}"#);
    client.receive(r#"{"type":"subscribe","sessionId":"s1"}"#);
    assert_eq!(heard(&mut client, &delta), ["text_delta"]);
    client.receive(r#"{"type":"unsubscribe","sessionId":"s1"}"#);
    assert!(heard(&mut client, &delta).is_empty());
}

#[test]
fn an_error_is_followed_by_one_complete() {
    let (failed, aborted) = (about("failed", json!({"error": "x"})), about("aborted", json!({"by": "me"})));
    let (completed, delta) = (about("completed", json!({})), about("text_delta", json!({"delta": "x"})));
    let started = about("started", json!({"permission_mode": "ask"}));
    for (events, said) in [
        (vec![failed.clone()], vec!["error", "complete"]),
        (vec![failed.clone(), completed.clone()], vec!["error", "complete"]),
        (vec![aborted, completed.clone()], vec!["complete"]),
        (vec![failed.clone(), completed.clone(), completed.clone()], vec!["error", "complete", "complete"]),
        (vec![failed.clone(), delta, completed.clone()], vec!["error", "complete", "text_delta", "complete"]),
        (vec![failed.clone(), started, completed.clone()], vec!["error", "complete", "complete"]),
        (vec![failed.clone(), failed], vec!["error", "complete", "error", "complete"]),
    ] {
        let mut client = Client::default();
        client.receive(r#"{"type":"subscribe","sessionId":"s1"}"#);
        assert_eq!(heard(&mut client, &events), said);
    }
    // Who came after the error hears the end all the same.
    let mut late = Client::default();
    late.receive(r#"{"type":"subscribe","sessionId":"s1"}"#);
    assert_eq!(heard(&mut late, &[completed]), ["complete"]);
}

#[test]
fn subscriptions_are_bounded() {
    let mut client = Client::default();
    let subscribe = |n: usize| json!({"type": "subscribe", "sessionId": format!("s{n}")}).to_string();
    for n in 0..MAX_SUBSCRIPTIONS + 3 {
        client.receive(&subscribe(n));
    }
    client.receive(&subscribe(0));
    client.receive(&json!({"type": "subscribe", "sessionId": "s".repeat(MAX_ENTITY_ID + 1)}).to_string());
    assert_eq!((client.sessions.len(), client.refused()), (MAX_SUBSCRIPTIONS, 3));
    client.receive(r#"{"type":"unsubscribe","sessionId":"s0"}"#);
    client.receive(r#"{"type":"subscribe","sessionId":"s1"}"#);
    client.receive(r#"{"type":"subscribe","sessionId":"s1000"}"#);
    assert_eq!((client.sessions.len(), client.refused()), (MAX_SUBSCRIPTIONS, 3));
}
