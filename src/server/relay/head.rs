//! The heads of requests and of answers, as far as the relay looks at them.

use std::io;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::Deck;
use crate::server::guard::{is_local_origin, is_loopback};
use crate::server::problem::Problem;
use crate::server::websocket;

/// How long the head of a request may be, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// A head and what came behind it; none where the other side went away.
pub(super) async fn read_head(stream: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::with_capacity(1_024);
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
            return Ok(Some((head, rest)));
        }
        if bytes.len() > MAX_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// Whether an answer opens a WebSocket.
pub(super) fn is_switched(head: &str) -> bool {
    head.starts_with("HTTP/1.1 101")
}

/// How long the body of an answer is, where its head says so.
pub(super) fn content_length(head: &str) -> Option<u64> {
    headers(head).find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?.1.parse().ok()
}

fn headers(head: &str) -> impl Iterator<Item = (&str, &str)> {
    head.split("\r\n").skip(1).filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
}

/// What a request asks for.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    version: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Asked<'a> {
    /// Reads a head. The name asked for and the page asked from are checked here: the deck sees
    /// only this process.
    pub(super) fn read(head: &'a str) -> Result<Self, &'static str> {
        let mut first = head.split("\r\n").next().unwrap_or_default().split(' ');
        let [method, target, version] = [(); 3].map(|()| first.next().unwrap_or_default());
        let asked =
            Self { method, path: target.split('?').next().unwrap_or_default(), version, headers: headers(head).collect() };
        let host = asked.header("host").and_then(|host| host.parse::<Authority>().ok());
        if !host.is_some_and(|host| is_loopback(host.host())) {
            return Err("the Host is not this machine's");
        }
        if asked.header("origin").is_some_and(|origin| !is_local_origin(origin)) {
            return Err("the Origin is not this machine's");
        }
        Ok(asked)
    }

    fn header(&self, wanted: &str) -> Option<&'a str> {
        self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
    }

    /// Checks that it is a WebSocket's handshake; gives the accept value.
    pub(super) fn handshake(&self) -> Result<HeaderValue, Problem> {
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| Problem::request("no method of HTTP"))?;
        let pair = |(name, value): &(&str, &str)| Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?));
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.iter().filter_map(pair) {
            headers.append(name, value);
        }
        let version = if self.version == "HTTP/1.1" { Version::HTTP_11 } else { Version::HTTP_10 };
        websocket::handshake(&method, version, &headers)
    }

    /// The head as the deck is asked.
    pub(super) fn rewritten(&self, deck: &Deck, path: &str, socket: bool) -> String {
        let mut out = format!("{} {path} HTTP/1.1\r\nHost: {}\r\n", self.method, deck.authority);
        let dropped: &[&str] =
            if socket { &["host", "origin", "authorization"] } else { &["host", "origin", "authorization", "connection"] };
        for (name, value) in &self.headers {
            if !dropped.iter().any(|dropped| name.eq_ignore_ascii_case(dropped)) {
                out.push_str(&[name, ": ", value, "\r\n"].concat());
            }
        }
        if let Some(token) = deck.token.as_deref().filter(|token| HeaderValue::from_str(token).is_ok()) {
            out.push_str(&["Authorization: Bearer ", token, "\r\n"].concat());
        }
        if !socket {
            // One request on a connection: a second one would not be rewritten.
            out.push_str("Connection: close\r\n");
        }
        out.push_str("\r\n");
        out
    }
}
