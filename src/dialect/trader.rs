//! The trader dialect: the paper engine's doings.
//!
//! On open a client gets [`hello`], then the [`frames`] of every event as they come, and its
//! [`positions`] from time to time. It may send `SIMULATE`, read by [`receive`] and answered with
//! [`ack`]; whatever else it sends is ignored.
//!
//! Every frame is `{"type":…,"timestamp":<unix ms>,"data":{…}}`. Fields are spelled in camel case;
//! where an event's own field has another spelling (`should_trade`), that is there too.
//!
//! What a client of this kind takes for granted is always there: a balance of an account that was
//! never opened and a win rate without a sale are 0.

use serde_json::{Map, Value, json};

use crate::event::table::words;
use crate::event::trade::TradeEvent;
use crate::event::wire::{Wire, to_text};
use crate::event::{Body, Event, Timestamp};
use crate::swarm::SwarmState;
use crate::swarm::trades::{Executed, Position};

/// How many trades a client is told of when it connects, the newest first.
pub const MAX_INITIAL_TRADES: usize = 20;
/// How often a client is told of all positions, in seconds.
pub const POSITIONS_SECONDS: u64 = 30;
/// Longest message of a client that is read, in bytes; a longer one is ignored.
pub const MAX_RECEIVED: usize = 4 << 10;

words! {
    /// What a client may ask the paper engine to do.
    pub enum Action {
        /// Look at a token, up to the decision.
        Scan = "scan",
        /// Buy a token.
        Buy = "buy",
        /// Sell a position.
        Sell = "sell",
        /// Buy the own token back.
        Buyback = "buyback",
    }
}

/// What a client asks the paper engine to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulate {
    /// What.
    pub action: Action,
    /// With which token; the engine's choice where none is named.
    pub mint: Option<String>,
    /// For how much, in the account's currency; the rules' where none is named.
    pub amount: Option<f64>,
}

/// What a client is told when it connects.
pub fn hello(state: &SwarmState, now: Timestamp) -> Vec<String> {
    let trades: Vec<Value> = state.trades.executed.iter().rev().take(MAX_INITIAL_TRADES).map(trade).collect();
    vec![
        frame("CONNECTED", now, json!({ "message": "Connected to the paper-trading engine of Swarmdeck" })),
        frame("INITIAL_TRADES", now, json!({ "trades": trades })),
        positions(state, now),
        stats(state, now),
    ]
}

/// All open positions.
pub fn positions(state: &SwarmState, now: Timestamp) -> String {
    let open = &state.trades.account.positions;
    let positions: Vec<Value> = open.iter().map(|(mint, position)| held(mint, position)).collect();
    frame("POSITIONS_UPDATE", now, json!({ "positions": positions }))
}

/// The account in numbers.
pub fn stats(state: &SwarmState, now: Timestamp) -> String {
    let it = state.trades.statistics(now);
    let data = json!({
        "todayTrades": it.today_trades,
        "openPositions": it.open_positions,
        "realizedPnL": it.realized,
        "unrealizedPnL": it.unrealized,
        "dailyPnL": it.daily,
        "winRate": it.win_rate.unwrap_or(0.0),
        "balance": it.balance.unwrap_or(0.0),
    });
    frame("STATS_UPDATE", now, data)
}

/// The frames of an event; none where this dialect has no name for it. `state` is any state in
/// which the event is folded.
///
/// What changes the account is followed by its numbers; a new account by its positions too.
pub fn frames(event: &Event, state: &SwarmState) -> Vec<String> {
    let Body::Trade(body) = &event.body else { return Vec::new() };
    let at = event.when();
    let told = |name: &str, data: Value| vec![frame(name, at, data)];
    match body {
        TradeEvent::AnalysisStarted(it) => told("ANALYSIS_START", json!({ "mint": it.mint })),
        TradeEvent::SafetyChecked(it) => {
            told("SAFETY_CHECK", json!({ "mint": it.mint, "result": spelled_both_ways(&it.result) }))
        }
        TradeEvent::SmartMoneyChecked(it) => told("SMART_MONEY_CHECK", json!({ "mint": it.mint, "count": it.count })),
        TradeEvent::Decided(it) => {
            let mut data = json!({ "mint": it.mint, "decision": spelled_both_ways(&it.decision) });
            put(&mut data, "reasoning", it.reasoning.as_deref());
            told("TRADE_DECISION", data)
        }
        TradeEvent::Executed(it) => {
            let mut data = json!({
                "mint": it.mint, "type": it.side.as_str(), "signature": it.signature, "amount": it.amount,
            });
            put(&mut data, "price", it.price);
            put(&mut data, "tokens", it.tokens);
            put(&mut data, "profit", it.profit);
            put(&mut data, "reason", it.reason.as_deref());
            vec![frame("TRADE_EXECUTED", at, data), stats(state, at)]
        }
        TradeEvent::BuybackTriggered(it) => {
            let data = json!({ "profit": it.profit, "amount": it.amount, "signature": it.signature });
            vec![frame("BUYBACK_TRIGGERED", at, data), stats(state, at)]
        }
        TradeEvent::RunStarted(_) => vec![positions(state, at), stats(state, at)],
        TradeEvent::PriceChanged(_) | TradeEvent::BreakerTripped(_) | TradeEvent::RunEnded(_) => Vec::new(),
    }
}

/// Reads what a client sent; none where it is to be ignored. `mint` and `amount` may stand beside
/// `action` or under `data`.
pub fn receive(text: &str) -> Option<Simulate> {
    if text.len() > MAX_RECEIVED {
        return None;
    }
    let message: Value = serde_json::from_str(text).ok()?;
    if message["type"] != "SIMULATE" {
        return None;
    }
    let find = |key: &str| message.get(key).or_else(|| message["data"].get(key)).filter(|value| !value.is_null());
    let action = find("action")?.as_str()?;
    let action = *Action::ALL.iter().find(|known| known.as_str() == action)?;
    let mint = find("mint").map(|mint| mint.as_str().map(str::to_owned));
    let amount = find("amount").map(Value::as_f64);
    // One that says what cannot be a token or an amount is not half done.
    match (mint, amount) {
        (Some(None), _) | (_, Some(None)) => None,
        (mint, amount) => Some(Simulate { action, mint: mint.flatten(), amount: amount.flatten() }),
    }
}

/// What a client that fell behind is told, in the place of `count` events that it will not get.
pub fn missed(count: u64, now: Timestamp) -> String {
    to_text(&json!({ "type": "MISSED", "timestamp": now.0, "data": { "count": count } }))
}

/// The answer to a `SIMULATE`: what came of it in words, or why nothing did.
pub fn ack(action: Action, outcome: Result<&str, &str>, now: Timestamp) -> String {
    let action = action.as_str();
    let data = match outcome {
        Ok(message) => json!({ "action": action, "success": true, "message": message }),
        Err(error) => json!({ "action": action, "success": false, "error": error }),
    };
    to_text(&json!({ "type": "SIMULATE_ACK", "timestamp": now.0, "action": action, "data": data }))
}

fn frame(name: &str, at: Timestamp, data: Value) -> String {
    to_text(&json!({ "type": name, "timestamp": at.0, "data": data }))
}

fn trade(it: &Executed) -> Value {
    let mut entry = json!({
        "id": it.signature, "mint": it.mint, "type": it.side.as_str(), "side": it.side.as_str(), "amount": it.amount,
        "signature": it.signature, "timestamp": it.ts.0,
    });
    put(&mut entry, "price", it.price);
    put(&mut entry, "tokens", it.tokens);
    put(&mut entry, "profit", it.profit);
    put(&mut entry, "reason", it.reason.as_deref());
    entry
}

fn held(mint: &str, it: &Position) -> Value {
    let percent = if it.cost > 0.0 { it.unrealized() * 100.0 / it.cost } else { 0.0 };
    json!({
        "mint": mint, "amount": it.cost, "tokens": it.tokens, "entryPrice": it.entry, "currentPrice": it.price,
        "unrealizedPnL": it.unrealized(), "unrealizedPnLPercent": percent, "timestamp": it.opened.0,
    })
}

fn put(data: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let (Value::Object(data), Some(value)) = (data, value) {
        data.insert(key.to_owned(), value.into());
    }
}

/// A payload's JSON in which each key of several words stands twice: `is_safe` and `isSafe`.
fn spelled_both_ways(payload: &impl Wire) -> Value {
    both(serde_json::from_str(&to_text(payload)).unwrap_or_default())
}

fn both(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut out = Map::new();
            for (key, value) in entries {
                let value = both(value);
                let camel = camel(&key);
                if camel != key {
                    out.insert(camel, value.clone());
                }
                out.insert(key, value);
            }
            Value::Object(out)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(both).collect()),
        scalar => scalar,
    }
}

fn camel(key: &str) -> String {
    let mut words = key.split('_');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

#[cfg(test)]
mod tests;
