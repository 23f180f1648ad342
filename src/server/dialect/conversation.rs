//! One client of a dialect: what it sends goes to its speaker, what happens goes to it.
//!
//! The dialects have no cursor: a client that falls behind gets the newest [`MAX_LAG`] events and a
//! word of how many it missed. Frames are made once for each batch of events and dialect; a client
//! costs its place in the log and its speaker.

use std::any::Any;
use std::convert::Infallible;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::event::Event;
use crate::event::wire::from_text;
use crate::hub::batch::{Form, frame_header};
use crate::hub::{Batch, Delivery, Hub, Lag, Start, Subscription, batch};
use crate::server::websocket::frame::{self, Message};
use crate::server::websocket::{End, Socket};
use crate::server::{AppState, Counted};
use crate::swarm::SwarmState;

/// How many events a client may be behind before older ones are dropped for it.
pub(crate) const MAX_LAG: u64 = 1_000;

/// A side of a conversation: it knows one dialect and what one client asked for.
pub(super) trait Speaker: Send + 'static {
    /// What a frame is filed under, for clients that want some and not others.
    type Topic: Any + Send + Sync;

    /// The frames that an event becomes, as JSON with their topics.
    fn frames(event: &Event, state: &SwarmState) -> Vec<(Self::Topic, String)>;
    /// The first frames.
    fn opening(&mut self) -> impl Future<Output = Vec<String>> + Send;
    /// Answers a text of the client.
    fn hear(&mut self, text: String) -> impl Future<Output = Vec<String>> + Send;
    /// Answers a text that is over the limit and was passed over.
    fn too_long(&self) -> Option<String> {
        None
    }
    /// Whether the client wants every frame: asked once a batch, and then no more.
    fn wants_all(&self) -> bool;
    /// Whether it wants a frame; asked of each once, in order.
    fn wants(&mut self, topic: &Self::Topic) -> bool;
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
    fn of<S: Speaker<Topic = T>>(batch: &Batch, hub: &Hub) -> Self {
        // What the hub wrote can be read; if not, the dialect has no frame for it.
        let read: Vec<Option<Event>> = (0..batch.len()).map(|index| from_text(batch.json(index)).ok()).collect();
        let (mut bytes, mut events, mut slots) = (Vec::new(), Vec::with_capacity(batch.len()), Vec::new());
        let state = hub.state();
        for event in read {
            for (topic, json) in event.map_or_else(Vec::new, |event| S::frames(&event, &state)) {
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

/// A client of a dialect, from its first frame to its last.
pub(super) struct Conversation<S> {
    app: AppState,
    socket: Socket,
    subscription: Subscription,
    speaker: S,
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
            ping,
            _open: Counted::new(&app.gauges, |gauges| &gauges.websockets),
            app,
        }
    }

    /// Serves the client until either side ends it.
    pub(super) async fn run(mut self) {
        let Err(end) = self.converse().await;
        self.socket.close(end).await;
    }

    async fn converse(&mut self) -> Result<Infallible, End> {
        let opening = self.speaker.opening().await;
        self.say(opening).await?;
        let mut heard = Instant::now();
        let mut next_ping = self.ping.map(|every| heard + every);
        loop {
            tokio::select! {
                biased;
                () = self.app.stopping.cancelled() => {
                    let farewell = self.speaker.farewell();
                    self.say(farewell).await?;
                    return Err(End::Close(1001, "Server shutting down"));
                }
                message = self.socket.hear() => {
                    heard = Instant::now();
                    match message? {
                        Message::Text(text) => {
                            let answers = self.speaker.hear(text).await;
                            self.say(answers).await?;
                            // While it was answered nobody asked it for a sign of life.
                            heard = Instant::now();
                        }
                        Message::Ping(bytes) => self.socket.send(&frame::pong(&bytes)).await?,
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
                    self.socket.send(&frame::ping()).await?;
                }
                frame = self.speaker.due() => self.say([frame]).await?,
                delivery = self.subscription.next() => match delivery {
                    Ok(delivery) => self.tell(delivery).await?,
                    Err(error) => {
                        tracing::error!(%error, "server.dialect.log");
                        return Err(End::Close(1011, "the log cannot be read"));
                    }
                },
            }
        }
    }

    async fn tell(&mut self, delivery: Delivery) -> Result<(), End> {
        let (batch, run) = match delivery {
            Delivery::Run(batch, run) => (batch, run),
            Delivery::Gap(gap) => {
                let missed = self.speaker.missed(gap.to - gap.from + 1);
                return self.say([missed]).await;
            }
            // Only a filter picks, and none is set.
            Delivery::Picked(..) => return Ok(()),
        };
        let hub = &self.app.hub;
        let frames = batch.form(|batch| Frames::of::<S>(batch, hub));
        let speaker = &mut self.speaker;
        let bytes = frames.pick(&run, speaker.wants_all(), |topic| speaker.wants(topic));
        self.socket.send(&bytes).await
    }

    async fn say(&mut self, frames: impl IntoIterator<Item = String>) -> Result<(), End> {
        let mut out = Vec::new();
        for json in frames {
            frame::put_text(&mut out, &json);
        }
        self.socket.send(&out).await
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
