//! Trading: what trading agents look at, decide and do.
//!
//! Any agent may report its trades. The paper engine's own events ([`ENGINE`]) say more: `place`,
//! up to where its feed is worked off, and `balance`, what its account holds after a trade.

use super::Timestamp;
use super::table::{About, domain, payload, words};
use super::wire::Object;

/// The source of the paper engine's events. Its run and account are folded from those alone.
pub const ENGINE: &str = "core";

words! {
    /// Which way a trade goes.
    pub enum Side {
        Buy = "BUY",
        Sell = "SELL",
    }
}

payload! {
    /// What a look at a token's safety found.
    pub struct SafetyResult {
        /// Whether nothing speaks against it.
        is_safe: bool,
        /// What speaks against it.
        risks: Vec<String>,
        /// Who may still mint or freeze.
        authorities: Option<Object>,
        /// The token's extensions.
        extensions: Option<Object>,
        /// How the tokens are spread over holders.
        holders: Option<Object>,
        /// The liquidity in the pool.
        liquidity: Option<f64>,
    }
}

payload! {
    /// What was decided about a token.
    pub struct Decision {
        /// Whether to trade.
        should_trade: bool,
        /// Which way.
        side: Option<Side>,
        /// How much.
        amount: Option<f64>,
        /// Why, one sentence each.
        reasons: Vec<String>,
    }
}

payload! {
    /// A place in the paper engine's feed.
    pub struct Place {
        /// The line of the feed, from 1.
        line: u64,
        /// The time by the feed's own clock.
        at: Timestamp,
    }
}

domain! {
    /// Trading: what trading agents look at, decide and do.
    TradeEvent = "trade" about About::Its("trade");

    /// An agent began to look at a token.
    AnalysisStarted = "analysis_started" TradeAnalysisStarted {
        /// The token's address.
        mint: String,
        /// Where the paper engine's feed stands.
        place: Option<Place>,
    }

    /// A token's safety was checked.
    SafetyChecked = "safety_checked" TradeSafetyChecked {
        /// The token's address.
        mint: String,
        /// What was found.
        result: SafetyResult,
    }

    /// Wallets with a good record were counted.
    SmartMoneyChecked = "smart_money_checked" TradeSmartMoneyChecked {
        /// The token's address.
        mint: String,
        /// How many hold the token.
        count: u64,
    }

    /// An agent decided.
    Decided = "decided" TradeDecided {
        /// The token's address.
        mint: String,
        /// What it decided.
        decision: Decision,
        /// Its reasoning in words.
        reasoning: Option<String>,
    }

    /// A trade was carried out.
    Executed = "executed" TradeExecuted {
        /// The token's address.
        mint: String,
        /// Which way.
        side: Side,
        /// The transaction's signature.
        signature: String,
        /// How much, in the account's currency: what was paid, or what was got.
        amount: f64,
        /// What one token cost.
        price: Option<f64>,
        /// How many tokens changed hands.
        tokens: Option<f64>,
        /// What a sale brought beyond what the tokens had cost; less than 0 is a loss.
        profit: Option<f64>,
        /// What the paper account holds after it.
        balance: Option<f64>,
        /// Why, in a sentence.
        reason: Option<String>,
        /// Where the paper engine's feed stands.
        place: Option<Place>,
    }

    /// A share of a profit bought the own token back.
    BuybackTriggered = "buyback_triggered" TradeBuybackTriggered {
        /// The profit that set it off.
        profit: f64,
        /// How much was spent.
        amount: f64,
        /// The transaction's signature.
        signature: String,
        /// What the paper account holds after it.
        balance: Option<f64>,
        /// Where the paper engine's feed stands.
        place: Option<Place>,
    }

    /// A held token's price moved.
    PriceChanged = "price_changed" TradePriceChanged {
        /// The token's address.
        mint: String,
        /// What one token costs now.
        price: f64,
        /// Where the paper engine's feed stands.
        place: Option<Place>,
    }

    /// The circuit breaker stopped all buying.
    BreakerTripped = "breaker_tripped" TradeBreakerTripped {
        /// Why, in a sentence.
        reason: String,
        /// Until when, by the clock of the trades.
        until: Timestamp,
    }

    /// The paper engine began to work off a feed, with a new account.
    RunStarted = "run_started" TradeRunStarted {
        /// The feed's name.
        feed: String,
        /// A hash of the feed's text: a run goes on over the same text only.
        digest: String,
        /// What its signatures are derived from.
        seed: u64,
        /// How many times faster than the feed's own clock it goes.
        speed: f64,
        /// What the account begins with.
        balance: f64,
        /// How many lines of the feed can be read.
        lines: u64,
        /// How many cannot and are left out.
        skipped: u64,
        /// The first of those, each with its number and its fault.
        faults: Vec<String>,
    }

    /// The paper engine's run is over; the account stays as it is.
    RunEnded = "run_ended" TradeRunEnded {
        /// `finished`, `stopped`, or why it could not go on.
        reason: String,
    }
}
