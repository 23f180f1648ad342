//! One client of Server-Sent Events, from its first to its last.
//!
//! It is the body of an HTTP answer, which HTTP asks for piece by piece. Where the client has
//! everything, and its connection is HTTP/1.1 and nothing lies between, a [lane](crate::server::lane)
//! writes to its socket instead, in the chunks of RFC 9112, section 7.1, and HTTP waits meanwhile.

use std::fmt::Debug;
use std::hash::Hash;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::unfold;
use tokio::sync::watch;

use crate::event::Cursor;
use crate::event::control::{Control, Gap};
use crate::hub::{Batch, Delivery, Hub, Standing, Subscription};
use crate::server::lane::{self, Ticket, left};
use crate::server::line::{Direct, Line};
use crate::server::stream::{bye, retry_ms};
use crate::server::{AppState, Counted};

/// What a stream of Server-Sent Events says, and in which words.
pub(in crate::server) trait Voice: Clone + Debug + Eq + Hash + Send + Sync + Unpin + 'static {
    /// The events of a delivery that is no gap; empty where the stream has no words for them.
    fn tell(&self, delivery: &Delivery) -> Bytes;
    /// Events that will not come.
    fn gap(&self, at: Cursor, gap: Gap) -> Bytes;
    /// A sign of life, made of the stream's heartbeat.
    fn beat(&self, at: Cursor, heartbeat: &str) -> Bytes;
    /// The last word before the server stops; may be empty.
    fn bye(&self, at: Cursor, bye: &Control) -> Bytes;
}

/// The answer to a client that follows: first how soon it is to come back and `first`, then what its
/// subscription brings.
pub(in crate::server) fn answer<V: Voice>(
    app: AppState,
    Direct(line): Direct,
    subscription: Subscription,
    voice: V,
    first: Vec<u8>,
) -> Response {
    let mut opening = format!("retry: {}\n\n", retry_ms(&app.hub)).into_bytes();
    opening.extend(first);
    let follower = Follower {
        heartbeats: app.heartbeats.watch(),
        line,
        subscription,
        voice,
        seat: None,
        first: Some(opening.into()),
        ended: false,
        _open: Counted::new(&app.gauges, |gauges| &gauges.sse),
        app,
    };
    // An error breaks the connection off: a client must not take what is left of it for an end.
    let body = Body::from_stream(unfold(follower, |mut follower| async move {
        let piece = follower.next().await.transpose()?;
        Some((piece, follower))
    }));
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ];
    (headers, body).into_response()
}

/// What the clients of a lane get that have the same voice and stand the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Chunks<V>(V, Standing);

impl<V: Voice> lane::Voice for Chunks<V> {
    fn speak(&mut self, _: &Hub, batch: &Arc<Batch>, run: Range<usize>) -> Bytes {
        self.1.take(Arc::clone(batch), run).map(|delivery| chunk(&self.0.tell(&delivery))).unwrap_or_default()
    }
}

/// Bytes as a chunk of a body.
fn chunk(bytes: &[u8]) -> Bytes {
    if bytes.is_empty() {
        // That would be the end of the body.
        return Bytes::new();
    }
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat().into()
}

struct Follower<V: Voice> {
    app: AppState,
    /// The socket, where chunks may be written to it.
    line: Option<Arc<Line>>,
    subscription: Subscription,
    voice: V,
    /// Its part in a lane, for as long as it keeps up; HTTP is then given nothing.
    seat: Option<Ticket<Chunks<V>>>,
    heartbeats: watch::Receiver<Arc<str>>,
    first: Option<Bytes>,
    ended: bool,
    _open: Counted,
}

impl<V: Voice> Follower<V> {
    /// What goes out next by HTTP; none at the end.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        while !self.ended {
            self.sit_down().await;
            let piece = tokio::select! {
                biased;
                beats = self.heartbeats.changed() => match beats {
                    Ok(()) => self.beat().await?,
                    Err(_stopping) => {
                        self.ended = true;
                        self.stand_up().await?;
                        self.voice.bye(self.place(), &bye(&self.app.hub))
                    }
                },
                () = left(self.seat.as_ref()) => {
                    self.stand_up().await?;
                    continue;
                }
                delivery = self.subscription.next(), if self.seat.is_none() => match delivery {
                    Ok(Delivery::Gap(gap)) => self.voice.gap(self.place(), gap),
                    Ok(delivery) => self.voice.tell(&delivery),
                    Err(error) => {
                        tracing::error!(%error, "server.sse.log");
                        return Ok(None);
                    }
                },
            };
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// Takes a seat where the client has everything, HTTP's part of it included.
    async fn sit_down(&mut self) {
        let Some(line) = self.line.as_ref().filter(|_| self.seat.is_none()) else { return };
        if !self.subscription.has_all() {
            return;
        }
        tokio::select! {
            () = line.all_out() => {}
            // A client that takes nothing is HTTP's to end.
            () = self.app.stopping.cancelled() => return,
        }
        // What came meanwhile comes first.
        if self.subscription.has_all() {
            let voice = Chunks(self.voice.clone(), self.subscription.standing().clone());
            self.seat = self.app.lanes.board(line, self.subscription.position(), voice);
        }
    }

    /// Takes the socket back from the lane, if it is there.
    async fn stand_up(&mut self) -> io::Result<()> {
        let Some((seat, line)) = self.seat.take().zip(self.line.as_ref()) else { return Ok(()) };
        let left = seat.leave().ok_or(io::ErrorKind::BrokenPipe)?;
        self.subscription.take_over(left.at, left.voice.1);
        // In the middle of a chunk, perhaps: HTTP must not write before.
        line.send_all(&left.rest, &self.app.stopping).await
    }

    /// A sign of life: written at the seat where there is one, else what HTTP is to write.
    async fn beat(&mut self) -> io::Result<Bytes> {
        let heartbeat = Arc::clone(&self.heartbeats.borrow_and_update());
        let said = |at| self.voice.beat(self.app.hub.cursor(at), &heartbeat);
        if self.seat.as_ref().is_some_and(|seat| seat.say(|at| chunk(&said(at)))) {
            return Ok(Bytes::new());
        }
        self.stand_up().await?;
        Ok(self.voice.beat(self.place(), &heartbeat))
    }

    fn place(&self) -> Cursor {
        self.app.hub.cursor(self.subscription.position())
    }
}

#[cfg(test)]
mod tests {
    use super::chunk;

    #[test]
    fn a_chunk_says_its_length() {
        assert_eq!(chunk(b"data: {}\n\n").as_ref(), b"a\r\ndata: {}\n\n\r\n");
        assert_eq!(chunk(&[b'x'; 300])[..5], *b"12c\r\n");
        assert!(chunk(b"").is_empty(), "the last chunk is HTTP's");
    }
}
