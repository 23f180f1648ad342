//! The checks by name: what each looks at, and when it fails.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::event::provider::ProviderState;
use crate::event::{Draft, Entity, Event, Filter, wire};
use crate::hub::{Delivery, Hub, Lag, Read, Start, now};
use crate::service::memory::Memory;
use crate::service::providers::Providers;
use crate::swarm::bounds::clip;

/// How many of the newest events are looked at.
pub const NEWEST: usize = 10_000;
/// How many of the newest events are asked for their clocks.
const CLOCKS: usize = 1_000;
/// Under how much free space the log is in danger, in bytes: the disk check fails.
pub const MIN_FREE: u64 = 256 << 20;
/// How long an event may take from the log to a subscriber in this process.
const MAX_DELIVERY: Duration = Duration::from_secs(1);
/// By how much the hub's clock may be behind what it told before, in milliseconds.
const MAX_BACK_MS: u64 = 1_000;
/// How much of a detail is kept, in bytes.
const MAX_DETAIL: usize = 160;

/// How one check ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Its name; of a provider `provider:<name>`.
    pub name: String,
    /// Whether it passed.
    pub ok: bool,
    /// What was seen, in words.
    pub detail: String,
    /// How long it took, in milliseconds.
    pub took_ms: f64,
}

impl Outcome {
    /// Its form in an event.
    pub(super) fn json(&self) -> Value {
        json!({ "name": self.name, "ok": self.ok, "detail": self.detail, "took_ms": self.took_ms })
    }
}

/// What the checks look at.
#[derive(Debug, Clone)]
pub(super) struct Subjects {
    pub(super) hub: Hub,
    pub(super) data: PathBuf,
    pub(super) providers: Providers,
    pub(super) memory: Memory,
}

/// Where a run stands while a check goes on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The run.
    pub(super) run: &'a str,
    /// Share done, in percent.
    pub(super) share: f64,
}

/// One check: a row of the list of a run.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// Events are taken, and the log has no trouble.
    LogWritable,
    /// The newest events have consecutive places, up to the head.
    LogContiguous,
    /// The disk that the log is on has room.
    DiskSpace,
    /// An event comes from the log to a subscriber without delay.
    RingLag,
    /// The index of the memory is up to date and can be read.
    MemoryIndex,
    /// The hub's clock did not go back, and no reporter's is far ahead.
    ClockSkew,
    /// A provider answers.
    Provider(String),
}

impl Check {
    /// All checks of a run that begins now.
    pub(super) fn all(subjects: &Subjects) -> Vec<Self> {
        let mut checks =
            vec![Self::LogWritable, Self::LogContiguous, Self::DiskSpace, Self::RingLag, Self::MemoryIndex, Self::ClockSkew];
        checks.extend(subjects.providers.probed().into_iter().map(|(name, _)| Self::Provider(name)));
        checks
    }

    /// Its name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::LogWritable => "log_writable".to_owned(),
            Self::LogContiguous => "log_contiguous".to_owned(),
            Self::DiskSpace => "disk_space".to_owned(),
            Self::RingLag => "ring_lag".to_owned(),
            Self::MemoryIndex => "memory_index".to_owned(),
            Self::ClockSkew => "clock_skew".to_owned(),
            Self::Provider(name) => format!("provider:{name}"),
        }
    }

    /// Checks; nothing where the deck stops meanwhile.
    pub(super) async fn run(self, subjects: &Subjects, place: Place<'_>, stopping: &CancellationToken) -> Option<Outcome> {
        let (name, began) = (self.name(), Instant::now());
        let found = tokio::select! {
            () = stopping.cancelled() => return None,
            found = self.look(subjects, place) => found,
        };
        let took_ms = began.elapsed().as_micros() as f64 / 1_000.0;
        let (ok, detail) = match found {
            Ok(detail) => (true, detail),
            Err(fault) => (false, fault),
        };
        Some(Outcome { name, ok, detail: clip(&detail, MAX_DETAIL), took_ms })
    }

    async fn look(&self, subjects: &Subjects, place: Place<'_>) -> Result<String, String> {
        match self {
            Self::LogWritable => log_writable(&subjects.hub, place).await,
            Self::LogContiguous => log_contiguous(&subjects.hub).await,
            Self::DiskSpace => disk_space(subjects.data.clone()).await,
            Self::RingLag => ring_lag(&subjects.hub, place).await,
            Self::MemoryIndex => subjects.memory.verify().await.map_err(|refusal| refusal.detail),
            Self::ClockSkew => clock_skew(&subjects.hub).await,
            Self::Provider(name) => provider(&subjects.providers, name).await,
        }
    }
}

/// The event that a run sends through the log to see it arrive.
fn beat(place: Place<'_>, message: &str) -> Draft {
    super::progress(place, message)
}

async fn log_writable(hub: &Hub, place: Place<'_>) -> Result<String, String> {
    let began = Instant::now();
    let appended =
        hub.append(vec![beat(place, "log_writable: this event is the check")]).await.map_err(|error| error.to_string())?;
    if let Some(trouble) = hub.trouble() {
        return Err(trouble);
    }
    Ok(format!("event {} was committed in {:.1} ms", appended.seqs[0], began.elapsed().as_secs_f64() * 1_000.0))
}

/// Reads the newest events page by page, backwards.
async fn log_contiguous(hub: &Hub) -> Result<String, String> {
    let head = hub.head();
    let mut expected = head;
    let mut seen = 0;
    while seen < NEWEST {
        let read = Read { before: expected + 1, limit: (NEWEST - seen).min(1_000), newest: true, ..Read::default() };
        let page = hub.read(read).await.map_err(|error| error.to_string())?;
        for stored in page.events.iter().rev() {
            if stored.seq != expected {
                return Err(format!("event {expected} is missing: {} stands before {}", stored.seq, expected + 1));
            }
            expected -= 1;
        }
        seen += page.events.len();
        if page.events.is_empty() || page.exhausted {
            break;
        }
    }
    // Only retention may have taken away what is not there.
    if seen < NEWEST && expected >= hub.first() {
        return Err(format!("event {expected} is missing"));
    }
    Ok(format!("the newest {seen} events up to {head} have no gap"))
}

async fn disk_space(data: PathBuf) -> Result<String, String> {
    let told = tokio::task::spawn_blocking(move || rustix::fs::statvfs(&data)).await.map_err(|error| error.to_string())?;
    let told = told.map_err(|error| format!("the system does not tell: {error}"))?;
    let free = told.f_bavail.saturating_mul(told.f_frsize);
    let all = told.f_blocks.saturating_mul(told.f_frsize);
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let words = format!("{:.1} of {:.1} GiB free", gib(free), gib(all));
    if free < MIN_FREE { Err(format!("{words}, under {} MiB", MIN_FREE >> 20)) } else { Ok(words) }
}

/// Sends an event of its own and waits for it as a subscriber does.
async fn ring_lag(hub: &Hub, place: Place<'_>) -> Result<String, String> {
    let mut filter = Filter::everything();
    filter.add("entity", &format!("selfcheck:{}", place.run)).map_err(|fault| fault.to_string())?;
    let mut subscription = hub.subscribe(Start::Now, filter, Lag::Log);
    let appended = hub.append(vec![beat(place, "ring_lag: this event is the check")]).await.map_err(|error| error.to_string())?;
    let wanted = appended.seqs[0];
    let began = Instant::now();
    let arrival = async {
        loop {
            match subscription.next().await {
                Ok(Delivery::Gap(gap)) => return Err(format!("events {} to {} were skipped", gap.from, gap.to)),
                Ok(Delivery::Run(..) | Delivery::Picked(..)) if subscription.position() >= wanted => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    };
    let late = || format!("event {wanted} did not arrive within {} ms", MAX_DELIVERY.as_millis());
    tokio::time::timeout(MAX_DELIVERY, arrival).await.map_err(|_| late())??;
    let (events, bytes) = hub.ring_size();
    let took = began.elapsed().as_secs_f64() * 1_000.0;
    Ok(format!(
        "delivered in {took:.1} ms; {events} events, {:.1} MiB and {} subscriptions in the ring",
        bytes as f64 / f64::from(1 << 20),
        hub.subscriptions() - 1
    ))
}

async fn clock_skew(hub: &Hub) -> Result<String, String> {
    let read = Read { limit: CLOCKS, newest: true, ..Read::default() };
    let page = hub.read(read).await.map_err(|error| error.to_string())?;
    let now = now();
    let mut ahead: Option<(u64, String)> = None;
    for stored in &page.events {
        let event: Event = wire::from_text(&stored.json).map_err(|fault| fault.to_string())?;
        // What the deck itself reports carries the hub's clock.
        if event.source == "core" && event.ts.since(now) > MAX_BACK_MS {
            return Err(format!("the hub's clock is {} ms behind its own event {}", event.ts.since(now), event.seq));
        }
        if event.ahead_ms > ahead.as_ref().map_or(0, |(most, _)| *most) {
            ahead = Some((event.ahead_ms, event.source));
        }
    }
    match ahead {
        Some((by, source)) => Err(format!("the clock of {source:?} is {} s ahead", by / 1_000)),
        None => Ok(format!("no clock is ahead in the newest {} events", page.events.len())),
    }
}

async fn provider(providers: &Providers, name: &str) -> Result<String, String> {
    let view = providers.probe(name).await.map_err(|refusal| refusal.detail)?;
    let probe = view.probing.and_then(|probing| probing.probe).ok_or("it is no longer probed")?;
    let latency = probe.latency_ms.map(|latency| format!(" in {latency:.0} ms")).unwrap_or_default();
    let problem = probe.error.map(|error| format!(": {error}")).unwrap_or_default();
    let words = format!("{}{latency}{problem}", probe.state);
    // One that is slow or busy is there.
    if probe.state == ProviderState::Error { Err(words) } else { Ok(words) }
}

/// What the events of a run are about.
pub(super) fn about(run: &str) -> Entity {
    Entity::new("selfcheck", run)
}
