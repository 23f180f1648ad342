//! sessions: the live side of sessions that a client subscribed to, and its answers.

use axum::extract::{Request, State};
use axum::response::Response;

use super::conversation::{Ear, Speaker};
use crate::dialect::sessions::{self, Client, Frame};
use crate::event::Event;
use crate::hub::now;
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::swarm::SwarmState;

struct Sessions {
    app: AppState,
    client: Client,
}

impl Ear for Client {
    type Topic = Frame;

    fn frames(event: &Event, _: &SwarmState) -> Vec<(Frame, String)> {
        let split = |mut frame: Frame| {
            let json = std::mem::take(&mut frame.json);
            (frame, json)
        };
        sessions::frames(event).into_iter().map(split).collect()
    }

    fn wants_all(&self) -> bool {
        false
    }

    fn wants(&mut self, frame: &Frame) -> bool {
        Self::wants(self, frame)
    }
}

impl Speaker for Sessions {
    type Ear = Client;

    fn ear(&mut self) -> &mut Client {
        &mut self.client
    }

    async fn opening(&mut self) -> Vec<String> {
        vec![Client::connected(now())]
    }

    async fn hear(&mut self, text: String) -> Vec<String> {
        if let Some(decision) = self.client.receive(&text) {
            let answered = self
                .app
                .services
                .sessions
                .answer(None, &decision.request_id, decision.allowed, decision.always_allow, "websocket")
                .await;
            if let Err(refusal) = answered {
                // The dialect has no word for it; whoever answered first was told to everybody.
                tracing::debug!(%refusal, request = %decision.request_id, "server.sessions.answer");
            }
        }
        Vec::new()
    }

    fn missed(&self, count: u64) -> String {
        sessions::missed(count, now())
    }

    async fn due(&mut self) -> String {
        std::future::pending().await
    }

    fn farewell(&self) -> Option<String> {
        None
    }
}

/// Talk sessions over a WebSocket.
///
/// `connected` first; then `subscribe`, `unsubscribe` and `permission_response`, as docs/DIALECTS.md says.
#[utoipa::path(get, path = "/ws", tag = "dialects", responses((status = 101, description = "The connection is a WebSocket"), (status = 426, description = "Not a WebSocket handshake of version 13")))]
pub(super) async fn follow(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    super::converse(app, request, None, |app| Sessions { app: app.clone(), client: Client::default() })
}
