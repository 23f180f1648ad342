//! Tasks.

mod view;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use super::params::Params;
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::service::Services;
use crate::service::tasks::{Completion, NewTask, TaskQuery};
use crate::swarm::tasks::TaskState;
use view::{TaskPage, TaskView};

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_tasks, create_task))
        .routes(routes!(claim_next))
        .routes(routes!(read_task))
        .routes(routes!(assign_task))
        .routes(routes!(claim_task))
        .routes(routes!(start_task))
        .routes(routes!(progress_task))
        .routes(routes!(complete_task))
        .routes(routes!(fail_task))
        .routes(routes!(cancel_task))
        .routes(routes!(retry_task))
}

type Answer = Result<Json<TaskView>, Problem>;

/// List tasks, most urgent first.
#[utoipa::path(get, path = "/api/tasks", tag = "tasks",
    params(
        ("state" = Option<String>, Query, description = "pending, assigned, running, completed, failed or cancelled"),
        ("agent" = Option<String>, Query, description = "Only those of this agent"),
        ("parent" = Option<String>, Query, description = "Only the parts of this task"),
        ("blocked" = Option<bool>, Query, description = "true: only those that wait for others"),
        ("skip" = Option<u64>, Query, description = "How many to leave out at the beginning"),
        ("limit" = Option<u64>, Query, description = "0 to 1000, 100 where absent"),
    ),
    responses((status = 200, description = "A page of the tasks", body = TaskPage), (status = 400, description = "A parameter does not fit")))]
async fn list_tasks(State(services): State<Services>, RawQuery(query): RawQuery) -> Result<Json<TaskPage>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let usual = TaskQuery::default();
    let query = TaskQuery {
        state: params.word::<TaskState>("state")?,
        agent: params.take("agent"),
        parent: params.take("parent"),
        blocked: params.flag("blocked")?,
        skip: params.number("skip", usual.skip, usize::MAX)?,
        limit: params.number("limit", usual.limit, 1_000)?,
    };
    params.end()?;
    let listing = services.tasks.list(&query);
    let tasks = listing.tasks.iter().map(TaskView::of).collect();
    Ok(Json(TaskPage { tasks, total: listing.total as u64, skip: query.skip as u64, limit: query.limit as u64 }))
}

/// Put up a task.
#[utoipa::path(post, path = "/api/tasks", tag = "tasks", request_body = NewTask,
    responses((status = 201, description = "The task", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "A dependency or the agent is not there"),
        (status = 409, description = "The id is taken, the agent has stopped, or too many tasks are open"),
        (status = 413, description = "A field is too long"), (status = 422, description = "A field does not fit")))]
async fn create_task(
    State(services): State<Services>,
    Body(task): Body<NewTask>,
) -> Result<(StatusCode, Json<TaskView>), Problem> {
    let task = services.tasks.create(task).await?;
    Ok((StatusCode::CREATED, Json(TaskView::of(&task))))
}

/// Read one task.
#[utoipa::path(get, path = "/api/tasks/{id}", tag = "tasks", params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task", body = TaskView), (status = 404, description = "No such task")))]
async fn read_task(State(services): State<Services>, Path(id): Path<String>) -> Answer {
    Ok(Json(TaskView::of(&services.tasks.get(&id)?)))
}

/// Who is to have a task.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Claimant {
    /// The agent.
    agent: String,
}

/// Give a pending task to an agent.
#[utoipa::path(post, path = "/api/tasks/{id}/assign", tag = "tasks", request_body = Claimant,
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task as it is now", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such task or agent"),
        (status = 409, description = "It is not pending, waits for others, or the agent has stopped")))]
async fn assign_task(State(services): State<Services>, Path(id): Path<String>, Body(to): Body<Claimant>) -> Answer {
    Ok(Json(TaskView::of(&services.tasks.assign(&id, &to.agent).await?)))
}

/// Take a pending task. Of several that want it at once, one gets it.
#[utoipa::path(post, path = "/api/tasks/{id}/claim", tag = "tasks", request_body = Claimant,
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "It is the agent's", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such task or agent"),
        (status = 409, description = "Another has it, it waits for others, or the agent has stopped")))]
async fn claim_task(State(services): State<Services>, Path(id): Path<String>, Body(by): Body<Claimant>) -> Answer {
    Ok(Json(TaskView::of(&services.tasks.claim(&id, &by.agent).await?)))
}

/// Take the most urgent task that can be had.
///
/// By priority, then by how long it is pending.
#[utoipa::path(post, path = "/api/tasks/claim", tag = "tasks", request_body = Claimant,
    responses((status = 200, description = "It is the agent's", body = TaskView), (status = 204, description = "There is none"),
        (status = 400, description = "The body does not fit"), (status = 404, description = "No such agent"),
        (status = 409, description = "The agent has stopped")))]
async fn claim_next(State(services): State<Services>, Body(by): Body<Claimant>) -> Result<Response, Problem> {
    Ok(match services.tasks.claim_next(&by.agent).await? {
        Some(task) => Json(TaskView::of(&task)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// That a task begins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Start {
    /// The agent that begins it; refused where it is not the one that has it.
    agent: Option<String>,
    /// A title for people.
    title: Option<String>,
}

/// Begin an assigned task.
#[utoipa::path(post, path = "/api/tasks/{id}/start", tag = "tasks", request_body = Start,
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task as it is now", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such task"), (status = 409, description = "It is not assigned, or to another agent")))]
async fn start_task(State(services): State<Services>, Path(id): Path<String>, Body(it): Body<Start>) -> Answer {
    Ok(Json(TaskView::of(&services.tasks.start_task(&id, it.agent.as_deref(), it.title).await?)))
}

/// How far a task is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Progress {
    /// The agent that has it.
    agent: Option<String>,
    /// Share done, 0 to 100.
    progress: f64,
    /// What is being done.
    message: Option<String>,
}

/// Say how far a running task is.
///
/// Progress only grows: a report of less, which came late, changes nothing, and the answer shows how
/// far the task is.
#[utoipa::path(post, path = "/api/tasks/{id}/progress", tag = "tasks", request_body = Progress,
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task as it is now", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such task"), (status = 409, description = "It is not running, or another agent's"),
        (status = 422, description = "No share from 0 to 100")))]
async fn progress_task(State(services): State<Services>, Path(id): Path<String>, Body(it): Body<Progress>) -> Answer {
    let task = services.tasks.progress(&id, it.agent.as_deref(), it.progress, it.message).await?;
    Ok(Json(TaskView::of(&task)))
}

/// How a task ended well.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Done {
    /// The agent that has it.
    agent: Option<String>,
    /// How long it took, in milliseconds; measured from its start where absent.
    duration_ms: Option<f64>,
    /// What came of it, at most 24 KiB.
    result: Option<Value>,
    /// Figures about it, at most 24 KiB.
    stats: Option<Map<String, Value>>,
}

/// Complete a running task.
#[utoipa::path(post, path = "/api/tasks/{id}/complete", tag = "tasks", request_body = Done,
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task as it is now", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such task"), (status = 409, description = "It is not running, or another agent's"),
        (status = 413, description = "The result is too large"), (status = 422, description = "No such duration")))]
async fn complete_task(State(services): State<Services>, Path(id): Path<String>, Body(it): Body<Done>) -> Answer {
    let done = Completion { duration_ms: it.duration_ms, result: it.result, stats: it.stats };
    Ok(Json(TaskView::of(&services.tasks.complete(&id, it.agent.as_deref(), done).await?)))
}

/// How a task ended badly.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Failure {
    /// The agent that has it.
    agent: Option<String>,
    /// What went wrong.
    error: String,
}

/// Say that a running task failed.
#[utoipa::path(post, path = "/api/tasks/{id}/fail", tag = "tasks", request_body = Failure,
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task as it is now", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such task"), (status = 409, description = "It is not running, or another agent's"),
        (status = 422, description = "It does not say what went wrong")))]
async fn fail_task(State(services): State<Services>, Path(id): Path<String>, Body(it): Body<Failure>) -> Answer {
    Ok(Json(TaskView::of(&services.tasks.fail(&id, it.agent.as_deref(), it.error).await?)))
}

/// Why something is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Why {
    /// Why.
    reason: Option<String>,
}

/// Call off a task that has not ended.
#[utoipa::path(post, path = "/api/tasks/{id}/cancel", tag = "tasks", request_body = Why,
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task as it is now", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such task"), (status = 409, description = "It has ended")))]
async fn cancel_task(State(services): State<Services>, Path(id): Path<String>, Body(it): Body<Why>) -> Answer {
    Ok(Json(TaskView::of(&services.tasks.cancel(&id, it.reason).await?)))
}

/// Put a task that failed or was cancelled up again.
#[utoipa::path(post, path = "/api/tasks/{id}/retry", tag = "tasks", request_body = Why,
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, description = "The task as it is now", body = TaskView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such task"), (status = 409, description = "It neither failed nor was cancelled")))]
async fn retry_task(State(services): State<Services>, Path(id): Path<String>, Body(it): Body<Why>) -> Answer {
    Ok(Json(TaskView::of(&services.tasks.retry(&id, it.reason).await?)))
}
