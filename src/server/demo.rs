//! The demo swarm that a person starts from the page: the seeded play, written to the real log
//! under the source `demo`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::limits::{MAX_DEMO_AGENTS, MAX_DEMO_RATE};
use crate::demo::Scenario;
use crate::event::Draft;
use crate::hub::{Hub, now};

/// How often a handful of events goes out.
const TICK: Duration = Duration::from_millis(100);

/// The running demo, if any; one at a time.
#[derive(Debug, Clone)]
pub struct DemoSwarm {
    hub: Hub,
    running: Arc<Mutex<Option<CancellationToken>>>,
}

impl DemoSwarm {
    /// Nothing runs yet.
    pub fn new(hub: Hub) -> Self {
        Self { hub, running: Arc::default() }
    }

    /// Starts the play, in place of one that runs. Agents and rate are kept within the limits.
    pub fn start(&self, agents: u32, rate: u32) {
        let (agents, rate) = (agents.clamp(2, MAX_DEMO_AGENTS), rate.clamp(1, MAX_DEMO_RATE));
        let stopped = CancellationToken::new();
        if let Some(before) = self.running.lock().unwrap_or_else(PoisonError::into_inner).replace(stopped.clone()) {
            before.cancel();
        }
        tokio::spawn(play(self.hub.clone(), agents, rate, stopped));
    }

    /// Ends the play.
    pub fn stop(&self) {
        if let Some(running) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            running.cancel();
        }
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|running| !running.is_cancelled())
    }
}

async fn play(hub: Hub, agents: u32, rate: u32, stopped: CancellationToken) {
    let mut scenario = Scenario::new(now().0.cast_unsigned(), agents as usize, now());
    let mut clock = tokio::time::interval(TICK);
    let mut due = f64::from(agents * 2);
    loop {
        tokio::select! {
            () = stopped.cancelled() => return,
            _ = clock.tick() => {}
        }
        let drafts: Vec<Draft> = (0..due as u32).map(|_| Draft { ts: None, ..scenario.next_event() }).collect();
        due = due.fract() + f64::from(rate) * TICK.as_secs_f64();
        if !drafts.is_empty()
            && let Err(error) = hub.append(drafts).await
        {
            tracing::warn!(%error, "server.demo.stopped");
            return stopped.cancel();
        }
    }
}
