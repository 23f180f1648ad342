//! What the log keeps of events that are gone, into the index.

use std::sync::PoisonError;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Index, apply};
use crate::event::{Body, Event, wire};
use crate::hub::{Kept, LogError, Remains};

impl Index {
    /// Puts the index right, in one transaction, where events that it has not taken in are gone:
    /// `read` tells what is kept of them. Up to where it is built then.
    ///
    /// # Errors
    /// Log or index say why; nothing was changed then.
    pub(in crate::service::memory) fn restore(
        &self,
        read: impl FnOnce(&mut dyn FnMut(Kept) -> bool) -> Result<Remains, LogError>,
    ) -> Result<u64, String> {
        let said = |error: rusqlite::Error| error.to_string();
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = writer.transaction().map_err(said)?;
        // No two keys share the version of their value.
        transaction
            .execute_batch("CREATE TEMP TABLE IF NOT EXISTS alive (version INTEGER PRIMARY KEY); DELETE FROM alive;")
            .map_err(said)?;
        let mut fault = None;
        let remains = read(&mut |kept| {
            fault = put_back(&transaction, &kept).err();
            fault.is_none()
        })
        .map_err(|error| error.to_string())?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        settle(&transaction, remains).map_err(said)?;
        transaction.commit().map_err(said)?;
        Ok(remains.upto)
    }
}

/// Writes a living key, unless the index has its newest value.
fn put_back(connection: &Connection, kept: &Kept) -> Result<(), String> {
    let event: Event = wire::from_text(&kept.json).map_err(|fault| fault.to_string())?;
    let Body::Memory(body) = &event.body else { return Ok(()) };
    let Some(key) = body.writes() else { return Ok(()) };
    let written = || -> Result<(), rusqlite::Error> {
        let (it, version) = (body.operation(), event.seq.cast_signed());
        connection.prepare_cached("INSERT INTO alive VALUES (?1)")?.execute([version])?;
        let known: Option<i64> = connection
            .prepare_cached("SELECT version FROM entries WHERE namespace = ?1 AND key = ?2")?
            .query_row(params![it.namespace, key], |row| row.get(0))
            .optional()?;
        if known == Some(version) {
            return Ok(());
        }
        apply::write(connection, &event, it, key)?;
        connection
            .prepare_cached("UPDATE entries SET writes = ?3, created = ?4 WHERE namespace = ?1 AND key = ?2")?
            .execute(params![it.namespace, key, kept.writes.cast_signed(), kept.created.0])?;
        connection
            .prepare_cached(
                "INSERT INTO namespaces (name, keys, bytes, operations, updated) VALUES (?1, 0, 0, 0, ?2)
                 ON CONFLICT (name) DO UPDATE SET updated = max(updated, excluded.updated)",
            )?
            .execute(params![it.namespace, event.when().0])?;
        Ok(())
    };
    written().map_err(|error| error.to_string())
}

/// Takes away what is no longer alive, and counts anew. Of operations at least the known writes count.
fn settle(connection: &Connection, remains: Remains) -> Result<(), rusqlite::Error> {
    let gone = "FROM entries WHERE version > ?1 AND version <= ?2 AND version NOT IN (SELECT version FROM alive)";
    let range = [remains.from.cast_signed(), remains.upto.cast_signed()];
    connection.execute(&format!("DELETE FROM search WHERE rowid IN (SELECT id {gone})"), range)?;
    connection.execute(&format!("DELETE {gone}"), range)?;
    connection.execute_batch(
        "DELETE FROM alive;
         UPDATE namespaces SET (keys, bytes, operations) =
             (SELECT count(*), coalesce(sum(bytes), 0), max(namespaces.operations, coalesce(sum(writes), 0))
              FROM entries WHERE namespace = namespaces.name);",
    )?;
    connection.execute("UPDATE built SET seq = ?1", [remains.upto.cast_signed()])?;
    Ok(())
}
