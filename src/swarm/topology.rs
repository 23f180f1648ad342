//! The graph as it was last reported.

use super::Evidence;
use super::agents::MAX_TEXT;
use super::bounds::clip;
use super::table::Table;
use crate::event::Event;
use crate::event::table::record;
use crate::event::topology::{TopologyEvent, TopologyKind};

/// How many nodes are kept.
pub const MAX_NODES: usize = 2_000;
/// How many edges are kept.
pub const MAX_EDGES: usize = 10_000;

record! {
    /// A place in the graph.
    pub struct Node {
        /// Its name for people.
        name: String,
        /// Its kind.
        kind as "type": String,
        /// How it is, in the reporter's words.
        status: String,
    }
}

record! {
    /// A connection.
    pub struct Edge {
        /// The node it leaves.
        source: String,
        /// The node it reaches.
        target: String,
        /// How well it works; 1 is well.
        health: f64,
    }
}

record! {
    /// The reported graph.
    #[derive(Default)]
    pub struct Topology {
        /// The way the swarm is connected; unknown before the first report.
        kind: Option<TopologyKind>,
        /// The nodes by id.
        nodes: Table<Node>,
        /// The edges.
        edges: Vec<Edge>,
        /// How many nodes and edges are over the bounds.
        left_out: u64,
        /// The event that reported it.
        by: Option<Evidence>,
    }
}

impl Topology {
    pub(super) fn fold(&mut self, event: &Event, body: &TopologyEvent) {
        let TopologyEvent::Changed(it) = body;
        self.kind = Some(it.topology);
        self.by = Some(Evidence::of(event));
        self.nodes.clear();
        let node = |node: &crate::event::topology::TopologyNode| {
            let shown = Node { name: clip(&node.name, MAX_TEXT), kind: clip(&node.kind, 64), status: clip(&node.status, 64) };
            self.nodes.insert(&node.id, shown);
        };
        it.nodes.iter().take(MAX_NODES).for_each(node);
        let edges = it.edges.iter().take(MAX_EDGES);
        self.edges = edges.map(|e| Edge { source: e.source.clone(), target: e.target.clone(), health: e.health }).collect();
        let over = |len: usize, max: usize| len.saturating_sub(max) as u64;
        self.left_out = over(it.nodes.len(), MAX_NODES) + over(it.edges.len(), MAX_EDGES);
    }
}
