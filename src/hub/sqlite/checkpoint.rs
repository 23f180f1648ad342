//! Checkpoints: what the write-ahead file holds goes into the log's own file, beside the writer.
//!
//! A thread with a connection of its own copies page after page while the writer goes on. Only the
//! last few pages are the writer's, once in some mebibytes: with nothing left to copy it begins the
//! write-ahead file anew, and so the file is bounded while writers never pause.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::engine::LogError;
use super::Readers;

/// After about how many bytes written the thread looks.
const EVERY: u64 = 2 << 20;
/// From how many pages on the write-ahead file is to begin anew: 16 MiB of them.
const LONG: i64 = 4_096;
/// How many pages the writer may be left with.
const LITTLE: i64 = 64;
/// How often the thread goes over what was written while it copied.
const PASSES: usize = 4;
/// After about how many bytes the writer waits for the thread and for readers: they did not keep up.
const MOST: u64 = 128 << 20;
/// How long it waits for readers then; it tries again after half as many bytes.
const WAIT: Duration = Duration::from_millis(50);
/// How long anything else waits for another connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The writer's side.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// Calls the thread; one call may wait.
    calls: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Turns>,
    /// About how many bytes were written since the thread was called.
    uncalled: u64,
    /// The same since the file could last begin anew.
    written: u64,
}

/// Whose turn it is.
#[derive(Debug, Default)]
struct Turns {
    /// Whether the thread left the rest to the writer.
    rest: AtomicBool,
    /// Held by whoever copies. SQLite does not wait for the other: it gives up at once.
    copying: Mutex<()>,
}

impl Checkpoints {
    /// Starts the thread; the first thing that it does is to take over what an earlier writer left.
    pub(super) fn start(path: &Path, readers: Arc<Readers>) -> Result<Self, LogError> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        let (calls, called) = sync_channel(1);
        let shared = Arc::<Turns>::default();
        let turns = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("checkpoints".into())
            .spawn(move || copy(&connection, &readers.file, &called, &turns))
            .map_err(|error| LogError::Form(format!("no thread for its checkpoints: {error}")))?;
        let mut checkpoints = Self { calls: Some(calls), thread: Some(thread), shared, uncalled: 0, written: 0 };
        checkpoints.call();
        Ok(checkpoints)
    }

    /// Notes that about so many bytes were written.
    pub(super) fn wrote(&mut self, bytes: u64) {
        self.uncalled += bytes;
        self.written += bytes;
        if self.uncalled >= EVERY {
            self.call();
        }
    }

    fn call(&mut self) {
        // One that waits already is for this as well.
        let _waits = self.calls.as_ref().is_some_and(|calls| calls.try_send(()).is_ok());
        self.uncalled = 0;
    }

    /// Does the writer's part, where there is one. It is between two commits.
    pub(super) fn settle(&mut self, writer: &Connection) -> Result<(), LogError> {
        let late = self.written >= MOST;
        if !late && !self.shared.rest.load(Ordering::Acquire) {
            return Ok(());
        }
        let turn = match self.shared.copying.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(turn)) => turn.into_inner(),
            Err(TryLockError::WouldBlock) if late => self.shared.copying.lock().unwrap_or_else(PoisonError::into_inner),
            // After the next commit, then.
            Err(TryLockError::WouldBlock) => return Ok(()),
        };
        let copied = if late { waiting(writer) } else { checkpoint(writer, "PASSIVE") };
        drop(turn);
        self.shared.rest.store(false, Ordering::Release);
        let copied = copied?;
        if copied.pages >= 0 && copied.left() == 0 {
            self.written = 0;
        } else if late {
            self.written = MOST / 2;
        }
        Ok(())
    }

    /// Ends the thread.
    pub(super) fn end(&mut self) {
        drop(self.calls.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("hub.checkpoint.panicked");
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.end();
    }
}

/// The thread's work, until the writer ends.
fn copy(connection: &Connection, file: &File, called: &Receiver<()>, turns: &Turns) {
    while called.recv().is_ok() {
        if turns.rest.load(Ordering::Acquire) {
            continue;
        }
        let copied = (0..PASSES).try_fold(Copied::default(), |before, pass| {
            if pass > 0 && before.left() <= LITTLE {
                return Ok(before);
            }
            let _turn = turns.copying.lock().unwrap_or_else(PoisonError::into_inner);
            checkpoint(connection, "PASSIVE")
        });
        match copied {
            Ok(copied) if copied.pages >= LONG => {
                // What is on the disk when the writer does the rest need not be waited for then.
                if let Err(error) = file.sync_data() {
                    tracing::warn!(%error, "hub.checkpoint.sync");
                }
                turns.rest.store(true, Ordering::Release);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "hub.checkpoint.failed"),
        }
    }
}

/// How far a checkpoint came.
#[derive(Debug, Clone, Copy, Default)]
struct Copied {
    /// Pages in the write-ahead file.
    pages: i64,
    /// Those of them that the log's own file has.
    done: i64,
}

impl Copied {
    fn left(self) -> i64 {
        self.pages - self.done
    }
}

/// A checkpoint that waits a moment for readers that still need what would be written over.
fn waiting(writer: &Connection) -> Result<Copied, LogError> {
    writer.busy_timeout(WAIT)?;
    let copied = checkpoint(writer, "FULL");
    writer.busy_timeout(PATIENCE)?;
    copied
}

fn checkpoint(connection: &Connection, how: &str) -> Result<Copied, LogError> {
    // Where another program has it in hand there is nothing to tell: both are then -1.
    let copied = connection
        .query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| Ok(Copied { pages: row.get(1)?, done: row.get(2)? }))?;
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use crate::event::{Entity, Timestamp};
    use crate::hub::engine::{Durability, LogEngine, Read, Stored};
    use crate::hub::sqlite::open;

    fn events(first: u64, count: u64) -> Vec<Stored> {
        let event = |seq| Stored {
            seq,
            kind: "thing.happened".into(),
            source: "test".into(),
            entity: Some(Entity::new("thing", (seq % 1_000).to_string())),
            key: None,
            json: format!("{{\"seq\":{seq},\"text\":\"{}\"}}", "x".repeat(400)),
        };
        (first..first + count).map(event).collect()
    }

    /// A writer that never pauses, with a reader beside it: the write-ahead file stays bounded.
    #[test]
    fn the_write_ahead_file_is_bounded_while_writers_go_on() {
        const COUNT: u64 = 60_000;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let size = |name: &str| std::fs::metadata(folder.path().join(name)).map_or(0, |file| file.len());
        let mut log = open(&path, Durability::Crash).unwrap();
        let reader = log.reader();
        for first in (1..=COUNT).step_by(500) {
            log.append(&events(first, 500), Timestamp(1)).unwrap();
            log.settle().unwrap();
            let read = Read { after: first - 1, before: u64::MAX, limit: 1, ..Read::default() };
            assert_eq!(reader.read(&read).unwrap().reached, first);
        }
        // The thread may be late on a busy machine; it comes.
        let mut last = COUNT;
        while size("log.db") < 16 << 20 || size("log.db-wal") > super::MOST {
            last += 1;
            log.append(&events(last, 1), Timestamp(1)).unwrap();
            log.settle().unwrap();
        }
        log.close().unwrap();
        assert_eq!(size("log.db-wal"), 0);
        assert_eq!(log.head(), last);
    }

    #[test]
    fn what_an_earlier_writer_left_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let mut log = open(&path, Durability::Crash).unwrap();
        log.append(&events(1, 100), Timestamp(1)).unwrap();
        drop(log);
        let mut log = open(&path, Durability::Crash).unwrap();
        assert_eq!((log.head(), log.reader().first()), (100, Some(1)));
        log.append(&events(101, 1), Timestamp(1)).unwrap();
        log.close().unwrap();
    }

    #[test]
    fn free_pages_are_given_back_step_by_step() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let mut log = open(&path, Durability::Crash).unwrap();
        log.append(&events(1, 4_000), Timestamp(1)).unwrap();
        assert!(!log.shrink(10, &mut || true).unwrap(), "nothing is free");
        let full = log.bytes().unwrap();
        assert_eq!(log.trim(3_500, 3_000, &mut || true).unwrap(), 3_000);
        assert_eq!(log.reader().first(), Some(3_001));
        assert_eq!(log.trim(3_500, 3_000, &mut || true).unwrap(), 500);
        assert_eq!(log.trim(3_500, 3_000, &mut || true).unwrap(), 0);
        let left = log.bytes().unwrap();
        assert!(left < full / 4);
        assert!(log.shrink(10, &mut || true).unwrap());
        while log.shrink(100, &mut || true).unwrap() {}
        log.close().unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < full / 4);
        assert_eq!((log.bytes().unwrap(), log.reader().first()), (left, Some(3_501)));
    }

    /// A step that may not go on does a little all the same, so that there is an end to it.
    #[test]
    fn a_step_ends_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(&folder.path().join("log.db"), Durability::Crash).unwrap();
        log.append(&events(1, 4_000), Timestamp(1)).unwrap();
        let few = log.trim(3_500, 3_000, &mut || false).unwrap();
        assert!((1..100).contains(&few), "{few} went at once");
        assert_eq!(log.reader().first(), Some(few as u64 + 1));
        let mut asked = 0;
        let more = log.trim(3_500, 3_000, &mut || (asked += 1, asked < 3).1).unwrap();
        assert_eq!((asked, more), (3, 3 * few));
        while log.trim(3_500, 3_000, &mut || true).unwrap() > 0 {}
        let size = |log: &dyn LogEngine| log.bytes().unwrap();
        let left = size(log.as_ref());
        let mut pages = 0;
        assert!(log.shrink(1_000, &mut || (pages += 1, pages < 7).1).unwrap(), "there are more");
        assert_eq!((pages, size(log.as_ref())), (7, left));
        let read = log.reader().read(&Read { limit: 500, ..Read::default() }).unwrap();
        assert_eq!(read.events.len(), 500);
        assert_eq!(read.events[0].seq, 3_501);
    }
}
