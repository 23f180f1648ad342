//! The swarm as a graph: who is in it, how they are connected, and where they stand in a drawing.
//!
//! Nodes are the reported ones and every agent besides; lines are the reported connections, parent
//! links, hand-offs and messages. A layout depends on who is there and how they are connected, never
//! on how they are: a change of status moves nothing.

mod force;
mod layered;

pub use force::Force;
pub use layered::{layered, ring};

use super::SwarmState;
use super::bounds::order;
use super::status::{self, Attention};
use crate::event::Timestamp;
use crate::event::topology::{LinkKind, TopologyKind};

/// How many nodes are drawn and listed; how many more there are is counted.
pub const MAX_DRAWN: usize = 2_000;

/// A place in a drawing, in its own pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spot {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// One node of the graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The node's id.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its kind, empty where unknown.
    pub kind: String,
    /// How it stands; none for a node that is no agent.
    pub attention: Option<Attention>,
    /// The node over it, by index. Following these never comes back to where it began.
    pub parent: Option<usize>,
}

/// What a line is drawn for; where several things connect two nodes, the first of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EdgeKind {
    /// One agent started the other.
    Parent,
    /// It was reported, without saying what it rests on.
    Reported,
    /// Tasks went from one to the other.
    Handoff,
    /// Messages were sent.
    Messages,
}

impl EdgeKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Parent, Self::Reported, Self::Handoff, Self::Messages];

    /// Its name in class names.
    pub fn slug(self) -> &'static str {
        ["parent", "reported", "handoff", "messages"][self as usize]
    }

    /// What it means.
    pub fn words(self) -> &'static str {
        ["started by", "reported", "handed tasks to", "only messages"][self as usize]
    }
}

/// One line of the drawing: everything that connects two nodes, both ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The node it leaves, by index.
    pub from: usize,
    /// The node it reaches, by index.
    pub to: usize,
    /// What it is drawn for.
    pub kind: EdgeKind,
    /// How well it works, where that was reported.
    pub health: Option<f64>,
    /// Messages and tasks that went along it.
    pub traffic: u64,
}

impl Link {
    /// How wide it is drawn, in steps from 0 to 5: one that is ten times as busy is not ten times as wide.
    pub fn step(&self) -> u8 {
        ((1 + self.traffic).ilog2() / 2).min(5) as u8
    }

    /// Its health in a word: `ailing`, `slow`, or nothing.
    pub fn trouble(&self) -> &'static str {
        match self.health {
            Some(health) if health < 0.5 => "ailing",
            Some(health) if health < 0.9 => "slow",
            _ => "",
        }
    }
}

/// How nodes are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Those below stand under those above.
    #[default]
    Tree,
    /// Those who are connected stand beside each other.
    Mesh,
}

/// The graph.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// The way the swarm is connected, as reported.
    pub kind: Option<TopologyKind>,
    /// How it is laid out.
    pub form: Form,
    /// Why an adaptive swarm has that form.
    pub reason: Option<String>,
    /// The nodes, in order of their ids.
    pub places: Vec<Place>,
    /// The lines, in order of their ends.
    pub links: Vec<Link>,
    /// How many nodes are neither drawn nor listed.
    pub left_out: usize,
}

impl Graph {
    /// The node of this id, by index.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.places.binary_search_by(|place| place.id.as_str().cmp(id)).ok()
    }

    /// The parents of all nodes, by index.
    pub fn parents(&self) -> Vec<Option<usize>> {
        self.places.iter().map(|place| place.parent).collect()
    }

    /// Whether the other graph has the same nodes and lines in the same form: then it has the same layout.
    pub fn same_shape(&self, other: &Self) -> bool {
        let same_place = |(a, b): (&Place, &Place)| a.id == b.id && a.parent == b.parent;
        let same_link = |(a, b): (&Link, &Link)| a.from == b.from && a.to == b.to;
        self.form == other.form
            && self.places.len() == other.places.len()
            && self.links.len() == other.links.len()
            && self.places.iter().zip(&other.places).all(same_place)
            && self.links.iter().zip(&other.links).all(same_link)
    }

    /// Whether the other graph is also drawn alike: its nodes stand the same, its lines look the same.
    pub fn same_look(&self, other: &Self) -> bool {
        let same_place = |(a, b): (&Place, &Place)| a.attention == b.attention && a.name == b.name && a.kind == b.kind;
        let look = |link: &Link| (link.kind, link.step(), link.trouble());
        self.same_shape(other)
            && self.places.iter().zip(&other.places).all(same_place)
            && self.links.iter().zip(&other.links).all(|(a, b)| look(a) == look(b))
    }
}

/// The swarm as a graph.
pub fn graph(state: &SwarmState, now: Timestamp) -> Graph {
    graph_of(state, now, MAX_DRAWN)
}

/// The same of so many nodes at most: for a drawing that has room for no more.
pub fn graph_of(state: &SwarmState, now: Timestamp, most: usize) -> Graph {
    let index = Index::of(state, most);
    let links = links(state, &index);
    let parents = parents(state, &index, &links);
    let told = state.topology.form.or(state.topology.kind);
    let is_mesh = told == Some(TopologyKind::Mesh) || (parents.iter().all(Option::is_none) && !links.is_empty());
    let places = index.drawn.iter().zip(&parents).map(|(id, parent)| {
        let agent = state.agents.by_id.get(id);
        let node = state.topology.nodes.get(id);
        Place {
            id: (*id).to_owned(),
            name: agent.map(|a| &a.name).or(node.map(|n| &n.name)).map_or_else(|| (*id).to_owned(), Clone::clone),
            kind: agent.and_then(|a| a.agent_type.clone()).or_else(|| node.map(|n| n.kind.clone())).unwrap_or_default(),
            attention: agent.map(|agent| status::attention(agent, now)),
            parent: *parent,
        }
    });
    Graph {
        kind: state.topology.kind,
        form: if is_mesh { Form::Mesh } else { Form::Tree },
        reason: state.topology.reason.clone(),
        places: places.collect(),
        links,
        left_out: index.left_out,
    }
}

/// The drawn nodes by id.
struct Index<'a> {
    drawn: Vec<&'a str>,
    left_out: usize,
}

impl<'a> Index<'a> {
    fn of(state: &'a SwarmState, most: usize) -> Self {
        let agents = state.agents.by_id.values().filter(|agent| !agent.ended() || state.topology.nodes.contains_key(&agent.id));
        let agents = agents.map(|agent| agent.id.as_str());
        let mut nodes = state.topology.nodes.keys().map(String::as_str).peekable();
        // Both come in order of ids: merged, each once.
        let mut drawn: Vec<&str> = Vec::new();
        for id in agents {
            while let Some(node) = nodes.next_if(|node| *node <= id) {
                drawn.push(node);
            }
            if drawn.last() != Some(&id) {
                drawn.push(id);
            }
        }
        drawn.extend(nodes);
        let left_out = drawn.len().saturating_sub(most);
        drawn.truncate(most);
        Self { drawn, left_out }
    }

    fn get(&self, id: &str) -> Option<usize> {
        self.drawn.binary_search(&id).ok()
    }
}

fn links<'a>(state: &'a SwarmState, index: &Index<'_>) -> Vec<Link> {
    let mut all: Vec<Link> = Vec::new();
    // Pairs come in order of who sends: each is looked up once.
    let mut last: (&str, Option<usize>) = ("", None);
    let mut add = |from: &'a str, to: &str, kind: EdgeKind, health: Option<f64>, traffic: u64| {
        if last.0 != from {
            last = (from, index.get(from));
        }
        if let (Some(from), Some(to)) = (last.1, last.1.and_then(|_| index.get(to)))
            && from != to
        {
            all.push(Link { from, to, kind, health, traffic });
        }
    };
    for edge in &state.topology.edges {
        let kind = match edge.kind {
            Some(LinkKind::Parent) => EdgeKind::Parent,
            Some(LinkKind::Handoff) => EdgeKind::Handoff,
            Some(LinkKind::Messages) => EdgeKind::Messages,
            None => EdgeKind::Reported,
        };
        add(&edge.source, &edge.target, kind, Some(edge.health), 0);
    }
    for agent in state.agents.by_id.values() {
        if let Some(parent) = &agent.parent {
            add(parent, &agent.id, EdgeKind::Parent, None, 0);
        }
    }
    for pair in state.topology.handoffs.values() {
        add(&pair.from, &pair.to, EdgeKind::Handoff, None, pair.count);
    }
    for pair in state.messages.pairs.values() {
        add(&pair.from, &pair.to, EdgeKind::Messages, None, pair.count);
    }
    merged(all)
}

/// One line for each two nodes, of what all of them tell.
fn merged(all: Vec<Link>) -> Vec<Link> {
    let key = |link: &Link| (link.from.min(link.to) as u64) << 32 | link.from.max(link.to) as u64;
    let mut links: Vec<Link> = Vec::new();
    for at in order(all.iter().map(key)) {
        let link = &all[at];
        match links.last_mut().filter(|last| key(last) == key(link)) {
            Some(line) => {
                // The direction is that of the strongest claim, and stays where claims are alike.
                if link.kind < line.kind {
                    (line.from, line.to, line.kind) = (link.from, link.to, link.kind);
                }
                line.health = line.health.or(link.health);
                line.traffic += link.traffic;
            }
            None => links.push(link.clone()),
        }
    }
    links
}

/// Who stands over whom: as agents told, else as the reported graph has it; never in a circle.
fn parents(state: &SwarmState, index: &Index<'_>, links: &[Link]) -> Vec<Option<usize>> {
    let told = |id: &&str| state.agents.by_id.get(id)?.parent.as_deref().and_then(|parent| index.get(parent));
    let mut parents: Vec<Option<usize>> = index.drawn.iter().map(told).collect();
    for link in links.iter().filter(|link| link.kind <= EdgeKind::Reported) {
        parents[link.to].get_or_insert(link.from);
    }
    uncircled(&mut parents);
    parents
}

/// Cuts each circle of parents at the member that closes it.
fn uncircled(parents: &mut [Option<usize>]) {
    // 0: not looked at; else the walk that came by.
    let mut seen = vec![0_usize; parents.len()];
    for start in 0..parents.len() {
        let mut at = start;
        while seen[at] == 0 {
            seen[at] = start + 1;
            match parents[at] {
                Some(parent) if seen[parent] == start + 1 => parents[at] = None,
                Some(parent) => at = parent,
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
