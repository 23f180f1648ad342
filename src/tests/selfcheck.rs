//! Self-checks: runs on demand and on a schedule, what they say, and how they end.

use serde_json::{Value, json};

use crate::memory::ask;
use crate::providers::ModelServer;
use crate::support::{Server, until};

fn run(server: &Server) -> String {
    let (status, answer) = ask(server, "POST", "/api/selfcheck/run", &json!({}));
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

/// A run, once it has ended.
fn ended(server: &Server, id: &str) -> Value {
    until("the run ends", || {
        let (_, answer) = server.get("/api/selfcheck");
        let run = answer["runs"].as_array().unwrap().iter().find(|run| run["id"] == id).cloned()?;
        (run["state"] != "running").then_some(run)
    })
}

#[test]
fn a_run_checks_the_deck_and_tells_how_it_goes() {
    let server = Server::start();
    ask(&server, "PUT", "/api/memory/n/k", &json!({"value": "x"}));
    assert_eq!(
        server.get("/api/selfcheck").1,
        json!({"running": false, "newest": null, "runs": [], "every_seconds": null, "next_at": null})
    );
    let id = run(&server);
    let done = ended(&server, &id);
    assert_eq!(done["state"], "completed", "{done}");
    let checks = done["checks"].as_array().unwrap();
    let names: Vec<&str> = checks.iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["log_writable", "log_contiguous", "disk_space", "ring_lag", "memory_index", "clock_skew"]);
    for check in checks {
        assert!(check["ok"] == true && check["took_ms"].is_number() && !check["detail"].as_str().unwrap().is_empty(), "{check}");
    }
    assert!(checks[4]["detail"].as_str().unwrap().starts_with("keys: 1, namespaces: 1;"), "{checks:?}");
    let about: Vec<Value> = server.log().into_iter().filter(|event| event["entity"]["id"] == json!(id)).collect();
    let kinds: Vec<&str> = about.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], *kinds.last().unwrap(), kinds.len()), ("selfcheck.started", "selfcheck.completed", 10));
    let shares: Vec<f64> = about.iter().filter_map(|event| event["payload"]["progress"].as_f64()).collect();
    assert!(shares.is_sorted() && shares[0] == 0.0 && shares.iter().all(|share| *share < 100.0), "{shares:?}");
    assert!(about.iter().all(|event| event["source"] == "core"));
}

#[test]
fn a_failed_check_fails_the_run_and_one_run_goes_on_at_a_time() {
    let mut server = Server::start();
    let model = ModelServer::start();
    let body = json!({"name": "llm", "kind": "ollama", "url": model.url(), "every_seconds": 3_600});
    assert_eq!(ask(&server, "POST", "/api/providers", &body).0, 201);
    assert_eq!(ended(&server, &run(&server))["checks"][6]["name"], "provider:llm");
    model.thinks(1_000);
    let id = run(&server);
    let (status, answer) = ask(&server, "POST", "/api/selfcheck/run", &json!({}));
    assert!(status == 409 && answer["detail"] == "a self-check goes on already", "{answer}");
    assert_eq!(ended(&server, &id)["state"], "completed");
    model.thinks(0);
    model.answers(404);
    let failed = ended(&server, &run(&server));
    assert_eq!(failed["state"], "failed");
    assert!(failed["message"].as_str().unwrap().starts_with("provider:llm failed: ERROR"), "{failed}");
    assert_eq!((failed["checks"].as_array().unwrap().len(), &failed["checks"][6]["ok"]), (7, &json!(false)));
    // One whose process is killed is ended by the next.
    model.thinks(4_000);
    let cut = run(&server);
    server.kill();
    server.run();
    let cut = ended(&server, &cut);
    assert_eq!((&cut["state"], &cut["message"]), (&json!("failed"), &json!("the deck ended while the check went on")));
    // One that a stop meets ends with it.
    let stopped = run(&server);
    assert!(server.stop());
    server.run();
    let stopped = ended(&server, &stopped);
    assert_eq!((&stopped["state"], &stopped["message"]), (&json!("failed"), &json!("the deck stopped while the check went on")));
}

#[test]
fn a_reporter_whose_clock_is_ahead_is_named() {
    let server = Server::start();
    server.send(&json!({"type": "test.probe", "source": "far-away", "ts": "2199-01-01T00:00:00Z"}));
    let failed = ended(&server, &run(&server));
    assert!(failed["message"].as_str().unwrap().starts_with("clock_skew failed: the clock of \"far-away\" is "), "{failed}");
}

#[test]
fn a_schedule_in_the_file_is_taken_over_while_it_runs() {
    let server = Server::start();
    std::fs::write(server.path().join("swarmdeck.toml"), "[selfcheck]\nevery_seconds = 5\n").unwrap();
    let is_due = |answer: &Value| answer["every_seconds"] == 5 && answer["next_at"].is_string();
    until("the schedule stands", || Some(server.get("/api/selfcheck").1).filter(is_due));
    let first = until("a run begins by itself", || server.get("/api/selfcheck").1["newest"]["id"].as_str().map(str::to_owned));
    assert_eq!(ended(&server, &first)["state"], "completed");
}
