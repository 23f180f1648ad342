//! Providers.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use super::params::reporter;
use crate::event::DEFAULT_SOURCE;
use crate::event::provider::Origin;
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::service::providers::settings::{ProviderSettings, kind_of};
use crate::service::providers::{Probe, Probing, ProviderView};
use crate::service::{Refusal, Services};

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_providers, add_provider))
        .routes(routes!(remove_provider))
        .routes(routes!(probe_provider))
}

/// All providers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProviderList {
    /// By name.
    pub providers: Vec<ProviderAnswer>,
}

/// One provider.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProviderAnswer {
    /// Its name.
    pub name: String,
    /// `UNKNOWN`, `READY`, `RUNNING`, `DEGRADED`, `STOPPED` or `ERROR`, as the log says.
    pub state: &'static str,
    /// Where it is.
    pub endpoint: String,
    /// How long the answer took that brought it into this state, in milliseconds.
    pub latency_ms: Option<f64>,
    /// What was wrong when it came into this state.
    pub last_error: Option<String>,
    /// When it came into this state.
    pub since: String,
    /// `file` or `api`; absent where only others report it.
    pub origin: Option<&'static str>,
    /// How the deck probes it; absent where it does not.
    pub probing: Option<ProbingView>,
}

/// How a provider is probed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProbingView {
    /// `ollama`, `openai` or `http`.
    pub kind: &'static str,
    /// Seconds between two probes.
    pub every_seconds: u64,
    /// How long an answer may take, in milliseconds.
    pub timeout_ms: u64,
    /// From when on an answer is slow, in milliseconds.
    pub slow_ms: u64,
    /// How many probes in a row ended in `ERROR`.
    pub failures: u32,
    /// When the next probe is due; a failing provider is probed more and more rarely.
    pub next_at: Option<String>,
    /// The newest probe; absent before the first since the deck was started.
    pub newest: Option<ProbeView>,
}

/// What one probe found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProbeView {
    /// When it began.
    pub at: String,
    /// The state that it found.
    pub state: &'static str,
    /// How long the whole answer took, in milliseconds; absent where there was none.
    pub latency_ms: Option<f64>,
    /// What is wrong.
    pub error: Option<String>,
    /// How many models it lists.
    pub models: Option<u64>,
}

/// A provider to set up.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddProvider {
    /// Its name: 1 to 100 letters, digits and `_ - . :`.
    pub name: String,
    /// `ollama`, `openai` or `http`.
    pub kind: String,
    /// Where it is, such as `http://127.0.0.1:11434`; without credentials.
    pub url: String,
    /// Seconds between two probes, 1 to 86,400; 30 where absent.
    pub every_seconds: Option<u64>,
    /// How long an answer may take, 10 to 60,000 ms; 5,000 where absent.
    pub timeout_ms: Option<u64>,
    /// From when on an answer is slow, 1 to 60,000 ms; 2,000 where absent.
    pub slow_ms: Option<u64>,
    /// Who sets it up; `api` where absent.
    pub source: Option<String>,
}

/// List the providers.
#[utoipa::path(
    get, path = "/api/providers", tag = "providers",
    responses((status = 200, description = "All that the log knows, by name", body = ProviderList))
)]
pub async fn list_providers(State(services): State<Services>) -> Json<ProviderList> {
    Json(ProviderList { providers: services.providers.list().into_iter().map(ProviderAnswer::from).collect() })
}

/// Set a provider up; it is probed at once and from then on.
#[utoipa::path(
    post, path = "/api/providers", tag = "providers", request_body = AddProvider,
    responses(
        (status = 201, description = "It is set up, also after a restart", body = ProviderAnswer),
        (status = 400, description = "The body cannot be understood"),
        (status = 409, description = "The name is taken, or there are 100"),
        (status = 422, description = "A field does not fit; a URL with credentials is refused"),
        (status = 503, description = "The log takes no events now"),
    )
)]
pub async fn add_provider(
    State(services): State<Services>,
    Body(body): Body<AddProvider>,
) -> Result<(StatusCode, Json<ProviderAnswer>), Problem> {
    let by = reporter(body.source)?;
    let settings = ProviderSettings {
        name: body.name,
        kind: kind_of(&body.kind).map_err(|fault| Refusal::invalid(format!("kind: {fault}")))?,
        url: body.url,
        every_seconds: body.every_seconds,
        timeout_ms: body.timeout_ms,
        slow_ms: body.slow_ms,
        enabled: true,
        bearer_env: None,
    };
    let added = services.providers.add(&by, settings).await?;
    Ok((StatusCode::CREATED, Json(added.into())))
}

/// Remove a provider.
#[utoipa::path(
    delete, path = "/api/providers/{name}", tag = "providers",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 204, description = "It is stopped and gone"),
        (status = 404, description = "There is none of this name"),
        (status = 409, description = "The file of settings sets it up"),
        (status = 503, description = "The log takes no events now"),
    )
)]
pub async fn remove_provider(
    State(services): State<Services>,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    services.providers.remove(DEFAULT_SOURCE, &named(name)?, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Probe a provider now.
#[utoipa::path(
    post, path = "/api/providers/{name}/probe", tag = "providers",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "What was found", body = ProviderAnswer),
        (status = 404, description = "There is none of this name"),
        (status = 409, description = "The deck does not probe it"),
    )
)]
pub async fn probe_provider(
    State(services): State<Services>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<ProviderAnswer>, Problem> {
    Ok(Json(services.providers.probe(&named(name)?).await?.into()))
}

fn named(name: Result<Path<String>, PathRejection>) -> Result<String, Problem> {
    name.map(|Path(name)| name).map_err(|rejection| Problem::request(rejection.body_text()))
}

impl From<ProviderView> for ProviderAnswer {
    fn from(view: ProviderView) -> Self {
        let known = view.known;
        Self {
            name: view.name,
            state: known.state.as_str(),
            endpoint: known.endpoint,
            latency_ms: known.latency_ms,
            last_error: known.last_error,
            since: known.by.ts.to_string(),
            origin: known.configured.map(|configured| configured.origin).map(Origin::as_str),
            probing: view.probing.map(ProbingView::from),
        }
    }
}

impl From<Probing> for ProbingView {
    fn from(probing: Probing) -> Self {
        let settings = &probing.settings;
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            kind: settings.kind.as_str(),
            every_seconds: settings.every().as_secs(),
            timeout_ms: millis(settings.timeout()),
            slow_ms: millis(settings.slow()),
            failures: probing.failures,
            next_at: probing.next.map(|next| next.to_string()),
            newest: probing.probe.map(ProbeView::from),
        }
    }
}

impl From<Probe> for ProbeView {
    fn from(probe: Probe) -> Self {
        Self {
            at: probe.at.to_string(),
            state: probe.state.as_str(),
            latency_ms: probe.latency_ms,
            error: probe.error,
            models: probe.models,
        }
    }
}
