//! The registry as clients of the mesh dialect know it: `/api/v1`.
//!
//! The same register as `/api/agents`, in that dialect's words: agent cards with skills, and every
//! answer in an envelope. Only this file and its parts know them.

mod card;
mod envelope;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::agents::agent_query;
use super::agents::view::{BeatView, HealthView, TrustView};
use crate::event::agent::Health;
use crate::hub::Hub;
use crate::server::AppState;
use crate::server::query::pairs;
use crate::service::registry::{AgentQuery, Registry};
use crate::service::{Reason, Refusal, Services};
use card::Card;
use envelope::{Failure, failed, ok, succeeded};

/// Its addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(register, list))
        .routes(routes!(read, update, remove))
        .routes(routes!(beat))
        .routes(routes!(read_health))
        .routes(routes!(read_trust))
        .routes(routes!(stats))
}

type Answer = Result<Response, Failure>;

/// Register an agent by its card.
///
/// A card has id (letters, digits, `_`, `:` and `-`, at most 100), name, version, endpoint and one or
/// more skills, whose names differ; more is kept as it is. `trust_score` and `health_status` in it are
/// passed over.
#[utoipa::path(post, path = "/api/v1/agents", tag = "mesh",
    request_body(content = card::CardBody, content_type = "application/json"),
    responses((status = 201, description = "Registered", body = envelope::Success),
        (status = 400, description = "The card does not fit, or the id is taken", body = envelope::Trouble),
        (status = 413, description = "The card is too large", body = envelope::Trouble)))]
async fn register(State(services): State<Services>, State(hub): State<Hub>, body: Bytes) -> Answer {
    let card = Card::whole(read_json(&body)?)?;
    let id = card.id.clone();
    let registered = services.registry.register_new(card.into_agent()).await.map_err(|refusal| {
        if refusal.reason == Reason::Conflict && services.registry.get(&id).is_ok() {
            return Failure::bad_request(format!("Agent ID '{id}' already exists"), json!({"agent_id": id}));
        }
        refusal.into()
    })?;
    let agent = registered.agent;
    let mut data = card::show(&hub, &agent, services.registry.score(&agent)).await?;
    data["agent_id"] = agent.id.clone().into();
    Ok(succeeded(StatusCode::CREATED, data, "Agent registered successfully"))
}

/// List agents.
#[utoipa::path(get, path = "/api/v1/agents", tag = "mesh",
    params(
        ("skip" = Option<u64>, Query, description = "How many to leave out at the beginning"),
        ("limit" = Option<u64>, Query, description = "0 to 1000, 100 where absent"),
        ("sort_by" = Option<String>, Query, description = "name, agent_id, version, registered_at, trust_score, health_status"),
        ("order" = Option<String>, Query, description = "asc or desc"),
        ("health_status" = Option<String>, Query, description = "healthy, unhealthy, unknown or offline"),
    ),
    responses((status = 200, description = "A page of the register", body = envelope::Success),
        (status = 400, description = "A parameter does not fit", body = envelope::Trouble),
        (status = 422, description = "No such health status", body = envelope::Trouble)))]
async fn list(State(services): State<Services>, State(hub): State<Hub>, RawQuery(query): RawQuery) -> Answer {
    let asked = pairs(query.as_deref()).unwrap_or_default();
    let word = asked.iter().find(|(name, word)| name == "health_status" && !word.is_empty());
    if let Some((_, word)) = word.filter(|(_, word)| health(word).is_none()) {
        return Err(Failure::health(&json!(word)));
    }
    let query = agent_query(query.as_deref(), AgentQuery::default())
        .map_err(|problem| Failure::bad_request(problem.detail().to_owned(), Value::Null))?;
    let listing = services.registry.list(&query);
    let mut agents = Vec::with_capacity(listing.agents.len());
    for agent in &listing.agents {
        agents.push(card::show(&hub, agent, services.registry.score(agent)).await?);
    }
    ok(
        json!({"agents": agents, "total": listing.total, "skip": query.skip, "limit": query.limit}),
        "Agents retrieved successfully",
    )
}

/// Read one agent's card.
#[utoipa::path(get, path = "/api/v1/agents/{id}", tag = "mesh", params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "The card", body = envelope::Success), (status = 404, description = "No such agent", body = envelope::Trouble)))]
async fn read(State(services): State<Services>, State(hub): State<Hub>, Path(id): Path<String>) -> Answer {
    let agent = services.registry.get(&id).map_err(|refusal| lost(&id, refusal))?;
    ok(card::show(&hub, &agent, services.registry.score(&agent)).await?, "Agent retrieved successfully")
}

/// Change an agent's card; what is not named stays.
#[utoipa::path(put, path = "/api/v1/agents/{id}", tag = "mesh", params(("id" = String, Path, description = "The agent")),
    request_body(content = card::CardBody, content_type = "application/json"),
    responses((status = 200, description = "The card as it is now", body = envelope::Success),
        (status = 400, description = "The card does not fit", body = envelope::Trouble),
        (status = 404, description = "No such agent", body = envelope::Trouble)))]
async fn update(State(services): State<Services>, State(hub): State<Hub>, Path(id): Path<String>, body: Bytes) -> Answer {
    let known = services.registry.get(&id).map_err(|refusal| lost(&id, refusal))?;
    let before = card::kept(&hub, &known).await?;
    let changes = card::changes(&id, read_json(&body)?, before)?;
    let agent = services.registry.update(&id, changes).await.map_err(|refusal| lost(&id, refusal))?;
    ok(card::show(&hub, &agent, services.registry.score(&agent)).await?, "Agent updated successfully")
}

/// Take an agent off the register.
#[utoipa::path(delete, path = "/api/v1/agents/{id}", tag = "mesh", params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "It is off the register", body = envelope::Success),
        (status = 404, description = "No such agent", body = envelope::Trouble)))]
async fn remove(State(services): State<Services>, Path(id): Path<String>) -> Answer {
    services.registry.remove(&id, None).await.map_err(|refusal| lost(&id, refusal))?;
    ok(json!({"agent_id": id}), "Agent deleted successfully")
}

/// Send a heartbeat.
#[utoipa::path(post, path = "/api/v1/agents/{id}/heartbeat", tag = "mesh", params(("id" = String, Path, description = "The agent")),
    request_body(content = card::HeartbeatBody, content_type = "application/json"),
    responses((status = 200, description = "Taken", body = envelope::Success), (status = 400, description = "Not JSON", body = envelope::Trouble),
        (status = 404, description = "No such agent", body = envelope::Trouble),
        (status = 422, description = "No such health status", body = envelope::Trouble)))]
async fn beat(State(services): State<Services>, Path(id): Path<String>, body: Bytes) -> Answer {
    let body = if body.is_empty() { json!({}) } else { read_json(&body)? };
    let status = match &body["status"] {
        Value::Null => None,
        Value::String(word) => Some(health(word).ok_or_else(|| Failure::health(&body["status"]))?),
        other => return Err(Failure::health(other)),
    };
    let beat = services.registry.heartbeat(&id, status).await.map_err(|refusal| lost(&id, refusal))?;
    ok(to_value(&BeatView::of(&id, &beat)), "Heartbeat received")
}

/// Read how well an agent is.
#[utoipa::path(get, path = "/api/v1/agents/{id}/health", tag = "mesh", params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "Its health", body = envelope::Success), (status = 404, description = "No such agent", body = envelope::Trouble)))]
async fn read_health(State(services): State<Services>, Path(id): Path<String>) -> Answer {
    let report = services.registry.health(&id).map_err(|refusal| lost(&id, refusal))?;
    let mut data = to_value(&HealthView::of(&id, report));
    data["health_status"] = data["status"].clone();
    ok(data, "Health status retrieved successfully")
}

/// Read how far an agent is trusted.
#[utoipa::path(get, path = "/api/v1/agents/{id}/trust", tag = "mesh", params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "Its trust", body = envelope::Success), (status = 404, description = "No such agent", body = envelope::Trouble)))]
async fn read_trust(State(services): State<Services>, Path(id): Path<String>) -> Answer {
    let report = services.registry.trust(&id).map_err(|refusal| lost(&id, refusal))?;
    ok(to_value(&TrustView::of(&id, report)), "Trust score retrieved successfully")
}

/// Read the register in numbers.
#[utoipa::path(get, path = "/api/v1/stats", tag = "mesh",
    responses((status = 200, description = "The numbers", body = envelope::Success)))]
async fn stats(State(services): State<Services>) -> Answer {
    ok(numbers(&services.registry), "Statistics retrieved successfully")
}

fn numbers(registry: &Registry) -> Value {
    let stats = registry.stats();
    json!({
        "total_agents": stats.total,
        "healthy_agents": stats.healthy,
        "unhealthy_agents": stats.unhealthy,
        "unknown_agents": stats.unknown,
        "offline_agents": stats.offline,
        "health_distribution": {
            "healthy": stats.healthy, "unhealthy": stats.unhealthy, "unknown": stats.unknown, "offline": stats.offline,
        },
        "average_trust_score": stats.mean_trust,
        "total_skills": stats.capabilities,
    })
}

fn health(word: &str) -> Option<Health> {
    Health::ALL.iter().copied().find(|health| health.as_str() == word)
}

fn read_json(body: &[u8]) -> Result<Value, Failure> {
    if body.len() > crate::server::limits::MAX_EVENT {
        return Err(
            Refusal::too_large(format!("{} bytes, over the limit of {}", body.len(), crate::server::limits::MAX_EVENT)).into()
        );
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Failure::bad_request("The body is not a JSON object".to_owned(), Value::Null)),
        Err(error) => Err(Failure::bad_request(format!("Invalid JSON: {error}"), Value::Null)),
    }
}

/// What is missing is the agent.
fn lost(id: &str, refusal: Refusal) -> Failure {
    if refusal.reason == Reason::Missing {
        return failed(StatusCode::NOT_FOUND, format!("Agent '{id}' not found"), json!({"agent_id": id}));
    }
    refusal.into()
}

fn to_value(view: &impl serde::Serialize) -> Value {
    serde_json::to_value(view).unwrap_or_default()
}
