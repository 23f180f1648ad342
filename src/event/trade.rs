//! Trading: what trading agents look at, decide and do.

use super::table::{About, domain, payload, words};
use super::wire::Object;

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

domain! {
    /// Trading: what trading agents look at, decide and do.
    TradeEvent = "trade" about About::Its("trade");

    /// An agent began to look at a token.
    AnalysisStarted = "analysis_started" TradeAnalysisStarted {
        /// The token's address.
        mint: String,
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
        /// How much.
        amount: f64,
    }

    /// A share of a profit bought the own token back.
    BuybackTriggered = "buyback_triggered" TradeBuybackTriggered {
        /// The profit that set it off.
        profit: f64,
        /// How much was spent.
        amount: f64,
        /// The transaction's signature.
        signature: String,
    }
}
