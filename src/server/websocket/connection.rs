//! One WebSocket connection: a cursor, a parser and a socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::frame::{self, Message, Parser, Violation};
use crate::event::control::{Control, Pong};
use crate::event::wire::{Wire as _, to_text};
use crate::event::{Filter, Timestamp};
use crate::hub::{Delivery, Subscription, now};
use crate::server::limits::STALL_SECONDS;
use crate::server::query::StreamQuery;
use crate::server::stream::{bye, opening};
use crate::server::{AppState, Counted};

/// How many bytes one read takes from a client; more comes with the next.
const READ: usize = 1_024;
/// How long a client has to answer a close.
const CLOSING: Duration = Duration::from_secs(2);

pub(super) struct Connection {
    app: AppState,
    subscription: Subscription,
    heartbeats: watch::Receiver<Arc<str>>,
    parser: Parser,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    snapshot: bool,
    _open: Counted,
}

/// Why a connection ends.
enum End {
    /// It must be told a code and why.
    Close(u16, &'static str),
    /// The client closed, with this code.
    Closed(u16),
    /// The socket is gone or stuck.
    Gone,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        Self::Close(violation.code, violation.reason)
    }
}

impl Connection {
    /// A connection after its handshake; `early` is what the client sent right behind it.
    pub(super) fn new(app: AppState, query: &StreamQuery, socket: TcpStream, early: &[u8]) -> Self {
        let (reader, writer) = socket.into_split();
        let mut parser = Parser::default();
        parser.feed(early);
        Self {
            subscription: app.hub.subscribe(query.after.into(), query.filter.clone(), query.lag),
            heartbeats: app.heartbeats.watch(),
            parser,
            reader,
            writer,
            snapshot: query.snapshot,
            _open: Counted::new(&app.gauges, |gauges| &gauges.websockets),
            app,
        }
    }

    /// Serves the client until either side ends it.
    pub(super) async fn run(mut self) {
        let end = match self.serve().await {
            Err(end) => end,
            Ok(never) => match never {},
        };
        let (code, reason) = match end {
            End::Close(code, reason) => (code, reason),
            End::Closed(code) => (code, ""),
            End::Gone => return,
        };
        let goodbye = async {
            self.writer.write_all(&frame::closing(code, reason)).await?;
            self.writer.shutdown().await?;
            // The client's own close, or the end of its socket: a reset would lose what is on its way.
            let mut rest = [0; READ];
            while read(&self.reader, &mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        let _late_or_gone = tokio::time::timeout(CLOSING, goodbye).await;
    }

    async fn serve(&mut self) -> Result<std::convert::Infallible, End> {
        let mut out = Vec::new();
        for opening in opening(&self.app, &mut self.subscription, self.snapshot) {
            frame::put_text(&mut out, &opening.json);
        }
        self.send(&out).await?;
        let mut bytes = [0; READ];
        loop {
            while let Some(message) = self.parser.message()? {
                self.answer(message).await?;
            }
            tokio::select! {
                biased;
                () = self.app.stopping.cancelled() => {
                    let bye = bye(&self.app.hub);
                    self.send(&frame::text(&bye.to_json(now()))).await?;
                    return Err(End::Close(1001, "the server is stopping"));
                }
                length = read(&self.reader, &mut bytes) => match length? {
                    0 => return Err(End::Gone),
                    length => self.parser.feed(&bytes[..length]),
                },
                _ = self.heartbeats.changed() => {
                    let heartbeat = Arc::clone(&self.heartbeats.borrow_and_update());
                    self.send(&frame::text(&heartbeat)).await?;
                }
                delivery = self.subscription.next() => match delivery {
                    Ok(delivery) => self.deliver(delivery).await?,
                    Err(error) => {
                        tracing::error!(%error, "server.websocket.log");
                        return Err(End::Close(1011, "the log cannot be read"));
                    }
                },
            }
        }
    }

    async fn deliver(&mut self, delivery: Delivery) -> Result<(), End> {
        match delivery {
            Delivery::Run(batch, run) => self.send(&batch.frames(run)).await,
            Delivery::Picked(batch, picked, mut prev) => {
                let mut out = Vec::new();
                for index in picked.into_iter().map(|index| index as usize) {
                    frame::put_text(&mut out, &batch.json_with_prev(index, prev));
                    prev = batch.seq(index);
                }
                self.send(&out).await
            }
            Delivery::Gap(gap) => self.send(&frame::text(&Control::Gap(gap).to_json(now()))).await,
        }
    }

    /// Writes it all, for as long as the client takes some of it now and then.
    async fn send(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        while !bytes.is_empty() {
            let stalled = Duration::from_secs(STALL_SECONDS);
            let written = tokio::select! {
                written = tokio::time::timeout(stalled, self.writer.write(bytes)) => written.map_err(|_| End::Gone)??,
                // A client that takes nothing cannot be told either that the server stops.
                () = stuck(&self.app) => return Err(End::Gone),
            };
            if written == 0 {
                return Err(End::Gone);
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }

    async fn answer(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Text(text) => {
                if let Some(answer) = self.reply(&text) {
                    self.send(&frame::text(&answer)).await?;
                }
                Ok(())
            }
            Message::Ping(bytes) => self.send(&frame::pong(&bytes)).await,
            Message::Binary | Message::Pong => Ok(()),
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

/// Done a little after the server begins to stop.
async fn stuck(app: &AppState) {
    app.stopping.cancelled().await;
    tokio::time::sleep(CLOSING).await;
}

/// Reads what is there without keeping a buffer while nothing is.
async fn read(reader: &OwnedReadHalf, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        reader.readable().await?;
        match reader.try_read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
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
