//! The services: what agents ask a deck for, beyond keeping their events.
//!
//! Each looks at the folded state, decides, and appends events; what it knows is what the reducer
//! folds from them, so that a restart loses nothing. Where two may want the same thing at once it
//! decides through [`Hub::decide`]. Programs in the same process and handlers of HTTP call the
//! same functions.
//!
//! The module knows no HTTP server and no page. It owns clocks, probes, subprocesses and outgoing
//! requests, which the reducer must not know.

pub mod config;
pub(crate) mod http;
mod input;
pub mod memory;
pub mod messages;
pub mod metrics;
pub mod providers;
pub mod refusal;
pub mod registry;
pub mod selfcheck;
pub mod sessions;
pub mod tasks;
pub mod topology;
pub mod trading;

#[cfg(test)]
mod testdeck;

pub use config::ServiceConfig;
pub use refusal::{Reason, Refusal};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::hub::Hub;

/// How long the end waits for tasks, beyond what the programs of sessions are given to end.
const END: Duration = Duration::from_secs(8);

/// What a service is started with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The log.
    pub hub: Hub,
    /// The folder for what a service keeps beside the log: indexes, which can be built again.
    pub data: PathBuf,
    /// The settings, as they were read at start.
    pub config: Arc<ServiceConfig>,
    /// Cancelled when the services end; every task of theirs watches it.
    pub stopping: CancellationToken,
    /// Their tasks: the end waits for them.
    pub tracker: TaskTracker,
}

/// All services; cheap to clone.
#[derive(Debug, Clone)]
pub struct Services {
    /// Who is there, how well each is, and how far it is trusted.
    pub registry: registry::Registry,
    /// What is to be done.
    pub tasks: tasks::Tasks,
    /// What agents tell each other.
    pub messages: messages::Messages,
    /// What they keep in common.
    pub memory: memory::Memory,
    /// Who is connected with whom.
    pub topology: topology::Topology,
    /// The four numbers of every second.
    pub metrics: metrics::MetricsFeed,
    /// What they depend on.
    pub providers: providers::Providers,
    /// How the deck tests itself.
    pub selfcheck: selfcheck::Selfcheck,
    /// Agents at work, with a person near.
    pub sessions: sessions::Sessions,
    /// The paper-trading engine.
    pub trading: trading::Trading,
    stopping: CancellationToken,
    tracker: TaskTracker,
}

impl Services {
    /// Starts them all.
    ///
    /// # Errors
    /// What a service keeps beside the log cannot be opened.
    pub async fn start(setup: Setup) -> Result<Self, Refusal> {
        let memory = memory::Memory::start(&setup).await?;
        let providers = providers::Providers::start(&setup);
        let services = Self {
            registry: registry::Registry::start(&setup),
            tasks: tasks::Tasks::start(&setup),
            messages: messages::Messages::start(&setup),
            topology: topology::Topology::start(&setup),
            metrics: metrics::MetricsFeed::start(&setup),
            selfcheck: selfcheck::Selfcheck::start(&setup, &providers, &memory),
            sessions: sessions::Sessions::start(&setup, &providers).await?,
            trading: trading::Trading::start(&setup),
            memory,
            providers,
            stopping: setup.stopping.clone(),
            tracker: setup.tracker.clone(),
        };
        config::watch(&setup, &services);
        Ok(services)
    }

    /// Ends their tasks and waits for them: subprocesses are stopped, what was decided is appended.
    /// One that hangs is waited for `stop_grace` of the sessions and 8 seconds more, and left then.
    pub async fn stop(&self) {
        self.stop_within(self.sessions.stop_grace() + END).await;
    }

    async fn stop_within(&self, patience: Duration) {
        self.stopping.cancel();
        self.tracker.close();
        if tokio::time::timeout(patience, self.tracker.wait()).await.is_err() {
            tracing::warn!(tasks = self.tracker.len(), "services.stop.cut_off: some tasks did not end in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testdeck::Deck;

    #[tokio::test]
    async fn a_task_that_hangs_does_not_hold_up_the_end() {
        let deck = Deck::open();
        let services = Services::start(deck.setup.clone()).await.unwrap();
        deck.setup.tracker.spawn(std::future::pending::<()>());
        services.stop_within(Duration::from_millis(200)).await;
        deck.eventually("the others end", || deck.setup.tracker.len() == 1).await;
    }
}
