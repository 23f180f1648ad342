//! What is said in one dialect is heard in the others.

use serde_json::{Value, json};

use super::client::{Client, Deck, http};
use super::conversations::{hello, session, subscribed};
use crate::support::until;

fn card(id: &str) -> Value {
    json!({"id": id, "name": "Ada", "version": "1.0.0", "endpoint": "http://localhost:1/a", "skills": [{"name": "sum"}]})
}

/// The next frame with this id in it.
fn about(client: &mut Client, kind: &str, key: &str, id: &str) -> Value {
    until(kind, || Some(client.find(kind)).filter(|frame| frame.pointer(key).is_some_and(|told| told == id)))
}

#[test]
fn an_agent_of_mesh_and_events_of_liveops_are_heard_everywhere() {
    let deck = Deck::start();
    let server = &deck.server;
    let mut liveops = Client::open(deck.liveops, "/");
    let mut other = Client::open(server.port, "/ws/liveops");
    for client in [&mut liveops, &mut other] {
        client.find("welcome");
        client.say(&json!({"type": "subscribe", "channels": ["agents", "messages", "tasks"]}));
        client.find("subscribed");
    }
    let mut agentos = Client::open(server.port, "/ws/events");
    agentos.find("stream.hello");
    let mut mesh = server.stream("/api/v1/events", "");

    // An agent is registered over mesh HTTP.
    assert_eq!(server.ask("POST", "/api/v1/agents", &card("m:1")).0, 201);
    for client in [&mut liveops, &mut other] {
        let frame = client.find("agent:status");
        assert_eq!((&frame["agentId"], &frame["name"], &frame["data"]["id"]), (&json!("m:1"), &json!("Ada"), &json!("m:1")));
    }
    assert_eq!(agentos.find("agent.registered")["entity"], json!({"kind": "agent", "id": "m:1"}));
    assert_eq!(server.get("/api/state").1["state"]["agents"]["by_id"]["m:1"]["name"], "Ada");
    assert_eq!(server.get("/api/agents/m:1").1["name"], "Ada");
    let (_, name, data) = mesh.next();
    assert_eq!((name.as_str(), data), ("agent_registered", json!({"agent_id": "m:1"})));

    // A liveops client says something; and somebody without a socket, over the bridge.
    let message = |id: &str| json!({"type": "message:sent", "messageId": id, "source": "m:1", "target": "x", "messageType": "query", "payload": "hé", "size": 3});
    liveops.say(&json!({"type": "event", "channel": "messages", "event": message("w")}));
    other.find("message:sent");
    let bridged = json!({"channel": "messages", "type": "message:sent", "event": message("b")}).to_string();
    assert_eq!(http(deck.liveops + 1, "POST", "/event", &bridged), (200, r#"{"success":true}"#.to_owned()));
    assert_eq!(other.find("message:sent")["messageId"], "b");
    for id in ["w", "b"] {
        let frame = liveops.find("message:sent");
        assert_eq!((&frame["messageId"], &frame["payload"], &frame["data"]["content"]), (&json!(id), &json!("hé"), &json!("hé")));
        let event = agentos.find("message.sent");
        assert_eq!((&event["entity"]["id"], &event["source"]), (&json!(id), &json!("liveops")));
        assert_eq!((&event["payload"]["from"], &event["payload"]["content"]), (&json!("m:1"), &json!("hé")));
    }
    let kept: Vec<Value> = server.log().into_iter().filter(|event| event["type"] == "message.sent").collect();
    assert_eq!(kept.len(), 2, "each once");

    // An agent that only liveops speaks of is in the registry of mesh.
    let status = json!({"type": "agent:status", "agentId": "l:1", "name": "Lin", "agentType": "planner", "status": "busy"});
    liveops.say(&json!({"type": "event", "channel": "agents", "event": status}));
    assert_eq!(about(&mut other, "agent:status", "/agentId", "l:1")["status"], "busy");
    about(&mut agentos, "agent.status_changed", "/entity/id", "l:1");
    let (_, name, data) = mesh.next();
    assert_eq!((name.as_str(), data), ("agent_registered", json!({"agent_id": "l:1"})));

    // Tasks of the service, with their owner.
    assert_eq!(server.ask("POST", "/api/tasks", &json!({"id": "t", "description": "Build"})).0, 201);
    assert_eq!(server.ask("POST", "/api/tasks/t/assign", &json!({"agent": "m:1"})).0, 200);
    assert_eq!(other.find("task:update")["status"], "pending");
    let assigned = other.find("task:update");
    let told = [&assigned["status"], &assigned["agentId"], &assigned["description"], &assigned["data"]["assignedAgent"]];
    assert_eq!(told, ["assigned", "m:1", "Build", "m:1"]);

    // Health and trust.
    assert_eq!(server.ask("POST", "/api/v1/agents/m:1/heartbeat", &json!({"status": "healthy"})).0, 200);
    let (_, name, data) = mesh.next();
    let health = json!({"agent_id": "m:1", "status": "healthy", "old_status": "unknown"});
    assert_eq!((name.as_str(), data), ("agent_health_changed", health));
    assert_eq!(agentos.find("agent.health_changed")["payload"]["status"], "healthy");
    assert_eq!(server.ask("PUT", "/api/v1/agents/m:1", &json!({"version": "2.0.0"})).0, 200);
    let trust = until("trust changes", || Some(mesh.next()).filter(|(_, name, _)| name == "trust_score_changed")).2;
    let event = agentos.find("agent.trust_changed");
    assert_eq!((&trust["trust_score"], &trust["old_score"]), (&event["payload"]["score"], &event["payload"]["previous"]));
}

/// What a session's client heard in one turn; permissions are answered as they come.
fn turn(client: &mut Client) -> Vec<Value> {
    let mut told = Vec::new();
    while told.last().is_none_or(|frame: &Value| frame["type"] != "complete") {
        let frame = client.any();
        if frame["type"] == "permission_request" {
            let request = &frame["request"]["requestId"];
            client.say(&json!({"type": "permission_response", "requestId": request, "allowed": true, "alwaysAllow": false}));
        }
        told.push(frame);
    }
    told
}

fn start(deck: &Deck, driver: &str) -> String {
    let (status, made) = deck.server.ask("POST", "/api/sessions", &json!({"workspaceId": "w", "driver": driver}));
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

fn text(told: &[Value]) -> String {
    told.iter().filter_map(|frame| frame["delta"].as_str()).filter(|text| !text.contains("mark")).collect()
}

fn types(told: &[Value]) -> Vec<&str> {
    let mut types: Vec<&str> = told.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    types.dedup();
    types
}

#[test]
fn a_session_streams_in_batches_and_a_permission_is_answered_over_the_socket() {
    let mut deck = Deck::start();
    let word = |n: usize| format!("é{n}🐝");
    let piece = |n: usize| json!({"type": "text_delta", "delta": word(n), "turnId": "t"}).to_string();
    let pieces = |range: std::ops::Range<usize>| range.map(piece).collect::<Vec<_>>().join("\n");
    let tool = r#"{"type":"tool_start","toolUseId":"u","toolName":"Read","toolInput":{}}"#;
    let lines = format!("{}\n{tool}\n{}\n{{\"type\":\"complete\"}}\n", pieces(0..300), pieces(300..600));
    let driver = "[[sessions.drivers]]\nname = \"fast\"\nkind = \"scripted\"\nfile = \"fast.ndjson\"\n";
    deck.server.kill();
    std::fs::write(deck.server.path().join("fast.ndjson"), lines).unwrap();
    std::fs::write(deck.server.path().join("swarmdeck.toml"), driver).unwrap();
    deck.server.run();

    let mut agentos = Client::open(deck.server.port, "/ws/events");
    let mut client = Client::open(deck.server.port, "/ws");
    client.any();
    let post = |id: &str| {
        let sent = deck.server.ask("POST", &format!("/api/sessions/{id}/messages"), &json!({"message": "go"}));
        assert_eq!(sent, (202, json!({"accepted": true})));
    };
    let fast = start(&deck, "fast");
    client.say(&json!({"type": "subscribe", "sessionId": fast}));
    subscribed(&deck, &mut client, &fast);
    post(&fast);
    let told = turn(&mut client);
    assert_eq!(types(&told), ["text_delta", "tool_start", "text_delta", "complete"]);
    assert_eq!(text(&told), (0..600).map(word).collect::<String>());
    let place = told.iter().position(|frame| frame["type"] == "tool_start").unwrap();
    assert_eq!(text(&told[..place]), (0..300).map(word).collect::<String>(), "what was said before is told before");
    assert!(told.len() < 100, "600 pieces came in {} frames", told.len());

    let tour = start(&deck, "tour");
    client.say(&json!({"type": "unsubscribe", "sessionId": fast}));
    client.say(&json!({"type": "subscribe", "sessionId": tour}));
    subscribed(&deck, &mut client, &tour);
    post(&tour);
    let told = turn(&mut client);
    let wholes: String =
        told.iter().filter(|frame| frame["type"] == "text_complete").map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(text(&told), wholes);
    assert!(wholes.ends_with("You allowed it, so I went on. That is the whole tour. 🐝"), "{wholes}");
    assert_eq!(
        types(&told)[..9],
        [
            "text_delta",
            "text_complete",
            "tool_start",
            "tool_result",
            "text_delta",
            "text_complete",
            "permission_request",
            "tool_start",
            "tool_result"
        ]
    );
    assert!(told.iter().all(|frame| frame["sessionId"] == *tour));
    // The same in protocol v1.
    let decided = until("the decision", || Some(agentos.find("session.permission_decided")));
    assert_eq!((&decided["payload"]["allowed"], &decided["payload"]["by"]), (&json!(true), &json!("websocket")));
}

#[test]
fn a_trading_run_is_heard_in_order_and_whole() {
    let deck = Deck::start();
    let mut clients = [Client::open(deck.trader, "/"), Client::open(deck.server.port, "/ws/trader")];
    clients.iter_mut().for_each(|client| drop(hello(client)));
    let mut agentos = Client::open(deck.server.port, "/ws/events?types=trade.*");
    // Ten minutes of feed in about a second.
    assert_eq!(deck.server.ask("POST", "/api/trading/start", &json!({"speed": 600, "seed": 7})).0, 200);
    until("the run ends", || (agentos.next()["type"] == "trade.run_ended").then_some(()));
    let mut expected = Vec::new();
    for event in deck.server.log() {
        let mint = &event["payload"]["mint"];
        expected.extend(match event["type"].as_str().unwrap() {
            "trade.analysis_started" => vec![("ANALYSIS_START", mint.clone())],
            "trade.safety_checked" => vec![("SAFETY_CHECK", mint.clone())],
            "trade.smart_money_checked" => vec![("SMART_MONEY_CHECK", mint.clone())],
            "trade.decided" => vec![("TRADE_DECISION", mint.clone())],
            "trade.executed" => vec![("TRADE_EXECUTED", mint.clone()), ("STATS_UPDATE", Value::Null)],
            "trade.buyback_triggered" => vec![("BUYBACK_TRIGGERED", Value::Null), ("STATS_UPDATE", Value::Null)],
            "trade.run_started" => vec![("STATS_UPDATE", Value::Null)],
            _ => Vec::new(),
        });
    }
    assert!(
        expected.iter().any(|(name, _)| *name == "TRADE_EXECUTED")
            && expected.iter().any(|(name, _)| *name == "BUYBACK_TRIGGERED")
    );
    for (index, (_, mint)) in expected.iter().enumerate().filter(|(_, (name, _))| *name == "ANALYSIS_START") {
        let then = ["SAFETY_CHECK", "SMART_MONEY_CHECK", "TRADE_DECISION"].map(|name| (name, mint.clone()));
        assert_eq!(expected[index + 1..index + 4], then);
    }
    for client in &mut clients {
        for (name, mint) in &expected {
            // Positions come by the clock too.
            let frame = until("a frame", || Some(client.any()).filter(|frame| frame["type"] != "POSITIONS_UPDATE"));
            assert_eq!((frame["type"].as_str().unwrap(), &frame["data"]["mint"]), (*name, mint));
        }
    }
}

#[test]
fn a_change_of_the_settings_reaches_every_client_once() {
    let deck = Deck::start();
    let server = &deck.server;
    let mut clients: Vec<Client> = (0..10).map(|_| Client::open(server.port, "/ws")).collect();
    for client in &mut clients {
        client.any();
        client.say(&json!({"type": "subscribe", "sessionId": "s"}));
    }
    subscribed(&deck, clients.last_mut().unwrap(), "s");
    std::fs::write(server.path().join("swarmdeck.toml"), "[selfcheck]\nevery_seconds = 600\n").unwrap();
    until("it is published", || server.log().into_iter().find(|event| event["type"] == "config.changed"));
    server.send(&session("s", "text_delta", &json!({"delta": "afterwards"})));
    for client in &mut clients {
        let changed = json!({"type": "config_changed", "changeType": "selfcheck"});
        assert_eq!(until("the change", || Some(client.any()).filter(|frame| frame["type"] != "text_delta")), changed);
        assert_eq!(client.any()["delta"], "afterwards", "it is told once");
    }
}
