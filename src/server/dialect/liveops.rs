//! liveops: channels of frames over a WebSocket, and its HTTP bridge.

mod replay;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::watch;

use super::conversation::{Conversation, Ear, Speaker};
use crate::dialect::liveops::{self, BRIDGE_OK, CLOSE_FULL, Channel, Client, Replay};
use crate::event::{Draft, Event};
use crate::hub::{Hub, now};
use crate::server::AppState;
use crate::server::limits::MAX_MESSAGE;
use crate::server::problem::Problem;
use crate::server::query::{number, pairs};
use crate::server::websocket::{End, upgrade};
use crate::service::Refusal;
use crate::service::metrics::Reading;
use crate::swarm::SwarmState;

/// Between two signs of life where nothing else is asked for.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);
/// Longest time between two signs of life that can be asked for, in milliseconds.
const MAX_HEARTBEAT_MS: u64 = 3_600_000;

/// A client: what it subscribed to, and what it is told.
struct Liveops {
    app: AppState,
    client: Client,
    id: String,
    metrics: watch::Receiver<Reading>,
}

impl Liveops {
    fn new(app: &AppState) -> Self {
        Self { app: app.clone(), client: Client::default(), id: fresh_id(), metrics: app.services.metrics.watch() }
    }

    /// Stores what the client publishes, completed with what the deck has not heard yet.
    async fn publish(&self, drafts: Vec<Draft>) -> Result<(), String> {
        publish(&self.app.hub, drafts).await.map_err(|refusal| refusal.detail)
    }

    /// The newest frames that the client wants, or those from a time or a place on. Nothing where the
    /// server stops before their turn.
    async fn replay(&self, asked: Replay) -> Option<String> {
        let found = tokio::select! {
            found = replay::read(&self.app.hub, &self.client, asked) => found,
            () = self.app.stopping.cancelled() => return None,
        };
        let found = found.unwrap_or_else(|error| {
            tracing::error!(%error, "server.liveops.replay");
            replay::Found::default()
        });
        Some(self.client.replay_frame(&found.frames, found.more, now()))
    }
}

/// Stores what a client publishes; what the deck has not heard yet of its agents and tasks goes before.
async fn publish(hub: &Hub, drafts: Vec<Draft>) -> Result<(), Refusal> {
    let rule = move |state: &SwarmState, _| Ok::<_, Refusal>((liveops::settled(drafts, state), ()));
    hub.decide(rule).await.map(|_| ()).map_err(Refusal::from)
}

/// An id that nobody else has: 128 random bits.
fn fresh_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness the system is not usable; ids then repeat, which harms nobody.
    let _no_randomness = getrandom::fill(&mut bytes);
    ["client-".to_owned(), format!("{:032x}", u128::from_be_bytes(bytes))].concat()
}

impl Ear for Client {
    type Topic = Channel;

    fn frames(event: &Event, state: &SwarmState) -> Vec<(Channel, String)> {
        liveops::frames(event, state).map(|frame| (frame.channel, frame.json)).into_iter().collect()
    }

    fn wants_all(&self) -> bool {
        // Only who never subscribed to anything hears a publisher's own channel.
        Self::wants(self, Channel::Other)
    }

    fn wants(&mut self, channel: &Channel) -> bool {
        Self::wants(self, *channel)
    }
}

impl Speaker for Liveops {
    type Ear = Client;

    fn ear(&mut self) -> &mut Client {
        &mut self.client
    }

    async fn opening(&mut self) -> Vec<String> {
        vec![Client::welcome(&self.id, now())]
    }

    async fn hear(&mut self, text: String) -> Vec<String> {
        let answer = self.client.receive(&text, now());
        let mut replies = answer.replies;
        if !answer.publish.is_empty()
            && let Err(error) = self.publish(answer.publish).await
        {
            replies.push(liveops::error(&error, now()));
        }
        if let Some(replay) = answer.replay {
            replies.extend(self.replay(replay).await);
        }
        replies
    }

    fn too_long(&self) -> Option<String> {
        Some(liveops::error(&format!("Invalid message format: over the limit of {MAX_MESSAGE} bytes"), now()))
    }

    fn missed(&self, count: u64) -> String {
        liveops::missed(count, now())
    }

    async fn due(&mut self) -> String {
        loop {
            if self.metrics.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            let measured = self.metrics.borrow_and_update().clone();
            if self.client.wants(Channel::Metrics) {
                return liveops::metrics(&measured.metrics, measured.at);
            }
        }
    }

    fn farewell(&self) -> Option<String> {
        Some(liveops::shutdown(now()))
    }
}

/// Talk liveops over a WebSocket.
///
/// `welcome` first; then `subscribe`, `unsubscribe`, `ping`, `replay` and `event`, as docs/DIALECTS.md says.
#[utoipa::path(get, path = "/ws/liveops", tag = "dialects",
    params(("heartbeat_ms" = Option<u64>, Query, description = "Between two signs of life, 100 to 3600000; 30000 where absent")),
    responses((status = 101, description = "The connection is a WebSocket"), (status = 426, description = "Not a WebSocket handshake of version 13")))]
pub(super) async fn follow(
    State(app): State<AppState>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    super::converse(app, request, Some(heartbeat(query.as_deref())?), Liveops::new)
}

/// How often a client wants to be asked for a sign of life.
///
/// # Errors
/// Another parameter, or a time out of bounds.
pub(super) fn heartbeat(query: Option<&str>) -> Result<Duration, Problem> {
    let mut heartbeat = HEARTBEAT;
    for (name, value) in pairs(query)? {
        match name.as_str() {
            "heartbeat_ms" => heartbeat = Duration::from_millis(number("heartbeat_ms", &value, MAX_HEARTBEAT_MS)?.max(100)),
            "token" => {}
            _ => return Err(Problem::parameter(format!("{name}: unknown parameter; known is heartbeat_ms"))),
        }
    }
    Ok(heartbeat)
}

/// How many clients a listener of its own may have, and how often it looks whether they are there.
#[derive(Debug, Clone)]
pub(in crate::server) struct Bounds {
    /// How many at once.
    pub(in crate::server) max_connections: usize,
    /// Between two signs of life.
    pub(in crate::server) heartbeat: Duration,
    /// How many there are.
    pub(in crate::server) open: Arc<AtomicUsize>,
}

/// A place among those that a listener has; given back at the end.
struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(bounds: &Bounds) -> Option<Self> {
        let taken = bounds.open.fetch_add(1, Ordering::Relaxed);
        let seat = Self(Arc::clone(&bounds.open));
        (taken < bounds.max_connections).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A client of a listener of its own. One too many is let in, told so and sent away: that is how
/// the clients of this system learn it.
pub(in crate::server) fn serve(app: AppState, bounds: Bounds, request: Request) -> Result<Response, Problem> {
    upgrade(app, request, move |app, socket| async move {
        let Some(_seat) = Seat::take(&bounds) else {
            return socket.close(End::Close(CLOSE_FULL.0, CLOSE_FULL.1)).await;
        };
        let speaker = Liveops::new(&app);
        Conversation::new(app, socket, speaker, Some(bounds.heartbeat)).run().await;
    })
}

/// Publish a liveops event without a WebSocket.
///
/// The HTTP bridge: `POST /event` on the port after a listener's.
#[utoipa::path(post, path = "/api/liveops/event", tag = "dialects",
    request_body(content_type = "application/json", description = "`{channel, type, event?, timestamp?}`"),
    responses((status = 200, description = "Committed"), (status = 400, description = "Not JSON, or no channel or type"),
              (status = 413, description = "The event is too large"), (status = 503, description = "The log takes no events now")))]
pub(in crate::server) async fn bridge(State(app): State<AppState>, body: Result<Bytes, BytesRejection>) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) => {
            let said = json!({"error": error.body_text()}).to_string();
            return (error.status(), [(header::CONTENT_TYPE, "application/json")], said).into_response();
        }
    };
    let published = match liveops::bridge(&body, now()) {
        Ok(draft) => publish(&app.hub, vec![draft]).await.map_err(|refusal| (503, json!({"error": refusal.detail}).to_string())),
        Err(error) => Err((error.status(), error.json())),
    };
    let (status, body) = match published {
        Ok(()) => (200, BRIDGE_OK.to_owned()),
        Err(refused) => refused,
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
