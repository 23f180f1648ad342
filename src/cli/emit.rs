//! `swarmdeck emit`: events from a shell, in our own protocol or another system's.

mod liveops;
mod mesh;
mod own;
mod sessions;
mod trader;

use std::io::BufRead as _;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Map, Value};

use super::Target;
use super::client::{Client, Receipt};
use super::dialect::Dialect;
use super::progress::Progress;

/// How many lines go in one request.
const LINES: usize = 500;
/// How many bytes go in one request at the most; the server takes a mebibyte.
const BYTES: usize = 900 << 10;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  swarmdeck emit task.progress --entity task:abc --payload '{\"progress\": 42}'
  swarmdeck emit - < events.ndjson
  swarmdeck emit --sample --delay-ms 500
  swarmdeck emit --dialect liveops task.started --entity task:abc
  swarmdeck emit --dialect liveops --bridge --url http://127.0.0.1:3001 task.started --entity task:abc
  swarmdeck emit --dialect liveops --raw '{\"type\":\"replay\"}'
  swarmdeck emit --dialect mesh agent.registered --entity agent:a1 --payload '{\"name\":\"A\",\"version\":\"1.0\",\"endpoint\":\"http://localhost:9\",\"capabilities\":[\"read\"]}'
  swarmdeck emit --dialect sessions message --payload '{\"message\":\"Read the log\"}'
  swarmdeck emit --dialect trader scan

What TYPE can be:
  liveops   agent.registered, .status_changed, .removed; task.*; message.sent; memory.*; topology.changed
  agentos   any type: it is our own protocol
  mesh      agent.registered, .updated, .health_changed (a heartbeat), .removed
  sessions  message, to --entity session:ID or a new session; abort
  trader    scan, buy, sell, buyback; --payload names mint and amount")]
pub(super) struct Emit {
    #[command(flatten)]
    target: Target,
    /// The event's type; - for NDJSON from standard input
    #[arg(value_name = "TYPE", required_unless_present_any = ["sample", "raw"])]
    kind: Option<String>,
    /// What it is about, as kind:id
    #[arg(long)]
    entity: Option<String>,
    /// What it says, as a JSON object
    #[arg(long)]
    payload: Option<String>,
    /// Who reports it; our own protocol only
    #[arg(long, default_value = "cli")]
    source: String,
    /// An idempotency key; our own protocol only
    #[arg(long)]
    id: Option<String>,
    /// When it happened; now where absent
    #[arg(long)]
    ts: Option<String>,
    /// Send the classic sequence: a task, a provider and a self-check, under new ids
    #[arg(long, conflicts_with_all = ["kind", "raw", "entity", "payload", "id", "ts"])]
    sample: bool,
    /// Milliseconds between two events of the sample
    #[arg(long, requires = "sample", default_value_t = 200)]
    delay_ms: u64,
    /// Send it as a client of this system would
    #[arg(long)]
    dialect: Option<Dialect>,
    /// Send this JSON as it is, over what the dialect has for it
    #[arg(long, requires = "dialect", conflicts_with_all = ["kind", "entity", "payload", "id", "ts"])]
    raw: Option<String>,
    /// Through the HTTP bridge of liveops, on the port after that of --url
    #[arg(long, requires = "dialect")]
    bridge: bool,
}

/// What is to be sent, in our words; each way puts it in its own.
#[derive(Debug, Clone)]
struct Said {
    /// The type, or what the dialect has in its place.
    kind: String,
    /// What it is about, `kind:id`.
    entity: Option<String>,
    payload: Map<String, Value>,
    ts: Option<String>,
    /// The idempotency key.
    id: Option<String>,
}

impl Said {
    /// Something about an entity; `payload` is an object.
    fn new(kind: &str, entity: Option<String>, payload: Value) -> Self {
        let Value::Object(payload) = payload else { unreachable!("payloads are written as objects") };
        Self { kind: kind.to_owned(), entity, payload, ts: None, id: None }
    }

    /// The id of what it is about, which must be of this kind.
    fn about(&self, kind: &str) -> anyhow::Result<&str> {
        let entity = self.entity.as_deref().with_context(|| format!("--entity is missing: {} is about {kind}:ID", self.kind))?;
        match entity.split_once(':') {
            Some((given, id)) if given == kind && !id.is_empty() => Ok(id),
            _ => bail!("--entity {entity}: {} is about {kind}:ID", self.kind),
        }
    }

    /// Time and key are what our own protocol has alone.
    fn plain(&self, dialect: &str) -> anyhow::Result<()> {
        ensure!(self.id.is_none(), "--id: {dialect} has no idempotency keys");
        ensure!(self.ts.is_none(), "--ts: {dialect} takes no times from clients");
        Ok(())
    }
}

/// A way to say something to a server. What came of it is told in a line.
trait Way {
    /// Says it.
    fn send(&mut self, said: &Said) -> anyhow::Result<String>;

    /// Sends a text as it stands.
    fn raw(&mut self, text: &str) -> anyhow::Result<String>;

    /// What this way can express of the classic sequence; where it has no part of it, what it has
    /// instead. And a word on what is left out.
    fn sample(&self) -> anyhow::Result<(Vec<Said>, &'static str)>;
}

impl Emit {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let client = Client::new(&self.target)?;
        ensure!(!self.bridge || self.dialect == Some(Dialect::Liveops), "--bridge: only liveops has one");
        if self.kind.as_deref() == Some("-") {
            ensure!(
                self.dialect.is_none_or(|dialect| dialect == Dialect::Agentos),
                "standard input is read in our own protocol only"
            );
            return from_stdin(&client);
        }
        let mut way: Box<dyn Way + '_> = match self.dialect {
            None | Some(Dialect::Agentos) => Box::new(own::Own::new(&client, &self.source)),
            Some(Dialect::Liveops) if self.bridge => Box::new(liveops::Bridge::new(&client)?),
            Some(Dialect::Liveops) => Box::new(liveops::Liveops::open(&client)?),
            Some(Dialect::Mesh) => Box::new(mesh::Mesh::new(&client)),
            Some(Dialect::Sessions) => Box::new(sessions::Sessions::new(&client)),
            Some(Dialect::Trader) => Box::new(trader::Trader::open(&client)?),
        };
        if self.sample {
            let (sample, left_out) = way.sample()?;
            return sequence(way.as_mut(), sample, left_out, Duration::from_millis(self.delay_ms));
        }
        let told = match &self.raw {
            Some(raw) => {
                serde_json::from_str::<Value>(raw).context("--raw is not JSON")?;
                way.raw(raw)?
            }
            None => way.send(&self.said()?)?,
        };
        println!("{told}");
        Ok(())
    }

    fn said(&self) -> anyhow::Result<Said> {
        let payload = match &self.payload {
            Some(payload) => match serde_json::from_str(payload).context("--payload is not JSON")? {
                Value::Object(payload) => payload,
                other => bail!("--payload {other}: it is an object"),
            },
            None => Map::new(),
        };
        let kind = self.kind.clone().unwrap_or_default();
        Ok(Said { kind, entity: self.entity.clone(), payload, ts: self.ts.clone(), id: self.id.clone() })
    }
}

/// Sends one after the other; the last line says how many and what came of the last.
fn sequence(way: &mut dyn Way, sample: Vec<Said>, left_out: &str, delay: Duration) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    let (mut sent, mut told) = (0, String::new());
    for said in &sample {
        if sent > 0 {
            std::thread::sleep(delay);
        }
        told = way.send(said).with_context(|| format!("{} ({sent} sent before it)", said.kind))?;
        sent += 1;
        progress.show(sent, "sent");
    }
    progress.end();
    println!("{sent} sent, the last: {told}{left_out}");
    Ok(())
}

fn from_stdin(client: &Client) -> anyhow::Result<()> {
    let mut progress = Progress::new();
    let mut batch = String::new();
    let (mut lines, mut accepted, mut duplicates, mut last_seq, mut number) = (0, 0, 0, 0, 0_u64);
    let mut send = |batch: &mut String, first: u64| -> anyhow::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let receipt: Receipt = match client.send(batch) {
            Ok(receipt) => receipt,
            Err(error) => bail!("lines from {first}: {error}; {accepted} events before them are stored"),
        };
        accepted += receipt.accepted;
        duplicates += receipt.duplicates;
        last_seq = receipt.last_seq;
        progress.show(accepted, "events");
        batch.clear();
        Ok(())
    };
    let mut first = 1;
    for line in std::io::stdin().lock().lines() {
        let line = line.context("cannot read standard input")?;
        number += 1;
        if line.trim().is_empty() {
            continue;
        }
        if lines >= LINES || batch.len() + line.len() > BYTES {
            send(&mut batch, first)?;
            (lines, first) = (0, number);
        }
        batch.push_str(&line);
        batch.push('\n');
        lines += 1;
    }
    send(&mut batch, first)?;
    progress.end();
    println!("{accepted} accepted, {duplicates} stored before, newest {last_seq}");
    Ok(())
}
