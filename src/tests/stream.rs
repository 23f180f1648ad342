//! Following the log: order, resume, gaps, filters, slow readers, the end.

use std::io::Read as _;

use serde_json::{Value, json};
use tungstenite::Message;

use crate::support::{Server, probe, until};

fn numbers(range: std::ops::RangeInclusive<u64>) -> Value {
    Value::Array(range.map(probe).collect())
}

#[test]
fn events_come_in_order_and_resume_where_a_cursor_stands() {
    let server = Server::start();
    let mut live = server.websocket("");
    let hello = live.next();
    assert_eq!((&hello["type"], &hello["payload"]["resumed"]), (&json!("stream.hello"), &json!("fresh")));
    server.send(&numbers(1..=50));
    for n in 1..=50 {
        assert_eq!(live.event()["payload"]["n"], n);
    }
    let cursor = server.cursor(20);
    let mut again = server.websocket(&format!("after={cursor}"));
    assert_eq!(again.next()["payload"]["resumed"], "exact");
    for n in 21..=50 {
        assert_eq!(again.event()["seq"], n);
    }
    let mut sse = server.sse("after=0", &format!("Last-Event-ID: {cursor}\r\n"));
    assert!(sse.head.contains("text/event-stream") && sse.head.contains("x-accel-buffering: no"), "{}", sse.head);
    assert!(!sse.head.contains("content-encoding"), "a stream is not compressed: {}", sse.head);
    let (id, name, _) = sse.next();
    assert_eq!((id, name.as_str()), (cursor, "stream.hello"));
    for n in 21..=50 {
        let (id, event) = sse.event();
        assert_eq!((id, &event["seq"]), (server.cursor(n), &json!(n)));
    }
}

#[test]
fn a_foreign_cursor_is_a_gap() {
    let server = Server::start();
    server.send(&numbers(1..=5));
    let mut socket = server.websocket("after=00000000000000aa-3");
    assert_eq!(socket.next()["payload"]["resumed"], "gap");
    let gap = socket.next();
    assert_eq!((&gap["type"], &gap["payload"]), (&json!("stream.gap"), &json!({"from": 1, "to": 5, "reason": "epoch"})));
    server.probe(6);
    assert_eq!(socket.event()["seq"], 6);
}

#[test]
fn a_filter_says_what_came_before() {
    let server = Server::start();
    let mut socket = server.websocket("types=task.*&entity=task:a");
    let mut sse = server.sse("filter=task.*&entity=task:a", "");
    socket.next();
    let task = |id: &str| json!({"type": "task.created", "entity": format!("task:{id}"), "payload": {"description": "d"}});
    server.send(&json!([probe(1), task("a"), task("b"), probe(2), task("a"), task("a")]));
    let got: Vec<(u64, u64)> =
        (0..3).map(|_| socket.event()).map(|e| (e["prev"].as_u64().unwrap(), e["seq"].as_u64().unwrap())).collect();
    assert_eq!(got, [(0, 2), (2, 5), (5, 6)]);
    let got: Vec<u64> = (0..3).map(|_| sse.event().1["prev"].as_u64().unwrap()).collect();
    assert_eq!(got, [0, 2, 5]);
    socket.0.send(Message::text(r#"{"type":"subscribe","types":["test.probe"]}"#)).unwrap();
    assert_eq!(socket.next(), json!({"type": "subscribed", "filter": "types=test.probe"}));
    server.send(&json!([task("a"), probe(3)]));
    let event = socket.event();
    assert_eq!((&event["prev"], &event["seq"]), (&json!(6), &json!(8)));
    socket.0.send(Message::text(r#"{"type":"subscribe","tpyes":"x"}"#)).unwrap();
    assert!(socket.next()["detail"].as_str().unwrap().starts_with("tpyes: unknown field"));
}

#[test]
fn pings_heartbeats_and_snapshots() {
    let server = Server::with(&["--heartbeat", "1"]);
    server.send(&json!({"type": "agent.registered", "entity": "agent:a", "payload": {"name": "A", "agent_type": "t"}}));
    let mut socket = server.websocket("snapshot=1");
    socket.next();
    let snapshot = socket.next();
    assert_eq!((&snapshot["type"], &snapshot["payload"]["seq"]), (&json!("stream.snapshot"), &json!(1)));
    assert_eq!(snapshot["payload"]["state"]["agents"]["by_id"]["a"]["name"], "A");
    for ping in ["ping", r#"{"type":"ping"}"#] {
        socket.0.send(Message::text(ping)).unwrap();
        let pong = until("a pong", || Some(socket.next()).filter(|frame| frame["type"] == "pong"));
        assert!(pong["ts"].is_string());
    }
    let heartbeat = until("a heartbeat", || Some(socket.next()).filter(|frame| frame["type"] == "stream.heartbeat"));
    assert_eq!(heartbeat["payload"]["head"], 1);
    assert!(heartbeat["payload"]["metrics"]["active_agents"].is_u64());
    server.probe(1);
    assert_eq!(socket.event()["seq"], 2);
}

/// A reader that reads nothing holds nobody up, and gets everything when it reads again.
#[test]
fn a_slow_reader_catches_up_from_the_log() {
    let server = Server::with(&["--durability", "crash"]);
    let mut slow = server.websocket("");
    let mut latest = server.websocket("on_lag=drop_oldest&max_lag=100");
    slow.next();
    latest.next();
    let text = "x".repeat(2_000);
    let batch = Value::Array((0..400).map(|n| json!({"type": "test.big", "payload": {"n": n, "text": text}})).collect());
    for _ in 0..100 {
        server.send(&batch);
    }
    for seq in 1..=40_000 {
        assert_eq!(slow.event()["seq"], seq);
    }
    let (mut expected, mut gaps) = (1, 0);
    while expected <= 40_000 {
        let frame = latest.next();
        if frame["type"] == "stream.gap" {
            assert_eq!((&frame["payload"]["from"], &frame["payload"]["reason"]), (&json!(expected), &json!("overflow")));
            expected = frame["payload"]["to"].as_u64().unwrap() + 1;
            gaps += 1;
        } else if let Some(seq) = frame["seq"].as_u64() {
            assert_eq!(seq, expected);
            expected += 1;
        }
    }
    assert!(gaps > 0, "it fell behind and was told so");
}

/// The same over HTTP, for a client that takes chunks by their lengths: none is torn where the writing
/// goes from one hand to another.
#[test]
fn a_slow_reader_of_chunks_gets_them_whole() {
    const BATCHES: u64 = 40;
    let server = Server::with(&["--durability", "crash"]);
    let mut streams = ["", "plain=1", "filter=test.*"].map(|query| server.follow(&format!("/sse/events?{query}")));
    let mut seqs = [0; 3];
    let text = "x".repeat(2_000);
    let batch = Value::Array((0..400).map(|n| json!({"type": "test.big", "payload": {"n": n, "text": text}})).collect());
    // Whoever has read everything falls behind once more.
    for _ in 0..2 {
        for (seq, stream) in seqs.iter_mut().zip(&mut streams) {
            let head = server.send(&json!([{"type": "test.small"}]));
            while *seq < head {
                let line = stream.next().expect("the stream goes on").unwrap();
                let Some(event) = line.strip_prefix("data: ") else { continue };
                let event: Value = serde_json::from_str(event).unwrap();
                if let Some(next) = event["seq"].as_u64() {
                    assert_eq!(next, *seq + 1);
                    *seq = next;
                }
            }
        }
        for _ in 0..BATCHES {
            server.send(&batch);
        }
    }
    assert!(seqs.iter().all(|seq| *seq > BATCHES * 400), "{seqs:?}");
}

#[test]
fn the_end_is_announced_and_everything_is_committed() {
    let mut server = Server::start();
    let mut socket = server.websocket("");
    socket.next();
    let mut sse = server.sse("", "");
    sse.next();
    server.send(&numbers(1..=10));
    assert!(server.stop());
    let bye = until("a bye", || Some(socket.next()).filter(|frame| frame["type"] == "stream.bye"));
    assert!(bye["payload"]["retry_ms"].is_u64());
    match socket.0.read().unwrap() {
        Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 1001),
        other => panic!("{other:?}"),
    }
    until("a bye", || (sse.next().1 == "stream.bye").then_some(()));
    server.run();
    assert_eq!(server.log().len(), 10);
}

#[test]
fn a_client_that_breaks_the_protocol_is_told_why() {
    let server = Server::start();
    let mut raw = server.raw(
        "GET /ws/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\u{1}\u{1}x",
    );
    let mut all = Vec::new();
    raw.read_to_end(&mut all).unwrap();
    // The last frame is a close with 1002.
    assert!(all.windows(4).any(|bytes| bytes[0] == 0x88 && bytes[2..4] == 1002_u16.to_be_bytes()), "{all:?}");
}
