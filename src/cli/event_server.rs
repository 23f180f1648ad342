//! `swarmdeck event-server`: liveops on a port of its own, with a log of its own or a deck's.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Target;
use super::client::Client;
use super::process::{Action, Claim, Found, Place, Process, check_free, not_running};
use super::serve::{LEFT, log_to_stderr, stop_on_signal};
use crate::hub::{Hub, HubConfig};
use crate::server::listener::{self, LiveopsConfig};
use crate::server::relay::Deck;
use crate::server::{AppState, ServerConfig, guard};
use crate::service::{Services, Setup};

/// The port that liveops clients know.
pub(super) const PORT: u16 = 3001;
/// The last port that has a next one for the bridge.
pub(super) const LAST_PORT: u16 = u16::MAX - 1;
/// Most connections where nobody says another number.
pub(super) const MAX_CONNECTIONS: usize = crate::server::limits::LISTENER_CLIENTS;
/// Between two pings where nobody says another time.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(30_000);
/// How long a port may take to answer when it is asked whether anybody listens.
const KNOCK: Duration = Duration::from_millis(500);

/// What is asked of an event server.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  swarmdeck event-server start\n  swarmdeck event-server start --port 3005 --background\n  swarmdeck event-server start --deck http://127.0.0.1:3000\n  swarmdeck event-server status\n  swarmdeck event-server stop\n\n\
    The HTTP bridge listens on the next port: POST /event. It runs until Ctrl-C; with --background it is detached.\n\
    Exit codes: start where it runs already is 0, and so is stop where nothing runs; status is 0 or 3."
)]
pub(super) struct EventServer {
    /// What to do
    action: Action,
    /// The port for WebSocket clients; the bridge has the next [default: 3001]
    #[arg(long, env = "SWARMDECK_EVENT_SERVER_PORT", value_parser = clap::value_parser!(u16).range(1..=i64::from(LAST_PORT)))]
    port: Option<u16>,
    /// The name or address to listen on, `localhost` for both of this machine; beyond it, it needs --token
    #[arg(long, env = "SWARMDECK_EVENT_SERVER_HOST", default_value = "localhost")]
    host: String,
    /// Most connections at once; one more is closed with 1013
    #[arg(long, env = "SWARMDECK_EVENT_SERVER_MAX_CONNECTIONS", default_value_t = MAX_CONNECTIONS)]
    max_connections: usize,
    /// Milliseconds between two pings; who is silent for two is closed
    #[arg(long, env = "SWARMDECK_EVENT_SERVER_HEARTBEAT_INTERVAL", default_value_t = HEARTBEAT.as_millis() as u64)]
    heartbeat_interval: u64,
    /// Carry the events of this deck, such as http://127.0.0.1:3000, instead of keeping a log
    #[arg(long, env = "SWARMDECK_EVENT_SERVER_DECK")]
    deck: Option<String>,
    /// Where pid file, log file and event log stand
    #[arg(long, env = "SWARMDECK_EVENT_SERVER_DATA", default_value = "./swarmdeck-data/event-server")]
    data: String,
    /// What every request must carry; only with a log of its own
    #[arg(long, env = "SWARMDECK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Detach, and return once it listens
    #[arg(long)]
    background: bool,
}

impl EventServer {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let place = Place::new(&self.data, "event-server");
        match self.action {
            Action::Start if self.background => self.start_in_background(&place),
            Action::Start => self.start(&place),
            Action::Stop => {
                self.check_port(&place)?;
                place.stop()?;
                Ok(ExitCode::SUCCESS)
            }
            Action::Status => self.status(&place),
        }
    }

    /// Where it is to listen: clients, and the bridge.
    fn addrs(&self) -> anyhow::Result<(SocketAddr, SocketAddr)> {
        let port = self.port.unwrap_or(PORT);
        let found = || format!("--host {}: nothing is found under that name", self.host);
        let mut all: Vec<SocketAddr> = (self.host.as_str(), port).to_socket_addrs().with_context(found)?.collect();
        // Of a name with addresses of both kinds, the older kind: every client tries it.
        all.sort_by_key(SocketAddr::is_ipv6);
        let addr = *all.first().with_context(found)?;
        Ok((addr, SocketAddr::new(addr.ip(), port + 1)))
    }

    /// The other address that `localhost` means, where this machine has it: a client may try either.
    fn also(&self, addr: SocketAddr) -> Option<IpAddr> {
        let name = self.host.to_ascii_lowercase();
        if !addr.ip().is_loopback() || !(name == "localhost" || name.ends_with(".localhost")) {
            return None;
        }
        let other = if addr.is_ipv4() { IpAddr::V6(Ipv6Addr::LOCALHOST) } else { IpAddr::V4(Ipv4Addr::LOCALHOST) };
        TcpListener::bind((other, 0)).is_ok().then_some(other)
    }

    /// What can be known to fail before anything is opened.
    fn check(&self) -> anyhow::Result<LiveopsConfig> {
        let (addr, bridge) = self.addrs()?;
        ensure!(self.max_connections > 0, "--max-connections 0: at least one");
        ensure!(self.heartbeat_interval >= 100, "--heartbeat-interval {}: at least 100 milliseconds", self.heartbeat_interval);
        match (&self.token, &self.deck) {
            (Some(token), None) => guard::check_token(token).map_err(anyhow::Error::msg).context("--token")?,
            (None, None) if !addr.ip().is_loopback() => {
                bail!("{addr} can be reached from beyond this machine: set --token, or listen on localhost")
            }
            (_, Some(_)) if !addr.ip().is_loopback() => {
                bail!("{addr} can be reached from beyond this machine, and what is attached to a deck asks nobody for a token")
            }
            _ => {}
        }
        let also = self.also(addr);
        for ip in std::iter::once(addr.ip()).chain(also) {
            check_free(SocketAddr::new(ip, addr.port()), "liveops", "--port")?;
            check_free(SocketAddr::new(ip, bridge.port()), "the HTTP bridge, on the port after liveops,", "--port")?;
        }
        if let Some(deck) = &self.deck {
            reach(deck, self.token.as_deref())?;
        }
        Ok(LiveopsConfig {
            addr,
            bridge,
            also: also.into_iter().collect(),
            max_connections: self.max_connections,
            heartbeat: Duration::from_millis(self.heartbeat_interval),
        })
    }

    fn start(self, place: &Place) -> anyhow::Result<ExitCode> {
        match place.claim(|| Ok((std::process::id(), self.check()?)))? {
            Claim::Runs(process) => Ok(runs_already(&process)),
            Claim::Started(mut process, config) => {
                // Whatever ends it, its pid file goes with it.
                let _here = Here { place, pid: process.pid };
                log_to_stderr();
                let (addr, bridge) = (config.addr, config.bridge);
                let clients = format!("ws://{}:{}", named(addr.ip()), addr.port());
                process.addresses.push(clients.clone());
                place.note(&process)?;
                println!("event server at {clients}, its HTTP bridge at http://{}:{}", named(addr.ip()), bridge.port());
                let runtime = super::runtime::start().context("cannot start the runtime")?;
                let listened = runtime.block_on(listen(config, self.data, self.deck, self.token));
                // What hangs by now is not waited for.
                runtime.shutdown_timeout(LEFT);
                listened?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }

    /// Starts the same command without a terminal and waits until its port answers.
    fn start_in_background(self, place: &Place) -> anyhow::Result<ExitCode> {
        if let Found::Running(process) = place.look()? {
            return Ok(runs_already(&process));
        }
        let addr = self.check()?.addr;
        let mut arguments: Vec<OsString> =
            ["event-server", "start", "--host", &self.host, "--data", &self.data].map(Into::into).into();
        let numbers = [
            ("--port", u64::from(addr.port())),
            ("--max-connections", self.max_connections as u64),
            ("--heartbeat-interval", self.heartbeat_interval),
        ];
        arguments.extend(numbers.iter().flat_map(|(flag, number)| [OsString::from(flag), number.to_string().into()]));
        if let Some(deck) = &self.deck {
            arguments.extend(["--deck".into(), deck.into()]);
        }
        // Not as an argument, which others on this machine can read.
        let token = self.token.as_deref().map(|token| ("SWARMDECK_TOKEN", token));
        std::fs::create_dir_all(&self.data).with_context(|| format!("cannot use {}", self.data))?;
        let (mut child, begins) = place.spawn(&arguments, token.as_slice())?;
        let pid = child.id();
        let clients = place.wait(&mut child, begins, || match place.look() {
            Ok(Found::Running(process)) if process.pid == pid && answers(addr) => process.addresses.into_iter().next(),
            _ => None,
        })?;
        println!("event server runs as process {pid} at {clients}; its log is {}", place.log_file().display());
        Ok(ExitCode::SUCCESS)
    }

    /// A port that is named must be that of the server of this folder.
    fn check_port(&self, place: &Place) -> anyhow::Result<()> {
        if let (Some(port), Found::Running(process)) = (self.port, place.look()?)
            && port_of(&process).is_some_and(|own| own != port)
        {
            bail!("the event server of {} is at {}, not on port {port}", self.data, process.addresses.join(", "));
        }
        Ok(())
    }

    fn status(&self, place: &Place) -> anyhow::Result<ExitCode> {
        self.check_port(place)?;
        let process = match place.look()? {
            Found::Running(process) => process,
            found => {
                let told = match found {
                    Found::Stale(pid) => {
                        format!("not running; {} names process {pid}, which is gone", place.pid_file().display())
                    }
                    _ => place.nothing(),
                };
                let other = match self.addrs() {
                    Ok((addr, _)) if answers(addr) => format!("; something else answers at port {}", addr.port()),
                    _ => String::new(),
                };
                println!("{told}{other}");
                return Ok(not_running());
            }
        };
        let open = port_of(&process).and_then(connections).map_or_else(String::new, |open| format!(", {open} connections"));
        println!("running: process {} at {}{open}", process.pid, process.addresses.join(", "));
        Ok(ExitCode::SUCCESS)
    }
}

/// An address as people write it.
fn named(ip: IpAddr) -> String {
    match ip {
        ip if ip.is_loopback() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// Says that there is nothing to start.
pub(super) fn runs_already(process: &Process) -> ExitCode {
    println!("runs already: process {} at {}", process.pid, process.addresses.join(", "));
    ExitCode::SUCCESS
}

/// Removes the pid file at the end.
struct Here<'a> {
    place: &'a Place,
    pid: u32,
}

impl Drop for Here<'_> {
    fn drop(&mut self) {
        self.place.clear(self.pid);
    }
}

/// Whether a deck is there and lets one read.
fn reach(deck: &str, token: Option<&str>) -> anyhow::Result<()> {
    Deck::at(deck, None).map_err(anyhow::Error::msg).context("--deck")?;
    let client = Client::new(&Target { url: deck.to_owned(), token: token.map(str::to_owned) }).context("--deck")?;
    let (status, _) = client.get("/api/events?limit=1").context("--deck")?;
    match status {
        200 => Ok(()),
        401 => {
            bail!("--deck {deck}: it wants a token: say it with --token")
        }
        _ => bail!("--deck {deck}: it answers {status} to GET /api/events"),
    }
}

async fn listen(config: LiveopsConfig, data: String, deck: Option<String>, token: Option<String>) -> anyhow::Result<()> {
    let stopping = CancellationToken::new();
    tokio::spawn(stop_on_signal(stopping.clone()));
    if let Some(deck) = deck {
        tracing::info!(deck, port = config.addr.port(), "event_server.attached");
        let deck = Deck::at(&deck, token).map_err(anyhow::Error::msg).context("--deck")?;
        return listener::attached(config, deck, stopping).await.context("the event server failed");
    }
    let hub_config = HubConfig::at(data);
    let folder = hub_config.data.clone();
    let hub = tokio::task::spawn_blocking(move || Hub::open(&hub_config)).await??;
    tracing::info!(head = hub.head(), data = %folder.display(), port = config.addr.port(), "event_server.alone");
    let setup = Setup {
        hub: hub.clone(),
        data: folder,
        config: Arc::default(),
        stopping: CancellationToken::new(),
        tracker: TaskTracker::new(),
    };
    let services = Services::start(setup).await.context("the services cannot start")?;
    let app = AppState::start(hub, services, ServerConfig { token, ..ServerConfig::at(config.addr) }, stopping.clone());
    let listened = listener::liveops(config, app.clone(), stopping.clone()).await;
    stopping.cancel();
    app.finish().await;
    listened.context("the event server failed")?;
    tracing::info!("event_server.stopped: everything is committed");
    Ok(())
}

/// Whether somebody listens there.
pub(super) fn answers(addr: SocketAddr) -> bool {
    TcpStream::connect_timeout(&addr, KNOCK).is_ok()
}

fn port_of(process: &Process) -> Option<u16> {
    process.addresses.first()?.rsplit(':').next()?.parse().ok()
}

/// How many connections to a port of this machine are open, by the system's own tables; `None` where
/// it has none. The form is proc(5)'s: the local address is column 2, the state column 4, and 01 is
/// an established connection.
fn connections(port: u16) -> Option<usize> {
    let tables: Vec<String> =
        ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let is_open = |line: &&str| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, state) = (columns.next().unwrap_or_default(), columns.nth(1));
        let own = local.rsplit(':').next().and_then(|hex| u16::from_str_radix(hex, 16).ok());
        own == Some(port) && state == Some("01")
    };
    (!tables.is_empty()).then(|| tables.iter().flat_map(|table| table.lines()).filter(is_open).count())
}
