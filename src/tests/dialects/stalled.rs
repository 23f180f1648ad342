//! Clients that stop reading: the others go on, and they themselves get the newest and a number.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

use super::client::{Client, Deck};
use super::conversations::{hello, session, subscribed};
use crate::support::until;

/// How many events a dialect without a cursor keeps for a client that is behind.
const KEPT: u64 = 1_000;
/// Events that fill whatever the system keeps between two sockets, over 6 MB, and those after them.
const LARGE: u64 = 128;
const SMALL: u64 = 2_400;
/// Events of a request.
const BATCH: u64 = 16;
const MANY: u64 = 200;

/// What is different from dialect to dialect.
struct Dialect {
    path: &'static str,
    /// Says what the client wants, and reads what comes at first.
    begin: fn(&Deck, &mut Client),
    /// An event with this text in it.
    event: fn(&str) -> Value,
    /// The text of its frame.
    text: fn(&Value) -> Option<&str>,
    /// The number in the word of what was missed.
    missed: fn(&Value) -> Option<u64>,
}

/// Who reads all the time gets everything while somebody else reads nothing, and that one then gets
/// the newest thousand after the right count.
fn check(dialect: &Dialect) {
    let deck = Deck::start();
    let server = &deck.server;
    let mut stalled = Client::narrow(server.port, dialect.path);
    (dialect.begin)(&deck, &mut stalled);
    let mut witness = Client::open(server.port, dialect.path);
    (dialect.begin)(&deck, &mut witness);
    let mut behind = Client::narrow(server.port, "/ws/events");
    behind.next();
    let begin = server.get("/api/state").1["seq"].as_u64().unwrap();
    let number = |frame: &Value| {
        let text = (dialect.text)(frame)?;
        text.split_once('|').map(|(number, _)| number.parse::<u64>().unwrap())
    };
    let heard = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 1..=LARGE + SMALL {
                let told = until("the witness hears", || {
                    let frame = witness.any();
                    assert_eq!((dialect.missed)(&frame), None);
                    number(&frame)
                });
                assert_eq!(told, n);
                heard.store(n, Ordering::SeqCst);
            }
        });
        let send = |range: std::ops::RangeInclusive<u64>, padding: &str| {
            let last = *range.end();
            let events: Vec<Value> = range.map(|n| (dialect.event)(&format!("{n}|{padding}"))).collect();
            server.send(&events.into());
            until("the witness has heard it", || (heard.load(Ordering::SeqCst) >= last).then_some(()));
        };
        let padding = "x".repeat(50_000);
        for first in (1..=LARGE).step_by(BATCH as usize) {
            send(first..=first + BATCH - 1, &padding);
        }
        for first in (LARGE + 1..=LARGE + SMALL).step_by(MANY as usize) {
            send(first..=first + MANY - 1, "");
        }
    });
    let last = LARGE + SMALL;
    assert_eq!(server.get("/api/state").1["seq"], begin + last, "nothing else happened");

    let (mut expected, mut gaps) = (1, 0);
    until("the stalled client is told", || {
        let frame = stalled.any();
        if let Some(count) = (dialect.missed)(&frame) {
            assert!(expected > 1, "what was on its way comes first");
            expected += count;
            gaps += 1;
            assert_eq!(expected, last - KEPT + 1, "it goes on with the newest {KEPT}");
        } else if let Some(n) = number(&frame) {
            assert_eq!(n, expected);
            expected += 1;
        }
        (expected > last).then_some(())
    });
    assert_eq!(gaps, 1, "it fell behind and was told so");
    // From now on it is one of many again.
    server.send(&(dialect.event)("0|"));
    assert_eq!(number(&stalled.next()), Some(0));

    // With a cursor nothing is missed, however late.
    for seq in begin + 1..=begin + last + 1 {
        assert_eq!(behind.next()["seq"], seq);
    }
}

#[test]
fn liveops() {
    check(&Dialect {
        path: "/ws/liveops",
        begin: |_, client| {
            client.find("welcome");
            client.say(&json!({"type": "subscribe", "channel": "memory"}));
            client.find("subscribed");
        },
        event: |text| json!({"type": "memory.stored", "entity": "memory:n", "payload": {"namespace": "n", "key": text, "latency_ms": 1}}),
        text: |frame| frame["key"].as_str(),
        missed: |frame| frame["count"].as_u64().filter(|_| frame["type"] == "missed"),
    });
}

#[test]
fn sessions() {
    check(&Dialect {
        path: "/ws",
        begin: |deck, client| {
            client.any();
            client.say(&json!({"type": "subscribe", "sessionId": "s"}));
            subscribed(deck, client, "s");
        },
        event: |text| session("s", "text_delta", &json!({"delta": text})),
        text: |frame| frame["delta"].as_str(),
        missed: |frame| frame["count"].as_u64().filter(|_| frame["type"] == "missed"),
    });
}

#[test]
fn trader() {
    check(&Dialect {
        path: "/ws/trader",
        begin: |_, client| {
            hello(client);
        },
        event: |text| {
            let decision = json!({"should_trade": false, "reasons": []});
            json!({"type": "trade.decided", "entity": "trade:m", "payload": {"mint": "m", "decision": decision, "reasoning": text}})
        },
        text: |frame| frame["data"]["reasoning"].as_str(),
        missed: |frame| frame["data"]["count"].as_u64().filter(|_| frame["type"] == "MISSED"),
    });
}
