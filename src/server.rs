//! The edge: HTTP, WebSocket and Server-Sent Events in front of the hub.
//!
//! Handlers translate and nothing more: what is true is decided in `event`, `swarm` and `hub`. The
//! module owns the limits of requests, the guards (Host, Origin, token) and the shutdown.

mod accept;
mod api;
pub mod assets;
mod debug;
pub(crate) mod deeds;
pub mod demo;
mod dialect;
pub mod docs;
pub mod export;
pub mod guard;
pub mod health;
pub mod heartbeat;
pub mod history;
pub mod ingest;
pub mod lane;
pub mod limits;
mod line;
pub mod listener;
pub mod pages;
pub mod problem;
pub mod query;
pub mod relay;
pub mod router;
pub mod sse;
mod stream;
pub mod timeline;
pub mod websocket;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::hub::Hub;
use crate::service::Services;
use demo::DemoSwarm;
use heartbeat::Heartbeats;
use lane::Lanes;

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// The address it listens on, for the guards.
    pub addr: SocketAddr,
    /// What every request must carry, where set. An address beyond this machine needs one.
    pub token: Option<String>,
    /// Names beyond this machine's own that a `Host` header may have.
    pub allowed_hosts: Vec<String>,
    /// Origins beyond the server's own that a browser may send from.
    pub allowed_origins: Vec<String>,
    /// Between two heartbeats of a stream.
    pub heartbeat: Duration,
    /// A listener of its own for liveops clients.
    pub liveops: Option<listener::LiveopsConfig>,
    /// A listener of its own for trader clients.
    pub trader: Option<SocketAddr>,
}

impl ServerConfig {
    /// The defaults at an address.
    pub fn at(addr: SocketAddr) -> Self {
        Self {
            addr,
            token: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            heartbeat: Duration::from_secs(15),
            liveops: None,
            trader: None,
        }
    }
}

/// What handlers share; a handle that is cheap to clone, as every request does several times.
#[derive(Debug, Clone)]
pub struct AppState(Arc<Parts>);

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What an [`AppState`] is a handle to.
#[derive(Debug)]
pub struct Parts {
    /// The log and its fan-out.
    pub hub: Hub,
    /// The set-up.
    pub config: Arc<ServerConfig>,
    /// Leptos' own set-up.
    pub leptos: LeptosOptions,
    /// What agents ask for.
    pub services: Services,
    /// Signs of life for streams.
    pub heartbeats: Heartbeats,
    /// Who writes to the streams that keep up.
    pub lanes: Lanes,
    /// The swarm that a person can start from the page.
    pub demo: DemoSwarm,
    /// Cancelled when the server begins to stop.
    pub stopping: CancellationToken,
    /// Connections that outlive their request.
    pub connections: TaskTracker,
    /// How many streams are open.
    pub gauges: Arc<Gauges>,
}

impl FromRef<AppState> for Hub {
    fn from_ref(state: &AppState) -> Self {
        state.hub.clone()
    }
}

impl FromRef<AppState> for Services {
    fn from_ref(state: &AppState) -> Self {
        state.services.clone()
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// What is open now, and what was refused.
#[derive(Debug, Default)]
pub struct Gauges {
    /// Open WebSocket streams.
    pub websockets: std::sync::atomic::AtomicI64,
    /// Open SSE streams.
    pub sse: std::sync::atomic::AtomicI64,
    /// Requests that sent events and were refused.
    pub refused: std::sync::atomic::AtomicU64,
    /// What the last of them was told.
    pub last_refusal: std::sync::Mutex<Option<String>>,
}

/// Counts an open stream as long as it stands.
#[derive(Debug)]
pub(crate) struct Counted {
    gauges: Arc<Gauges>,
    which: fn(&Gauges) -> &std::sync::atomic::AtomicI64,
}

impl Counted {
    pub(crate) fn new(gauges: &Arc<Gauges>, which: fn(&Gauges) -> &std::sync::atomic::AtomicI64) -> Self {
        which(gauges).fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Self { gauges: Arc::clone(gauges), which }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.which)(&self.gauges).fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// How long open connections may take to end before they are cut off.
const GRACE: Duration = Duration::from_secs(8);

impl AppState {
    /// What handlers share, for a server that is about to run. It stops when `stopping` is cancelled.
    pub fn start(hub: Hub, services: Services, config: ServerConfig, stopping: CancellationToken) -> Self {
        Self(Arc::new(Parts {
            heartbeats: Heartbeats::start(hub.clone(), config.heartbeat, stopping.clone()),
            lanes: Lanes::start(&hub, &stopping),
            demo: DemoSwarm::new(hub.clone()),
            hub,
            services,
            config: Arc::new(config),
            leptos: pages::options(),
            stopping,
            connections: TaskTracker::new(),
            gauges: Arc::default(),
        }))
    }

    /// Ends every stream with a word, the services, and commits everything.
    pub async fn finish(&self) {
        self.demo.stop();
        self.services.stop().await;
        self.connections.close();
        if tokio::time::timeout(GRACE, self.connections.wait()).await.is_err() {
            tracing::warn!(open = self.connections.len(), "server.stop.cut_off: some streams did not end in time");
        }
        self.hub.close().await;
    }
}

/// Serves until the state's `stopping` is cancelled, then ends every stream with a word and commits
/// everything. Further listeners of the settings open beside it.
///
/// The caller binds and stops: a test uses port 0.
///
/// # Errors
/// A listener fails, or its address is taken.
pub async fn run(listener: TcpListener, app: AppState) -> std::io::Result<()> {
    // Rendering spawns onto this runtime; a second server in one process finds it set.
    let _already_set = any_spawner::Executor::init_tokio();
    let deck = async {
        accept::serve(listener, router::router(app.clone()), &app.stopping).await;
        Ok(())
    };
    let served = tokio::try_join!(deck, beside(&app)).map(|_| ());
    app.stopping.cancel();
    app.finish().await;
    served
}

/// The further listeners.
async fn beside(app: &AppState) -> std::io::Result<()> {
    let liveops = async {
        match app.config.liveops.clone() {
            Some(liveops) => listener::liveops(liveops, app.clone(), app.stopping.clone()).await,
            None => Ok(()),
        }
    };
    let trader = async {
        match app.config.trader {
            Some(addr) => listener::trader(addr, app.clone(), app.stopping.clone()).await,
            None => Ok(()),
        }
    };
    tokio::try_join!(liveops, trader).map(|_| ())
}
