//! The dialects at the edge: sockets for the pure functions of [`dialect`](crate::dialect).

mod conversation;
mod liveops;
pub(super) mod mesh;
mod sessions;
mod trader;

pub(super) use conversation::MAX_LAG;
pub(super) use liveops::{Bounds, bridge as liveops_bridge, serve as liveops_serve};
pub(super) use trader::serve as trader_serve;

use std::sync::atomic::{AtomicI64, Ordering};

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AppState;
use super::problem::Problem;
use crate::dialect::agentos;
use conversation::{Conversation, Speaker};

/// Their addresses beside the deck's own.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(liveops::follow))
        .routes(routes!(liveops::bridge))
        .routes(routes!(sessions::follow))
        .routes(routes!(trader::follow))
        .routes(routes!(status))
        .routes(routes!(mesh::follow))
        .route("/events", get(mesh::follow))
}

/// How many streams are open, of whatever dialect.
#[utoipa::path(get, path = "/ws/events/status", tag = "dialects",
    responses((status = 200, description = "`{active_connections, event_bus_subscribers}`")))]
async fn status(State(app): State<AppState>) -> Response {
    let open = |gauge: &AtomicI64| gauge.load(Ordering::Relaxed).max(0).cast_unsigned();
    let (sockets, streams) = (open(&app.gauges.websockets), open(&app.gauges.sse));
    // Clients': what follows the log inside this process is no subscriber of theirs.
    let body = agentos::status(sockets, sockets + streams);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Answers a handshake, and talks.
fn converse<S: Speaker>(
    app: AppState,
    request: Request,
    ping: Option<std::time::Duration>,
    speaker: impl FnOnce(&AppState) -> S + Send + 'static,
) -> Result<Response, Problem> {
    super::websocket::upgrade(app, request, move |app, socket| {
        let speaker = speaker(&app);
        Conversation::new(app, socket, speaker, ping).run()
    })
}
