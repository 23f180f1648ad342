//! The four numbers of every second: agents at work, tasks that wait, messages and memory operations
//! a second.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

use super::Setup;
use crate::event::Timestamp;
use crate::event::control::Metrics;
use crate::hub::{Hub, now};

/// Between two readings.
const EVERY: Duration = Duration::from_secs(1);

/// The numbers of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// When they were read.
    pub at: Timestamp,
    /// The numbers.
    pub metrics: Metrics,
}

/// The four numbers of every second; cheap to clone. No events come of it, and while nobody watches
/// it does nothing.
#[derive(Debug, Clone)]
pub struct MetricsFeed {
    hub: Hub,
    newest: Arc<watch::Sender<Reading>>,
    watched: Arc<Notify>,
}

impl MetricsFeed {
    /// Starts it.
    pub fn start(setup: &Setup) -> Self {
        let (newest, _) = watch::channel(read(&setup.hub));
        let feed = Self { hub: setup.hub.clone(), newest: Arc::new(newest), watched: Arc::default() };
        let (running, stopping) = (feed.clone(), setup.stopping.clone());
        setup.tracker.spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = running.run() => {}
            }
        });
        feed
    }

    /// The numbers now, and from now on every second. The first are there at once, as seen.
    pub fn watch(&self) -> watch::Receiver<Reading> {
        let mut newest = self.newest.subscribe();
        if self.newest.receiver_count() == 1 {
            // The first to watch: what stands there is from the last time that anybody did.
            self.newest.send_replace(read(&self.hub));
        }
        self.watched.notify_one();
        newest.mark_unchanged();
        newest
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.newest.receiver_count()
    }

    async fn run(&self) {
        loop {
            self.watched.notified().await;
            let mut clock = tokio::time::interval(EVERY);
            clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
            // The first tick comes at once; whoever woke it has those numbers.
            clock.tick().await;
            while self.watchers() > 0 {
                clock.tick().await;
                self.newest.send_replace(read(&self.hub));
            }
        }
    }
}

fn read(hub: &Hub) -> Reading {
    let at = now();
    Reading { at, metrics: hub.state().metrics(at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Draft;
    use crate::event::wire::At;
    use crate::hub::HubConfig;
    use crate::service::ServiceConfig;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;

    #[tokio::test]
    async fn numbers_come_while_somebody_watches_and_leave_no_event() {
        let folder = tempfile::tempdir().unwrap();
        let hub = Hub::open(&HubConfig::at(folder.path())).unwrap();
        let setup = Setup {
            hub: hub.clone(),
            data: folder.path().to_owned(),
            config: Arc::new(ServiceConfig::default()),
            stopping: CancellationToken::new(),
            tracker: TaskTracker::new(),
        };
        let feed = MetricsFeed::start(&setup);
        assert_eq!((feed.watchers(), feed.newest.borrow().metrics.pending_tasks), (0, 0));
        let created = serde_json::json!({"type": "task.created", "entity": "task:t", "payload": {"description": "d"}});
        hub.append(vec![Draft::read(created, &At::Root("")).unwrap()]).await.unwrap();
        let mut newest = feed.watch();
        assert_eq!(newest.borrow().metrics.pending_tasks, 1, "the first numbers are those of now");
        let before = newest.borrow().at;
        newest.changed().await.unwrap();
        assert!(newest.borrow().at > before);
        drop(newest);
        let stale = feed.newest.borrow().at;
        assert_eq!((feed.watchers(), hub.head()), (0, 1));
        let fresh = feed.watch();
        assert!(fresh.borrow().at >= stale);
        setup.stopping.cancel();
        setup.tracker.close();
        setup.tracker.wait().await;
        hub.close().await;
    }
}
