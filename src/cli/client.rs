//! Talking to a server, for the commands.

use std::io::{BufRead, BufReader};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{HandshakeError, WebSocket};
use ureq::Agent;
use ureq::http::{Response, Uri};
use ureq::typestate::WithoutBody;

use super::Target;
use crate::service::http::is_loopback;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the whole answer to [`Client::ask`] may take, and the beginning of any that is read.
const ANSWER: Duration = Duration::from_secs(30);

/// A WebSocket to a server.
pub(super) type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

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
        // Clients of other systems know a server by the address of its WebSocket.
        let url = match target.url.strip_prefix("ws") {
            Some(rest) => format!("http{rest}"),
            None => target.url.clone(),
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("--url {}: it begins with http:// or https://", target.url);
        }
        let config = Agent::config_builder().http_status_as_error(false).timeout_connect(Some(CONNECT));
        // A proxy of the environment is for what is beyond this machine.
        let near = url.parse::<Uri>().ok().and_then(|uri| uri.host().map(is_loopback)).unwrap_or(false);
        let config = if near { config.proxy(None) } else { config }.build();
        let target = Target { url: url.trim_end_matches('/').to_owned(), token: target.token.clone() };
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
        let mut request = bounded(self.agent.get(format!("{}{path}", self.target.url)));
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        let mut response =
            request.call().map_err(|error| self.explain(error)).with_context(|| format!("cannot reach {}", self.target.url))?;
        let text = response.body_mut().with_config().limit(1 << 30).read_to_string()?;
        Ok((response.status().as_u16(), text))
    }

    /// Says more of an error that its own words leave in the dark.
    fn explain(&self, error: ureq::Error) -> anyhow::Error {
        let plain = speaks_no_tls(&error, &self.target.url);
        let error = anyhow::Error::new(error);
        if plain { error.context(self.plain()) } else { error }
    }

    /// What to do about a server that does not speak TLS.
    fn plain(&self) -> String {
        let url = self.target.url.replacen("https", "http", 1);
        format!("the server there does not speak TLS; a deck by itself speaks plain HTTP: try {url}")
    }

    fn away(&self, error: ureq::Error) -> SendError {
        SendError::Away(format!("{}: {:#}", self.target.url, self.explain(error)))
    }

    /// Sends events as NDJSON and waits until they are committed. A fault names the line, as
    /// `events[0]` and so on.
    pub(super) fn send(&self, ndjson: &str) -> Result<Receipt, SendError> {
        self.post("/api/events", ndjson, "application/x-ndjson")
    }

    /// The same with one event, as JSON.
    pub(super) fn send_one(&self, event: &str) -> Result<Receipt, SendError> {
        self.post("/api/events", event, "application/json")
    }

    /// The same with events of a recording: those of the deck's own services count again.
    pub(super) fn restore(&self, ndjson: &str) -> Result<Receipt, SendError> {
        self.post("/api/events?restore=1", ndjson, "application/x-ndjson")
    }

    fn post(&self, path: &str, body: &str, kind: &str) -> Result<Receipt, SendError> {
        let mut request = self.agent.post(format!("{}{path}", self.target.url)).header("content-type", kind);
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        let mut response = request.send(body).map_err(|error| self.away(error))?;
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

    /// Asks for anything, with a body of JSON or none; the status and the answer, as JSON or as text.
    pub(super) fn ask(&self, method: &str, path: &str, body: Option<&str>) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}{path}", self.target.url);
        let mut request = ureq::http::Request::builder().method(method).uri(&url);
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        let sent = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body.to_owned())?;
                self.agent.run(self.agent.configure_request(request).timeout_global(Some(ANSWER)).build())
            }
            None => self.agent.run(self.agent.configure_request(request.body(())?).timeout_global(Some(ANSWER)).build()),
        };
        let mut response = sent.map_err(|error| self.explain(error)).with_context(|| format!("{method} {url}"))?;
        let text = response.body_mut().read_to_string().with_context(|| format!("{method} {url}"))?;
        Ok((response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// Opens a WebSocket. A silent server is an error of the next read after `patience`.
    pub(super) fn socket(&self, path: &str, patience: Duration) -> anyhow::Result<Socket> {
        let url = format!("{}{path}", self.target.url.replacen("http", "ws", 1));
        let mut request = url.as_str().into_client_request()?;
        if let Some(bearer) = self.bearer() {
            request.headers_mut().insert("authorization", bearer.parse()?);
        }
        let host = request.uri().host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = request.uri().port_u16().unwrap_or(if url.starts_with("wss") { 443 } else { 80 });
        let stream = reach(host, port).with_context(|| format!("cannot connect to {url}"))?;
        // Before the handshake: who listens and says nothing is not waited for.
        stream.set_read_timeout(Some(patience))?;
        match tungstenite::client_tls(request, stream) {
            Ok((socket, _)) => Ok(socket),
            Err(HandshakeError::Interrupted(_)) => bail!("{url} does not answer within {patience:?}"),
            Err(HandshakeError::Failure(error)) => {
                let plain = speaks_no_tls(&error, &url);
                let error = anyhow::Error::new(error);
                let error = if plain { error.context(self.plain()) } else { error };
                Err(error.context(format!("cannot connect to {url}")))
            }
        }
    }

    /// Follows the log as Server-Sent Events.
    pub(super) fn follow(&self, query: &str, last_event_id: Option<&str>) -> Result<Events, SendError> {
        self.stream(&format!("/sse/events?{query}"), last_event_id)
    }

    /// Opens a stream of Server-Sent Events.
    pub(super) fn stream(&self, path: &str, last_event_id: Option<&str>) -> Result<Events, SendError> {
        let request = bounded(self.agent.get(format!("{}{path}", self.target.url)));
        let mut request = request.header("accept", "text/event-stream");
        if let Some(bearer) = self.bearer() {
            request = request.header("authorization", bearer);
        }
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let mut response: Response<ureq::Body> = request.call().map_err(|error| self.away(error))?;
        let status = response.status().as_u16();
        if status != 200 {
            let text = response.body_mut().read_to_string().unwrap_or_default();
            let said = format!("{status}: {}", detail(&serde_json::from_str(&text).unwrap_or_default(), &text));
            return Err(if status >= 500 { SendError::Away(said) } else { SendError::Refused(said) });
        }
        Ok(Events { lines: BufReader::new(Box::new(response.into_body().into_reader())) })
    }
}

/// Whether a handshake of TLS was answered with something else.
fn speaks_no_tls(error: &(dyn std::error::Error + 'static), url: &str) -> bool {
    let is_tls = url.starts_with("https") || url.starts_with("wss");
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    // Some wrap an error without calling it their source.
    is_tls && causes.any(|error| error.to_string().contains("InvalidContentType"))
}

/// A request whose answer must begin in time; a stream may then last.
fn bounded(request: ureq::RequestBuilder<WithoutBody>) -> ureq::RequestBuilder<WithoutBody> {
    request.config().timeout_recv_response(Some(ANSWER)).build()
}

/// A connection to the first address of a name that takes one.
fn reach(host: &str, port: u16) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("nothing is found under that name");
    for addr in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&addr, CONNECT) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// What a refusal says of itself, by the form of its answer: ours, a dialect's, or a text.
pub(super) fn said(body: &Value) -> String {
    let error = &body["error"];
    let told = body["detail"].as_str().or_else(|| error["message"].as_str()).or_else(|| error.as_str()).or_else(|| body.as_str());
    told.map_or_else(|| body.to_string(), str::to_owned).chars().take(200).collect()
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
    lines: BufReader<Box<dyn std::io::Read + Send>>,
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
