//! The deterministic stepper: from one fact and the folded account to the events that follow.
//!
//! [`step`] is a pure function. What it needs to know stands in the account, so that a run that was
//! cut off anywhere goes on as if it had not been: the events of one line are stored together or
//! not at all, and name the line. A line that nothing comes of may be worked off again; nothing
//! comes of it then either.
//!
//! The events of one line, in order:
//!
//! - a candidate: analysis started, safety checked, smart money checked, decided, and executed
//!   where the decision is to buy;
//! - a price of a held token that ends in a sale: decided, executed, a buyback on a profit that is
//!   worth one, and the circuit breaker where the sale trips it;
//! - a price of a held token that moved by a hundredth or more since it was last told: price changed.
//!
//! Sales are never refused: a limit that kept a falling token would be no limit of risk.

use serde::Serialize;
use serde_json::{Map, Value};

use super::config::TradingConfig;
use super::feed::{Candidate, Fact, Feed, Line};
use super::rules::{self, Findings, Standing};
use crate::event::trade::{
    Decision, ENGINE, Place, SafetyResult, Side, TradeAnalysisStarted, TradeBreakerTripped, TradeBuybackTriggered, TradeDecided,
    TradeEvent, TradeExecuted, TradePriceChanged, TradeSafetyChecked, TradeSmartMoneyChecked,
};
use crate::event::wire::Object;
use crate::event::{Draft, Entity, Timestamp};
use crate::swarm::trades::{Account, Breaker, Position, Today, money};

/// The entity of events that are about the account and no token: `trade:paper`.
pub const ACCOUNT: &str = "paper";

/// The account at one moment, with what decides over it.
#[derive(Debug)]
pub(super) struct Desk<'a> {
    /// The account.
    pub(super) account: &'a Account,
    /// The settings.
    pub(super) config: &'a TradingConfig,
    /// What signatures are derived from.
    pub(super) seed: u64,
    /// Where the feed stands; none where no run goes on.
    pub(super) place: Option<Place>,
    /// The moment: by the feed's clock where there is a place, else by the hub's.
    pub(super) at: Timestamp,
}

/// What follows from a line of a feed.
pub(super) fn step(account: &Account, config: &TradingConfig, seed: u64, feed: &Feed, line: &Line) -> Vec<TradeEvent> {
    let place = feed.place(line);
    let desk = Desk { account, config, seed, at: place.at, place: Some(place) };
    match &line.fact {
        Fact::Candidate(token) => desk.consider(token),
        Fact::Price { mint, price } => desk.price(mint, *price),
    }
}

/// The drafts of what the engine does, each about its token.
pub(super) fn drafts(events: Vec<TradeEvent>) -> Vec<Draft> {
    let mut about = ACCOUNT.to_owned();
    let drafts = events.into_iter().map(|event| {
        match &event {
            TradeEvent::AnalysisStarted(it) => about.clone_from(&it.mint),
            TradeEvent::SafetyChecked(it) => about.clone_from(&it.mint),
            TradeEvent::SmartMoneyChecked(it) => about.clone_from(&it.mint),
            TradeEvent::Decided(it) => about.clone_from(&it.mint),
            TradeEvent::Executed(it) => about.clone_from(&it.mint),
            TradeEvent::PriceChanged(it) => about.clone_from(&it.mint),
            // A buyback is about the token whose sale set it off.
            TradeEvent::BuybackTriggered(_) => {}
            TradeEvent::BreakerTripped(_) | TradeEvent::RunStarted(_) | TradeEvent::RunEnded(_) => ACCOUNT.clone_into(&mut about),
        }
        Draft::new(ENGINE, Entity::new("trade", about.clone()), event)
    });
    drafts.collect()
}

impl Desk<'_> {
    /// What the account holds; before it was ever used, what a new one begins with.
    pub(super) fn balance(&self) -> f64 {
        self.account.balance.unwrap_or(self.config.start_balance)
    }

    fn today(&self) -> Today {
        self.account.today(self.at, self.place.is_some())
    }

    fn breaker(&self) -> Option<&Breaker> {
        self.account.breaker(self.at, self.place.is_some())
    }

    /// How the account stands towards a token.
    pub(super) fn standing(&self, mint: &str) -> Standing {
        Standing {
            balance: self.balance(),
            open: self.account.positions.len() as u64,
            held: self.account.positions.contains_key(mint),
            today: self.today(),
            breaker: self.breaker().map(|breaker| (breaker.reason.clone(), breaker.until)),
        }
    }

    /// A candidate from the first look to the trade.
    fn consider(&self, token: &Candidate) -> Vec<TradeEvent> {
        let (mut events, decision) = self.analyse(token, self.place.clone(), None);
        if let Some(amount) = decision.amount {
            events.push(self.bought(&token.mint, amount, token.price, decision.reasons.join("; ")));
        }
        events
    }

    /// A candidate from the first look to the decision.
    pub(super) fn analyse(&self, token: &Candidate, place: Option<Place>, note: Option<&str>) -> (Vec<TradeEvent>, Decision) {
        let mint = || token.mint.clone();
        let findings = findings(token);
        let decision = rules::judge(self.config, &findings, &self.standing(&token.mint));
        let result = SafetyResult {
            is_safe: rules::is_safe(&findings.risks),
            risks: findings.risks.iter().map(|risk| risk.words()).collect(),
            authorities: Some(object(&token.authorities)),
            extensions: Some(object(&token.extensions)),
            holders: Some(object(&token.holders)),
            liquidity: Some(token.liquidity),
            extra: Map::new(),
        };
        let mut reasoning = match decision.amount {
            Some(amount) => format!("buy for {}", rules::number(amount)),
            None => "do not buy".to_owned(),
        };
        reasoning = format!("{reasoning}: {}", decision.reasons.join("; "));
        if let Some(note) = note {
            reasoning = format!("{reasoning} ({note})");
        }
        let events = vec![
            TradeEvent::AnalysisStarted(TradeAnalysisStarted { mint: mint(), place, extra: Map::new() }),
            TradeEvent::SafetyChecked(TradeSafetyChecked { mint: mint(), result, extra: Map::new() }),
            TradeEvent::SmartMoneyChecked(TradeSmartMoneyChecked { mint: mint(), count: findings.smart, extra: Map::new() }),
            decided(mint(), decision.clone(), Some(reasoning)),
        ];
        (events, decision)
    }

    /// A price of a token: a sale, a price told, or nothing.
    fn price(&self, mint: &str, price: f64) -> Vec<TradeEvent> {
        let Some(position) = self.account.positions.get(mint) else { return Vec::new() };
        if let Some(reason) = rules::exit(position.entry, price) {
            return self.sell(mint, position, position.tokens, price, reason);
        }
        if !rules::is_step(position.price, price) {
            return Vec::new();
        }
        let place = self.place.clone();
        vec![TradeEvent::PriceChanged(TradePriceChanged { mint: mint.to_owned(), price, place, extra: Map::new() })]
    }

    /// A buy, carried out.
    pub(super) fn bought(&self, mint: &str, amount: f64, price: f64, reason: String) -> TradeEvent {
        TradeEvent::Executed(TradeExecuted {
            mint: mint.to_owned(),
            side: Side::Buy,
            signature: rules::signature(self.seed, self.account.sequence),
            amount,
            price: Some(price),
            tokens: Some(amount / price),
            profit: None,
            balance: Some(money(self.balance() - amount)),
            reason: Some(reason),
            place: self.place.clone(),
            extra: Map::new(),
        })
    }

    /// A sale of so many of a position's tokens, with what it sets off.
    pub(super) fn sell(&self, mint: &str, position: &Position, tokens: f64, price: f64, reason: String) -> Vec<TradeEvent> {
        let cost = if tokens < position.tokens { money(position.cost * (tokens / position.tokens)) } else { position.cost };
        let amount = money(tokens * price);
        let profit = money(amount - cost);
        let balance = money(self.balance() + amount);
        let decision = rules::decision(Side::Sell, amount, vec![reason.clone()]);
        let mut events = vec![
            decided(mint.to_owned(), decision, None),
            TradeEvent::Executed(TradeExecuted {
                mint: mint.to_owned(),
                side: Side::Sell,
                signature: rules::signature(self.seed, self.account.sequence),
                amount,
                price: Some(price),
                tokens: Some(tokens),
                profit: Some(profit),
                balance: Some(balance),
                reason: Some(reason),
                place: self.place.clone(),
                extra: Map::new(),
            }),
        ];
        if let Some(spent) = rules::buyback(profit, balance) {
            events.push(self.bought_back(profit, spent, balance, self.account.sequence + 1));
        }
        events.extend(self.tripped(profit));
        events
    }

    /// A buyback, carried out from this balance.
    pub(super) fn bought_back(&self, profit: f64, amount: f64, balance: f64, sequence: u64) -> TradeEvent {
        TradeEvent::BuybackTriggered(TradeBuybackTriggered {
            profit,
            amount,
            signature: rules::signature(self.seed, sequence),
            balance: Some(money(balance - amount)),
            place: self.place.clone(),
            extra: Map::new(),
        })
    }

    /// The circuit breaker, where a sale with this profit trips it.
    fn tripped(&self, profit: f64) -> Option<TradeEvent> {
        if self.breaker().is_some() {
            return None;
        }
        let before = self.today();
        let losses_in_row = match profit {
            _ if profit < 0.0 => before.losses_in_row + 1,
            _ if profit > 0.0 => 0,
            _ => before.losses_in_row,
        };
        let after = Today { trades: before.trades + 1, profit: money(before.profit + profit), losses_in_row };
        let reason = rules::trips(after)?;
        let until = rules::next_day(self.at);
        Some(TradeEvent::BreakerTripped(TradeBreakerTripped { reason, until, extra: Map::new() }))
    }
}

/// What is known of a token when it is decided about.
pub(super) fn findings(token: &Candidate) -> Findings {
    Findings { risks: rules::risks(token), smart: rules::smart_wallets(&token.wallets), liquidity: token.liquidity }
}

/// A decision, told.
pub(super) fn decided(mint: String, decision: Decision, reasoning: Option<String>) -> TradeEvent {
    TradeEvent::Decided(TradeDecided { mint, decision, reasoning, extra: Map::new() })
}

fn object(of: &impl Serialize) -> Object {
    match serde_json::to_value(of) {
        Ok(Value::Object(object)) => object,
        _ => unreachable!("a struct of texts, flags and numbers is a JSON object"),
    }
}

#[cfg(test)]
mod tests;
