//! The topology over HTTP.

use serde_json::{Value, json};

use crate::support::{Server, until};

fn edges(graph: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    graph["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| (text(&edge["source"]), text(&edge["target"]), text(&edge["kind"])))
        .collect()
}

fn edge(source: &str, target: &str, kind: &str) -> (String, String, String) {
    (source.to_owned(), target.to_owned(), kind.to_owned())
}

#[test]
fn the_graph_is_worked_out_and_published_when_asked_for() {
    let mut server = Server::start();
    server.ask("POST", "/api/agents", &json!({"id": "a"}));
    server.ask("POST", "/api/agents", &json!({"id": "b", "parent": "a"}));
    server.ask("POST", "/api/agents", &json!({"id": "c"}));
    server.ask("POST", "/api/messages", &json!({"from": "b", "to": "c", "message_type": "query", "content": "?"}));
    let (_, graph) = server.get("/api/topology");
    assert_eq!((&graph["origin"], &graph["published"], &graph["left_out"]), (&json!("computed"), &json!(false), &json!(0)));
    assert_eq!(edges(&graph), [edge("a", "b", "parent"), edge("b", "c", "messages")]);
    assert!(server.log().iter().all(|event| event["type"] != "topology.changed"), "nobody asked");
    let mut live = server.websocket("types=topology.*");
    let (status, graph) = server.ask("POST", "/api/topology/auto", &json!({}));
    assert_eq!((status, &graph["topology"], &graph["published"]), (200, &json!("adaptive"), &json!(true)));
    assert_eq!(live.event()["payload"]["nodes"].as_array().unwrap().len(), 3);
    server.ask("POST", "/api/agents", &json!({"id": "d", "parent": "c"}));
    let changed = live.event();
    assert_eq!((&changed["source"], changed["payload"]["nodes"].as_array().unwrap().len()), (&json!("core"), 4));
    server.kill();
    server.run();
    server.ask("DELETE", "/api/agents/d", &json!({}));
    until("a restart goes on publishing", || {
        let state = server.get("/api/state").1;
        (state["state"]["topology"]["nodes"].as_object().unwrap().len() == 3).then_some(())
    });
}

#[test]
fn the_graph_is_set_by_hand_and_taken_from_those_who_report_it() {
    let server = Server::start();
    for id in ["a", "b"] {
        server.ask("POST", "/api/agents", &json!({"id": id}));
    }
    let graph = json!({"topology": "hierarchical", "nodes": [{"id": "x"}, {"id": "y", "name": "Y"}], "edges": [{"source": "x", "target": "y", "health": 0.5}]});
    let (status, set) = server.ask("PUT", "/api/topology", &graph);
    assert_eq!(
        (status, &set["origin"], &set["nodes"][1]["name"], &set["edges"][0]["health"]),
        (200, &json!("set"), &json!("Y"), &json!(0.5))
    );
    server.send(&json!({"type": "topology.changed", "source": "planner", "payload": {"topology": "mesh"}}));
    let (_, told) = server.get("/api/topology");
    assert_eq!((&told["origin"], &told["topology"]), (&json!("reported"), &json!("mesh")));
    let (_, kind) = server.ask("PUT", "/api/topology", &json!({"topology": "hierarchical"}));
    assert_eq!(
        (&kind["origin"], &kind["topology"], kind["nodes"].as_array().unwrap().len()),
        (&json!("computed"), &json!("hierarchical"), 2)
    );
    for (body, status) in [
        (json!({"topology": "star"}), 422),
        (json!({}), 400),
        (json!({"topology": "mesh", "nodes": [{"id": "x"}, {"id": "x"}]}), 422),
        (json!({"topology": "mesh", "edges": [{"source": "x", "target": "y"}]}), 422),
        (json!({"topology": "mesh", "nodes": [], "colour": 1}), 400),
    ] {
        let (got, problem) = server.ask("PUT", "/api/topology", &body);
        assert_eq!(got, status, "{body}: {problem}");
    }
    assert_eq!(server.ask("POST", "/api/topology/auto", &json!({"topology": "ring"})).0, 422);
}
