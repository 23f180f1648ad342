//! Topology: who is connected with whom.

use super::table::{About, domain, payload, words};

words! {
    /// The way a swarm is connected.
    pub enum TopologyKind {
        Hierarchical = "hierarchical",
        Mesh = "mesh",
        Adaptive = "adaptive",
    }
}

payload! {
    /// A place in the graph: most often an agent.
    pub struct TopologyNode {
        /// Its id, the agent's where it is one.
        id: String,
        /// Its name for people.
        name: String,
        /// Its kind.
        kind as "type": String,
        /// How it is, in the reporter's words.
        status: String,
    }
}

payload! {
    /// A connection between two places.
    pub struct TopologyEdge {
        /// The node it leaves.
        source: String,
        /// The node it reaches.
        target: String,
        /// How well it works; 1 is well.
        health: f64 => (0.0, 1.0),
    }
}

domain! {
    /// Topology: who is connected with whom.
    TopologyEvent = "topology" about About::Anything;

    /// The graph became this; it replaces the one before.
    Changed = "changed" TopologyChanged {
        /// The way the swarm is connected.
        topology: TopologyKind,
        /// All places.
        nodes: Vec<TopologyNode>,
        /// All connections.
        edges: Vec<TopologyEdge>,
    }
}
