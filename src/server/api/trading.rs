//! Paper trading.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::{Deserialize, Serialize};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::server::query::pairs;
use crate::service::Services;
use crate::service::trading::{
    Action, DEFAULT_SEED, DEFAULT_TRADES, MAX_TRADES, Order, SAMPLE, Simulate, Simulated, TradeStatus, TradingStatus,
};

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(read_trading))
        .routes(routes!(start_trading))
        .routes(routes!(stop_trading))
        .routes(routes!(read_trades))
        .routes(routes!(simulate_trading))
}

/// What a run is started with.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct StartTrading {
    /// The feed: a name from the settings, or `sample`, which is taken where none is named.
    feed: Option<String>,
    /// What signatures are derived from, up to 2^53 - 1; 1 where none is named.
    seed: Option<u64>,
    /// How many times faster than the feed's own clock it goes, 0.01 to 1,000,000; 1 where none is named.
    speed: Option<f64>,
}

/// What is done by hand.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SimulateTrading {
    /// What.
    action: ActionName,
    /// With which token; the engine's choice where none is named.
    mint: Option<String>,
    /// For how much, in the account's currency; the rules' where none is named.
    amount: Option<f64>,
}

/// What can be done by hand.
#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum ActionName {
    /// Look at a token, up to the decision.
    Scan,
    /// Buy a token.
    Buy,
    /// Sell a position.
    Sell,
    /// Buy the own token back.
    Buyback,
}

/// The newest trades.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct TradesPage {
    /// The trades, newest first.
    trades: Vec<TradeStatus>,
}

/// Read how the paper-trading engine stands.
///
/// Its run, the account in numbers, open positions, the newest decisions and the circuit breaker.
#[utoipa::path(get, path = "/api/trading", tag = "trading", responses((status = 200, description = "How it stands", body = TradingStatus)))]
async fn read_trading(State(services): State<Services>) -> Json<TradingStatus> {
    Json(services.trading.status())
}

/// Start a run over a feed of token facts.
///
/// It begins with a new account. For one feed, seed and the same settings the payloads of its
/// events are the same each time.
#[utoipa::path(
    post, path = "/api/trading/start", tag = "trading", request_body = StartTrading,
    responses(
        (status = 200, description = "It runs", body = TradingStatus),
        (status = 400, description = "Not JSON, or a field does not fit"),
        (status = 404, description = "No feed of that name"),
        (status = 409, description = "A run goes on already"),
        (status = 413, description = "The feed is too large"),
        (status = 422, description = "A number is out of its bounds, or no line of the feed can be read"),
        (status = 503, description = "The feed or the log cannot be reached"),
    )
)]
async fn start_trading(State(services): State<Services>, Body(body): Body<StartTrading>) -> Result<Json<TradingStatus>, Problem> {
    let order = Order {
        feed: body.feed.unwrap_or_else(|| SAMPLE.to_owned()),
        seed: body.seed.unwrap_or(DEFAULT_SEED),
        speed: body.speed.unwrap_or(1.0),
    };
    Ok(Json(services.trading.start_run(order).await?))
}

/// Stop the run; the account stays as it is.
#[utoipa::path(
    post, path = "/api/trading/stop", tag = "trading",
    responses(
        (status = 200, description = "It is stopped", body = TradingStatus),
        (status = 409, description = "No run goes on"),
        (status = 503, description = "The log cannot be written"),
    )
)]
async fn stop_trading(State(services): State<Services>) -> Result<Json<TradingStatus>, Problem> {
    Ok(Json(services.trading.stop_run().await?))
}

/// Read the newest trades, newest first.
///
/// At most 100; older ones are in the log: `/api/events?types=trade.executed`.
#[utoipa::path(
    get, path = "/api/trading/trades", tag = "trading",
    params(("limit" = Option<u64>, Query, description = "How many, 1 to 100; 20 where it is left out")),
    responses(
        (status = 200, description = "The trades", body = TradesPage),
        (status = 400, description = "A parameter that is unknown or does not fit"),
    )
)]
async fn read_trades(State(services): State<Services>, RawQuery(query): RawQuery) -> Result<Json<TradesPage>, Problem> {
    let mut limit = DEFAULT_TRADES;
    for (name, value) in pairs(query.as_deref())? {
        match name.as_str() {
            "limit" => {
                let read = value.parse().ok().filter(|limit| (1..=MAX_TRADES).contains(limit));
                limit = read
                    .ok_or_else(|| Problem::parameter(format!("limit: {value:?} is no whole number from 1 to {MAX_TRADES}")))?;
            }
            "token" => {}
            _ => return Err(Problem::parameter(format!("{name}: unknown parameter; known is limit"))),
        }
    }
    Ok(Json(TradesPage { trades: services.trading.trades(limit) }))
}

/// Do by hand what a run does by its feed: scan, buy, sell or buy back.
///
/// The account's limits hold; a token's risks are for whoever asks to judge.
#[utoipa::path(
    post, path = "/api/trading/simulate", tag = "trading", request_body = SimulateTrading,
    responses(
        (status = 200, description = "Done", body = Simulated),
        (status = 400, description = "Not JSON, or a field does not fit"),
        (status = 404, description = "The feed does not know the token"),
        (status = 409, description = "The account's limits forbid it"),
        (status = 422, description = "The amount is none"),
        (status = 503, description = "The log cannot be written, or a run is about to go on"),
    )
)]
async fn simulate_trading(
    State(services): State<Services>,
    Body(body): Body<SimulateTrading>,
) -> Result<Json<Simulated>, Problem> {
    let action = match body.action {
        ActionName::Scan => Action::Scan,
        ActionName::Buy => Action::Buy,
        ActionName::Sell => Action::Sell,
        ActionName::Buyback => Action::Buyback,
    };
    Ok(Json(services.trading.simulate(Simulate { action, mint: body.mint, amount: body.amount }).await?))
}
