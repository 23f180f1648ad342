//! Listeners beside the deck's own, for clients that know only a port.
//!
//! A browser page of one of those systems is served from some other port of this machine, so here
//! any origin on this machine may connect; none from beyond it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::dialect::{Bounds, liveops_bridge, liveops_serve, trader_serve};
use super::{AppState, accept, guard, relay};
use crate::dialect::liveops::BRIDGE_NOT_FOUND;

/// How the liveops listener is set up.
#[derive(Debug, Clone)]
pub struct LiveopsConfig {
    /// Where its WebSockets are.
    pub addr: SocketAddr,
    /// Where its HTTP bridge is: the next port.
    pub bridge: SocketAddr,
    /// Further addresses of this machine with the same two ports: a name may stand for several.
    pub also: Vec<IpAddr>,
    /// How many clients at once; a further one is closed with 1013.
    pub max_connections: usize,
    /// Between two signs of life.
    pub heartbeat: Duration,
}

impl LiveopsConfig {
    /// Opens all its addresses: those for clients, and those of the bridge.
    async fn open(&self) -> std::io::Result<(Vec<TcpListener>, Vec<TcpListener>)> {
        let (mut clients, mut bridges) = (vec![bind(self.addr).await?], vec![bind(self.bridge).await?]);
        for ip in &self.also {
            clients.push(bind(SocketAddr::new(*ip, self.addr.port())).await?);
            bridges.push(bind(SocketAddr::new(*ip, self.bridge.port())).await?);
        }
        Ok((clients, bridges))
    }
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
    let (sockets, bridges) = config.open().await?;
    let clients = Router::new()
        .fallback(any(move |State(app): State<AppState>, request: Request| async move { liveops_serve(app, bounds, request) }))
        .layer(from_fn_with_state(app.clone(), guard::local))
        .layer(map_response(only_sockets))
        .with_state(app.clone());
    let posts = Router::new()
        .route("/event", post(liveops_bridge))
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .layer(from_fn_with_state(app.clone(), guard::local))
        .with_state(app);
    let clients = sockets.into_iter().map(|listener| (listener, clients.clone()));
    let posts = bridges.into_iter().map(|listener| (listener, posts.clone()));
    join_all(clients.chain(posts).map(|(listener, router)| accept::serve(listener, router, &stopping))).await;
    Ok(())
}

/// Hands clients of a port and of its bridge on to a deck elsewhere, until `stopping` is cancelled.
///
/// # Errors
/// An address is taken; it is named.
pub async fn attached(config: LiveopsConfig, deck: relay::Deck, stopping: CancellationToken) -> std::io::Result<()> {
    let (sockets, bridges) = config.open().await?;
    let path = format!("/ws/liveops?heartbeat_ms={}", config.heartbeat.as_millis());
    let clients = relay::Way::sockets(deck.clone(), path, config.max_connections);
    let posts = relay::Way::bridge(deck, "/api/liveops/event");
    let clients = sockets.into_iter().map(|listener| (listener, &clients));
    let posts = bridges.into_iter().map(|listener| (listener, &posts));
    join_all(clients.chain(posts).map(|(listener, way)| relay::run(listener, way, &stopping))).await;
    Ok(())
}

/// Serves trader clients at any path of a port, until `stopping` is cancelled.
///
/// # Errors
/// The address is taken; it is named.
pub async fn trader(addr: SocketAddr, app: AppState, stopping: CancellationToken) -> std::io::Result<()> {
    let listener = bind(addr).await?;
    let clients = Router::new()
        .fallback(any(trader_serve))
        .layer(from_fn_with_state(app.clone(), guard::local))
        .layer(map_response(only_sockets))
        .with_state(app);
    accept::serve(listener, clients, &stopping).await;
    Ok(())
}

/// A port that speaks nothing but WebSocket is done with whoever did not get one.
async fn only_sockets(mut response: Response) -> Response {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn nothing() -> Response {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "application/json")], BRIDGE_NOT_FOUND).into_response()
}
