//! How a provider is set up: what is asked for, and what of it is let through.

use std::time::Duration;

use reqwest::Url;
use serde::{Deserialize, Deserializer};

use crate::event::provider::{Origin, ProviderConfigured, ProviderKind};
use crate::event::wire::Object;
use crate::service::Refusal;
use crate::swarm::providers::{Configured, MAX_ENDPOINT};

/// Seconds between two probes where none are asked for.
pub const EVERY_SECONDS: u64 = 30;
/// How long an answer may take where nothing is asked for, in milliseconds.
pub const TIMEOUT_MS: u64 = 5_000;
/// From when on an answer is slow where nothing is asked for, in milliseconds.
pub const SLOW_MS: u64 = 2_000;
/// Longest name, in bytes.
pub const MAX_NAME: usize = 100;

/// Seconds between two probes: one second to one day.
const EVERY: std::ops::RangeInclusive<u64> = 1..=86_400;
/// How long an answer may take: up to one minute.
const TIMEOUT: std::ops::RangeInclusive<u64> = 10..=60_000;
/// From when on an answer is slow.
const SLOW: std::ops::RangeInclusive<u64> = 1..=60_000;
/// Parameters of an address that by their name carry a secret, which would stand in the log.
const SECRETS: &[&str] =
    &["key", "api_key", "apikey", "api-key", "token", "access_token", "auth", "password", "secret", "sig", "signature"];

/// A provider as a `[[providers]]` table or the API sets it up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// Its name: letters, digits and `_ - . :`, up to 100.
    pub name: String,
    /// How it is asked.
    #[serde(deserialize_with = "kind")]
    pub kind: ProviderKind,
    /// Where it is: the address of the server, for `http` of the page that is asked for.
    pub url: String,
    /// Seconds between two probes; 30 where absent.
    pub every_seconds: Option<u64>,
    /// How long an answer may take, in milliseconds; 5,000 where absent.
    pub timeout_ms: Option<u64>,
    /// From when on an answer is slow, in milliseconds; 2,000 where absent.
    pub slow_ms: Option<u64>,
    /// Whether it is probed at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The environment variable whose value goes along as a bearer token. Only the file may name
    /// one: whoever can reach the API could else have any variable sent anywhere.
    pub bearer_env: Option<String>,
}

impl ProviderSettings {
    /// A provider that is asked as often and as patiently as is usual.
    pub fn new(name: String, kind: ProviderKind, url: String) -> Self {
        Self { name, kind, url, every_seconds: None, timeout_ms: None, slow_ms: None, enabled: true, bearer_env: None }
    }
}

fn yes() -> bool {
    true
}

/// The kind of this name.
///
/// # Errors
/// There is none.
pub fn kind_of(word: &str) -> Result<ProviderKind, String> {
    let place = ProviderKind::WORDS.iter().position(|known| *known == word);
    place
        .map(|place| ProviderKind::ALL[place])
        .ok_or_else(|| format!("{word:?} is not one of {}", ProviderKind::WORDS.join(", ")))
}

fn kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProviderKind, D::Error> {
    kind_of(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

impl ProviderSettings {
    /// Whether all of it fits.
    ///
    /// # Errors
    /// The first field that does not, by name.
    pub fn check(&self) -> Result<(), Refusal> {
        check_name(&self.name)?;
        address(self.kind, &self.url)?;
        for (field, value, range) in [
            ("every_seconds", self.every_seconds, EVERY),
            ("timeout_ms", self.timeout_ms, TIMEOUT),
            ("slow_ms", self.slow_ms, SLOW),
        ] {
            if let Some(value) = value
                && !range.contains(&value)
            {
                return Err(Refusal::invalid(format!("{field}: {value} is not from {} to {}", range.start(), range.end())));
            }
        }
        if self.bearer_env.as_deref().is_some_and(str::is_empty) {
            return Err(Refusal::invalid("bearer_env: empty"));
        }
        Ok(())
    }

    /// The event that says so.
    pub(super) fn event(&self, origin: Origin) -> ProviderConfigured {
        ProviderConfigured {
            kind: self.kind,
            endpoint: self.url.clone(),
            origin: Some(origin),
            enabled: (!self.enabled).then_some(false),
            every_seconds: self.every_seconds,
            timeout_ms: self.timeout_ms,
            slow_ms: self.slow_ms,
            extra: Object::new(),
        }
    }

    /// Whether the folded state says the same of it.
    pub(super) fn is_told_by(&self, known: &Configured, origin: Origin) -> bool {
        known.kind == self.kind
            && known.endpoint == self.url
            && known.origin == origin
            && known.enabled == self.enabled
            && (known.every_seconds, known.timeout_ms, known.slow_ms) == (self.every_seconds, self.timeout_ms, self.slow_ms)
    }

    /// What the folded state says of one.
    pub(super) fn of(name: &str, known: &Configured) -> Self {
        Self {
            name: name.to_owned(),
            kind: known.kind,
            url: known.endpoint.clone(),
            every_seconds: known.every_seconds,
            timeout_ms: known.timeout_ms,
            slow_ms: known.slow_ms,
            enabled: known.enabled,
            bearer_env: None,
        }
    }

    /// Between two probes.
    pub fn every(&self) -> Duration {
        Duration::from_secs(self.every_seconds.unwrap_or(EVERY_SECONDS))
    }

    /// How long an answer may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.unwrap_or(TIMEOUT_MS))
    }

    /// From when on an answer is slow.
    pub fn slow(&self) -> Duration {
        Duration::from_millis(self.slow_ms.unwrap_or(SLOW_MS))
    }
}

/// Whether a provider may have this name.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'));
    if name.is_empty() || name.len() > MAX_NAME || !plain {
        return Err(Refusal::invalid(format!("name: it is 1 to {MAX_NAME} letters, digits and _ - . :")));
    }
    Ok(())
}

/// The address that a probe asks for.
///
/// # Errors
/// It is no address of HTTP, too long, or carries a secret.
pub(super) fn address(kind: ProviderKind, url: &str) -> Result<Url, Refusal> {
    let refuse = |problem: &str| Err(Refusal::invalid(format!("url: {problem}")));
    if url.len() > MAX_ENDPOINT {
        return refuse(&format!("{} bytes, over the limit of {MAX_ENDPOINT}", url.len()));
    }
    let Ok(mut address) = Url::parse(url) else { return refuse("no address such as http://127.0.0.1:11434") };
    if !matches!(address.scheme(), "http" | "https") || !address.has_host() {
        return refuse("only http:// and https:// can be asked");
    }
    if !address.username().is_empty() || address.password().is_some() {
        return refuse("it has a name or a password in it, which would stand in the log; a file of settings can name bearer_env");
    }
    if address.query_pairs().any(|(name, _)| SECRETS.contains(&name.to_ascii_lowercase().as_str())) {
        return refuse("it has a secret among its parameters, which would stand in the log");
    }
    if kind != ProviderKind::Http && (address.query().is_some() || address.fragment().is_some()) {
        return refuse("it is the address of a server, without ? and #");
    }
    address.set_fragment(None);
    let base = address.path().trim_end_matches('/').to_owned();
    match kind {
        ProviderKind::Ollama => address.set_path(&format!("{base}/api/tags")),
        ProviderKind::Openai if base.ends_with("/v1") => address.set_path(&format!("{base}/models")),
        ProviderKind::Openai => address.set_path(&format!("{base}/v1/models")),
        ProviderKind::Http => {}
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_asked_at_its_own_address() {
        let asked = |kind, url: &str| address(kind, url).map(String::from);
        for (kind, url, wanted) in [
            (ProviderKind::Ollama, "http://localhost:11434", "http://localhost:11434/api/tags"),
            (ProviderKind::Ollama, "http://10.0.0.4/ollama/", "http://10.0.0.4/ollama/api/tags"),
            (ProviderKind::Openai, "https://api.example.com", "https://api.example.com/v1/models"),
            (ProviderKind::Openai, "https://api.example.com/v1/", "https://api.example.com/v1/models"),
            (ProviderKind::Http, "http://[::1]:9/health?deep=1#x", "http://[::1]:9/health?deep=1"),
        ] {
            assert_eq!(asked(kind, url).unwrap(), wanted);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (url, words) in [
            ("localhost:11434", "only http"),
            ("127.0.0.1", "no address"),
            ("file:///etc/passwd", "only http"),
            ("http://user@host/", "password"),
            ("http://:word@host/", "password"),
            ("https://host/?API_KEY=x", "secret"),
            ("http://", "no address"),
        ] {
            let refusal = address(ProviderKind::Http, url).unwrap_err();
            assert!(refusal.detail.starts_with("url: ") && refusal.detail.contains(words), "{url}: {refusal}");
        }
        assert!(address(ProviderKind::Ollama, "http://h/?x=1").is_err());
        assert!(address(ProviderKind::Http, &format!("http://h/{}", "x".repeat(300))).is_err());
        for name in ["", "a b", "ü", &"x".repeat(101)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
