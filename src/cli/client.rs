//! Talking to a server, for the commands.

use std::io::{BufRead, BufReader};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

use super::Target;

/// A server and the way to it.
#[derive(Debug)]
pub(super) struct Client {
    agent: Agent,
    target: Target,
}

/// What a server said to events.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) last_seq: u64,
}

/// Why events did not arrive.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The server refused them, and would again.
    #[error("{0}")]
    Refused(String),
    /// The server did not answer, or not now.
    #[error("{0}")]
    Away(String),
}

impl Client {
    pub(super) fn new(target: &Target) -> anyhow::Result<Self> {
        if !target.url.starts_with("http://") && !target.url.starts_with("https://") {
            bail!("--url {}: it begins with http:// or https://", target.url);
        }
        let config = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(Duration::from_secs(5))).build();
        let target = Target { url: target.url.trim_end_matches('/').to_owned(), token: target.token.clone() };
        Ok(Self { agent: config.into(), target })
    }

    pub(super) fn url(&self) -> &str {
        &self.target.url
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.target.token.as_deref()
    }

    fn bearer(&self) -> Option<String> {
        self.target.token.as_ref().map(|token| format!("Bearer {token}"))
    }

    /// Asks for an address; the status and the whole body.
    pub(super) fn get(&self, path: &str) -> anyhow::Result<(u16, String)> {
        let mut request = self.agent.get(format!("{}{path}", self.target.url));
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        let mut response = request.call().with_context(|| format!("cannot reach {}", self.target.url))?;
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string()?;
        Ok((response.status().as_u16(), text))
    }

    /// Sends events as NDJSON and waits until they are committed.
    pub(super) fn send(&self, ndjson: &str) -> Result<Receipt, SendError> {
        let mut request =
            self.agent.post(format!("{}/api/events", self.target.url)).header("content-type", "application/x-ndjson");
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        let mut response = request.send(ndjson).map_err(|error| SendError::Away(format!("{}: {error}", self.target.url)))?;
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().map_err(|error| SendError::Away(error.to_string()))?;
        let body: Value = serde_json::from_str(&text).unwrap_or_default();
        match status {
            200 => {
                let number = |key: &str| body[key].as_u64().unwrap_or(0);
                Ok(Receipt { accepted: number("accepted"), duplicates: number("duplicates"), last_seq: number("last_seq") })
            }
            408 | 425 | 429 | 500.. => Err(SendError::Away(format!("{status}: {}", detail(&body, &text)))),
            _ => Err(SendError::Refused(format!("{status}: {}", detail(&body, &text)))),
        }
    }

    /// Opens a stream of Server-Sent Events.
    pub(super) fn follow(&self, query: &str, last_event_id: Option<&str>) -> Result<Events, SendError> {
        let mut request = self.agent.get(format!("{}/sse/events?{query}", self.target.url)).header("accept", "text/event-stream");
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let mut response: Response<ureq::Body> =
            request.call().map_err(|error| SendError::Away(format!("{}: {error}", self.target.url)))?;
        let status = response.status().as_u16();
        if status != 200 {
            let text = response.body_mut().read_to_string().unwrap_or_default();
            let said = format!("{status}: {}", detail(&serde_json::from_str(&text).unwrap_or_default(), &text));
            return Err(if status >= 500 { SendError::Away(said) } else { SendError::Refused(said) });
        }
        Ok(Events { lines: BufReader::new(Box::new(response.into_body().into_reader())) })
    }
}

fn detail(body: &Value, text: &str) -> String {
    body["detail"].as_str().map_or_else(|| text.chars().take(200).collect(), str::to_owned)
}

/// One Server-Sent Event.
#[derive(Debug, Default)]
pub(super) struct SseEvent {
    pub(super) id: Option<String>,
    pub(super) name: String,
    pub(super) data: String,
}

/// A stream being read.
pub(super) struct Events {
    lines: BufReader<Box<dyn std::io::Read>>,
}

impl Iterator for Events {
    type Item = std::io::Result<SseEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut event = SseEvent::default();
        let mut line = String::new();
        loop {
            line.clear();
            match self.lines.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let text = line.trim_end_matches(['\n', '\r']);
            if text.is_empty() {
                if event.data.is_empty() {
                    continue;
                }
                return Some(Ok(event));
            }
            let (field, value) = text.split_once(':').unwrap_or((text, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => event.id = Some(value.to_owned()),
                "event" => value.clone_into(&mut event.name),
                "data" => event.data.push_str(value),
                _ => {}
            }
        }
    }
}
