//! The projection: it follows the log and builds the index from it. What retention took away before
//! the projection came to it is made good by what the log keeps of it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Parts, blocking};
use crate::event::{Event, Filter, wire};
use crate::hub::{Delivery, Hub, Lag, Start, Subscription};

/// How often a place is remembered that only events of other kinds moved.
const MARK_EVERY: Duration = Duration::from_secs(30);
/// After how many events of other kinds it is worth remembering.
const MARK_EVENTS: u64 = 10_000;
/// How long the projection waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);

/// Builds the index until the services end.
pub(super) async fn follow(hub: Hub, parts: Arc<Parts>, stopping: CancellationToken) {
    let built = *parts.built.borrow();
    let mut filter = Filter::everything();
    filter.add("types", "memory.*").expect("the pattern is well formed");
    let mut subscription = hub.subscribe(Start::After(hub.cursor(built)), filter, Lag::Log);
    loop {
        let next = tokio::select! {
            () = stopping.cancelled() => break,
            next = tokio::time::timeout(MARK_EVERY, subscription.next()) => next,
        };
        let taken = match next {
            Err(_quiet) => mark(&parts, &subscription, &stopping).await,
            Ok(Ok(Delivery::Gap(gap))) => {
                tracing::info!(
                    from = gap.from,
                    to = gap.to,
                    "memory.index.gap: these events are gone; taking what is kept of them"
                );
                match restore(&hub, &parts, &stopping).await {
                    Some(upto) => {
                        subscription.skip_to(upto);
                        true
                    }
                    None => false,
                }
            }
            Ok(Ok(Delivery::Run(batch, run))) => {
                let events = run.map(|index| batch.json(index)).filter_map(read).collect();
                take_in(&parts, events, subscription.position(), &stopping).await
            }
            Ok(Ok(Delivery::Picked(picked))) => {
                let events = picked.events().map(|(index, _)| picked.batch().json(index)).filter_map(read).collect();
                take_in(&parts, events, subscription.position(), &stopping).await
            }
            Ok(Err(error)) => {
                trouble(&parts, &error.to_string());
                wait(&stopping).await
            }
        };
        if !taken {
            return;
        }
    }
    mark(&parts, &subscription, &CancellationToken::new()).await;
}

/// Remembers how far the log was read, where nothing of it was for the index for long.
async fn mark(parts: &Arc<Parts>, subscription: &Subscription, stopping: &CancellationToken) -> bool {
    let built = *parts.built.borrow();
    let far = subscription.position() >= built + MARK_EVENTS;
    !far || take_in(parts, Vec::new(), subscription.position(), stopping).await
}

fn read(json: &str) -> Option<Event> {
    wire::from_text(json).inspect_err(|fault| tracing::error!(%fault, "memory.index.unreadable")).ok()
}

/// Takes events in, as often as it needs; `false` where the services end before it is done.
async fn take_in(parts: &Arc<Parts>, events: Vec<Event>, upto: u64, stopping: &CancellationToken) -> bool {
    let events = Arc::new(events);
    loop {
        let (shared, batch) = (Arc::clone(parts), Arc::clone(&events));
        let applied = blocking(move || {
            let changes = shared.index.apply(&batch, upto)?;
            shared.cache.apply(changes);
            Ok::<(), rusqlite::Error>(())
        });
        match applied.await {
            Ok(()) => {
                goes_on(parts);
                parts.built.send_replace(upto);
                return true;
            }
            Err(error) => trouble(parts, &error.to_string()),
        }
        if !wait(stopping).await {
            return false;
        }
    }
}

/// Puts the index right where events that it has not seen are gone, as often as it needs; up to
/// where it is built then. None where the services end before it is done.
async fn restore(hub: &Hub, parts: &Arc<Parts>, stopping: &CancellationToken) -> Option<u64> {
    loop {
        let (shared, hub) = (Arc::clone(parts), hub.clone());
        let restored = blocking(move || {
            let upto = shared.index.restore(|take| hub.kept(take))?;
            shared.cache.clear();
            Ok::<u64, String>(upto)
        });
        match restored.await {
            Ok(upto) => {
                goes_on(parts);
                parts.built.send_replace(upto);
                return Some(upto);
            }
            Err(error) => trouble(parts, &error),
        }
        if !wait(stopping).await {
            return None;
        }
    }
}

fn goes_on(parts: &Parts) {
    if parts.trouble.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
        tracing::info!("memory.index.goes_on");
    }
}

fn trouble(parts: &Parts, problem: &str) {
    let before = parts.trouble.lock().unwrap_or_else(PoisonError::into_inner).replace(problem.to_owned());
    if before.as_deref() != Some(problem) {
        tracing::error!(error = problem, "memory.index.stuck: trying again every second");
    }
}

/// `false` where the services end.
async fn wait(stopping: &CancellationToken) -> bool {
    tokio::select! {
        () = stopping.cancelled() => false,
        () = tokio::time::sleep(RETRY) => true,
    }
}
