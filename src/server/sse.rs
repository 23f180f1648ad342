//! `GET /sse/events`: the stream as Server-Sent Events.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::watch;

use super::problem::Problem;
use super::query::StreamQuery;
use super::stream::{bye, opening, retry_ms};
use super::{AppState, Counted};
use crate::event::Cursor;
use crate::event::control::Control;
use crate::hub::batch::sse_event;
use crate::hub::{Delivery, Subscription, now};

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
pub async fn follow(State(app): State<AppState>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let query = StreamQuery::read(query.as_deref(), &headers)?;
    let reader = Reader::new(&app, &query);
    let body = Body::from_stream(unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), reader))
    }));
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, body).into_response())
}

struct Reader {
    app: AppState,
    subscription: Subscription,
    heartbeats: watch::Receiver<Arc<str>>,
    first: Option<Vec<u8>>,
    ended: bool,
    plain: bool,
    _open: Counted,
}

impl Reader {
    fn new(app: &AppState, query: &StreamQuery) -> Self {
        let mut subscription = app.hub.subscribe(query.after.into(), query.filter.clone(), query.lag);
        let mut first = format!("retry: {}\n\n", retry_ms(&app.hub)).into_bytes();
        for frame in opening(app, &mut subscription, query.snapshot) {
            sse_event(&mut first, frame.cursor, if query.plain { "" } else { frame.name }, &frame.json);
        }
        Self {
            heartbeats: app.heartbeats.watch(),
            app: app.clone(),
            subscription,
            first: Some(first),
            ended: false,
            plain: query.plain,
            _open: Counted::new(&app.gauges, |gauges| &gauges.sse),
        }
    }

    /// What goes out next; none at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first.into());
        }
        if self.ended {
            return None;
        }
        let mut out = Vec::new();
        tokio::select! {
            biased;
            () = self.app.stopping.cancelled() => {
                self.ended = true;
                self.control(&mut out, &bye(&self.app.hub));
            }
            _ = self.heartbeats.changed() => {
                let heartbeat = Arc::clone(&self.heartbeats.borrow_and_update());
                // Its id is how far this reader has come: after a quiet time it resumes from here.
                sse_event(&mut out, self.place(), self.name("stream.heartbeat"), &heartbeat);
            }
            delivery = self.subscription.next() => match delivery {
                Ok(Delivery::Run(batch, run)) if self.plain => {
                    for index in run {
                        sse_event(&mut out, batch.cursor(index), "", batch.json(index));
                    }
                }
                Ok(Delivery::Run(batch, run)) => return Some(batch.sse(run)),
                Ok(Delivery::Picked(picked)) => {
                    let batch = picked.batch();
                    for (index, prev) in picked.events() {
                        sse_event(&mut out, batch.cursor(index), self.name(batch.kind(index)), &batch.json_with_prev(index, prev));
                    }
                }
                Ok(Delivery::Gap(gap)) => self.control(&mut out, &Control::Gap(gap)),
                Err(error) => {
                    tracing::error!(%error, "server.sse.log");
                    return None;
                }
            },
        }
        Some(out.into())
    }

    fn control(&self, out: &mut Vec<u8>, frame: &Control) {
        sse_event(out, self.place(), self.name(frame.name()), &frame.to_json(now()));
    }

    /// The name of an event on this stream: none where it is plain.
    fn name<'a>(&self, name: &'a str) -> &'a str {
        if self.plain { "" } else { name }
    }

    fn place(&self) -> Cursor {
        self.app.hub.cursor(self.subscription.position())
    }
}
