//! Settings from flags, the environment and `swarmdeck.toml`, in that order.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// The file that is read where none is named.
pub(super) const FILE: &str = "swarmdeck.toml";

/// The settings of a file: keys are the flags of `serve`, without their dashes.
#[derive(Debug, Default)]
pub(super) struct Settings {
    path: PathBuf,
    table: toml::Table,
}

impl Settings {
    /// Reads a file; the default one may be missing.
    pub(super) fn read(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = named.unwrap_or(Path::new(FILE)).to_owned();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
        Ok(Self { path, table })
    }

    /// Takes a setting out, as text; lists become their elements joined by commas.
    pub(super) fn take(&mut self, key: &str) -> anyhow::Result<Option<String>> {
        use toml::Value;
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Integer(number) => Some(number.to_string()),
            Value::Boolean(flag) => Some(flag.to_string()),
            _ => None,
        };
        let value = match self.table.remove(key) {
            None => return Ok(None),
            Some(Value::Array(list)) => list.into_iter().map(text).collect::<Option<Vec<_>>>().map(|list| list.join(",")),
            Some(value) => text(value),
        };
        match value {
            Some(value) => Ok(Some(value)),
            None => bail!("{}: {key}: expected a text, a number or a list of texts", self.path.display()),
        }
    }

    /// Nothing may be left: a misspelt key fails instead of being passed over.
    pub(super) fn end(self) -> anyhow::Result<()> {
        match self.table.keys().next() {
            Some(key) => bail!("{}: {key}: unknown setting; settings have the names of the flags of serve", self.path.display()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_settings_and_wrong_values_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        std::fs::write(&path, "addr = \"127.0.0.1:1\"\nallow-host = [\"a\", \"b\"]\ntyop = 1\nretain-days = {}\n").unwrap();
        let mut settings = Settings::read(Some(&path)).unwrap();
        assert_eq!(settings.take("addr").unwrap().as_deref(), Some("127.0.0.1:1"));
        assert_eq!(settings.take("allow-host").unwrap().as_deref(), Some("a,b"));
        assert!(settings.take("retain-days").unwrap_err().to_string().contains("retain-days: expected"));
        assert!(settings.end().unwrap_err().to_string().contains("tyop: unknown setting"));
        assert!(Settings::read(Some(&folder.path().join("none"))).is_err());
    }
}
