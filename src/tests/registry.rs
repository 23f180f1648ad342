//! The registry over HTTP.

use serde_json::{Value, json};

use crate::support::Server;

fn kinds(server: &Server) -> Vec<String> {
    server.log().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_agent_comes_changes_and_goes() {
    let mut server = Server::start();
    let card = json!({"id": "a", "name": "A", "agent_type": "coder", "capabilities": ["rust"], "host": "atlas"});
    let (status, agent) = server.ask("POST", "/api/agents", &card);
    assert_eq!((status, &agent["health_status"], &agent["trust_score"]), (201, &json!("unknown"), &json!(0.5)), "{agent}");
    assert_eq!(server.ask("POST", "/api/agents", &card).0, 200);
    let (status, agent) = server.ask("PATCH", "/api/agents/a", &json!({"version": "2"}));
    assert_eq!((status, &agent["version"], &agent["host"]), (200, &json!("2"), &json!("atlas")));
    let (status, beat) = server.ask("POST", "/api/agents/a/heartbeat", &Value::Null);
    assert_eq!(status, 400, "null is no object: {beat}");
    for _ in 0..3 {
        let (status, beat) = server.ask("POST", "/api/agents/a/heartbeat", &json!({}));
        assert_eq!((status, &beat["status"]), (200, &json!("healthy")), "{beat}");
        assert!(beat["next_check"].as_str() > beat["timestamp"].as_str());
    }
    let (status, agent) =
        server.ask("POST", "/api/agents/a/status", &json!({"status": "busy", "task": "t", "metrics": {"cpu": 5}}));
    assert_eq!((status, &agent["status"], &agent["task"], &agent["cpu"]), (200, &json!("busy"), &json!("t"), &json!(5.0)));
    let expected = ["agent.registered", "agent.updated", "agent.trust_changed", "agent.health_changed", "agent.status_changed"];
    assert_eq!(kinds(&server), expected);
    assert!(server.log().iter().all(|event| event["source"] == "core"));
    server.kill();
    server.run();
    let (status, health) = server.get("/api/agents/a/health");
    assert_eq!((status, &health["status"], &health["cause"]), (200, &json!("healthy"), &json!("heartbeat")));
    assert_eq!(health["last_heartbeat"], Value::Null, "what is in memory only is not invented");
    assert_eq!(server.ask("DELETE", "/api/agents/a?reason=done", &json!({})).0, 204);
    for (method, path) in [
        ("GET", "/api/agents/a"),
        ("DELETE", "/api/agents/a"),
        ("POST", "/api/agents/a/heartbeat"),
        ("GET", "/api/agents/a/trust"),
    ] {
        let (status, problem) = server.ask(method, path, &json!({}));
        assert_eq!((status, &problem["detail"]), (404, &json!("no agent \"a\" is on the register")), "{method} {path}");
    }
    assert_eq!(server.ask("POST", "/api/agents", &card).0, 201, "it may come back");
}

#[test]
fn trust_moves_by_the_reports_of_others() {
    let server = Server::start();
    server.ask("POST", "/api/agents", &json!({"id": "a"}));
    let report = |by: &str, outcome: &str| server.ask("POST", "/api/agents/a/reports", &json!({"by": by, "outcome": outcome}));
    let (status, problem) = report("b", "failure");
    assert_eq!((status, &problem["detail"]), (422, &json!("by: no agent \"b\" is on the register")), "{problem}");
    for id in ["b", "c", "d"] {
        server.ask("POST", "/api/agents", &json!({"id": id}));
    }
    server.ask("DELETE", "/api/agents/d", &json!({}));
    assert_eq!(report("d", "failure").0, 422, "who was taken off the register has no say");
    assert_eq!(server.get("/api/agents/a/trust").1["trust_score"], 0.5, "none of it counts");
    let (status, trust) = report("b", "success");
    assert_eq!((status, &trust["breakdown"]["events"]), (200, &json!(1)), "{trust}");
    let score = |trust: &Value| trust["trust_score"].as_f64().unwrap();
    assert!((score(&trust) - 0.55).abs() < 1e-3);
    assert!((score(&report("b", "success").1) - 0.575).abs() < 1e-3, "the second of a peer counts a half");
    let (_, trust) = report("c", "bad_signature");
    assert!((score(&trust) - 0.375).abs() < 1e-3);
    assert_eq!(trust["breakdown"]["history"][2]["reason"], "bad_signature");
    assert_eq!(trust["breakdown"]["weights"]["failure"], -0.1);
    assert_eq!(report("a", "success").0, 403);
    assert_eq!(report("b", "profile_update").0, 422);
    let (status, problem) = report("b", "praise");
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().starts_with("outcome: unknown variant"), "{problem}");
    assert_eq!(server.get("/api/agents/a/trust").1["trust_score"], server.get("/api/agents/a").1["trust_score"]);
}

#[test]
fn the_register_is_listed_in_pages() {
    let server = Server::start();
    for (id, name) in [("a", "Zed"), ("b", "Yan"), ("c", "Xia"), ("d", "Wim")] {
        server.ask("POST", "/api/agents", &json!({"id": id, "name": name}));
    }
    server.ask("POST", "/api/agents/b/heartbeat", &json!({"status": "offline"}));
    server.ask("POST", "/api/agents/c/status", &json!({"status": "idle"}));
    server.ask("DELETE", "/api/agents/d", &json!({}));
    let ids = |query: &str| {
        let (status, page) = server.get(&format!("/api/agents?{query}"));
        assert_eq!(status, 200, "{page}");
        let ids: Vec<String> =
            page["agents"].as_array().unwrap().iter().map(|agent| agent["id"].as_str().unwrap().to_owned()).collect();
        (ids.join(""), page["total"].as_u64().unwrap())
    };
    assert_eq!(ids(""), ("abc".into(), 3));
    assert_eq!(ids("sort_by=name"), ("cba".into(), 3));
    assert_eq!(ids("sort_by=id&order=desc&limit=2"), ("cb".into(), 3));
    assert_eq!(ids("skip=1&limit=1"), ("b".into(), 3));
    assert_eq!(ids("health_status=offline"), ("b".into(), 1));
    assert_eq!(ids("status=idle"), ("c".into(), 1));
    for (query, detail) in [
        ("limt=1", "limt: unknown parameter; known are sort_by"),
        ("limit=1001", "limit: 1001 is over 1000"),
        ("order=up", "order: \"up\" is neither asc nor desc"),
        ("sort_by=colour", "sort_by: \"colour\" is not one of"),
        ("health_status=well", "health_status: \"well\" is not one of healthy"),
    ] {
        let (status, problem) = server.get(&format!("/api/agents?{query}"));
        assert!(status == 400 && problem["detail"].as_str().unwrap().starts_with(detail), "{problem}");
    }
    let (status, problem) = server.ask("POST", "/api/agents", &json!({"id": "e", "colour": "red"}));
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("unknown field `colour`"), "{problem}");
    let (_, openapi) = server.get("/api/openapi.json");
    for path in [
        "/api/agents",
        "/api/agents/{id}/reports",
        "/api/tasks/{id}/claim",
        "/api/agents/{id}/inbox/stream",
        "/api/topology/auto",
        "/api/v1/stats",
    ] {
        assert!(openapi["paths"][path].is_object(), "{path}");
    }
}
