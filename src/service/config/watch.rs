//! The watch over the file of settings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Table;

use super::{ServiceConfig, is_table, load};
use crate::event::config::ConfigChanged;
use crate::event::wire::Object;
use crate::event::{Draft, Entity};
use crate::hub::Hub;
use crate::service::{Services, Setup};

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Watches the file of settings until the services end.
pub fn watch(setup: &Setup, services: &Services) {
    let Some(path) = setup.config.file.clone() else { return };
    // What the services were started with was read and checked.
    let table = setup.config.text.parse().unwrap_or_default();
    let watched = Watched { path, text: setup.config.text.clone(), table, seen: None };
    let (hub, services, stopping) = (setup.hub.clone(), services.clone(), setup.stopping.clone());
    setup.tracker.spawn(async move {
        tokio::select! {
            () = stopping.cancelled() => {}
            () = keep_watch(watched, hub, services) => {}
        }
    });
}

/// What the watch knows of the file.
#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// What stood in it when it was last taken over.
    text: String,
    /// The same as a table.
    table: Table,
    /// How it last looked, where that is not what was taken over.
    seen: Option<Look>,
}

/// One look at the file.
#[derive(Debug, Clone, PartialEq)]
struct Look {
    /// Its text and what it says, or why it cannot be read.
    found: Result<(String, Table), String>,
    /// Whether it was judged already.
    judged: bool,
}

/// A change of the file that fits.
#[derive(Debug)]
struct Change {
    config: ServiceConfig,
    /// The tables that differ, and `settings` for the flags.
    differing: BTreeSet<String>,
}

async fn keep_watch(mut watched: Watched, hub: Hub, services: Services) {
    let mut clock = tokio::time::interval(LOOK_EVERY);
    loop {
        clock.tick().await;
        let path = watched.path.clone();
        let Ok(found) = tokio::task::spawn_blocking(move || load(&path)).await else { continue };
        match watched.look(found) {
            None => {}
            Some(Err(fault)) => tracing::error!(fault, "config.unfit: the settings stay as they were"),
            Some(Ok(change)) => {
                take_over(&change, &services).await;
                publish(&hub, &watched.path, &change).await;
            }
        }
    }
}

impl Watched {
    /// Judges a look at the file: nothing where it is as it was or still changing, else a change,
    /// or a fault; each once.
    fn look(&mut self, found: Result<(String, Table), String>) -> Option<Result<Change, String>> {
        if matches!(&found, Ok((text, _)) if *text == self.text) {
            self.seen = None;
            return None;
        }
        // A file that never was need not be there.
        if found.is_err() && self.text.is_empty() && !self.path.exists() {
            self.seen = None;
            return None;
        }
        match &mut self.seen {
            Some(seen) if seen.found == found => {
                if std::mem::replace(&mut seen.judged, true) {
                    return None;
                }
            }
            _ => {
                self.seen = Some(Look { found, judged: false });
                return None;
            }
        }
        let (text, table) = match found {
            Ok(read) => read,
            Err(fault) => return Some(Err(fault)),
        };
        let tables: Table =
            table.iter().filter(|(_, value)| is_table(value)).map(|(key, value)| (key.clone(), value.clone())).collect();
        let config = match ServiceConfig::read(tables) {
            Ok(config) => config,
            Err(fault) => return Some(Err(format!("{}: {fault}", self.path.display()))),
        };
        let differing = differing(&self.table, &table);
        (self.text, self.table, self.seen) = (text, table, None);
        // Comments and order say nothing.
        (!differing.is_empty()).then_some(Ok(Change { config, differing }))
    }
}

/// The tables that differ, by name; `settings` where a plain key does.
fn differing(before: &Table, after: &Table) -> BTreeSet<String> {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    changed
        .map(|key| match [before, after].iter().filter_map(|table| table.get(key)).any(is_table) {
            true => key.clone(),
            false => "settings".to_owned(),
        })
        .collect()
}

/// Hands each table to the service that can take it while it runs.
async fn take_over(change: &Change, services: &Services) {
    for table in &change.differing {
        match table.as_str() {
            "providers" => {
                if let Err(refusal) = services.providers.apply(&change.config.providers).await {
                    tracing::error!(%refusal, "config.providers: they are told to the log at the next start");
                }
            }
            "selfcheck" => services.selfcheck.apply(change.config.selfcheck),
            _ => {
                tracing::warn!(table, "config.restart_needed: this takes effect at the next start");
                continue;
            }
        }
        tracing::info!(table, "config.applied");
    }
}

async fn publish(hub: &Hub, path: &Path, change: &Change) {
    let names: Vec<&str> = change.differing.iter().map(String::as_str).collect();
    let name = path.file_name().map_or_else(|| "settings".into(), |name| name.to_string_lossy());
    let event = ConfigChanged { change_type: names.join(","), extra: Object::new() };
    let draft = Draft::new("core", Entity::new("config", name), event);
    if let Err(error) = hub.append(vec![draft]).await {
        tracing::error!(%error, "config.untold: the log does not take that the settings changed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(text: &str) -> Watched {
        Watched { path: "/nowhere/swarmdeck.toml".into(), text: text.into(), table: text.parse().unwrap(), seen: None }
    }

    fn look(watched: &mut Watched, text: &str) -> Option<Result<String, String>> {
        let found = text.parse().map(|table| (text.to_owned(), table)).map_err(|error: toml::de::Error| error.to_string());
        let judged = watched.look(found)?;
        Some(judged.map(|change| change.differing.into_iter().collect::<Vec<_>>().join(",")))
    }

    #[test]
    fn a_change_is_told_once_and_only_when_it_stands() {
        let mut watched = watched("addr = 'a'\n[selfcheck]\nevery_seconds = 60\n");
        assert_eq!(look(&mut watched, "addr = 'a'\n[selfcheck]\nevery_seconds = 60\n"), None);
        assert_eq!(look(&mut watched, ""), None, "being written");
        let after = "addr = 'b'\n[selfcheck]\nevery_seconds = 90\n";
        assert_eq!(look(&mut watched, after), None);
        assert_eq!(look(&mut watched, after), Some(Ok("selfcheck,settings".into())));
        assert_eq!(look(&mut watched, after), None);
        let comment = "# only words\naddr = 'b'\n[selfcheck]\nevery_seconds = 90\n";
        assert_eq!((look(&mut watched, comment), look(&mut watched, comment), look(&mut watched, comment)), (None, None, None));
    }

    #[test]
    fn a_fault_is_told_once_and_changes_nothing() {
        let mut watched = watched("[selfcheck]\nevery_seconds = 60\n");
        for unfit in ["[selfcheck", "[selfcheck]\nevery_seconds = 1\n", "[unknown]\n"] {
            assert_eq!(look(&mut watched, unfit), None);
            assert!(matches!(look(&mut watched, unfit), Some(Err(_))), "{unfit}");
            assert_eq!(look(&mut watched, unfit), None);
        }
        assert_eq!(look(&mut watched, "[selfcheck]\nevery_seconds = 60\n"), None, "as it was");
        assert_eq!((look(&mut watched, ""), look(&mut watched, "")), (None, Some(Ok("selfcheck".into()))));
    }

    #[test]
    fn a_file_that_never_was_is_no_fault() {
        let mut watched = watched("");
        let gone = || Err("there is no such file".to_owned());
        assert!(watched.look(gone()).is_none() && watched.look(gone()).is_none());
        assert_eq!((look(&mut watched, "[selfcheck]\nevery_seconds = 60\n"), watched.text.as_str()), (None, ""));
    }
}
