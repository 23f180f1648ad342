//! `GET /api/timeline`, `/api/seek`: the whole log at a glance, and places in it by time or by what
//! happened there.

use axum::extract::{RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::limits::{DEFAULT_BUCKETS, MAX_BUCKETS};
use super::problem::Problem;
use super::query::{edge, number, pairs, place};
use crate::event::Timestamp;
use crate::event::timeline::{Mark, MarkKind};
use crate::event::wire::{Wire as _, to_text};
use crate::hub::{Edge, Hub, Look, Window, now};

/// See the log from afar.
///
/// How many events came when, which sessions were open, and where it is worth a look: errors
/// (what `status:failing` finds), approvals that were asked for (`status:needs-you`) and times in
/// which the deck did not run. Times are the hub's. Empty lists are left out.
#[utoipa::path(
    get, path = "/api/timeline", tag = "events",
    params(
        ("from" = Option<String>, Query, description = "A seq, a cursor or a time (2026-01-27T10:21Z); the oldest event where absent"),
        ("to" = Option<String>, Query, description = "Likewise, included; the newest event where absent"),
        ("buckets" = Option<u64>, Query, description = "1 to 2000, 240 where absent; fewer come where one would be shorter than a millisecond"),
    ),
    responses(
        (status = 200, description = "`{first, head, cursor, from, to, bucket_ms, buckets: [{seq, time, events, errors, approvals, gaps}], \
            sessions: [{session, title?, agent?, from_seq, from, to_seq?, to?}], sessions_left_out, marks: [{seq, time, kind}], marks_left_out, \
            gaps: [{seq, from, to}], gaps_left_out}`"),
        (status = 400, description = "A parameter does not fit"),
    )
)]
pub async fn read_timeline(State(hub): State<Hub>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let mut window = Window { from: None, to: None, buckets: DEFAULT_BUCKETS, now: now() };
    for (name, value) in pairs(query.as_deref())? {
        match name.as_str() {
            "from" => window.from = Some(edge("from", &value, &hub)?),
            "to" => window.to = Some(edge("to", &value, &hub)?),
            "buckets" => window.buckets = number("buckets", &value, MAX_BUCKETS)?,
            "token" => {}
            _ => return Err(Problem::parameter(format!("{name}: unknown parameter; known are from, to, buckets"))),
        }
    }
    Ok(json(to_text(&hub.timeline(window).await?)))
}

/// What is looked for.
enum Wanted {
    At(Edge),
    Next(MarkKind),
}

/// Find a place in the log.
///
/// By time (the newest event that had come then), by seq, or the next mark: `next=error&after=SEQ`
/// is the first after a place, `next=approval&before=SEQ` the last before it. `seq` and the rest are
/// absent where there is none.
#[utoipa::path(
    get, path = "/api/seek", tag = "events",
    params(
        ("time" = Option<String>, Query, description = "2026-01-27T10:21:33.123Z; seconds, time of day and zone may be left out"),
        ("seq" = Option<String>, Query, description = "A seq or a cursor"),
        ("next" = Option<String>, Query, description = "error, approval or gap"),
        ("after" = Option<String>, Query, description = "With next: a seq or a cursor; 0 where neither is there"),
        ("before" = Option<String>, Query, description = "With next: a seq or a cursor"),
    ),
    responses(
        (status = 200, description = "`{first, head, seq?, time?, cursor?, kind?}`"),
        (status = 400, description = "A parameter does not fit, or there is not one of time, seq and next"),
    )
)]
pub async fn seek(State(hub): State<Hub>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let (mut wanted, mut look) = (None, None);
    for (name, value) in pairs(query.as_deref())? {
        let new = match name.as_str() {
            "time" => match edge("time", &value, &hub)? {
                Edge::Seq(_) => return Err(Problem::parameter(format!("time: {value:?} is a seq: write seq={value}"))),
                time @ Edge::Time(_) => Wanted::At(time),
            },
            "seq" => Wanted::At(Edge::Seq(place("seq", &value, &hub)?)),
            "next" => match MarkKind::WORDS.iter().position(|word| *word == value) {
                Some(kind) => Wanted::Next(MarkKind::ALL[kind]),
                None => return Err(Problem::parameter(format!("next: {value:?} is not one of {}", MarkKind::WORDS.join(", ")))),
            },
            "after" | "before" if look.is_some() => return Err(Problem::parameter("after and before do not go together")),
            "after" => {
                look = Some(Look::After(place("after", &value, &hub)?));
                continue;
            }
            "before" => {
                look = Some(Look::Before(place("before", &value, &hub)?));
                continue;
            }
            "token" => continue,
            _ => return Err(Problem::parameter(format!("{name}: unknown parameter; known are time, seq, next, after, before"))),
        };
        if wanted.replace(new).is_some() {
            return Err(Problem::parameter("only one of time, seq and next can be looked for"));
        }
    }
    let (first, head) = (hub.first(), hub.head());
    let found = match wanted {
        None => return Err(Problem::parameter("one of time, seq and next says what to look for")),
        Some(Wanted::At(_)) if look.is_some() => return Err(Problem::parameter("after and before go with next")),
        Some(Wanted::At(Edge::Seq(seq))) => hub.instant(seq).await?.map(|time| (seq, time, None)),
        Some(Wanted::At(Edge::Time(time))) => {
            let seq = hub.place_before(Timestamp(time.0 + 1)).await?;
            hub.instant(seq).await?.map(|time| (seq, time, None))
        }
        Some(Wanted::Next(kind)) => {
            let mark = hub.mark(kind, look.unwrap_or(Look::After(0))).await?;
            mark.map(|Mark { seq, time, kind }| (seq, time, Some(kind)))
        }
    };
    let mut out = format!("{{\"first\":{first},\"head\":{head}");
    if let Some((seq, time, kind)) = found {
        out.push_str(&format!(",\"seq\":{seq},\"time\":\"{time}\",\"cursor\":\"{}\"", hub.cursor(seq)));
        if let Some(kind) = kind {
            out.push_str(",\"kind\":");
            kind.write(&mut out);
        }
    }
    out.push('}');
    Ok(json(out))
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body).into_response()
}
