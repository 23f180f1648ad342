//! A hub in a folder of its own, and services on it, for tests.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{ServiceConfig, Setup};
use crate::event::agent::{AgentEvent, Health, HealthCause};
use crate::event::wire::{At, from_text};
use crate::event::{Body, Draft, Event, Filter};
use crate::hub::{Durability, Hub, HubConfig, Lag, Read, Start};
use crate::swarm::SwarmState;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Deck {
    pub(super) hub: Hub,
    pub(super) setup: Setup,
    folder: TempDir,
}

impl Deck {
    pub(super) fn open() -> Self {
        Self::with(ServiceConfig::default())
    }

    pub(super) fn with(config: ServiceConfig) -> Self {
        Self::on(TempDir::new().unwrap(), config)
    }

    fn on(folder: TempDir, config: ServiceConfig) -> Self {
        let hub = Hub::open(&HubConfig { durability: Durability::Crash, ..HubConfig::at(folder.path()) }).unwrap();
        let setup = Setup {
            hub: hub.clone(),
            data: folder.path().to_owned(),
            config: Arc::new(config),
            stopping: CancellationToken::new(),
            tracker: TaskTracker::new(),
        };
        Self { hub, setup, folder }
    }

    /// Ends everything and opens the same log again.
    pub(super) async fn again(self) -> Self {
        let config = self.setup.config.as_ref().clone();
        self.setup.stopping.cancel();
        self.setup.tracker.close();
        self.setup.tracker.wait().await;
        self.hub.close().await;
        let Self { hub, setup, folder } = self;
        drop((hub, setup));
        Self::on(folder, config)
    }

    /// Stores an event as a sender writes it.
    pub(super) async fn send(&self, event: Value) -> u64 {
        let draft = Draft::read(event, &At::Root("event")).unwrap();
        self.hub.append(vec![draft]).await.unwrap().seqs[0]
    }

    /// Waits until the state is such.
    pub(super) async fn until(&self, what: &str, mut holds: impl FnMut(&SwarmState) -> bool) {
        let mut events = self.hub.subscribe(Start::Now, Filter::everything(), Lag::DropOldest(1));
        let waiting = async {
            while !holds(&self.hub.state()) {
                events.next().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
    }

    /// Waits until something holds that no event tells of.
    pub(super) async fn eventually(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let waiting = async {
            while !holds() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what}"));
    }

    /// The changes of health, in order.
    pub(super) async fn health_changes(&self) -> Vec<(Health, Option<HealthCause>, Option<String>)> {
        let events = self.hub.read(Read::default()).await.unwrap().events;
        let change = |stored: crate::hub::Stored| match from_text::<Event>(&stored.json).unwrap().body {
            Body::Agent(AgentEvent::HealthChanged(it)) => Some((it.status, it.cause, it.reason)),
            _ => None,
        };
        events.into_iter().filter_map(change).collect()
    }

    /// The types of all events, in order.
    pub(super) async fn kinds(&self) -> Vec<String> {
        self.hub.read(Read::default()).await.unwrap().events.into_iter().map(|stored| stored.kind).collect()
    }
}
