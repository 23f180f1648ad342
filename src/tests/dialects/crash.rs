//! `kill -9`: clients come back to where they were, and what was acknowledged is there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::client::{Client, Deck, http};
use super::conversations::{hello, session, subscribed};
use crate::support::{Server, until};

/// Events, one for each dialect that carries no trades.
fn batch(n: i64) -> Value {
    let registered = json!({"name": "n", "agent_type": "t"});
    let message = json!({"from": "a", "to": "b", "message_type": "task", "content": n.to_string(), "size": 1});
    json!([
        {"type": "agent.registered", "entity": format!("agent:{n}"), "payload": registered},
        {"type": "message.sent", "entity": format!("message:{n}"), "payload": message},
        session("s", "text_delta", &json!({"delta": format!("piece {n}")})),
    ])
}

#[test]
fn clients_come_back_after_a_kill() {
    let mut deck = Deck::start();
    let port = deck.server.port;
    let mut agentos = Client::open(port, "/ws/events");
    agentos.find("stream.hello");
    let mut liveops = Client::open(deck.liveops, "/");
    liveops.find("welcome");
    liveops.say(&json!({"type": "subscribe", "channel": "messages"}));
    liveops.find("subscribed");
    let mut sessions = Client::open(port, "/ws");
    sessions.any();
    sessions.say(&json!({"type": "subscribe", "sessionId": "s"}));
    subscribed(&deck, &mut sessions, "s");
    let mut trader = Client::open(deck.trader, "/");
    hello(&mut trader);
    let mut mesh = deck.server.stream("/events", "");

    deck.server.send(&batch(1));
    let (id, _, _) = mesh.next();
    let last = liveops.next();
    assert_eq!(last["payload"], "1");
    assert_eq!(sessions.any()["delta"], "piece 1");
    let cursor = agentos.find("message.sent")["seq"].as_u64().unwrap();
    trader.say(&json!({"type": "SIMULATE", "action": "buy", "amount": 1}));
    let bought = trader.find("TRADE_EXECUTED")["data"]["signature"].clone();
    let epoch = deck.server.epoch();

    deck.server.kill();
    for client in [agentos, liveops, sessions, trader] {
        client.cut_off();
    }
    deck.server.run();
    // What happens before they are back, or while they come back, is not lost to whoever asks for it.
    deck.server.send(&batch(2));
    assert_eq!(deck.server.epoch(), epoch);
    let mut agentos = Client::open(port, &format!("/ws/events?after={epoch}-{cursor}"));
    assert_eq!(agentos.find("stream.hello")["payload"]["resumed"], "exact");
    assert_eq!(agentos.next()["seq"], cursor + 1);
    assert_eq!(agentos.find("message.sent")["payload"]["content"], "2");
    let mut mesh = deck.server.stream("/events", &format!("Last-Event-ID: {id}\r\n"));
    assert_eq!(mesh.next().2, json!({"agent_id": "2"}));
    let mut liveops = Client::open(deck.liveops, "/");
    liveops.find("welcome");
    liveops.say(&json!({"type": "subscribe", "channel": "messages"}));
    liveops.say(&json!({"type": "replay", "since": last["timestamp"].as_i64().unwrap() + 1}));
    let replay = liveops.find("replay");
    let told: Vec<&Value> = replay["events"].as_array().unwrap().iter().map(|event| &event["payload"]).collect();
    assert_eq!(told, ["2"]);
    let mut trader = Client::open(deck.trader, "/");
    let frames = hello(&mut trader);
    assert_eq!(frames[1]["data"]["trades"][0]["signature"], bought);
    assert_eq!(frames[2]["data"]["positions"].as_array().unwrap().len(), 1);
    let mut sessions = Client::open(port, "/ws");
    sessions.any();
    sessions.say(&json!({"type": "subscribe", "sessionId": "s"}));
    subscribed(&deck, &mut sessions, "s");
    deck.server.send(&batch(3));
    assert_eq!(sessions.any()["delta"], "piece 3");
    assert_eq!(liveops.next()["payload"], "3");
    assert_eq!(mesh.next().2, json!({"agent_id": "3"}));
}

/// Something of every service: what was answered, by the address at which it can be read.
fn work(server: &Server) -> Vec<(String, Value)> {
    let done = |method: &str, path: &str, body: Value, status: u16| {
        let (got, answer) = server.ask(method, path, &body);
        assert_eq!(got, status, "{method} {path}: {answer}");
        answer
    };
    for id in ["a", "b"] {
        let card =
            json!({"id": id, "name": id, "version": "1.0.0", "endpoint": "http://localhost:1/a", "skills": [{"name": "sum"}]});
        done("POST", "/api/v1/agents", card, 201);
    }
    done("POST", "/api/v1/agents/a/heartbeat", json!({"status": "healthy"}), 200);
    done("PUT", "/api/v1/agents/a", json!({"version": "1.1.0"}), 200);
    for id in ["t1", "t2"] {
        done("POST", "/api/tasks", json!({"id": id, "description": "Do it"}), 201);
    }
    done("POST", "/api/tasks/claim", json!({"agent": "a"}), 200);
    done("POST", "/api/messages", json!({"from": "a", "to": "b", "message_type": "query", "content": "grüße"}), 201);
    done("PUT", "/api/memory/plans/db", json!({"value": {"steps": ["dump", "restore"]}}), 201);
    ["/api/tasks/t1", "/api/tasks/t2", "/api/agents/b/inbox"].map(|path| (path.to_owned(), server.get(path).1)).into()
}

#[test]
fn a_kill_in_the_middle_of_everything_loses_nothing() {
    let mut deck = Deck::start();
    let kept = work(&deck.server);
    let (_, made) = deck.server.ask("POST", "/api/sessions", &json!({"workspaceId": "w"}));
    let tour = made["id"].as_str().unwrap().to_owned();
    let said = deck.server.ask("POST", &format!("/api/sessions/{tour}/messages"), &json!({"message": "go"}));
    assert_eq!(said.0, 202);
    // A minute of feed a second: the kill comes in the middle of it.
    assert_eq!(deck.server.ask("POST", "/api/trading/start", &json!({"speed": 60, "seed": 3})).0, 200);
    let (url, bridge) = (deck.server.url("/api/events"), deck.liveops + 1);
    let stop = AtomicBool::new(false);
    let (before, acknowledged) = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..3)
            .map(|sender| {
                let (url, stop) = (&url, &stop);
                scope.spawn(move || send(sender, url, bridge, stop))
            })
            .collect();
        until("the run is on its way and the session streams", || {
            let state = deck.server.get("/api/trading").1;
            let session = deck.server.get(&format!("/api/sessions/{tour}")).1;
            (state["run"]["line"].as_u64()? >= 20 && session["transcript"].as_array()?.len() >= 2).then_some(())
        });
        let before = deck.server.get("/api/state").1;
        // Something more is acknowledged after that.
        deck.server.probe(1);
        deck.server.kill();
        stop.store(true, Ordering::SeqCst);
        let acknowledged: Vec<(String, Option<u64>)> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        (before, acknowledged)
    });
    deck.server.run();
    let server = &deck.server;

    // The state of then is the state of then, whichever way it is folded.
    let seq = before["seq"].as_u64().unwrap();
    let again = server.get(&format!("/api/state?at={seq}")).1;
    assert_eq!((&again["hash"], &again["cursor"]), (&before["hash"], &before["cursor"]));
    for (path, answer) in kept {
        assert_eq!(server.get(&path).1, answer, "{path}");
    }
    assert_eq!(server.get("/api/memory/plans/db").1["value"], json!({"steps": ["dump", "restore"]}));
    assert_eq!(server.get("/api/trading").1["running"], true, "the run goes on");
    until("the session ends", || (server.get(&format!("/api/sessions/{tour}")).1["state"] == "failed").then_some(()));

    // Nothing that was acknowledged is lost, moved or doubled.
    let log = server.log();
    for (place, event) in (1..).zip(&log) {
        assert_eq!(event["seq"], place);
    }
    let mut there: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in log.iter().filter(|event| event["payload"]["mark"].is_string() || event["payload"]["event"]["mark"].is_string())
    {
        let mark = event["payload"]["mark"].as_str().or_else(|| event["payload"]["event"]["mark"].as_str()).unwrap();
        there.entry(mark.to_owned()).or_default().push(event["seq"].as_u64().unwrap());
    }
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    for (mark, seq) in &acknowledged {
        let found = &there[mark];
        assert!(found.len() == 1 && seq.is_none_or(|seq| seq == found[0]), "{mark}: {seq:?} {found:?}");
    }
    let now = until("it is read at rest", || {
        let now = server.get("/api/state").1;
        Some(server.get(&format!("/api/state?at={}", now["seq"])).1).filter(|folded| folded["hash"] == now["hash"])
    });
    assert!(now["seq"].as_u64() > Some(seq));
}

/// Sends events until it is told to stop or nobody answers; those that were acknowledged, with
/// their places where these are told.
fn send(sender: u32, url: &str, bridge: u16, stop: &AtomicBool) -> Vec<(String, Option<u64>)> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut acknowledged = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let mark = format!("{sender}-{n}");
        // The last sender goes over the bridge.
        let (url, body) = match sender {
            2 => {
                (format!("http://localhost:{bridge}/event"), json!({"channel": "mine", "type": "mark", "event": {"mark": mark}}))
            }
            _ => (url.to_owned(), json!({"type": "test.mark", "payload": {"mark": mark}})),
        };
        let Ok(mut response) = agent.post(&url).send(body.to_string()) else { break };
        let Ok(text) = response.body_mut().read_to_string() else { break };
        assert_eq!(response.status(), 200, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        acknowledged.push((mark, answer["last_seq"].as_u64()));
    }
    acknowledged
}

#[test]
fn the_bridge_acknowledges_what_is_kept() {
    let mut deck = Deck::start();
    drop(Client::open(deck.liveops, "/"));
    for n in 0..20 {
        let body = json!({"channel": "mine", "type": "mark", "event": {"n": n}}).to_string();
        assert_eq!(http(deck.liveops + 1, "POST", "/event", &body).0, 200);
    }
    deck.server.kill();
    deck.server.run();
    let kept: Vec<Value> = deck.server.log().into_iter().map(|event| event["payload"]["event"]["n"].clone()).collect();
    assert_eq!(kept, (0..20).map(Value::from).collect::<Vec<_>>());
}
