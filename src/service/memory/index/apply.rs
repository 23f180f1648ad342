//! Events into the index.

use std::sync::{Arc, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Index;
use crate::event::memory::{MemoryEvent, MemoryOperation};
use crate::event::wire::to_text;
use crate::event::{Body, Event};
use crate::service::memory::cache::Change;
use crate::service::memory::{ANYWHERE, Entry, MAX_HISTORY, MAX_KEY, MAX_NAMESPACE, text};

impl Index {
    /// Takes events in, and remembers that it is built up to `upto`: one transaction. What became
    /// of each key that they wrote.
    pub(in crate::service::memory) fn apply(&self, events: &[Event], upto: u64) -> Result<Vec<Change>, rusqlite::Error> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction()?;
        let mut changes = Vec::new();
        for event in events {
            if let Body::Memory(body) = &event.body
                && !take_in(&transaction, event, body, &mut changes)?
            {
                transaction.execute("UPDATE built SET passed_over = passed_over + 1", [])?;
            }
        }
        transaction.execute("UPDATE built SET seq = ?1", [upto.cast_signed()])?;
        transaction.commit()?;
        Ok(changes)
    }
}

/// `false` where the event is passed over: it writes without naming a key, or a name is too long.
fn take_in(
    connection: &Connection,
    event: &Event,
    body: &MemoryEvent,
    changes: &mut Vec<Change>,
) -> Result<bool, rusqlite::Error> {
    let it = body.operation();
    let key = it.key.as_deref();
    if it.namespace.len() > MAX_NAMESPACE || key.is_some_and(|key| key.is_empty() || key.len() > MAX_KEY) {
        return Ok(false);
    }
    if it.namespace == ANYWHERE && matches!(body, MemoryEvent::Searched(_)) {
        return Ok(true);
    }
    let before = sizes(connection, it)?;
    match (body, key) {
        (MemoryEvent::Stored(_) | MemoryEvent::Updated(_), Some(key)) => {
            changes.push(Change::Written(write(connection, event, it, key)?));
        }
        (MemoryEvent::Deleted(_), Some(key)) => {
            delete(connection, event, it, key)?;
            changes.push(Change::Deleted(it.namespace.clone(), key.to_owned()));
        }
        (MemoryEvent::Retrieved(_) | MemoryEvent::Searched(_), _) => {}
        (_, None) => return Ok(false),
    }
    let after = sizes(connection, it)?;
    connection
        .prepare_cached(
            "INSERT INTO namespaces (name, keys, bytes, operations, updated) VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT (name) DO UPDATE SET keys = keys + excluded.keys, bytes = bytes + excluded.bytes,
                                              operations = operations + 1, updated = max(updated, excluded.updated)",
        )?
        .execute(params![it.namespace, after.0 - before.0, after.1 - before.1, event.when().0])?;
    Ok(true)
}

/// Whether the key of an operation is there, as a count, and the bytes of its value.
fn sizes(connection: &Connection, it: &MemoryOperation) -> Result<(i64, i64), rusqlite::Error> {
    let found = connection
        .prepare_cached("SELECT 1, bytes FROM entries WHERE namespace = ?1 AND key = ?2")?
        .query_row(params![it.namespace, it.key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.unwrap_or((0, 0)))
}

pub(super) fn write(
    connection: &Connection,
    event: &Event,
    it: &MemoryOperation,
    key: &str,
) -> Result<Arc<Entry>, rusqlite::Error> {
    let value = it.value.as_ref().map(to_text);
    let words = it.value.as_ref().map(text::of_value).unwrap_or_default();
    let bytes = value.as_ref().map_or(0, String::len) as u64;
    let (version, now) = (event.seq.cast_signed(), event.when());
    let (id, writes, created): (i64, i64, i64) = connection
        .prepare_cached(
            "INSERT INTO entries (namespace, key, value, bytes, version, writes, created, updated, source)
             VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6, ?7)
             ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, bytes = excluded.bytes, version = excluded.version,
                 writes = writes + 1, updated = excluded.updated, source = excluded.source
             RETURNING id, writes, created",
        )?
        .query_row(params![it.namespace, key, value, bytes.cast_signed(), version, now.0, event.source], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    connection.prepare_cached("DELETE FROM search WHERE rowid = ?1")?.execute([id])?;
    connection.prepare_cached("INSERT INTO search (rowid, key, text) VALUES (?1, ?2, ?3)")?.execute(params![id, key, words])?;
    remember(connection, event, it, key)?;
    Ok(Arc::new(Entry {
        namespace: it.namespace.clone(),
        key: key.to_owned(),
        value,
        bytes,
        version: event.seq,
        writes: writes.cast_unsigned(),
        created: crate::event::Timestamp(created),
        updated: now,
        source: event.source.clone(),
    }))
}

fn delete(connection: &Connection, event: &Event, it: &MemoryOperation, key: &str) -> Result<(), rusqlite::Error> {
    let id: Option<i64> = connection
        .prepare_cached("DELETE FROM entries WHERE namespace = ?1 AND key = ?2 RETURNING id")?
        .query_row(params![it.namespace, key], |row| row.get(0))
        .optional()?;
    if let Some(id) = id {
        connection.prepare_cached("DELETE FROM search WHERE rowid = ?1")?.execute([id])?;
    }
    remember(connection, event, it, key)
}

/// Notes the event as one that wrote the key; of each key the newest [`MAX_HISTORY`] are known.
fn remember(connection: &Connection, event: &Event, it: &MemoryOperation, key: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached("INSERT INTO writes (namespace, key, seq) VALUES (?1, ?2, ?3)")?.execute(params![
        it.namespace,
        key,
        event.seq.cast_signed()
    ])?;
    connection
        .prepare_cached(
            "DELETE FROM writes WHERE namespace = ?1 AND key = ?2 AND seq <=
                 (SELECT seq FROM writes WHERE namespace = ?1 AND key = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?3)",
        )?
        .execute(params![it.namespace, key, MAX_HISTORY as i64])?;
    Ok(())
}
