//! The index: keys, values and words in one SQLite file, built from the log.
//!
//! It is a projection and nothing more: it remembers up to which event of which log it is built,
//! in the same transaction as what it built, and can be thrown away at any time. Its functions
//! block; callers are off the async threads.

mod apply;
mod restore;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};

use super::{Entry, NamespaceSummary, Totals};
use crate::event::{Epoch, Timestamp};

/// The form of the tables; a file of another form is built anew.
const FORM: i64 = 1;
/// How many idle reading connections are kept.
const IDLE_READERS: usize = 4;
/// How long the write-ahead file may stay after a checkpoint, in bytes.
const WAL_BYTES: i64 = 16 << 20;

/// The tables. `value` is JSON, and NULL where nobody told it; times are unix milliseconds.
const TABLES: &str = "
    CREATE TABLE built (epoch TEXT NOT NULL, seq INTEGER NOT NULL, passed_over INTEGER NOT NULL);
    CREATE TABLE entries (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT,
                          bytes INTEGER NOT NULL, version INTEGER NOT NULL, writes INTEGER NOT NULL,
                          created INTEGER NOT NULL, updated INTEGER NOT NULL, source TEXT NOT NULL,
                          UNIQUE (namespace, key));
    CREATE TABLE namespaces (name TEXT PRIMARY KEY, keys INTEGER NOT NULL, bytes INTEGER NOT NULL,
                             operations INTEGER NOT NULL, updated INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE writes (namespace TEXT NOT NULL, key TEXT NOT NULL, seq INTEGER NOT NULL,
                         PRIMARY KEY (namespace, key, seq)) WITHOUT ROWID;
    -- Its rowid is the entry's id.
    CREATE VIRTUAL TABLE search USING fts5 (key, text, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3');";

const COLUMNS: &str = "e.namespace, e.key, e.value, e.bytes, e.version, e.writes, e.created, e.updated, e.source";

/// Whether a fault says nothing of the file's content: it is locked, full or out of reach.
fn is_passing(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure,
    };
    let passing = [CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| passing.contains(&code))
}

/// An open index.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    writer: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    built: u64,
}

impl Index {
    /// Opens the index of the log `epoch`, whose newest event is `head`; one that is of another log,
    /// of another form, ahead of the log or damaged is made anew.
    ///
    /// # Errors
    /// There can be no file there, or it is in use or out of reach.
    pub(super) fn open(path: &Path, epoch: Epoch, head: u64) -> Result<Self, rusqlite::Error> {
        match connect(path).and_then(|connection| Ok((built(&connection, epoch)?, connection))) {
            Ok((Some(built), connection)) if built <= head => return Ok(Self::of(path, connection, built)),
            Ok((None, connection)) if is_blank(&connection)? => {
                create(&connection, epoch)?;
                return Ok(Self::of(path, connection, 0));
            }
            Ok(_) => tracing::info!(path = %path.display(), "memory.index.anew: it is of another log or form"),
            // In use, or out of reach for now: whole, for all that is known.
            Err(error) if is_passing(&error) => return Err(error),
            Err(error) => tracing::warn!(path = %path.display(), %error, "memory.index.anew: it cannot be read"),
        }
        for suffix in ["", "-wal", "-shm"] {
            let (mut name, mut aside) = (path.as_os_str().to_owned(), path.as_os_str().to_owned());
            name.push(suffix);
            aside.push(".old");
            aside.push(suffix);
            // Kept aside: what retention took from a log that did not keep living values yet may
            // stand only there. One that is not there need not go; one that cannot go fails below.
            let _gone = std::fs::rename(name, aside);
        }
        let connection = connect(path)?;
        create(&connection, epoch)?;
        Ok(Self::of(path, connection, 0))
    }

    fn of(path: &Path, connection: Connection, built: u64) -> Self {
        Self { path: path.to_owned(), writer: Mutex::new(connection), idle: Mutex::default(), built }
    }

    /// Up to which event it was built when it was opened.
    pub(super) fn built(&self) -> u64 {
        self.built
    }

    /// The value of a key.
    pub(super) fn get(&self, namespace: &str, key: &str) -> Result<Option<Arc<Entry>>, rusqlite::Error> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM entries e WHERE namespace = ?1 AND key = ?2");
            let found = connection.prepare_cached(&sql)?.query_row(params![namespace, key], entry).optional()?;
            Ok(found.map(Arc::new))
        })
    }

    /// Namespaces in order of their names, from the first after `after`.
    pub(super) fn namespaces(&self, after: &str, limit: usize) -> Result<Vec<NamespaceSummary>, rusqlite::Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, keys, bytes, operations, updated FROM namespaces WHERE name > ?1 ORDER BY name LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after, limit as i64], |row| {
                Ok(NamespaceSummary {
                    name: row.get(0)?,
                    keys: count(row, 1)?,
                    bytes: count(row, 2)?,
                    operations: count(row, 3)?,
                    updated: Timestamp(row.get(4)?),
                })
            })?;
            rows.collect()
        })
    }

    /// The size of everything.
    pub(super) fn totals(&self) -> Result<Totals, rusqlite::Error> {
        self.read(|connection| {
            let sql = "SELECT count(*), coalesce(sum(keys), 0), coalesce(sum(bytes), 0), coalesce(sum(operations), 0),
                              (SELECT passed_over FROM built) FROM namespaces";
            connection.query_row(sql, [], |row| {
                Ok(Totals {
                    namespaces: count(row, 0)?,
                    keys: count(row, 1)?,
                    bytes: count(row, 2)?,
                    operations: count(row, 3)?,
                    passed_over: count(row, 4)?,
                })
            })
        })
    }

    /// One namespace.
    pub(super) fn namespace(&self, name: &str) -> Result<Option<NamespaceSummary>, rusqlite::Error> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT keys, bytes, operations, updated FROM namespaces WHERE name = ?1")?;
            let found = statement.query_row([name], |row| {
                Ok(NamespaceSummary {
                    name: name.to_owned(),
                    keys: count(row, 0)?,
                    bytes: count(row, 1)?,
                    operations: count(row, 2)?,
                    updated: Timestamp(row.get(3)?),
                })
            });
            found.optional()
        })
    }

    /// Keys of a namespace in order, from the first after `after`.
    pub(super) fn keys(&self, namespace: &str, after: &str, limit: usize) -> Result<Vec<Entry>, rusqlite::Error> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM entries e WHERE namespace = ?1 AND key > ?2 ORDER BY key LIMIT ?3");
            let mut statement = connection.prepare_cached(&sql)?;
            statement.query_map(params![namespace, after, limit as i64], entry)?.collect()
        })
    }

    /// What fits an expression of FTS5, best first: each with its rank (higher is better; a word in
    /// the key weighs four times one in the value) and the place where it fits.
    pub(super) fn search(
        &self,
        expression: &str,
        namespace: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(Entry, f64, String)>, rusqlite::Error> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS}, -bm25(search, 4.0, 1.0) AS fit, snippet(search, -1, '[', ']', '…', 16)
                 FROM search JOIN entries e ON e.id = search.rowid
                 WHERE search MATCH ?1 AND (?2 IS NULL OR e.namespace = ?2) ORDER BY fit DESC, e.id LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement
                .query_map(params![expression, namespace, limit as i64], |row| Ok((entry(row)?, row.get(9)?, row.get(10)?)))?;
            rows.collect()
        })
    }

    /// The places of the events that wrote or deleted a key, newest first, before `before`.
    pub(super) fn writes(&self, namespace: &str, key: &str, before: u64, limit: usize) -> Result<Vec<u64>, rusqlite::Error> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT seq FROM writes WHERE namespace = ?1 AND key = ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4",
            )?;
            let before = i64::try_from(before).unwrap_or(i64::MAX);
            let rows = statement
                .query_map(params![namespace, key, before, limit as i64], |row| Ok(row.get::<_, i64>(0)?.cast_unsigned()))?;
            rows.collect()
        })
    }

    fn read<T>(&self, use_it: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, rusqlite::Error> {
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
}

fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    // What a loss of power takes back is built again: the place goes back with the values.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

fn is_blank(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

/// Up to where it is built, where it is of this form and this log.
fn built(connection: &Connection, epoch: Epoch) -> Result<Option<u64>, rusqlite::Error> {
    let form: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if form != FORM {
        return Ok(None);
    }
    let (of, seq): (String, i64) =
        connection.query_row("SELECT epoch, seq FROM built", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((of == epoch.to_string()).then_some(seq.cast_unsigned()))
}

fn create(connection: &Connection, epoch: Epoch) -> Result<(), rusqlite::Error> {
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {TABLES} INSERT INTO built VALUES ('{epoch}', 0, 0); PRAGMA user_version = {FORM}; COMMIT;"
    ))
}

fn entry(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    Ok(Entry {
        namespace: row.get(0)?,
        key: row.get(1)?,
        value: row.get(2)?,
        bytes: count(row, 3)?,
        version: count(row, 4)?,
        writes: count(row, 5)?,
        created: Timestamp(row.get(6)?),
        updated: Timestamp(row.get(7)?),
        source: row.get(8)?,
    })
}

fn count(row: &Row<'_>, column: usize) -> Result<u64, rusqlite::Error> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

#[cfg(test)]
mod tests;
