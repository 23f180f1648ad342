//! Hands connections of a local port on to a deck elsewhere.
//!
//! Only the head of the one request on a connection is looked at: its address becomes the deck's,
//! its host too. Everything after it is bytes, in both directions; where the deck's frames end is
//! counted, so that a client can be told of an end that the deck does not tell it. A port has a
//! number of places, and nobody keeps one, or a connection, who asks for nothing.

mod carry;
mod frames;
mod head;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderValue, Uri};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept;
use super::limits::{BRIDGE_REQUESTS, HEAD_SECONDS};
use super::websocket::frame;
use crate::dialect::liveops::{BRIDGE_NOT_FOUND, CLOSE_FULL};
use carry::carry;
use frames::Frames;
use head::{Asked, content_length, is_switched, read_head};

/// How long a client has to send the head of its request, the deck to be reached and to answer it,
/// and a request to the bridge in all.
const PATIENCE: Duration = Duration::from_secs(HEAD_SECONDS);
/// How long clients have to take their farewell.
const FAREWELL: Duration = Duration::from_secs(2);
/// How many clients of a port may be sending their head at once; a further one is answered 503.
const HEADS: usize = 256;

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

/// What a port hands on, where to, and how many at once.
#[derive(Debug, Clone)]
pub(super) struct Way {
    deck: Deck,
    /// The address at the deck.
    path: String,
    /// Whether its clients are WebSockets; else they are requests to the bridge.
    sockets: bool,
    /// Those who are handed on.
    seats: Arc<Semaphore>,
    /// Those who have not said yet what they want.
    heads: Arc<Semaphore>,
}

impl Way {
    /// WebSockets; one over the number of seats is closed with 1013.
    pub(super) fn sockets(deck: Deck, path: String, seats: usize) -> Self {
        let seats = seats.min(Semaphore::MAX_PERMITS);
        Self { deck, path, sockets: true, seats: Arc::new(Semaphore::new(seats)), heads: Arc::new(Semaphore::new(HEADS)) }
    }

    /// Requests to the bridge; one over [`BRIDGE_REQUESTS`] is answered 503.
    pub(super) fn bridge(deck: Deck, path: &str) -> Self {
        let seats = Arc::new(Semaphore::new(BRIDGE_REQUESTS));
        Self { deck, path: path.to_owned(), sockets: false, seats, heads: Arc::new(Semaphore::new(HEADS)) }
    }

    async fn serve(&self, mut client: TcpStream, stopping: &CancellationToken) -> io::Result<()> {
        if !self.sockets {
            return tokio::select! {
                () = stopping.cancelled() => Ok(()),
                posted = self.post(&mut client) => posted,
            };
        }
        let opened = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            opened = self.open(&mut client) => opened?,
        };
        let Some((mut upstream, frames, _seat)) = opened else { return Ok(()) };
        let late = async {
            stopping.cancelled().await;
            tokio::time::sleep(FAREWELL).await;
        };
        tokio::select! {
            carried = carry(&mut client, &mut upstream, frames, stopping) => carried,
            () = late => Ok(()),
        }
    }

    /// A WebSocket to the deck; none where the client got its answer here, or went away.
    async fn open(&self, client: &mut TcpStream) -> io::Result<Option<(TcpStream, Frames, OwnedSemaphorePermit)>> {
        let asking = self.heads.try_acquire();
        if asking.is_err() {
            return full(client).await.map(|()| None);
        }
        let head = within(read_head(client)).await?;
        drop(asking);
        let Some((head, early)) = head else { return Ok(None) };
        let asked = match Asked::read(&head) {
            Ok(asked) => asked,
            Err(detail) => return answer(client, "403 Forbidden", detail).await.map(|()| None),
        };
        let accept = match asked.handshake() {
            Ok(accept) => accept,
            Err(problem) => return answer(client, &problem.status().to_string(), problem.detail()).await.map(|()| None),
        };
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            return turn_away(client, &accept).await.map(|()| None);
        };
        let Some(mut upstream) = self.reach(client).await? else { return Ok(None) };
        upstream.write_all(asked.rewritten(&self.deck, &self.path, true).as_bytes()).await?;
        upstream.write_all(&early).await?;
        let Ok(Some((said, first))) = within(read_head(&mut upstream)).await else {
            return answer(client, "504 Gateway Timeout", "the deck does not answer").await.map(|()| None);
        };
        if !is_switched(&said) {
            return refused(client, &mut upstream, &said, &first).await.map(|()| None);
        }
        let bytes = [said.as_bytes(), &first].concat();
        let mut frames = Frames::default();
        frames.pass(&bytes);
        client.write_all(&bytes).await?;
        Ok(Some((upstream, frames, seat)))
    }

    /// A request to the bridge and its answer.
    async fn post(&self, client: &mut TcpStream) -> io::Result<()> {
        let Ok(_seat) = self.seats.try_acquire() else { return full(client).await };
        let (mut told, late) = (false, tokio::time::Instant::now() + PATIENCE);
        let head = tokio::time::timeout_at(late, read_head(client)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let Some((head, early)) = head else { return Ok(()) };
        match tokio::time::timeout_at(late, self.exchange(client, &head, &early, &mut told)).await {
            Ok(exchanged) => exchanged?,
            Err(_late) if told => {}
            Err(_late) => return answer(client, "504 Gateway Timeout", "not all of the request came, or no answer").await,
        }
        linger(client).await;
        Ok(())
    }

    /// Puts a request to the deck and passes its answer on; `told` says whether any of it went out.
    async fn exchange(&self, client: &mut TcpStream, head: &str, early: &[u8], told: &mut bool) -> io::Result<()> {
        let asked = match Asked::read(head) {
            Ok(asked) => asked,
            Err(detail) => {
                *told = true;
                return say(client, "403 Forbidden", &json!({"error": detail}).to_string()).await;
            }
        };
        if (asked.method, asked.path) != ("POST", "/event") {
            *told = true;
            return say(client, "404 Not Found", BRIDGE_NOT_FOUND).await;
        }
        let Some(mut upstream) = self.reach(client).await? else { return Ok(()) };
        upstream.write_all(asked.rewritten(&self.deck, &self.path, false).as_bytes()).await?;
        upstream.write_all(early).await?;
        let (mut from_client, mut to_client) = client.split();
        let (mut from_deck, mut to_deck) = upstream.split();
        let up = async {
            let _broken = copy(&mut from_client, &mut to_deck).await;
            // A client that said all may close its half; the answer is the end.
            std::future::pending::<()>().await;
        };
        let down = async {
            let mut bytes = [0; 1_024];
            loop {
                match from_deck.read(&mut bytes).await? {
                    0 => return io::Result::Ok(()),
                    length => {
                        *told = true;
                        to_client.write_all(&bytes[..length]).await?;
                    }
                }
            }
        };
        tokio::select! {
            () = up => Ok(()),
            answered = down => answered,
        }
    }

    /// A connection to the deck; none where it cannot be reached, and the client is told so.
    async fn reach(&self, client: &mut TcpStream) -> io::Result<Option<TcpStream>> {
        let connected = within(TcpStream::connect(&self.deck.authority)).await;
        let Ok(upstream) = connected else {
            return answer(client, "502 Bad Gateway", "the deck cannot be reached").await.map(|()| None);
        };
        let _small_frames_at_once = upstream.set_nodelay(true);
        Ok(Some(upstream))
    }
}

/// Hands on until `stopping` is cancelled.
pub(super) async fn run(listener: TcpListener, way: &Way, stopping: &CancellationToken) {
    let open = TaskTracker::new();
    loop {
        let (client, peer) = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = accept::next(&listener) => accepted,
        };
        let (way, stopping) = (way.clone(), stopping.clone());
        open.spawn(async move {
            if let Err(error) = way.serve(client, &stopping).await {
                tracing::debug!(%error, %peer, "server.relay");
            }
        });
    }
    open.close();
    open.wait().await;
}

async fn within<T>(doing: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, doing).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn say(client: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let upgrade = if status.starts_with("426") { "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" } else { "" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{upgrade}Connection: close\r\n\r\n",
        body.len()
    );
    client.write_all([head.as_str(), body].concat().as_bytes()).await
}

/// Answers a client, and is done with it.
async fn answer(client: &mut TcpStream, status: &str, error: &str) -> io::Result<()> {
    say(client, status, &json!({"error": error}).to_string()).await?;
    linger(client).await;
    Ok(())
}

async fn full(client: &mut TcpStream) -> io::Result<()> {
    answer(client, "503 Service Unavailable", "Too many requests at once").await
}

/// Waits a little for the client to go: to close on what it still sends would cost it the answer.
async fn linger(client: &mut TcpStream) {
    let going = async {
        client.shutdown().await?;
        let mut rest = [0; 256];
        while client.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    let _late_or_gone = tokio::time::timeout(FAREWELL, going).await;
}

/// Passes on why the deck opens no WebSocket.
async fn refused(client: &mut TcpStream, upstream: &mut TcpStream, said: &str, first: &[u8]) -> io::Result<()> {
    client.write_all(said.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes()).await?;
    client.write_all(first).await?;
    let more = content_length(said).map_or(u64::MAX, |length| length.saturating_sub(first.len() as u64));
    let mut rest = upstream.take(more);
    let _late = tokio::time::timeout(FAREWELL, copy(&mut rest, client)).await;
    linger(client).await;
    Ok(())
}

/// One client too many is let in, told so and sent away: that is how clients of this system learn it.
async fn turn_away(client: &mut TcpStream, accept: &HeaderValue) -> io::Result<()> {
    let accept = accept.to_str().map_err(|_| io::ErrorKind::InvalidData)?;
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(&frame::closing(CLOSE_FULL.0, CLOSE_FULL.1)).await?;
    linger(client).await;
    Ok(())
}
