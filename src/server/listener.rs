//! Listeners beside the deck's own, for clients that know only a port.
//!
//! A browser page of one of those systems is served from some other port of this machine, so here
//! any origin on this machine may connect; none from beyond it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::dialect::{Bounds, liveops_bridge, liveops_serve, trader_follow};
use super::{AppState, guard, relay};
use crate::dialect::liveops::BRIDGE_NOT_FOUND;

/// How the liveops listener is set up.
#[derive(Debug, Clone)]
pub struct LiveopsConfig {
    /// Where its WebSockets are.
    pub addr: SocketAddr,
    /// Where its HTTP bridge is: the next port.
    pub bridge: SocketAddr,
    /// How many clients at once; a further one is closed with 1013.
    pub max_connections: usize,
    /// Between two signs of life.
    pub heartbeat: Duration,
}

/// Binds an address, or says which is taken.
///
/// # Errors
/// It is taken, or not this machine's.
pub async fn bind(addr: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(addr).await.map_err(|error| {
        let what = if error.kind() == std::io::ErrorKind::AddrInUse { "port is taken" } else { "cannot listen" };
        std::io::Error::new(error.kind(), format!("{addr}: {what}: {error}"))
    })
}

/// Serves liveops clients at any path of one port, and its HTTP bridge on the other, until
/// `stopping` is cancelled.
///
/// # Errors
/// An address is taken; it is named.
pub async fn liveops(config: LiveopsConfig, app: AppState, stopping: CancellationToken) -> std::io::Result<()> {
    let bounds =
        Bounds { max_connections: config.max_connections, heartbeat: config.heartbeat, open: Arc::new(AtomicUsize::new(0)) };
    let (sockets, bridge) = (bind(config.addr).await?, bind(config.bridge).await?);
    let clients = Router::new()
        .fallback(any(move |State(app): State<AppState>, request: Request| async move { liveops_serve(app, bounds, request) }))
        .layer(from_fn_with_state(app.clone(), guard::local))
        .with_state(app.clone());
    let posts = Router::new()
        .route("/event", post(liveops_bridge))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(from_fn_with_state(app.clone(), guard::local))
        .with_state(app);
    both(serve(sockets, clients, &stopping), serve(bridge, posts, &stopping)).await
}

/// Hands clients of a port and of its bridge on to a deck elsewhere, until `stopping` is cancelled.
///
/// # Errors
/// An address is taken; it is named.
pub async fn attached(config: LiveopsConfig, deck: relay::Deck, stopping: CancellationToken) -> std::io::Result<()> {
    let (sockets, bridge) = (bind(config.addr).await?, bind(config.bridge).await?);
    let seats = Arc::new(tokio::sync::Semaphore::new(config.max_connections));
    let path = format!("/ws/liveops?heartbeat_ms={}", config.heartbeat.as_millis());
    both(
        relay::run(sockets, deck.clone(), &path, Some(seats), &stopping),
        relay::run(bridge, deck, "/api/liveops/event", None, &stopping),
    )
    .await
}

/// Serves trader clients at any path of a port, until `stopping` is cancelled.
///
/// # Errors
/// The address is taken; it is named.
pub async fn trader(addr: SocketAddr, app: AppState, stopping: CancellationToken) -> std::io::Result<()> {
    let listener = bind(addr).await?;
    let clients = Router::new().fallback(any(trader_follow)).layer(from_fn_with_state(app.clone(), guard::local)).with_state(app);
    serve(listener, clients, &stopping).await
}

async fn serve(listener: TcpListener, router: Router, stopping: &CancellationToken) -> std::io::Result<()> {
    let stopping = stopping.clone();
    let listener = listener.tap_io(|socket| {
        if let Err(error) = super::prepare(socket) {
            tracing::debug!(%error, "server.listener.options");
        }
    });
    axum::serve(listener, router).with_graceful_shutdown(async move { stopping.cancelled().await }).await
}

async fn both<A, B>(one: A, other: B) -> std::io::Result<()>
where
    A: Future<Output = std::io::Result<()>>,
    B: Future<Output = std::io::Result<()>>,
{
    tokio::try_join!(one, other).map(|_| ())
}

async fn nothing() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/json")], BRIDGE_NOT_FOUND).into_response()
}
