//! Replays of liveops: within bounds, told where the log goes on, and whole when one goes on there.

use serde_json::{Value, json};

use super::client::{Client, Deck};
use crate::support::Server;

/// A client on some channels.
fn client(deck: &Deck, channels: &[&str]) -> Client {
    let mut client = Client::open(deck.server.port, "/ws/liveops");
    client.find("welcome");
    client.say(&json!({"type": "subscribe", "channels": channels}));
    client.find("subscribed");
    client
}

fn store(server: &Server, events: &[Value]) {
    for batch in events.chunks(1_000) {
        server.send(&Value::Array(batch.to_vec()));
    }
}

/// Asks from the beginning, and goes on as long as there is more; the answers.
fn whole(client: &mut Client) -> Vec<Value> {
    let mut answers = Vec::new();
    let mut ask = json!({"type": "replay", "since": 0});
    loop {
        client.say(&ask);
        let answer = client.find("replay");
        ask = json!({"type": "replay", "after": answer["after"]});
        let more = answer["more"] == true;
        assert_eq!(more, answer["after"].is_u64(), "{}", answer["after"]);
        answers.push(answer);
        if !more {
            return answers;
        }
    }
}

fn seqs(answers: &[Value]) -> Vec<u64> {
    answers.iter().flat_map(|answer| answer["events"].as_array().unwrap()).map(|event| event["seq"].as_u64().unwrap()).collect()
}

/// Twenty thousand events in between that the dialect has no frame for are not read in one go.
#[test]
fn a_replay_ends_after_some_pages_and_says_where() {
    let deck = Deck::start();
    let agent = |kind: &str, payload: Value| json!({"type": format!("agent.{kind}"), "entity": "agent:a", "payload": payload});
    let mut events = vec![agent("registered", json!({"name": "A", "agent_type": "t"}))];
    events.resize(22_000, agent("health_changed", json!({"status": "healthy", "previous": "unknown"})));
    events.push(agent("status_changed", json!({"status": "busy"})));
    store(&deck.server, &events);
    let mut agents = client(&deck, &["agents"]);
    let answers = whole(&mut agents);
    assert_eq!(seqs(&answers), [1, 22_001]);
    assert!(answers.len() > 1, "one answer does not read it all");
    // What a client did not subscribe to is not even looked at.
    let mut tasks = client(&deck, &["tasks"]);
    assert_eq!(whole(&mut tasks).len(), 1);
}

/// Large frames are answered some megabytes at a time.
#[test]
fn a_replay_is_bounded_in_bytes() {
    let deck = Deck::start();
    let text = "x".repeat(30_000);
    let message = json!({"from": "a", "to": "*", "message_type": "query", "content": text, "size": 30_000});
    let events: Vec<Value> =
        (0..300).map(|n| json!({"type": "message.sent", "entity": format!("message:{n}"), "payload": message})).collect();
    for batch in events.chunks(20) {
        deck.server.send(&Value::Array(batch.to_vec()));
    }
    let mut client = client(&deck, &["messages"]);
    let answers = whole(&mut client);
    assert_eq!(seqs(&answers), (1..=300).collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| answer.to_string().len() < 5 << 20));
    assert!(answers.len() > 2);
}

/// Many at once are answered one after the other, each client its own in order, and nobody who
/// sends events waits for them.
#[test]
fn many_replays_at_once_are_all_answered() {
    let deck = Deck::start();
    let task = |n: u64| json!({"type": "task.created", "entity": format!("task:{n}"), "payload": {"description": "d"}});
    store(&deck.server, &(0..3_000).map(task).collect::<Vec<_>>());
    let mut clients: Vec<Client> = (0..8).map(|_| client(&deck, &["tasks"])).collect();
    for _ in 0..3 {
        for client in &mut clients {
            client.say(&json!({"type": "replay", "since": 0}));
        }
    }
    for client in &mut clients {
        client.say(&json!({"type": "ping"}));
    }
    for client in &mut clients {
        for _ in 0..3 {
            let answer = client.next();
            assert_eq!((&answer["type"], &answer["more"], &answer["after"]), (&json!("replay"), &json!(true), &json!(1_000)));
            assert_eq!(answer["events"].as_array().unwrap().len(), 1_000);
        }
        assert_eq!(client.next()["type"], "pong");
    }
}
