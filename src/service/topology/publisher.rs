//! Publishes the graph when it changes: at most twice a second, and nothing while nobody asked.

use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::compute::{compute, is_shown};
use super::{Topology, draft, kind};
use crate::event::Timestamp;
use crate::service::input::Decided;
use crate::service::{Refusal, Setup};
use crate::swarm::SwarmState;

/// Between two looks: the graph is published at most so often.
const EVERY: Duration = Duration::from_millis(500);

/// Starts the publisher; it ends with the services.
pub(super) fn start(setup: &Setup, topology: &Topology) {
    let (topology, stopping) = (topology.clone(), setup.stopping.clone());
    setup.tracker.spawn(async move {
        let mut clock = tokio::time::interval(EVERY);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = 0;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                _ = clock.tick() => {}
            }
            // No event, no work.
            let head = topology.hub.head();
            if head == seen {
                continue;
            }
            match publish(&topology).await {
                // What it published itself is looked at once more, and found unchanged.
                Ok(()) => seen = head,
                Err(refusal) => tracing::warn!(%refusal, "topology.publish: the graph is not published now"),
            }
        }
    });
}

pub(super) async fn publish(topology: &Topology) -> Result<(), Refusal> {
    let (graph, told) = {
        let state = topology.hub.state();
        // Nobody asked, or there is nobody to be connected.
        if !topology.is_published(&state) || state.agents.by_id.values().filter(|agent| !agent.removed).take(2).count() < 2 {
            return Ok(());
        }
        let graph = compute(&state, kind(&state));
        if is_shown(&graph, &state) {
            return Ok(());
        }
        (graph, newest_word(&state))
    };
    let rule = move |state: &SwarmState, _: Timestamp| -> Decided<()> {
        // Somebody else has said meanwhile what the graph is: that stands.
        let drafts = if told == newest_word(state) { vec![draft(graph)] } else { Vec::new() };
        Ok((drafts, ()))
    };
    topology.hub.decide(rule).await?;
    Ok(())
}

/// The place of the newest word on the graph.
fn newest_word(state: &SwarmState) -> u64 {
    state.topology.by.as_ref().map_or(0, |by| by.seq)
}
