//! `swarmdeck demo`: a made-up swarm, sent to a server as if it were real.

use std::time::{Duration, Instant};

use clap::Args;

use super::Target;
use super::client::Client;
use super::progress::Progress;
use super::replay::lines;
use crate::demo::{MAX_AGENTS, Scenario, hash_of};
use crate::event::Draft;
use crate::hub::now;

/// How often a handful of events goes out.
const TICK: Duration = Duration::from_millis(20);

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  swarmdeck demo --agents 50 --rate 200")]
pub(super) struct Demo {
    #[command(flatten)]
    target: Target,
    /// How many agents, 2 to 2000
    #[arg(long, default_value_t = 50)]
    agents: usize,
    /// Events a second; 0 for as fast as it goes
    #[arg(long, default_value_t = 200)]
    rate: u64,
    /// What chance begins from: one seed, one play
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// End after so many events; runs until stopped where absent
    #[arg(long)]
    events: Option<u64>,
    /// Send nothing: fold a play of 60 agents here and print the state's hash
    #[arg(long, requires = "events")]
    hash: bool,
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<()> {
        if let (true, Some(events)) = (self.hash, self.events) {
            println!("{}", hash_of(self.seed, events));
            return Ok(());
        }
        anyhow::ensure!((2..=MAX_AGENTS).contains(&self.agents), "--agents {}: it is 2 to {MAX_AGENTS}", self.agents);
        let client = Client::new(&self.target)?;
        let mut scenario = Scenario::new(self.seed, self.agents, now());
        let mut progress = Progress::new();
        let (began, mut sent) = (Instant::now(), 0_u64);
        let last = self.events.unwrap_or(u64::MAX);
        while sent < last {
            let due = match self.rate {
                0 => sent + 500,
                rate => (began.elapsed().as_secs_f64() * rate as f64) as u64 + 1,
            };
            let many = due.saturating_sub(sent).min(500).min(last - sent);
            let mut batch: Vec<Draft> = (0..many).map(|_| Draft { ts: Some(now()), ..scenario.next_event() }).collect();
            if let Some(lines) = lines(&mut batch) {
                sent += client.send(&lines)?.accepted;
            }
            progress.show(sent, "events");
            if self.rate > 0 {
                std::thread::sleep(TICK);
            }
        }
        progress.end();
        println!("{sent} events sent, {:.0} / s", progress.rate(sent));
        Ok(())
    }
}
