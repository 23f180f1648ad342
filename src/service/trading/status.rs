//! How the engine stands, as programs and HTTP are told.

use serde::Serialize;

use super::config::TradingConfig;
use super::feed::SAMPLE;
use crate::event::Timestamp;
use crate::swarm::SwarmState;
use crate::swarm::bounds::order;
use crate::swarm::trades::{Executed, Position, Run, Token, Trades};

/// How many decisions are told.
pub const MAX_DECISIONS: usize = 20;

/// How the engine stands.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TradingStatus {
    /// Whether a run goes on.
    pub running: bool,
    /// The newest run; none before the first.
    pub run: Option<RunStatus>,
    /// The account in numbers.
    pub statistics: StatisticsStatus,
    /// The open positions, by mint.
    pub positions: Vec<PositionStatus>,
    /// The newest decisions, one for each token, newest first, at most 20.
    pub decisions: Vec<DecisionStatus>,
    /// What stops buying; none while nothing does.
    pub breaker: Option<BreakerStatus>,
    /// The feeds that a run may be started over.
    pub feeds: Vec<String>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RunStatus {
    /// Its place in the log.
    pub since: u64,
    /// When it began, RFC 3339.
    pub started: String,
    /// The feed's name.
    pub feed: String,
    /// What its signatures are derived from.
    pub seed: u64,
    /// How many times faster than the feed's own clock it goes.
    pub speed: f64,
    /// The last line that something came of; 0 before the first.
    pub line: u64,
    /// That line's time by the feed's clock, RFC 3339.
    pub at: Option<String>,
    /// How many lines of the feed can be read.
    pub lines: u64,
    /// How many cannot and are left out.
    pub skipped: u64,
    /// The first of those, each with its number, at most 10.
    pub faults: Vec<String>,
    /// Why it is over: finished, stopped, or why it could not go on; none while it goes on.
    pub ended: Option<String>,
}

/// The account in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatisticsStatus {
    /// Trades of the day, buys and sales.
    pub today_trades: u64,
    /// Open positions.
    pub open_positions: u64,
    /// What sales brought beyond the cost, since the account began.
    #[serde(rename = "realizedPnL")]
    pub realized: f64,
    /// What the open positions are worth beyond their cost.
    #[serde(rename = "unrealizedPnL")]
    pub unrealized: f64,
    /// What the day's sales brought beyond the cost.
    #[serde(rename = "dailyPnL")]
    pub daily: f64,
    /// Sales with a profit among those with a profit or a loss, in percent; null before the first.
    pub win_rate: Option<f64>,
    /// What the account holds; what a new one begins with where none was opened yet.
    pub balance: f64,
}

/// An open position.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PositionStatus {
    /// The token's address.
    pub mint: String,
    /// What the tokens cost together.
    pub cost: f64,
    /// How many there are.
    pub tokens: f64,
    /// What one cost on average.
    pub entry_price: f64,
    /// What one costs now.
    pub price: f64,
    /// What they are worth beyond their cost.
    pub unrealized: f64,
    /// When the first was bought, RFC 3339.
    pub opened: String,
}

/// What was decided about a token last.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct DecisionStatus {
    /// The token's address.
    pub mint: String,
    /// Whether to trade.
    pub should_trade: bool,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// Whether it is safe; null where that was not checked.
    pub is_safe: Option<bool>,
    /// What speaks against it.
    pub risks: Vec<String>,
    /// How many smart wallets hold it; null where they were not counted.
    pub smart_money: Option<u64>,
    /// When it was heard of last, RFC 3339.
    pub ts: String,
}

/// What stops buying.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct BreakerStatus {
    /// Why.
    pub reason: String,
    /// Until when by the clock of the trades, RFC 3339.
    pub until: String,
}

/// An executed trade.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct TradeStatus {
    /// Its place in the log.
    pub seq: u64,
    /// When it was carried out, RFC 3339.
    pub ts: String,
    /// The token's address.
    pub mint: String,
    /// BUY or SELL.
    pub side: String,
    /// What was paid or got.
    pub amount: f64,
    /// What one token cost; null where the reporter did not say.
    pub price: Option<f64>,
    /// How many tokens changed hands; null where the reporter did not say.
    pub tokens: Option<f64>,
    /// What a sale brought beyond the cost; null for buys.
    pub profit: Option<f64>,
    /// Why; null where the reporter did not say.
    pub reason: Option<String>,
    /// The signature; the engine's begin with `sim-`.
    pub signature: String,
}

/// What came of an action by hand.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Simulated {
    /// The action.
    pub action: String,
    /// What it came to, in words.
    pub message: String,
    /// Where its events stand in the log.
    pub seqs: Vec<u64>,
}

impl TradingStatus {
    /// The engine as it is folded, at `now`.
    pub(super) fn of(state: &SwarmState, config: &TradingConfig, now: Timestamp) -> Self {
        let trades = &state.trades;
        let feeds = std::iter::once(SAMPLE).chain(config.feeds.iter().map(|feed| feed.name.as_str()));
        Self {
            running: trades.running().is_some(),
            run: trades.run.as_ref().map(RunStatus::of),
            statistics: StatisticsStatus::of(trades, config, now),
            positions: trades.account.positions.iter().map(|(mint, position)| PositionStatus::of(mint, position)).collect(),
            decisions: decisions(trades),
            breaker: breaker(trades, now),
            feeds: feeds.map(str::to_owned).collect(),
        }
    }
}

/// The breaker, as it is at the moment of the account's clock.
fn breaker(trades: &Trades, now: Timestamp) -> Option<BreakerStatus> {
    let by_feed = trades.account.by_feed;
    let at = if by_feed { trades.run.as_ref()?.at? } else { now };
    let breaker = trades.account.breaker(at, by_feed)?;
    Some(BreakerStatus { reason: breaker.reason.clone(), until: breaker.until.to_string() })
}

fn decisions(trades: &Trades) -> Vec<DecisionStatus> {
    let tokens: Vec<(&String, &Token)> = trades.tokens.iter().collect();
    let newest = order(tokens.iter().map(|(_, token)| token.last)).into_iter().rev();
    newest.filter_map(|index| DecisionStatus::of(tokens[index].0, tokens[index].1)).take(MAX_DECISIONS).collect()
}

impl RunStatus {
    fn of(run: &Run) -> Self {
        Self {
            since: run.since,
            started: run.started.to_string(),
            feed: run.feed.clone(),
            seed: run.seed,
            speed: run.speed,
            line: run.line,
            at: run.at.map(|at| at.to_string()),
            lines: run.lines,
            skipped: run.skipped,
            faults: run.faults.clone(),
            ended: run.ended.clone(),
        }
    }
}

impl StatisticsStatus {
    fn of(trades: &Trades, config: &TradingConfig, now: Timestamp) -> Self {
        let it = trades.statistics(now);
        Self {
            today_trades: it.today_trades,
            open_positions: it.open_positions,
            realized: it.realized,
            unrealized: it.unrealized,
            daily: it.daily,
            win_rate: it.win_rate,
            balance: it.balance.unwrap_or(config.start_balance),
        }
    }
}

impl PositionStatus {
    fn of(mint: &str, position: &Position) -> Self {
        Self {
            mint: mint.to_owned(),
            cost: position.cost,
            tokens: position.tokens,
            entry_price: position.entry,
            price: position.price,
            unrealized: position.unrealized(),
            opened: position.opened.to_string(),
        }
    }
}

impl DecisionStatus {
    fn of(mint: &str, token: &Token) -> Option<Self> {
        Some(Self {
            mint: mint.to_owned(),
            should_trade: token.should_trade?,
            reasons: token.reasons.clone(),
            is_safe: token.is_safe,
            risks: token.risks.clone(),
            smart_money: token.smart_money,
            ts: token.ts.to_string(),
        })
    }
}

impl TradeStatus {
    pub(super) fn of(trade: &Executed) -> Self {
        Self {
            seq: trade.seq,
            ts: trade.ts.to_string(),
            mint: trade.mint.clone(),
            side: trade.side.as_str().to_owned(),
            amount: trade.amount,
            price: trade.price,
            tokens: trade.tokens,
            profit: trade.profit,
            reason: trade.reason.clone(),
            signature: trade.signature.clone(),
        }
    }
}
