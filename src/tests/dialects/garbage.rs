//! What nobody should send: it is answered or passed over as the dialect says, and closes nothing.

use serde_json::json;
use tungstenite::Message;

use super::client::{Client, Deck};
use super::conversations::{hello, session, subscribed};

/// Texts that are no message of any dialect.
fn nonsense() -> Vec<String> {
    let deep = "[".repeat(20_000);
    let texts = [
        "",
        " ",
        "{",
        "}",
        "[]",
        "null",
        "0",
        "1e999",
        "\"ping pong\"",
        "[{\"type\":\"x\"}]",
        "{\"a\":1,}",
        "\u{0}",
        "🐝",
        "<x/>",
    ];
    texts.iter().map(|text| (*text).to_owned()).chain([deep, "x".repeat(60_000)]).collect()
}

#[test]
fn liveops() {
    let deck = Deck::start();
    let mut client = Client::open(deck.liveops, "/");
    client.find("welcome");
    client.say(&json!({"type": "subscribe", "channel": "topology"}));
    client.find("subscribed");
    let long = |count: usize| "x".repeat(count);
    let mut table: Vec<(String, &str)> = nonsense().into_iter().map(|text| (text, "Invalid message format: ")).collect();
    for (text, error) in [
        ("{}".to_owned(), "Invalid message format: missing type"),
        (r#"{"type":null}"#.to_owned(), "Invalid message format: missing type"),
        (r#"{"type":5}"#.to_owned(), "Unknown message type: 5"),
        (r#"{"type":["ping"]}"#.to_owned(), "Unknown message type: [\"ping\"]"),
        (r#"{"type":"Ping"}"#.to_owned(), "Unknown message type: Ping"),
        (r#"{"type":"event"}"#.to_owned(), "Invalid event message: missing event or channel"),
        (r#"{"type":"event","channel":"agents","event":null}"#.to_owned(), "Invalid event message: missing event or channel"),
        (r#"{"type":"event","channel":7,"event":{}}"#.to_owned(), "Invalid event message: missing event or channel"),
        (r#"{"type":"event","channel":"","event":{}}"#.to_owned(), "Invalid event message: missing event or channel"),
        (
            format!(r#"{{"type":"event","channel":"agents","event":{{"agentId":"{}"}}}}"#, long(300)),
            "Invalid event message: agentId: 300 bytes, over the limit of 256",
        ),
        (format!(r#"{{"type":"event","channel":"x","event":{{"t":"{}"}}}}"#, long(65_450)), "Invalid event message: "),
        (r#"{"type":"replay","since":{}}"#.to_owned(), "Invalid message format: since "),
        (r#"{"type":"replay","since":"yesterday"}"#.to_owned(), "Invalid message format: since "),
    ] {
        table.push((text, error));
    }
    for (text, error) in &table {
        client.text(text);
        let answer = client.next();
        assert_eq!(answer["type"], "error", "{text:.100}: {answer}");
        assert!(answer["error"].as_str().unwrap().starts_with(error), "{text:.100}: {answer}");
    }
    for text in [r#"{"type":"subscribe"}"#, r#"{"type":"subscribe","channel":5}"#, r#"{"type":"subscribe","channels":"agents"}"#]
    {
        client.text(text);
        let answer = client.next();
        assert_eq!((&answer["type"], &answer["channels"]), (&json!("subscribed"), &json!(["topology"])), "{text}");
    }
    client.text(&json!({"type": "event", "channel": "agents", "event": {"text": "x".repeat(200_000)}}).to_string());
    assert_eq!(client.next()["error"], "Invalid message format: over the limit of 65536 bytes");
    client.0.send(Message::binary(vec![0, 159, 146, 150])).unwrap();
    client.say(&json!({"type": "ping"}));
    assert_eq!(client.next()["type"], "pong");
    assert_eq!(deck.server.log(), Vec::<serde_json::Value>::new(), "none of it was stored");
}

#[test]
fn agentos() {
    let deck = Deck::start();
    let mut client = Client::open(deck.server.port, "/ws/events");
    client.next();
    let others = ["{}", r#"{"type":5}"#, r#"{"type":"pong"}"#, r#"{"type":"event","event":{}}"#, "pingping", "PING"];
    for text in nonsense().iter().map(String::as_str).chain(others) {
        client.text(text);
    }
    client.0.send(Message::binary(vec![0, 159, 146, 150])).unwrap();
    client.text("ping");
    assert_eq!(client.next()["type"], "pong", "the rest is passed over");
    for text in
        [r#"{"type":"subscribe","types":5}"#, r#"{"type":"subscribe","nonsense":"x"}"#, r#"{"type":"subscribe","types":["*.x"]}"#]
    {
        client.text(text);
        assert_eq!(client.next()["type"], "error", "{text}");
    }
    let seq = deck.server.probe(1);
    assert_eq!(client.next()["seq"], seq, "and its filter is as it was");
    // Here the dialect says so.
    client.text(&"x".repeat(65_537));
    assert_eq!(client.closed().0, 1009);
}

#[test]
fn sessions() {
    let deck = Deck::start();
    let mut client = Client::open(deck.server.port, "/ws");
    client.any();
    client.say(&json!({"type": "subscribe", "sessionId": "s"}));
    subscribed(&deck, &mut client, "s");
    let long = json!({"type": "subscribe", "sessionId": "x".repeat(300)}).to_string();
    let others = [
        "{}",
        r#"{"type":5}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","sessionId":""}"#,
        r#"{"type":"subscribe","sessionId":["s"]}"#,
        r#"{"type":"unsubscribe","sessionId":7}"#,
        r#"{"type":"permission_response"}"#,
        r#"{"type":"permission_response","requestId":"none","allowed":true}"#,
        r#"{"type":"permission_response","requestId":"none","allowed":"yes"}"#,
        r#"{"type":"permission_response","requestId":"none","allowed":true,"alwaysAllow":"yes"}"#,
        &long,
    ];
    for text in nonsense().iter().map(String::as_str).chain(others) {
        client.text(text);
    }
    client.text(&"x".repeat(200_000));
    client.0.send(Message::binary(vec![0, 159, 146, 150])).unwrap();
    let before = deck.server.log().len();
    client.say(&json!({"type": "subscribe", "sessionId": "t"}));
    // Nothing was answered: the first frame of the other session is the next one.
    subscribed(&deck, &mut client, "t");
    deck.server.send(&session("s", "text_delta", &json!({"delta": "still here"})));
    assert_eq!(client.any()["delta"], "still here");
    assert!(deck.server.log()[before..].iter().all(|event| event["type"] == "session.text_delta"));
}

#[test]
fn trader() {
    let deck = Deck::start();
    for (port, path) in [(deck.server.port, "/ws/trader"), (deck.trader, "/")] {
        let mut client = Client::open(port, path);
        hello(&mut client);
        let long = json!({"type": "SIMULATE", "action": "scan", "more": "x".repeat(5_000)}).to_string();
        let others = [
            "{}",
            "ping",
            r#"{"type":"PING"}"#,
            r#"{"type":"SIMULATE"}"#,
            r#"{"type":"SIMULATE","action":"rob"}"#,
            r#"{"type":"SIMULATE","action":5}"#,
            r#"{"type":"simulate","action":"scan"}"#,
            r#"{"type":"SIMULATE","action":"buy","amount":"much"}"#,
            r#"{"type":"SIMULATE","action":"buy","mint":{}}"#,
            &long,
        ];
        for text in nonsense().iter().map(String::as_str).chain(others) {
            client.text(text);
        }
        client.text(&"x".repeat(200_000));
        client.0.send(Message::binary(vec![0, 159, 146, 150])).unwrap();
        // What can be read but not be done is answered.
        client.say(&json!({"type": "SIMULATE", "action": "buy", "amount": -1}));
        let answer = client.any();
        assert_eq!((&answer["type"], &answer["data"]["success"]), (&json!("SIMULATE_ACK"), &json!(false)), "{answer}");
    }
    assert_eq!(deck.server.log(), Vec::<serde_json::Value>::new());
}
