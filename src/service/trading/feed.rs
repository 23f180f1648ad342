//! The feed of token facts that the paper engine works off.
//!
//! A feed is NDJSON: one JSON object on each line, empty lines between them are passed over. Every
//! line has a `type`; candidates and prices have `at_ms`, milliseconds since the feed's beginning,
//! which never falls from line to line.
//!
//! ```json
//! {"type":"feed","starts":"2026-01-27T23:54:00Z"}
//! {"type":"candidate","at_ms":1000,"mint":"7xKX…","price":0.0021,"liquidity":85.0,
//!  "authorities":{"mint":"9WzD…","freeze":null},
//!  "extensions":{"permanent_delegate":false,"transfer_hook":false,"transfer_fee_bps":0,"mutable_metadata":true},
//!  "holders":{"top_percent":12.5,"top_ten_percent":38.0},
//!  "wallets":[{"address":"5Q54…","trades":64,"win_rate":71.0,"profit":120.5,"return_percent":140.0}]}
//! {"type":"price","at_ms":4000,"mint":"7xKX…","price":0.0024}
//! ```
//!
//! - `feed`, at most once and first: when the feed begins, which says where its days end. Without
//!   it a feed begins at 1970-01-01T00:00:00Z.
//! - `candidate`: a token to be looked at (on one line in a file). An authority is an address while
//!   it is active, and null or absent once given up. `liquidity` is in the account's currency,
//!   `profit` of a wallet too; shares, win rates and returns are in percent; the price is of one
//!   token in the account's currency. `authorities`, `extensions` and `wallets` may be absent,
//!   which says that there are none; `holders` may not.
//! - `price`: a token's price from now on.
//!
//! A line that cannot be read is left out, counted, and told with its number: a feed of a night is
//! not lost for one bad line. A feed without a readable line refuses the start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::rules::fnv;
use crate::event::Timestamp;
use crate::event::trade::Place;
use crate::swarm::bounds::clip;
use crate::swarm::trades::MAX_FAULTS;

/// The name of the built-in feed.
pub const SAMPLE: &str = "sample";
/// Largest feed, in bytes; a larger one refuses the start.
pub const MAX_BYTES: u64 = 16 << 20;
/// Longest line, in bytes; a longer one is left out.
pub const MAX_LINE: usize = 64 << 10;
/// Most wallets of a candidate; a line with more is left out.
pub const MAX_WALLETS: usize = 200;
/// Longest address, in bytes.
pub const MAX_ADDRESS: usize = 64;
/// The latest moment of a feed, in milliseconds since its beginning: a year.
pub const MAX_AT_MS: u64 = 366 * 86_400_000;
/// Longest fault in words, in bytes; a longer one is cut.
const MAX_FAULT: usize = 200;
/// The prices that are taken: smallest and largest.
const PRICES: std::ops::RangeInclusive<f64> = 1e-12..=1e12;
/// The largest other number that is taken.
const MAX_NUMBER: f64 = 1e15;

/// The feed that the binary carries.
static SAMPLE_TEXT: &str = include_str!("../../../examples/trading/feed.ndjson");

/// A feed, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// When it begins, by its own clock.
    pub starts: Timestamp,
    /// What can be read, in order.
    pub lines: Vec<Line>,
    /// How many lines cannot be read.
    pub skipped: u64,
    /// The first of those, each with its number.
    pub faults: Vec<String>,
    /// A hash of its text.
    pub digest: String,
    /// Where the candidate of each mint stands among the lines; of several the first.
    candidates: BTreeMap<String, usize>,
}

/// One line of a feed.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u64,
    /// When it happens, in milliseconds since the feed's beginning.
    pub at_ms: u64,
    /// What it says.
    pub fact: Fact,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A token to be looked at.
    Candidate(Box<Candidate>),
    /// A token's price.
    Price {
        /// The token's address.
        mint: String,
        /// What one token costs from now on.
        price: f64,
    },
}

/// A token to be looked at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// When it comes up, in milliseconds since the feed's beginning.
    at_ms: u64,
    /// Its address.
    pub mint: String,
    /// What one token costs.
    pub price: f64,
    /// What is in the pool.
    pub liquidity: f64,
    /// Who may still mint or freeze.
    #[serde(default)]
    pub authorities: Authorities,
    /// What its contract can do.
    #[serde(default)]
    pub extensions: Extensions,
    /// How the tokens are spread.
    pub holders: Holders,
    /// The wallets that hold it, with their records.
    #[serde(default)]
    pub wallets: Vec<Wallet>,
}

/// Who may still mint or freeze; none once given up.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authorities {
    /// Who may mint more.
    pub mint: Option<String>,
    /// Who may freeze holders' accounts.
    pub freeze: Option<String>,
}

/// What a token's contract can do.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extensions {
    /// Whether somebody may move any holder's tokens.
    pub permanent_delegate: bool,
    /// Whether a program runs at each transfer.
    pub transfer_hook: bool,
    /// What a transfer costs, in hundredths of a percent.
    pub transfer_fee_bps: u32,
    /// Whether name and picture may still be changed.
    pub mutable_metadata: bool,
}

/// How a token is spread over holders, in percent.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Holders {
    /// The share of the largest holder.
    pub top_percent: f64,
    /// The share of the ten largest together.
    pub top_ten_percent: f64,
}

/// A wallet's record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wallet {
    /// Its address.
    pub address: String,
    /// How many trades it made.
    pub trades: u64,
    /// How many of them with a profit, in percent.
    pub win_rate: f64,
    /// What they brought together.
    pub profit: f64,
    /// What they brought of what was put in, in percent.
    pub return_percent: f64,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Row {
    Feed(Head),
    Candidate(Box<Candidate>),
    Price(Price),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    starts: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    at_ms: u64,
    mint: String,
    price: f64,
}

impl Feed {
    /// The built-in feed.
    pub fn sample() -> Arc<Self> {
        static READ: LazyLock<Arc<Feed>> = LazyLock::new(|| Arc::new(Feed::read(SAMPLE, SAMPLE_TEXT)));
        Arc::clone(&READ)
    }

    /// Reads a feed's text. Lines that cannot be read are left out and told in `faults`.
    pub fn read(name: &str, text: &str) -> Self {
        let mut feed = Self {
            name: name.to_owned(),
            starts: Timestamp(0),
            lines: Vec::new(),
            skipped: 0,
            faults: Vec::new(),
            digest: format!("{:016x}", fnv(text.as_bytes())),
            candidates: BTreeMap::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() {
                continue;
            }
            if let Err(fault) = feed.take(number, line) {
                feed.skipped += 1;
                if feed.faults.len() < MAX_FAULTS {
                    feed.faults.push(clip(&format!("line {number}: {fault}"), MAX_FAULT));
                }
            }
        }
        feed
    }

    fn take(&mut self, number: u64, text: &str) -> Result<(), String> {
        if text.len() > MAX_LINE {
            return Err(format!("{} bytes, over the limit of {MAX_LINE}", text.len()));
        }
        let line = match serde_json::from_str(text).map_err(|error| error.to_string())? {
            Row::Feed(head) => return self.begin(&head),
            Row::Candidate(candidate) => {
                candidate.check()?;
                Line { number, at_ms: candidate.at_ms, fact: Fact::Candidate(candidate) }
            }
            Row::Price(Price { at_ms, mint, price }) => {
                address("mint", &mint)?;
                check_price(price)?;
                Line { number, at_ms, fact: Fact::Price { mint, price } }
            }
        };
        let before = self.lines.last().map_or(0, |line| line.at_ms);
        if line.at_ms < before {
            return Err(format!("at_ms: {} is before {before} of an earlier line", line.at_ms));
        }
        if line.at_ms > MAX_AT_MS {
            return Err(format!("at_ms: {} is over the limit of {MAX_AT_MS}", line.at_ms));
        }
        if let Fact::Candidate(candidate) = &line.fact {
            self.candidates.entry(candidate.mint.clone()).or_insert(self.lines.len());
        }
        self.lines.push(line);
        Ok(())
    }

    fn begin(&mut self, head: &Head) -> Result<(), String> {
        if !self.lines.is_empty() || self.starts != Timestamp(0) {
            return Err("a feed says once and first when it starts".to_owned());
        }
        self.starts = Timestamp::parse(&head.starts).map_err(|problem| format!("starts: {:?} {problem}", head.starts))?;
        Ok(())
    }

    /// A line's place, with its time by the feed's clock.
    pub fn place(&self, line: &Line) -> Place {
        let at = self.starts.0.saturating_add(i64::try_from(line.at_ms).unwrap_or(i64::MAX));
        Place { line: line.number, at: Timestamp(at), extra: serde_json::Map::new() }
    }

    /// The place of the last line up to this number; the feed's beginning where there is none.
    pub fn place_at(&self, number: u64) -> Place {
        match self.index_after(number) {
            0 => Place { line: 0, at: self.starts, extra: serde_json::Map::new() },
            upto => self.place(&self.lines[upto - 1]),
        }
    }

    /// The index of the first line after this number.
    pub fn index_after(&self, number: u64) -> usize {
        self.lines.partition_point(|line| line.number <= number)
    }

    /// What is said of a token.
    pub fn candidate(&self, mint: &str) -> Option<&Candidate> {
        match &self.lines[*self.candidates.get(mint)?].fact {
            Fact::Candidate(candidate) => Some(candidate),
            Fact::Price { .. } => None,
        }
    }

    /// All candidates in the order of the feed, each token once.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        let mut seen = BTreeSet::new();
        self.lines.iter().filter_map(move |line| match &line.fact {
            Fact::Candidate(candidate) if seen.insert(&candidate.mint) => Some(&**candidate),
            _ => None,
        })
    }

    /// What a token cost at a line's number: the newest price up to it; before the first, the first.
    pub fn price_at(&self, mint: &str, number: u64) -> Option<f64> {
        let upto = self.index_after(number);
        let priced = |line: &Line| match &line.fact {
            Fact::Candidate(candidate) => (candidate.mint == mint).then_some(candidate.price),
            Fact::Price { mint: of, price } => (of == mint).then_some(*price),
        };
        let newest = self.lines[..upto].iter().rev().find_map(priced);
        newest.or_else(|| self.lines[upto..].iter().find_map(priced))
    }
}

impl Candidate {
    fn check(&self) -> Result<(), String> {
        address("mint", &self.mint)?;
        check_price(self.price)?;
        within("liquidity", self.liquidity, 0.0, MAX_NUMBER)?;
        within("holders.top_percent", self.holders.top_percent, 0.0, 100.0)?;
        within("holders.top_ten_percent", self.holders.top_ten_percent, 0.0, 100.0)?;
        for (name, authority) in [("authorities.mint", &self.authorities.mint), ("authorities.freeze", &self.authorities.freeze)]
        {
            authority.as_deref().map_or(Ok(()), |held| address(name, held))?;
        }
        if self.wallets.len() > MAX_WALLETS {
            return Err(format!("wallets: {}, over the limit of {MAX_WALLETS}", self.wallets.len()));
        }
        for (index, wallet) in self.wallets.iter().enumerate() {
            let place = |field: &str| format!("wallets[{index}].{field}");
            address(&place("address"), &wallet.address)?;
            within(&place("win_rate"), wallet.win_rate, 0.0, 100.0)?;
            within(&place("profit"), wallet.profit, -MAX_NUMBER, MAX_NUMBER)?;
            within(&place("return_percent"), wallet.return_percent, -MAX_NUMBER, MAX_NUMBER)?;
        }
        Ok(())
    }
}

fn address(name: &str, text: &str) -> Result<(), String> {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if text.is_empty() || text.len() > MAX_ADDRESS || !plain {
        return Err(format!("{name}: no address of letters, digits, _ and -, up to {MAX_ADDRESS}"));
    }
    Ok(())
}

fn check_price(price: f64) -> Result<(), String> {
    if PRICES.contains(&price) {
        Ok(())
    } else {
        Err(format!("price: {price} is outside {} to {}", PRICES.start(), PRICES.end()))
    }
}

fn within(name: &str, number: f64, low: f64, high: f64) -> Result<(), String> {
    if (low..=high).contains(&number) { Ok(()) } else { Err(format!("{name}: {number} is outside {low} to {high}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANDIDATE: &str =
        r#"{"type":"candidate","at_ms":5,"mint":"M","price":1,"liquidity":30,"holders":{"top_percent":1,"top_ten_percent":2}}"#;

    #[test]
    fn lines_are_read_and_bad_ones_told_by_number() {
        let text = [
            r#"{"type":"feed","starts":"2026-01-27T23:54:00Z"}"#,
            CANDIDATE,
            "",
            r#"{"type":"price","at_ms":4,"mint":"M","price":2}"#,
            r#"{"type":"price","at_ms":6,"mint":"M","price":0}"#,
            r#"{"type":"price","at_ms":6,"mint":"M"}"#,
            r#"{"type":"price","at_ms":6,"mint":"a b","price":1}"#,
            r#"{"type":"rumour","at_ms":6}"#,
            "not JSON",
            r#"{"type":"feed","starts":"2026-01-27T23:54:00Z"}"#,
            r#"{"type":"price","at_ms":7,"mint":"M","price":2,"pric":1}"#,
            r#"{"type":"price","at_ms":9,"mint":"M","price":2}"#,
        ];
        let feed = Feed::read("test", &text.join("\n"));
        assert_eq!(feed.starts, Timestamp::parse("2026-01-27T23:54:00Z").unwrap());
        assert_eq!(feed.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2, 12]);
        let expected = [
            "line 4: at_ms: 4 is before 5 of an earlier line",
            "line 5: price: 0 is outside",
            "line 6: missing field `price`",
            "line 7: mint: no address of letters, digits, _ and -, up to 64",
            "line 8: unknown variant `rumour`",
            "line 9: expected ident",
            "line 10: a feed says once and first when it starts",
            "line 11: unknown field `pric`",
        ];
        assert_eq!(feed.skipped, expected.len() as u64);
        for (fault, expected) in feed.faults.iter().zip(expected) {
            assert!(fault.starts_with(expected), "{fault}");
        }
    }

    #[test]
    fn faults_in_words_are_bounded_and_counted() {
        let feed = Feed::read("test", &"x\n".repeat(100));
        assert_eq!((feed.faults.len(), feed.skipped), (MAX_FAULTS, 100));
    }

    #[test]
    fn the_price_of_a_moment_is_the_newest_before_it() {
        let price = |at: u64, price: f64| format!(r#"{{"type":"price","at_ms":{at},"mint":"M","price":{price}}}"#);
        let feed = Feed::read("test", &[CANDIDATE.to_owned(), price(6, 2.0), price(7, 3.0)].join("\n"));
        for (number, expected) in [(0, 1.0), (1, 1.0), (2, 2.0), (3, 3.0), (99, 3.0)] {
            assert_eq!(feed.price_at("M", number), Some(expected), "{number}");
        }
        assert_eq!(feed.price_at("N", 3), None);
        assert_eq!(feed.candidate("M").unwrap().liquidity, 30.0);
        assert_eq!(feed.index_after(2), 2);
    }

    #[test]
    fn the_sample_is_whole() {
        let sample = Feed::sample();
        assert_eq!(sample.faults, Vec::<String>::new());
        assert!((40..=80).contains(&sample.candidates().count()));
    }
}
