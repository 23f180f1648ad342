//! mesh: the registry's Server-Sent Events.
//!
//! They have cursors as ids: a client that comes back with `Last-Event-ID` gets what it missed.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;

use crate::dialect::mesh;
use crate::event::control::{Control, Gap};
use crate::event::{Cursor, Event, Filter, wire};
use crate::hub::batch::{Form, sse_event};
use crate::hub::{Batch, Delivery};
use crate::server::AppState;
use crate::server::line::Direct;
use crate::server::problem::Problem;
use crate::server::query::StreamQuery;
use crate::server::sse::{Voice, answer};

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

    fn of_one(&self, index: usize) -> Bytes {
        let start = index.checked_sub(1).map_or(0, |before| self.1[before] as usize);
        self.0.slice(start..self.1[index] as usize)
    }
}

/// The registry's events, in this dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Registry;

impl Voice for Registry {
    fn tell(&self, delivery: &Delivery) -> Bytes {
        match delivery {
            Delivery::Picked(picked) => {
                let events = picked.batch().form(Events::of);
                match picked.indices() {
                    // All of the batch, as where agents report one by one.
                    indices if indices.len() == events.1.len() => events.0.clone(),
                    indices => indices.iter().flat_map(|index| events.of_one(*index as usize)).collect(),
                }
            }
            Delivery::Run(batch, run) => {
                let events = batch.form(Events::of);
                run.clone().flat_map(|index| events.of_one(index)).collect()
            }
            Delivery::Gap(_) => Bytes::new(),
        }
    }

    fn gap(&self, _: Cursor, gap: Gap) -> Bytes {
        // A comment: the clients of this system know no gaps, and pass it over.
        format!(": missed {} events, {} to {}\n\n", gap.to - gap.from + 1, gap.from, gap.to).into()
    }

    fn beat(&self, _: Cursor, _: &str) -> Bytes {
        Bytes::from_static(b": keep-alive\n\n")
    }

    fn bye(&self, _: Cursor, _: &Control) -> Bytes {
        Bytes::new()
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
    direct: Direct,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = StreamQuery::read(query.as_deref(), &headers)?;
    let mut filter = Filter::everything();
    filter.add("types", "agent.*")?;
    let subscription = app.hub.subscribe(query.after.into(), filter, query.lag);
    Ok(answer(app, direct, subscription, Registry, Vec::new()))
}
