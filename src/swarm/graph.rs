//! The swarm as a graph with places: what the topology page draws.
//!
//! Nodes are the reported ones and every agent besides; edges are the reported ones, parent links
//! and the messages that were sent. The layout depends on who is there and how they are connected,
//! never on how they are: a change of status moves nothing.

use super::SwarmState;
use super::status::{self, Attention};
use super::table::Table;
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
    pub layers: f64,
    /// How many nodes stand side by side where it is widest.
    pub columns: f64,
}

/// Lays the swarm out.
pub fn graph(state: &SwarmState, now: Timestamp) -> Graph {
    let index = Index::of(state);
    let drawn = &index.drawn;
    let links = links(state, &index);
    let parents: Vec<Option<usize>> = drawn.iter().map(|id| parent(state, id, &index, &links)).collect();
    let form = state.topology.form.or(state.topology.kind);
    let layout = if form == Some(TopologyKind::Mesh) || parents.iter().all(Option::is_none) {
        ring(drawn.len())
    } else {
        layered(&parents)
    };
    let places = drawn.iter().zip(&layout.spots).map(|(id, (x, y))| {
        let agent = state.agents.by_id.get(id);
        let node = state.topology.nodes.get(id);
        Place {
            id: (*id).to_owned(),
            name: agent.map(|a| &a.name).or(node.map(|n| &n.name)).map_or_else(|| (*id).to_owned(), Clone::clone),
            kind: agent.and_then(|a| a.agent_type.clone()).or_else(|| node.map(|n| n.kind.clone())).unwrap_or_default(),
            attention: agent.map(|agent| status::agent(agent, now).attention),
            x: *x,
            y: *y,
        }
    });
    Graph {
        kind: state.topology.kind,
        places: places.collect(),
        links,
        left_out: index.left_out,
        layers: layout.layers,
        columns: layout.columns,
    }
}

/// The drawn nodes by id.
struct Index<'a> {
    drawn: Vec<&'a str>,
    left_out: usize,
}

impl<'a> Index<'a> {
    fn of(state: &'a SwarmState) -> Self {
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
        let left_out = drawn.len().saturating_sub(MAX_DRAWN);
        drawn.truncate(MAX_DRAWN);
        Self { drawn, left_out }
    }

    fn get(&self, id: &str) -> Option<usize> {
        self.drawn.binary_search(&id).ok()
    }
}

fn links(state: &SwarmState, index: &Index<'_>) -> Vec<Link> {
    let mut links: Table<Link> = Table::default();
    let key = |from: usize, to: usize| [from.to_string(), to.to_string()].join("-");
    let ends = |from: &str, to: &str| Some((index.get(from)?, index.get(to)?)).filter(|(from, to)| from != to);
    for edge in &state.topology.edges {
        if let Some((from, to)) = ends(&edge.source, &edge.target) {
            links.insert(&key(from, to), Link { from, to, kind: EdgeKind::Reported, health: Some(edge.health), messages: 0 });
        }
    }
    for agent in state.agents.by_id.values() {
        if let Some((from, to)) = agent.parent.as_deref().and_then(|parent| ends(parent, &agent.id)) {
            links.entry(&key(from, to), || Link { from, to, kind: EdgeKind::Parent, health: None, messages: 0 });
        }
    }
    for pair in state.messages.pairs.values() {
        if let Some((from, to)) = ends(&pair.from, &pair.to) {
            // Traffic both ways is one line.
            let back = key(to, from);
            let either = if links.contains_key(&back) { back } else { key(from, to) };
            let link = links.entry(&either, || Link { from, to, kind: EdgeKind::Messages, health: None, messages: 0 });
            link.messages += pair.count;
        }
    }
    links.values().cloned().collect()
}

fn parent(state: &SwarmState, id: &str, index: &Index<'_>, links: &[Link]) -> Option<usize> {
    let me = index.get(id)?;
    let told = state.agents.by_id.get(id).and_then(|agent| agent.parent.as_deref()).and_then(|parent| index.get(parent));
    told.or_else(|| links.iter().find(|link| link.to == me && link.kind == EdgeKind::Reported).map(|link| link.from))
        .filter(|parent| *parent != me)
}

/// Where everybody stands, in a square of 0 to 1, and how much room that wants.
struct Layout {
    spots: Vec<(f64, f64)>,
    layers: f64,
    columns: f64,
}

/// Places on a circle, from the top.
fn ring(count: usize) -> Layout {
    let (cos, sin) = turn(std::f64::consts::TAU / count.max(1) as f64);
    let (mut x, mut y) = (0.0, if count == 1 { 0.0 } else { -1.0 });
    let spots = (0..count).map(|_| {
        let spot = (0.5 + 0.42 * x, 0.5 + 0.42 * y);
        (x, y) = (x * cos - y * sin, x * sin + y * cos);
        spot
    });
    // A third of a circle's nodes stand side by side, seen from the front.
    Layout { spots: spots.collect(), layers: 1.0, columns: count as f64 / 3.0 }
}

/// Cosine and sine of an angle up to a full turn, by their series on an eighth of it: the same to
/// the last bit on every machine, which a library's are not, and both sides draw alike.
fn turn(angle: f64) -> (f64, f64) {
    let part = angle / 8.0;
    let square = part * part;
    let mut cos = 1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)));
    let mut sin = part * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))));
    for _ in 0..3 {
        (cos, sin) = (cos * cos - sin * sin, 2.0 * cos * sin);
    }
    (cos, sin)
}

/// More leaves than this under one node stand in rows.
const ROW: usize = 4;
/// The distance of such rows, in layers.
const ROWS: f64 = 0.62;

/// A tidy tree: a leaf takes a column, a parent stands over the middle of its children, a
/// generation is a layer; many leaves of one parent stand in a block of rows.
fn layered(parents: &[Option<usize>]) -> Layout {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut roots = Vec::new();
    for (me, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) if !descends(parents, *parent, me) => children[*parent].push(me),
            _ => roots.push(me),
        }
    }
    let mut spots = vec![(0.0, 0.0); parents.len()];
    let (mut columns, mut deepest) = (0.0_f64, 0.0_f64);
    for root in roots {
        // Children before parents, without recursion: a chain may be as long as the list.
        let mut stack = vec![(root, 0.0, false)];
        while let Some((me, depth, ready)) = stack.pop() {
            let mine = &children[me];
            let block = mine.len() > ROW && mine.iter().all(|child| children[*child].is_empty());
            if mine.is_empty() {
                spots[me] = (columns + 0.5, depth);
                columns += 1.0;
            } else if block {
                let wide = (mine.len() as f64).sqrt().ceil();
                for (place, child) in mine.iter().enumerate() {
                    let (column, row) = (place as f64 % wide, (place as f64 / wide).floor());
                    spots[*child] = (columns + column + 0.5, depth + 1.0 + ROWS * row);
                    deepest = deepest.max(spots[*child].1);
                }
                spots[me] = (columns + wide / 2.0, depth);
                columns += wide + 0.5;
            } else if ready {
                let ends = (mine.first().copied().unwrap_or(me), mine.last().copied().unwrap_or(me));
                spots[me] = (f64::midpoint(spots[ends.0].0, spots[ends.1].0), depth);
            } else {
                stack.push((me, depth, true));
                stack.extend(mine.iter().rev().map(|child| (*child, depth + 1.0, false)));
            }
            deepest = deepest.max(depth);
        }
    }
    let layers = deepest + 1.0;
    let spread = |(x, y): (f64, f64)| (x / f64::max(columns, 1.0), (y + 0.45) / layers);
    Layout { spots: spots.into_iter().map(spread).collect(), layers, columns }
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
        let Layout { spots, layers, .. } = layered(&[None, Some(0), Some(0), Some(2)]);
        assert_eq!(layers, 3.0);
        assert!((spots[0].0 - f64::midpoint(spots[1].0, spots[2].0)).abs() < 1e-9);
        assert!(spots[0].1 < spots[1].1 && spots[1].1 < spots[3].1);
    }

    #[test]
    fn nobody_stands_on_another_or_outside() {
        for leaves in [1, 4, 5, 30, 199] {
            let mut parents = vec![Some(0); leaves + 1];
            parents[0] = None;
            let mut spots = layered(&parents).spots;
            assert!(spots.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)), "{leaves}");
            spots.sort_by(|a, b| a.partial_cmp(b).unwrap());
            assert!(spots.windows(2).all(|pair| pair[0] != pair[1]), "{leaves}");
        }
    }

    #[test]
    fn a_ring_closes() {
        for count in [2, 3, 7, 200] {
            let (cos, sin) = turn(std::f64::consts::TAU / f64::from(count));
            let angle = std::f64::consts::TAU / f64::from(count);
            assert!((cos - angle.cos()).abs() < 1e-6 && (sin - angle.sin()).abs() < 1e-6, "{count}");
        }
        assert_eq!(ring(4).spots.len(), 4);
    }

    #[test]
    fn loops_of_parents_end() {
        assert_eq!(layered(&[Some(1), Some(0), Some(1), Some(3)]).spots.len(), 4);
    }
}
