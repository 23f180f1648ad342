//! The log in one SQLite file: a writer of its own, readers beside it, and an [index](index) that
//! shows it from afar.

mod checkpoint;
mod index;
mod kept;
mod timeline;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row, params};

use super::engine::{
    Durability, Kept, LogEngine, LogError, LogReader, Look, MAX_READ_BYTES, MAX_SCAN, Page, Read, Remains, Stored, Window,
};
use super::now;
use crate::event::timeline::{Mark, MarkKind, Timeline};
use crate::event::{Entity, Epoch, Timestamp};
use checkpoint::Checkpoints;
use index::{Index, TABLES};

/// The form of the tables. A log of a later form is not touched; one of form 1, which had no index
/// and kept nothing of what was trimmed, gets both when it is opened.
const FORM: i64 = 2;
/// How many idle reading connections are kept.
const IDLE_READERS: usize = 8;
/// How long the write-ahead file may stay after a checkpoint, in bytes.
const WAL_BYTES: i64 = 64 << 20;
/// How many events go at a time, before it is asked whether more may: some of them are large, and
/// all may have to be read from the disk first.
const GOING: i64 = 32;
/// About how many bytes a commit writes for itself: pages of the tables and of their indexes.
const COMMIT_BYTES: u64 = 24 << 10;
/// About how many bytes are written for each event that goes, and for each page given back.
const GONE_BYTES: u64 = 1 << 10;
const PAGE_BYTES: u64 = 12 << 10;

#[derive(Debug)]
struct Sqlite {
    connection: Connection,
    epoch: Epoch,
    head: u64,
    /// When the newest event was taken in.
    latest: Timestamp,
    index: Index,
    /// The size of what is kept of the memory, in bytes.
    kept: i64,
    durability: Durability,
    /// Whether commits wait for less than that just now.
    relaxed: bool,
    checkpoints: Checkpoints,
    readers: Arc<Readers>,
}

/// Opens or makes the log at `path`.
pub(super) fn open(path: &Path, durability: Durability) -> Result<Box<dyn LogEngine>, LogError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(checkpoint::PATIENCE)?;
    // Before the first table: pages that retention frees can then be given back bit by bit.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "synchronous", level(durability))?;
    let epoch = set_up(&connection)?;
    let head: i64 = connection.query_row("SELECT coalesce(max(seq), 0) FROM events", [], |row| row.get(0))?;
    let head = head.cast_unsigned();
    let latest = timeline::instant(&connection, head)?.unwrap_or_default();
    index::begin(&connection, head, now())?;
    let (index, kept) = (Index::open(&connection)?, kept::size(&connection)?);
    let oldest: i64 = connection.query_row("SELECT coalesce(min(seq), 0) FROM events", [], |row| row.get(0))?;
    let file = File::options().read(true).write(true).open(path);
    let file = file.map_err(|error| LogError::Form(format!("its file cannot be opened: {error}")))?;
    let oldest = AtomicU64::new(oldest.cast_unsigned());
    let readers = Arc::new(Readers { path: path.to_owned(), idle: Mutex::new(Vec::new()), oldest, file });
    let checkpoints = Checkpoints::start(path, Arc::clone(&readers))?;
    Ok(Box::new(Sqlite { connection, epoch, head, latest, index, kept, durability, relaxed: false, checkpoints, readers }))
}

/// When SQLite waits for the disk.
fn level(durability: Durability) -> &'static str {
    match durability {
        Durability::Power => "FULL",
        Durability::Crash => "NORMAL",
    }
}

fn set_up(connection: &Connection) -> Result<Epoch, LogError> {
    let form: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if form > FORM {
        return Err(LogError::Form(format!("it has form {form}, this version reads up to {FORM}: use a newer swarmdeck")));
    }
    if form == 0 {
        let fresh = u64::from_le_bytes(random()?);
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE;
             CREATE TABLE log (epoch TEXT NOT NULL);
             INSERT INTO log VALUES ('{}');
             -- `at` is the hub's clock in unix milliseconds; `entity` is kind:id.
             CREATE TABLE events (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL,
                                  entity TEXT, key TEXT, json TEXT NOT NULL);
             CREATE INDEX events_by_entity ON events (entity) WHERE entity IS NOT NULL;
             PRAGMA user_version = 1;
             COMMIT;",
            Epoch(fresh)
        ))?;
    }
    if form < FORM {
        let transaction = connection.unchecked_transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.execute_batch(kept::TABLES)?;
        index::fill(&transaction)?;
        transaction.pragma_update(None, "user_version", FORM)?;
        transaction.commit()?;
    }
    let epoch: String = connection.query_row("SELECT epoch FROM log", [], |row| row.get(0))?;
    crate::event::control::epoch(&epoch).ok_or_else(|| LogError::Form(format!("its identity {epoch:?} cannot be read")))
}

fn random() -> Result<[u8; 8], LogError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| LogError::Form(format!("no randomness for its identity: {error}")))?;
    Ok(bytes)
}

impl LogEngine for Sqlite {
    fn epoch(&self) -> Epoch {
        self.epoch
    }

    fn head(&self) -> u64 {
        self.head
    }

    fn append(&mut self, events: &[Stored], now: Timestamp) -> Result<(), LogError> {
        self.insist()?;
        let at = now.max(self.latest);
        let mut index = self.index;
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO events (seq, at, kind, source, entity, key, json) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            let mut entity = String::new();
            for event in events {
                entity.clear();
                if let Some(about) = &event.entity {
                    entity.push_str(&about.kind);
                    entity.push(':');
                    entity.push_str(&about.id);
                }
                let about = event.entity.is_some().then_some(entity.as_str());
                insert.execute(params![event.seq.cast_signed(), at.0, event.kind, event.source, about, event.key, event.json])?;
                index.note(&transaction, event, at)?;
            }
        }
        transaction.commit()?;
        self.head = events.last().map_or(self.head, |event| event.seq);
        (self.index, self.latest) = (index, at);
        if let Some(first) = events.first().filter(|_| self.readers.oldest.load(Ordering::Acquire) == 0) {
            self.readers.oldest.store(first.seq, Ordering::Release);
        }
        let bytes: usize = events.iter().map(|event| event.json.len()).sum();
        self.checkpoints.wrote(COMMIT_BYTES + 2 * bytes as u64);
        Ok(())
    }

    fn settle(&mut self) -> Result<(), LogError> {
        self.checkpoints.settle(&self.connection)
    }

    fn place_before(&self, time: Timestamp) -> Result<u64, LogError> {
        place_before(&self.connection, time)
    }

    fn bytes(&self) -> Result<u64, LogError> {
        let number = |pragma: &str| self.connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
        let used = (number("page_count")? - number("freelist_count")?) * number("page_size")?;
        Ok((used - self.kept).max(0).cast_unsigned())
    }

    fn trim(&mut self, up_to: u64, limit: usize, go_on: &mut dyn FnMut() -> bool) -> Result<usize, LogError> {
        let Some(first) = self.readers.first() else { return Ok(0) };
        if first > up_to {
            return Ok(0);
        }
        let gone = self.unhurried(|log| log.take_away(first, up_to, limit, go_on));
        if gone.is_err() {
            self.readers.oldest.store(first, Ordering::Release);
        }
        gone
    }

    fn shrink(&mut self, pages: usize, go_on: &mut dyn FnMut() -> bool) -> Result<bool, LogError> {
        let free = |connection: &Connection| connection.query_row("PRAGMA freelist_count", [], |row| row.get::<_, i64>(0));
        let before = free(&self.connection)?;
        if before == 0 {
            return Ok(false);
        }
        let given = self.unhurried(|log| Ok(give_back(&log.connection, pages, go_on)?))?;
        self.checkpoints.wrote(given * PAGE_BYTES);
        let after = free(&self.connection)?;
        Ok(after > 0 && after < before)
    }

    fn reader(&self) -> Arc<dyn LogReader> {
        Arc::<Readers>::clone(&self.readers)
    }

    fn close(&mut self) -> Result<(), LogError> {
        self.checkpoints.end();
        index::end(&self.connection, self.head, now().max(self.latest))?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

/// Gives free pages back; how many.
fn give_back(connection: &Connection, pages: usize, go_on: &mut dyn FnMut() -> bool) -> Result<u64, rusqlite::Error> {
    let transaction = connection.unchecked_transaction()?;
    let mut given = 0;
    {
        // Each step of the pragma gives one page back.
        let mut vacuum = transaction.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut steps = vacuum.query([])?;
        while steps.next()?.is_some() {
            given += 1;
            if !go_on() {
                break;
            }
        }
    }
    transaction.commit()?;
    Ok(given)
}

impl Sqlite {
    /// Does something that does not wait for the disk: what is lost of it with the power goes again.
    fn unhurried<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, LogError>) -> Result<T, LogError> {
        self.connection.pragma_update(None, "synchronous", level(Durability::Crash))?;
        self.relaxed = true;
        let done = act(self);
        if let Err(error) = self.insist() {
            tracing::warn!(%error, "hub.log.durability");
        }
        done
    }

    /// Has commits wait for what was promised: nothing is acknowledged on less.
    fn insist(&mut self) -> Result<(), LogError> {
        if self.relaxed {
            self.connection.pragma_update(None, "synchronous", level(self.durability))?;
            self.relaxed = false;
        }
        Ok(())
    }

    /// Takes at most `limit` events away, from `first` on, as long as it may go on; how many went.
    fn take_away(&mut self, first: u64, up_to: u64, limit: usize, go_on: &mut dyn FnMut() -> bool) -> Result<usize, LogError> {
        let last = up_to.cast_signed().min(first.cast_signed() + limit as i64 - 1);
        let transaction = self.connection.transaction()?;
        let (mut end, mut gone, mut grown) = (first.cast_signed() - 1, 0, 0);
        loop {
            let next = last.min(end + GOING);
            let (folded, more) = kept::fold(&transaction, next)?;
            gone += transaction.prepare_cached("DELETE FROM events WHERE seq <= ?1")?.execute([folded])?;
            (end, grown) = (folded, grown + more);
            if folded < next || end == last || !go_on() {
                break;
            }
        }
        // Before they go: who reads in this moment is told of too few events, never of too many.
        let left = if end.cast_unsigned() < self.head { end.cast_unsigned() + 1 } else { 0 };
        self.readers.oldest.store(left, Ordering::Release);
        index::trim(&transaction, end, end == up_to.cast_signed())?;
        transaction.commit()?;
        self.kept += grown;
        self.checkpoints.wrote(COMMIT_BYTES + gone as u64 * GONE_BYTES);
        Ok(gone)
    }
}

/// Reading connections, made when needed and kept when idle.
#[derive(Debug)]
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// The oldest event that is kept, 0 where there is none.
    oldest: AtomicU64,
    /// The log's own file, to wait for the disk. It is closed after all connections: to close any
    /// descriptor of a file ends all locks that the process has on it.
    file: File,
}

const COLUMNS: &str = "seq, kind, source, entity, key, json";

impl Readers {
    fn with<T>(&self, use_it: impl FnOnce(&Connection) -> Result<T, LogError>) -> Result<T, LogError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(&self.path, flags)?;
                connection.busy_timeout(Duration::from_secs(5))?;
                connection
            }
        };
        let done = use_it(&connection)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        Ok(done)
    }

    /// Every event of the range in turn, as long as they match and fit.
    fn scan(&self, read: &Read) -> Result<Page, LogError> {
        let order = if read.newest { "DESC" } else { "ASC" };
        let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > ?1 AND seq < ?2 ORDER BY seq {order} LIMIT ?3");
        let everything = read.filter.is_everything();
        let rows_max = if everything { read.limit } else { MAX_SCAN };
        self.with(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params![clamp(read.after), clamp(read.before), rows_max as i64])?;
            let mut page = Page { reached: if read.newest { read.before } else { read.after }, ..Page::default() };
            let (mut seen, mut bytes) = (0, 0);
            while let Some(row) = rows.next()? {
                let stored = stored(row)?;
                seen += 1;
                page.reached = stored.seq;
                if everything || read.filter.wants(stored.subject(), &stored.json) {
                    bytes += stored.json.len();
                    page.events.push(stored);
                }
                if page.events.len() >= read.limit || bytes >= MAX_READ_BYTES {
                    page.exhausted = false;
                    return Ok(page);
                }
            }
            page.exhausted = seen < rows_max;
            Ok(page)
        })
    }

    /// The events of some entities, each looked up in the index, merged.
    fn look_up(&self, read: &Read, entities: &[(&str, &str)]) -> Result<Page, LogError> {
        let order = if read.newest { "DESC" } else { "ASC" };
        let sql =
            format!("SELECT {COLUMNS} FROM events WHERE entity = ?1 AND seq > ?2 AND seq < ?3 ORDER BY seq {order} LIMIT ?4");
        self.with(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut found = Vec::new();
            // How far every entity was read; nothing beyond it is known to be complete.
            let mut horizon: Option<u64> = None;
            let nearer = |a: u64, b: u64| if read.newest { a.max(b) } else { a.min(b) };
            for (kind, id) in entities {
                let about = format!("{kind}:{id}");
                let mut rows = statement.query(params![about, clamp(read.after), clamp(read.before), read.limit as i64])?;
                let (before, mut bytes) = (found.len(), 0);
                while let Some(row) = rows.next()? {
                    let stored = stored(row)?;
                    bytes += stored.json.len();
                    let seq = stored.seq;
                    found.push(stored);
                    if found.len() - before == read.limit || bytes >= MAX_READ_BYTES / entities.len() {
                        horizon = Some(horizon.map_or(seq, |known| nearer(known, seq)));
                        break;
                    }
                }
            }
            found.sort_unstable_by_key(|stored| if read.newest { u64::MAX - stored.seq } else { stored.seq });
            if let Some(horizon) = horizon {
                found.retain(|stored| if read.newest { stored.seq >= horizon } else { stored.seq <= horizon });
            }
            let cut = horizon.is_some() || found.len() > read.limit;
            found.truncate(read.limit);
            let unread = if read.newest { read.after + 1 } else { read.before.saturating_sub(1) };
            let reached = if cut { found.last().map_or(unread, |stored| stored.seq) } else { unread };
            found.retain(|stored| read.filter.wants(stored.subject(), &stored.json));
            Ok(Page { events: found, reached, exhausted: !cut })
        })
    }
}

impl LogReader for Readers {
    fn first(&self) -> Option<u64> {
        Some(self.oldest.load(Ordering::Acquire)).filter(|oldest| *oldest > 0)
    }

    fn read(&self, read: &Read) -> Result<Page, LogError> {
        let (after, before) = read.filter.query().range();
        let read = &Read { after: read.after.max(after), before: read.before.min(before), ..read.clone() };
        let mut page = match read.filter.only_entities() {
            Some(entities) => self.look_up(read, &entities)?,
            None => self.scan(read)?,
        };
        if read.newest {
            page.events.reverse();
        }
        Ok(page)
    }

    fn kept(&self, take: &mut dyn FnMut(Kept) -> bool) -> Result<Remains, LogError> {
        self.with(|connection| kept::tell(connection, take))
    }

    fn keys(&self, after: u64) -> Result<Vec<(u64, String, String)>, LogError> {
        self.with(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT seq, source, key FROM events WHERE seq > ?1 AND key IS NOT NULL ORDER BY seq")?;
            let rows = statement
                .query_map([clamp(after)], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?, row.get(2)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn place_before(&self, time: Timestamp) -> Result<u64, LogError> {
        self.with(|connection| place_before(connection, time))
    }

    fn instant(&self, seq: u64) -> Result<Option<Timestamp>, LogError> {
        self.with(|connection| timeline::instant(connection, seq))
    }

    fn mark(&self, kind: MarkKind, look: Look) -> Result<Option<Mark>, LogError> {
        self.with(|connection| timeline::mark(connection, kind, look))
    }

    fn timeline(&self, window: &Window) -> Result<Timeline, LogError> {
        self.with(|connection| timeline::timeline(connection, window))
    }
}

/// The newest place whose event was added before a time, 0 if none.
fn place_before(connection: &Connection, time: Timestamp) -> Result<u64, LogError> {
    // Places are in order of the times at which they were given: bisect.
    let (mut low, mut high): (i64, i64) =
        connection.query_row("SELECT coalesce(min(seq), 1) - 1, coalesce(max(seq), 0) FROM events", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut at = connection.prepare_cached("SELECT at FROM events WHERE seq = ?1")?;
    while low < high {
        let middle = low + (high - low + 1) / 2;
        let then: i64 = at.query_row([middle], |row| row.get(0))?;
        if then < time.0 {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low.cast_unsigned())
}

/// SQLite's integers are signed; a seq past them does not exist.
fn clamp(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

fn stored(row: &Row<'_>) -> Result<Stored, LogError> {
    let entity: Option<String> = row.get(3)?;
    let entity = entity.as_deref().and_then(|text| text.split_once(':')).map(|(kind, id)| Entity::new(kind, id));
    Ok(Stored {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        kind: row.get(1)?,
        source: row.get(2)?,
        entity,
        key: row.get(4)?,
        json: row.get(5)?,
    })
}

/// Takes a log that nobody has open back to form 1, as earlier versions wrote it.
#[cfg(test)]
pub(super) fn take_back(path: &Path) {
    let connection = Connection::open(path).expect("the log is there");
    let sql = "DROP TABLE instants; DROP TABLE marks; DROP TABLE spans; DROP TABLE stops; DROP TABLE kept;
               ALTER TABLE log DROP COLUMN kept_from; PRAGMA user_version = 1;";
    connection.execute_batch(sql).expect("a log has these tables");
}
