//! Settings from flags, the environment and `swarmdeck.toml`, in that order. Plain keys of the file
//! are the flags of `serve`; its tables are the settings of the services.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::service::config::{ServiceConfig, is_table, load};

/// The file that is read where none is named.
pub(super) const FILE: &str = "swarmdeck.toml";

/// The settings of a file: keys are the flags of `serve`, without their dashes.
#[derive(Debug)]
pub(super) struct Settings {
    path: PathBuf,
    text: String,
    table: toml::Table,
}

impl Settings {
    /// Reads a file; the default one may be missing.
    pub(super) fn read(named: Option<&Path>) -> anyhow::Result<Self> {
        let path = named.unwrap_or(Path::new(FILE)).to_owned();
        if named.is_none() && !path.exists() {
            return Ok(Self { path, text: String::new(), table: toml::Table::new() });
        }
        let (text, table) = load(&path).map_err(anyhow::Error::msg).context("cannot use the file of settings")?;
        Ok(Self { path, text, table })
    }

    /// Takes the settings of the services out, with the file that is watched for changes of them.
    pub(super) fn services(&mut self) -> anyhow::Result<ServiceConfig> {
        let names: Vec<String> = self.table.iter().filter(|(_, value)| is_table(value)).map(|(name, _)| name.clone()).collect();
        let tables = names.into_iter().filter_map(|name| self.table.remove_entry(&name)).collect();
        let read = ServiceConfig::read(tables).map_err(|fault| anyhow::anyhow!("{}: {fault}", self.path.display()))?;
        // Absolute, so that nothing that is done to the working folder moves it.
        let file = std::path::absolute(&self.path).with_context(|| format!("cannot tell where {} is", self.path.display()))?;
        Ok(ServiceConfig { file: Some(file), text: self.text.clone(), ..read })
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
        assert_eq!(settings.services().unwrap().file.as_deref(), Some(path.as_path()));
        assert!(settings.end().unwrap_err().to_string().contains("tyop: unknown setting"));
        assert!(Settings::read(Some(&folder.path().join("none"))).is_err());
    }

    #[test]
    fn tables_are_the_services_and_their_faults_name_file_table_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        let services = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Settings::read(Some(&path)).and_then(|mut settings| settings.services())
        };
        assert_eq!(services("addr = 'x'\n[selfcheck]\nevery_seconds = 60\n").unwrap().selfcheck.every_seconds, 60);
        let fault = services("[selfcheck]\nevery = 60\n").unwrap_err().to_string();
        assert!(fault.contains("x.toml: selfcheck.every: unknown field"), "{fault}");
        let fault = format!("{:#}", services("[selfcheck\n").unwrap_err());
        assert!(fault.contains("x.toml: ") && fault.contains("line 1"), "{fault}");
    }
}
