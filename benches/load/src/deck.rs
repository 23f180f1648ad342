//! The server that all this is about, and the little HTTP that is asked of it.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::client::Dial;
use crate::clock::now;
use crate::frame;
use crate::process::Server;

/// Where it listens.
pub const PORT: u16 = 7400;

/// When it acknowledges an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once the disk has it: the default.
    Power,
    /// Once the system has it.
    Crash,
}

/// A running server.
#[derive(Debug)]
pub struct Deck {
    /// Its process.
    pub server: Server,
}

impl Deck {
    /// Starts the server over a folder of its own and waits until it is ready. `more` are further flags.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(binary: &Path, data: &Path, durability: Durability, more: &[&str]) -> io::Result<Self> {
        std::fs::create_dir_all(data)?;
        let mut command = Command::new(binary);
        command.current_dir(data).arg("serve").args(["--addr", &format!("127.0.0.1:{PORT}"), "--data"]).arg(data.join("log"));
        command.args(["--durability", if durability == Durability::Power { "power" } else { "crash" }]).args(more);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SWARMDECK_")) {
            command.env_remove(name);
        }
        command.env("SWARMDECK_LOG", "warn");
        let mut deck = Self { server: Server::start(&mut command, &data.join("server.log"), PORT)? };
        let began = now();
        while !get("/readyz").is_ok_and(|(status, _)| status == 200) {
            deck.server.check(began)?;
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(deck)
    }

    /// Starts it over an empty folder.
    ///
    /// # Errors
    /// It does not start.
    pub fn fresh(binary: &Path, work: &Path, durability: Durability, more: &[&str]) -> io::Result<Self> {
        let data = work.join("deck");
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        Self::start(binary, &data, durability, more)
    }

    /// One of the numbers of `/metrics`.
    ///
    /// # Errors
    /// It has no such number.
    pub fn metric(&self, name: &str) -> io::Result<f64> {
        let (_, text) = get("/metrics")?;
        let name = format!("swarmdeck_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.and_then(|value| value.parse().ok()).ok_or_else(|| io::Error::other(format!("/metrics has no {name}")))
    }

    /// The cursor after a place of the log.
    ///
    /// # Errors
    /// The server does not say.
    pub fn cursor(&self, seq: u64) -> io::Result<String> {
        let (_, text) = get("/api/events?limit=1")?;
        let page: serde_json::Value = serde_json::from_str(&text)?;
        let newest = page["next"].as_str().and_then(|cursor| cursor.rsplit_once('-'));
        let (epoch, _) = newest.ok_or_else(|| io::Error::other(format!("a page of the log has no cursor: {text:.200}")))?;
        Ok(format!("{epoch}-{seq}"))
    }
}

/// A request to the server; gives the status and the body.
///
/// # Errors
/// The socket's, or an answer that is none.
pub fn get(path: &str) -> io::Result<(u16, String)> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, PORT))?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(socket, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{PORT}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    let (Some(status), Some((_, body))) = (status, answer.split_once("\r\n\r\n")) else {
        return Err(io::Error::other(format!("{path}: no answer of HTTP")));
    };
    Ok((status, body.to_owned()))
}

/// A subscriber of `/ws/events`, with a query.
pub fn events(query: &str) -> Dial {
    Dial::websocket(PORT, &format!("/ws/events{query}")).greeted()
}

/// A subscriber of one of the dialects or of Server-Sent Events, by what the tables call it.
pub fn dialect(name: &str) -> Option<Dial> {
    Some(match name {
        "sse" => Dial::sse(PORT, "/sse/events"),
        "liveops" => Dial::websocket(PORT, "/ws/liveops").greeted(),
        "mesh" => Dial::sse(PORT, "/api/v1/events"),
        "sessions" => {
            let subscribe = format!(r#"{{"type":"subscribe","sessionId":"{}"}}"#, crate::event::SESSION);
            Dial { greeting: frame::masked(1, subscribe.as_bytes()), ..Dial::websocket(PORT, "/ws").greeted() }
        }
        "trader" => Dial::websocket(PORT, "/ws/trader").greeted(),
        // Protocol v1 without parameters: what the dialect of that name is.
        "agentos" => events(""),
        _ => return None,
    })
}
