//! Hands connections of a local port on to a deck elsewhere.
//!
//! Only the head of the one request on a connection is looked at: its address becomes the deck's,
//! its host too. Everything after it is bytes, in both directions; where the deck's frames end is
//! counted, so that a client can be told of an end that the deck does not tell it.

mod frames;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tungstenite::handshake::derive_accept_key;

use super::guard::{is_local_origin, is_loopback};
use super::websocket::frame;
use crate::dialect::liveops::{self, CLOSE_FULL, CLOSE_STOPPING};
use crate::hub::now;
use frames::Frames;

/// How long the head of a request may be, in bytes.
const MAX_HEAD: usize = 16 << 10;
/// How long a client has to send it, and the deck to be reached.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long clients have to take their farewell.
const FAREWELL: Duration = Duration::from_secs(2);
/// How many bytes go to a client at once.
const CHUNK: usize = 8 << 10;
/// How a client's connection ends where the deck's did without a word.
const CLOSE_GONE: (u16, &str) = (1001, "the deck is gone");

/// The deck that connections are handed on to.
#[derive(Debug, Clone)]
pub struct Deck {
    authority: String,
    token: Option<String>,
}

impl Deck {
    /// The deck at `http://host:port`.
    ///
    /// # Errors
    /// Another scheme, or no address.
    pub fn at(url: &str, token: Option<String>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| format!("{url:?} is no address: write http://host:port"))?;
        if uri.scheme_str() != Some("http") {
            return Err(format!("{url:?}: a deck is reached over http://; in front of TLS put a proxy"));
        }
        let host = uri.host().ok_or_else(|| format!("{url:?} names no host"))?;
        Ok(Self { authority: format!("{host}:{}", uri.port_u16().unwrap_or(80)), token })
    }
}

/// Hands on until `stopping` is cancelled; clients over the number of seats are closed with 1013.
pub(super) async fn run(
    listener: TcpListener,
    deck: Deck,
    path: &str,
    seats: Option<Arc<Semaphore>>,
    stopping: &CancellationToken,
) -> io::Result<()> {
    let open = TaskTracker::new();
    loop {
        let client = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => client,
                // Out of descriptors, mostly: one connection is lost, not the listener.
                Err(error) => {
                    tracing::warn!(%error, "server.relay.accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (deck, path, seats, stopping) = (deck.clone(), path.to_owned(), seats.clone(), stopping.clone());
        open.spawn(async move {
            if let Err(error) = relay(client, &deck, &path, seats, &stopping).await {
                tracing::debug!(%error, "server.relay");
            }
        });
    }
    open.close();
    open.wait().await;
    Ok(())
}

async fn relay(
    mut client: TcpStream,
    deck: &Deck,
    path: &str,
    seats: Option<Arc<Semaphore>>,
    stopping: &CancellationToken,
) -> io::Result<()> {
    let sockets = seats.is_some();
    let reached = tokio::select! {
        () = stopping.cancelled() => return Ok(()),
        reached = reach(&mut client, deck, path, seats) => reached?,
    };
    let Some((mut upstream, _seat)) = reached else { return Ok(()) };
    if sockets {
        let late = async {
            stopping.cancelled().await;
            tokio::time::sleep(FAREWELL).await;
        };
        return tokio::select! {
            carried = carry(&mut client, &mut upstream, stopping) => carried,
            () = late => Ok(()),
        };
    }
    tokio::select! {
        copied = copy_bidirectional(&mut client, &mut upstream) => copied.map(|_| ()),
        () = stopping.cancelled() => Ok(()),
    }
}

/// The deck, asked what the client asked; none where the client got its answer here, or went away.
async fn reach(
    client: &mut TcpStream,
    deck: &Deck,
    path: &str,
    seats: Option<Arc<Semaphore>>,
) -> io::Result<Option<(TcpStream, Option<OwnedSemaphorePermit>)>> {
    let head = tokio::time::timeout(PATIENCE, read_head(client)).await.map_err(|_| io::ErrorKind::TimedOut)??;
    let Some((head, rest)) = head else { return Ok(None) };
    let request = match Asked::read(&head) {
        Ok(request) => request,
        Err(detail) => return answer(client, "403 Forbidden", detail).await.map(|()| None),
    };
    let sockets = seats.is_some();
    let fits = sockets || (request.method == "POST" && request.path == "/event");
    if !fits {
        return answer(client, "404 Not Found", "Not found. POST to /event").await.map(|()| None);
    }
    let seat = match seats {
        Some(seats) => match seats.try_acquire_owned() {
            Ok(seat) => Some(seat),
            Err(_) => return turn_away(client, &request).await.map(|()| None),
        },
        None => None,
    };
    let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(&deck.authority)).await;
    let Ok(Ok(mut upstream)) = connected else {
        return answer(client, "502 Bad Gateway", "the deck cannot be reached").await.map(|()| None);
    };
    let _small_frames_at_once = (upstream.set_nodelay(true), client.set_nodelay(true));
    upstream.write_all(request.rewritten(deck, path, sockets).as_bytes()).await?;
    upstream.write_all(&rest).await?;
    Ok(Some((upstream, seat)))
}

/// Carries a WebSocket until either side ends it; a client whose deck goes without a word, or that
/// is here when this process stops, is told so.
async fn carry(client: &mut TcpStream, upstream: &mut TcpStream, stopping: &CancellationToken) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_deck, mut to_deck) = upstream.split();
    let up = async {
        copy(&mut from_client, &mut to_deck).await?;
        to_deck.shutdown().await
    };
    let down = async {
        let (mut bytes, mut frames) = (vec![0; CHUNK], Frames::default());
        loop {
            let length = tokio::select! {
                // What breaks a connection ends it.
                read = from_deck.read(&mut bytes) => read.unwrap_or(0),
                () = stopping.cancelled(), if frames.is_between() => {
                    to_client.write_all(&frame::text(&liveops::shutdown(now()))).await?;
                    to_client.write_all(&frame::closing(CLOSE_STOPPING.0, CLOSE_STOPPING.1)).await?;
                    return to_client.shutdown().await;
                }
            };
            if length == 0 {
                if frames.is_between() {
                    to_client.write_all(&frame::closing(CLOSE_GONE.0, CLOSE_GONE.1)).await?;
                }
                return to_client.shutdown().await;
            }
            to_client.write_all(&bytes[..length]).await?;
            frames.pass(&bytes[..length]);
        }
    };
    tokio::pin!(up, down);
    tokio::select! {
        left = &mut up => {
            left?;
            down.await
        }
        ended = &mut down => {
            ended?;
            // A client that does not go by itself does not keep its place.
            tokio::time::timeout(PATIENCE, up).await.unwrap_or(Ok(()))
        }
    }
}

/// The head of a request and what came behind it; none where the client went away.
async fn read_head(client: &mut TcpStream) -> io::Result<Option<(String, Vec<u8>)>> {
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
        if client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// What a request asks for, as far as it is looked at.
struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Asked<'a> {
    /// Reads a head. The name asked for and the page asked from are checked here: the deck sees
    /// only this process.
    fn read(head: &'a str) -> Result<Self, &'static str> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
        let headers: Vec<_> = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim())).collect();
        let asked = Self { method, path: target.split('?').next().unwrap_or_default(), headers };
        let host = asked.header("host").and_then(|host| host.parse::<axum::http::uri::Authority>().ok());
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

    /// The head as the deck is asked.
    fn rewritten(&self, deck: &Deck, path: &str, socket: bool) -> String {
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

async fn answer(client: &mut TcpStream, status: &str, error: &str) -> io::Result<()> {
    let body = format!("{{\"error\":\"{error}\"}}");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    client.write_all([head, body].concat().as_bytes()).await?;
    client.shutdown().await
}

/// One client too many is let in, told so and sent away: that is how clients of this system learn it.
async fn turn_away(client: &mut TcpStream, asked: &Asked<'_>) -> io::Result<()> {
    let Some(key) = asked.header("sec-websocket-key") else {
        return answer(client, "503 Service Unavailable", CLOSE_FULL.1).await;
    };
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(&frame::closing(CLOSE_FULL.0, CLOSE_FULL.1)).await?;
    client.shutdown().await?;
    let mut rest = [0; 256];
    while tokio::time::timeout(PATIENCE, client.read(&mut rest)).await.is_ok_and(|read| read.is_ok_and(|length| length > 0)) {}
    Ok(())
}
