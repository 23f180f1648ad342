//! What trading agents looked at, decided and did.

use std::collections::VecDeque;

use super::agents::MAX_TEXT;
use super::bounds::{clip, prune, push_newest};
use super::table::Table;
use crate::event::table::record;
use crate::event::trade::{Side, TradeEvent};
use crate::event::{Event, Timestamp};

/// How many tokens are kept; past it those longest untouched are forgotten.
pub const MAX_TOKENS: usize = 200;
/// How many executed trades are kept; older ones are in the log.
pub const MAX_EXECUTED: usize = 100;
/// How many risks or reasons of one token are kept.
pub const MAX_REASONS: usize = 16;

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
        /// How much.
        amount: f64,
        /// The transaction's signature.
        signature: String,
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
    }
}

impl Trades {
    pub(super) fn fold(&mut self, event: &Event, body: &TradeEvent) {
        match body {
            TradeEvent::AnalysisStarted(it) => {
                self.token(event, &it.mint);
            }
            TradeEvent::SafetyChecked(it) => {
                let token = self.token(event, &it.mint);
                token.is_safe = Some(it.result.is_safe);
                token.risks = short(&it.result.risks);
            }
            TradeEvent::SmartMoneyChecked(it) => self.token(event, &it.mint).smart_money = Some(it.count),
            TradeEvent::Decided(it) => {
                let token = self.token(event, &it.mint);
                token.should_trade = Some(it.decision.should_trade);
                token.reasons = short(&it.decision.reasons);
            }
            TradeEvent::Executed(it) => {
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
                    signature: clip(&it.signature, MAX_TEXT),
                };
                push_newest(&mut self.executed, executed, MAX_EXECUTED);
            }
            TradeEvent::BuybackTriggered(it) => {
                self.buybacks += 1;
                self.bought_back += it.amount;
            }
        }
        prune(&mut self.tokens, MAX_TOKENS, |token| (true, token.last));
    }

    fn token(&mut self, event: &Event, mint: &str) -> &mut Token {
        let token = self.tokens.entry(mint, || Token {
            is_safe: None,
            risks: Vec::new(),
            smart_money: None,
            should_trade: None,
            reasons: Vec::new(),
            last: 0,
            ts: event.when(),
        });
        (token.last, token.ts) = (event.seq, event.when());
        token
    }
}

fn short(list: &[String]) -> Vec<String> {
    list.iter().take(MAX_REASONS).map(|text| clip(text, MAX_TEXT)).collect()
}
