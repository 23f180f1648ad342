//! The graph worked out, set and published, with a real log on disk.

use serde_json::{Value, json};

use super::*;
use crate::event::topology::LinkKind;
use crate::service::testdeck::Deck;
use crate::service::{Reason, ServiceConfig};

async fn agent(deck: &Deck, id: &str, parent: Option<&str>) {
    let payload = json!({"name": id, "agent_type": "worker", "parent": parent});
    deck.send(json!({"type": "agent.registered", "entity": format!("agent:{id}"), "payload": payload})).await;
}

async fn message(deck: &Deck, from: &str, to: &str, kind: &str) {
    let payload = json!({"from": from, "to": to, "message_type": kind, "content": "", "size": 0});
    deck.send(json!({"type": "message.sent", "entity": "message:m", "payload": payload})).await;
}

fn lines(graph: &Graph) -> Vec<(&str, &str, Option<LinkKind>, f64)> {
    graph.graph.edges.iter().map(|edge| (edge.source.as_str(), edge.target.as_str(), edge.kind, edge.health)).collect()
}

fn reported(topology: &str) -> Value {
    json!({"type": "topology.changed", "source": "planner", "payload": {"topology": topology, "nodes": [
        {"id": "x", "name": "X", "type": "t", "status": "idle"}]}})
}

#[tokio::test]
async fn the_graph_follows_from_parents_messages_and_tasks() {
    let deck = Deck::open();
    let topology = Topology::start(&deck.setup);
    for (id, parent) in [("a", None), ("b", Some("a")), ("c", Some("a")), ("d", None), ("gone", Some("a"))] {
        agent(&deck, id, parent).await;
    }
    deck.send(json!({"type": "agent.removed", "entity": "agent:gone"})).await;
    message(&deck, "b", "a", "response").await;
    message(&deck, "b", "c", "query").await;
    message(&deck, "c", "b", "error").await;
    message(&deck, "a", "*", "broadcast").await;
    for (action, payload) in [
        ("created", json!({"description": "d"})),
        ("assigned", json!({"agent": "c"})),
        ("assigned", json!({"agent": "d"})),
        ("failed", json!({"error": "x"})),
    ] {
        deck.send(json!({"type": format!("task.{action}"), "entity": "task:t", "payload": payload})).await;
    }
    let graph = topology.current();
    assert_eq!((graph.origin, graph.published), (Origin::Computed, false));
    let expected = [
        ("a", "b", Some(LinkKind::Parent), 1.0),
        ("a", "c", Some(LinkKind::Parent), 1.0),
        ("c", "d", Some(LinkKind::Handoff), 0.0),
        ("b", "c", Some(LinkKind::Messages), 0.5),
    ];
    assert_eq!(lines(&graph), expected);
    let health = |id: &str, status: &str| json!({"type": "agent.health_changed", "entity": format!("agent:{id}"), "payload": {"status": status, "previous": "healthy"}});
    deck.send(health("b", "offline")).await;
    deck.send(health("c", "unhealthy")).await;
    let graph = topology.current();
    assert_eq!(lines(&graph).iter().map(|line| line.3).collect::<Vec<_>>(), [0.0, 0.5, 0.0, 0.0]);
    let statuses: Vec<&str> = graph.graph.nodes.iter().map(|node| node.status.as_str()).collect();
    assert_eq!(statuses, ["active", "offline", "error", "error"], "d's task failed");
    let deck = deck.again().await;
    deck.hub.close().await;
}

#[tokio::test]
async fn it_is_published_when_asked_for_and_only_when_it_changes() {
    let deck = Deck::open();
    let topology = Topology::start(&deck.setup);
    agent(&deck, "a", None).await;
    agent(&deck, "b", Some("a")).await;
    publisher::publish(&topology).await.unwrap();
    assert_eq!(deck.hub.head(), 2, "nobody asked");
    let graph = topology.publish(None).await.unwrap();
    assert!(graph.published && deck.hub.head() == 3);
    assert_eq!((graph.graph.topology, graph.graph.form), (TopologyKind::Adaptive, Some(TopologyKind::Hierarchical)));
    assert_eq!(graph.graph.reason.as_deref(), Some("a tree: 0 of the last 0 messages crossed it"));
    for _ in 0..3 {
        publisher::publish(&topology).await.unwrap();
    }
    assert_eq!(deck.hub.head(), 3, "its own event leads to no other");
    message(&deck, "a", "b", "query").await;
    publisher::publish(&topology).await.unwrap();
    assert_eq!(deck.hub.head(), 4, "a message along a link that is there changes nothing");
    agent(&deck, "c", Some("a")).await;
    deck.until("the publisher notices by itself", |state| state.topology.nodes.len() == 3).await;
    let deck = deck.again().await;
    let topology = Topology::start(&deck.setup);
    agent(&deck, "d", Some("a")).await;
    deck.until("a restart goes on publishing", |state| state.topology.nodes.len() == 4).await;
    assert!(topology.current().published);
    let deck = deck.again().await;
    deck.hub.close().await;
}

#[tokio::test]
async fn what_others_say_stands_until_the_deck_is_asked_again() {
    let deck = Deck::with(ServiceConfig { topology: TopologyConfig { publish: true }, ..ServiceConfig::default() });
    let topology = Topology::start(&deck.setup);
    agent(&deck, "a", None).await;
    publisher::publish(&topology).await.unwrap();
    assert_eq!(deck.hub.head(), 1, "one agent is no graph");
    agent(&deck, "b", None).await;
    deck.until("the settings ask for it", |state| state.topology.nodes.len() == 2).await;
    deck.send(reported("hierarchical")).await;
    agent(&deck, "c", None).await;
    publisher::publish(&topology).await.unwrap();
    let graph = topology.current();
    assert_eq!((graph.origin, graph.published, graph.graph.nodes.len()), (Origin::Reported, false, 1));
    let node = |id: &str| NewNode { id: id.into(), name: None, kind: None, status: None };
    let edge = |source: &str, target: &str| NewEdge { source: source.into(), target: target.into(), health: None };
    let new = |edges| NewTopology { topology: "mesh".into(), nodes: Some(vec![node("x"), node("y")]), edges: Some(edges) };
    let refusal = topology.set(new(vec![edge("x", "z")])).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.detail.as_str()), (Reason::Invalid, "edges[0].target: no node \"z\""));
    let graph = topology.set(new(vec![edge("x", "y")])).await.unwrap();
    assert_eq!((graph.origin, graph.published, lines(&graph)), (Origin::Set, false, vec![("x", "y", None, 1.0)]));
    let graph = topology.publish(Some(TopologyKind::Mesh)).await.unwrap();
    assert_eq!((graph.origin, graph.published, graph.graph.nodes.len(), graph.graph.form), (Origin::Computed, true, 3, None));
    let only_kind = NewTopology { topology: "hierarchical".into(), nodes: None, edges: None };
    let graph = topology.set(only_kind).await.unwrap();
    assert_eq!((graph.graph.topology, graph.published), (TopologyKind::Hierarchical, true));
    let forged = json!({"type": "topology.changed", "source": "planner", "payload": {"topology": "mesh", "computed": true}});
    deck.send(forged).await;
    assert_eq!(topology.current().origin, Origin::Reported, "only the deck works graphs out");
    let deck = deck.again().await;
    deck.hub.close().await;
}

#[tokio::test]
async fn an_adaptive_swarm_switches_and_says_why() {
    let deck = Deck::open();
    let topology = Topology::start(&deck.setup);
    for (id, parent) in [("a", None), ("b", Some("a")), ("c", Some("a"))] {
        agent(&deck, id, parent).await;
    }
    let form = |graph: &Graph| (graph.graph.form, graph.graph.reason.clone().unwrap_or_default());
    topology.publish(None).await.unwrap();
    for _ in 0..19 {
        message(&deck, "b", "c", "query").await;
    }
    assert_eq!(form(&topology.current()).0, Some(TopologyKind::Hierarchical), "too few to tell");
    message(&deck, "b", "c", "query").await;
    let mesh = (Some(TopologyKind::Mesh), "a mesh: 100 % of the last 20 messages crossed the tree, more than 50 %".to_owned());
    assert_eq!(form(&topology.publish(None).await.unwrap()), mesh);
    for _ in 0..30 {
        message(&deck, "a", "b", "query").await;
    }
    assert_eq!(form(&topology.publish(None).await.unwrap()), mesh, "between the two shares it stays what it is");
    for _ in 0..20 {
        message(&deck, "a", "c", "query").await;
    }
    let (now, why) = form(&topology.publish(None).await.unwrap());
    assert_eq!(
        (now, why.as_str()),
        (Some(TopologyKind::Hierarchical), "a tree: 29 % of the last 70 messages crossed it, less than 30 %")
    );
    let deck = deck.again().await;
    deck.hub.close().await;
}

#[tokio::test]
async fn a_large_swarm_says_how_much_is_left_out() {
    let deck = Deck::open();
    let topology = Topology::start(&deck.setup);
    let registered = |n: usize| {
        let event =
            json!({"type": "agent.registered", "entity": format!("agent:{n:04}"), "payload": {"name": "n", "agent_type": "t"}});
        Draft::read(event, &crate::event::wire::At::Root("")).unwrap()
    };
    deck.hub.append((0..MAX_NODES + 7).map(registered).collect()).await.unwrap();
    let graph = topology.publish(None).await.unwrap();
    assert_eq!((graph.graph.nodes.len(), graph.graph.left_out), (MAX_NODES, Some(7)));
    publisher::publish(&topology).await.unwrap();
    assert_eq!(deck.hub.state().types["topology.changed"], 1);
    let deck = deck.again().await;
    deck.hub.close().await;
}
