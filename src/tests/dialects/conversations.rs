//! The whole conversation of one client, dialect by dialect.

use std::io::{BufRead as _, BufReader, Read as _};

use serde_json::{Value, json};

use super::client::{Client, Deck, check_bridge, http, timeless};
use crate::support::until;

#[test]
fn liveops() {
    let deck = Deck::start();
    for (n, (port, path)) in
        [(deck.server.port, "/ws/liveops"), (deck.liveops, "/"), (deck.liveops, "/any/where?x=1")].into_iter().enumerate()
    {
        talk_liveops(&deck, &format!("a{n}"), Client::open(port, path));
    }
}

fn talk_liveops(deck: &Deck, id: &str, mut client: Client) {
    let server = &deck.server;
    let welcome = timeless(client.any());
    assert!(welcome["type"] == "welcome" && welcome["clientId"].as_str().is_some_and(|id| !id.is_empty()), "{welcome}");

    // Before the first subscription it hears everything, in the shape of both generations.
    let agent =
        json!({"type": "agent.registered", "entity": format!("agent:{id}"), "payload": {"name": "Ada", "agent_type": "coder"}});
    let seq = server.send(&agent);
    let frame = client.find("agent:status");
    let told = [&frame["channel"], &frame["event"], &frame["agentId"], &frame["name"], &frame["agentType"], &frame["status"]];
    assert_eq!(told, ["agents", "agent:status", id, "Ada", "coder", "spawning"]);
    assert_eq!((&frame["id"], &frame["seq"]), (&json!(format!("evt-{seq}")), &json!(seq)));
    assert_eq!(
        (&frame["data"]["id"], &frame["data"]["type"], &frame["data"]["agentId"]),
        (&json!(id), &json!("coder"), &json!(id))
    );
    let metrics = client.find("metrics:update");
    for key in ["activeAgents", "pendingTasks", "messagesPerSecond", "memoryOpsPerSecond"] {
        assert!(metrics[key].is_number() && metrics["data"][key] == metrics[key], "{metrics}");
    }

    for (ask, answer) in [
        (
            json!({"type": "subscribe", "channel": "tasks"}),
            json!({"type": "subscribed", "channel": "tasks", "channels": ["tasks"]}),
        ),
        (
            json!({"type": "subscribe", "channels": ["nonsense", "memory", "messages", "tasks"]}),
            json!({"type": "subscribed", "channel": "memory", "channels": ["tasks", "memory", "messages"]}),
        ),
        (
            json!({"type": "subscribe", "channel": "nonsense"}),
            json!({"type": "subscribed", "channels": ["tasks", "memory", "messages"]}),
        ),
        (
            json!({"type": "unsubscribe", "channel": "memory"}),
            json!({"type": "unsubscribed", "channel": "memory", "channels": ["tasks", "messages"]}),
        ),
    ] {
        client.say(&ask);
        assert_eq!(timeless(client.find(answer["type"].as_str().unwrap())), answer);
    }

    // From here on only what it subscribed to.
    let of = |kind: &str, entity: String, payload: Value| json!({"type": kind, "entity": entity, "ts": 1_769_509_293_123_u64, "payload": payload});
    server.send(&json!([
        of("agent.status_changed", format!("agent:{id}"), json!({"status": "busy"})),
        of("task.created", format!("task:{id}"), json!({"description": "Build", "priority": 2})),
        of("memory.stored", "memory:n".to_owned(), json!({"namespace": "n", "key": "k", "latency_ms": 1})),
        of(
            "message.sent",
            format!("message:{id}"),
            json!({"from": id, "to": "*", "message_type": "query", "content": "hé", "size": 3})
        ),
    ]));
    let (task, message) = (client.next(), client.next());
    let told =
        [&task["type"], &task["taskId"], &task["status"], &task["description"], &task["data"]["id"], &task["data"]["type"]];
    assert_eq!(told, ["task:update", id, "pending", "Build", id, "task"]);
    assert_eq!((&task["timestamp"], &task["data"]["createdAt"]), (&json!(1_769_509_293_123_u64), &json!(1_769_509_293_123_u64)));
    let told = [&message["type"], &message["source"], &message["target"], &message["messageType"], &message["payload"]];
    assert_eq!(told, ["message:sent", id, "*", "query", "hé"]);
    assert_eq!(
        (&message["size"], &message["data"]["content"], &message["data"]["type"]),
        (&json!(3), &json!("hé"), &json!("query"))
    );

    client.say(&json!({"type": "pong"}));
    client.say(&json!({"type": "ping"}));
    assert_eq!(timeless(client.next()), json!({"type": "pong"}), "a pong is not answered");

    // What it publishes comes back like anybody's: with what the deck knows, and what it said.
    let event = json!({"type": "task:update", "taskId": id, "status": "running", "progress": 40, "own": "field"});
    client.say(&json!({"type": "event", "channel": "tasks", "event": event}));
    let told = client.next();
    assert_eq!((&told["status"], &told["progress"], &told["own"]), (&json!("running"), &json!(40), &json!("field")));
    assert_eq!((&told["description"], &told["data"]["metadata"]["progress"]), (&json!("Build"), &json!(40)));

    for (ask, error) in [
        ("{\"type\":\"dance\"}", "Unknown message type: dance"),
        ("no json", "Invalid message format: "),
        ("{\"type\":\"event\",\"channel\":\"tasks\"}", "Invalid event message: missing event or channel"),
    ] {
        client.text(ask);
        let answer = timeless(client.next());
        assert!(answer["type"] == "error" && answer["error"].as_str().unwrap().starts_with(error), "{answer}");
    }

    // A replay is within the subscriptions, and from a time on.
    client.say(&json!({"type": "replay"}));
    let all = client.next();
    let events = all["events"].as_array().unwrap();
    assert!(all["type"] == "replay" && events.iter().all(|event| event["channel"] == "tasks" || event["channel"] == "messages"));
    assert_eq!(events.last().unwrap(), &told, "a frame of the past is the frame of then");
    client.say(&json!({"type": "replay", "since": told["timestamp"]}));
    let answer = client.next();
    assert_eq!(answer["events"].as_array().unwrap(), std::slice::from_ref(&told));

    client.say(&json!({"type": "unsubscribe", "channels": ["tasks", "messages"]}));
    assert_eq!(timeless(client.next())["channels"], json!([]));
    server.send(&agent);
    client.say(&json!({"type": "ping"}));
    assert_eq!(client.next()["type"], "pong", "it hears nothing any more");
    client.leave();
}

#[test]
fn liveops_over_its_bridge() {
    let deck = Deck::start();
    let mut client = Client::open(deck.liveops, "/");
    check_bridge(deck.liveops + 1);
    client.find("welcome");
    let event = json!({"channel": "tasks", "type": "task:update", "event": {"taskId": "t", "status": "running", "description": "Build", "progress": 40}});
    let (status, answer) = http(deck.liveops + 1, "POST", "/event", &event.to_string());
    assert_eq!((status, answer.as_str()), (200, r#"{"success":true}"#));
    let told = client.next();
    assert_eq!((&told["type"], &told["taskId"], &told["progress"]), (&json!("task:update"), &json!("t"), &json!(40)));
    let own = json!({"channel": "mine", "type": "my:event", "timestamp": 1_769_509_293_123_u64, "n": 1});
    assert_eq!(http(deck.liveops + 1, "POST", "/event", &own.to_string()).0, 200);
    let told = client.next();
    assert_eq!((&told["type"], &told["channel"], &told["n"]), (&json!("my:event"), &json!("mine"), &json!(1)));
    assert_eq!(told["timestamp"], 1_769_509_293_123_u64);
    let large = json!({"channel": "mine", "type": "large", "event": {"text": "x".repeat(70_000)}});
    let (status, answer) = http(deck.liveops + 1, "POST", "/event", &large.to_string());
    assert!(status == 413 && answer.starts_with(r#"{"error":"Event too large: "#), "{status} {answer}");
}

#[test]
fn agentos() {
    let deck = Deck::start();
    let server = &deck.server;
    let status = || server.get("/ws/events/status").1;
    assert_eq!(status(), json!({"active_connections": 0, "event_bus_subscribers": 0}));
    let mut client = Client::open(server.port, "/ws/events");
    assert_eq!(client.next()["type"], "stream.hello");
    assert_eq!(status(), json!({"active_connections": 1, "event_bus_subscribers": 1}));
    for ping in ["ping", r#"{"type":"ping"}"#] {
        client.text(ping);
        let pong = client.next();
        assert!(pong["type"] == "pong" && pong["ts"].as_str().unwrap().ends_with('Z'), "{pong}");
    }
    for (ts, kept) in [
        ("2026-01-27T10:21:33.123456+00:00", "2026-01-27T10:21:33.123Z"),
        ("2026-01-27T10:21:33.123456Z", "2026-01-27T10:21:33.123Z"),
        ("2026-01-27T10:21:33.5+00:00", "2026-01-27T10:21:33.500Z"),
        ("2026-01-27T10:21:33Z", "2026-01-27T10:21:33.000Z"),
    ] {
        server.send(
            &json!({"type": "task.started", "ts": ts, "source": "router", "entity": {"kind": "task", "id": "t"}, "payload": {}}),
        );
        assert_eq!(client.next()["ts"], kept);
    }
    let payload = json!({"from": "a", "to": ["b", {"c": 1}]});
    for kind in ["task.routed", "task.route_verified", "task.rerouted", "task.route_overridden"] {
        let seq = server.send(&json!({"type": kind, "source": "router", "entity": "task:t", "payload": payload}));
        let event = client.next();
        assert_eq!((&event["type"], &event["payload"], &event["seq"]), (&json!(kind), &payload, &json!(seq)));
    }
    let violation = json!({"mode": "plan", "rule": "no-write", "message": "wrote a file", "agent": "a", "task": "t"});
    server.send(&json!({"type": "mode.violation", "source": "router", "payload": violation}));
    assert_eq!(client.next()["payload"], violation);
    let second = Client::open(server.port, "/ws/events");
    until("both are counted", || (status()["active_connections"] == 2).then_some(()));
    client.leave();
    drop(second);
    until("nobody is left", || (status() == json!({"active_connections": 0, "event_bus_subscribers": 0})).then_some(()));
}

#[test]
fn mesh() {
    let deck = Deck::start();
    let server = &deck.server;
    let mut streams = [
        server.stream("/api/v1/events", ""),
        server.stream("/events", "Accept: */*\r\n"),
        server.stream("/api/events", "Accept: text/event-stream\r\n"),
    ];
    let card = json!({"id": "org:a-1", "name": "A", "version": "1.0.0", "endpoint": "http://localhost:1/a", "skills": [{"name": "sum"}]});
    assert_eq!(server.ask("POST", "/api/v1/agents", &card).0, 201);
    assert_eq!(server.ask("POST", "/api/v1/agents/org:a-1/heartbeat", &json!({"status": "unhealthy"})).0, 200);
    assert_eq!(server.ask("PUT", "/api/v1/agents/org:a-1", &json!({"version": "1.1.0"})).0, 200);
    let told: Vec<Vec<(String, String, Value)>> =
        streams.iter_mut().map(|stream| (0..4).map(|_| stream.next()).collect()).collect();
    assert_eq!((&told[0], &told[0]), (&told[1], &told[2]), "three addresses of one stream");
    let names: Vec<&str> = told[0].iter().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names[..2], ["agent_registered", "agent_health_changed"]);
    let data = |wanted: &str| &told[0].iter().find(|(_, name, _)| name == wanted).unwrap_or_else(|| panic!("{names:?}")).2;
    assert_eq!(data("agent_registered"), &json!({"agent_id": "org:a-1"}));
    assert_eq!(data("agent_updated"), &json!({"agent_id": "org:a-1"}));
    let health = json!({"agent_id": "org:a-1", "status": "unhealthy", "old_status": "unknown"});
    assert_eq!(data("agent_health_changed"), &health);
    let trust = data("trust_score_changed");
    assert_eq!((&trust["agent_id"], trust.as_object().unwrap().len()), (&json!("org:a-1"), 3));
    assert!(trust["trust_score"].as_f64() > trust["old_score"].as_f64(), "{trust}");
    // Whoever comes back with an id gets exactly the rest.
    let mut again = server.stream("/events", &format!("Last-Event-ID: {}\r\n", told[0][0].0));
    let rest: Vec<_> = (0..3).map(|_| again.next()).collect();
    assert_eq!(rest, told[0][1..]);
    assert!(again.head.contains("content-type: text/event-stream"), "{}", again.head);
    // Without the header the address is a page of the log.
    assert!(server.get("/api/events").1["events"].is_array());
}

#[test]
fn mesh_is_kept_alive_and_ends_with_the_server() {
    let mut server = crate::support::Server::with(&["--heartbeat", "1"]);
    let stream = server.raw("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream);
    until("a sign of life", || {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the stream ended");
        line.starts_with(": keep-alive").then_some(())
    });
    assert!(server.stop());
    lines.read_to_end(&mut Vec::new()).unwrap();
}

/// An event of a session that another program reports.
pub(super) fn session(id: &str, action: &str, payload: &Value) -> Value {
    json!({"type": format!("session.{action}"), "entity": {"kind": "session", "id": id}, "source": "other", "payload": payload})
}

#[test]
fn sessions() {
    let deck = Deck::start();
    let server = &deck.server;
    let mut one = Client::open(server.port, "/ws");
    let mut other = Client::open(server.port, "/ws");
    for (client, id) in [(&mut one, "s1"), (&mut other, "s2")] {
        assert_eq!(timeless(client.any()), json!({"type": "connected"}));
        client.say(&json!({"type": "subscribe", "sessionId": id}));
    }
    let changed = json!({"type": "config.changed", "entity": "config:x", "payload": {"change_type": "sessions"}});
    let heard = |client: &mut Client, frames: &[Value]| {
        for frame in frames {
            assert_eq!(client.any(), *frame);
        }
    };
    subscribed(&deck, &mut one, "s1");
    subscribed(&deck, &mut other, "s2");
    let delta = |id: &str, text: &str| session(id, "text_delta", &json!({"delta": text, "turn_id": "t"}));
    server.send(&json!([
        session("s1", "started", &json!({"permission_mode": "ask"})),
        delta("s1", "Héllo "),
        delta("s2", "the other's"),
        delta("s1", "🐝"),
        session("s1", "text_completed", &json!({"text": "Héllo 🐝", "intermediate": true, "turn_id": "t"})),
        session("s1", "tool_started", &json!({"tool_use_id": "u", "tool_name": "Bash", "input": {"command": "ls"}, "intent": "look", "display_name": "Shell", "turn_id": "t"})),
        session("s1", "tool_finished", &json!({"tool_use_id": "u", "tool_name": "Bash", "result": "a", "is_error": false, "turn_id": "t"})),
        session("s1", "permission_requested", &json!({"request_id": "r", "tool_name": "Bash", "command": "rm a", "description": "tidy", "expires_at": "2099-01-01T00:00:00Z"})),
        session("s1", "permission_expired", &json!({"request_id": "r"})),
        session("s1", "failed", &json!({"error": "it broke"})),
        session("s1", "completed", &json!({})),
        changed,
        session("s1", "started", &json!({"permission_mode": "ask"})),
        session("s1", "completed", &json!({})),
    ]));
    heard(
        &mut one,
        &[
            json!({"type": "text_delta", "sessionId": "s1", "delta": "Héllo ", "turnId": "t"}),
            json!({"type": "text_delta", "sessionId": "s1", "delta": "🐝", "turnId": "t"}),
            json!({"type": "text_complete", "sessionId": "s1", "text": "Héllo 🐝", "isIntermediate": true, "turnId": "t"}),
            json!({"type": "tool_start", "sessionId": "s1", "toolName": "Bash", "toolUseId": "u", "toolInput": {"command": "ls"},
                   "toolIntent": "look", "toolDisplayName": "Shell", "turnId": "t"}),
            json!({"type": "tool_result", "sessionId": "s1", "toolUseId": "u", "toolName": "Bash", "result": "a", "turnId": "t", "isError": false}),
            json!({"type": "permission_request", "sessionId": "s1",
                   "request": {"requestId": "r", "toolName": "Bash", "command": "rm a", "description": "tidy"}}),
            json!({"type": "permission_timeout", "sessionId": "s1", "requestId": "r"}),
            json!({"type": "error", "sessionId": "s1", "error": "it broke"}),
            json!({"type": "complete", "sessionId": "s1"}),
            json!({"type": "config_changed", "changeType": "sessions"}),
            json!({"type": "complete", "sessionId": "s1"}),
        ],
    );
    heard(
        &mut other,
        &[
            json!({"type": "text_delta", "sessionId": "s2", "delta": "the other's", "turnId": "t"}),
            json!({"type": "config_changed", "changeType": "sessions"}),
        ],
    );

    // Somebody answers over the socket: the first answer counts, and is told in the log.
    let ask = json!({"request_id": "q", "tool_name": "Bash", "command": "ls", "expires_at": "2099-01-01T00:00:00Z"});
    server.send(&session("s2", "permission_requested", &ask));
    let request = other.any()["request"]["requestId"].clone();
    other.say(&json!({"type": "permission_response", "requestId": request, "allowed": true, "alwaysAllow": true}));
    let decided = until("it is decided", || server.log().into_iter().find(|event| event["type"] == "session.permission_decided"));
    let told = &decided["payload"];
    assert_eq!((&told["request_id"], &told["allowed"], &told["always_allow"]), (&json!("q"), &json!(true), &json!(true)));
    one.say(&json!({"type": "permission_response", "requestId": request, "allowed": false}));

    // Unsubscribed it hears only what all hear.
    one.say(&json!({"type": "unsubscribe", "sessionId": "s1"}));
    one.say(&json!({"type": "subscribe", "sessionId": "s2"}));
    subscribed(&deck, &mut one, "s2");
    server.send(&json!([delta("s1", "unheard"), delta("s2", "heard")]));
    heard(&mut one, &[json!({"type": "text_delta", "sessionId": "s2", "delta": "heard", "turnId": "t"})]);
    let decisions = server.log().iter().filter(|event| event["type"] == "session.permission_decided").count();
    assert_eq!(decisions, 1, "a second answer changes nothing");
}

/// Waits until what the client said so far has been taken: a text of its session comes through. The
/// dialect has no answer to a subscription.
pub(super) fn subscribed(deck: &Deck, client: &mut Client, id: &str) {
    let stream = client.0.get_ref().try_clone().unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_millis(20))).unwrap();
    until("the subscription holds", || {
        deck.server.send(&session(id, "text_delta", &json!({"delta": "mark"})));
        match client.0.read() {
            Ok(_) => Some(()),
            Err(tungstenite::Error::Io(_)) => None,
            Err(error) => panic!("{error}"),
        }
    });
    // Marks that were on their way.
    deck.server.send(&session(id, "text_delta", &json!({"delta": "end of marks"})));
    stream.set_read_timeout(Some(crate::support::PATIENCE)).unwrap();
    until("the last mark comes", || (client.any()["delta"] == "end of marks").then_some(()));
}

#[test]
fn trader() {
    let deck = Deck::start();
    for (port, path) in [(deck.server.port, "/ws/trader"), (deck.trader, "/"), (deck.trader, "/any/where")] {
        talk_trader(port, path);
    }
}

/// The names of the first frames, in order.
pub(super) const HELLO: [&str; 4] = ["CONNECTED", "INITIAL_TRADES", "POSITIONS_UPDATE", "STATS_UPDATE"];

/// The frames of a trader client's hello.
pub(super) fn hello(client: &mut Client) -> Vec<Value> {
    let frames: Vec<Value> = HELLO.iter().map(|_| client.any()).collect();
    let names: Vec<&str> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(names, HELLO);
    frames
}

fn talk_trader(port: u16, path: &str) {
    let mut client = Client::open(port, path);
    let frames = hello(&mut client);
    assert!(frames[0]["data"]["message"].is_string() && frames.iter().all(|frame| frame["timestamp"].is_i64()));
    let before = frames[1]["data"]["trades"].as_array().unwrap().len();
    for key in ["todayTrades", "openPositions", "realizedPnL", "unrealizedPnL", "dailyPnL", "winRate", "balance"] {
        assert!(frames[3]["data"][key].is_number(), "{key}: {}", frames[3]);
    }
    // The answer, and the events in their order; the one may be between the others.
    let mut simulate = |wish: Value, count: usize| {
        client.say(&wish);
        let mut told: Vec<Value> = (0..=count).map(|_| client.any()).collect();
        let ack = told.iter().position(|frame| frame["type"] == "SIMULATE_ACK").unwrap_or_else(|| panic!("{told:?}"));
        let ack = told.remove(ack);
        assert_eq!((&ack["data"]["action"], &ack["data"]["success"]), (&wish["action"], &json!(true)), "{ack}");
        told
    };
    let names = |frames: &[Value]| frames.iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let scanned = simulate(json!({"type": "SIMULATE", "action": "scan"}), 4);
    assert_eq!(names(&scanned), ["ANALYSIS_START", "SAFETY_CHECK", "SMART_MONEY_CHECK", "TRADE_DECISION"]);
    assert!(scanned.iter().all(|frame| frame["data"]["mint"] == scanned[0]["data"]["mint"]));
    assert!(scanned[1]["data"]["result"]["is_safe"].is_boolean() && scanned[2]["data"]["count"].is_u64());
    assert!(scanned[3]["data"]["decision"]["should_trade"].is_boolean(), "{}", scanned[3]);
    let bought = simulate(json!({"type": "SIMULATE", "action": "buy", "amount": 1}), 3);
    assert_eq!(names(&bought), ["TRADE_DECISION", "TRADE_EXECUTED", "STATS_UPDATE"]);
    let data = &bought[1]["data"];
    assert_eq!((&data["type"], data["amount"].as_f64()), (&json!("BUY"), Some(1.0)));
    assert!(data["signature"].as_str().unwrap().starts_with("sim-"), "{data}");
    assert_eq!(bought[2]["data"]["openPositions"], 1);
    let sold = simulate(json!({"type": "SIMULATE", "data": {"mint": data["mint"]}, "action": "sell"}), 3);
    assert_eq!(names(&sold), ["TRADE_DECISION", "TRADE_EXECUTED", "STATS_UPDATE"]);
    assert_eq!((&sold[1]["data"]["type"], &sold[1]["data"]["mint"]), (&json!("SELL"), &data["mint"]));
    let back = simulate(json!({"type": "SIMULATE", "action": "buyback", "amount": 0.5}), 2);
    assert_eq!((names(&back)[0].as_str(), &back[0]["data"]["amount"]), ("BUYBACK_TRIGGERED", &json!(0.5)));
    client.say(&json!({"type": "SIMULATE", "action": "sell", "mint": data["mint"]}));
    let refused = client.any();
    assert_eq!((&refused["type"], &refused["data"]["success"]), (&json!("SIMULATE_ACK"), &json!(false)), "{refused}");

    let mut late = Client::open(port, path);
    let frames = hello(&mut late);
    let trades = frames[1]["data"]["trades"].as_array().unwrap();
    assert_eq!((trades.len(), &trades[0]["type"], &trades[1]["type"]), (before + 2, &json!("SELL"), &json!("BUY")));
    assert_eq!(trades[0]["signature"], sold[1]["data"]["signature"]);
}

#[test]
fn all_are_told_that_the_server_stops() {
    let mut deck = Deck::start();
    let clients: Vec<Client> = deck.sockets().into_iter().map(|(port, path)| Client::open(port, path)).collect();
    std::thread::scope(|scope| {
        for (mut client, (_, path)) in clients.into_iter().zip(deck.sockets()) {
            let first = client.any();
            scope.spawn(move || {
                if first["type"] == "welcome" {
                    assert_eq!(timeless(client.next()), json!({"type": "error", "error": "Server shutting down"}));
                    assert_eq!(client.closed(), (1001, "Server shutting down".to_owned()));
                } else {
                    assert_eq!(client.closed().0, 1001, "{path}");
                }
            });
        }
        assert!(deck.server.stop());
    });
}
