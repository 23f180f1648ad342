//! The task that probes one provider, again and again.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::probe::{Probe, probe};
use super::settings::ProviderSettings;
use crate::event::provider::{ProviderState, ProviderStatusChanged};
use crate::event::wire::Object;
use crate::event::{Draft, Entity, Timestamp};
use crate::hub::{DecideError, Hub, now};
use crate::swarm::SwarmState;

/// How long a failing provider is left alone at most, where it is not probed more rarely anyway.
const MAX_PAUSE: Duration = Duration::from_secs(300);
/// How many wait for a probe now; further ones wait for their turn.
const ASKS: usize = 8;

/// What the newest probe found. In memory only: after a restart the next probe tells it anew.
#[derive(Debug, Clone, Default)]
pub(super) struct Observed {
    /// The probe; none before the first.
    pub(super) probe: Option<Probe>,
    /// How many probes in a row ended in `ERROR`.
    pub(super) failures: u32,
    /// When the next one is due.
    pub(super) next: Option<Timestamp>,
}

/// A running prober; dropped, it ends.
#[derive(Debug)]
pub(super) struct Prober {
    pub(super) settings: ProviderSettings,
    pub(super) observed: watch::Receiver<Observed>,
    pub(super) asks: mpsc::Sender<oneshot::Sender<Probe>>,
    ended: CancellationToken,
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl Prober {
    /// Begins to probe at once. `ended` also ends it from outside.
    pub(super) fn start(
        hub: &Hub,
        settings: ProviderSettings,
        ended: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + use<>) {
        let (observe, observed) = watch::channel(Observed::default());
        let (asks, asked) = mpsc::channel(ASKS);
        let task = run(hub.clone(), settings.clone(), observe, asked, ended.clone());
        (Self { settings, observed, asks, ended }, task)
    }
}

async fn run(
    hub: Hub,
    settings: ProviderSettings,
    observe: watch::Sender<Observed>,
    mut asked: mpsc::Receiver<oneshot::Sender<Probe>>,
    ended: CancellationToken,
) {
    let mut failures = 0;
    let mut waiting: Vec<oneshot::Sender<Probe>> = Vec::new();
    loop {
        while waiting.len() < ASKS
            && let Ok(one) = asked.try_recv()
        {
            waiting.push(one);
        }
        let found = tokio::select! {
            () = ended.cancelled() => return,
            found = probe(&settings) => found,
        };
        publish(&hub, &settings, &found).await;
        failures = if found.state == ProviderState::Error { failures + 1 } else { 0 };
        let pause = pause(settings.every(), failures, chance());
        let next = Timestamp(now().0 + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX));
        observe.send_replace(Observed { probe: Some(found.clone()), failures, next: Some(next) });
        for one in waiting.drain(..) {
            // Who no longer waits has lost nothing.
            let _gone = one.send(found.clone());
        }
        tokio::select! {
            () = ended.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
            Some(one) = asked.recv() => waiting.push(one),
        }
    }
}

/// How long to wait before the next probe: twice as long after each failure in a row, up to
/// [`MAX_PAUSE`] or the usual time where that is longer; a tenth more or less, so that many do not
/// ask in step. `chance` is from 0 to 1.
fn pause(every: Duration, failures: u32, chance: f64) -> Duration {
    let doubled = every.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX));
    let pause = doubled.min(MAX_PAUSE.max(every));
    pause.mul_f64(0.9 + 0.2 * chance)
}

fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness the probes are in step, and nothing else is lost.
    let _in_step = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}

/// Publishes what was found where it differs from what the log says.
async fn publish(hub: &Hub, settings: &ProviderSettings, found: &Probe) {
    // Most probes find what is known; the log's thread need not hear of them.
    if !differs(&hub.state(), settings, found) {
        return;
    }
    let (settings, found) = (settings.clone(), found.clone());
    let name = settings.name.clone();
    let decided = hub.decide(move |state, _| {
        if !differs(state, &settings, &found) {
            return Err(());
        }
        Ok((vec![status(&settings, found.state, found.latency_ms, found.error)], ()))
    });
    if let Err(DecideError::Append(error)) = decided.await {
        tracing::warn!(provider = %name, %error, "providers.publish.failed: the next probe tries again");
    }
}

/// Whether a probe says something new of a provider that is still to be probed.
fn differs(state: &SwarmState, settings: &ProviderSettings, found: &Probe) -> bool {
    let known = state.providers.by_id.get(&settings.name);
    known.is_some_and(|known| {
        let watched =
            known.configured.as_ref().is_some_and(|configured| configured.enabled && configured.endpoint == settings.url);
        watched && (known.state != found.state || known.endpoint != settings.url)
    })
}

/// The event that says how a provider is.
pub(super) fn status(
    settings: &ProviderSettings,
    state: ProviderState,
    latency_ms: Option<f64>,
    last_error: Option<String>,
) -> Draft {
    let about = Entity::new("provider", &settings.name);
    let event = ProviderStatusChanged { state, endpoint: settings.url.clone(), latency_ms, last_error, extra: Object::new() };
    Draft::new("core", about, event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_provider_is_left_alone_for_longer_and_longer() {
        let seconds = |failures| pause(Duration::from_secs(30), failures, 0.5).as_secs();
        assert_eq!([0, 1, 2, 3, 4, 40, u32::MAX].map(seconds), [30, 60, 120, 240, 300, 300, 300]);
        let rare = Duration::from_secs(3_600);
        assert_eq!(pause(rare, 5, 0.5), rare);
        assert_eq!(pause(Duration::from_secs(10), 0, 0.0), Duration::from_secs(9));
        assert_eq!(pause(Duration::from_secs(10), 0, 1.0), Duration::from_secs(11));
    }
}
