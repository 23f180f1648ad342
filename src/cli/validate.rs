//! `swarmdeck validate`: whether a running server keeps its promises, step by step.
//!
//! The four steps that every check has, as far as the dialect goes: connect, ping and pong, something
//! sent that comes back, and taking up where one was.

mod agentos;
mod liveops;
mod mesh;
mod sessions;
mod trader;

use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tungstenite::Message;

use super::Target;
use super::client::{Client, Socket};
use super::dialect::{Dialect, PATIENCE};
use crate::event::control::{Control, Frame, Hello, Resumed};
use crate::event::{Cursor, Event};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  swarmdeck validate http://127.0.0.1:3000\n  swarmdeck validate ws://localhost:3001 --dialect liveops\n\n\
    It leaves traces: a probe event, a message, an agent that comes and goes, a session or a scanned token."
)]
pub(super) struct Validate {
    /// The server
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:3000", env = "SWARMDECK_URL")]
    url: String,
    /// The server's token, where it wants one
    #[arg(long, env = "SWARMDECK_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Check it as a client of this system
    #[arg(long)]
    dialect: Option<Dialect>,
}

/// The outcome of checks, a line each.
#[derive(Debug, Default)]
struct Checks {
    failed: usize,
}

impl Checks {
    /// Tells what came of a check; whether it is as it should be.
    fn check(&mut self, name: &str, outcome: anyhow::Result<String>) -> bool {
        match outcome {
            Ok(found) => {
                println!("ok      {name}: {found}");
                true
            }
            Err(error) => {
                self.failed += 1;
                println!("FAILED  {name}: {error:#}");
                false
            }
        }
    }

    /// Tells the outcome, and goes on with what was found; with nothing where it failed.
    fn found<T>(&mut self, name: &str, outcome: anyhow::Result<(T, String)>) -> Option<T> {
        let (found, words) = match outcome {
            Ok((found, words)) => (Some(found), Ok(words)),
            Err(error) => (None, Err(error)),
        };
        self.check(name, words);
        found
    }

    /// A check that this server gives no ground for.
    fn skip(&self, name: &str, why: &str) {
        println!("skipped {name}: {why}");
    }
}

impl Validate {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let client = Client::new(&Target { url: self.url, token: self.token })?;
        let mut checks = Checks::default();
        match self.dialect {
            None => own(&client, &mut checks),
            Some(Dialect::Agentos) => agentos::run(&client, &mut checks),
            Some(Dialect::Liveops) => liveops::run(&client, &mut checks),
            Some(Dialect::Mesh) => mesh::run(&client, &mut checks),
            Some(Dialect::Sessions) => sessions::run(&client, &mut checks),
            Some(Dialect::Trader) => trader::run(&client, &mut checks),
        }
        if checks.failed > 0 {
            bail!("{} checks failed", checks.failed);
        }
        Ok(())
    }
}

/// Our own protocol.
fn own(client: &Client, checks: &mut Checks) {
    checks.check("ready", ready(client));
    let opened = Follower::open(client, None).map(|follower| {
        let words = format!("log {} at event {}", follower.hello.epoch, follower.hello.head);
        (follower, words)
    });
    let Some(mut follower) = checks.found("connect", opened) else { return };
    checks.check("ping", follower.ping("{\"type\":\"ping\"}"));
    let probe = follower.probe(client, None);
    let Some(seq) = checks.found("probe", probe.map(|seq| (seq, format!("the event sent came back as {seq}")))) else { return };
    checks.check("resume", resume(client, &follower.hello, seq));
    checks.check("page of the log", read_back(client, &follower.hello, seq));
}

fn ready(client: &Client) -> anyhow::Result<String> {
    let (status, body) = client.get("/readyz")?;
    ensure!(status == 200, "{status}: {}", body.trim());
    Ok(body.trim().to_owned())
}

/// A WebSocket that has said hello.
struct Follower {
    socket: Socket,
    hello: Hello,
}

impl Follower {
    fn open(client: &Client, after: Option<Cursor>) -> anyhow::Result<Self> {
        let query = after.map(|cursor| format!("?after={cursor}")).unwrap_or_default();
        let mut socket = client.socket(&format!("/ws/events{query}"), PATIENCE)?;
        let first = socket.read().context("no first frame")?;
        match Frame::parse(first.to_text()?)? {
            Frame::Control(Control::Hello(hello)) => Ok(Self { socket, hello }),
            other => bail!("the first frame is {other:?}, not stream.hello"),
        }
    }

    fn ping(&mut self, text: &str) -> anyhow::Result<String> {
        let began = Instant::now();
        self.socket.send(Message::text(text))?;
        while began.elapsed() < PATIENCE {
            let message = self.socket.read().context("no pong")?;
            if message.to_text().is_ok_and(|text| text.contains("\"type\":\"pong\"")) {
                return Ok(format!("pong after {:.1} ms", began.elapsed().as_secs_f64() * 1e3));
            }
        }
        bail!("no pong within {PATIENCE:?}")
    }

    /// Sends an event and sees it come back; its seq.
    fn probe(&mut self, client: &Client, ts: Option<&str>) -> anyhow::Result<u64> {
        let id = format!("probe-{}", crate::hub::now().0);
        let event = serde_json::json!({"type": "swarmdeck.probe", "source": "validate", "id": id, "ts": ts, "payload": {}});
        let event = event.to_string();
        let receipt = client.send(&event)?;
        let seq = self.wait_for(|event| event.id.as_deref() == Some(&id))?;
        ensure!(seq == receipt.last_seq, "acknowledged as {} and delivered as {seq}", receipt.last_seq);
        let again = client.send(&event)?;
        ensure!(again.duplicates == 1 && again.last_seq == seq, "the same event sent again is stored as {}", again.last_seq);
        Ok(seq)
    }

    fn wait_for(&mut self, wanted: impl Fn(&Event) -> bool) -> anyhow::Result<u64> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let message = self.socket.read().context("the event does not come")?;
            if let Message::Text(text) = message
                && let Ok(Frame::Event { event, .. }) = Frame::parse(&text)
                && wanted(&event)
            {
                return Ok(event.seq);
            }
        }
        bail!("the event does not come within {PATIENCE:?}")
    }
}

/// Comes back with the cursor before the probe: exactly the probe must follow.
fn resume(client: &Client, hello: &Hello, seq: u64) -> anyhow::Result<String> {
    let before: Cursor = format!("{}-{}", hello.epoch, seq - 1).parse()?;
    let mut follower = Follower::open(client, Some(before))?;
    ensure!(follower.hello.resumed == Resumed::Exact, "taken up as {}", follower.hello.resumed);
    let next = follower.wait_for(|_| true)?;
    ensure!(next == seq, "after {before} comes {next}, not {seq}");
    Ok(format!("after {before} comes {seq}"))
}

fn read_back(client: &Client, hello: &Hello, seq: u64) -> anyhow::Result<String> {
    let (status, body) = client.get(&format!("/api/events?after={}-{}&limit=1", hello.epoch, seq - 1))?;
    ensure!(status == 200, "{status}: {body}");
    let page: serde_json::Value = serde_json::from_str(&body)?;
    ensure!(page["events"][0]["seq"] == seq, "the page begins with {}", page["events"][0]["seq"]);
    Ok(format!("event {seq} is in the log"))
}
