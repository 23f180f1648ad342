//! The swarm as a graph with places: what the topology page draws.
//!
//! Nodes are the reported ones and every agent besides; edges are the reported ones, parent links
//! and the messages that were sent. The layout depends on who is there and how they are connected,
//! never on how they are: a change of status moves nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::SwarmState;
use super::status::{self, Attention};
use crate::event::Timestamp;
use crate::event::topology::TopologyKind;

/// How many nodes are drawn; the rest are in the list beside the graph.
pub const MAX_DRAWN: usize = 200;

/// One place of the drawn graph, in a square of 0 to 1.
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
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
}

/// What an edge is drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeKind {
    /// It was reported.
    Reported,
    /// One agent started the other.
    Parent,
    /// Messages were sent.
    Messages,
}

/// One connection of the drawn graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The place it leaves, by index.
    pub from: usize,
    /// The place it reaches, by index.
    pub to: usize,
    /// What it is drawn for.
    pub kind: EdgeKind,
    /// How well it works, where that was reported.
    pub health: Option<f64>,
    /// Messages that went along it.
    pub messages: u64,
}

/// The drawn graph.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// The way the swarm is connected, as reported.
    pub kind: Option<TopologyKind>,
    /// The places, by id.
    pub places: Vec<Place>,
    /// The connections.
    pub links: Vec<Link>,
    /// How many nodes are not drawn.
    pub left_out: usize,
    /// How many layers the layout has; 1 for a mesh.
    pub layers: usize,
}

/// Lays the swarm out.
pub fn graph(state: &SwarmState, now: Timestamp) -> Graph {
    let agents = state.agents.by_id.values().filter(|agent| !agent.ended() || state.topology.nodes.contains_key(&agent.id));
    let ids: BTreeSet<&str> =
        state.topology.nodes.keys().map(String::as_str).chain(agents.map(|agent| agent.id.as_str())).collect();
    let drawn: Vec<&str> = ids.iter().copied().take(MAX_DRAWN).collect();
    let index: BTreeMap<&str, usize> = drawn.iter().enumerate().map(|(place, id)| (*id, place)).collect();

    let links = links(state, &index);
    let parents: Vec<Option<usize>> = drawn.iter().map(|id| parent(state, id, &index, &links)).collect();
    let spots = if state.topology.kind == Some(TopologyKind::Mesh) || parents.iter().all(Option::is_none) {
        (ring(drawn.len()), 1)
    } else {
        layered(&parents)
    };
    let places = drawn.iter().zip(&spots.0).map(|(id, (x, y))| {
        let agent = state.agents.by_id.get(*id);
        let node = state.topology.nodes.get(*id);
        Place {
            id: (*id).to_owned(),
            name: agent.map(|a| &a.name).or(node.map(|n| &n.name)).map_or_else(|| (*id).to_owned(), Clone::clone),
            kind: agent.and_then(|a| a.agent_type.clone()).or_else(|| node.map(|n| n.kind.clone())).unwrap_or_default(),
            attention: agent.map(|agent| status::agent(agent, now).attention),
            x: *x,
            y: *y,
        }
    });
    Graph { kind: state.topology.kind, places: places.collect(), links, left_out: ids.len() - drawn.len(), layers: spots.1 }
}

fn links(state: &SwarmState, index: &BTreeMap<&str, usize>) -> Vec<Link> {
    let mut links: BTreeMap<(usize, usize), Link> = BTreeMap::new();
    let ends = |from: &str, to: &str| Some((*index.get(from)?, *index.get(to)?)).filter(|(from, to)| from != to);
    for edge in &state.topology.edges {
        if let Some((from, to)) = ends(&edge.source, &edge.target) {
            links.insert((from, to), Link { from, to, kind: EdgeKind::Reported, health: Some(edge.health), messages: 0 });
        }
    }
    for agent in state.agents.by_id.values() {
        if let Some((from, to)) = agent.parent.as_deref().and_then(|parent| ends(parent, &agent.id)) {
            links.entry((from, to)).or_insert(Link { from, to, kind: EdgeKind::Parent, health: None, messages: 0 });
        }
    }
    for pair in state.messages.pairs.values() {
        if let Some((from, to)) = ends(&pair.from, &pair.to) {
            // Traffic both ways is one line.
            let key = if links.contains_key(&(to, from)) { (to, from) } else { (from, to) };
            let link = links.entry(key).or_insert(Link { from, to, kind: EdgeKind::Messages, health: None, messages: 0 });
            link.messages += pair.count;
        }
    }
    links.into_values().collect()
}

fn parent(state: &SwarmState, id: &str, index: &BTreeMap<&str, usize>, links: &[Link]) -> Option<usize> {
    let me = *index.get(id)?;
    let told = state.agents.by_id.get(id).and_then(|agent| agent.parent.as_deref()).and_then(|parent| index.get(parent).copied());
    told.or_else(|| links.iter().find(|link| link.to == me && link.kind == EdgeKind::Reported).map(|link| link.from))
        .filter(|parent| *parent != me)
}

/// Places on a circle.
fn ring(count: usize) -> Vec<(f64, f64)> {
    (0..count)
        .map(|place| {
            let angle = std::f64::consts::TAU * place as f64 / count as f64 - std::f64::consts::FRAC_PI_2;
            if count == 1 { (0.5, 0.5) } else { (0.5 + 0.42 * angle.cos(), 0.5 + 0.42 * angle.sin()) }
        })
        .collect()
}

/// A tidy tree: a leaf takes a column of its own, a parent stands over the middle of its children,
/// a generation is a layer. Returns the spots and the number of layers.
fn layered(parents: &[Option<usize>]) -> (Vec<(f64, f64)>, usize) {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut roots = Vec::new();
    for (me, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) if !descends(parents, *parent, me) => children[*parent].push(me),
            _ => roots.push(me),
        }
    }
    let mut spots = vec![(0.0, 0.0); parents.len()];
    let (mut columns, mut depth_max) = (0.0, 0);
    for root in roots {
        // Children before parents, without recursion: a chain may be as long as the list.
        let mut stack = vec![(root, 0usize, false)];
        while let Some((me, depth, ready)) = stack.pop() {
            if ready || children[me].is_empty() {
                let x = match (children[me].first(), children[me].last()) {
                    (Some(first), Some(last)) => f64::midpoint(spots[*first].0, spots[*last].0),
                    _ => {
                        columns += 1.0;
                        columns - 0.5
                    }
                };
                spots[me] = (x, depth as f64);
                depth_max = depth_max.max(depth);
            } else {
                stack.push((me, depth, true));
                stack.extend(children[me].iter().rev().map(|child| (*child, depth + 1, false)));
            }
        }
    }
    let layers = depth_max + 1;
    let spread = |(x, y): (f64, f64)| (x / f64::max(columns, 1.0), (y + 0.5) / layers as f64);
    (spots.into_iter().map(spread).collect(), layers)
}

/// Whether `me` is reached by following parents up from `from`: a parent link that would close a loop.
fn descends(parents: &[Option<usize>], from: usize, me: usize) -> bool {
    let mut at = Some(from);
    for _ in 0..parents.len() {
        match at {
            Some(here) if here == me => return true,
            Some(here) => at = parents[here],
            None => return false,
        }
    }
    // A loop further up that does not pass through `me`: its members become roots themselves.
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_stands_over_the_middle_of_its_children() {
        let (spots, layers) = layered(&[None, Some(0), Some(0), Some(2)]);
        assert_eq!(layers, 3);
        assert!((spots[0].0 - f64::midpoint(spots[1].0, spots[2].0)).abs() < 1e-9);
        assert!(spots[0].1 < spots[1].1 && spots[1].1 < spots[3].1);
        assert!(spots.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)));
    }

    #[test]
    fn loops_of_parents_end() {
        let (spots, _) = layered(&[Some(1), Some(0), Some(1), Some(3)]);
        assert_eq!(spots.len(), 4);
    }
}
