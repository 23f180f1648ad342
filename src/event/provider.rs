//! Providers: the model servers and services that agents depend on.

use super::table::{About, domain, words};

words! {
    /// How a provider is.
    pub enum ProviderState {
        Unknown = "UNKNOWN",
        Ready = "READY",
        Running = "RUNNING",
        Degraded = "DEGRADED",
        Stopped = "STOPPED",
        Error = "ERROR",
    }
}

domain! {
    /// Providers: the model servers and services that agents depend on.
    ProviderEvent = "provider" about About::Its("provider");

    /// A provider came up, went down or slowed.
    StatusChanged = "status_changed" ProviderStatusChanged {
        /// How it is now.
        state: ProviderState,
        /// Where it is.
        endpoint: String,
        /// How long its last answer took, in milliseconds.
        latency_ms: Option<f64> => (0.0, 1e12),
        /// What it last failed with.
        last_error: Option<String>,
    }
}
