//! Self-checks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::server::AppState;
use crate::server::problem::Problem;
use crate::service::Services;
use crate::swarm::selfchecks::Run;

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(read_selfcheck)).routes(routes!(run_selfcheck))
}

/// The runs and the schedule.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SelfcheckAnswer {
    /// Whether a run of the deck goes on.
    pub running: bool,
    /// The newest run.
    pub newest: Option<RunView>,
    /// The runs that the log tells of, whoever made them, newest first.
    pub runs: Vec<RunView>,
    /// Seconds between two scheduled runs; absent where there is no schedule.
    pub every_seconds: Option<u64>,
    /// When the next scheduled run is due.
    pub next_at: Option<String>,
}

/// One run.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RunView {
    /// Its id: its events are about `selfcheck:<id>`.
    pub id: String,
    /// `running`, `completed` or `failed`.
    pub state: &'static str,
    /// When it began.
    pub started_at: String,
    /// When the newest event about it happened.
    pub updated_at: String,
    /// Share done, in percent.
    pub progress: Option<f64>,
    /// What is being checked, the outcome, or what failed.
    pub message: Option<String>,
    /// The checks, once it ended: `{name, ok, detail, took_ms}`.
    #[schema(value_type = Vec<Object>)]
    pub checks: Vec<Value>,
}

/// A run that began.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RunStarted {
    /// Its id.
    pub id: String,
}

/// Read the runs of self-checks and their schedule.
#[utoipa::path(
    get, path = "/api/selfcheck", tag = "selfcheck",
    responses((status = 200, description = "The runs, newest first, and the schedule", body = SelfcheckAnswer))
)]
pub async fn read_selfcheck(State(services): State<Services>) -> Json<SelfcheckAnswer> {
    let status = services.selfcheck.status();
    let runs: Vec<RunView> = status.runs.into_iter().map(RunView::of).collect();
    Json(SelfcheckAnswer {
        running: status.running,
        newest: runs.first().cloned(),
        runs,
        every_seconds: Some(status.every_seconds).filter(|seconds| *seconds > 0),
        next_at: status.next.map(|next| next.to_string()),
    })
}

/// Begin a self-check.
///
/// Its events tell how it goes on; `GET /api/selfcheck` tells how it ended.
#[utoipa::path(
    post, path = "/api/selfcheck/run", tag = "selfcheck",
    responses(
        (status = 202, description = "It began", body = RunStarted),
        (status = 409, description = "One goes on already"),
        (status = 503, description = "The log takes no events now"),
    )
)]
pub async fn run_selfcheck(State(services): State<Services>) -> Result<(StatusCode, Json<RunStarted>), Problem> {
    let id = services.selfcheck.run().await?;
    Ok((StatusCode::ACCEPTED, Json(RunStarted { id })))
}

impl RunView {
    fn of((id, run): (String, Run)) -> Self {
        // The state keeps the beginning of each check's JSON; one that was cut is shown as text.
        let check = |json: String| serde_json::from_str(&json).unwrap_or(Value::String(json));
        Self {
            id,
            state: run.state.as_str(),
            started_at: run.started.to_string(),
            updated_at: run.by.ts.to_string(),
            progress: run.progress,
            message: run.message,
            checks: run.checks.into_iter().map(check).collect(),
        }
    }
}
