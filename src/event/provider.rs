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

words! {
    /// How a provider is asked whether it is there.
    pub enum ProviderKind {
        Ollama = "ollama",
        Openai = "openai",
        Http = "http",
    }
}

words! {
    /// Where a provider was set up.
    pub enum Origin {
        Api = "api",
        File = "file",
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

    /// A provider is to be probed, or to be probed in another way.
    Configured = "configured" ProviderConfigured {
        /// How it is asked.
        kind: ProviderKind,
        /// Where it is.
        endpoint: String,
        /// Where that was set up; by API where absent.
        origin: Option<Origin>,
        /// Whether it is probed at all; it is where absent.
        enabled: Option<bool>,
        /// Seconds between two probes; the deck's own choice where absent.
        every_seconds: Option<u64>,
        /// How long an answer may take, in milliseconds; the deck's own choice where absent.
        timeout_ms: Option<u64>,
        /// From when on an answer is slow, in milliseconds; the deck's own choice where absent.
        slow_ms: Option<u64>,
    }

    /// A provider is no longer probed and no longer shown.
    Removed = "removed" ProviderRemoved {
        /// Why.
        reason: Option<String>,
    }
}
