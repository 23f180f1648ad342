//! One connection of `/ws/events`: a cursor and a socket.

use std::convert::Infallible;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::frame::{self, Message};
use super::socket::{End, Socket};
use crate::event::control::{Control, Pong};
use crate::event::wire::{Wire as _, to_text};
use crate::event::{Filter, Timestamp};
use crate::hub::{Delivery, Subscription, now};
use crate::server::query::StreamQuery;
use crate::server::stream::{bye, opening};
use crate::server::{AppState, Counted};

pub(super) struct Connection {
    app: AppState,
    subscription: Subscription,
    heartbeats: watch::Receiver<Arc<str>>,
    socket: Socket,
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
            snapshot: query.snapshot,
            _open: Counted::new(&app.gauges, |gauges| &gauges.websockets),
            app,
        }
    }

    /// Serves the client until either side ends it.
    pub(super) async fn run(mut self) {
        let Err(end) = self.serve().await;
        self.socket.close(end).await;
    }

    async fn serve(&mut self) -> Result<Infallible, End> {
        let mut out = Vec::new();
        for opening in opening(&self.app, &mut self.subscription, self.snapshot) {
            frame::put_text(&mut out, &opening.json);
        }
        self.socket.send(&out).await?;
        loop {
            tokio::select! {
                biased;
                () = self.app.stopping.cancelled() => {
                    let bye = bye(&self.app.hub);
                    self.socket.send(&frame::text(&bye.to_json(now()))).await?;
                    return Err(End::Close(1001, "the server is stopping"));
                }
                message = self.socket.hear() => self.answer(message?).await?,
                _ = self.heartbeats.changed() => {
                    let heartbeat = Arc::clone(&self.heartbeats.borrow_and_update());
                    self.socket.send(&frame::text(&heartbeat)).await?;
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
            Delivery::Run(batch, run) => self.socket.send(&batch.frames(run)).await,
            Delivery::Picked(picked) => self.socket.send(&picked.frames()).await,
            Delivery::Gap(gap) => self.socket.send(&frame::text(&Control::Gap(gap).to_json(now()))).await,
        }
    }

    async fn answer(&mut self, message: Message) -> Result<(), End> {
        match message {
            Message::Text(text) => {
                if let Some(answer) = self.reply(&text) {
                    self.socket.send(&frame::text(&answer)).await?;
                }
                Ok(())
            }
            Message::Ping(bytes) => self.socket.send(&frame::pong(&bytes)).await,
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
