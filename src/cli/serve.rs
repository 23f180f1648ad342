//! `swarmdeck serve`: the log and the dashboard.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing_subscriber::EnvFilter;

use super::config::Settings;
use super::event_server::{HEARTBEAT, LAST_PORT, MAX_CONNECTIONS};
use super::process::{check_free, not_free};
use crate::hub::{Durability, Hub, HubConfig};
use crate::server::listener::LiveopsConfig;
use crate::server::{self, AppState, ServerConfig, assets, guard};
use crate::service::{ServiceConfig, Services, Setup};

/// What `serve` says on standard output once it listens; its address follows.
pub(super) const LISTENS: &str = "Swarmdeck listens at ";

/// How long what did not end with the server may still take, after everything is committed.
pub(super) const LEFT: Duration = Duration::from_secs(2);

/// What `serve` is asked for; a flag wins over the environment, that over `swarmdeck.toml`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  swarmdeck serve --addr 127.0.0.1:3000 --data ./swarmdeck-data --retain-days 30")]
pub(super) struct Serve {
    /// Where to listen [default: 127.0.0.1:3000]. An address beyond this machine needs --token
    #[arg(long, env = "SWARMDECK_ADDR")]
    addr: Option<String>,
    /// Where the log stands [default: ./swarmdeck-data]
    #[arg(long, env = "SWARMDECK_DATA")]
    data: Option<String>,
    /// When an event counts as safe: power (on the disk) or crash (with the system) [default: power]
    #[arg(long, env = "SWARMDECK_DURABILITY")]
    durability: Option<String>,
    /// Let go of events older than this [default: keep all]
    #[arg(long, env = "SWARMDECK_RETAIN_DAYS")]
    retain_days: Option<String>,
    /// Let go of the oldest events once the log is larger than this [default: keep all]
    #[arg(long, env = "SWARMDECK_RETAIN_BYTES")]
    retain_bytes: Option<String>,
    /// What every request must carry: 8 to 256 letters, digits and - . _ ~
    #[arg(long, env = "SWARMDECK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Further names that the server is asked for by, separated by commas
    #[arg(long, env = "SWARMDECK_ALLOW_HOST")]
    allow_host: Option<String>,
    /// Further origins that a browser may send from, separated by commas
    #[arg(long, env = "SWARMDECK_ALLOW_ORIGIN")]
    allow_origin: Option<String>,
    /// Seconds between two heartbeats of a stream [default: 15]
    #[arg(long, env = "SWARMDECK_HEARTBEAT")]
    heartbeat: Option<String>,
    /// Serve clients of liveops on this port too, and their HTTP bridge on the next [default: no]
    #[arg(long, value_name = "PORT", env = "SWARMDECK_LIVEOPS_PORT")]
    liveops_port: Option<String>,
    /// Serve clients of trader on this port too; the environment's WEBSOCKET_PORT counts as well [default: no]
    #[arg(long, value_name = "PORT", env = "SWARMDECK_TRADER_PORT")]
    trader_port: Option<String>,
    /// The file of settings [default: swarmdeck.toml, where there is one]
    #[arg(long, env = "SWARMDECK_CONFIG")]
    config: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        log_to_stderr();
        let (hub, server, services) = self.settings()?;
        let runtime = super::runtime::start().context("cannot start the runtime")?;
        let served = runtime.block_on(serve(hub, server, services));
        // What hangs by now is not waited for.
        runtime.shutdown_timeout(LEFT);
        served
    }

    fn settings(self) -> anyhow::Result<(HubConfig, ServerConfig, ServiceConfig)> {
        let mut file = Settings::read(self.config.as_deref())?;
        let mut pick = |flag: Option<String>, key: &str| -> anyhow::Result<Option<String>> {
            let kept = file.take(key)?;
            Ok(flag.or(kept))
        };
        let addr = pick(self.addr, "addr")?.unwrap_or_else(|| "127.0.0.1:3000".to_owned());
        let addr = address(&addr)?;
        let mut hub = HubConfig::at(pick(self.data, "data")?.unwrap_or_else(|| "./swarmdeck-data".to_owned()));
        hub.durability = match pick(self.durability, "durability")?.as_deref() {
            None | Some("power") => Durability::Power,
            Some("crash") => Durability::Crash,
            Some(other) => bail!("--durability {other}: it is power or crash"),
        };
        if let Some(days) = pick(self.retain_days, "retain-days")? {
            hub.retain_age = Some(Duration::from_secs(number::<u64>("--retain-days", &days)?.saturating_mul(86_400)));
        }
        if let Some(bytes) = pick(self.retain_bytes, "retain-bytes")? {
            hub.retain_bytes = Some(number("--retain-bytes", &bytes)?);
        }
        let mut server = ServerConfig::at(addr);
        server.token = pick(self.token, "token")?;
        let list = |text: Option<String>| -> Vec<String> {
            text.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        server.allowed_hosts = list(pick(self.allow_host, "allow-host")?);
        server.allowed_origins = list(pick(self.allow_origin, "allow-origin")?);
        if let Some(seconds) = pick(self.heartbeat, "heartbeat")? {
            server.heartbeat = Duration::from_secs(number::<u64>("--heartbeat", &seconds)?.max(1));
        }
        let trader = self.trader_port.or_else(|| std::env::var("WEBSOCKET_PORT").ok());
        let liveops = port("--liveops-port", pick(self.liveops_port, "liveops-port")?)?;
        let trader = port("--trader-port", pick(trader, "trader-port")?)?;
        listeners(&mut server, liveops, trader)?;
        let services = file.services()?;
        file.end()?;
        if let Some(token) = &server.token {
            guard::check_token(token).map_err(anyhow::Error::msg).context("--token")?;
        } else if !addr.ip().is_loopback() {
            bail!("{addr} can be reached from beyond this machine: set --token, or listen on 127.0.0.1");
        }
        Ok((hub, server, services))
    }
}

fn address(text: &str) -> anyhow::Result<SocketAddr> {
    use std::net::ToSocketAddrs as _;
    let found = text.to_socket_addrs().with_context(|| format!("--addr {text}: it is host:port, such as 127.0.0.1:3000"))?.next();
    found.with_context(|| format!("--addr {text}: nothing is found under that name"))
}

fn number<T: FromStr>(name: &str, text: &str) -> anyhow::Result<T> {
    text.parse().ok().with_context(|| format!("{name} {text}: it is a whole number from 0"))
}

/// A port that a listener beside the deck is wanted on; liveops has its bridge on the next.
fn port(name: &str, text: Option<String>) -> anyhow::Result<Option<u16>> {
    let Some(text) = text else { return Ok(None) };
    let port = text.parse().ok().filter(|port| (1..=LAST_PORT).contains(port));
    Ok(Some(port.with_context(|| format!("{name} {text}: it is a port from 1 to {LAST_PORT}"))?))
}

/// What is written to standard error; `SWARMDECK_LOG` says how much.
pub(super) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("SWARMDECK_LOG").unwrap_or_else(|_| EnvFilter::new("swarmdeck=info,warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_target(false).with_writer(std::io::stderr).init();
}

/// Adds the listeners beside the deck, on the deck's own address; fails where a port is taken,
/// before anything is opened.
fn listeners(server: &mut ServerConfig, liveops: Option<u16>, trader: Option<u16>) -> anyhow::Result<()> {
    let at = |port| SocketAddr::new(server.addr.ip(), port);
    let liveops = liveops.map(|port| LiveopsConfig {
        addr: at(port),
        bridge: at(port + 1),
        also: Vec::new(),
        max_connections: MAX_CONNECTIONS,
        heartbeat: HEARTBEAT,
    });
    let trader = trader.map(at);
    let mut held = vec![check_free(server.addr, "the deck", "--addr")?];
    if let Some(liveops) = &liveops {
        held.push(check_free(liveops.addr, "liveops", "--liveops-port")?);
        held.push(check_free(liveops.bridge, "the HTTP bridge of liveops, on the port after it,", "--liveops-port")?);
    }
    if let Some(addr) = trader {
        held.push(check_free(addr, "trader", "--trader-port")?);
    }
    drop(held);
    (server.liveops, server.trader) = (liveops, trader);
    Ok(())
}

async fn serve(hub_config: HubConfig, config: ServerConfig, services: ServiceConfig) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.addr).await.map_err(|error| not_free(error, config.addr, "the deck", "--addr"))?;
    let addr = listener.local_addr()?;
    let began = std::time::Instant::now();
    let setup = hub_config.clone();
    let hub = tokio::task::spawn_blocking(move || Hub::open(&setup)).await??;
    tracing::info!(
        head = hub.head(),
        epoch = %hub.epoch(),
        start_ms = began.elapsed().as_millis() as u64,
        data = %hub_config.data.display(),
        durability = ?hub_config.durability,
        retain_age_s = hub_config.retain_age.map(|age| age.as_secs()),
        retain_bytes = hub_config.retain_bytes,
        heartbeat_s = config.heartbeat.as_secs(),
        token = config.token.is_some(),
        liveops_port = config.liveops.as_ref().map(|liveops| liveops.addr.port()),
        trader_port = config.trader.map(|addr| addr.port()),
        "serve.settings"
    );
    if !assets::is_complete() {
        tracing::warn!("serve.assets: the page's code is not in this binary; build it with `make build`");
    }
    let host = if addr.ip().is_loopback() { format!("localhost:{}", addr.port()) } else { addr.to_string() };
    println!("{LISTENS}http://{host}");
    let stopping = CancellationToken::new();
    tokio::spawn(stop_on_signal(stopping.clone()));
    let setup = Setup {
        hub: hub.clone(),
        data: hub_config.data.clone(),
        config: Arc::new(services),
        stopping: CancellationToken::new(),
        tracker: TaskTracker::new(),
    };
    let services = Services::start(setup).await.context("the services cannot start")?;
    let app = AppState::start(hub, services, ServerConfig { addr, ..config }, stopping);
    server::run(listener, app).await.context("the server failed")?;
    tracing::info!("serve.stopped: everything is committed");
    Ok(())
}

/// SIGINT and SIGTERM stop in good order.
pub(super) async fn stop_on_signal(stopping: CancellationToken) {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        return tracing::error!("serve.signals: cannot listen for signals");
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("serve.stopping");
    stopping.cancel();
}
