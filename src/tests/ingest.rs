//! What is taken, what is refused, and in which words.

use serde_json::{Value, json};

use crate::support::{Server, probe};

fn refused(server: &Server, body: &str, status: u16, detail: &str) {
    let (got, answer) = server.post(body, &[]);
    assert_eq!(got, status, "{body}: {answer}");
    assert!(answer["detail"].as_str().is_some_and(|text| text.contains(detail)), "{body}: {answer}");
    assert!(answer["code"].is_string() && answer["title"].is_string() && answer["status"] == got, "{answer}");
}

#[test]
fn one_event_an_array_and_ndjson() {
    let server = Server::start();
    assert_eq!(server.send(&probe(1)), 1);
    assert_eq!(server.send(&json!([probe(2), probe(3)])), 3);
    let (status, answer) = server.post(&format!("{}\n\n{}\n", probe(4), probe(5)), &[("content-type", "application/x-ndjson")]);
    assert_eq!((status, &answer["accepted"], &answer["first_seq"], &answer["last_seq"]), (200, &json!(2), &json!(4), &json!(5)));
    assert_eq!(answer["cursor"], json!(server.cursor(5)));
    let numbers: Vec<Value> = server.log().iter().map(|event| event["payload"]["n"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let server = Server::start();
    let bad = json!({"type": "task.progress", "entity": "task:a", "payload": {"progress": 140}});
    refused(&server, &json!([probe(1), probe(2), probe(3), bad]).to_string(), 422, "events[3].payload.progress: 140 is over 100");
    assert_eq!(server.log().len(), 0);
    assert_eq!(server.send(&probe(1)), 1, "a refused batch takes no place");
}

#[test]
fn a_repeated_key_is_acknowledged_with_its_first_place() {
    let mut server = Server::start();
    let keyed = |n: u64| json!({"type": "test.probe", "source": "test", "id": format!("k{n}"), "payload": {"n": n}});
    server.send(&json!([keyed(1), keyed(2)]));
    let (_, answer) = server.post(&json!([keyed(2), keyed(3)]).to_string(), &[]);
    assert_eq!((&answer["first_seq"], &answer["last_seq"], &answer["duplicates"]), (&json!(2), &json!(3), &json!(1)));
    server.kill();
    server.run();
    assert_eq!(server.send(&keyed(1)), 1, "also after a crash");
    assert_eq!(server.log().len(), 3);
}

#[test]
fn bad_bodies_are_named() {
    let server = Server::start();
    refused(&server, "", 400, "not valid JSON");
    refused(&server, "{\"type\":", 400, "line 1");
    refused(&server, "[]", 400, "no event");
    refused(&server, "12", 422, "expected an object, found 12");
    refused(&server, &json!([probe(1), "x"]).to_string(), 422, "events[1]: expected an object");
    refused(
        &server,
        &json!({"type": "agent.registered", "entity": "agent:a", "payload": {}}).to_string(),
        422,
        "payload.name: missing",
    );
    let (status, answer) = server.post("{}\n{bad", &[("content-type", "application/x-ndjson")]);
    assert_eq!(status, 400);
    assert!(answer["detail"].as_str().unwrap().starts_with("line 2:"), "{answer}");
    let big = json!({"type": "test.big", "payload": {"text": "x".repeat(65_536)}});
    refused(&server, &json!([probe(1), big]).to_string(), 413, "events[1]:");
    refused(&server, &format!("[{}]", " ".repeat(1 << 20)), 413, "over the limit");
    assert_eq!(server.log().len(), 0);
}

#[test]
fn the_decks_own_names_are_not_for_senders() {
    let server = Server::start();
    let said = |source: &str| json!({"type": "test.probe", "source": source, "payload": {"n": 1}});
    let told = |source: &str| format!("source: {source:?} is the deck's own name; restore=1 restores a recording");
    for source in ["core", "webui"] {
        refused(&server, &said(source).to_string(), 422, &told(source));
        let batch = json!([probe(1), said(source)]).to_string();
        refused(&server, &batch, 422, &format!("events[1].{}", told(source)));
        let (_, answer) = server.post(&batch, &[]);
        assert_eq!((&answer["path"], &answer["code"]), (&json!("events[1].source"), &json!("bad_event")), "{answer}");
    }
    for (method, path, body) in [
        ("POST", "/api/providers", json!({"name": "p", "kind": "http", "url": "http://127.0.0.1:1", "source": "core"})),
        ("PUT", "/api/memory/n/k", json!({"value": 1, "source": "webui"})),
        ("POST", "/api/memory/search", json!({"query": "x", "source": "core"})),
        ("GET", "/api/memory/n/k?source=core", json!({})),
        ("DELETE", "/api/memory/n/k?source=webui", json!({})),
    ] {
        let (status, answer) = server.ask(method, path, &body);
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(status == 422 && detail.starts_with("source: ") && detail.contains("deck's own"), "{method} {path}: {answer}");
    }
    assert_eq!(server.log().len(), 0, "nothing of it was stored");
    assert_eq!(server.send(&json!([said("demo"), said("Core"), said("core-2")])), 3, "other names are anybody's");

    // Whoever says so restores what a deck recorded.
    let restore = |query: &str, body: Value| server.ask("POST", &format!("/api/events?{query}"), &body);
    assert_eq!(restore("restore=1", json!([said("core"), said("webui")])).0, 200);
    assert_eq!(restore("restore=0", json!([said("core")])).0, 422);
    for (query, detail) in [("restore=maybe", "restore: \"maybe\" is neither 1 nor 0"), ("restor=1", "restor: unknown parameter")]
    {
        let (status, answer) = restore(query, probe(1));
        assert!(status == 400 && answer["detail"].as_str().unwrap().starts_with(detail), "{answer}");
    }
    assert_eq!(server.log().len(), 5);
    let (_, openapi) = server.get("/api/openapi.json");
    let parameters = openapi["paths"]["/api/events"]["post"]["parameters"].to_string();
    assert!(parameters.contains("restore"), "{parameters}");
}

#[test]
fn bad_parameters_are_named_at_every_address() {
    let server = Server::start();
    for (path, status, detail) in [
        ("/api/events?limt=3", 400, "limt: unknown parameter"),
        ("/api/events?limit=0", 400, "limit: 0 is under 1"),
        ("/api/events?limit=1001", 400, "limit: 1001 is over 1000"),
        ("/api/events?after=zzz", 400, "after: \"zzz\" is no cursor"),
        ("/api/events?types=ta*", 400, "types: \"ta*\" is no type pattern"),
        ("/api/state?at=x", 400, "at: \"x\" is no seq"),
        ("/api/state?at=99", 404, "seq 99 is after the newest event, 0"),
        ("/sse/events?tpyes=x", 400, "tpyes: unknown parameter"),
        ("/sse/events?max_lag=3", 400, "max_lag: goes with on_lag"),
        ("/ws/events", 426, "this address speaks WebSocket"),
        ("/api/nothing", 404, "nothing at /api/nothing"),
    ] {
        let (got, answer) = server.get(path);
        assert_eq!(got, status, "{path}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|text| text.contains(detail)), "{path}: {answer}");
    }
}

#[test]
fn the_log_is_read_in_pages_both_ways() {
    let server = Server::start();
    server.send(&Value::Array((1..=25).map(probe).collect()));
    let seqs =
        |page: &Value| page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_u64().unwrap()).collect::<Vec<_>>();
    let (_, newest) = server.get("/api/events?limit=10");
    assert_eq!(seqs(&newest), (16..=25).collect::<Vec<_>>());
    let (_, before) = server.get(&format!("/api/events?limit=10&before={}", newest["previous"].as_str().unwrap()));
    assert_eq!(seqs(&before), (6..=15).collect::<Vec<_>>());
    let (_, first) = server.get("/api/events?limit=10&after=0");
    assert_eq!(seqs(&first), (1..=10).collect::<Vec<_>>());
    let (_, next) = server.get(&format!("/api/events?limit=100&after={}", first["next"].as_str().unwrap()));
    assert_eq!(seqs(&next), (11..=25).collect::<Vec<_>>());
    let (_, lines) = server.text("/api/events?limit=3", &[("accept", "application/x-ndjson")]);
    assert_eq!(lines.lines().count(), 3);
    let (_, foreign) = server.get("/api/events?after=0000000000000001-5");
    assert_eq!(foreign["gap"]["reason"], "epoch");
}

#[test]
fn state_schema_and_reference_are_served() {
    let server = Server::start();
    server.send(&json!([
        {"type": "agent.registered", "entity": "agent:a", "payload": {"name": "A", "agent_type": "t"}},
        {"type": "agent.removed", "entity": "agent:a"},
    ]));
    assert_eq!(server.get("/api/state").1["state"]["agents"]["by_id"]["a"]["removed"], true);
    assert_eq!(server.get("/api/state?at=1").1["state"]["agents"]["by_id"]["a"]["removed"], false);
    assert_eq!(server.get("/api/state?at=2").1["hash"], server.get("/api/state").1["hash"]);
    assert!(server.get("/api/schema").1["$defs"]["task.progress"].is_object());
    let (_, openapi) = server.get("/api/openapi.json");
    for path in ["/api/events", "/api/state", "/api/schema", "/ws/events", "/sse/events", "/healthz", "/readyz", "/metrics"] {
        assert!(openapi["paths"][path].is_object(), "{path}");
    }
    assert!(server.text("/api/docs", &[]).1.contains("permission_requested"));
    assert!(server.text("/metrics", &[]).1.contains("swarmdeck_events_total 2"));
    assert_eq!(server.text("/readyz", &[]).0, 200);
}
