//! Tasks over HTTP.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::Server;

fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    server.ask("POST", path, body)
}

#[test]
fn a_hundred_agents_claim_a_thousand_tasks_and_each_has_one_owner() {
    let mut server = Server::with(&["--durability", "crash"]);
    let agents: Vec<Value> = (0..100)
        .map(
            |n| json!({"type": "agent.registered", "entity": format!("agent:a{n}"), "payload": {"name": "n", "agent_type": "t"}}),
        )
        .collect();
    server.send(&agents.into());
    let tasks: Vec<Value> = (0..1_000)
        .map(|n| json!({"type": "task.created", "entity": format!("task:t{n}"), "payload": {"description": "d"}}))
        .collect();
    server.send(&tasks.into());
    let owners: Mutex<BTreeMap<String, String>> = Mutex::default();
    std::thread::scope(|scope| {
        for n in 0..100 {
            let (server, owners) = (&server, &owners);
            scope.spawn(move || {
                let me = format!("a{n}");
                loop {
                    let (status, task) = post(server, "/api/tasks/claim", &json!({"agent": me}));
                    if status == 204 {
                        return;
                    }
                    assert_eq!((status, &task["agent"], &task["state"]), (200, &json!(me), &json!("assigned")), "{task}");
                    let before = owners.lock().unwrap().insert(task["id"].as_str().unwrap().to_owned(), me.clone());
                    assert_eq!(before, None, "{} has two owners", task["id"]);
                }
            });
        }
    });
    let owners = owners.into_inner().unwrap();
    assert_eq!(owners.len(), 1_000);
    server.kill();
    server.run();
    let (_, state) = server.get("/api/state");
    for (task, owner) in &owners {
        assert_eq!(state["state"]["tasks"]["by_id"][task]["agent"], json!(owner));
    }
    assert_eq!(state["state"]["types"]["task.assigned"], 1_000);
}

#[test]
fn a_task_goes_its_way_and_refusals_name_both_states() {
    let server = Server::start();
    server.ask("POST", "/api/agents", &json!({"id": "a"}));
    let (status, task) = post(&server, "/api/tasks", &json!({"id": "t", "description": "Do it", "priority": 3}));
    assert_eq!((status, &task["state"], &task["blocked"], &task["attempt"]), (201, &json!("pending"), &json!(false), &json!(1)));
    let step = |action: &str, body: Value| post(&server, &format!("/api/tasks/t/{action}"), &body);
    let (status, problem) = step("start", json!({}));
    assert_eq!((status, &problem["detail"]), (409, &json!("task \"t\" is pending and cannot become running")));
    assert_eq!(step("claim", json!({"agent": "a"})).0, 200);
    let (status, problem) = step("claim", json!({"agent": "a"}));
    assert_eq!((status, &problem["detail"]), (409, &json!("task \"t\" is assigned to \"a\" and cannot become assigned")));
    assert_eq!(step("start", json!({"agent": "a", "title": "T"})).1["title"], "T");
    assert_eq!(step("progress", json!({"progress": 50, "message": "half"})).1["progress"], 50.0);
    assert_eq!(step("progress", json!({"progress": 20})).1["progress"], 50.0);
    assert_eq!(step("progress", json!({"progress": 120})).0, 422);
    assert_eq!(step("fail", json!({})).0, 400);
    assert_eq!(step("fail", json!({"error": "broken"})).1["error"], "broken");
    let (_, task) = step("retry", json!({"reason": "mended"}));
    assert_eq!(
        (&task["state"], &task["attempt"], &task["agent"], &task["progress"]),
        (&json!("pending"), &json!(2), &Value::Null, &Value::Null)
    );
    assert_eq!(step("cancel", json!({"reason": "no need"})).1["state"], "cancelled");
    let (status, problem) = step("complete", json!({}));
    assert_eq!((status, &problem["detail"]), (409, &json!("task \"t\" is cancelled and cannot become completed")));
    assert_eq!(post(&server, "/api/tasks/none/cancel", &json!({})).0, 404);
    assert_eq!(post(&server, "/api/tasks/claim", &json!({"agent": "nobody"})).0, 404);
    assert_eq!(post(&server, "/api/tasks/claim", &json!({"agent": "a"})).0, 204);
    let events: Vec<String> =
        server.log().iter().filter_map(|event| event["type"].as_str()?.strip_prefix("task.").map(str::to_owned)).collect();
    assert_eq!(events, ["created", "assigned", "started", "progress", "failed", "retried", "cancelled"]);
}

#[test]
fn what_depends_on_others_waits_also_across_a_crash() {
    let mut server = Server::start();
    server.ask("POST", "/api/agents", &json!({"id": "a"}));
    post(&server, "/api/tasks", &json!({"id": "one", "description": "1", "agent": "a"}));
    let (_, two) = post(&server, "/api/tasks", &json!({"id": "two", "description": "2", "depends_on": ["one"]}));
    assert_eq!((&two["blocked"], &two["waits_for"]), (&json!(true), &json!(["one"])));
    assert_eq!(post(&server, "/api/tasks", &json!({"description": "3", "depends_on": ["nothing"]})).0, 404);
    server.kill();
    server.run();
    let (status, problem) = post(&server, "/api/tasks/two/assign", &json!({"agent": "a"}));
    assert_eq!((status, &problem["detail"]), (409, &json!("task \"two\" is blocked: it depends on \"one\", which is assigned")));
    assert_eq!(server.get("/api/tasks?blocked=true").1["total"], 1);
    assert_eq!(server.get("/api/tasks?blocked=false&agent=a").1["tasks"][0]["id"], "one");
    post(&server, "/api/tasks/one/start", &json!({}));
    post(&server, "/api/tasks/one/complete", &json!({"result": {"ok": true}}));
    assert_eq!(server.get("/api/tasks/two").1["blocked"], false);
    assert_eq!(post(&server, "/api/tasks/claim", &json!({"agent": "a"})).1["id"], "two");
    let (status, problem) = server.get("/api/tasks?state=done");
    assert!(
        status == 400 && problem["detail"].as_str().unwrap().starts_with("state: \"done\" is not one of pending"),
        "{problem}"
    );
}

#[test]
fn what_a_router_says_is_kept_and_assigns_nothing() {
    let server = Server::start();
    let route = |kind: &str| json!({"type": format!("task.{kind}"), "entity": "task:t", "payload": {"agent": "a", "confidence": 0.9, "model": "m"}});
    server.send(&json!([route("routed"), route("route_verified"), route("rerouted"), route("route_overridden")]));
    assert_eq!(server.log()[3]["payload"]["model"], "m");
    assert_eq!(server.get("/api/tasks/t").1["agent"], Value::Null);
}
