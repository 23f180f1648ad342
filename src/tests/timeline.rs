//! History from outside: the log from afar, places in it, states at an instant, filters, exports.

use std::io::{BufRead as _, BufReader, Read as _};

use serde_json::{Value, json};
use swarmdeck::event::pack::{split, unpack};
use swarmdeck::event::timeline::Way;
use swarmdeck::event::{Event, wire};
use swarmdeck::swarm::{SwarmState, hash};

use crate::support::{Server, probe};

fn task(id: &str, action: &str, payload: &Value) -> Value {
    json!({"type": format!("task.{action}"), "source": "worker", "entity": format!("task:{id}"), "payload": payload})
}

fn asks(id: &str) -> Value {
    let payload = json!({"request_id": id, "tool_name": "Bash", "expires_at": "2030-01-01T00:00:00Z"});
    json!({"type": "session.permission_requested", "entity": "session:s", "payload": payload})
}

fn encoded(text: &str) -> String {
    text.replace('%', "%25").replace(' ', "%20").replace('"', "%22").replace('#', "%23").replace('+', "%2B")
}

fn seqs(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap_or_else(|| panic!("{page}")).iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

#[test]
fn the_log_from_afar_survives_a_kill() {
    let mut server = Server::start();
    let start =
        json!({"type": "session.started", "entity": "session:s", "payload": {"title": "Build", "permission_mode": "ask"}});
    server.send(&json!([start, probe(1), task("a", "failed", &json!({"error": "no"})), asks("r1"), probe(2), asks("r2")]));
    let (status, seen) = server.get("/api/timeline?buckets=4");
    assert_eq!(status, 200, "{seen}");
    let sum = |key: &str| seen["buckets"].as_array().unwrap().iter().map(|bucket| bucket[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("events"), sum("errors"), sum("approvals"), sum("gaps")), (6, 1, 2, 0));
    assert_eq!((&seen["first"], &seen["head"], &seen["cursor"]), (&json!(1), &json!(6), &json!(server.cursor(6))));
    let marks: Vec<_> =
        seen["marks"].as_array().unwrap().iter().map(|mark| (mark["seq"].clone(), mark["kind"].clone())).collect();
    assert_eq!(marks, [(json!(3), json!("error")), (json!(4), json!("approval")), (json!(6), json!("approval"))]);
    let span = &seen["sessions"][0];
    assert_eq!(
        (&span["session"], &span["title"], &span["from_seq"], &span["to_seq"]),
        (&json!("s"), &json!("Build"), &json!(1), &Value::Null)
    );

    server.kill();
    server.run();
    server.probe(3);
    let (_, again) = server.get("/api/timeline?buckets=4");
    assert_eq!((&again["marks"], &again["sessions"], &again["head"]), (&seen["marks"], &seen["sessions"], &json!(7)));
    let gap = &again["gaps"][0];
    assert_eq!(gap["seq"], 6);
    assert_eq!(gap["from"], server.get("/api/seek?seq=6").1["time"], "after a kill, from the newest event");

    let (_, found) = server.get("/api/seek?next=error&after=0");
    assert_eq!((&found["seq"], &found["kind"], &found["cursor"]), (&json!(3), &json!("error"), &json!(server.cursor(3))));
    assert_eq!(server.get("/api/seek?next=approval&after=4").1["seq"], 6);
    assert_eq!(server.get("/api/seek?next=approval&before=6").1["seq"], 4);
    assert_eq!(server.get("/api/seek?next=gap").1["seq"], 6);
    assert_eq!(server.get("/api/seek?next=error&after=3").1, json!({"first": 1, "head": 7}));
    let time = found["time"].as_str().unwrap();
    let (_, at) = server.get(&format!("/api/seek?time={time}"));
    assert!(at["seq"].as_u64().unwrap() >= 3 && at["time"] == found["time"], "{at}");
    assert_eq!(server.get("/api/seek?time=2001-01-01").1, json!({"first": 1, "head": 7}));
    for (path, detail) in [
        ("/api/timeline?buckets=2001", "buckets: 2001 is over 2000"),
        ("/api/timeline?from=soon", "from: \"soon\" is neither a seq nor a time: write 1204 or 2026-01-27T10:21Z"),
        ("/api/timeline?bucket=1", "bucket: unknown parameter; known are from, to, buckets"),
        ("/api/seek", "one of time, seq and next says what to look for"),
        ("/api/seek?next=fun", "next: \"fun\" is not one of error, approval, gap"),
        ("/api/seek?next=error&after=1&before=2", "after and before do not go together"),
        ("/api/seek?seq=1&time=2026-01-01", "only one of time, seq and next can be looked for"),
        ("/api/seek?seq=00000000000000aa-3", "seq: 00000000000000aa-3 is of another log"),
    ] {
        let (status, problem) = server.get(path);
        assert_eq!((status, problem["detail"].as_str().unwrap()), (400, detail), "{path}");
    }
}

/// As a browser does it: the nearest kept state, the events up to the instant, one reducer.
#[test]
fn a_state_is_folded_by_the_reader() {
    let server = Server::with(&["--durability", "crash"]);
    let said = server.command(&["demo", "--rate", "0", "--events", "5500", "--agents", "20"]).output().unwrap();
    assert!(said.status.success(), "{said:?}");
    for at in [1, 1_999, 2_500, 5_400] {
        let (status, snapshot) = server.get(&format!("/api/snapshot?at={at}"));
        assert_eq!((status, &snapshot["at"]), (200, &json!(at)));
        let mut state: SwarmState = wire::from_text(&snapshot["state"].to_string()).unwrap();
        let mut cursor = snapshot["cursor"].as_str().unwrap().to_owned();
        while state.seq < at {
            let (status, page) = server.get(&format!("/api/events?after={cursor}&until={at}&limit=10000"));
            assert_eq!(status, 200, "{page}");
            for event in page["events"].as_array().unwrap() {
                let event: Event = wire::from_text(&event.to_string()).unwrap();
                state.fold(&event);
            }
            page["next"].as_str().unwrap().clone_into(&mut cursor);
        }
        let told = server.get(&format!("/api/state?at={at}")).1["hash"].clone();
        assert_eq!(hash(&state), told, "{at}");
        // As the deck's own page does it.
        let request = format!("GET /api/approach?at={at} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        server.raw(&request).read_to_end(&mut answer).unwrap();
        let body = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        let (way, packed) = split(&answer[body..]).unwrap();
        let mut state: SwarmState = unpack(packed).unwrap();
        for event in unpack::<Way>(way).unwrap().events.iter().filter(|event| event.seq <= at) {
            state.fold(event);
        }
        assert_eq!((state.seq, hash(&state).into()), (at, told), "{at}");
    }
    let mut raw =
        server.raw("GET /api/snapshot?at=2500 HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    raw.read_to_string(&mut answer).unwrap();
    assert!(!answer.contains("content-encoding: br"), "a reader on this machine gets it as it is");
    let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    assert_eq!(server.text("/api/snapshot?at=2500", &[("if-none-match", &tag)]).0, 304);
    assert_eq!(server.get("/api/snapshot?at=99999").0, 404);
    assert_eq!(server.get("/api/approach?at=99999").0, 404);
    assert_eq!(server.get("/api/approach?at=then").0, 400);
    assert_eq!(server.get("/api/events?after=0&until=3").1["events"].as_array().unwrap().len(), 3);
    assert_eq!(server.get("/api/events?until=3&limit=1001").0, 400);
}

#[test]
fn one_text_filters_pages_streams_and_the_command_line() {
    let server = Server::start();
    let mut socket = server.websocket(&format!("q={}", encoded("type:task.* -source:demo \"npm test\"")));
    let mut sse = server.sse(&format!("q={}", encoded("status:failing agent:worker")), "");
    socket.next();
    let demo = json!({"type": "task.failed", "source": "demo", "entity": "task:d", "payload": {"error": "npm test"}});
    server.send(&json!([
        task("a", "created", &json!({"description": "run NPM Test"})),
        probe(1),
        demo,
        task("a", "failed", &json!({"error": "exit 1"})),
        task("b", "created", &json!({"description": "npm test --all"})),
    ]));
    let got: Vec<_> = (0..2).map(|_| socket.event()).map(|event| (event["prev"].clone(), event["seq"].clone())).collect();
    assert_eq!(got, [(json!(0), json!(1)), (json!(1), json!(5))]);
    assert_eq!(sse.event().1["seq"], 4);
    for (text, expected) in [
        ("type:task.* -source:demo \"npm test\"", vec![1, 5]),
        ("status:failing", vec![3, 4]),
        ("status:failing -source:demo", vec![4]),
        ("after:2 before:5 type:task.*", vec![3, 4]),
        ("entity:task:a,test:x", vec![1, 4]),
        ("nothing-like-it", vec![]),
        ("", vec![1, 2, 3, 4, 5]),
    ] {
        for direction in ["after=0&", ""] {
            let (_, page) = server.get(&format!("/api/events?{direction}q={}", encoded(text)));
            assert_eq!(seqs(&page), expected, "{text}");
        }
    }
    // Together with the other parameters.
    assert_eq!(seqs(&server.get("/api/events?source=worker&q=npm").1), [1, 5]);
    let (status, problem) = server.get("/api/events?q=typ:x");
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().starts_with("q: character 1: unknown field \"typ\""), "{problem}");

    socket.0.send(tungstenite::Message::text(r#"{"type":"subscribe","q":"task:b test"}"#)).unwrap();
    assert_eq!(socket.next(), json!({"type": "subscribed", "filter": "q=task:b test"}));

    let said = server.command(&["tail", "--after", "0", "--count", "2", "--json", "-q", "status:failing"]).output().unwrap();
    let lines: Vec<Value> = said.stdout.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert_eq!(lines.iter().map(|event| event["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 4]);
    let said = server.command(&["tail", "-q", "ok typ:x"]).output().unwrap();
    assert!(!said.status.success());
    let error = String::from_utf8(said.stderr).unwrap();
    assert!(error.contains("-q: character 4: unknown field \"typ\"") && error.contains("\n  ok typ:x\n     ^^^"), "{error}");
}

#[test]
fn the_log_is_exported_as_a_file() {
    let server = Server::with(&["--durability", "crash"]);
    let hostile = "=cmd|' /C calc'!A0";
    server.send(&json!([
        {"type": "test.a", "source": "-2+3", "id": "@id", "entity": {"kind": "thing", "id": hostile}, "payload": {"text": "a,\"b\"\n<c>"}},
        probe(1),
    ]));
    let batch = Value::Array((0..1_000).map(probe).collect());
    for _ in 0..3 {
        server.send(&batch);
    }
    let (status, lines) = server.text("/api/export", &[]);
    assert_eq!(status, 200);
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events, server.log());
    assert_eq!(server.text("/api/export?after=10&until=2500", &[]).1.lines().count(), 2_490);
    assert_eq!(server.text("/api/export?q=source:-2*", &[]).1.lines().count(), 1);

    let mut raw = server.raw("GET /api/export?format=csv&until=2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut head = String::new();
    let mut reader = BufReader::new(&mut raw);
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let name = format!("content-disposition: attachment; filename=\"swarmdeck-{}-1-2.csv\"", server.epoch());
    assert!(head.contains(&name) && head.contains("text/csv"), "{head}");
    let (_, csv) = server.text("/api/export?format=csv&until=2", &[]);
    let ts = events[0]["ts"].as_str().unwrap();
    let first = format!(
        "1,{ts},test.a,\"'-2+3\",thing,\"'{hostile}\",\"'@id\",\"{{\"\"text\"\":\"\"a,\\\"\"b\\\"\"\\n\\u003cc>\"\"}}\"\r\n"
    );
    assert!(csv.starts_with(&format!("seq,ts,type,source,entity_kind,entity_id,id,payload\r\n{first}2,")), "{csv}");
    assert_eq!(server.get("/api/export?format=xml").1["detail"], "format: \"xml\" is neither ndjson nor csv");
}
