//! Snapshots of the state, as files beside the log: what makes start and history quick.
//!
//! They stand as close together as their cost allows: two are at least [`HubConfig::snapshot_every`]
//! events apart, and far enough that one is no larger than two times the events up to it; while the
//! log grows so fast that writing them would take more than a tenth of the time, further apart. When
//! it is quiet again the [`filler`](fill) adds those that are missing between.
//!
//! [`HubConfig::snapshot_every`]: super::HubConfig::snapshot_every

mod fill;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

pub(super) use fill::Filler;

use crate::event::pack::{framed, pack, split, unpack};
use crate::event::{Epoch, Fault};
use crate::swarm::messages::Inboxes;
use crate::swarm::{FORM, SwarmState};

/// How many snapshots are kept at most. Past it the one that stands closest between its neighbours
/// goes: history stays reachable everywhere, with longer folds.
const MAX_SNAPSHOTS: usize = 1_024;
/// How many bytes they may take on the disk together; past it likewise.
const MAX_BYTES: u64 = 1 << 30;
/// Bytes of a snapshot for each event up to it: about two events' JSON.
const BYTES_PER_EVENT: u64 = 700;
/// How many times as long as the last one took to write is waited before the next.
const PAUSE: u32 = 9;

/// The folder of snapshots of one log.
#[derive(Debug)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    epoch: Epoch,
    /// The bytes of the newest one that was written.
    size: AtomicU64,
    /// The newest event of the log, as the sequencer last said.
    head: AtomicU64,
    /// Until then no further one is written.
    rest: Mutex<Instant>,
}

impl Snapshots {
    pub(super) fn open(folder: PathBuf, epoch: Epoch) -> std::io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        // An earlier form: nothing reads it any more.
        for file in std::fs::read_dir(&folder)?.filter_map(Result::ok) {
            if file.path().extension().is_some_and(|end| end == "json") {
                std::fs::remove_file(file.path())?;
            }
        }
        let (size, head) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { folder, epoch, size, head, rest: Mutex::new(Instant::now()) })
    }

    /// How many events stand between two snapshots, where `every` is the least.
    pub(super) fn spacing(&self, every: u64) -> u64 {
        every.max(self.size.load(Ordering::Relaxed) / BYTES_PER_EVENT).max(1)
    }

    /// Whether a snapshot at `head` is due after one at `last`.
    pub(super) fn due(&self, head: u64, last: u64, every: u64) -> bool {
        self.head.store(head, Ordering::Relaxed);
        head >= last.saturating_add(self.spacing(every))
            && *self.rest.lock().unwrap_or_else(PoisonError::into_inner) <= Instant::now()
    }

    /// The places that have a snapshot, in order.
    pub(super) fn places(&self) -> Vec<u64> {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let place = |file: std::fs::DirEntry| file.file_name().to_str()?.strip_suffix(".state")?.parse().ok();
        let mut places: Vec<u64> = files.filter_map(Result::ok).filter_map(place).collect();
        places.sort_unstable();
        places
    }

    /// The place of the newest one at or before `seq`, whether it can be read or not; 0 where there is none.
    pub(super) fn nearest(&self, seq: u64) -> u64 {
        self.places().into_iter().rfind(|place| *place <= seq).unwrap_or(0)
    }

    /// The newest state at or before `seq` that can be read and is of this log and this form.
    pub(super) fn newest(&self, seq: u64) -> Option<SwarmState> {
        let places = self.places();
        places.into_iter().rev().filter(|place| *place <= seq).find_map(|place| self.read(place))
    }

    /// The newest state at or before `seq` in its packed form, as it stands in its file, and its place.
    pub(super) fn newest_packed(&self, seq: u64) -> Option<(u64, Vec<u8>)> {
        let places = self.places();
        places.into_iter().rev().filter(|place| *place <= seq).find_map(|place| {
            let mut file = std::fs::read(self.path(place)).ok()?;
            let (_, state) = self.parts(&file)?;
            let begin = file.len() - state.len();
            file.drain(..begin);
            Some((place, file))
        })
    }

    /// What a file of this log and this form begins with.
    fn head(&self) -> String {
        format!("swarmdeck snapshot {FORM} {}\n", self.epoch)
    }

    /// What stands in a file: what the deck alone needs, and the state; none where it is another log's,
    /// of another form, or not whole.
    fn parts<'a>(&self, file: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (whole, rest) = split(file.strip_prefix(self.head().as_bytes())?)?;
        if rest.is_empty() { split(whole) } else { None }
    }

    fn read(&self, place: u64) -> Option<SwarmState> {
        let path = self.path(place);
        let file = std::fs::read(&path).ok()?;
        let Some((own, state)) = self.parts(&file) else {
            tracing::info!(path = %path.display(), "hub.snapshot.other_form: passed over");
            return None;
        };
        match whole(own, state) {
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
        let began = Instant::now();
        let (inboxes, forgotten) = state.messages.inboxes.kept();
        // What no page reads stands beside the state; the state stands last, and is sent as it stands.
        let own = framed(&pack(inboxes), &pack(&forgotten));
        let text = [self.head().as_bytes(), &framed(&framed(&own, &pack(state)), &[])].concat();
        let unfinished = self.folder.join("unfinished");
        let mut file = std::fs::File::create(&unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, self.path(state.seq))?;
        self.size.store(text.len() as u64, Ordering::Relaxed);
        self.thin();
        *self.rest.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + began.elapsed() * PAUSE;
        Ok(())
    }

    fn bytes(&self, places: &[u64]) -> u64 {
        places.iter().filter_map(|place| Some(std::fs::metadata(self.path(*place)).ok()?.len())).sum()
    }

    /// Whether so many are kept that none is to be added between others.
    pub(super) fn is_full(&self, places: &[u64]) -> bool {
        places.len() > MAX_SNAPSHOTS / 4 * 3 || self.bytes(places) > MAX_BYTES / 4 * 3
    }

    fn thin(&self) {
        let mut places = self.places();
        while places.len() > 2 && (places.len() > MAX_SNAPSHOTS || self.bytes(&places) > MAX_BYTES) {
            // The oldest stays: retention counts on it. So does the newest: the next start does.
            let Some(going) = closest(&places) else { return };
            self.remove(places.remove(going));
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
        Path::new(&self.folder).join(format!("{place:020}.state"))
    }
}

/// The state of a snapshot, with the inboxes that stand beside it.
fn whole(own: &[u8], state: &[u8]) -> Result<SwarmState, Fault> {
    let (inboxes, forgotten) = split(own).unwrap_or_default();
    let mut state: SwarmState = unpack(state)?;
    state.messages.inboxes = Inboxes::from_kept(unpack(inboxes)?, unpack(forgotten)?);
    Ok(state)
}

/// The one between two others whose absence leaves the shortest stretch; of equal ones the oldest.
fn closest(places: &[u64]) -> Option<usize> {
    let stretches = places.windows(3).map(|three| three[2] - three[0]);
    stretches.enumerate().min_by_key(|(_, stretch)| *stretch).map(|(index, _)| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_is_missed_least_goes() {
        assert_eq!(closest(&[100, 200, 300, 340, 400, 900]), Some(3));
        assert_eq!(closest(&[100, 200, 300, 400]), Some(1));
        assert_eq!(closest(&[100, 200]), None);
    }

    #[test]
    fn a_file_that_is_not_whole_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(folder.path().to_owned(), Epoch(7)).unwrap();
        let state = |seq| SwarmState { seq, ..SwarmState::default() };
        snapshots.write(&state(10)).unwrap();
        snapshots.write(&state(20)).unwrap();
        assert_eq!(snapshots.newest_packed(25), Some((20, pack(&state(20)))));
        let file = std::fs::read(snapshots.path(20)).unwrap();
        for length in 0..file.len() {
            std::fs::write(snapshots.path(20), &file[..length]).unwrap();
            assert_eq!(snapshots.newest_packed(25), Some((10, pack(&state(10)))), "{length}");
            assert_eq!(snapshots.newest(25), Some(state(10)), "{length}");
        }
        assert_eq!(snapshots.newest_packed(9), None);
        let other = Snapshots::open(folder.path().to_owned(), Epoch(8)).unwrap();
        assert_eq!(other.newest_packed(25), None);
    }
}
