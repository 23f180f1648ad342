//! The topology.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use crate::event::topology::TopologyKind;
use crate::event::wire::{At, Wire as _};
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::service::topology::{Graph, NewTopology};
use crate::service::{Refusal, Services};

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read_topology, set_topology)).routes(routes!(compute_topology))
}

/// The graph of the swarm.
#[derive(Debug, Serialize, ToSchema)]
struct TopologyView {
    /// hierarchical, mesh or adaptive.
    topology: &'static str,
    /// Of an adaptive swarm: whether it is hierarchical or a mesh for now.
    form: Option<&'static str>,
    /// Why.
    reason: Option<String>,
    /// computed, set or reported.
    origin: &'static str,
    /// Whether changes of it are published as topology.changed.
    published: bool,
    /// All places.
    nodes: Vec<NodeView>,
    /// All connections.
    edges: Vec<EdgeView>,
    /// How many places and connections are not in it because there are too many.
    left_out: u64,
}

/// A place in the graph.
#[derive(Debug, Serialize, ToSchema)]
struct NodeView {
    /// Its id.
    id: String,
    /// Its name for people.
    name: String,
    /// Its kind.
    #[serde(rename = "type")]
    kind: String,
    /// How it is.
    status: String,
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
struct EdgeView {
    /// The node it leaves.
    source: String,
    /// The node it reaches.
    target: String,
    /// How well it works, from 0 to 1.
    health: f64,
    /// What it rests on: parent, handoff or messages; null where nobody says.
    kind: Option<&'static str>,
}

impl TopologyView {
    fn of(graph: Graph) -> Self {
        let it = graph.graph;
        let node = |node: crate::event::topology::TopologyNode| NodeView {
            id: node.id,
            name: node.name,
            kind: node.kind,
            status: node.status,
        };
        let edge = |edge: crate::event::topology::TopologyEdge| EdgeView {
            source: edge.source,
            target: edge.target,
            health: edge.health,
            kind: edge.kind.map(|kind| kind.as_str()),
        };
        Self {
            topology: it.topology.as_str(),
            form: it.form.map(TopologyKind::as_str),
            reason: it.reason,
            origin: graph.origin.as_str(),
            published: graph.published,
            nodes: it.nodes.into_iter().map(node).collect(),
            edges: it.edges.into_iter().map(edge).collect(),
            left_out: it.left_out.unwrap_or(0),
        }
    }
}

/// Read the graph.
///
/// What was set or reported, else what the deck works out from the register, messages and tasks.
#[utoipa::path(get, path = "/api/topology", tag = "topology",
    responses((status = 200, description = "The graph", body = TopologyView)))]
async fn read_topology(State(services): State<Services>) -> Json<TopologyView> {
    Json(TopologyView::of(services.topology.current()))
}

/// Set the graph, or only its kind.
///
/// With nodes or edges it stands until another is reported or POST /api/topology/auto is sent. With
/// the kind alone, the deck works the graph out and publishes it as one of that kind.
#[utoipa::path(put, path = "/api/topology", tag = "topology", request_body = NewTopology,
    responses((status = 200, description = "The graph", body = TopologyView), (status = 400, description = "The body does not fit"),
        (status = 413, description = "Too many nodes or edges"), (status = 422, description = "A field does not fit")))]
async fn set_topology(State(services): State<Services>, Body(new): Body<NewTopology>) -> Result<Json<TopologyView>, Problem> {
    Ok(Json(TopologyView::of(services.topology.set(new).await?)))
}

/// As what the graph is published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Auto {
    /// hierarchical, mesh or adaptive; adaptive where absent, or what it is published as.
    topology: Option<String>,
}

/// Work the graph out and publish it from now on, at most twice a second.
#[utoipa::path(post, path = "/api/topology/auto", tag = "topology", request_body = Auto,
    responses((status = 200, description = "The graph", body = TopologyView), (status = 400, description = "The body does not fit"),
        (status = 422, description = "No such kind")))]
async fn compute_topology(State(services): State<Services>, Body(auto): Body<Auto>) -> Result<Json<TopologyView>, Problem> {
    let kind = auto.topology.map(|word| TopologyKind::read(word.into(), &At::Root("topology"))).transpose();
    Ok(Json(TopologyView::of(services.topology.publish(kind.map_err(Refusal::from)?).await?)))
}
