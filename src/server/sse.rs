//! `GET /sse/events`: the stream as Server-Sent Events.

mod follower;

pub(super) use follower::{Voice, answer};

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::AppState;
use super::line::Direct;
use super::problem::Problem;
use super::query::StreamQuery;
use super::stream::opening;
use crate::event::Cursor;
use crate::event::control::{Control, Gap};
use crate::hub::batch::sse_event;
use crate::hub::{Delivery, now};

/// Follow the log as Server-Sent Events.
///
/// `id:` is the cursor, `event:` the type, `data:` the event. A browser that comes back sends
/// `Last-Event-ID` and gets what it missed. Parameters as for `/ws/events`.
#[utoipa::path(get, path = "/sse/events", tag = "streams",
    params(
        ("after" = Option<String>, Query, description = "Cursor to go on after; now where absent"),
        ("types" = Option<String>, Query, description = "task.*, task.progress, separated by commas; `filter` is short for it"),
        ("entity" = Option<String>, Query, description = "task:abc, agent:*"),
        ("source" = Option<String>, Query, description = "Reporters"),
        ("session" = Option<String>, Query, description = "Sessions"),
        ("q" = Option<String>, Query, description = "A filter as a person writes it: agent:planner type:task.* status:failing -source:demo \"npm test\""),
        ("snapshot" = Option<String>, Query, description = "1: the folded state comes first"),
        ("plain" = Option<String>, Query, description = "1: without event: lines, for EventSource.onmessage"),
        ("on_lag" = Option<String>, Query, description = "drop_oldest: a slow reader gets only the newest"),
        ("max_lag" = Option<u64>, Query, description = "How many, with on_lag=drop_oldest"),
    ),
    responses((status = 200, description = "text/event-stream"), (status = 400, description = "A parameter does not fit")))]
pub async fn follow(
    State(app): State<AppState>,
    direct: Direct,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = StreamQuery::read(query.as_deref(), &headers)?;
    let mut subscription = app.hub.subscribe(query.after.into(), query.filter.clone(), query.lag);
    let voice = Events { plain: query.plain };
    let mut first = Vec::new();
    for frame in opening(&app, &mut subscription, query.snapshot) {
        sse_event(&mut first, frame.cursor, voice.name(frame.name), &frame.json);
    }
    Ok(answer(app, direct, subscription, voice, first))
}

/// The deck's own events, each with its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Events {
    /// Without names, for clients that hear only what has none.
    plain: bool,
}

impl Events {
    /// The name of an event on this stream.
    fn name<'a>(&self, name: &'a str) -> &'a str {
        if self.plain { "" } else { name }
    }

    fn control(&self, at: Cursor, frame: &Control) -> Bytes {
        let mut out = Vec::new();
        sse_event(&mut out, at, self.name(frame.name()), &frame.to_json(now()));
        out.into()
    }
}

impl Voice for Events {
    fn tell(&self, delivery: &Delivery) -> Bytes {
        let mut out = Vec::new();
        match delivery {
            Delivery::Run(batch, run) if self.plain => {
                for index in run.clone() {
                    sse_event(&mut out, batch.cursor(index), "", batch.json(index));
                }
            }
            Delivery::Run(batch, run) => return batch.sse(run.clone()),
            Delivery::Picked(picked) => {
                let batch = picked.batch();
                for (index, prev) in picked.events() {
                    sse_event(&mut out, batch.cursor(index), self.name(batch.kind(index)), &batch.json_with_prev(index, prev));
                }
            }
            // Told by whoever knows the place.
            Delivery::Gap(_) => {}
        }
        out.into()
    }

    fn gap(&self, at: Cursor, gap: Gap) -> Bytes {
        self.control(at, &Control::Gap(gap))
    }

    fn beat(&self, at: Cursor, heartbeat: &str) -> Bytes {
        // Its id is how far this reader has come: after a quiet time it resumes from here.
        let mut out = Vec::new();
        sse_event(&mut out, at, self.name("stream.heartbeat"), heartbeat);
        out.into()
    }

    fn bye(&self, at: Cursor, bye: &Control) -> Bytes {
        self.control(at, bye)
    }
}
