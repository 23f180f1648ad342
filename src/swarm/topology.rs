//! The graph as it was last reported or worked out, and the hand-offs of tasks between agents.

use super::Evidence;
use super::agents::MAX_TEXT;
use super::bounds::{clip, prune};
use super::messages::{MAX_PAIRS, Pair, pair};
use super::table::Table;
use super::tasks::{Task, TaskState};
use crate::event::table::record;
use crate::event::topology::{LinkKind, TopologyChanged, TopologyEvent, TopologyKind};
use crate::event::{CORE, Event};

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
        /// What it rests on.
        kind: Option<LinkKind>,
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
        /// Of an adaptive swarm: whether it is a tree or a mesh for now.
        form: Option<TopologyKind>,
        /// Why it has that form.
        reason: Option<String>,
        /// How many nodes and edges are over the bounds, here or where it was reported.
        left_out: u64,
        /// The event that reported it.
        by: Option<Evidence>,
        /// Who reported it.
        source: Option<String>,
        /// Whether the deck itself worked it out, and goes on doing so.
        computed: bool,
        /// Tasks that went from one agent to another, by both joined by a unit separator; past the
        /// bound of pairs those longest quiet are forgotten. It is no part of the graph above.
        handoffs: Table<Pair>,
    }
}

impl Topology {
    pub(super) fn fold(&mut self, event: &Event, body: &TopologyEvent) {
        let TopologyEvent::Changed(it) = body;
        self.show(it);
        self.by = Some(Evidence::of(event));
        self.source = Some(event.source.clone());
        self.computed = it.computed == Some(true) && event.source == CORE;
    }

    /// Takes over a graph, up to the bounds.
    pub fn show(&mut self, it: &TopologyChanged) {
        self.kind = Some(it.topology);
        self.form = it.form;
        self.reason = it.reason.as_deref().map(|reason| clip(reason, MAX_TEXT));
        self.nodes.clear();
        let node = |node: &crate::event::topology::TopologyNode| {
            let shown = Node { name: clip(&node.name, MAX_TEXT), kind: clip(&node.kind, 64), status: clip(&node.status, 64) };
            self.nodes.insert(&node.id, shown);
        };
        it.nodes.iter().take(MAX_NODES).for_each(node);
        let edge = |e: &crate::event::topology::TopologyEdge| Edge {
            source: e.source.clone(),
            target: e.target.clone(),
            health: e.health,
            kind: e.kind,
        };
        self.edges = it.edges.iter().take(MAX_EDGES).map(edge).collect();
        let over = |len: usize, max: usize| len.saturating_sub(max) as u64;
        self.left_out = it.left_out.unwrap_or(0) + over(it.nodes.len(), MAX_NODES) + over(it.edges.len(), MAX_EDGES);
    }

    /// A task changed; `before` is who had it.
    pub(super) fn task_moved(&mut self, event: &Event, before: Option<&str>, task: &Task) {
        let (Some(from), Some(to)) = (&task.handed_by, &task.agent) else { return };
        let came = before != Some(to);
        let ended = task.state != task.was && matches!(task.state, TaskState::Completed | TaskState::Failed);
        if !came && !ended {
            return;
        }
        let handed = pair(&mut self.handoffs, from, to);
        handed.last = event.seq;
        handed.count += u64::from(came);
        if ended {
            handed.outcome(task.state == TaskState::Failed);
        }
        prune(&mut self.handoffs, MAX_PAIRS, |pair| (true, pair.last));
    }
}
