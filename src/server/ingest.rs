//! `POST /api/events`: events from any program.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;

use super::limits::MAX_EVENT;
use super::problem::Problem;
use super::query::{flag, pairs};
use super::{AppState, Gauges};
use crate::event::wire::At;
use crate::event::{Draft, OWN_SOURCES, wire};
use crate::hub::Hub;
use crate::swarm::bounds::clip;

/// How much of the last refusal is kept for the page, in bytes.
const MAX_REFUSAL: usize = 4 << 10;

/// What became of the events.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Accepted {
    /// How many events are in the log now, counting those that were there before.
    pub accepted: u64,
    /// How many of them were stored before under the same source and id.
    pub duplicates: u64,
    /// The smallest place among them.
    pub first_seq: u64,
    /// The largest place among them.
    pub last_seq: u64,
    /// The cursor after the largest place.
    pub cursor: String,
}

/// Store events.
///
/// One event, an array, or NDJSON (`application/x-ndjson`). All or nothing: a fault names the event
/// and the field. The answer comes when the events are committed.
///
/// `source` is the reporter's name; `core` and `webui` are the deck's own, and nobody else's. A
/// recording, in which they stand, is taken with `restore=1`: its events then count as what they
/// were, so that a message among them is in its inbox again.
#[utoipa::path(
    post, path = "/api/events", tag = "events",
    params(("restore" = Option<String>, Query,
        description = "1: the events are a recording, and may have the deck's own sources; from this machine, or with the token")),
    request_body(content_type = "application/json", description = "An event or an array of events, see /api/schema; or NDJSON"),
    responses(
        (status = 200, description = "Committed", body = Accepted),
        (status = 400, description = "Not JSON, or no event; or a parameter does not fit"),
        (status = 403, description = "A restore from beyond this machine without a token"),
        (status = 413, description = "The body or one event is too large"),
        (status = 422, description = "An event does not fit; nothing was stored"),
        (status = 503, description = "The log takes no events now"),
    )
)]
pub async fn send_events(
    State(hub): State<Hub>,
    State(app): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Accepted>, Problem> {
    let restore = restores(&app, peer, query.as_deref())?;
    let drafts = read(&headers, &body, restore).inspect_err(|problem| remember(&app.gauges, problem))?;
    let appended = hub.append(drafts).await?;
    let (first_seq, last_seq) = appended.seqs.iter().fold((u64::MAX, 0), |(low, high), seq| (low.min(*seq), high.max(*seq)));
    Ok(Json(Accepted {
        accepted: appended.seqs.len() as u64,
        duplicates: appended.duplicates,
        first_seq,
        last_seq,
        cursor: hub.cursor(last_seq).to_string(),
    }))
}

/// Whether a recording is restored; whoever may send at all may say so, but for somebody beyond this
/// machine where a deck without a token is open to him.
fn restores(app: &AppState, peer: SocketAddr, query: Option<&str>) -> Result<bool, Problem> {
    let mut restore = false;
    for (name, value) in pairs(query)? {
        match name.as_str() {
            "restore" => restore = flag("restore", &value)?,
            "token" => {}
            _ => return Err(Problem::parameter(format!("{name}: unknown parameter; known is restore"))),
        }
    }
    if restore && app.config.token.is_none() && !peer.ip().to_canonical().is_loopback() {
        return Err(Problem::forbidden("restore=1 is for this machine, or for whoever has the token"));
    }
    Ok(restore)
}

/// Keeps a refusal for the page: whoever sends a first event sees there what is wrong with it.
fn remember(gauges: &Gauges, problem: &Problem) {
    gauges.refused.fetch_add(1, Ordering::Relaxed);
    if let Ok(mut last) = gauges.last_refusal.lock() {
        *last = Some(clip(problem.detail(), MAX_REFUSAL));
    }
}

fn read(headers: &HeaderMap, body: &[u8], restore: bool) -> Result<Vec<Draft>, Problem> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Problem::request(format!("the body is not UTF-8 from byte {}", error.valid_up_to())))?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let whole = At::Root("events");
    let values = if kind.starts_with("application/x-ndjson") {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(number, line)| {
                serde_json::from_str(line)
                    .map_err(|error| Problem::request(format!("line {}: not valid JSON: {error}", number + 1)))
            })
            .collect::<Result<Vec<Value>, _>>()?
    } else {
        match serde_json::from_str(text) {
            Ok(Value::Array(values)) => values,
            Ok(event) => return Ok(vec![draft(event, &At::Root(""), body.len(), restore)?]),
            Err(error) => return Err(Problem::request(format!("not valid JSON: {error}"))),
        }
    };
    if values.is_empty() {
        return Err(Problem::request("no event in the body"));
    }
    values.into_iter().enumerate().map(|(index, value)| draft(value, &At::Index(&whole, index), body.len(), restore)).collect()
}

fn draft(value: Value, at: &At<'_>, body: usize, restore: bool) -> Result<Draft, Problem> {
    // A body within the bound of one event holds no larger event: most need no measuring.
    if body > MAX_EVENT {
        let size = wire::to_text(&value).len();
        if size > MAX_EVENT {
            let which = match at {
                At::Root(_) => "the event".to_owned(),
                at => at.to_string(),
            };
            return Err(Problem::too_large(format!("{which}: {size} bytes, over the limit of {MAX_EVENT}")));
        }
    }
    let draft = Draft::read(value, at)?;
    if !restore && OWN_SOURCES.contains(&draft.source.as_str()) {
        let own = format!("{:?} is the deck's own name; restore=1 restores a recording", draft.source);
        return Err(At::Key(at, "source").fault(own).into());
    }
    Ok(draft)
}
