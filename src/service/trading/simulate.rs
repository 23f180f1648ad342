//! What a person or a client asks of the paper account by hand: scan, buy, sell, buy back.
//!
//! While a run goes on it is about that run's feed, at the place where it stands; else about the
//! feed of the newest run as far as this process knows it, or the sample. An account that was never
//! used is opened with the settings' start balance.
//!
//! The limits of the account hold for hands as for the feed: open positions, trades of a day, the
//! cap, the balance, the circuit breaker. A token's risks are for whoever asks to judge. Where no
//! run goes on, days are those of the hub's clock.

use super::engine::{Desk, decided, findings};
use super::feed::{Candidate, Feed};
use super::rules;
use crate::dialect::trader::{Action, Simulate};
use crate::event::trade::{Side, TradeEvent};
use crate::service::Refusal;
use crate::swarm::bounds::clip;
use crate::swarm::trades::{Trades, money};

/// What is told of a decision that is not carried out.
const SCANNED: &str = "a scan on request, not carried out";
/// The reason of a trade by hand.
const ASKED: &str = "asked for by hand";

/// What an action is decided against.
#[derive(Debug)]
pub(super) struct Hands<'a> {
    /// The trades as they are folded.
    pub(super) trades: &'a Trades,
    /// The account now.
    pub(super) desk: Desk<'a>,
    /// What is known of tokens.
    pub(super) feed: &'a Feed,
    /// The line up to which its prices count.
    pub(super) line: u64,
}

impl Hands<'_> {
    /// The events of an action, and what it comes to in words.
    pub(super) fn perform(&self, asked: &Simulate) -> Result<(Vec<TradeEvent>, String), Refusal> {
        if let Some(amount) = asked.amount
            && !(money(amount) > 0.0 && amount <= super::config::MAX_AMOUNT)
        {
            return Err(Refusal::invalid(format!("amount: {amount} is no amount over 0")));
        }
        match asked.action {
            Action::Scan => self.scan(asked),
            Action::Buy => self.buy(asked),
            Action::Sell => self.sell(asked),
            Action::Buyback => self.buy_back(asked),
        }
    }

    /// Looks at a token up to the decision: the one that is named, else the feed's first that was
    /// not looked at yet, else the one longest untouched.
    fn scan(&self, asked: &Simulate) -> Result<(Vec<TradeEvent>, String), Refusal> {
        let token = match &asked.mint {
            Some(mint) => self.known(mint)?,
            None => self.next(|_| true)?,
        };
        let (events, decision) = self.desk.analyse(token, None, Some(SCANNED));
        let verdict = if decision.should_trade { "would be bought" } else { "would not be bought" };
        Ok((events, format!("{} {verdict}: {}", token.mint, decision.reasons.join("; "))))
    }

    /// Buys a token at its price now: the one that is named, else the safe one that a scan without
    /// a name would take next. Without an amount it is the size by the rules.
    fn buy(&self, asked: &Simulate) -> Result<(Vec<TradeEvent>, String), Refusal> {
        let config = self.desk.config;
        let token = match &asked.mint {
            Some(mint) => self.known(mint)?,
            None => self
                .next(|token| rules::is_safe(&rules::risks(token)) && !self.trades.account.positions.contains_key(&token.mint))?,
        };
        let amount = money(asked.amount.unwrap_or_else(|| rules::size(config, &findings(token)).0));
        if amount > config.max_size {
            return Err(Refusal::conflict(format!("the size of {amount} is over the cap of {}", config.max_size)));
        }
        let against = rules::forbids(&self.desk.standing(&token.mint), amount);
        if !against.is_empty() {
            return Err(Refusal::conflict(against.join("; ")));
        }
        let price = self.feed.price_at(&token.mint, self.line).unwrap_or(token.price);
        let decision = rules::decision(Side::Buy, amount, vec![ASKED.to_owned()]);
        let bought = self.desk.bought(&token.mint, amount, price, ASKED.to_owned());
        let words = format!("bought {} for {}", token.mint, rules::number(amount));
        Ok((vec![decided(token.mint.clone(), decision, None), bought], words))
    }

    /// Sells a position at its price now: the one that is named, else the oldest. With an amount, so
    /// many tokens as are worth it; else all.
    fn sell(&self, asked: &Simulate) -> Result<(Vec<TradeEvent>, String), Refusal> {
        let positions = &self.trades.account.positions;
        let (mint, position) = match &asked.mint {
            Some(mint) => positions
                .iter()
                .find(|(held, _)| *held == mint)
                .ok_or_else(|| Refusal::conflict(format!("{} is not held", clip(mint, 80))))?,
            None => positions
                .iter()
                .min_by_key(|(_, position)| (position.opened, position.last))
                .ok_or_else(|| Refusal::conflict("nothing is held"))?,
        };
        let worth = money(position.tokens * position.price);
        let tokens = match asked.amount {
            Some(amount) if amount > worth => {
                return Err(Refusal::conflict(format!("{mint} is worth {worth}, less than the {amount} asked for")));
            }
            Some(amount) if amount < worth => amount / position.price,
            _ => position.tokens,
        };
        let events = self.desk.sell(mint, position, tokens, position.price, ASKED.to_owned());
        Ok((events, format!("sold {mint} for {}", rules::number(money(tokens * position.price)))))
    }

    /// Buys the own token back: for the amount that is named, else for the rules' share of all
    /// realised profit; at most half the balance either way.
    fn buy_back(&self, asked: &Simulate) -> Result<(Vec<TradeEvent>, String), Refusal> {
        let (profit, balance) = (self.trades.account.realized, self.desk.balance());
        let amount = match asked.amount {
            None => rules::buyback(profit, balance)
                .ok_or_else(|| Refusal::conflict(format!("the realised profit of {profit} is too little to buy back from")))?,
            Some(amount) if amount < rules::BUYBACK_LEAST => {
                return Err(Refusal::conflict(format!("a buyback of {amount} is under the least of {}", rules::BUYBACK_LEAST)));
            }
            Some(amount) if amount > balance * rules::BUYBACK_MOST => {
                return Err(Refusal::conflict(format!("a buyback of {amount} is over half the balance of {balance}")));
            }
            Some(amount) => money(amount),
        };
        let event = self.desk.bought_back(profit, amount, balance, self.trades.account.sequence);
        Ok((vec![event], format!("bought back for {}", rules::number(amount))))
    }

    fn known(&self, mint: &str) -> Result<&Candidate, Refusal> {
        let unknown = || Refusal::missing(format!("the feed {} says nothing of {}", self.feed.name, clip(mint, 80)));
        self.feed.candidate(mint).ok_or_else(unknown)
    }

    /// The first token that nobody looked at, else the one longest untouched.
    fn next(&self, fits: impl Fn(&Candidate) -> bool) -> Result<&Candidate, Refusal> {
        let touched = |token: &Candidate| self.trades.tokens.get(&token.mint).map_or(0, |known| known.last);
        let next = self.feed.candidates().filter(|token| fits(token)).min_by_key(|token| touched(token));
        next.ok_or_else(|| Refusal::conflict(format!("the feed {} has no token for it", self.feed.name)))
    }
}

#[cfg(test)]
mod tests;
