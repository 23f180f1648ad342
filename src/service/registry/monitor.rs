//! The watch over all agents: silence, endpoints, and trust that fades.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::iter;
use reqwest::Url;
use tokio_util::sync::CancellationToken;

use super::health::{EndpointCheck, Verdict, of_check, of_silence};
use super::{Inner, health_changed, present};
use crate::event::Draft;
use crate::hub::now;
use crate::service::{Refusal, Setup, http};
use crate::swarm::agents::Agent;

/// How many changes go into one commit.
const CHUNK: usize = 500;

/// Starts the watch; it ends with the services.
pub(super) fn start(setup: &Setup, registry: &Arc<Inner>) {
    let (watched, stopping) = (Arc::clone(registry), setup.stopping.clone());
    setup.tracker.spawn(async move { every(&watched, &stopping, Task::Silence).await });
    if registry.config.check_endpoints {
        let (watched, stopping) = (Arc::clone(registry), setup.stopping.clone());
        setup.tracker.spawn(async move { every(&watched, &stopping, Task::Endpoints).await });
    }
}

/// What is looked at in turn. Two tasks, so that slow endpoints do not hold up the rest.
#[derive(Debug, Clone, Copy)]
enum Task {
    Silence,
    Endpoints,
}

async fn every(registry: &Arc<Inner>, stopping: &CancellationToken, task: Task) {
    let mut clock = tokio::time::interval(registry.config.interval());
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first tick comes at once: everybody's clock starts here.
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = clock.tick() => {}
        }
        let looking = async {
            match task {
                Task::Silence => look(registry).await,
                Task::Endpoints => ask_all(registry).await,
            }
        };
        let looked = tokio::select! {
            () = stopping.cancelled() => return,
            looked = looking => looked,
        };
        if let Err(refusal) = looked {
            tracing::warn!(%refusal, ?task, "registry.monitor: a look was given up");
        }
    }
}

/// Looks at every agent once: who fell silent or was heard of again, and whose trust has faded.
async fn look(registry: &Arc<Inner>) -> Result<(), Refusal> {
    let time = now();
    registry.plan_next_look(time);
    let (mut verdicts, mut faded) = (Vec::new(), Vec::new());
    {
        let state = registry.hub.state();
        registry.signs.keep_only(&state);
        registry.ledger.keep_only(&state);
        for agent in state.agents.by_id.values().filter(|agent| !agent.ended()) {
            if let Some(verdict) = of_silence(agent, registry.signs.silence(agent), &registry.config) {
                verdicts.push((agent.id.clone(), verdict));
            }
            if registry.ledger.has_faded(agent, time) {
                faded.push(agent.id.clone());
            }
        }
    }
    let silent = |registry: &Inner, agent: &Agent, _: &Verdict| {
        // A heartbeat may have come since.
        of_silence(agent, registry.signs.silence(agent), &registry.config)
    };
    publish(registry, verdicts, silent).await?;
    for ids in faded.chunks(CHUNK) {
        let (registry_of, ids) = (Arc::clone(registry), ids.to_vec());
        registry
            .hub
            .decide(move |state, now| {
                let agents = ids.iter().filter_map(|id| present(state, id));
                let drafts = agents.filter_map(|agent| registry_of.ledger.settle(agent, "decay", now)).collect();
                Ok::<_, Refusal>((drafts, ()))
            })
            .await?;
    }
    Ok(())
}

/// Publishes changes of health that still hold when their turn comes.
async fn publish(
    registry: &Arc<Inner>,
    verdicts: Vec<(String, Verdict)>,
    again: impl Fn(&Inner, &Agent, &Verdict) -> Option<Verdict> + Copy + Send + 'static,
) -> Result<(), Refusal> {
    for chunk in verdicts.chunks(CHUNK) {
        let (registry_of, chunk) = (Arc::clone(registry), chunk.to_vec());
        registry
            .hub
            .decide(move |state, _| {
                let drafts = chunk.iter().filter_map(|(id, verdict)| -> Option<Draft> {
                    let agent = present(state, id).filter(|agent| !agent.ended())?;
                    let verdict = again(&registry_of, agent, verdict)?;
                    Some(health_changed(agent, verdict.status, verdict.cause, Some(verdict.reason)))
                });
                Ok::<_, Refusal>((drafts.collect(), ()))
            })
            .await?;
    }
    Ok(())
}

/// Asks the endpoints of all agents that name one, so many at a time.
async fn ask_all(registry: &Arc<Inner>) -> Result<(), Refusal> {
    let agents: Vec<(String, Url)> = {
        let state = registry.hub.state();
        let live = state.agents.by_id.values().filter(|agent| !agent.ended());
        live.filter_map(|agent| Some((agent.id.clone(), web_address(agent.endpoint.as_deref()?)?))).collect()
    };
    let patience = Duration::from_millis(registry.config.endpoint_timeout_ms.max(1));
    let mut answers = iter(agents)
        .map(|(id, url)| async move { (id, ask(url, patience).await) })
        .buffer_unordered(registry.config.endpoints_at_once.clamp(1, 256));
    while let Some((id, check)) = answers.next().await {
        let verdict = {
            let state = registry.hub.state();
            let Some(agent) = present(&state, &id) else { continue };
            let failure = check.failure.clone();
            let before = registry.signs.checked(agent, check);
            of_check(agent, failure.as_deref(), before)
        };
        if let Some(verdict) = verdict {
            let unchanged =
                |_: &Inner, agent: &Agent, verdict: &Verdict| (agent.health != Some(verdict.status)).then(|| verdict.clone());
            publish(registry, vec![(id, verdict)], unchanged).await?;
        }
    }
    Ok(())
}

/// An address that can be asked over HTTP.
fn web_address(endpoint: &str) -> Option<Url> {
    Url::parse(endpoint).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

/// Asks one endpoint. Any answer under 500 is well: what an agent says at its root is its own affair.
async fn ask(url: Url, patience: Duration) -> EndpointCheck {
    let began = Instant::now();
    let answer = http::client(&url).get(url).timeout(patience).send().await;
    let failure = match answer {
        Ok(answer) if answer.status().is_server_error() => Some(format!("it answers {}", answer.status())),
        Ok(_) => None,
        Err(error) if error.is_timeout() => Some(format!("no answer in {} s", patience.as_secs_f64())),
        Err(error) if error.is_connect() => Some("no connection".to_owned()),
        Err(error) => Some(error.without_url().to_string()),
    };
    EndpointCheck { at: now(), latency_ms: began.elapsed().as_secs_f64() * 1_000.0, failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_asked() {
        for (endpoint, asked) in [
            ("http://localhost:9000/a", true),
            ("https://agent.example", true),
            ("file:///etc/passwd", false),
            ("tcp://localhost:1", false),
            ("localhost", false),
            ("", false),
        ] {
            assert_eq!(web_address(endpoint).is_some(), asked, "{endpoint}");
        }
    }
}
