//! Messages and inboxes.

mod stream;

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use super::params::Params;
use crate::event::Cursor;
use crate::hub::Hub;
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::service::messages::{InboxPage, Letter, NewMessage};
use crate::service::{Refusal, Services};

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_messages, send_message))
        .routes(routes!(read_inbox))
        .routes(routes!(acknowledge))
        .routes(routes!(stream::follow))
}

/// A message on its way.
#[derive(Debug, Serialize, ToSchema)]
struct SentView {
    /// Its id.
    id: String,
    /// Its place in the log.
    seq: u64,
    /// The content's bytes.
    size: u64,
    /// Into how many inboxes it goes.
    receivers: u64,
    /// Whether it had been sent before under this id.
    repeated: bool,
}

/// Send a message to an agent, or with `*` to all but the sender.
///
/// An `id` is its sender's. The same message again under it is sent once and gets the first answer.
#[utoipa::path(post, path = "/api/messages", tag = "messages", request_body = NewMessage,
    responses((status = 201, description = "It is in the inboxes", body = SentView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "The receiver is not on the register"),
        (status = 409, description = "The sender sent another message under this id"), (status = 413, description = "A field is too long"),
        (status = 422, description = "A field does not fit")))]
async fn send_message(
    State(services): State<Services>,
    Body(message): Body<NewMessage>,
) -> Result<(StatusCode, Json<SentView>), Problem> {
    let sent = services.messages.send(message).await?;
    let view = SentView { id: sent.id, seq: sent.seq, size: sent.size, receivers: sent.receivers, repeated: sent.repeated };
    Ok((StatusCode::CREATED, Json(view)))
}

/// The newest messages.
#[derive(Debug, Serialize, ToSchema)]
struct Newest {
    /// The newest 200, oldest first; contents over 1000 bytes are cut.
    messages: Vec<LetterView>,
    /// How many there ever were.
    total: u64,
    /// How many bytes they had.
    bytes: u64,
}

/// Read the newest messages of the whole swarm.
#[utoipa::path(get, path = "/api/messages", tag = "messages",
    responses((status = 200, description = "The newest messages", body = Newest), (status = 400, description = "There are no parameters")))]
async fn list_messages(State(hub): State<Hub>, RawQuery(query): RawQuery) -> Result<Json<Newest>, Problem> {
    Params::read(query.as_deref())?.end()?;
    let state = hub.state();
    let view = |message: &crate::swarm::messages::Message| LetterView {
        id: message.id.clone(),
        seq: message.seq,
        ts: message.ts.to_string(),
        from: message.from.clone(),
        to: message.to.clone(),
        message_type: message.message_type.as_str(),
        content: message.content.clone(),
        size: message.size,
        correlation_id: None,
    };
    let messages = state.messages.recent.iter().map(view).collect();
    Ok(Json(Newest { messages, total: state.messages.total, bytes: state.messages.bytes }))
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
struct LetterView {
    /// Its id.
    id: String,
    /// Its place in the log.
    seq: u64,
    /// When it was sent, RFC 3339.
    ts: String,
    /// Who sent it.
    from: String,
    /// To whom; `*` for all.
    to: String,
    /// task, response, query, broadcast or error.
    message_type: &'static str,
    /// What it says.
    content: String,
    /// The content's bytes.
    size: u64,
    /// What it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
}

impl LetterView {
    fn of(letter: Letter) -> Self {
        Self {
            id: letter.id,
            seq: letter.seq,
            ts: letter.ts.to_string(),
            from: letter.from,
            to: letter.to,
            message_type: letter.message_type.as_str(),
            content: letter.content,
            size: letter.size,
            correlation_id: letter.correlation_id,
        }
    }
}

/// A page of an inbox.
#[derive(Debug, Serialize, ToSchema)]
struct InboxView {
    /// The messages, oldest first. They stay in the inbox until they are acknowledged.
    messages: Vec<LetterView>,
    /// `after` for the next page.
    next: u64,
    /// How many messages wait, on this page and elsewhere.
    waiting: u64,
    /// How many were dropped unread because the inbox was full.
    dropped: u64,
    /// Places of messages that the log no longer keeps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gone: Vec<u64>,
}

impl InboxView {
    fn of(page: InboxPage) -> Self {
        let messages = page.messages.into_iter().map(LetterView::of).collect();
        Self { messages, next: page.next, waiting: page.waiting, dropped: page.dropped, gone: page.gone }
    }
}

/// Read what waits for an agent.
///
/// With `wait_ms` the answer waits, where there is nothing, until there is. What is not acknowledged
/// is delivered again.
#[utoipa::path(get, path = "/api/agents/{id}/inbox", tag = "messages",
    params(
        ("id" = String, Path, description = "The agent"),
        ("after" = Option<String>, Query, description = "Only messages after this place of the log, a seq or a cursor; 0 is the oldest"),
        ("limit" = Option<u64>, Query, description = "1 to 500, 100 where absent"),
        ("wait_ms" = Option<u64>, Query, description = "How long to wait, 0 to 60000; 0 where absent"),
    ),
    responses((status = 200, description = "A page of the inbox", body = InboxView), (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "No such agent")))]
async fn read_inbox(
    State(app): State<AppState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<InboxView>, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let after = place(&app.hub, params.take("after").as_deref(), "after")?;
    let limit = params.number("limit", 100_usize, 500)?;
    let wait_ms = params.number("wait_ms", 0_u64, 60_000)?;
    params.end()?;
    if limit == 0 {
        return Err(Problem::parameter("limit: 0 is under 1"));
    }
    let messages = &app.services.messages;
    let page = if wait_ms == 0 {
        messages.inbox(&id, after, limit).await?
    } else {
        tokio::select! {
            page = messages.wait(&id, after, limit, Duration::from_millis(wait_ms)) => page?,
            // Who waits is answered before the server ends.
            () = app.stopping.cancelled() => messages.inbox(&id, after, limit).await?,
        }
    };
    Ok(Json(InboxView::of(page)))
}

/// Reads a place of the log: a seq, or a cursor. One of another log is before everything of this.
fn place(hub: &Hub, text: Option<&str>, name: &str) -> Result<u64, Problem> {
    let Some(text) = text else { return Ok(0) };
    if let Ok(seq) = text.parse::<u64>() {
        return Ok(seq);
    }
    match text.parse::<Cursor>() {
        Ok(Cursor::After { epoch, seq }) if epoch == hub.epoch() => Ok(seq),
        Ok(_) => Ok(0),
        Err(error) => Err(Problem::parameter(format!("{name}: {error}"))),
    }
}

/// What an agent has taken.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acknowledgement {
    /// These messages, by their ids.
    messages: Option<Vec<String>>,
    /// These messages, by their places in the log: an id may be that of two senders.
    seqs: Option<Vec<u64>>,
    /// All messages up to and with this place of the log.
    up_to: Option<u64>,
}

/// What an acknowledgement did.
#[derive(Debug, Serialize, ToSchema)]
struct AcknowledgedView {
    /// How many messages were taken out of the inbox.
    acknowledged: u64,
    /// How many wait still.
    waiting: u64,
}

/// Take messages out of an inbox, by their ids, by their places in the log, or up to a place.
#[utoipa::path(post, path = "/api/agents/{id}/inbox/ack", tag = "messages", request_body = Acknowledgement,
    params(("id" = String, Path, description = "The agent")),
    responses((status = 200, description = "They are delivered", body = AcknowledgedView), (status = 400, description = "The body does not fit"),
        (status = 404, description = "No such agent"), (status = 409, description = "Two messages in it have this id; nothing is taken out"),
        (status = 422, description = "Not one of messages, seqs and up_to")))]
async fn acknowledge(
    State(services): State<Services>,
    Path(id): Path<String>,
    Body(taken): Body<Acknowledgement>,
) -> Result<Json<AcknowledgedView>, Problem> {
    let done = match (taken.messages, taken.seqs, taken.up_to) {
        (Some(ids), None, None) => services.messages.acknowledge(&id, &ids).await?,
        (None, Some(seqs), None) => services.messages.acknowledge_at(&id, seqs).await?,
        (None, None, Some(seq)) => services.messages.acknowledge_up_to(&id, seq).await?,
        _ => return Err(Refusal::invalid("one of messages, seqs and up_to is needed").into()),
    };
    Ok(Json(AcknowledgedView { acknowledged: done.acknowledged, waiting: done.waiting }))
}
