//! The dialects as the commands speak them: from the client's side.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use serde_json::{Value, json};
use tungstenite::Message;
use ureq::http::Uri;

use super::Target;
use super::client::{Client, Socket};

/// How long one answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Whose clients a command speaks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Dialect {
    /// Channels over a WebSocket, and an HTTP bridge
    Liveops,
    /// Protocol v1 itself
    Agentos,
    /// A registry of agents over HTTP
    Mesh,
    /// Agents at work, with their text as it comes
    Sessions,
    /// The paper-trading engine
    Trader,
}

/// One end of a conversation in frames of JSON.
pub(super) struct Talk {
    socket: Socket,
}

impl Talk {
    pub(super) fn open(client: &Client, path: &str) -> anyhow::Result<Self> {
        Ok(Self { socket: client.socket(path, PATIENCE)? })
    }

    /// A liveops connection that was welcomed, and the id it was given.
    pub(super) fn liveops(client: &Client) -> anyhow::Result<(Self, String)> {
        let mut talk = Self::open(client, "/ws/liveops")?;
        let welcome = talk.hear("welcome")?;
        let id = welcome["clientId"].as_str().filter(|_| welcome["type"] == "welcome" && welcome["timestamp"].is_number());
        let id = id.with_context(|| format!("the first frame is no welcome: {}", brief(&welcome)))?.to_owned();
        Ok((talk, id))
    }

    pub(super) fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.socket.send(Message::text(text)).context("cannot send")
    }

    /// The next frame, whatever it is; `what` is waited for.
    pub(super) fn hear(&mut self, what: &str) -> anyhow::Result<Value> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    return serde_json::from_str(&text).with_context(|| format!("a frame that is not JSON: {text}"));
                }
                Ok(Message::Close(Some(frame))) => bail!("no {what}: closed with {} {}", u16::from(frame.code), frame.reason),
                Ok(Message::Close(None)) => bail!("no {what}: closed"),
                // Pings are answered by the library as it reads.
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
                {
                    bail!("no {what} within {PATIENCE:?}")
                }
                Err(error) => return Err(error).with_context(|| format!("no {what}")),
            }
        }
    }

    /// The first frame from now on that is `wanted`; a busy server may send others before it.
    pub(super) fn hear_until(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Value) -> anyhow::Result<bool>,
    ) -> anyhow::Result<Value> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let frame = self.hear(what)?;
            if wanted(&frame)? {
                return Ok(frame);
            }
        }
        bail!("no {what} within {PATIENCE:?}, only other frames")
    }

    /// The first frame of this type from now on.
    pub(super) fn hear_type(&mut self, kind: &str) -> anyhow::Result<Value> {
        self.hear_until(kind, |frame| Ok(frame["type"] == kind))
    }

    /// Sends a ping of liveops and waits for its pong. Frames are taken in order: with the pong, all
    /// that was sent before is taken too, and what the server had against it is the error.
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        self.say(&json!({"type": "ping"}).to_string())?;
        self.hear_until("pong", |frame| {
            if frame["type"] == "error" {
                bail!("the server says: {}", frame["error"].as_str().unwrap_or("an error without words"));
            }
            Ok(frame["type"] == "pong")
        })?;
        Ok(())
    }

    /// Ends the conversation in good order, as far as the other end lets it.
    pub(super) fn end(mut self) {
        let _ended = self.socket.close(None);
        let _flushed = self.socket.flush();
    }
}

/// The server at the next port: the HTTP bridge of a liveops listener.
pub(super) fn bridge(client: &Client) -> anyhow::Result<Client> {
    let uri: Uri = client.url().parse()?;
    let host = uri.host().context("the address has no host")?;
    let scheme = uri.scheme_str().unwrap_or("http");
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    let next = port.checked_add(1).with_context(|| format!("port {port} has no next one"))?;
    Client::new(&Target { url: format!("{scheme}://{host}:{next}"), token: client.token().map(str::to_owned) })
}

/// The text of a value for a line: its first 200 characters.
pub(super) fn brief(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}

/// An id that no other run has: `<prefix>` and eight hexadecimal digits by chance.
pub(super) fn fresh(prefix: &str) -> anyhow::Result<String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness for an id: {error}"))?;
    Ok(format!("{prefix}{:08x}", u32::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bridge_is_at_the_next_port() {
        for (url, next) in [
            ("ws://localhost:3001", "http://localhost:3002"),
            ("http://127.0.0.1:3001/", "http://127.0.0.1:3002"),
            ("http://[::1]:3001", "http://[::1]:3002"),
            ("https://deck.example", "https://deck.example:444"),
        ] {
            let client = Client::new(&Target { url: url.to_owned(), token: None }).unwrap();
            assert_eq!(bridge(&client).unwrap().url(), next);
        }
    }
}
