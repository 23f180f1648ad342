//! Who is connected with whom: worked out from what happens, or set by hand.
//!
//! The graph is always at hand for whoever asks. It is published as `topology.changed` once somebody
//! asks for that ([`Topology::publish`]) or the settings say so, and only as long as nobody else says
//! what the graph is: one that an agent reported, or that was set by hand, stands until the deck is
//! told to work it out again. That choice is folded from the newest `topology.changed`, so that a
//! restart keeps it.

mod compute;
mod publisher;

pub use compute::{MAX_EDGES, MAX_NODES};

use serde::Deserialize;
use utoipa::ToSchema;

use super::input::{self, Decided};
use super::{Refusal, Setup};
use crate::event::topology::{TopologyChanged, TopologyEdge, TopologyKind, TopologyNode};
use crate::event::wire::Object;
use crate::event::{CORE, Draft, Entity, Timestamp};
use crate::hub::Hub;
use crate::swarm::SwarmState;
use crate::swarm::agents::MAX_TEXT;
use compute::compute;

/// Whether the graph is published unasked: the table `[topology]` of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TopologyConfig {
    /// Publishes the graph of an adaptive swarm from the second agent on, where nobody has said yet
    /// what the graph is.
    pub publish: bool,
}

/// Who says what the graph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The deck works it out.
    Computed,
    /// Somebody set it by hand.
    Set,
    /// An agent or another program reported it.
    Reported,
}

impl Origin {
    /// Its spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Computed => "computed",
            Self::Set => "set",
            Self::Reported => "reported",
        }
    }
}

/// The graph as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Who says so.
    pub origin: Origin,
    /// Whether its changes are published.
    pub published: bool,
    /// The way the swarm is connected, its nodes and edges.
    pub graph: TopologyChanged,
}

/// A graph, or only a kind of graph, to be set.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTopology {
    /// hierarchical, mesh or adaptive.
    pub topology: String,
    /// All places, at most 1000. Where nodes and edges are absent, the deck goes on working the
    /// graph out and publishes it as one of this kind.
    #[serde(default)]
    pub nodes: Option<Vec<NewNode>>,
    /// All connections, at most 2000.
    #[serde(default)]
    pub edges: Option<Vec<NewEdge>>,
}

/// A place of a graph that is set.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNode {
    /// Its id, the agent's where it is one.
    pub id: String,
    /// Its name for people; its id where absent.
    #[serde(default)]
    pub name: Option<String>,
    /// Its kind; `agent` where absent.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// How it is; `unknown` where absent.
    #[serde(default)]
    pub status: Option<String>,
}

/// A connection of a graph that is set.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEdge {
    /// The node it leaves.
    pub source: String,
    /// The node it reaches.
    pub target: String,
    /// How well it works, from 0 to 1; 1 where absent.
    #[serde(default)]
    pub health: Option<f64>,
}

/// Who is connected with whom; cheap to clone.
#[derive(Debug, Clone)]
pub struct Topology {
    hub: Hub,
    config: TopologyConfig,
}

impl Topology {
    /// Starts it, and the publisher, which is silent until it is asked.
    pub fn start(setup: &Setup) -> Self {
        let topology = Self { hub: setup.hub.clone(), config: setup.config.topology.clone() };
        publisher::start(setup, &topology);
        topology
    }

    /// The graph as it stands: what was set or reported, else what the deck works out now.
    pub fn current(&self) -> Graph {
        let state = self.hub.state();
        let published = self.is_published(&state);
        match origin(&state) {
            Origin::Computed => Graph { origin: Origin::Computed, published, graph: compute(&state, kind(&state)) },
            told => Graph { origin: told, published: false, graph: told_graph(&state) },
        }
    }

    /// Sets the graph by hand, or only its kind: then the deck goes on working it out.
    ///
    /// # Errors
    /// A kind that does not exist; too many nodes or edges; one named twice; an edge that leads
    /// nowhere; a health that is none.
    pub async fn set(&self, new: NewTopology) -> Result<Graph, Refusal> {
        let topology: TopologyKind = input::word("topology", &new.topology)?;
        if new.nodes.is_none() && new.edges.is_none() {
            return self.publish(Some(topology)).await;
        }
        let graph = by_hand(topology, new.nodes.unwrap_or_default(), new.edges.unwrap_or_default())?;
        self.hub.append(vec![draft(graph)]).await?;
        Ok(self.current())
    }

    /// Works the graph out from what happens and publishes it from now on, as one of this kind;
    /// without one as an adaptive one, or as the kind that it was published as.
    ///
    /// # Errors
    /// The log cannot be written.
    pub async fn publish(&self, as_kind: Option<TopologyKind>) -> Result<Graph, Refusal> {
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<()> {
            let graph = compute(state, as_kind.unwrap_or_else(|| kind(state)));
            // Asked for again, and nothing is new.
            if state.topology.computed && compute::is_shown(&graph, state) {
                return Ok((Vec::new(), ()));
            }
            Ok((vec![draft(graph)], ()))
        };
        self.hub.decide(rule).await?;
        Ok(self.current())
    }

    /// Whether changes are published: it was asked for, or the settings ask for it and nobody has
    /// said yet what the graph is.
    fn is_published(&self, state: &SwarmState) -> bool {
        match state.topology.by {
            None => self.config.publish,
            Some(_) => state.topology.computed,
        }
    }
}

/// Who says what the graph is.
fn origin(state: &SwarmState) -> Origin {
    let topology = &state.topology;
    match &topology.source {
        None => Origin::Computed,
        Some(_) if topology.computed => Origin::Computed,
        Some(source) if source == CORE => Origin::Set,
        Some(_) => Origin::Reported,
    }
}

/// The kind as which the deck publishes the graph.
fn kind(state: &SwarmState) -> TopologyKind {
    state.topology.kind.filter(|_| state.topology.computed).unwrap_or(TopologyKind::Adaptive)
}

fn draft(graph: TopologyChanged) -> Draft {
    Draft::new(CORE, Entity::new("topology", "swarm"), graph)
}

/// The graph as it was told.
fn told_graph(state: &SwarmState) -> TopologyChanged {
    let told = &state.topology;
    let node = |(id, node): (&String, &crate::swarm::topology::Node)| TopologyNode {
        id: id.clone(),
        name: node.name.clone(),
        kind: node.kind.clone(),
        status: node.status.clone(),
        extra: Object::new(),
    };
    let edge = |edge: &crate::swarm::topology::Edge| TopologyEdge {
        source: edge.source.clone(),
        target: edge.target.clone(),
        health: edge.health,
        kind: edge.kind,
        extra: Object::new(),
    };
    TopologyChanged {
        topology: told.kind.unwrap_or(TopologyKind::Adaptive),
        nodes: told.nodes.iter().map(node).collect(),
        edges: told.edges.iter().map(edge).collect(),
        form: told.form,
        reason: told.reason.clone(),
        computed: None,
        left_out: (told.left_out > 0).then_some(told.left_out),
        extra: Object::new(),
    }
}

/// A graph that somebody set, checked.
fn by_hand(topology: TopologyKind, nodes: Vec<NewNode>, edges: Vec<NewEdge>) -> Result<TopologyChanged, Refusal> {
    for (field, count, most) in [("nodes", nodes.len(), MAX_NODES), ("edges", edges.len(), MAX_EDGES)] {
        if count > most {
            return Err(Refusal::too_large(format!("{field}: {count}, over the limit of {most}")));
        }
    }
    let mut ids = std::collections::BTreeSet::new();
    for (index, node) in nodes.iter().enumerate() {
        input::id(&format!("nodes[{index}].id"), &node.id)?;
        for (field, text) in [("name", &node.name), ("type", &node.kind), ("status", &node.status)] {
            input::optional(&format!("nodes[{index}].{field}"), text.as_deref(), MAX_TEXT)?;
        }
        if !ids.insert(node.id.clone()) {
            return Err(Refusal::invalid(format!("nodes[{index}].id: {:?} is named twice", node.id)));
        }
    }
    for (index, edge) in edges.iter().enumerate() {
        for (field, end) in [("source", &edge.source), ("target", &edge.target)] {
            if !ids.contains(end) {
                return Err(Refusal::invalid(format!("edges[{index}].{field}: no node {end:?}")));
            }
        }
        if edge.health.is_some_and(|health| !(0.0..=1.0).contains(&health)) {
            return Err(Refusal::invalid(format!("edges[{index}].health: not between 0 and 1")));
        }
    }
    let node = |node: NewNode| TopologyNode {
        name: node.name.unwrap_or_else(|| node.id.clone()),
        kind: node.kind.unwrap_or_else(|| "agent".to_owned()),
        status: node.status.unwrap_or_else(|| "unknown".to_owned()),
        id: node.id,
        extra: Object::new(),
    };
    let edge = |edge: NewEdge| TopologyEdge {
        source: edge.source,
        target: edge.target,
        health: edge.health.unwrap_or(1.0),
        kind: None,
        extra: Object::new(),
    };
    Ok(TopologyChanged {
        topology,
        nodes: nodes.into_iter().map(node).collect(),
        edges: edges.into_iter().map(edge).collect(),
        form: None,
        reason: Some("set by hand".to_owned()),
        computed: None,
        left_out: None,
        extra: Object::new(),
    })
}

#[cfg(test)]
mod tests;
