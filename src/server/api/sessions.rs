//! Sessions, in our own words and in those of the sessions dialect: one set of addresses, both
//! spellings of a body's keys, and errors that both can read.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use crate::event::Timestamp;
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::server::query::pairs;
use crate::service::sessions::{Answer, NewSession, SessionChange};
use crate::service::{Reason, Refusal, Services};
use crate::swarm::sessions::{Entry, Request, Session, SessionState};

/// Who acts where the body does not say.
const BY: &str = "api";

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions, create_session))
        .routes(routes!(list_drivers))
        .routes(routes!(read_session, change_session, remove_session))
        .routes(routes!(send_message))
        .routes(routes!(abort_session))
        .routes(routes!(answer_request))
        .routes(routes!(list_approvals))
}

/// A problem that clients of the sessions dialect understand: its words stand under `error` too.
struct Told(Problem);

impl From<Problem> for Told {
    fn from(problem: Problem) -> Self {
        let error = match problem.status() {
            StatusCode::BAD_REQUEST => "Bad Request".to_owned(),
            _ => problem.detail().to_owned(),
        };
        Self(problem.with_error(error))
    }
}

impl From<Refusal> for Told {
    fn from(refusal: Refusal) -> Self {
        match refusal.reason {
            Reason::Missing => Self(Problem::not_found(refusal.detail).with_error("Session not found")),
            _ => Problem::from(refusal).into(),
        }
    }
}

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

/// What a new session is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    /// The workspace, by the client's name for it.
    #[serde(alias = "workspace_id")]
    workspace_id: Option<String>,
    /// `ask` (where absent), `allow` or `deny`; a mode of any other name asks.
    #[serde(alias = "permission_mode")]
    permission_mode: Option<String>,
    /// A title for people.
    title: Option<String>,
    /// The agent that works in it.
    agent: Option<String>,
    /// What runs it, by its name in the settings; their default where absent.
    driver: Option<String>,
}

/// What is to change; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    /// A title for people.
    title: Option<String>,
    /// How permission is given from now on.
    #[serde(alias = "permission_mode")]
    permission_mode: Option<String>,
}

/// A person's message.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Message {
    /// The text, at most 65,536 bytes.
    message: String,
    /// Who writes; `api` where absent.
    by: Option<String>,
}

/// A person's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Decision {
    /// Whether the tool may run.
    allowed: bool,
    /// Whether it may run from now on in this session.
    #[serde(default, alias = "always_allow")]
    always_allow: bool,
    /// Who answers; `api` where absent.
    by: Option<String>,
    /// Why.
    reason: Option<String>,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct SessionView {
    id: String,
    /// The workspace, by the client's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace_id: Option<String>,
    /// How permission is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    /// What runs it; absent where another program reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<String>,
    /// idle, running, completed, failed or aborted.
    #[schema(value_type = String)]
    state: &'static str,
    /// What it failed with, or who broke it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When it began, RFC 3339.
    created_at: String,
    /// When it was last heard of.
    updated_at: String,
    /// How many requests wait for a person.
    open_requests: u64,
    /// The tools that need not ask any more.
    always_allowed: Vec<String>,
    /// The newest entries, oldest first; only where one session is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<Vec<EntryView>>,
    /// How many older entries are in the log only.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<u64>,
}

/// An entry of a transcript.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EntryView {
    /// text, tool, permission or prompt.
    #[schema(value_type = String)]
    kind: &'static str,
    /// The turn, the tool call or the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The event that began it.
    seq: u64,
    timestamp: String,
    /// The text; the input of a tool; the command that asks.
    text: String,
    /// Bytes of the text that are in the log only.
    cut: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<String>,
    /// What the tool answered; what was decided; who wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<String>,
    is_error: bool,
    done: bool,
}

/// A request that waits for a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Approval {
    session_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    request_id: String,
    tool_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// When it was asked, RFC 3339.
    requested_at: String,
    /// When it lapses.
    expires_at: String,
}

/// A driver of the settings.
#[derive(Debug, Serialize, ToSchema)]
struct DriverView {
    name: String,
    /// command, openai or scripted.
    #[schema(value_type = String)]
    kind: &'static str,
    /// Whether a session that names none gets it.
    default: bool,
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

impl SessionView {
    fn of(session: &Session) -> Self {
        Self {
            id: session.id.clone(),
            workspace_id: session.workspace.clone(),
            permission_mode: session.permission_mode.clone(),
            title: session.title.clone(),
            agent: session.agent.clone(),
            driver: session.driver.clone(),
            state: session.state.as_str(),
            error: session.error.clone(),
            created_at: time(session.started),
            updated_at: time(session.heard.ts),
            open_requests: session.open.len() as u64,
            always_allowed: session.always.clone(),
            transcript: None,
            dropped: None,
        }
    }

    fn whole(session: &Session) -> Self {
        let transcript = session.transcript.iter().map(EntryView::of).collect();
        Self { transcript: Some(transcript), dropped: Some(session.dropped), ..Self::of(session) }
    }
}

impl EntryView {
    fn of(entry: &Entry) -> Self {
        Self {
            kind: entry.kind.as_str(),
            id: entry.id.clone(),
            seq: entry.seq,
            timestamp: time(entry.ts),
            text: entry.text.clone(),
            cut: entry.cut,
            tool: entry.tool.clone(),
            result: entry.result.clone(),
            is_error: entry.is_error,
            done: entry.done,
        }
    }
}

impl Approval {
    fn of(session: &Session, id: &str, request: &Request) -> Self {
        Self {
            session_id: session.id.clone(),
            session_title: session.title.clone(),
            agent: session.agent.clone(),
            request_id: id.to_owned(),
            tool_name: request.tool_name.clone(),
            command: request.command.clone(),
            description: request.description.clone(),
            requested_at: time(request.by.ts),
            expires_at: time(request.expires_at),
        }
    }
}

/// A query without parameters of its own.
fn no_parameters(query: Option<&str>) -> Result<(), Problem> {
    match pairs(query)?.into_iter().find(|(name, _)| name != "token") {
        None => Ok(()),
        Some((name, _)) => Err(Problem::parameter(format!("{name}: unknown parameter; there are none"))),
    }
}

/// List the sessions.
///
/// The newest first, without their transcripts; those that other programs report are among them.
#[utoipa::path(
    get, path = "/api/sessions", tag = "sessions",
    params(("state" = Option<String>, Query, description = "idle, running, completed, failed or aborted")),
    responses((status = 200, description = "The sessions", body = Vec<SessionView>), (status = 400, description = "A parameter does not fit"))
)]
async fn list_sessions(State(services): State<Services>, RawQuery(query): RawQuery) -> Result<Json<Vec<SessionView>>, Told> {
    let mut state = None;
    for (name, value) in pairs(query.as_deref())? {
        match name.as_str() {
            "state" if SessionState::WORDS.contains(&value.as_str()) => state = Some(value),
            "state" => {
                let known = SessionState::WORDS.join(", ");
                return Err(Problem::parameter(format!("state: {value:?} is not one of {known}")).into());
            }
            "token" => {}
            _ => return Err(Problem::parameter(format!("{name}: unknown parameter; known is state")).into()),
        }
    }
    let wanted = |session: &Session| state.as_deref().is_none_or(|state| state == session.state.as_str());
    let sessions = services.sessions.list(|session| wanted(session).then(|| SessionView::of(session)));
    Ok(Json(sessions.into_iter().flatten().collect()))
}

/// Make a session.
///
/// Its driver starts with the first message. A driver is chosen by its name in the settings; what
/// it runs stands there and nowhere else.
#[utoipa::path(
    post, path = "/api/sessions", tag = "sessions", request_body = Create,
    responses(
        (status = 201, description = "The session", body = SessionView),
        (status = 400, description = "The body cannot be read: `{\"error\":\"Bad Request\"}`"),
        (status = 422, description = "A field does not fit, or there is no such driver"),
        (status = 503, description = "The log takes no events now"),
    )
)]
async fn create_session(State(services): State<Services>, body: Result<Body<Create>, Problem>) -> Result<Response, Told> {
    let Body(it) = body?;
    let new = NewSession {
        workspace: it.workspace_id,
        permission_mode: it.permission_mode,
        title: it.title,
        agent: it.agent,
        driver: it.driver,
    };
    let id = services.sessions.create(new).await?;
    let session = services.sessions.get(&id, SessionView::of)?;
    Ok((StatusCode::CREATED, Json(session)).into_response())
}

/// List what can run a session.
#[utoipa::path(
    get, path = "/api/sessions/drivers", tag = "sessions",
    responses((status = 200, description = "The drivers of the settings", body = Vec<DriverView>), (status = 400, description = "A parameter does not fit"))
)]
async fn list_drivers(State(services): State<Services>, RawQuery(query): RawQuery) -> Result<Json<Vec<DriverView>>, Told> {
    no_parameters(query.as_deref())?;
    let drivers = services.sessions.drivers().into_iter();
    Ok(Json(drivers.map(|it| DriverView { name: it.name, kind: it.kind, default: it.default }).collect()))
}

/// Read a session with the newest of its transcript.
#[utoipa::path(
    get, path = "/api/sessions/{id}", tag = "sessions", params(("id" = String, Path, description = "The session")),
    responses((status = 200, description = "The session", body = SessionView), (status = 404, description = "`{\"error\":\"Session not found\"}`"))
)]
async fn read_session(
    State(services): State<Services>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<SessionView>, Told> {
    no_parameters(query.as_deref())?;
    Ok(Json(services.sessions.get(&id, SessionView::whole)?))
}

/// Change a session's title or permission mode.
#[utoipa::path(
    patch, path = "/api/sessions/{id}", tag = "sessions", params(("id" = String, Path, description = "The session")),
    request_body = Change,
    responses(
        (status = 200, description = "The session", body = SessionView),
        (status = 400, description = "The body cannot be read: `{\"error\":\"Bad Request\"}`"),
        (status = 422, description = "A field does not fit"),
        (status = 404, description = "`{\"error\":\"Session not found\"}`"),
        (status = 503, description = "The log takes no events now"),
    )
)]
async fn change_session(
    State(services): State<Services>,
    Path(id): Path<String>,
    body: Result<Body<Change>, Problem>,
) -> Result<Json<SessionView>, Told> {
    let Body(it) = body?;
    services.sessions.update(&id, SessionChange { title: it.title, permission_mode: it.permission_mode }).await?;
    Ok(Json(services.sessions.get(&id, SessionView::of)?))
}

/// Take a session off the list.
///
/// A turn that goes on is broken off first. The session's events stay in the log.
#[utoipa::path(
    delete, path = "/api/sessions/{id}", tag = "sessions", params(("id" = String, Path, description = "The session")),
    responses(
        (status = 200, description = "`{\"success\":true}`"),
        (status = 404, description = "`{\"error\":\"Session not found\"}`"),
        (status = 409, description = "A message has just begun another turn"),
        (status = 503, description = "The log takes no events now"),
    )
)]
async fn remove_session(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, Told> {
    services.sessions.remove(&id, BY).await?;
    Ok(Json(json!({"success": true})).into_response())
}

/// Send a message.
///
/// It begins a turn. What the agent does comes over the streams.
#[utoipa::path(
    post, path = "/api/sessions/{id}/messages", tag = "sessions", params(("id" = String, Path, description = "The session")),
    request_body = Message,
    responses(
        (status = 202, description = "`{\"accepted\":true}`"),
        (status = 400, description = "The body cannot be read: `{\"error\":\"Bad Request\"}`"),
        (status = 422, description = "A field does not fit"),
        (status = 404, description = "`{\"error\":\"Session not found\"}`"),
        (status = 409, description = "A turn goes on, or another program runs the session"),
        (status = 413, description = "The message is too long"),
        (status = 503, description = "Too many sessions are at work, or the log takes no events now"),
    )
)]
async fn send_message(
    State(services): State<Services>,
    Path(id): Path<String>,
    body: Result<Body<Message>, Problem>,
) -> Result<Response, Told> {
    let Body(it) = body?;
    services.sessions.send(&id, &it.message, it.by.as_deref().unwrap_or(BY)).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({"accepted": true}))).into_response())
}

/// Break a turn off.
///
/// The answer comes when the driver has stopped. Without a turn nothing happens.
#[utoipa::path(
    post, path = "/api/sessions/{id}/abort", tag = "sessions", params(("id" = String, Path, description = "The session")),
    responses(
        (status = 200, description = "`{\"success\":true}`"),
        (status = 404, description = "`{\"error\":\"Session not found\"}`"),
        (status = 409, description = "Another program runs the session"),
        (status = 503, description = "The log takes no events now"),
    )
)]
async fn abort_session(State(services): State<Services>, Path(id): Path<String>) -> Result<Response, Told> {
    services.sessions.abort(&id, BY).await?;
    Ok(Json(json!({"success": true})).into_response())
}

/// Answer a request.
///
/// The first answer counts. A request of a session that another program reports can be answered
/// too: the program sees `session.permission_decided` on its stream.
#[utoipa::path(
    post, path = "/api/sessions/{id}/permissions/{request}", tag = "sessions",
    params(("id" = String, Path, description = "The session"), ("request" = String, Path, description = "The request")),
    request_body = Decision,
    responses(
        (status = 200, description = "`{\"success\":true}`"),
        (status = 400, description = "The body cannot be read: `{\"error\":\"Bad Request\"}`"),
        (status = 422, description = "A field does not fit"),
        (status = 404, description = "There is no such session or request"),
        (status = 409, description = "It is decided already; the words say by whom"),
        (status = 503, description = "The log takes no events now"),
    )
)]
async fn answer_request(
    State(services): State<Services>,
    Path((id, request_id)): Path<(String, String)>,
    body: Result<Body<Decision>, Problem>,
) -> Result<Response, Told> {
    let Body(it) = body?;
    services.sessions.get(&id, |_| ())?;
    let answer = Answer {
        session: Some(id),
        request_id,
        allowed: it.allowed,
        always_allow: it.always_allow,
        by: it.by.unwrap_or_else(|| BY.to_owned()),
        reason: it.reason,
    };
    match services.sessions.answer_with(answer).await {
        Ok(_) => Ok(Json(json!({"success": true})).into_response()),
        // The session is there: it is the request that is not.
        Err(refusal) if refusal.reason == Reason::Missing => Err(Problem::from(refusal).into()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// List what waits for a person.
///
/// The open requests of all sessions, the oldest first.
#[utoipa::path(
    get, path = "/api/approvals", tag = "sessions",
    responses((status = 200, description = "The requests", body = Vec<Approval>), (status = 400, description = "A parameter does not fit"))
)]
async fn list_approvals(State(services): State<Services>, RawQuery(query): RawQuery) -> Result<Json<Vec<Approval>>, Told> {
    no_parameters(query.as_deref())?;
    Ok(Json(services.sessions.approvals(Approval::of)))
}
