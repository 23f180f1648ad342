//! The model servers and services that agents depend on.

use std::collections::VecDeque;

use super::Evidence;
use super::agents::MAX_TEXT;
use super::bounds::{clip, prune, push_newest};
use super::table::Table;
use crate::event::provider::{Origin, ProviderConfigured, ProviderEvent, ProviderKind, ProviderState};
use crate::event::table::record;
use crate::event::{Event, Timestamp};

/// How many providers are kept; past it those that nobody set up go first, the longest unheard of
/// before the others.
pub const MAX_PROVIDERS: usize = 200;
/// How much of an endpoint is kept, in bytes.
pub const MAX_ENDPOINT: usize = MAX_TEXT;
/// How many of its newest reports are kept; older ones are in the log.
pub const MAX_REPORTS: usize = 30;

record! {
    /// How a provider is to be probed.
    pub struct Configured {
        /// How it is asked.
        kind: ProviderKind,
        /// Where it is.
        endpoint: String,
        /// Where that was set up.
        origin: Origin,
        /// Whether it is probed at all.
        enabled: bool,
        /// Seconds between two probes.
        every_seconds: Option<u64>,
        /// How long an answer may take, in milliseconds.
        timeout_ms: Option<u64>,
        /// From when on an answer is slow, in milliseconds.
        slow_ms: Option<u64>,
        /// The event that says so.
        by: Evidence,
    }
}

record! {
    /// One report of a provider's state.
    pub struct Report {
        /// When it was made.
        ts: Timestamp,
        /// How it was then.
        state: ProviderState,
        /// How long its answer took, in milliseconds.
        latency_ms: Option<f64>,
    }
}

record! {
    /// One provider.
    pub struct Provider {
        /// How it is.
        state: ProviderState,
        /// Where it is.
        endpoint: String,
        /// How long its last answer took, in milliseconds.
        latency_ms: Option<f64>,
        /// What it last failed with.
        last_error: Option<String>,
        /// The event that says so.
        by: Evidence,
        /// The newest reports, oldest first.
        reports: VecDeque<Report>,
        /// How it is probed, where the deck was told to.
        configured: Option<Configured>,
    }
}

record! {
    /// The providers.
    #[derive(Default)]
    pub struct Providers {
        /// By id.
        by_id: Table<Provider>,
    }
}

impl Provider {
    /// Since when it is as it is: the first of the newest reports of one state.
    pub fn since(&self) -> Timestamp {
        self.reports.iter().rev().take_while(|report| report.state == self.state).last().map_or(self.by.ts, |report| report.ts)
    }
}

impl Providers {
    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &ProviderEvent) {
        match body {
            ProviderEvent::StatusChanged(it) => {
                let known = self.by_id.remove(id);
                let (configured, mut reports) = known.map(|provider| (provider.configured, provider.reports)).unwrap_or_default();
                let report = Report { ts: event.when(), state: it.state, latency_ms: it.latency_ms };
                push_newest(&mut reports, report, MAX_REPORTS);
                let provider = Provider {
                    state: it.state,
                    endpoint: clip(&it.endpoint, MAX_ENDPOINT),
                    latency_ms: it.latency_ms,
                    last_error: it.last_error.as_deref().map(|error| clip(error, MAX_TEXT)),
                    by: Evidence::of(event),
                    reports,
                    configured,
                };
                self.by_id.insert(id, provider);
            }
            ProviderEvent::Configured(it) => self.configure(event, id, it),
            ProviderEvent::Removed(_) => {
                self.by_id.remove(id);
            }
        }
        prune(&mut self.by_id, MAX_PROVIDERS, |provider| (provider.configured.is_some(), provider.by.seq));
    }

    /// What is known of it stays known where it is still at the same place.
    fn configure(&mut self, event: &Event, id: &str, it: &ProviderConfigured) {
        let endpoint = clip(&it.endpoint, MAX_ENDPOINT);
        let known = self.by_id.remove(id).filter(|known| known.endpoint == endpoint);
        let mut provider = known.unwrap_or_else(|| Provider {
            state: ProviderState::Unknown,
            endpoint: endpoint.clone(),
            latency_ms: None,
            last_error: None,
            by: Evidence::of(event),
            reports: VecDeque::new(),
            configured: None,
        });
        provider.configured = Some(Configured {
            kind: it.kind,
            endpoint,
            origin: it.origin.unwrap_or(Origin::Api),
            enabled: it.enabled.unwrap_or(true),
            every_seconds: it.every_seconds,
            timeout_ms: it.timeout_ms,
            slow_ms: it.slow_ms,
            by: Evidence::of(event),
        });
        self.by_id.insert(id, provider);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::Draft;
    use crate::event::wire::At;

    fn fold(events: &[(&str, &str, Value)]) -> Providers {
        let mut providers = Providers::default();
        for (seq, (action, id, payload)) in (1..).zip(events) {
            let event = json!({"type": format!("provider.{action}"), "entity": format!("provider:{id}"), "payload": payload});
            let event = Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(0));
            let crate::event::Body::Provider(body) = &event.body else { panic!("a provider's") };
            providers.fold(&event, id, body);
        }
        providers
    }

    #[test]
    fn a_state_holds_as_long_as_the_place_does() {
        let at = |url: &str, every: u64| ("configured", "a", json!({"kind": "http", "endpoint": url, "every_seconds": every}));
        let ready = ("status_changed", "a", json!({"state": "READY", "endpoint": "u", "latency_ms": 3}));
        let state = |events: &[(&str, &str, Value)]| fold(events).by_id["a"].state;
        assert_eq!(state(&[at("u", 1)]), ProviderState::Unknown);
        assert_eq!(state(&[at("u", 1), ready.clone()]), ProviderState::Ready);
        assert_eq!(state(&[at("u", 1), ready.clone(), at("u", 2)]), ProviderState::Ready);
        assert_eq!(state(&[at("u", 1), ready.clone(), at("v", 1)]), ProviderState::Unknown);
        let kept = fold(&[at("u", 1), ready.clone()]);
        assert_eq!(kept.by_id["a"].configured.as_ref().map(|configured| configured.origin), Some(Origin::Api));
        assert!(fold(&[at("u", 1), ready, ("removed", "a", json!({}))]).by_id.is_empty());
    }

    #[test]
    fn the_newest_reports_are_kept() {
        let report = |state: &str, ms: usize| ("status_changed", "a", json!({"state": state, "endpoint": "u", "latency_ms": ms}));
        let mut events: Vec<_> = (0..MAX_REPORTS + 5).map(|n| report("READY", n)).collect();
        events.push(report("DEGRADED", 900));
        let provider = fold(&events).by_id["a"].clone();
        assert_eq!((provider.reports.len(), provider.reports[0].latency_ms), (MAX_REPORTS, Some(6.0)));
        assert_eq!(provider.reports.back().map(|report| report.state), Some(ProviderState::Degraded));
    }

    #[test]
    fn those_that_are_set_up_are_forgotten_last() {
        let mut events = vec![("configured", "kept".to_owned(), json!({"kind": "http", "endpoint": "u"}))];
        events.extend(
            (0..MAX_PROVIDERS * 2).map(|n| ("status_changed", format!("p{n}"), json!({"state": "READY", "endpoint": "e"}))),
        );
        let events: Vec<_> = events.iter().map(|(action, id, payload)| (*action, id.as_str(), payload.clone())).collect();
        let providers = fold(&events);
        assert!(providers.by_id.contains_key("kept") && providers.by_id.len() <= MAX_PROVIDERS + MAX_PROVIDERS / 8);
    }
}
