//! The registry as clients of the mesh dialect speak to it.

use serde_json::{Value, json};

use crate::support::Server;

fn card(id: &str) -> Value {
    json!({"id": id, "name": format!("Agent {id}"), "version": "1.0.0", "endpoint": "http://localhost:1/a", "description": "sums",
        "skills": [{"id": "s1", "name": "sum", "description": "adds numbers"}], "trust_score": 0.99, "health_status": "healthy"})
}

fn succeeded(answer: &Value) -> &Value {
    assert_eq!(answer["success"], true, "{answer}");
    assert!(answer["message"].is_string() && answer["timestamp"].as_str().unwrap().ends_with('Z'), "{answer}");
    &answer["data"]
}

fn failed(answer: &Value) -> (&str, &str) {
    assert_eq!(answer["success"], false, "{answer}");
    assert!(answer["timestamp"].is_string() && answer["error"].get("details").is_some(), "{answer}");
    (answer["error"]["code"].as_str().unwrap(), answer["error"]["message"].as_str().unwrap())
}

#[test]
fn a_card_is_registered_read_changed_and_deleted() {
    let mut server = Server::start();
    let (status, answer) = server.ask("POST", "/api/v1/agents", &card("org:a-1"));
    let data = succeeded(&answer);
    assert_eq!(
        (status, &data["agent_id"], &data["trust_score"], &data["health_status"]),
        (201, &json!("org:a-1"), &json!(0.5), &json!("unknown"))
    );
    assert!(data["registered_at"].is_string());
    let (status, answer) = server.ask("POST", "/api/v1/agents", &card("org:a-1"));
    assert_eq!((status, failed(&answer)), (400, ("BAD_REQUEST", "Agent ID 'org:a-1' already exists")));
    let (status, answer) = server.ask("PUT", "/api/v1/agents/org:a-1", &json!({"version": "1.1.0", "trust_score": 1.0}));
    let data = succeeded(&answer);
    assert_eq!((status, &data["version"], &data["description"]), (200, &json!("1.1.0"), &json!("sums")));
    assert!(data["trust_score"].as_f64().unwrap() < 0.56, "nobody sets his own");
    server.kill();
    server.run();
    let (_, answer) = server.get("/api/v1/agents/org:a-1");
    let data = succeeded(&answer);
    assert_eq!((&data["skills"][0]["description"], &data["name"]), (&json!("adds numbers"), &json!("Agent org:a-1")));
    assert_eq!(server.get("/api/agents/org:a-1").1["capabilities"], json!(["sum"]), "skills are capabilities");
    let (status, answer) = server.ask("DELETE", "/api/v1/agents/org:a-1", &json!({}));
    assert_eq!((status, &succeeded(&answer)["agent_id"]), (200, &json!("org:a-1")));
    for (method, path) in
        [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/heartbeat"), ("GET", "/health"), ("GET", "/trust")]
    {
        let (status, answer) = server.ask(method, &format!("/api/v1/agents/org:a-1{path}"), &json!({}));
        assert_eq!((status, failed(&answer)), (404, ("NOT_FOUND", "Agent 'org:a-1' not found")), "{method} {path}");
    }
    assert_eq!(server.ask("POST", "/api/v1/agents", &card("org:a-1")).0, 201);
}

#[test]
fn a_card_that_does_not_fit_is_refused_by_field() {
    let server = Server::start();
    for (field, value, message) in [
        ("id", json!("a b"), "id: must have only letters"),
        ("id", json!("x".repeat(101)), "id: must have at most 100 characters"),
        ("name", Value::Null, "name: is required"),
        ("version", json!(1), "version: must be a text"),
        ("endpoint", json!(""), "endpoint: must not be empty"),
        ("skills", json!([]), "skills: at least one is required"),
        ("skills", json!([{"name": "a"}, {"name": "a"}]), "skills: names must be unique"),
    ] {
        let mut card = card("a");
        card[field] = value;
        let (status, answer) = server.ask("POST", "/api/v1/agents", &card);
        let (code, told) = failed(&answer);
        assert!(status == 400 && code == "BAD_REQUEST" && told.starts_with(message), "{answer}");
        assert_eq!(answer["error"]["details"]["field"], field);
    }
    let (status, answer) = server.ask("POST", "/api/v1/agents", &json!("no object"));
    assert_eq!((status, failed(&answer).0), (400, "BAD_REQUEST"));
    assert_eq!(server.log().len(), 0);
}

#[test]
fn health_trust_lists_and_numbers() {
    let server = Server::start();
    for id in ["c", "a", "b"] {
        server.ask("POST", "/api/v1/agents", &card(id));
    }
    let (status, answer) = server.ask("POST", "/api/v1/agents/a/heartbeat", &json!({"status": "healthy"}));
    let data = succeeded(&answer);
    assert_eq!((status, &data["agent_id"], &data["status"]), (200, &json!("a"), &json!("healthy")));
    assert!(data["timestamp"].as_str() < data["next_check"].as_str());
    let (status, answer) = server.ask("POST", "/api/v1/agents/a/heartbeat", &json!({"status": "great"}));
    assert_eq!((status, failed(&answer).0), (422, "VALIDATION_ERROR"));
    let before = server.log().len();
    server.ask("POST", "/api/v1/agents/a/heartbeat", &json!({"status": "healthy"}));
    assert_eq!(server.log().len(), before, "a heartbeat publishes only a change");
    assert_eq!(succeeded(&server.get("/api/v1/agents/a/health").1)["status"], "healthy");
    let (_, answer) = server.get("/api/v1/agents/a/trust");
    let breakdown = &succeeded(&answer)["breakdown"];
    for key in ["overall", "availability", "reliability", "performance", "events", "history", "weights"] {
        assert!(breakdown.get(key).is_some(), "{key}");
    }
    let ids = |query: &str| {
        let (_, answer) = server.get(&format!("/api/v1/agents?{query}"));
        let data = succeeded(&answer).clone();
        let ids: String = data["agents"].as_array().unwrap().iter().map(|agent| agent["agent_id"].as_str().unwrap()).collect();
        (ids, data["total"].as_u64().unwrap())
    };
    assert_eq!(ids(""), ("abc".into(), 3));
    assert_eq!(ids("sort_by=name&order=desc&skip=1&limit=1"), ("b".into(), 3));
    assert_eq!(ids("health_status=healthy"), ("a".into(), 1));
    let (status, answer) = server.get("/api/v1/agents?health_status=great");
    assert_eq!((status, failed(&answer).0), (422, "VALIDATION_ERROR"));
    let (status, answer) = server.get("/api/v1/agents?limt=1");
    assert_eq!((status, failed(&answer).0), (400, "BAD_REQUEST"));
    let (_, answer) = server.get("/api/v1/stats");
    let data = succeeded(&answer);
    assert_eq!((&data["total_agents"], &data["healthy_agents"]), (&json!(3), &json!(1)));
    assert!((data["average_trust_score"].as_f64().unwrap() - 0.5).abs() < 1e-4, "two heartbeats weigh next to nothing");
}
