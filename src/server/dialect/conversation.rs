//! One client of a dialect: what it sends goes to its speaker, what happens goes to it.
//!
//! The dialects have no cursor: a client that falls behind gets the newest [`MAX_LAG`] events and a
//! word of how many it missed. Frames are made once for each batch of events and dialect; a client
//! costs its place in the log and its speaker.

use std::any::Any;
use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::event::Event;
use crate::event::wire::from_text;
use crate::hub::batch::{Form, frame_header};
use crate::hub::{Batch, Delivery, Hub, Lag, Start, Subscription, batch};
use crate::server::lane::{Ticket, Voice, left};
use crate::server::line::JOINED;
use crate::server::websocket::frame::{self, Message};
use crate::server::websocket::{End, Socket};
use crate::server::{AppState, Counted};
use crate::swarm::SwarmState;

/// How many events a client may be behind before older ones are dropped for it.
pub(crate) const MAX_LAG: u64 = 1_000;

/// What a client of a dialect asked for. Clients with equal ears get the same.
pub(super) trait Ear: Clone + Debug + Eq + Hash + Send + Sync + 'static {
    /// What a frame is filed under, for clients that want some and not others.
    type Topic: Any + Send + Sync;

    /// The frames that an event becomes, as JSON with their topics.
    fn frames(event: &Event, state: &SwarmState) -> Vec<(Self::Topic, String)>;
    /// Whether the client wants every frame: asked once a batch, and then no more.
    fn wants_all(&self) -> bool;
    /// Whether it wants a frame; asked of each once, in order.
    fn wants(&mut self, topic: &Self::Topic) -> bool;
}

/// A side of a conversation: it knows one dialect and one client.
pub(super) trait Speaker: Send + 'static {
    /// What the client asked for.
    type Ear: Ear;

    /// What the client asked for so far.
    fn ear(&mut self) -> &mut Self::Ear;
    /// The first frames.
    fn opening(&mut self) -> impl Future<Output = Vec<String>> + Send;
    /// Answers a text of the client.
    fn hear(&mut self, text: String) -> impl Future<Output = Vec<String>> + Send;
    /// Answers a text that is over the limit and was passed over.
    fn too_long(&self) -> Option<String> {
        None
    }
    /// Tells how many events were dropped.
    fn missed(&self, count: u64) -> String;
    /// A frame that comes by the clock; it waits until one is due. Safe to give up.
    fn due(&mut self) -> impl Future<Output = String> + Send;
    /// The last frame before the server stops.
    fn farewell(&self) -> Option<String>;
}

/// A batch in the frames of one dialect, back to back.
struct Frames<T> {
    bytes: Bytes,
    /// For each event where its frames end in `slots`.
    events: Box<[u32]>,
    /// For each frame its topic and where it ends in the bytes.
    slots: Box<[(T, u32)]>,
}

impl<T: Send + Sync + 'static> Form for Frames<T> {
    fn bytes(&self) -> usize {
        self.bytes.len() + size_of_val(&self.events[..]) + size_of_val(&self.slots[..])
    }
}

impl<T> Frames<T> {
    fn of<E: Ear<Topic = T>>(batch: &Batch, hub: &Hub) -> Self {
        // What the hub wrote can be read; if not, the dialect has no frame for it.
        let read: Vec<Option<Event>> = (0..batch.len()).map(|index| from_text(batch.json(index)).ok()).collect();
        let (mut bytes, mut events, mut slots) = (Vec::new(), Vec::with_capacity(batch.len()), Vec::new());
        let state = hub.state();
        for event in read {
            for (topic, json) in event.map_or_else(Vec::new, |event| E::frames(&event, &state)) {
                frame_header(&mut bytes, batch::TEXT, json.len());
                bytes.extend_from_slice(json.as_bytes());
                slots.push((topic, bytes.len() as u32));
            }
            events.push(slots.len() as u32);
        }
        Self { bytes: bytes.into(), events: events.into(), slots: slots.into() }
    }

    fn start(&self, slot: usize) -> usize {
        slot.checked_sub(1).map_or(0, |before| self.slots[before].1 as usize)
    }

    /// The frames of a run of events that a client wants; without copying where it wants all.
    fn pick(&self, run: &Range<usize>, all: bool, mut wants: impl FnMut(&T) -> bool) -> Bytes {
        let first = run.start.checked_sub(1).map_or(0, |before| self.events[before] as usize);
        let last = run.end.checked_sub(1).map_or(0, |before| self.events[before] as usize);
        if all {
            return self.bytes.slice(self.start(first)..self.start(last));
        }
        let mut out = Vec::new();
        for slot in first..last {
            if wants(&self.slots[slot].0) {
                out.extend_from_slice(&self.bytes[self.start(slot)..self.start(slot + 1)]);
            }
        }
        out.into()
    }
}

/// What the clients of a lane get that asked for the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Heard<E>(E);

impl<E: Ear> Voice for Heard<E> {
    fn speak(&mut self, hub: &Hub, batch: &Arc<Batch>, run: Range<usize>) -> Bytes {
        picked(&mut self.0, hub, batch, &run)
    }
}

/// The frames of a run of events for one ear.
fn picked<E: Ear>(ear: &mut E, hub: &Hub, batch: &Batch, run: &Range<usize>) -> Bytes {
    let frames = batch.form(|batch| Frames::of::<E>(batch, hub));
    frames.pick(run, ear.wants_all(), |topic| ear.wants(topic))
}

/// A client of a dialect, from its first frame to its last.
pub(super) struct Conversation<S: Speaker> {
    app: AppState,
    socket: Socket,
    subscription: Subscription,
    speaker: S,
    /// Its part in a lane, for as long as it keeps up; the socket is then not written to here.
    seat: Option<Ticket<Heard<S::Ear>>>,
    /// How often the client is asked for a sign of life; one that is silent for two is sent away.
    ping: Option<Duration>,
    _open: Counted,
}

impl<S: Speaker> Conversation<S> {
    pub(super) fn new(app: AppState, socket: Socket, speaker: S, ping: Option<Duration>) -> Self {
        Self {
            subscription: app.hub.subscribe(Start::Now, crate::event::Filter::everything(), Lag::DropOldest(MAX_LAG)),
            socket,
            speaker,
            seat: None,
            ping,
            _open: Counted::new(&app.gauges, |gauges| &gauges.websockets),
            app,
        }
    }

    /// Serves the client until either side ends it.
    pub(super) async fn run(mut self) {
        let Err(end) = self.converse().await;
        let end = end.behind(self.stand_up()).await;
        self.socket.close(end).await;
    }

    async fn converse(&mut self) -> Result<Infallible, End> {
        let opening = self.speaker.opening().await;
        self.say(opening).await?;
        let mut heard = Instant::now();
        let mut next_ping = self.ping.map(|every| heard + every);
        loop {
            self.sit_down();
            tokio::select! {
                biased;
                () = self.app.stopping.cancelled() => {
                    // Nothing comes after it.
                    self.stand_up().await?;
                    let farewell = self.speaker.farewell();
                    self.say(farewell).await?;
                    return Err(End::Close(1001, "Server shutting down"));
                }
                message = self.socket.hear() => {
                    heard = Instant::now();
                    match message? {
                        Message::Text(text) => {
                            // It may ask for something else, and that counts from where it is.
                            self.stand_up().await?;
                            let answers = self.speaker.hear(text).await;
                            self.say(answers).await?;
                            // While it was answered nobody asked it for a sign of life.
                            heard = Instant::now();
                        }
                        Message::Ping(bytes) => self.send(&frame::pong(&bytes)).await?,
                        Message::Binary | Message::Pong => {}
                        Message::TooLong => {
                            let answer = self.speaker.too_long();
                            self.say(answer).await?;
                        }
                        Message::Close(code) => return Err(End::Closed(code)),
                    }
                }
                () = at(next_ping) => {
                    let every = self.ping.unwrap_or_default();
                    if heard.elapsed() >= every * 2 {
                        return Err(End::Close(1001, "no sign of life"));
                    }
                    next_ping = Some(Instant::now() + every);
                    self.send(&frame::ping()).await?;
                }
                frame = self.speaker.due() => self.say([frame]).await?,
                () = left(self.seat.as_ref()) => self.stand_up().await?,
                delivery = self.subscription.next(), if self.seat.is_none() => match delivery {
                    Ok(delivery) => self.tell(delivery).await?,
                    Err(error) => {
                        tracing::error!(%error, "server.dialect.log");
                        return Err(End::Close(1011, "the log cannot be read"));
                    }
                },
            }
        }
    }

    /// Takes a seat where the client has everything.
    fn sit_down(&mut self) {
        if self.seat.is_none() && self.subscription.has_all() {
            let voice = Heard(self.speaker.ear().clone());
            self.seat = self.app.lanes.board(self.socket.line(), self.subscription.position(), voice);
        }
    }

    /// Takes the socket back from the lane, if it is there.
    async fn stand_up(&mut self) -> Result<(), End> {
        let Some(seat) = self.seat.take() else { return Ok(()) };
        let left = seat.leave().ok_or(End::Gone)?;
        self.subscription.skip_to(left.at);
        *self.speaker.ear() = left.voice.0;
        self.socket.send_all(&left.rest).await
    }

    /// Sends a delivery and, in the same write, what else is there by now.
    async fn tell(&mut self, delivery: Delivery) -> Result<(), End> {
        if let Delivery::Gap(gap) = delivery {
            let missed = self.speaker.missed(gap.to - gap.from + 1);
            return self.say([missed]).await;
        }
        let first = self.frames(delivery);
        let Some(next) = self.subscription.ready() else { return self.socket.send(&first).await };
        let mut pieces = vec![first, self.frames(next)];
        let mut length: usize = pieces.iter().map(Bytes::len).sum();
        while length < JOINED
            && let Some(next) = self.subscription.ready()
        {
            let piece = self.frames(next);
            length += piece.len();
            pieces.push(piece);
        }
        self.socket.send_all(&pieces).await
    }

    /// What the client gets of a delivery that is no gap.
    fn frames(&mut self, delivery: Delivery) -> Bytes {
        // Only a filter picks, and none is set.
        let Delivery::Run(batch, run) = delivery else { return Bytes::new() };
        picked(self.speaker.ear(), &self.app.hub, &batch, &run)
    }

    async fn say(&mut self, frames: impl IntoIterator<Item = String>) -> Result<(), End> {
        let mut out = Vec::new();
        for json in frames {
            frame::put_text(&mut out, &json);
        }
        self.send(&out).await
    }

    /// Writes to the client, at its seat where it has one.
    async fn send(&mut self, frames: &[u8]) -> Result<(), End> {
        if self.seat.as_ref().is_some_and(|seat| seat.say(|_| Bytes::copy_from_slice(frames))) {
            return Ok(());
        }
        self.stand_up().await?;
        self.socket.send(frames).await
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
