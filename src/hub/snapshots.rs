//! Snapshots of the state, as files beside the log: what makes start and history quick.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::event::Epoch;
use crate::event::wire::{At, Fault, Object, Wire as _, from_text, object, to_text};
use crate::swarm::messages::Inboxes;
use crate::swarm::table::Table;
use crate::swarm::{FORM, SwarmState};

/// How many snapshots are kept. Past it every second one of the older half goes: history stays
/// reachable everywhere, with a longer fold the further back it is.
const MAX_SNAPSHOTS: usize = 128;

/// The folder of snapshots of one log.
#[derive(Debug)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    epoch: Epoch,
}

impl Snapshots {
    pub(super) fn open(folder: PathBuf, epoch: Epoch) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder, epoch })
    }

    /// The places that have a snapshot, in order.
    pub(super) fn places(&self) -> Vec<u64> {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let place = |file: std::fs::DirEntry| file.file_name().to_str()?.strip_suffix(".json")?.parse().ok();
        let mut places: Vec<u64> = files.filter_map(Result::ok).filter_map(place).collect();
        places.sort_unstable();
        places
    }

    /// The newest state at or before `seq` that can be read and is of this log and this form.
    pub(super) fn newest(&self, seq: u64) -> Option<SwarmState> {
        let places = self.places();
        places.into_iter().rev().filter(|place| *place <= seq).find_map(|place| self.read(place))
    }

    fn read(&self, place: u64) -> Option<SwarmState> {
        let path = self.path(place);
        let text = std::fs::read_to_string(&path).ok()?;
        let mut snapshot = from_text::<Value>(&text).and_then(|value| object(value, &At::Root("snapshot"))).ok()?;
        let fits = snapshot.get("form") == Some(&Value::from(FORM))
            && snapshot.get("epoch") == Some(&Value::from(self.epoch.to_string()));
        if !fits {
            tracing::info!(path = %path.display(), "hub.snapshot.other_form: passed over");
            return None;
        }
        match whole(&mut snapshot) {
            Ok(state) if state.seq == place => Some(state),
            Ok(_) => None,
            Err(fault) => {
                tracing::warn!(path = %path.display(), %fault, "hub.snapshot.unreadable: passed over");
                None
            }
        }
    }

    /// Writes a snapshot: whole or not at all, as it is renamed into place when it is on disk.
    pub(super) fn write(&self, state: &SwarmState) -> std::io::Result<()> {
        let (inboxes, forgotten) = state.messages.inboxes.kept();
        let text = format!(
            "{{\"form\":{FORM},\"epoch\":\"{}\",\"inboxes\":{},\"inboxes_forgotten\":{forgotten},\"state\":{}}}",
            self.epoch,
            to_text(inboxes),
            to_text(state)
        );
        let unfinished = self.folder.join("unfinished");
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&unfinished, self.path(state.seq))?;
        self.thin();
        Ok(())
    }

    fn thin(&self) {
        let places = self.places();
        if places.len() <= MAX_SNAPSHOTS {
            return;
        }
        // The oldest stays: retention counts on it.
        for place in places[..places.len() / 2].iter().skip(1).step_by(2) {
            self.remove(*place);
        }
    }

    /// Takes away the snapshots before `place`.
    pub(super) fn trim(&self, place: u64) {
        for older in self.places().into_iter().filter(|older| *older < place) {
            self.remove(older);
        }
    }

    fn remove(&self, place: u64) {
        if let Err(error) = std::fs::remove_file(self.path(place)) {
            tracing::warn!(%error, seq = place, "hub.snapshot.remove");
        }
    }

    fn path(&self, place: u64) -> PathBuf {
        Path::new(&self.folder).join(format!("{place:020}.json"))
    }
}

/// The state of a snapshot, with the inboxes that stand beside it.
fn whole(snapshot: &mut Object) -> Result<SwarmState, Fault> {
    let mut part = |key| snapshot.remove(key).unwrap_or_default();
    let mut state = SwarmState::read(part("state"), &At::Root("state"))?;
    let inboxes = Table::read(part("inboxes"), &At::Root("inboxes"))?;
    let forgotten = u64::read(part("inboxes_forgotten"), &At::Root("inboxes_forgotten"))?;
    state.messages.inboxes = Inboxes::from_kept(inboxes, forgotten);
    Ok(state)
}
