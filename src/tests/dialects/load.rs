//! A hundred events a second to ten clients of each dialect: all of them, in order.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, Deck};
use super::conversations::{session, subscribed};

/// Events of each dialect.
const EVENTS: u64 = 300;
const EVERY: Duration = Duration::from_millis(10);
const CLIENTS: usize = 10;

/// What happens at one tick: something that each dialect has a name for.
fn tick(n: u64) -> Value {
    let message = json!({"from": "a", "to": "b", "message_type": "task", "content": n.to_string(), "size": 1});
    json!([
        {"type": "message.sent", "entity": format!("message:m{n}"), "source": "load", "payload": message},
        {"type": "agent.registered", "entity": format!("agent:{n}"), "source": "load", "payload": {"name": "n", "agent_type": "t"}},
        session("load", "text_delta", &json!({"delta": n.to_string()})),
        {"type": "trade.analysis_started", "entity": format!("trade:{n}"), "source": "load", "payload": {"mint": n.to_string()}},
    ])
}

/// The number that a frame carries, where it is one of those counted.
fn number(frame: &Value) -> Option<u64> {
    let told = match frame["type"].as_str()? {
        "message:sent" => &frame["payload"],
        "message.sent" => &frame["payload"]["content"],
        "text_delta" => &frame["delta"],
        "ANALYSIS_START" => &frame["data"]["mint"],
        "missed" | "MISSED" | "stream.gap" => panic!("{frame}"),
        _ => return None,
    };
    Some(told.as_str()?.parse().unwrap())
}

#[test]
fn a_hundred_events_a_second_reach_ten_clients_of_each_dialect() {
    let deck = Deck::start();
    let server = &deck.server;
    let mut clients = Vec::new();
    for (port, path) in deck.sockets() {
        for _ in 0..CLIENTS {
            let mut client = Client::open(port, path);
            client.any();
            if path == "/ws" {
                client.say(&json!({"type": "subscribe", "sessionId": "load"}));
                subscribed(&deck, &mut client, "load");
            }
            clients.push((path, client));
        }
    }
    std::thread::scope(|scope| {
        for (path, mut client) in clients {
            scope.spawn(move || {
                let (mut next, mut seq) = (0, 0);
                while next < EVENTS {
                    let frame = client.any();
                    // The marks of later subscribers reach earlier ones.
                    if frame["delta"].as_str().is_some_and(|text| text.contains("mark")) {
                        continue;
                    }
                    if path == "/ws/events"
                        && let Some(told) = frame["seq"].as_u64()
                    {
                        assert_eq!(told, seq + 1, "it hears all there is, from the first event on");
                        seq = told;
                    }
                    if let Some(n) = number(&frame) {
                        assert_eq!(n, next, "{frame}");
                        next += 1;
                    }
                }
            });
        }
        for path in ["/api/v1/events", "/events"] {
            for _ in 0..CLIENTS / 2 {
                let mut stream = server.stream(path, "");
                scope.spawn(move || {
                    for n in 0..EVENTS {
                        let (_, name, data) = stream.next();
                        assert_eq!((name.as_str(), data), ("agent_registered", json!({"agent_id": n.to_string()})));
                    }
                });
            }
        }
        // A rate is a matter of the clock: each tick at its time.
        let began = Instant::now();
        for n in 0..EVENTS {
            std::thread::sleep((EVERY * n as u32).saturating_sub(began.elapsed()));
            server.send(&tick(n));
        }
    });
}
