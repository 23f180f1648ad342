//! The model servers and services that agents depend on.

use super::Evidence;
use super::agents::MAX_TEXT;
use super::bounds::{clip, prune};
use super::table::Table;
use crate::event::Event;
use crate::event::provider::{ProviderEvent, ProviderState};
use crate::event::table::record;

/// How many providers are kept; past it those longest unheard of are forgotten.
pub const MAX_PROVIDERS: usize = 200;

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

impl Providers {
    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &ProviderEvent) {
        let ProviderEvent::StatusChanged(it) = body;
        let provider = Provider {
            state: it.state,
            endpoint: clip(&it.endpoint, MAX_TEXT),
            latency_ms: it.latency_ms,
            last_error: it.last_error.as_deref().map(|error| clip(error, MAX_TEXT)),
            by: Evidence::of(event),
        };
        self.by_id.insert(id, provider);
        prune(&mut self.by_id, MAX_PROVIDERS, |provider| (true, provider.by.seq));
    }
}
