//! `swarmdeck emit`: events from a shell.

use std::io::BufRead as _;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};

use super::Target;
use super::client::{Client, Receipt};
use super::progress::Progress;

/// How many lines go in one request.
const LINES: usize = 500;
/// How many bytes go in one request at the most; the server takes a mebibyte.
const BYTES: usize = 900 << 10;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  swarmdeck emit task.progress --entity task:abc --payload '{\"progress\": 42}'\n  swarmdeck emit - < events.ndjson"
)]
pub(super) struct Emit {
    #[command(flatten)]
    target: Target,
    /// The event's type; - for NDJSON from standard input
    #[arg(value_name = "TYPE")]
    kind: String,
    /// What it is about, as kind:id
    #[arg(long)]
    entity: Option<String>,
    /// What it says, as a JSON object
    #[arg(long)]
    payload: Option<String>,
    /// Who reports it
    #[arg(long, default_value = "cli")]
    source: String,
    /// An idempotency key
    #[arg(long)]
    id: Option<String>,
    /// When it happened; now where absent
    #[arg(long)]
    ts: Option<String>,
}

impl Emit {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let client = Client::new(&self.target)?;
        if self.kind == "-" {
            return from_stdin(&client);
        }
        let mut event = json!({ "type": self.kind, "source": self.source });
        if let Some(payload) = &self.payload {
            let payload: Value = serde_json::from_str(payload).context("--payload is not JSON")?;
            event["payload"] = payload;
        }
        for (key, value) in [("entity", self.entity), ("id", self.id), ("ts", self.ts)] {
            if let Some(value) = value {
                event[key] = value.into();
            }
        }
        let receipt = client.send(&event.to_string())?;
        println!("{}", receipt.last_seq);
        Ok(())
    }
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
