//! One connection of `/ws/events`: a cursor and a socket.

use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch;

use super::frame::{self, Message};
use super::socket::{End, Socket};
use crate::event::control::{Control, Pong};
use crate::event::wire::{Wire as _, to_text};
use crate::event::{Filter, Timestamp};
use crate::hub::{Batch, Delivery, Hub, Standing, Subscription, now};
use crate::server::lane::{Ticket, Voice, left};
use crate::server::line::JOINED;
use crate::server::query::StreamQuery;
use crate::server::stream::{bye, opening};
use crate::server::{AppState, Counted};

pub(super) struct Connection {
    app: AppState,
    subscription: Subscription,
    heartbeats: watch::Receiver<Arc<str>>,
    socket: Socket,
    /// Its part in a lane, for as long as it keeps up; the socket is then not written to here.
    seat: Option<Ticket<Frames>>,
    snapshot: bool,
    _open: Counted,
}

impl Connection {
    /// A connection that begins where the query says.
    pub(super) fn new(app: AppState, query: &StreamQuery, socket: Socket) -> Self {
        Self {
            subscription: app.hub.subscribe(query.after.into(), query.filter.clone(), query.lag),
            heartbeats: app.heartbeats.watch(),
            socket,
            seat: None,
            snapshot: query.snapshot,
            _open: Counted::new(&app.gauges, |gauges| &gauges.websockets),
            app,
        }
    }

    /// Serves the client until either side ends it.
    pub(super) async fn run(mut self) {
        let Err(end) = self.serve().await;
        let end = end.behind(self.stand_up()).await;
        self.socket.close(end).await;
    }

    async fn serve(&mut self) -> Result<Infallible, End> {
        let mut out = Vec::new();
        for opening in opening(&self.app, &mut self.subscription, self.snapshot) {
            frame::put_text(&mut out, &opening.json);
        }
        self.socket.send(&out).await?;
        loop {
            if self.seat.is_none() && self.subscription.has_all() {
                let voice = Frames(self.subscription.standing().clone());
                self.seat = self.app.lanes.board(self.socket.line(), self.subscription.position(), voice);
            }
            tokio::select! {
                biased;
                beats = self.heartbeats.changed() => {
                    if beats.is_err() {
                        let bye = bye(&self.app.hub);
                        // Nothing comes after it.
                        self.stand_up().await?;
                        self.socket.send(&frame::text(&bye.to_json(now()))).await?;
                        return Err(End::Close(1001, "the server is stopping"));
                    }
                    let heartbeat = Arc::clone(&self.heartbeats.borrow_and_update());
                    self.send(&frame::text(&heartbeat)).await?;
                }
                message = self.socket.hear() => self.answer(message?).await?,
                () = left(self.seat.as_ref()) => self.stand_up().await?,
                delivery = self.subscription.next(), if self.seat.is_none() => match delivery {
                    Ok(delivery) => self.deliver(delivery).await?,
                    Err(error) => {
                        tracing::error!(%error, "server.websocket.log");
                        return Err(End::Close(1011, "the log cannot be read"));
                    }
                },
            }
        }
    }

    /// Sends a delivery and, in the same write, what else is there by now: a client that keeps up
    /// gets each batch at once, one that is behind gets many together.
    async fn deliver(&mut self, delivery: Delivery) -> Result<(), End> {
        let first = framed(&delivery);
        let Some(next) = self.subscription.ready() else { return self.socket.send(&first).await };
        let mut pieces = vec![first, framed(&next)];
        let mut length: usize = pieces.iter().map(Bytes::len).sum();
        while length < JOINED
            && let Some(next) = self.subscription.ready()
        {
            let piece = framed(&next);
            length += piece.len();
            pieces.push(piece);
        }
        self.socket.send_all(&pieces).await
    }

    /// Writes to the client, at its seat where it has one.
    async fn send(&mut self, frames: &[u8]) -> Result<(), End> {
        if self.seat.as_ref().is_some_and(|seat| seat.say(|_| Bytes::copy_from_slice(frames))) {
            return Ok(());
        }
        self.stand_up().await?;
        self.socket.send(frames).await
    }

    /// Takes the socket back from the lane, if it is there.
    async fn stand_up(&mut self) -> Result<(), End> {
        let Some(seat) = self.seat.take() else { return Ok(()) };
        let left = seat.leave().ok_or(End::Gone)?;
        self.subscription.take_over(left.at, left.voice.0);
        self.socket.send_all(&left.rest).await
    }

    async fn answer(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Text(text) => {
                // Another filter counts from where the client is.
                self.stand_up().await?;
                if let Some(answer) = self.reply(&text) {
                    self.socket.send(&frame::text(&answer)).await?;
                }
                Ok(())
            }
            Message::Ping(bytes) => self.send(&frame::pong(&bytes)).await,
            Message::Binary | Message::Pong => Ok(()),
            Message::TooLong => Err(End::Close(1009, "a message is over the limit")),
            Message::Close(code) => Err(End::Closed(code)),
        }
    }

    /// What a client's text is answered with; what cannot be read is passed over.
    fn reply(&mut self, text: &str) -> Option<String> {
        if text.trim() == "ping" {
            return Some(pong());
        }
        let request: Value = serde_json::from_str(text).ok()?;
        match request.get("type")?.as_str()? {
            "ping" => Some(pong()),
            "unsubscribe" => {
                self.subscription.refilter(Filter::everything());
                Some(subscribed(&Filter::everything()))
            }
            "subscribe" => Some(match filter(&request) {
                Ok(filter) => {
                    let answer = subscribed(&filter);
                    self.subscription.refilter(filter);
                    answer
                }
                Err(detail) => said("error", "detail", &detail),
            }),
            _ => None,
        }
    }
}

/// What the clients of a lane get that have the same filter, if any, and the same event before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Frames(Standing);

impl Voice for Frames {
    fn speak(&mut self, _: &Hub, batch: &Arc<Batch>, run: Range<usize>) -> Bytes {
        self.0.take(Arc::clone(batch), run).map(|delivery| framed(&delivery)).unwrap_or_default()
    }
}

/// A delivery in frames.
fn framed(delivery: &Delivery) -> Bytes {
    match delivery {
        Delivery::Run(batch, run) => batch.frames(run.clone()),
        Delivery::Picked(picked) => picked.frames(),
        Delivery::Gap(gap) => frame::text(&Control::Gap(gap.clone()).to_json(now())).into(),
    }
}

fn pong() -> String {
    let Pong { ts } = Pong { ts: now() };
    let mut out = String::from("{\"type\":\"pong\",\"ts\":");
    Timestamp::write(&ts, &mut out);
    out.push('}');
    out
}

fn subscribed(filter: &Filter) -> String {
    said("subscribed", "filter", &filter.to_string())
}

fn said(kind: &str, key: &str, value: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"{key}\":{}}}", to_text(&value.to_owned()))
}

/// The filter of a `subscribe`: each field a text or a list of texts.
fn filter(request: &Value) -> Result<Filter, String> {
    let mut filter = Filter::everything();
    for (name, value) in request.as_object().into_iter().flatten().filter(|(name, _)| *name != "type") {
        let patterns = match value {
            Value::String(one) => vec![one.as_str()],
            Value::Array(many) => {
                many.iter().map(|one| one.as_str().ok_or_else(|| format!("{name}: expected texts"))).collect::<Result<_, _>>()?
            }
            _ => return Err(format!("{name}: expected a text or a list of texts")),
        };
        for pattern in patterns {
            if !filter.add(name, pattern).map_err(|fault| fault.to_string())? {
                return Err(format!("{name}: unknown field; known are {}", Filter::FIELDS.join(", ")));
            }
        }
    }
    Ok(filter)
}
