//! An event server that carries a deck's events: `event-server start --deck URL`.

use serde_json::{Value, json};

use super::client::{Client, EventServer, check_bridge, http};
use super::presence::{check_seats, seated};
use crate::support::{Server, until};

fn probe(id: &str) -> Value {
    json!({"type": "agent.registered", "entity": {"kind": "agent", "id": id}, "payload": {"name": "Ada", "agent_type": "coder"}})
}

#[test]
fn events_flow_both_ways() {
    let deck = Server::with(&["--durability", "crash"]);
    let events = EventServer::start(&["--deck", &deck.url("")]);
    let mut one = seated(events.port);
    let mut other = Client::open(events.port, "/at/any/path");
    other.find("welcome");
    let mut agentos = Client::open(deck.port, "/ws/events");
    agentos.find("stream.hello");

    deck.send(&probe("a"));
    for client in [&mut one, &mut other] {
        assert_eq!(client.find("agent:status")["agentId"], "a");
    }
    let event = json!({"type": "agent:status", "agentId": "b", "name": "Bo", "agentType": "planner", "status": "busy"});
    one.say(&json!({"type": "event", "channel": "agents", "event": event}));
    assert_eq!(other.find("agent:status")["agentId"], "b");
    assert_eq!(agentos.find("agent.status_changed")["entity"]["id"], "b");
    assert_eq!(deck.get("/api/agents/b").1["name"], "Bo");

    check_bridge(events.port + 1);
    let bridged = json!({"channel": "agents", "type": "agent:status", "event": {"agentId": "b", "status": "idle"}}).to_string();
    assert_eq!(http(events.port + 1, "POST", "/event", &bridged), (200, r#"{"success":true}"#.to_owned()));
    assert_eq!(one.find("agent:status")["agentId"], "b", "its own");
    for client in [&mut one, &mut other] {
        assert_eq!(client.find("agent:status")["status"], "idle");
    }
    one.text("no json");
    assert!(one.find("error")["error"].as_str().unwrap().starts_with("Invalid message format: "));
    one.say(&json!({"type": "ping"}));
    one.find("pong");
}

#[test]
fn one_too_many_is_told_so_and_places_are_given_back() {
    let deck = Server::with(&["--durability", "crash"]);
    let events = EventServer::start(&["--deck", &deck.url(""), "--max-connections", "2"]);
    check_seats(events.port);
    let nobody = json!({"active_connections": 0, "event_bus_subscribers": 0});
    until("nobody is left on the deck", || (deck.get("/ws/events/status").1 == nobody).then_some(()));
}

#[test]
fn a_deck_that_is_gone_is_told_and_one_that_comes_back_is_used() {
    let mut deck = Server::with(&["--durability", "crash"]);
    let events = EventServer::start(&["--deck", &deck.url("")]);
    let client = seated(events.port);
    deck.kill();
    assert_eq!(client.closed(), (1001, "the deck is gone".to_owned()));
    assert_eq!(Client::try_open(events.port, "/").err(), Some(502));
    let body = r#"{"channel":"agents","type":"x"}"#;
    let gone = (502, r#"{"error":"the deck cannot be reached"}"#.to_owned());
    assert_eq!(http(events.port + 1, "POST", "/event", body), gone);
    deck.run();
    let mut again = seated(events.port);
    deck.send(&probe("a"));
    assert_eq!(again.find("agent:status")["agentId"], "a");

    // One that stops in good order says so through it.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            assert_eq!(again.find("error")["error"], "Server shutting down");
            assert_eq!(again.closed(), (1001, "Server shutting down".to_owned()));
        });
        assert!(deck.stop());
    });
}

#[test]
fn it_stops_with_clients_connected() {
    let deck = Server::with(&["--durability", "crash"]);
    let mut events = EventServer::start(&["--deck", &deck.url("")]);
    let mut client = seated(events.port);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            assert_eq!(client.find("error")["error"], "Server shutting down");
            assert_eq!(client.closed(), (1001, "Server shutting down".to_owned()));
        });
        assert!(events.stop());
    });
}
