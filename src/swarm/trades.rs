//! What trading agents looked at, decided and did, and the paper engine's run and [`Account`].
//!
//! Any agent's trades are listed and counted. Run and account are folded from what the engine
//! itself says, by its source: neither a demo nor another trader moves them.

mod account;
mod curve;

pub use account::{Account, Breaker, DAY_MS, MAX_POSITIONS, Position, Statistics, Today, money};
pub use curve::{Curve, MAX_STRETCHES, Stretch};

use std::collections::VecDeque;

use super::agents::MAX_TEXT;
use super::bounds::{clip, prune, push_newest};
use super::table::Table;
use crate::event::table::record;
use crate::event::trade::{ENGINE, Place, Side, TradeEvent, TradeExecuted, TradeRunStarted};
use crate::event::{Event, Timestamp};

/// How many tokens are kept; past it those longest untouched are forgotten.
pub const MAX_TOKENS: usize = 200;
/// How many executed trades are kept; older ones are in the log.
pub const MAX_EXECUTED: usize = 100;
/// How many risks or reasons of one token are kept.
pub const MAX_REASONS: usize = 16;
/// How many unreadable lines of a feed are kept in words.
pub const MAX_FAULTS: usize = 10;

record! {
    /// What is known of one token.
    pub struct Token {
        /// Whether nothing speaks against it; unknown before the check.
        is_safe: Option<bool>,
        /// What speaks against it.
        risks: Vec<String>,
        /// How many wallets with a good record hold it.
        smart_money: Option<u64>,
        /// Whether it is to be traded; unknown before the decision.
        should_trade: Option<bool>,
        /// Which way.
        side: Option<Side>,
        /// How much.
        amount: Option<f64>,
        /// Why.
        reasons: Vec<String>,
        /// The newest event's place in the log.
        last: u64,
        /// When that was.
        ts: Timestamp,
    }
}

record! {
    /// One executed trade.
    pub struct Executed {
        /// Its place in the log.
        seq: u64,
        /// When it was carried out.
        ts: Timestamp,
        /// The token's address.
        mint: String,
        /// Which way.
        side: Side,
        /// How much, in the account's currency.
        amount: f64,
        /// What one token cost.
        price: Option<f64>,
        /// How many tokens changed hands.
        tokens: Option<f64>,
        /// What a sale brought beyond what the tokens had cost.
        profit: Option<f64>,
        /// Why.
        reason: Option<String>,
        /// The transaction's signature.
        signature: String,
        /// Whether the paper engine made it up; else it is as another agent reports it.
        simulated: bool,
    }
}

record! {
    /// A run of the paper engine over a feed.
    pub struct Run {
        /// Its `trade.run_started`'s place in the log.
        since: u64,
        /// When it began.
        started: Timestamp,
        /// The feed's name.
        feed: String,
        /// A hash of the feed's text.
        digest: String,
        /// What its signatures are derived from.
        seed: u64,
        /// How many times faster than the feed's own clock it goes.
        speed: f64,
        /// How many lines of the feed can be read.
        lines: u64,
        /// How many cannot.
        skipped: u64,
        /// The first of those.
        faults: Vec<String>,
        /// The last line that something came of; 0 before the first.
        line: u64,
        /// That line's time by the feed's clock.
        at: Option<Timestamp>,
        /// Why it is over; none while it goes on.
        ended: Option<String>,
    }
}

record! {
    /// The trades.
    #[derive(Default)]
    pub struct Trades {
        /// The tokens by address.
        tokens: Table<Token>,
        /// The newest trades, oldest first.
        executed: VecDeque<Executed>,
        /// How many buys there ever were.
        buys: u64,
        /// How many sales.
        sells: u64,
        /// How many buybacks.
        buybacks: u64,
        /// What the buybacks spent.
        bought_back: f64,
        /// The paper account.
        account: Account,
        /// What the paper account was worth, since its run began.
        curve: Curve,
        /// The paper engine's newest run.
        run: Option<Run>,
    }
}

impl Trades {
    /// The run, while it goes on.
    pub fn running(&self) -> Option<&Run> {
        self.run.as_ref().filter(|run| run.ended.is_none())
    }

    /// The account in numbers. The day is the feed's where the account's newest event came of a
    /// feed; else the one of `now`.
    pub fn statistics(&self, now: Timestamp) -> Statistics {
        let account = &self.account;
        let at = if account.by_feed { Timestamp(account.day.saturating_mul(DAY_MS)) } else { now };
        let today = account.today(at, account.by_feed);
        let sales = account.wins + account.losses;
        Statistics {
            today_trades: today.trades,
            open_positions: account.positions.len() as u64,
            realized: account.realized,
            unrealized: account.unrealized(),
            daily: today.profit,
            win_rate: (sales > 0).then(|| account.wins as f64 * 100.0 / sales as f64),
            balance: account.balance,
        }
    }

    pub(super) fn fold(&mut self, event: &Event, body: &TradeEvent) {
        match body {
            TradeEvent::AnalysisStarted(it) => {
                self.token(event, &it.mint);
            }
            TradeEvent::SafetyChecked(it) => {
                let token = self.token(event, &it.mint);
                token.is_safe = Some(it.result.is_safe);
                token.risks = short(&it.result.risks, MAX_REASONS);
            }
            TradeEvent::SmartMoneyChecked(it) => self.token(event, &it.mint).smart_money = Some(it.count),
            TradeEvent::Decided(it) => {
                let token = self.token(event, &it.mint);
                token.should_trade = Some(it.decision.should_trade);
                (token.side, token.amount) = (it.decision.side, it.decision.amount);
                token.reasons = short(&it.decision.reasons, MAX_REASONS);
            }
            TradeEvent::Executed(it) => self.executed(event, it),
            TradeEvent::BuybackTriggered(it) => {
                self.buybacks += 1;
                self.bought_back = money(self.bought_back + it.amount);
            }
            TradeEvent::PriceChanged(_) | TradeEvent::BreakerTripped(_) | TradeEvent::RunStarted(_) | TradeEvent::RunEnded(_) => {
            }
        }
        if event.source == ENGINE {
            self.fold_engine(event, body);
        }
        prune(&mut self.tokens, MAX_TOKENS, |token| (true, token.last));
    }

    /// What the engine says of its run and account.
    fn fold_engine(&mut self, event: &Event, body: &TradeEvent) {
        match body {
            TradeEvent::AnalysisStarted(it) => self.reach(it.place.as_ref()),
            TradeEvent::Executed(it) => {
                match &it.place {
                    Some(place) => self.reach(Some(place)),
                    None => self.account.reach(event.when(), false),
                }
                self.account.trade(event, it);
            }
            TradeEvent::BuybackTriggered(it) => {
                self.reach(it.place.as_ref());
                self.account.buy_back(it);
            }
            TradeEvent::PriceChanged(it) => {
                self.reach(it.place.as_ref());
                self.account.priced(event, it);
            }
            TradeEvent::BreakerTripped(it) => {
                self.account.breaker = Some(Breaker { reason: clip(&it.reason, MAX_TEXT), until: it.until });
            }
            TradeEvent::RunStarted(it) => self.started(event, it),
            TradeEvent::RunEnded(it) => {
                if let Some(run) = &mut self.run {
                    run.ended.get_or_insert(clip(&it.reason, MAX_TEXT));
                }
            }
            TradeEvent::SafetyChecked(_) | TradeEvent::SmartMoneyChecked(_) | TradeEvent::Decided(_) => {}
        }
        let moved = match body {
            TradeEvent::Executed(it) => Some(&it.place),
            TradeEvent::BuybackTriggered(it) => Some(&it.place),
            TradeEvent::PriceChanged(it) => Some(&it.place),
            _ => None,
        };
        if let (Some(place), Some(worth)) = (moved, self.account.worth()) {
            self.curve.add(place.as_ref().map_or(event.when(), |place| place.at), worth);
        }
    }

    fn executed(&mut self, event: &Event, it: &TradeExecuted) {
        self.token(event, &it.mint);
        match it.side {
            Side::Buy => self.buys += 1,
            Side::Sell => self.sells += 1,
        }
        let executed = Executed {
            seq: event.seq,
            ts: event.when(),
            mint: it.mint.clone(),
            side: it.side,
            amount: it.amount,
            price: it.price,
            tokens: it.tokens,
            profit: it.profit,
            reason: it.reason.as_deref().map(|reason| clip(reason, MAX_TEXT)),
            signature: clip(&it.signature, MAX_TEXT),
            simulated: event.source == ENGINE,
        };
        push_newest(&mut self.executed, executed, MAX_EXECUTED);
    }

    fn started(&mut self, event: &Event, it: &TradeRunStarted) {
        self.account = Account { balance: Some(it.balance), ..Account::default() };
        self.curve = Curve::default();
        self.run = Some(Run {
            since: event.seq,
            started: event.when(),
            feed: clip(&it.feed, MAX_TEXT),
            digest: clip(&it.digest, MAX_TEXT),
            seed: it.seed,
            speed: it.speed,
            lines: it.lines,
            skipped: it.skipped,
            faults: short(&it.faults, MAX_FAULTS),
            line: 0,
            at: None,
            ended: None,
        });
    }

    /// The feed's lines up to this place are worked off.
    fn reach(&mut self, place: Option<&Place>) {
        let Some(place) = place else { return };
        self.account.reach(place.at, true);
        if let Some(run) = &mut self.run {
            (run.line, run.at) = (place.line, Some(place.at));
        }
    }

    fn token(&mut self, event: &Event, mint: &str) -> &mut Token {
        let token = self.tokens.entry(mint, || Token {
            is_safe: None,
            risks: Vec::new(),
            smart_money: None,
            should_trade: None,
            side: None,
            amount: None,
            reasons: Vec::new(),
            last: 0,
            ts: event.when(),
        });
        (token.last, token.ts) = (event.seq, event.when());
        token
    }
}

fn short(list: &[String], most: usize) -> Vec<String> {
    list.iter().take(most).map(|text| clip(text, MAX_TEXT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Draft;
    use crate::event::wire::{At, from_text, to_text};
    use crate::swarm::{SwarmState, hash};
    use serde_json::{Value, json};

    fn executed(state: &mut SwarmState, at: i64, payload: Value) {
        let mut event = json!({"type": "trade.executed", "source": "core", "ts": at, "entity": "trade:M",
            "payload": {"mint": "M", "side": "BUY", "signature": "s", "amount": 2, "price": 0.5, "tokens": 4, "balance": 10}});
        event["payload"].as_object_mut().unwrap().extend(payload.as_object().unwrap().clone());
        let event = Draft::read(event, &At::Root("event")).unwrap().into_event(state.seq + 1, Timestamp(at));
        state.fold(&event);
    }

    #[test]
    fn buys_are_averaged_and_sales_take_their_share() {
        let mut state = SwarmState::default();
        executed(&mut state, 1, json!({}));
        executed(&mut state, 2, json!({"amount": 4, "price": 1, "tokens": 4}));
        let position = &state.trades.account.positions["M"];
        assert_eq!((position.cost, position.tokens, position.entry, position.unrealized()), (6.0, 8.0, 0.75, 2.0));
        executed(&mut state, 3, json!({"side": "SELL", "amount": 2, "price": 1, "tokens": 2, "profit": 0.5}));
        let position = &state.trades.account.positions["M"];
        assert_eq!((position.cost, position.tokens, position.entry), (4.5, 6.0, 0.75));
        executed(&mut state, 4, json!({"side": "SELL", "amount": 3, "tokens": null, "profit": -1.5}));
        let account = &state.trades.account;
        assert!(account.positions.is_empty());
        assert_eq!((account.realized, account.wins, account.losses, account.losses_in_row), (-1.0, 1, 1, 1));
        assert_eq!(state.trades.statistics(Timestamp(5)).win_rate, Some(50.0));
        executed(&mut state, DAY_MS, json!({}));
        assert_eq!(state.trades.account.today(Timestamp(DAY_MS), false), Today { trades: 1, profit: 0.0, losses_in_row: 0 });
        assert_eq!(state.trades.account.today(Timestamp(DAY_MS), true), Today::default(), "by another clock");
    }

    #[test]
    fn positions_are_bounded_and_huge_numbers_read_back() {
        let mut state = SwarmState::default();
        for n in 0..200 {
            executed(&mut state, n, json!({"mint": format!("M{n}")}));
        }
        let account = &state.trades.account;
        assert!(account.positions.len() <= MAX_POSITIONS + MAX_POSITIONS / 8);
        assert_eq!(account.positions.len() as u64 + account.forgotten, 200);
        for _ in 0..3 {
            executed(&mut state, 300, json!({"amount": 1.7e308, "tokens": 1.7e308, "price": 1e-308}));
        }
        let again: SwarmState = from_text(&to_text(&state)).unwrap();
        assert_eq!((again == state, hash(&again)), (true, hash(&state)));
    }
}
