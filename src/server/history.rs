//! `GET /api/events`, `/api/state`, `/api/snapshot`, `/api/approach`, `/api/schema`: what happened,
//! what it amounts to, and what it looks like.

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::AppState;
use super::dialect::mesh;
use super::guard::is_loopback;
use super::line::Direct;
use super::problem::Problem;
use super::query::{PageQuery, pairs, place};
use crate::event::control::{Gap, GapReason};
use crate::event::pack::{framed, pack};
use crate::event::wire::to_text;
use crate::event::{Cursor, schema};
use crate::hub::{Hub, Page, Read};
use crate::swarm::{FORM, hash};

/// A page of the log with its surroundings.
#[derive(Debug)]
pub struct LogPage {
    /// The events.
    pub page: Page,
    /// The cursor to go on after.
    pub next: Cursor,
    /// The cursor to go on before.
    pub previous: Cursor,
    /// Events that were asked for and are gone.
    pub gap: Option<Gap>,
}

/// Reads a page of the log: after a cursor the oldest that follow, else the newest.
///
/// # Errors
/// The log cannot be read.
pub async fn page(hub: &Hub, query: PageQuery) -> Result<LogPage, Problem> {
    let head = hub.head();
    let place = |cursor: Cursor| match cursor {
        Cursor::Beginning => (0, false),
        Cursor::After { epoch, seq } => (seq, epoch != hub.epoch()),
    };
    let (after, foreign) = query.after.map_or((0, false), place);
    let before = query.before.map_or(head + 1, |cursor| place(cursor).0);
    let first = hub.first();
    let gap = match query.after {
        _ if foreign => Some(Gap { from: first.min(head), to: head, reason: GapReason::Epoch }),
        Some(Cursor::After { .. }) if after + 1 < first => {
            Some(Gap { from: after + 1, to: first - 1, reason: GapReason::Retention })
        }
        // As on a stream: the log lost its tail, which only a weaker durability allows.
        Some(Cursor::After { .. }) if after > head => Some(Gap { from: head + 1, to: after, reason: GapReason::Epoch }),
        _ => None,
    };
    let newest = query.after.is_none() || foreign;
    let after = if foreign { 0 } else { after.min(head) };
    let read = Read { after, before: before.min(head + 1), limit: query.limit, newest, filter: query.filter };
    let upper = read.before.saturating_sub(1);
    let page = hub.read(read).await?;
    let (next, previous) = if newest {
        (upper, if page.exhausted { first.saturating_sub(1) + 1 } else { page.reached })
    } else {
        (if page.exhausted { upper.max(after) } else { page.reached }, after + 1)
    };
    Ok(LogPage { page, next: hub.cursor(next), previous: hub.cursor(previous), gap })
}

/// Read a page of the log.
///
/// After a cursor, the oldest events that follow it; without one, the newest. `next` goes on after
/// the page, `previous` before it. NDJSON where `Accept` asks for `application/x-ndjson`; where it
/// asks for `text/event-stream`, the mesh dialect's events.
#[utoipa::path(
    get, path = "/api/events", tag = "events",
    params(
        ("after" = Option<String>, Query, description = "Cursor: events after it; 0 is the beginning"),
        ("before" = Option<String>, Query, description = "Cursor: events before its seq"),
        ("until" = Option<String>, Query, description = "A seq or a cursor: events up to and with it"),
        ("limit" = Option<u64>, Query, description = "1 to 1000, 100 where absent; to 10000 with both after and until"),
        ("types" = Option<String>, Query, description = "task.*, task.progress, separated by commas; `filter` is short for it"),
        ("entity" = Option<String>, Query, description = "task:abc, agent:*, separated by commas"),
        ("source" = Option<String>, Query, description = "Reporters, separated by commas"),
        ("session" = Option<String>, Query, description = "Sessions, separated by commas"),
        ("q" = Option<String>, Query, description = "A filter as a person writes it: agent:planner type:task.* status:failing -source:demo \"npm test\""),
    ),
    responses((status = 200, description = "`{events, next, previous, head, gap?}`"), (status = 400, description = "A parameter does not fit"))
)]
pub async fn read_events(
    State(app): State<AppState>,
    direct: Direct,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/event-stream") {
        return mesh::follow(State(app), direct, RawQuery(query), headers).await;
    }
    let lines = accepts.contains("application/x-ndjson");
    let hub = &app.hub;
    let read = page(hub, PageQuery::read(query.as_deref())?).await?;
    let mut out = String::with_capacity(read.page.events.iter().map(|event| event.json.len() + 1).sum::<usize>() + 200);
    if lines {
        for event in &read.page.events {
            out.push_str(&event.json);
            out.push('\n');
        }
        let mut response = typed(out, "application/x-ndjson");
        for (name, cursor) in [("x-next-cursor", read.next), ("x-previous-cursor", read.previous)] {
            if let Ok(value) = HeaderValue::from_str(&cursor.to_string()) {
                response.headers_mut().insert(name, value);
            }
        }
        return Ok(local(response, &headers));
    }
    out.push_str("{\"events\":[");
    for (index, event) in read.page.events.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&event.json);
    }
    out.push_str(&format!("],\"next\":\"{}\",\"previous\":\"{}\",\"head\":{}", read.next, read.previous, hub.head()));
    if let Some(gap) = &read.gap {
        out.push_str(",\"gap\":");
        out.push_str(&to_text(gap));
    }
    out.push('}');
    Ok(local(typed(out, "application/json"), &headers))
}

/// Read the folded state.
///
/// Now, or right after the event `at`. `hash` is equal for equal states, wherever they were folded.
/// What waits in an inbox is not in it: `/api/agents/{id}/inbox` tells that.
#[utoipa::path(
    get, path = "/api/state", tag = "events",
    params(("at" = Option<u64>, Query, description = "A seq; the newest where absent")),
    responses(
        (status = 200, description = "`{seq, cursor, hash, state}`"),
        (status = 404, description = "It has not happened yet"),
        (status = 410, description = "It is no longer kept"),
    )
)]
pub async fn read_state(State(hub): State<Hub>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut at = None;
    for (name, value) in pairs(query.as_deref())? {
        match name.as_str() {
            "at" => at = Some(value.parse::<u64>().map_err(|_| Problem::parameter(format!("at: {value:?} is no seq")))?),
            "token" => {}
            _ => return Err(Problem::parameter(format!("{name}: unknown parameter; known is at"))),
        }
    }
    let state = match at {
        None => hub.state(),
        Some(seq) => std::sync::Arc::new(hub.state_at(seq).await?),
    };
    let mut out =
        format!("{{\"seq\":{},\"cursor\":\"{}\",\"hash\":\"{}\",\"state\":", state.seq, hub.cursor(state.seq), hash(&state));
    out.push_str(&to_text(state.as_ref()));
    out.push('}');
    Ok(typed(out, "application/json"))
}

/// The instant that is asked for: the newest event where none is named.
fn instant(query: Option<&str>, hub: &Hub) -> Result<u64, Problem> {
    let mut at = hub.head();
    for (name, value) in pairs(query)? {
        match name.as_str() {
            "at" => at = place("at", &value, hub)?,
            "token" => {}
            _ => return Err(Problem::parameter(format!("{name}: unknown parameter; known is at"))),
        }
    }
    Ok(at)
}

/// Read the nearest kept state.
///
/// The newest that is kept at or before the event `at`; fold the events from there up to `at` on top
/// of it, which `GET /api/events?after=CURSOR&until=AT` gives, and it is the state at that instant.
/// The state is in its wire form, as `/api/state` and `stream.snapshot` give it.
#[utoipa::path(
    get, path = "/api/snapshot", tag = "events",
    params(("at" = Option<String>, Query, description = "A seq or a cursor; the newest event where absent")),
    responses(
        (status = 200, description = "`{seq, cursor, at, state}`, with an `ETag`"),
        (status = 304, description = "The reader has it: `If-None-Match`"),
        (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "It has not happened yet"),
        (status = 410, description = "It is no longer kept"),
    )
)]
pub async fn read_snapshot(State(hub): State<Hub>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let at = instant(query.as_deref(), &hub)?;
    let snapshot = hub.snapshot(at).await?;
    let cursor = hub.cursor(snapshot.seq);
    // A state is what its events make of it: one place of one log has one, in one form.
    let tag = format!("\"{cursor}-{FORM}-{at}\"");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let head = format!("{{\"seq\":{},\"cursor\":\"{cursor}\",\"at\":{at},\"state\":", snapshot.seq);
    let mut response = typed([head.as_str(), &snapshot.state, "}"].concat(), "application/json");
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(local(response, &headers))
}

/// Read the way to an instant.
///
/// What the page goes to the event `at` by: a state shortly before it and the events from there, to be
/// folded. Its form is the deck's own and changes with it: a program reads `/api/snapshot`.
#[utoipa::path(
    get, path = "/api/approach", tag = "events",
    params(("at" = Option<String>, Query, description = "A seq or a cursor; the newest event where absent")),
    responses(
        (status = 200, description = "The deck's own packed form", content_type = "application/octet-stream"),
        (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "It has not happened yet"),
        (status = 410, description = "It is no longer kept"),
    )
)]
pub async fn read_approach(State(hub): State<Hub>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let at = instant(query.as_deref(), &hub)?;
    let approach = hub.approach(at).await?;
    Ok(local(typed(framed(&pack(&approach.way), &approach.state), "application/octet-stream"), &headers))
}

/// Leaves an answer uncompressed for a reader on this machine, by the host it asks for: there,
/// compressing some megabytes takes ten times as long as sending them.
pub(super) fn local(mut response: Response, headers: &HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
    if host.is_some_and(|host| is_loopback(host.host())) {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
    }
    response
}

/// Read the JSON Schema of all events.
#[utoipa::path(get, path = "/api/schema", tag = "events", responses((status = 200, description = "JSON Schema, draft 2020-12")))]
pub async fn read_schema() -> Json<Value> {
    Json(schema::schema())
}

fn typed(body: impl Into<Body>, kind: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], body.into()).into_response()
}
