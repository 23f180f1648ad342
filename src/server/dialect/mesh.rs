//! mesh: the registry's Server-Sent Events.
//!
//! They have cursors as ids: a client that comes back with `Last-Event-ID` gets what it missed.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::dialect::mesh;
use crate::event::{Event, Filter, wire};
use crate::hub::batch::{Form, sse_event};
use crate::hub::{Batch, Delivery, Subscription};
use crate::server::problem::Problem;
use crate::server::query::StreamQuery;
use crate::server::stream::retry_ms;
use crate::server::{AppState, Counted};

/// A batch as this dialect's events, with where each event's end.
struct Events(Bytes, Box<[u32]>);

impl Form for Events {
    fn bytes(&self) -> usize {
        self.0.len() + size_of_val(&self.1[..])
    }
}

impl Events {
    fn of(batch: &Batch) -> Self {
        let mut out = Vec::new();
        let mut ends = Vec::with_capacity(batch.len());
        for index in 0..batch.len() {
            let event = wire::from_text::<Event>(batch.json(index)).ok();
            if let Some((name, data)) = event.as_ref().and_then(mesh::sse) {
                sse_event(&mut out, batch.cursor(index), name, &data);
            }
            ends.push(out.len() as u32);
        }
        Self(out.into(), ends.into())
    }
}

struct Reader {
    app: AppState,
    subscription: Subscription,
    alive: Interval,
    first: Option<String>,
    _open: Counted,
}

impl Reader {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first.into());
        }
        loop {
            tokio::select! {
                biased;
                () = self.app.stopping.cancelled() => return None,
                _ = self.alive.tick() => return Some(Bytes::from_static(b": keep-alive\n\n")),
                delivery = self.subscription.next() => {
                    let bytes = Self::tell(delivery.ok()?);
                    if !bytes.is_empty() {
                        return Some(bytes);
                    }
                }
            }
        }
    }

    fn tell(delivery: Delivery) -> Bytes {
        let slice = |events: &Events, index: usize| {
            let start = index.checked_sub(1).map_or(0, |before| events.1[before] as usize);
            events.0.slice(start..events.1[index] as usize)
        };
        match delivery {
            Delivery::Picked(picked) => {
                let events = picked.batch().form(Events::of);
                picked.indices().iter().flat_map(|index| slice(&events, *index as usize)).collect()
            }
            Delivery::Run(batch, run) => {
                let events = batch.form(Events::of);
                run.flat_map(|index| slice(&events, index)).collect()
            }
            // A comment: the clients of this system know no gaps, and pass it over.
            Delivery::Gap(gap) => format!(": missed {} events, {} to {}\n\n", gap.to - gap.from + 1, gap.from, gap.to).into(),
        }
    }
}

/// Follow the registry as the mesh dialect's Server-Sent Events.
///
/// Also at `/events`, and at `/api/events` for whoever accepts `text/event-stream`.
#[utoipa::path(get, path = "/api/v1/events", tag = "dialects",
    params(("after" = Option<String>, Query, description = "Cursor to go on after; now where absent")),
    responses((status = 200, description = "text/event-stream"), (status = 400, description = "A parameter does not fit")))]
pub(in crate::server) async fn follow(
    State(app): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = StreamQuery::read(query.as_deref(), &headers)?;
    let mut filter = Filter::everything();
    filter.add("types", "agent.*")?;
    let mut alive = interval(app.heartbeats.every);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    alive.reset();
    let reader = Reader {
        subscription: app.hub.subscribe(query.after.into(), filter, query.lag),
        alive,
        first: Some(format!("retry: {}\n\n", retry_ms(&app.hub))),
        _open: Counted::new(&app.gauges, |gauges| &gauges.sse),
        app,
    };
    let body = Body::from_stream(unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((Ok::<_, Infallible>(chunk), reader))
    }));
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, body).into_response())
}
