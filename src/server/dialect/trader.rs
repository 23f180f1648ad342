//! trader: the paper engine's doings, and a client's wishes to it.

use std::time::Duration;

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::conversation::{Ear, Speaker};
use super::liveops::{HEARTBEAT, heartbeat};
use crate::dialect::trader;
use crate::event::Event;
use crate::hub::now;
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::swarm::SwarmState;

struct Trader {
    app: AppState,
    clock: Interval,
    ear: Everything,
}

/// A client hears everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Everything;

impl Ear for Everything {
    type Topic = ();

    fn frames(event: &Event, state: &SwarmState) -> Vec<((), String)> {
        trader::frames(event, state).into_iter().map(|json| ((), json)).collect()
    }

    fn wants_all(&self) -> bool {
        true
    }

    fn wants(&mut self, (): &()) -> bool {
        true
    }
}

impl Speaker for Trader {
    type Ear = Everything;

    fn ear(&mut self) -> &mut Everything {
        &mut self.ear
    }

    async fn opening(&mut self) -> Vec<String> {
        self.clock.reset();
        trader::hello(&self.app.hub.state(), now())
    }

    async fn hear(&mut self, text: String) -> Vec<String> {
        let Some(wish) = trader::receive(&text) else { return Vec::new() };
        let action = wish.action;
        let outcome = self.app.services.trading.simulate(wish).await;
        let told = outcome.as_ref().map(|done| done.message.as_str()).map_err(|refusal| refusal.detail.as_str());
        vec![trader::ack(action, told, now())]
    }

    fn missed(&self, count: u64) -> String {
        trader::missed(count, now())
    }

    async fn due(&mut self) -> String {
        self.clock.tick().await;
        trader::positions(&self.app.hub.state(), now())
    }

    fn farewell(&self) -> Option<String> {
        None
    }
}

/// Talk trader over a WebSocket.
///
/// `CONNECTED`, `INITIAL_TRADES`, `POSITIONS_UPDATE` and `STATS_UPDATE` first; then every trade, and
/// `SIMULATE` from the client, as docs/DIALECTS.md says.
#[utoipa::path(get, path = "/ws/trader", tag = "dialects",
    params(("heartbeat_ms" = Option<u64>, Query, description = "Between two signs of life, 100 to 3600000; 30000 where absent")),
    responses((status = 101, description = "The connection is a WebSocket"), (status = 400, description = "A parameter does not fit"),
        (status = 426, description = "Not a WebSocket handshake of version 13")))]
pub(super) async fn follow(
    State(app): State<AppState>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Problem> {
    converse(app, request, heartbeat(query.as_deref())?)
}

/// A client of a listener of its own, at whatever path and with whatever parameters.
pub(in crate::server) async fn serve(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    converse(app, request, HEARTBEAT)
}

fn converse(app: AppState, request: Request, heartbeat: Duration) -> Result<Response, Problem> {
    super::converse(app, request, Some(heartbeat), |app| {
        let mut clock = interval(Duration::from_secs(trader::POSITIONS_SECONDS));
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Trader { app: app.clone(), clock, ear: Everything }
    })
}
