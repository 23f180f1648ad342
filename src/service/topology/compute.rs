//! The graph of a swarm, worked out from its folded state: a pure function.
//!
//! Nodes are the agents that have not ended. An edge stands for a parent link, for tasks that were
//! handed over, or for messages that were sent; where several hold, for the first of these. Its
//! health is the share of what went well along it of late, in tenths, and no better than its ends
//! allow: an end that is offline makes it 0, one that is unhealthy at most a half.

use std::collections::BTreeMap;

use crate::event::agent::Health;
use crate::event::topology::{LinkKind, TopologyChanged, TopologyEdge, TopologyKind, TopologyNode};
use crate::event::wire::Object;
use crate::swarm::SwarmState;
use crate::swarm::agents::Agent;
use crate::swarm::messages::Pair;
use crate::swarm::topology::Topology;

/// How many nodes a graph has; further agents, in order of their ids, are counted as left out.
pub const MAX_NODES: usize = 1_000;
/// How many edges; of further ones, those of messages go first, then those of hand-offs.
pub const MAX_EDGES: usize = 2_000;

/// An adaptive swarm becomes a mesh where more than this share of its messages crosses the tree,
const TO_MESH: f64 = 0.5;
/// and a tree again where less than this does. Between the two it stays what it is.
const TO_TREE: f64 = 0.3;
/// It stays a tree until so many messages between agents were seen.
const ENOUGH: u64 = 20;

/// The graph, as one of this kind.
pub(super) fn compute(state: &SwarmState, topology: TopologyKind) -> TopologyChanged {
    let live: Vec<&Agent> = state.agents.by_id.values().filter(|agent| !agent.ended()).collect();
    let drawn = &live[..live.len().min(MAX_NODES)];
    let mut edges = edges(state, drawn);
    // By kind, in the order of their weight; a stable sort keeps the order of ids among equals.
    edges.sort_by_key(|edge| edge.kind);
    let left_out = live.len() - drawn.len() + edges.len().saturating_sub(MAX_EDGES);
    edges.truncate(MAX_EDGES);
    let (form, reason) = match topology {
        TopologyKind::Adaptive => adapt(state),
        TopologyKind::Hierarchical | TopologyKind::Mesh => (None, None),
    };
    TopologyChanged {
        topology,
        nodes: drawn.iter().map(|agent| node(agent)).collect(),
        edges,
        form,
        reason,
        computed: Some(true),
        left_out: (left_out > 0).then_some(left_out as u64),
        extra: Object::new(),
    }
}

/// Whether a graph is the one that was last published.
pub(super) fn is_shown(graph: &TopologyChanged, state: &SwarmState) -> bool {
    let told = &state.topology;
    let mut shown = Topology::default();
    shown.show(graph);
    told.kind == shown.kind
        && told.form == shown.form
        && told.left_out == shown.left_out
        && told.nodes == shown.nodes
        && told.edges == shown.edges
}

/// A node. Its status says only what changes seldom: each change publishes the whole graph.
fn node(agent: &Agent) -> TopologyNode {
    let status = match agent.health {
        Some(Health::Offline) => "offline",
        Some(Health::Unhealthy) => "error",
        _ if agent.failing.is_some() => "error",
        _ => "active",
    };
    TopologyNode {
        id: agent.id.clone(),
        name: agent.name.clone(),
        kind: agent.agent_type.clone().unwrap_or_else(|| "agent".to_owned()),
        status: status.to_owned(),
        extra: Object::new(),
    }
}

/// What is known of one edge.
#[derive(Debug, Clone, Copy)]
struct Line {
    kind: LinkKind,
    recent: u64,
    failures: u64,
}

fn edges(state: &SwarmState, drawn: &[&Agent]) -> Vec<TopologyEdge> {
    // They come in order of their ids.
    let place = |id: &str| drawn.binary_search_by(|agent| agent.id.as_str().cmp(id)).ok();
    let ends = |from: &str, to: &str| Some((place(from)?, place(to)?)).filter(|(from, to)| from != to);
    let mut lines: BTreeMap<(usize, usize), Line> = BTreeMap::new();
    for agent in drawn {
        if let Some(link) = agent.parent.as_deref().and_then(|parent| ends(parent, &agent.id)) {
            lines.insert(link, Line { kind: LinkKind::Parent, recent: 0, failures: 0 });
        }
    }
    let mut add = |pair: &Pair, kind: LinkKind| {
        let Some((from, to)) = ends(&pair.from, &pair.to) else { return };
        // What goes both ways is one line.
        let link = if lines.contains_key(&(to, from)) { (to, from) } else { (from, to) };
        let line = lines.entry(link).or_insert(Line { kind, recent: 0, failures: 0 });
        line.recent += pair.recent;
        line.failures += pair.recent_errors;
    };
    state.topology.handoffs.values().for_each(|pair| add(pair, LinkKind::Handoff));
    state.messages.pairs.values().for_each(|pair| add(pair, LinkKind::Messages));
    let edge = |((from, to), line): ((usize, usize), Line)| TopologyEdge {
        source: drawn[from].id.clone(),
        target: drawn[to].id.clone(),
        health: health(&line, drawn[from], drawn[to]),
        kind: Some(line.kind),
        extra: Object::new(),
    };
    lines.into_iter().map(edge).collect()
}

fn health(line: &Line, from: &Agent, to: &Agent) -> f64 {
    let worked = if line.recent == 0 { 1.0 } else { 1.0 - line.failures as f64 / line.recent as f64 };
    let allowed = |agent: &Agent| match agent.health {
        Some(Health::Offline) => 0.0,
        Some(Health::Unhealthy) => 0.5,
        _ => 1.0,
    };
    let worked = worked.min(allowed(from)).min(allowed(to));
    (worked * 10.0).round() / 10.0
}

/// Whether an adaptive swarm is a tree or a mesh now, and why. It keeps the words of its last
/// switch until the next.
fn adapt(state: &SwarmState) -> (Option<TopologyKind>, Option<String>) {
    let (along, across) = (state.messages.along, state.messages.across);
    let seen = along + across;
    let share = if seen == 0 { 0.0 } else { across as f64 / seen as f64 };
    let was = state.topology.form.filter(|_| state.topology.computed);
    let enough = seen >= ENOUGH;
    let form = match was {
        Some(TopologyKind::Mesh) if enough && share < TO_TREE => TopologyKind::Hierarchical,
        Some(TopologyKind::Mesh) => TopologyKind::Mesh,
        _ if enough && share > TO_MESH => TopologyKind::Mesh,
        _ => TopologyKind::Hierarchical,
    };
    let reason = match (was, form) {
        (Some(was), form) if was == form => state.topology.reason.clone(),
        (_, TopologyKind::Mesh) => Some(format!(
            "a mesh: {:.0} % of the last {seen} messages crossed the tree, more than {:.0} %",
            share * 100.0,
            TO_MESH * 100.0
        )),
        (None, _) => Some(format!("a tree: {across} of the last {seen} messages crossed it")),
        (Some(_), _) => Some(format!(
            "a tree: {:.0} % of the last {seen} messages crossed it, less than {:.0} %",
            share * 100.0,
            TO_TREE * 100.0
        )),
    };
    (Some(form), reason)
}
