//! `swarmdeck replay`: a recording, sent again.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;

use super::Target;
use super::client::Client;
use super::progress::Progress;
use crate::event::wire::{At, parse};
use crate::event::{Draft, Timestamp};
use crate::hub::now;

/// How many events go in one request at the most.
const BATCH: usize = 500;

#[derive(Debug, Args)]
#[command(
    after_help = "The events count as what they were: a message among them is in its inbox again, a trade in the account.\n\nExample:\n  curl -H 'Accept: application/x-ndjson' 'http://127.0.0.1:3000/api/events?after=0&limit=1000' > run.ndjson\n  swarmdeck replay run.ndjson --speed 10"
)]
pub(super) struct Replay {
    #[command(flatten)]
    target: Target,
    /// Events as NDJSON, as the log gives them
    file: PathBuf,
    /// How many times as fast as it happened; 0 for as fast as it goes
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// Keep the times of the recording; else events get the time at which they are sent
    #[arg(long)]
    keep_times: bool,
}

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<()> {
        anyhow::ensure!(self.speed >= 0.0 && self.speed.is_finite(), "--speed {}: it is a number from 0", self.speed);
        let client = Client::new(&self.target)?;
        let file = std::fs::File::open(&self.file).with_context(|| format!("cannot open {}", self.file.display()))?;
        let mut progress = Progress::new();
        let (began, mut first, mut sent) = (Instant::now(), None::<Timestamp>, 0_u64);
        let mut batch: Vec<Draft> = Vec::new();
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.with_context(|| format!("cannot read {}", self.file.display()))?;
            if line.trim().is_empty() {
                continue;
            }
            let name = format!("line {}", number + 1);
            let at = At::Root(&name);
            let mut draft = Draft::read(parse(&line, &at)?, &at)?;
            if let Some(ts) = draft.ts.filter(|_| self.speed > 0.0) {
                let first = *first.get_or_insert(ts);
                let due = Duration::from_millis((ts.since(first) as f64 / self.speed) as u64);
                let early = due.saturating_sub(began.elapsed());
                if !early.is_zero() {
                    sent += send(&client, &mut batch)?;
                    progress.show(sent, "events");
                    std::thread::sleep(early);
                }
            }
            if !self.keep_times {
                draft.ts = Some(now());
                draft.id = None;
            }
            batch.push(draft);
            if batch.len() >= BATCH {
                sent += send(&client, &mut batch)?;
                progress.show(sent, "events");
            }
        }
        sent += send(&client, &mut batch)?;
        progress.end();
        println!("{sent} events sent, {:.0} / s", progress.rate(sent));
        Ok(())
    }
}

/// Sends what is gathered, as what it was: events of the deck's own services are among it.
fn send(client: &Client, batch: &mut Vec<Draft>) -> anyhow::Result<u64> {
    match lines(batch) {
        Some(lines) => Ok(client.restore(&lines)?.accepted),
        None => Ok(0),
    }
}

/// What is gathered, as NDJSON; none where nothing is.
pub(super) fn lines(batch: &mut Vec<Draft>) -> Option<String> {
    (!batch.is_empty()).then(|| batch.drain(..).map(|draft| draft.to_json() + "\n").collect())
}
