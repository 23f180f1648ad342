//! `swarmdeck daemon`: the deck in the background.

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::ensure;
use clap::Args;

use super::Target;
use super::client::Client;
use super::config::Settings;
use super::event_server::{LAST_PORT, PORT, answers, runs_already};
use super::process::{Action, Claim, Found, Place, Process, not_running};
use super::serve::LISTENS;

/// What is asked of a deck in the background.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  swarmdeck daemon start\n  swarmdeck daemon start --with-event-server --data ./team -- --retain-days 30\n  swarmdeck daemon status\n  swarmdeck daemon stop\n\n\
    Environment and swarmdeck.toml count as they do for serve. Its folder of data tells one daemon from another.\n\
    Exit codes: start where it runs already is 0, and so is stop where nothing runs; status is 0 or 3."
)]
pub(super) struct Daemon {
    /// What to do
    action: Action,
    /// Where the log, the pid file and the log file stand [default: ./swarmdeck-data]
    #[arg(long, env = "SWARMDECK_DATA")]
    data: Option<String>,
    /// Where the deck listens [default: 127.0.0.1:3000]
    #[arg(long)]
    addr: Option<String>,
    /// Serve clients of liveops too
    #[arg(long)]
    with_event_server: bool,
    /// The port for clients of liveops, their HTTP bridge has the next [default: 3001]; not the deck's,
    /// which --addr chooses
    #[arg(long, requires = "with_event_server", value_parser = clap::value_parser!(u16).range(1..=i64::from(LAST_PORT)))]
    port: Option<u16>,
    /// Serve clients of trader on this port too
    #[arg(long)]
    trader_port: Option<u16>,
    /// The file of settings [default: swarmdeck.toml, where there is one]
    #[arg(long, env = "SWARMDECK_CONFIG")]
    config: Option<PathBuf>,
    /// Further flags of serve
    #[arg(last = true, value_name = "SERVE_FLAGS")]
    serve: Vec<OsString>,
}

impl Daemon {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        ensure!(self.serve.is_empty() || self.action == Action::Start, "flags of serve go with start");
        let place = Place::new(folder(self.data.as_deref(), self.config.as_deref())?, "daemon");
        match self.action {
            Action::Start => self.start(&place),
            Action::Stop => {
                place.stop()?;
                Ok(ExitCode::SUCCESS)
            }
            Action::Status => status(&place),
        }
    }

    fn start(&self, place: &Place) -> anyhow::Result<ExitCode> {
        let arguments = self.arguments(place);
        let claimed = place.claim(|| {
            let (child, begins) = place.spawn(&arguments, &[])?;
            Ok((child.id(), (child, begins)))
        })?;
        let (mut process, (mut child, begins)) = match claimed {
            Claim::Runs(process) => return Ok(runs_already(&process)),
            Claim::Started(process, child) => (process, child),
        };
        let mut client = None;
        let url = place.wait(&mut child, begins, || {
            if client.is_none() {
                let url = listens_at(&place.written(begins))?;
                client = Client::new(&Target { url, token: None }).ok();
            }
            let client = client.as_ref()?;
            let ready = matches!(client.get("/readyz"), Ok((200, _)));
            let beside = !self.with_event_server || liveops(client.url(), self.liveops_port()).is_some_and(answers);
            (ready && beside).then(|| client.url().to_owned())
        })?;
        process.addresses.push(url.clone());
        if self.with_event_server
            && let Some(addr) = liveops(&url, self.liveops_port())
        {
            process.addresses.push(format!("ws://{addr}"));
        }
        place.note(&process)?;
        println!(
            "deck runs as process {} at {}; its log is {}",
            process.pid,
            process.addresses.join(", "),
            place.log_file().display()
        );
        Ok(ExitCode::SUCCESS)
    }

    fn liveops_port(&self) -> u16 {
        self.port.unwrap_or(PORT)
    }

    /// What `serve` is started with.
    fn arguments(&self, place: &Place) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["serve".into(), "--data".into(), place.folder().into()];
        let mut flag = |name: &str, value: Option<OsString>| {
            if let Some(value) = value {
                arguments.extend([name.into(), value]);
            }
        };
        flag("--addr", self.addr.as_ref().map(Into::into));
        flag("--config", self.config.as_ref().map(Into::into));
        flag("--liveops-port", self.with_event_server.then(|| self.liveops_port().to_string().into()));
        flag("--trader-port", self.trader_port.map(|port| port.to_string().into()));
        arguments.extend(self.serve.iter().cloned());
        arguments
    }
}

/// The folder of data, as `serve` would take it.
fn folder(flag: Option<&str>, config: Option<&Path>) -> anyhow::Result<String> {
    let kept = Settings::read(config)?.take("data")?;
    Ok(flag.map(str::to_owned).or(kept).unwrap_or_else(|| "./swarmdeck-data".to_owned()))
}

/// The address that `serve` wrote to its log.
fn listens_at(log: &str) -> Option<String> {
    // A line that is not ended may not be whole.
    let (lines, _) = log.rsplit_once('\n')?;
    lines.lines().find_map(|line| line.strip_prefix(LISTENS)).map(str::to_owned)
}

/// Where the clients of liveops connect, beside the deck of this address.
fn liveops(url: &str, port: u16) -> Option<SocketAddr> {
    let (host, _) = url.split_once("://")?.1.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut all: Vec<SocketAddr> = (host, port).to_socket_addrs().ok()?.collect();
    all.sort_by_key(SocketAddr::is_ipv6);
    all.first().copied()
}

fn status(place: &Place) -> anyhow::Result<ExitCode> {
    let process = match place.look()? {
        Found::Running(process) => process,
        Found::Stale(pid) => {
            println!("not running; {} names process {pid}, which is gone", place.pid_file().display());
            return Ok(not_running());
        }
        Found::Nothing => {
            println!("{}", place.nothing());
            return Ok(not_running());
        }
    };
    println!("running: process {} at {}, {}", process.pid, process.addresses.join(", "), readiness(&process));
    Ok(ExitCode::SUCCESS)
}

/// What the deck says of itself.
fn readiness(process: &Process) -> String {
    let Some(url) = process.addresses.first() else { return "starting".to_owned() };
    let asked = Client::new(&Target { url: url.clone(), token: None }).and_then(|client| client.get("/readyz"));
    match asked {
        Ok((_, said)) => said.trim().to_owned(),
        Err(error) => format!("not ready: {error:#}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_the_address_once_its_line_is_whole() {
        assert_eq!(listens_at("Swarmdeck listens at http://localhost:30"), None);
        assert_eq!(listens_at("x\nSwarmdeck listens at http://localhost:3000\ny").as_deref(), Some("http://localhost:3000"));
        assert_eq!(liveops("http://127.0.0.1:3000", 3001), Some("127.0.0.1:3001".parse().unwrap()));
        assert_eq!(liveops("http://[::1]:3000", 3001), Some("[::1]:3001".parse().unwrap()));
    }
}
