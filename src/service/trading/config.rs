//! The settings of the paper engine: `[trading]` in `swarmdeck.toml`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::feed::SAMPLE;

/// How many feeds may be named.
pub const MAX_FEEDS: usize = 50;
/// Longest name of a feed, in bytes.
pub const MAX_NAME: usize = 64;

/// The settings of the paper engine. Amounts are in the account's currency.
///
/// They are read at start: a run that goes on after a restart does so by the settings of then.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TradingConfig {
    /// The feeds that a run may be started over, beside the built-in `sample`.
    #[serde(deserialize_with = "feeds")]
    pub feeds: Vec<FeedSource>,
    /// What a buy costs before it is made smaller or larger by what is known of the token.
    #[serde(deserialize_with = "positive")]
    pub base_size: f64,
    /// The most that one buy may cost.
    #[serde(deserialize_with = "positive")]
    pub max_size: f64,
    /// A token with less liquidity than this is not bought.
    #[serde(deserialize_with = "not_negative")]
    pub min_liquidity: f64,
    /// What the account holds when a run begins.
    #[serde(deserialize_with = "positive")]
    pub start_balance: f64,
}

impl Default for TradingConfig {
    fn default() -> Self {
        Self { feeds: Vec::new(), base_size: 2.0, max_size: 2.5, min_liquidity: 20.0, start_balance: 50.0 }
    }
}

/// A feed that a client may name; the path is never a client's to say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedSource {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// Where its NDJSON stands, relative to the folder that the server was started in.
    pub path: PathBuf,
}

/// The largest amount that settings and clients may name.
pub(super) const MAX_AMOUNT: f64 = 1e12;

fn positive<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(from)?;
    if number > 0.0 && number <= MAX_AMOUNT { Ok(number) } else { Err(D::Error::custom(format!("{number} is no amount over 0"))) }
}

fn not_negative<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = f64::deserialize(from)?;
    if (0.0..=MAX_AMOUNT).contains(&number) { Ok(number) } else { Err(D::Error::custom(format!("{number} is no amount from 0"))) }
}

fn feeds<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<FeedSource>, D::Error> {
    let feeds = Vec::<FeedSource>::deserialize(from)?;
    if feeds.len() > MAX_FEEDS {
        return Err(D::Error::custom(format!("{} feeds, over the limit of {MAX_FEEDS}", feeds.len())));
    }
    let mut names = BTreeSet::from([SAMPLE]);
    for FeedSource { name, .. } in &feeds {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if name.is_empty() || name.len() > MAX_NAME || !plain {
            return Err(D::Error::custom(format!("{name:?} is no name of a feed: letters, digits, _ and -, up to {MAX_NAME}")));
        }
        if !names.insert(name) {
            return Err(D::Error::custom(format!("the name {name:?} is taken")));
        }
    }
    Ok(feeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_faults_are_named() {
        let read = |text: &str| toml::from_str::<TradingConfig>(text).map_err(|error| error.to_string());
        assert_eq!(read("").unwrap(), TradingConfig::default());
        let config = read("base_size = 1\nfeeds = [{ name = \"night\", path = \"feeds/night.ndjson\" }]").unwrap();
        assert_eq!((config.base_size, config.max_size, config.feeds[0].name.as_str()), (1.0, 2.5, "night"));
        for (text, fault) in [
            ("base_size = 0", "0 is no amount over 0"),
            ("start_balance = nan", "NaN is no amount over 0"),
            ("min_liquidity = -1", "-1 is no amount from 0"),
            ("min_liquidty = 1", "unknown field `min_liquidty`"),
            ("feeds = [{ name = \"sample\", path = \"x\" }]", "the name \"sample\" is taken"),
            ("feeds = [{ name = \"a/b\", path = \"x\" }]", "\"a/b\" is no name of a feed"),
            ("feeds = [{ name = \"a\", path = \"x\" }, { name = \"a\", path = \"y\" }]", "the name \"a\" is taken"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(fault), "{text}: {told}");
        }
    }
}
