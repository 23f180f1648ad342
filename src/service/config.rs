//! The settings of the services, and the watch over their file.
//!
//! `swarmdeck.toml` has two kinds of keys: plain ones are the flags of `serve`, tables are the
//! settings of the services, one for each service that has some. [`ServiceConfig::read`] takes the
//! tables; [`watch`] looks at the file once a second.
//!
//! A change counts once the file reads the same twice, so that a file that is being written is not
//! taken for a change. It is then published as one `config.changed`, whose `change_type` names the
//! tables that differ, joined by commas, `settings` standing for the flags. What can be taken over
//! by a running service is; the rest waits for a restart and is logged as such. A file that does
//! not fit changes nothing and is logged with its fault; so is one that is gone.

mod watch;

pub use watch::watch;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::Refusal;
use super::providers::ProviderSettings;
use super::selfcheck::SelfcheckSettings;

/// Largest file that is read, in bytes.
pub const MAX_FILE: u64 = 1 << 20;

/// The services' part of `swarmdeck.toml`: a table for each service that has settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// What can run sessions, and how long people are waited for.
    pub sessions: super::sessions::SessionsConfig,
    /// How agents are watched.
    pub health: super::registry::HealthConfig,
    /// Whether the graph is worked out and published unasked.
    pub topology: super::topology::TopologyConfig,
    /// The file it was read from, which is watched; not a setting.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The paper-trading engine.
    pub trading: super::trading::TradingConfig,
    /// What stood in the file when it was read: what a change is a change of; not a setting.
    #[serde(skip)]
    pub text: String,
    /// The model servers and services that are probed.
    pub providers: Vec<ProviderSettings>,
    /// When the deck tests itself.
    pub selfcheck: SelfcheckSettings,
}

impl ServiceConfig {
    /// Reads the tables of a file. Plain keys among them are no settings of a service and refused.
    ///
    /// # Errors
    /// The first fault with its table and key, such as
    /// `providers[1].url: no address such as http://127.0.0.1:11434`.
    pub fn read(tables: Table) -> Result<Self, String> {
        let read: Self = serde_path_to_error::deserialize(Value::Table(tables)).map_err(|error| {
            let path = error.path().to_string();
            // A fault of toml spells itself over lines.
            let fault = error.inner().message().trim().replace('\n', " ");
            if path == "." { fault } else { format!("{path}: {fault}") }
        })?;
        read.check()?;
        Ok(read)
    }

    /// What no form can say.
    fn check(&self) -> Result<(), String> {
        for (place, provider) in self.providers.iter().enumerate() {
            let fault = |refusal: Refusal| format!("providers[{place}].{refusal}");
            provider.check().map_err(fault)?;
            if self.providers[..place].iter().any(|other| other.name == provider.name) {
                return Err(format!("providers[{place}].name: {:?} is there twice", provider.name));
            }
        }
        if self.providers.len() > super::providers::MAX_CONFIGURED {
            return Err(format!(
                "providers: {} of them, over the limit of {}",
                self.providers.len(),
                super::providers::MAX_CONFIGURED
            ));
        }
        self.selfcheck.check().map_err(|refusal| format!("selfcheck.{refusal}"))?;
        Ok(())
    }
}

/// Whether a value of the file is a table of settings of a service, or a list of such.
pub fn is_table(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(items) => items.first().is_some_and(Value::is_table),
        _ => false,
    }
}

/// Reads a file of settings: its text, and it as a table.
///
/// # Errors
/// It cannot be read, is too large, or is no TOML; with its path.
pub fn load(path: &Path) -> Result<(String, Table), String> {
    let fault = |problem: String| format!("{}: {problem}", path.display());
    let size = std::fs::metadata(path).map_err(|error| fault(error.to_string()))?.len();
    if size > MAX_FILE {
        return Err(fault(format!("{size} bytes, over the limit of {MAX_FILE}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let table = text.parse().map_err(|error: toml::de::Error| fault(error.to_string().trim_end().to_owned()))?;
    Ok((text, table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ServiceConfig, String> {
        ServiceConfig::read(text.parse().unwrap())
    }

    #[test]
    fn tables_are_read() {
        let text = "[selfcheck]\nevery_seconds = 60\n[[providers]]\nname = 'a'\nkind = 'ollama'\nurl = 'http://127.0.0.1:1'\n\
                    [[providers]]\nname = 'b'\nkind = 'http'\nurl = 'http://127.0.0.1:1/x'\nenabled = false\nbearer_env = 'X'\n";
        let read = read(text).unwrap();
        assert_eq!(read.selfcheck.every_seconds, 60);
        assert_eq!(
            read.providers.iter().map(|one| (one.name.as_str(), one.enabled)).collect::<Vec<_>>(),
            [("a", true), ("b", false)]
        );
        assert!(ServiceConfig::read(Table::new()).is_ok());
    }

    #[test]
    fn a_fault_names_table_and_key() {
        let provider = |rest: &str| format!("[[providers]]\nname = 'a'\n{rest}");
        for (text, words) in [
            ("[selfchek]\n".to_owned(), "selfchek: unknown field"),
            ("[selfcheck]\nevery = 3\n".to_owned(), "selfcheck.every: unknown field"),
            ("[selfcheck]\nevery_seconds = 'x'\n".to_owned(), "selfcheck.every_seconds: invalid type"),
            ("[selfcheck]\nevery_seconds = 3\n".to_owned(), "selfcheck.every_seconds: 3 is under 5"),
            (provider("kind = 'x'\nurl = 'http://a'"), "providers[0].kind: \"x\" is not one of ollama, openai, http"),
            (provider("kind = 'http'\n"), "providers[0]: missing field `url`"),
            (provider("kind = 'http'\nurl = 'http://u:p@a'"), "providers[0].url: it has a name or a password"),
            (provider("kind = 'http'\nurl = 'http://a'\ntimeout_ms = 1"), "providers[0].timeout_ms: 1 is not from 10"),
            (provider("kind = 'http'\nurl = 'http://a'\n").repeat(2), "providers[1].name: \"a\" is there twice"),
        ] {
            let fault = read(&text).unwrap_err();
            assert!(fault.starts_with(words), "{text}: {fault}");
        }
    }
}
