//! Signs of life for streams: made once, sent to all.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::event::control::{Control, Heartbeat};
use crate::hub::{Hub, now};

/// The newest heartbeat, as JSON; every stream watches it. The watch ends when the server begins to
/// stop, so that a stream waits for one thing instead of two.
#[derive(Debug, Clone)]
pub struct Heartbeats {
    newest: watch::Receiver<Arc<str>>,
    /// Between two of them.
    pub every: Duration,
}

impl Heartbeats {
    /// Begins to make one every so often, until the server stops.
    pub fn start(hub: Hub, every: Duration, stopping: CancellationToken) -> Self {
        let (sender, newest) = watch::channel(make(&hub));
        tokio::spawn(async move {
            let mut clock = tokio::time::interval(every);
            clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            clock.tick().await;
            loop {
                tokio::select! {
                    () = stopping.cancelled() => return,
                    _ = clock.tick() => sender.send_replace(make(&hub)),
                };
            }
        });
        Self { newest, every }
    }

    /// A view that waits for the next one.
    pub fn watch(&self) -> watch::Receiver<Arc<str>> {
        let mut newest = self.newest.clone();
        newest.mark_unchanged();
        newest
    }
}

fn make(hub: &Hub) -> Arc<str> {
    let now = now();
    let heartbeat = Heartbeat { head: hub.head(), metrics: hub.state().metrics(now) };
    Control::Heartbeat(heartbeat).to_json(now).into()
}
