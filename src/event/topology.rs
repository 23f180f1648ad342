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

words! {
    /// What a connection rests on.
    pub enum LinkKind {
        /// One agent started the other.
        Parent = "parent",
        /// One handed tasks to the other.
        Handoff = "handoff",
        /// Messages went along it.
        Messages = "messages",
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
        /// What it rests on.
        kind: Option<LinkKind>,
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
        /// Of an adaptive swarm: whether it is a tree or a mesh for now.
        form: Option<TopologyKind>,
        /// Why it has that form.
        reason: Option<String>,
        /// Whether the deck worked the graph out, and goes on doing so.
        computed: Option<bool>,
        /// How many places and connections are not in it because there are too many.
        left_out: Option<u64>,
    }
}
