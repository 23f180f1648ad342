//! One probe of a provider, and what its outcome means.
//!
//! | what happens | state |
//! |---|---|
//! | a status of 200 to 299 in time, and for `ollama` and `openai` a list of models | `READY` |
//! | the same, but slower than `slow_ms` | `DEGRADED` |
//! | status 429 or 500 to 599: it is there, and cannot now | `DEGRADED` |
//! | any other status (redirects are not followed), an answer that is no list of models | `ERROR` |
//! | no connection, no answer within `timeout_ms` | `ERROR` |

use std::time::Instant;

use reqwest::StatusCode;
use serde_json::Value;

use super::settings::{ProviderSettings, address};
use crate::event::Timestamp;
use crate::event::provider::{ProviderKind, ProviderState};
use crate::hub::now;
use crate::service::http;

/// How much of an answer is read to look for models, in bytes; a longer one is taken as it is.
const MAX_ANSWER: usize = 1 << 20;

/// What one probe found.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// When it began.
    pub at: Timestamp,
    /// How the provider is.
    pub state: ProviderState,
    /// How long the whole answer took, in milliseconds; none where there was none.
    pub latency_ms: Option<f64>,
    /// What is wrong.
    pub error: Option<String>,
    /// How many models it lists.
    pub models: Option<u64>,
}

/// Asks a provider once.
pub(super) async fn probe(settings: &ProviderSettings) -> Probe {
    let (at, began) = (now(), Instant::now());
    let asked = tokio::time::timeout(settings.timeout(), ask(settings)).await;
    let latency = began.elapsed();
    let latency_ms = latency.as_micros() as f64 / 1_000.0;
    let late = || format!("no answer within {} ms", settings.timeout().as_millis());
    let (state, error, models) = match asked.unwrap_or_else(|_| Err(Problem::Silent(late()))) {
        Ok(models) if latency > settings.slow() => {
            let slow = format!("answered in {latency_ms:.0} ms, over {} ms", settings.slow().as_millis());
            (ProviderState::Degraded, Some(slow), models)
        }
        Ok(models) => (ProviderState::Ready, None, models),
        Err(Problem::Busy(problem)) => (ProviderState::Degraded, Some(problem), None),
        Err(Problem::Wrong(problem)) => (ProviderState::Error, Some(problem), None),
        Err(Problem::Silent(problem)) => {
            return Probe { at, state: ProviderState::Error, latency_ms: None, error: Some(problem), models: None };
        }
    };
    Probe { at, state, latency_ms: Some(latency_ms), error, models }
}

/// Why a provider is not ready.
enum Problem {
    /// It says that it cannot now.
    Busy(String),
    /// It says something else than it should.
    Wrong(String),
    /// It says nothing.
    Silent(String),
}

/// The number of its models, where it is of a kind that lists them.
async fn ask(settings: &ProviderSettings) -> Result<Option<u64>, Problem> {
    let address = address(settings.kind, &settings.url).map_err(|refusal| Problem::Wrong(refusal.detail))?;
    let mut request = http::client(&address).get(address).timeout(settings.timeout());
    if let Some(variable) = &settings.bearer_env {
        let token = std::env::var(variable).map_err(|_| Problem::Wrong(format!("the environment has no {variable}")))?;
        request = request.bearer_auth(token);
    }
    let mut response = request.send().await.map_err(|error| Problem::Silent(cause(error, settings)))?;
    let status = response.status();
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(Problem::Busy(format!("answered {status}")));
    }
    if status.is_redirection() {
        return Err(Problem::Wrong(format!("answered {status}: redirects are not followed")));
    }
    if !status.is_success() {
        return Err(Problem::Wrong(format!("answered {status}")));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Problem::Silent(cause(error, settings)))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            return Ok(None);
        }
    }
    let list = match settings.kind {
        ProviderKind::Ollama => "models",
        ProviderKind::Openai => "data",
        ProviderKind::Http => return Ok(None),
    };
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    match answer[list].as_array() {
        Some(models) => Ok(Some(models.len() as u64)),
        None => Err(Problem::Wrong(format!("answered {status}, but with no list of models as {} gives one", settings.kind))),
    }
}

/// What stands behind an error of the client, without the address.
fn cause(error: reqwest::Error, settings: &ProviderSettings) -> String {
    if error.is_timeout() {
        return format!("no answer within {} ms", settings.timeout().as_millis());
    }
    let connect = error.is_connect();
    let error = error.without_url();
    let mut root: &dyn std::error::Error = &error;
    while let Some(source) = root.source() {
        root = source;
    }
    let prefix = if connect { "cannot connect: " } else { "" };
    format!("{prefix}{root}")
}
