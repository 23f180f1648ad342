//! The paper-trading engine.
//!
//! On demand it works off a feed of token facts by fixed [rules] and trades with an account of
//! play money. It never touches a network: prices come from the feed, and signatures are made up
//! and say so. All that it knows is folded from its events: a run that was cut off, by `kill -9`
//! too, goes on where it was once the server starts again, and comes to the same end. In memory
//! only is the time until the next line, which a restart counts anew from the last line that
//! something came of.
//!
//! For one feed, one seed and the same settings the payloads of a run's events are the same each
//! time. A run begins with a new account; once it is over, the account stays as it is.
//!
//! The circuit breaker trips after three losses in a row or a loss of five in a day, and ends with
//! the day by the feed's clock (UTC), when the counters of the day begin anew as well.

mod config;
mod engine;
mod feed;
pub mod rules;
mod runner;
mod simulate;
mod status;

pub use crate::dialect::trader::{Action, Simulate};
pub use config::{FeedSource, MAX_FEEDS, TradingConfig};
pub use engine::ACCOUNT;
pub use feed::{Candidate, Fact, Feed, Line, SAMPLE, Wallet};
pub use status::{
    BreakerStatus, DecisionStatus, PositionStatus, RunStatus, Simulated, StatisticsStatus, TradeStatus, TradingStatus,
};

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Map;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Refusal, ServiceConfig, Setup};
use crate::event::Timestamp;
use crate::event::trade::{TradeEvent, TradeRunEnded, TradeRunStarted};
use crate::hub::{self, Hub};
use crate::swarm::SwarmState;
use crate::swarm::trades::MAX_EXECUTED;
use engine::{Desk, drafts};
use simulate::Hands;

/// The seed of a run that names none.
pub const DEFAULT_SEED: u64 = 1;
/// The largest seed: what a JSON number holds exactly in every client.
pub const MAX_SEED: u64 = (1 << 53) - 1;
/// The slowest and the fastest speed of a run, as a multiple of the feed's own clock.
pub const SPEEDS: std::ops::RangeInclusive<f64> = 0.01..=1e6;
/// How many trades are told where nobody says how many.
pub const DEFAULT_TRADES: usize = 20;
/// How many trades are told at most: what the state keeps. Older ones are in the log.
pub const MAX_TRADES: usize = MAX_EXECUTED;

/// What a run is started with.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The feed's name: one of the settings' or [`SAMPLE`].
    pub feed: String,
    /// What signatures are derived from, up to [`MAX_SEED`].
    pub seed: u64,
    /// How many times faster than the feed's own clock it goes, within [`SPEEDS`].
    pub speed: f64,
}

impl Default for Order {
    fn default() -> Self {
        Self { feed: SAMPLE.to_owned(), seed: DEFAULT_SEED, speed: 1.0 }
    }
}

/// The paper-trading engine; cheap to clone.
#[derive(Debug, Clone)]
pub struct Trading {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    hub: Hub,
    config: Arc<ServiceConfig>,
    stopping: CancellationToken,
    tracker: TaskTracker,
    /// The newest run that this process works off, or did.
    active: Mutex<Option<Active>>,
}

/// A run in this process.
#[derive(Debug, Clone)]
struct Active {
    /// Its `trade.run_started`'s place in the log: its identity.
    since: u64,
    feed: Arc<Feed>,
    /// The number of the last line that was worked off, whether something came of it or not. Only
    /// decisions read and write it, and those happen one after the other.
    line: Arc<AtomicU64>,
    /// Cancelled when the run was stopped, so that it does not wait for its next line.
    halt: CancellationToken,
}

impl Trading {
    /// Starts it; a run that was cut off goes on.
    pub fn start(setup: &Setup) -> Self {
        let inner = Inner {
            hub: setup.hub.clone(),
            config: Arc::clone(&setup.config),
            stopping: setup.stopping.clone(),
            tracker: setup.tracker.clone(),
            active: Mutex::new(None),
        };
        let trading = Self { inner: Arc::new(inner) };
        if let Some(run) = setup.hub.state().trades.running() {
            setup.tracker.spawn(runner::resume(Arc::clone(&trading.inner), run.clone()));
        }
        trading
    }

    /// The feeds that a run can be over, by name: the sample first.
    pub fn feeds(&self) -> Vec<String> {
        let named = self.inner.config.trading.feeds.iter().map(|feed| feed.name.clone()).filter(|name| name != SAMPLE);
        std::iter::once(SAMPLE.to_owned()).chain(named).collect()
    }

    /// Starts a run over a feed, with a new account.
    ///
    /// # Errors
    /// A run goes on already; no feed of that name; the feed cannot be read or has no line that
    /// can; a number is out of its bounds; the log cannot be written.
    pub async fn start_run(&self, order: Order) -> Result<TradingStatus, Refusal> {
        if !SPEEDS.contains(&order.speed) {
            return Err(Refusal::invalid(format!("speed: {} is outside {} to {}", order.speed, SPEEDS.start(), SPEEDS.end())));
        }
        if order.seed > MAX_SEED {
            return Err(Refusal::invalid(format!("seed: {} is over {MAX_SEED}", order.seed)));
        }
        // In a task of its own: an asker that goes away leaves no run that nobody works off.
        let inner = Arc::clone(&self.inner);
        let started = self.inner.tracker.spawn(async move { begin(&inner, order).await }).await;
        started.map_err(|_| Refusal::unavailable("the run could not be started"))??;
        Ok(self.status())
    }

    /// Ends the run; the account stays as it is.
    ///
    /// # Errors
    /// No run goes on, or the log cannot be written.
    pub async fn stop_run(&self) -> Result<TradingStatus, Refusal> {
        let rule = |state: &SwarmState, _now: Timestamp| match state.trades.running() {
            None => Err(Refusal::conflict("no run goes on")),
            Some(run) => Ok((drafts(vec![ended("stopped")]), run.since)),
        };
        let (_, since) = self.inner.hub.decide(rule).await?;
        if let Some(active) = self.inner.active().filter(|active| active.since == since) {
            active.halt.cancel();
        }
        Ok(self.status())
    }

    /// Does by hand what a run does by a feed.
    ///
    /// # Errors
    /// The token is unknown, the account's limits forbid it, a number does not fit, or the log
    /// cannot be written.
    pub async fn simulate(&self, asked: Simulate) -> Result<Simulated, Refusal> {
        let active = self.inner.active();
        let config = Arc::clone(&self.inner.config);
        let action = asked.action;
        let rule = move |state: &SwarmState, now: Timestamp| {
            let trades = &state.trades;
            let active = match (trades.running(), active) {
                (Some(run), Some(active)) if active.since == run.since => Some(active),
                (Some(_), _) => return Err(Refusal::unavailable("the run is about to go on; ask again")),
                (None, active) => active,
            };
            let (feed, line) = match &active {
                Some(active) => (Arc::clone(&active.feed), active.line.load(Ordering::Relaxed)),
                None => (Feed::sample(), trades.run.as_ref().map_or(0, |run| if run.feed == SAMPLE { run.line } else { 0 })),
            };
            let place = trades.running().map(|_| feed.place_at(line));
            let desk = Desk {
                account: &trades.account,
                config: &config.trading,
                seed: trades.run.as_ref().map_or(DEFAULT_SEED, |run| run.seed),
                at: place.as_ref().map_or(now, |place| place.at),
                place,
            };
            let (events, message) = Hands { trades, desk, feed: &feed, line }.perform(&asked)?;
            Ok((drafts(events), message))
        };
        let (appended, message) = self.inner.hub.decide(rule).await?;
        Ok(Simulated { action: action.as_str().to_owned(), message, seqs: appended.seqs })
    }

    /// How it stands.
    pub fn status(&self) -> TradingStatus {
        TradingStatus::of(&self.inner.hub.state(), &self.inner.config.trading, hub::now())
    }

    /// The newest trades, newest first, up to [`MAX_TRADES`].
    pub fn trades(&self, limit: usize) -> Vec<TradeStatus> {
        self.inner.hub.state().trades.executed.iter().rev().take(limit).map(TradeStatus::of).collect()
    }
}

impl Inner {
    fn active(&self) -> Option<Active> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a run up in this process.
    fn take_up(&self, since: u64, feed: Arc<Feed>, line: u64) -> Active {
        let active = Active { since, feed, line: Arc::new(AtomicU64::new(line)), halt: CancellationToken::new() };
        *self.active.lock().unwrap_or_else(PoisonError::into_inner) = Some(active.clone());
        active
    }
}

async fn begin(inner: &Arc<Inner>, order: Order) -> Result<(), Refusal> {
    let feed = runner::load(&inner.config.trading, &order.feed).await?;
    if feed.lines.is_empty() {
        let first = feed.faults.first().map(|fault| format!(": {fault}")).unwrap_or_default();
        return Err(Refusal::invalid(format!("the feed {} has no line that can be read{first}", feed.name)));
    }
    let started = TradeRunStarted {
        feed: feed.name.clone(),
        digest: feed.digest.clone(),
        seed: order.seed,
        speed: order.speed,
        balance: inner.config.trading.start_balance,
        lines: feed.lines.len() as u64,
        skipped: feed.skipped,
        faults: feed.faults.clone(),
        extra: Map::new(),
    };
    let rule = |state: &SwarmState, _now: Timestamp| match state.trades.running() {
        Some(run) => Err(Refusal::conflict(format!("a run on the feed {} goes on already", run.feed))),
        None => Ok((drafts(vec![TradeEvent::RunStarted(started)]), ())),
    };
    let (appended, ()) = inner.hub.decide(rule).await?;
    if feed.skipped > 0 {
        tracing::warn!(feed = %feed.name, lines = feed.skipped, first = %feed.faults[0], "trading.feed.skipped");
    }
    let active = inner.take_up(appended.seqs[0], feed, 0);
    inner.tracker.spawn(runner::run(Arc::clone(inner), active, order.speed));
    Ok(())
}

fn ended(reason: &str) -> TradeEvent {
    TradeEvent::RunEnded(TradeRunEnded { reason: reason.to_owned(), extra: Map::new() })
}

#[cfg(test)]
mod tests;
