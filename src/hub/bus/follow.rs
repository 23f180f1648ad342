//! A listener's task: it brings the events of a subscription to a callback, one after the other,
//! and keeps what goes wrong in a call from everything else.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::{coop, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::event::Event;
use crate::event::control::Gap;
use crate::hub::batch::{Batch, Values};
use crate::hub::{Delivery, Subscription};

/// How many faults of one listener are logged each; of more, every time that their number has doubled.
const LOGGED: u64 = 64;
/// How long a listener waits before it reads a log again that could not be read.
const RETRY: Duration = Duration::from_secs(1);

/// A plain callback; what went wrong with a call.
pub(super) type Call = Box<dyn FnMut(&Event) -> Option<String> + Send>;
/// A call of an asynchronous callback, which comes to what went wrong.
pub(super) type Called = Pin<Box<dyn Future<Output = Option<String>> + Send>>;
/// An asynchronous callback.
pub(super) type AsyncCall = Box<dyn FnMut(Arc<Event>) -> Called + Send>;

/// What is called with each event.
pub(super) enum Callback {
    Plain(Call),
    Async(AsyncCall),
}

/// What is called with each gap.
pub(super) type OnGap = Box<dyn FnMut(Gap) + Send>;

/// Brings a subscription's events to a callback until it is told to end.
pub(super) async fn follow(mut subscription: Subscription, mut callback: Callback, mut on_gap: Option<OnGap>, watch: Watch) {
    // In hand until the next run: a listener that wakes a little later finds the events read.
    let mut _in_hand;
    loop {
        let delivery = tokio::select! {
            biased;
            () = watch.ending.cancelled() => return,
            delivery = subscription.next() => delivery,
        };
        let run = match delivery {
            Ok(Delivery::Run(batch, run)) => Run::new(batch, run.map(|index| index as u32).collect()),
            Ok(Delivery::Picked(picked)) => Run::new(Arc::clone(picked.batch()), picked.indices().to_vec()),
            Ok(Delivery::Gap(gap)) => {
                let Some(back) = tell(on_gap, gap, &watch).await else { return };
                on_gap = back;
                continue;
            }
            Err(error) => {
                tracing::error!(%error, filter = %watch.filter, "hub.listener.log");
                if tokio::time::timeout(RETRY, watch.ending.cancelled()).await.is_ok() {
                    return;
                }
                continue;
            }
        };
        let values = Arc::clone(&run.values);
        let Some(back) = call(callback, run, &watch).await else { return };
        callback = back;
        _in_hand = values;
    }
}

/// Calls back with each event of a run, in order, until the listener is to end. Nothing comes back
/// where the runtime ends.
async fn call(callback: Callback, run: Run, watch: &Watch) -> Option<Callback> {
    match callback {
        Callback::Plain(mut callback) => {
            let watch = watch.clone();
            let called = spawn_blocking(move || {
                for event in run.events(&watch) {
                    watch.note(event.seq, event.kind(), catch_unwind(AssertUnwindSafe(|| callback(&event))));
                }
                callback
            });
            called.await.ok().map(Callback::Plain)
        }
        Callback::Async(mut callback) => {
            for event in run.events(watch) {
                // The call itself may panic too, not only what it returns.
                let called = async { callback(Arc::clone(&event)).await };
                watch.note(event.seq, event.kind(), AssertUnwindSafe(called).catch_unwind().await);
                // A callback that never waits would keep the thread from others.
                coop::consume_budget().await;
            }
            Some(Callback::Async(callback))
        }
    }
}

/// Tells of a gap. Nothing comes back where the runtime ends.
async fn tell(on_gap: Option<OnGap>, gap: Gap, watch: &Watch) -> Option<Option<OnGap>> {
    let Some(mut on_gap) = on_gap else {
        let (from, to, reason) = (gap.from, gap.to, gap.reason.as_str());
        tracing::warn!(from, to, reason, filter = %watch.filter, "hub.listener.gap");
        return Some(None);
    };
    let watch = watch.clone();
    let told = spawn_blocking(move || {
        let from = gap.from;
        watch.note(from, "stream.gap", catch_unwind(AssertUnwindSafe(|| on_gap(gap))).map(|()| None));
        on_gap
    });
    told.await.ok().map(Some)
}

/// Events of one batch on their way to a callback.
struct Run {
    batch: Arc<Batch>,
    values: Arc<Values>,
    picked: Vec<u32>,
}

impl Run {
    fn new(batch: Arc<Batch>, picked: Vec<u32>) -> Self {
        Self { values: batch.values(), batch, picked }
    }

    /// Each in its turn, until the listener is to end.
    fn events(&self, watch: &Watch) -> impl Iterator<Item = Arc<Event>> + Send {
        let wanted = self.picked.iter().map(|index| *index as usize).take_while(|_| !watch.ending.is_cancelled());
        wanted.filter_map(|index| match self.batch.value(index, &self.values) {
            Ok(event) => Some(event),
            Err(fault) => {
                let problem = Some(format!("it cannot be read: {fault}"));
                watch.note(self.batch.seq(index), self.batch.kind(index), Ok(problem));
                None
            }
        })
    }
}

/// What a listener and its calls share: whether to end, and what went wrong.
#[derive(Clone)]
pub(super) struct Watch {
    pub(super) ending: CancellationToken,
    pub(super) faults: Arc<AtomicU64>,
    /// What it listens to: its name in the log.
    pub(super) filter: Arc<str>,
}

impl Watch {
    /// Counts and logs a call that went wrong.
    fn note(&self, seq: u64, kind: &str, called: std::thread::Result<Option<String>>) {
        let (panicked, problem) = match called {
            Ok(None) => return,
            Ok(Some(error)) => (false, error),
            Err(payload) => (true, words(payload.as_ref()).to_owned()),
        };
        let faults = self.faults.fetch_add(1, Ordering::Relaxed) + 1;
        if faults <= LOGGED || faults.is_power_of_two() {
            tracing::error!(filter = %self.filter, seq, kind, panicked, faults, problem, "hub.listener.failed");
        }
    }
}

/// What a panic said.
fn words(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}
