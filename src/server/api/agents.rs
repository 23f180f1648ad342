//! The registry, health and trust.

pub(super) mod view;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use super::params::Params;
use crate::event::agent::{AgentStatus, Health};
use crate::event::wire::{At, Wire as _};
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::service::registry::{AgentChanges, AgentQuery, NewAgent, Outcome, SortBy, StatusReport};
use crate::service::{Refusal, Services};
use view::{AgentPage, AgentView, BeatView, HealthView, TrustView};

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_agents, register_agent))
        .routes(routes!(read_agent, replace_agent, update_agent, remove_agent))
        .routes(routes!(beat))
        .routes(routes!(read_health))
        .routes(routes!(read_trust))
        .routes(routes!(report))
        .routes(routes!(report_status))
}

/// List agents.
///
/// Without those that were removed. `sort_by` is id, name, agent_type, version, status,
/// health_status, trust_score, first_seen or last_seen.
#[utoipa::path(get, path = "/api/agents", tag = "agents",
    params(
        ("skip" = Option<u64>, Query, description = "How many to leave out at the beginning"),
        ("limit" = Option<u64>, Query, description = "0 to 1000, 100 where absent"),
        ("sort_by" = Option<String>, Query, description = "id where absent"),
        ("order" = Option<String>, Query, description = "asc or desc"),
        ("health_status" = Option<String>, Query, description = "healthy, unhealthy, unknown or offline"),
        ("status" = Option<String>, Query, description = "spawning, active, idle, busy, error or stopped"),
    ),
    responses((status = 200, description = "A page of the register", body = AgentPage), (status = 400, description = "A parameter does not fit")))]
async fn list_agents(State(services): State<Services>, RawQuery(query): RawQuery) -> Result<Json<AgentPage>, Problem> {
    let query = agent_query(query.as_deref(), AgentQuery::default())?;
    let listing = services.registry.list(&query);
    let agents = listing.agents.iter().map(|agent| AgentView::of(agent, &services.registry)).collect();
    Ok(Json(AgentPage { agents, total: listing.total as u64, skip: query.skip as u64, limit: query.limit as u64 }))
}

/// Reads which agents are wanted.
///
/// # Errors
/// The first parameter that is unknown or does not fit.
pub(super) fn agent_query(query: Option<&str>, usual: AgentQuery) -> Result<AgentQuery, Problem> {
    let mut params = Params::read(query)?;
    let sort_by = match params.take("sort_by") {
        None => usual.sort_by,
        Some(word) => SortBy::parse(&word).ok_or_else(|| {
            let known: Vec<&str> = SortBy::WORDS.iter().map(|(word, _)| *word).collect();
            Problem::parameter(format!("sort_by: {word:?} is not one of {}", known.join(", ")))
        })?,
    };
    let read = AgentQuery {
        skip: params.number("skip", usual.skip, usize::MAX)?,
        limit: params.number("limit", usual.limit, 1_000)?,
        sort_by,
        descending: params.descending()?,
        health: params.word::<Health>("health_status")?,
        status: params.word::<AgentStatus>("status")?,
    };
    params.end()?;
    Ok(read)
}

/// Register an agent.
///
/// One that is on the register already is updated: what is not named stays.
#[utoipa::path(post, path = "/api/agents", tag = "agents", request_body = NewAgent,
    responses(
        (status = 201, description = "It is new on the register", body = AgentView),
        (status = 200, description = "It was there and is updated", body = AgentView),
        (status = 400, description = "The body does not fit"),
        (status = 409, description = "The register is full"),
        (status = 413, description = "A field is too long"),
        (status = 422, description = "A field does not fit"),
    ))]
async fn register_agent(
    State(services): State<Services>,
    Body(agent): Body<NewAgent>,
) -> Result<(StatusCode, Json<AgentView>), Problem> {
    let registered = services.registry.register(agent).await?;
    let status = if registered.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(AgentView::of(&registered.agent, &services.registry))))
}

/// Read one agent.
#[utoipa::path(get, path = "/api/agents/{id}", tag = "agents", params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "The agent", body = AgentView), (status = 404, description = "No such agent")))]
async fn read_agent(State(services): State<Services>, Path(id): Path<String>) -> Result<Json<AgentView>, Problem> {
    let agent = services.registry.get(&id)?;
    Ok(Json(AgentView::of(&agent, &services.registry)))
}

/// Change an agent's description; what is not named stays.
#[utoipa::path(patch, path = "/api/agents/{id}", tag = "agents", request_body = AgentChanges,
    params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "The agent as it is now", body = AgentView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such agent"), (status = 413, description = "A field is too long"), (status = 422, description = "A field does not fit")))]
async fn update_agent(
    State(services): State<Services>,
    Path(id): Path<String>,
    Body(changes): Body<AgentChanges>,
) -> Result<Json<AgentView>, Problem> {
    let agent = services.registry.update(&id, changes).await?;
    Ok(Json(AgentView::of(&agent, &services.registry)))
}

/// Change an agent's description; the same as PATCH.
#[utoipa::path(put, path = "/api/agents/{id}", tag = "agents", request_body = AgentChanges,
    params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "The agent as it is now", body = AgentView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such agent"), (status = 413, description = "A field is too long"), (status = 422, description = "A field does not fit")))]
async fn replace_agent(
    services: State<Services>,
    id: Path<String>,
    changes: Body<AgentChanges>,
) -> Result<Json<AgentView>, Problem> {
    update_agent(services, id, changes).await
}

/// Take an agent off the register.
#[utoipa::path(delete, path = "/api/agents/{id}", tag = "agents",
    params(("id" = String, Path, description = "The agent"), ("reason" = Option<String>, Query, description = "Why")),
    responses((status = 204, description = "It is off the register"), (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "No such agent")))]
async fn remove_agent(
    State(services): State<Services>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<StatusCode, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let reason = params.take("reason");
    params.end()?;
    services.registry.remove(&id, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How an agent is, as it says itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Heartbeat {
    /// healthy, unhealthy, unknown or offline; healthy where absent.
    status: Option<String>,
}

/// Send a heartbeat.
///
/// The agent is healthy, or as it says. Only a change is published.
#[utoipa::path(post, path = "/api/agents/{id}/heartbeat", tag = "agents", request_body = Heartbeat,
    params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "Taken", body = BeatView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such agent"), (status = 422, description = "No such health")))]
async fn beat(
    State(services): State<Services>,
    Path(id): Path<String>,
    Body(heartbeat): Body<Heartbeat>,
) -> Result<Json<BeatView>, Problem> {
    let status = heartbeat.status.map(|status| Health::read(status.into(), &At::Root("status"))).transpose();
    let beat = services.registry.heartbeat(&id, status.map_err(Refusal::from)?).await?;
    Ok(Json(BeatView::of(&id, &beat)))
}

/// Read how well an agent is, and what says so.
#[utoipa::path(get, path = "/api/agents/{id}/health", tag = "agents", params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "Its health", body = HealthView), (status = 404, description = "No such agent")))]
async fn read_health(State(services): State<Services>, Path(id): Path<String>) -> Result<Json<HealthView>, Problem> {
    Ok(Json(HealthView::of(&id, services.registry.health(&id)?)))
}

/// Read how far an agent is trusted, and what that rests on.
#[utoipa::path(get, path = "/api/agents/{id}/trust", tag = "agents", params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "Its trust", body = TrustView), (status = 404, description = "No such agent")))]
async fn read_trust(State(services): State<Services>, Path(id): Path<String>) -> Result<Json<TrustView>, Problem> {
    Ok(Json(TrustView::of(&id, services.registry.trust(&id)?)))
}

/// What came of dealings with an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Report {
    /// Who says so: another agent on the register.
    by: String,
    /// success, failure, timeout, bad_signature, rate_limit or invocation.
    outcome: Outcome,
}

/// Report what came of dealings with an agent.
///
/// It moves the agent's trust by the outcome's weight; each further report of the same peer within
/// an hour counts half of the one before it.
#[utoipa::path(post, path = "/api/agents/{id}/reports", tag = "agents", request_body = Report,
    params(("id" = String, Path, description = "The agent that is reported on")),
    responses((status = 200, description = "Its trust after it", body = TrustView), (status = 400, description = "The body does not fit"),
        (status = 403, description = "A report on oneself"), (status = 404, description = "No such agent"),
        (status = 422, description = "The reporter is not on the register, or the outcome is the registry's own to count")))]
async fn report(
    State(services): State<Services>,
    Path(id): Path<String>,
    Body(report): Body<Report>,
) -> Result<Json<TrustView>, Problem> {
    services.registry.report(&id, &report.by, report.outcome).await?;
    Ok(Json(TrustView::of(&id, services.registry.trust(&id)?)))
}

/// Say what an agent does.
#[utoipa::path(post, path = "/api/agents/{id}/status", tag = "agents", request_body = StatusReport,
    params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "The agent as it is now", body = AgentView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such agent"), (status = 422, description = "A field does not fit")))]
async fn report_status(
    State(services): State<Services>,
    Path(id): Path<String>,
    Body(report): Body<StatusReport>,
) -> Result<Json<AgentView>, Problem> {
    let agent = services.registry.report_status(&id, report).await?;
    Ok(Json(AgentView::of(&agent, &services.registry)))
}
