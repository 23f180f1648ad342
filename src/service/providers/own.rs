//! What people set up by API, in a file beside the log: `providers.json`.
//!
//! The deck sends requests to what stands here and in the file of settings, and to nothing else.
//! The log is no place for it: whoever may send events could name any address there, and have the
//! deck ask it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::settings::ProviderSettings;

/// The providers of the API, by name, and their file.
#[derive(Debug)]
pub(super) struct Own {
    path: PathBuf,
    known: Mutex<BTreeMap<String, ProviderSettings>>,
    /// Held while the file is written: of two writers the later one writes the newer list.
    writing: Mutex<()>,
}

impl Own {
    /// Reads the file; there may be none. One that cannot be read is put aside.
    pub(super) fn open(path: PathBuf) -> Self {
        let known = match std::fs::read_to_string(&path) {
            Ok(text) => read(&text).unwrap_or_else(|problem| {
                tracing::error!(path = %path.display(), problem, "providers.own.unreadable: put aside as .old");
                if let Err(error) = std::fs::rename(&path, path.with_extension("json.old")) {
                    tracing::error!(path = %path.display(), %error, "providers.own.aside");
                }
                BTreeMap::new()
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "providers.own.unreadable");
                BTreeMap::new()
            }
        };
        Self { path, known: Mutex::new(known), writing: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, ProviderSettings>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them.
    pub(super) fn all(&self) -> BTreeMap<String, ProviderSettings> {
        self.known().clone()
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.known().contains_key(name)
    }

    /// Changes the list, then writes it; where it cannot be written the list is as it was. Blocks.
    ///
    /// # Errors
    /// What `change` says, and nothing is changed; or why the file cannot be written.
    pub(super) fn change<T, E: From<std::io::Error>>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, ProviderSettings>) -> Result<T, E>,
    ) -> Result<T, E> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = self.all();
        let told = change(&mut changed)?;
        self.write(&changed)?;
        *self.known() = changed;
        Ok(told)
    }

    /// Whole or not at all, as it is renamed into place when it is on disk.
    fn write(&self, list: &BTreeMap<String, ProviderSettings>) -> std::io::Result<()> {
        let list: Vec<Value> = list.values().map(told).collect();
        let unfinished = self.path.with_extension("json.new");
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(format!("{:#}\n", Value::from(list)).as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&unfinished, &self.path)
    }
}

fn told(it: &ProviderSettings) -> Value {
    json!({
        "name": it.name,
        "kind": it.kind.as_str(),
        "url": it.url,
        "every_seconds": it.every_seconds,
        "timeout_ms": it.timeout_ms,
        "slow_ms": it.slow_ms,
    })
}

fn read(text: &str) -> Result<BTreeMap<String, ProviderSettings>, String> {
    let list: Vec<ProviderSettings> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut known = BTreeMap::new();
    for one in list {
        one.check().map_err(|refusal| format!("{:?}: {refusal}", one.name))?;
        known.insert(one.name.clone(), one);
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::provider::ProviderKind;

    #[test]
    fn what_is_set_up_is_read_again_and_what_is_damaged_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("providers.json");
        let own = Own::open(path.clone());
        let mut one = ProviderSettings::new("a".into(), ProviderKind::Ollama, "http://127.0.0.1:1".into());
        one.every_seconds = Some(7);
        own.change(|list| Ok::<_, std::io::Error>(list.insert("a".into(), one.clone()))).unwrap();
        assert_eq!(Own::open(path.clone()).all().into_values().collect::<Vec<_>>(), [one]);
        let refused = own.change(|list| {
            list.clear();
            Err::<(), _>(std::io::Error::other("no"))
        });
        assert!(refused.is_err() && own.all().len() == 1 && Own::open(path.clone()).all().len() == 1);
        for damaged in ["{", r#"[{"name":"a","kind":"http","url":"file:///etc/passwd"}]"#] {
            std::fs::write(&path, damaged).unwrap();
            assert!(Own::open(path.clone()).all().is_empty());
            assert_eq!(std::fs::read_to_string(folder.path().join("providers.json.old")).unwrap(), damaged);
        }
    }
}
