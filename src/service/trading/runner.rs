//! What moves a run: it reads the feed, waits for each line's time, and has the line decided
//! against the folded state. It decides nothing itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;

use super::config::TradingConfig;
use super::engine::{drafts, step};
use super::feed::{Feed, MAX_BYTES, SAMPLE};
use super::{Active, Inner, ended};
use crate::event::{Draft, Timestamp};
use crate::hub::{AppendError, DecideError};
use crate::service::Refusal;
use crate::swarm::SwarmState;
use crate::swarm::bounds::clip;
use crate::swarm::trades::Run;

/// How long a line waits before it is tried again where the log cannot be written.
const RETRY: Duration = Duration::from_secs(1);

/// The feed of this name.
///
/// # Errors
/// No feed of that name, or its file cannot be read.
pub(super) async fn load(config: &TradingConfig, name: &str) -> Result<Arc<Feed>, Refusal> {
    if name == SAMPLE {
        return Ok(Feed::sample());
    }
    let Some(source) = config.feeds.iter().find(|source| source.name == name) else {
        let known: Vec<&str> = std::iter::once(SAMPLE).chain(config.feeds.iter().map(|source| source.name.as_str())).collect();
        return Err(Refusal::missing(format!("no feed is named {:?}; there are {}", clip(name, 80), known.join(", "))));
    };
    let unreadable = |problem: String| Refusal::unavailable(format!("the feed {name} cannot be read: {problem}"));
    let file = tokio::fs::File::open(&source.path).await.map_err(|error| unreadable(error.to_string()))?;
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text).await.map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Refusal::too_large(format!("the feed {name} is over the limit of {MAX_BYTES} bytes")));
    }
    let named = name.to_owned();
    let read = tokio::task::spawn_blocking(move || Feed::read(&named, &text)).await;
    read.map(Arc::new).map_err(|error| unreadable(error.to_string()))
}

/// Goes on with a run that was cut off; one whose feed is gone or another by now ends and says so.
pub(super) async fn resume(inner: Arc<Inner>, cut: Run) {
    let feed = match load(&inner.config.trading, &cut.feed).await {
        Ok(feed) if feed.digest == cut.digest => feed,
        Ok(_) => return end(&inner, cut.since, "the feed is not what it was when the run began").await,
        Err(refusal) => return end(&inner, cut.since, &refusal.detail).await,
    };
    tracing::info!(feed = %cut.feed, line = cut.line, "trading.run.resumed");
    let active = inner.take_up(cut.since, feed, cut.line);
    run(inner, active, cut.speed).await;
}

/// Works off a run's feed from where it stands, until its end, its stop, or the services' end.
pub(super) async fn run(inner: Arc<Inner>, active: Active, speed: f64) {
    // Stopped before it was taken up.
    if inner.hub.state().trades.running().is_none_or(|run| run.since != active.since) {
        return;
    }
    let lines = &active.feed.lines;
    let first = active.feed.index_after(active.line.load(Ordering::Relaxed));
    let began = Instant::now();
    let began_ms = if first == 0 { 0 } else { lines[first - 1].at_ms };
    for (index, line) in lines.iter().enumerate().skip(first) {
        let due = began + Duration::from_secs_f64((line.at_ms - began_ms) as f64 / 1_000.0 / speed);
        if !wait(&inner, &active, due).await || !work_off(&inner, &active, index).await {
            return;
        }
    }
    end(&inner, active.since, "finished").await;
}

/// Waits; `false` where the run is not to go on.
async fn wait(inner: &Inner, active: &Active, due: Instant) -> bool {
    tokio::select! {
        biased;
        () = inner.stopping.cancelled() => false,
        () = active.halt.cancelled() => false,
        () = tokio::time::sleep_until(due) => true,
    }
}

/// Has a line decided; `false` where the run is over.
async fn work_off(inner: &Inner, active: &Active, index: usize) -> bool {
    loop {
        let (config, active_) = (Arc::clone(&inner.config), active.clone());
        let rule = move |state: &SwarmState, _now: Timestamp| -> Result<(Vec<Draft>, ()), ()> {
            let run = state.trades.running().filter(|run| run.since == active_.since).ok_or(())?;
            let line = &active_.feed.lines[index];
            active_.line.store(line.number, Ordering::Relaxed);
            if line.number <= run.line {
                return Ok((Vec::new(), ()));
            }
            Ok((drafts(step(&state.trades.account, &config.trading, run.seed, &active_.feed, line)), ()))
        };
        match inner.hub.decide(rule).await {
            Ok(_) => return true,
            Err(DecideError::Refused(()) | DecideError::Append(AppendError::Closed)) => return false,
            Err(DecideError::Append(AppendError::Log(problem))) => {
                tracing::warn!(%problem, retry_ms = RETRY.as_millis() as u64, "trading.run.waits");
                if !wait(inner, active, Instant::now() + RETRY).await {
                    return false;
                }
            }
        }
    }
}

/// Ends a run, unless it is over. Where the log cannot be written it goes on after the next start.
async fn end(inner: &Inner, since: u64, reason: &str) {
    let event = ended(reason);
    let rule = move |state: &SwarmState, _now: Timestamp| match state.trades.running().filter(|run| run.since == since) {
        Some(_) => Ok((drafts(vec![event]), ())),
        None => Err(()),
    };
    match inner.hub.decide(rule).await {
        Ok(_) => tracing::info!(reason, "trading.run.ended"),
        Err(DecideError::Refused(())) => {}
        Err(DecideError::Append(error)) => tracing::warn!(%error, "trading.run.end_not_stored"),
    }
}
