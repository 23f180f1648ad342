//! The rules of the paper engine, with all their numbers: what is a risk, whose record is good,
//! what is bought for how much, when it is sold, and what stops everything.
//!
//! Pure functions over facts and the account's standing. The module knows no feed, no log and no
//! clock.

use super::config::TradingConfig;
use super::feed::{Candidate, Wallet};
use crate::event::Timestamp;
use crate::event::trade::{Decision, Side};
use crate::event::wire::to_text;
use crate::swarm::trades::{DAY_MS, Today, money};

/// A transfer fee over this is a risk, in hundredths of a percent.
pub const MAX_TRANSFER_FEE_BPS: u32 = 100;
/// A largest holder with more than this is a risk, in percent.
pub const MAX_TOP_HOLDER: f64 = 30.0;
/// Ten largest holders with more than this are a risk, in percent.
pub const MAX_TOP_TEN: f64 = 50.0;

/// Wallets with fewer trades have no record yet.
pub const MIN_RECORD: u64 = 10;
/// A wallet is smart money from this score.
pub const SMART_SCORE: u32 = 75;
/// What each of the four marks of a record adds to the score.
pub const MARK: u32 = 25;
/// The first mark: a win rate from here, in percent.
pub const GOOD_WIN_RATE: f64 = 65.0;
/// The second mark: a profit from here.
pub const GOOD_PROFIT: f64 = 50.0;
/// The third mark: a return from here, in percent.
pub const GOOD_RETURN: f64 = 100.0;
/// The fourth mark: this many trades.
pub const GOOD_TRADES: u64 = 50;

/// What a minor risk makes of the size.
pub const MINOR_FACTOR: f64 = 0.8;
/// What smart wallets make of the size, from how many; the first that fits counts.
pub const SMART_FACTORS: [(u64, f64); 3] = [(5, 1.5), (3, 1.25), (1, 1.1)];

/// The most positions that are open at once.
pub const MAX_OPEN: u64 = 5;
/// After this many trades of a day, buys and sales, nothing more is bought on it.
pub const MAX_DAY_TRADES: u64 = 20;
/// After this many losses in a row the circuit breaker trips.
pub const MAX_LOSSES: u64 = 3;
/// At this day's loss the circuit breaker trips.
pub const MAX_DAY_LOSS: f64 = 5.0;

/// A position is sold once its price is this share under its entry.
pub const STOP: f64 = 0.10;
/// A position is sold once its price is this share over its entry.
pub const TARGET: f64 = 0.30;
/// A held token's price is told again once it moved by this share since it was last told.
pub const PRICE_STEP: f64 = 0.01;
/// Shares that differ by less are equal: `0.9 / 1.0` is ten percent under, whatever the last bit says.
const NEARLY: f64 = 1e-9;

/// The share of a sale's profit that buys the own token back.
pub const BUYBACK_SHARE: f64 = 0.10;
/// The most that a buyback spends, as a share of the balance.
pub const BUYBACK_MOST: f64 = 0.50;
/// A buyback of less is not worth it and does not happen.
pub const BUYBACK_LEAST: f64 = 0.001;

/// What speaks against a token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Risk {
    /// Somebody may mint more.
    MintAuthority,
    /// Somebody may freeze holders' accounts.
    FreezeAuthority,
    /// Somebody may move any holder's tokens.
    PermanentDelegate,
    /// A program runs at each transfer.
    TransferHook,
    /// A transfer costs this much, in hundredths of a percent.
    TransferFee(u32),
    /// One holder has this share, in percent.
    TopHolder(f64),
    /// Ten holders have this share, in percent.
    TopTen(f64),
    /// Name and picture may still be changed.
    MutableMetadata,
}

impl Risk {
    /// Whether a token with this risk alone is still safe.
    pub fn is_minor(self) -> bool {
        self == Self::MutableMetadata
    }

    /// The risk in words.
    pub fn words(self) -> String {
        match self {
            Self::MintAuthority => "the mint authority is active".to_owned(),
            Self::FreezeAuthority => "the freeze authority is active".to_owned(),
            Self::PermanentDelegate => "a permanent delegate may move any holder's tokens".to_owned(),
            Self::TransferHook => "a transfer hook runs at each transfer".to_owned(),
            Self::TransferFee(bps) => format!("the transfer fee of {bps} bps is over {MAX_TRANSFER_FEE_BPS} bps"),
            Self::TopHolder(share) => format!("the top holder's share of {} % is over {MAX_TOP_HOLDER} %", number(share)),
            Self::TopTen(share) => format!("the top ten holders' share of {} % is over {MAX_TOP_TEN} %", number(share)),
            Self::MutableMetadata => "the metadata is mutable (minor)".to_owned(),
        }
    }
}

/// What speaks against a token, the minor last.
pub fn risks(token: &Candidate) -> Vec<Risk> {
    let (extensions, holders) = (&token.extensions, &token.holders);
    let fee = extensions.transfer_fee_bps;
    [
        (token.authorities.mint.is_some(), Risk::MintAuthority),
        (token.authorities.freeze.is_some(), Risk::FreezeAuthority),
        (extensions.permanent_delegate, Risk::PermanentDelegate),
        (extensions.transfer_hook, Risk::TransferHook),
        (fee > MAX_TRANSFER_FEE_BPS, Risk::TransferFee(fee)),
        (holders.top_percent > MAX_TOP_HOLDER, Risk::TopHolder(holders.top_percent)),
        (holders.top_ten_percent > MAX_TOP_TEN, Risk::TopTen(holders.top_ten_percent)),
        (extensions.mutable_metadata, Risk::MutableMetadata),
    ]
    .into_iter()
    .filter_map(|(found, risk)| found.then_some(risk))
    .collect()
}

/// Whether a token with these risks may be bought: none, or the minor one only.
pub fn is_safe(risks: &[Risk]) -> bool {
    risks.iter().all(|risk| risk.is_minor())
}

/// How good a wallet's record is, 0 to 100; 0 without a record.
pub fn score(wallet: &Wallet) -> u32 {
    if wallet.trades < MIN_RECORD {
        return 0;
    }
    let marks = [
        wallet.win_rate >= GOOD_WIN_RATE,
        wallet.profit >= GOOD_PROFIT,
        wallet.return_percent >= GOOD_RETURN,
        wallet.trades >= GOOD_TRADES,
    ];
    marks.into_iter().map(|mark| u32::from(mark) * MARK).sum()
}

/// How many of these wallets are smart money.
pub fn smart_wallets(wallets: &[Wallet]) -> u64 {
    wallets.iter().filter(|wallet| score(wallet) >= SMART_SCORE).count() as u64
}

/// What is known of a token when it is decided about.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// What speaks against it.
    pub risks: Vec<Risk>,
    /// How many smart wallets hold it.
    pub smart: u64,
    /// What is in the pool.
    pub liquidity: f64,
}

/// How the account stands when something is decided.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// What it holds.
    pub balance: f64,
    /// How many positions are open.
    pub open: u64,
    /// Whether the token in question is among them.
    pub held: bool,
    /// What is counted of the day.
    pub today: Today,
    /// Why and until when nothing is bought.
    pub breaker: Option<(String, Timestamp)>,
}

/// How much to buy for, and the sentences that say why.
pub fn size(config: &TradingConfig, findings: &Findings) -> (f64, Vec<String>) {
    let mut size = config.base_size;
    let mut reasons = Vec::new();
    if findings.risks.is_empty() {
        reasons.push("no risk was found".to_owned());
    } else {
        size *= MINOR_FACTOR;
        reasons.push(format!("the only risk is minor, which makes the size × {MINOR_FACTOR}"));
    }
    match SMART_FACTORS.into_iter().find(|(from, _)| findings.smart >= *from) {
        None => reasons.push("no smart wallet holds it, which leaves the size as it is".to_owned()),
        Some((_, factor)) => {
            size *= factor;
            let hold = if findings.smart == 1 { "holds" } else { "hold" };
            reasons.push(format!("{} {hold} it, which makes the size × {factor}", count(findings.smart, "smart wallet")));
        }
    }
    let size = money(size);
    if size <= config.max_size {
        return (size, reasons);
    }
    reasons.push(format!("the size of {} is cut to the cap of {}", number(size), number(config.max_size)));
    (config.max_size, reasons)
}

/// What in the account's standing forbids to buy for this much, a sentence each; empty where nothing does.
pub fn forbids(standing: &Standing, amount: f64) -> Vec<String> {
    let mut reasons = Vec::new();
    if let Some((reason, until)) = &standing.breaker {
        reasons.push(format!("the circuit breaker stops buying until {until}: {reason}"));
    }
    if standing.held {
        reasons.push("it is held already".to_owned());
    }
    if standing.open >= MAX_OPEN {
        reasons.push(format!("{} are open, and {MAX_OPEN} is the most", count(standing.open, "position")));
    }
    if standing.today.trades >= MAX_DAY_TRADES {
        reasons.push(format!("{} were made today, and {MAX_DAY_TRADES} is the most", count(standing.today.trades, "trade")));
    }
    if standing.balance < amount {
        reasons.push(format!("the balance of {} does not cover the size of {}", number(standing.balance), number(amount)));
    }
    reasons
}

/// Decides about a token. Where it refuses, the reasons say everything that speaks against it.
pub fn judge(config: &TradingConfig, findings: &Findings, standing: &Standing) -> Decision {
    let (amount, why) = size(config, findings);
    let mut against: Vec<String> = Vec::new();
    if !is_safe(&findings.risks) {
        against.extend(findings.risks.iter().filter(|risk| !risk.is_minor()).map(|risk| risk.words()));
    }
    if findings.liquidity < config.min_liquidity {
        let (found, least) = (number(findings.liquidity), number(config.min_liquidity));
        against.push(format!("the liquidity of {found} is under the minimum of {least}"));
    }
    against.extend(forbids(standing, amount));
    if against.is_empty() { decision(Side::Buy, amount, why) } else { refusal(against) }
}

/// A decision to trade.
pub fn decision(side: Side, amount: f64, reasons: Vec<String>) -> Decision {
    Decision { should_trade: true, side: Some(side), amount: Some(amount), reasons, extra: serde_json::Map::new() }
}

/// A decision not to.
pub fn refusal(reasons: Vec<String>) -> Decision {
    Decision { should_trade: false, side: None, amount: None, reasons, extra: serde_json::Map::new() }
}

/// Why a position is sold at this price; none where it is kept.
pub fn exit(entry: f64, price: f64) -> Option<String> {
    let change = (price - entry) / entry;
    let percent = |share: f64| number((share * 1_000.0).round() / 10.0);
    if change <= -STOP + NEARLY {
        return Some(format!("the price is {} % under the entry, and the stop is at {} %", percent(-change), percent(STOP)));
    }
    (change >= TARGET - NEARLY)
        .then(|| format!("the price is {} % over the entry, and the target is at {} %", percent(change), percent(TARGET)))
}

/// Whether a price moved far enough since it was last told to be told again.
pub fn is_step(told: f64, price: f64) -> bool {
    ((price - told) / told).abs() >= PRICE_STEP - NEARLY
}

/// What a profit buys back; none where that is too little.
pub fn buyback(profit: f64, balance: f64) -> Option<f64> {
    let amount = money((profit * BUYBACK_SHARE).min(balance * BUYBACK_MOST));
    (amount >= BUYBACK_LEAST).then_some(amount)
}

/// Why the circuit breaker trips by what a day brought so far; none where it does not.
pub fn trips(today: Today) -> Option<String> {
    if today.losses_in_row >= MAX_LOSSES {
        return Some(format!("{} in a row", count(today.losses_in_row, "loss")));
    }
    (today.profit <= -MAX_DAY_LOSS).then(|| format!("a loss of {} in a day", number((today.profit * -1_000.0).round() / 1_000.0)))
}

/// When the day of `at` ends: the breaker's and the counters' next beginning. Midnight, UTC.
pub fn next_day(at: Timestamp) -> Timestamp {
    Timestamp((at.0.div_euclid(DAY_MS) + 1).saturating_mul(DAY_MS))
}

/// The signature of a run's trade number `sequence`: no chain knows it, and `sim-` says so.
pub fn signature(seed: u64, sequence: u64) -> String {
    let half = |turn: u8| {
        let mut bytes = vec![turn];
        bytes.extend(seed.to_le_bytes());
        bytes.extend(sequence.to_le_bytes());
        mix(fnv(&bytes))
    };
    format!("sim-{:016x}{:016x}", half(0), half(1))
}

/// FNV-1a, 64 bits.
pub(super) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finalizer of SplitMix64: near inputs come far apart.
fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in a sentence: as short as it can be.
pub(super) fn number(number: f64) -> String {
    to_text(&number)
}

/// So many of something, in words.
fn count(count: u64, of: &str) -> String {
    let ending = match (count, of.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{count} {of}{ending}")
}

#[cfg(test)]
mod tests;
