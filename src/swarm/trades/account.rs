//! The paper account: what the paper engine holds, gained and may still do today.

use super::super::bounds::prune;
use super::super::table::Table;
use crate::event::table::record;
use crate::event::trade::{Side, TradeBuybackTriggered, TradeExecuted, TradePriceChanged};
use crate::event::{Event, Timestamp};

/// How many positions are kept; past it those longest untouched are forgotten and counted. The
/// paper engine holds far fewer.
pub const MAX_POSITIONS: usize = 50;
/// A day, in milliseconds: limits of a day begin anew at midnight, UTC.
pub const DAY_MS: i64 = 86_400_000;

record! {
    /// A token that the paper account holds.
    pub struct Position {
        /// What the tokens cost together.
        cost: f64,
        /// How many there are.
        tokens: f64,
        /// What one cost on average.
        entry: f64,
        /// What one costs now, as far as that was told.
        price: f64,
        /// When the first was bought.
        opened: Timestamp,
        /// The newest event's place in the log.
        last: u64,
    }
}

record! {
    /// Why nothing is bought, and until when.
    pub struct Breaker {
        /// Why.
        reason: String,
        /// Until when, by the clock of the trades.
        until: Timestamp,
    }
}

record! {
    /// The paper account.
    #[derive(Default)]
    pub struct Account {
        /// What it holds; unknown before the first run or trade.
        balance: Option<f64>,
        /// The open positions by mint.
        positions: Table<Position>,
        /// How many positions were forgotten at the bound.
        forgotten: u64,
        /// What sales brought beyond the cost, since the account began.
        realized: f64,
        /// Sales with a profit.
        wins: u64,
        /// Sales with a loss.
        losses: u64,
        /// Trades and buybacks since the account began: the next signature's number.
        sequence: u64,
        /// The day that the counters of a day are of, in days since 1970, UTC.
        day: i64,
        /// Whether that day is by a feed's clock; else by the events' own time.
        by_feed: bool,
        /// Trades on that day, buys and sales.
        day_trades: u64,
        /// What that day's sales brought beyond the cost.
        day_profit: f64,
        /// How many of the day's sales, up to the newest, were losses in a row.
        losses_in_row: u64,
        /// What stops buying for the rest of the day.
        breaker: Option<Breaker>,
    }
}

/// What is counted of one day.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Today {
    /// Trades, buys and sales.
    pub trades: u64,
    /// What sales brought beyond the cost.
    pub profit: f64,
    /// How many sales, up to the newest, were losses in a row.
    pub losses_in_row: u64,
}

/// The paper account in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Trades of the day.
    pub today_trades: u64,
    /// Open positions.
    pub open_positions: u64,
    /// What sales brought beyond the cost, since the account began.
    pub realized: f64,
    /// What the open positions are worth beyond their cost.
    pub unrealized: f64,
    /// What the day's sales brought beyond the cost.
    pub daily: f64,
    /// Sales with a profit among all with a profit or a loss, in percent; unknown before the first.
    pub win_rate: Option<f64>,
    /// What the account holds; unknown before the first run or trade.
    pub balance: Option<f64>,
}

/// A sum of money, to a billionth: sums of many stay readable. What is too large to be
/// rounded is 0: beyond any account.
pub fn money(sum: f64) -> f64 {
    let rounded = (sum * 1e9).round() / 1e9;
    if rounded.is_finite() { rounded } else { 0.0 }
}

impl Position {
    /// What it is worth beyond its cost.
    pub fn unrealized(&self) -> f64 {
        money(self.tokens * self.price - self.cost)
    }
}

impl Account {
    /// What is counted of the day of `at`; nothing where that is not the day of the counters, or
    /// is a day by another clock.
    pub fn today(&self, at: Timestamp, by_feed: bool) -> Today {
        if self.day != day_of(at) || self.by_feed != by_feed {
            return Today::default();
        }
        Today { trades: self.day_trades, profit: self.day_profit, losses_in_row: self.losses_in_row }
    }

    /// What stops buying at `at`; a breaker by another clock stops nothing.
    pub fn breaker(&self, at: Timestamp, by_feed: bool) -> Option<&Breaker> {
        self.breaker.as_ref().filter(|breaker| self.by_feed == by_feed && at < breaker.until)
    }

    /// What the open positions are worth beyond their cost.
    pub fn unrealized(&self) -> f64 {
        money(self.positions.values().map(Position::unrealized).sum())
    }

    /// What it holds and what its positions would bring; unknown where the balance is.
    pub fn worth(&self) -> Option<f64> {
        let held = || self.positions.values().map(|position| position.tokens * position.price).sum::<f64>();
        self.balance.map(|balance| money(balance + held()))
    }

    /// Something happened at `at`: on a new day, or by another clock, the day's counters begin anew.
    pub(super) fn reach(&mut self, at: Timestamp, by_feed: bool) {
        let day = day_of(at);
        if self.day == day && self.by_feed == by_feed {
            return;
        }
        (self.day, self.by_feed) = (day, by_feed);
        (self.day_trades, self.day_profit, self.losses_in_row, self.breaker) = (0, 0.0, 0, None);
    }

    pub(super) fn trade(&mut self, event: &Event, it: &TradeExecuted) {
        self.day_trades += 1;
        self.sequence += 1;
        self.balance = it.balance.or(self.balance);
        match it.side {
            Side::Buy => self.bought(event, it),
            Side::Sell => self.sold(event, it),
        }
    }

    fn bought(&mut self, event: &Event, it: &TradeExecuted) {
        let (Some(price), Some(tokens)) = (it.price, it.tokens) else { return };
        let opened = it.place.as_ref().map_or(event.when(), |place| place.at);
        let held = self.positions.contains_key(&it.mint);
        let position =
            self.positions.entry(&it.mint, || Position { cost: 0.0, tokens: 0.0, entry: price, price, opened, last: 0 });
        position.cost = money(position.cost + it.amount);
        position.tokens = finite(position.tokens + tokens);
        if held && position.tokens > 0.0 {
            position.entry = finite(position.cost / position.tokens);
        }
        (position.price, position.last) = (price, event.seq);
        self.forgotten += prune(&mut self.positions, MAX_POSITIONS, |position| (true, position.last));
    }

    fn sold(&mut self, event: &Event, it: &TradeExecuted) {
        let profit = it.profit.unwrap_or(0.0);
        self.realized = money(self.realized + profit);
        self.day_profit = money(self.day_profit + profit);
        if profit > 0.0 {
            self.wins += 1;
            self.losses_in_row = 0;
        } else if profit < 0.0 {
            self.losses += 1;
            self.losses_in_row += 1;
        }
        let Some(position) = self.positions.get_mut(&it.mint) else { return };
        // A sale that does not say how much it was of is of all.
        let tokens = it.tokens.unwrap_or(position.tokens);
        if tokens >= position.tokens {
            self.positions.remove(&it.mint);
            return;
        }
        position.tokens = finite(position.tokens - tokens);
        position.cost = money(position.cost - (it.amount - profit));
        position.price = it.price.unwrap_or(position.price);
        position.last = event.seq;
    }

    pub(super) fn buy_back(&mut self, it: &TradeBuybackTriggered) {
        self.sequence += 1;
        self.balance = it.balance.or(self.balance);
    }

    pub(super) fn priced(&mut self, event: &Event, it: &TradePriceChanged) {
        if let Some(position) = self.positions.get_mut(&it.mint) {
            (position.price, position.last) = (it.price, event.seq);
        }
    }
}

fn day_of(at: Timestamp) -> i64 {
    at.0.div_euclid(DAY_MS)
}

fn finite(number: f64) -> f64 {
    if number.is_finite() { number } else { 0.0 }
}
