//! What retention leaves of the memory: the last write of each living key.
//!
//! A value is as long-lived as its key, and the event that tells it is not. So whatever retention
//! takes away is folded into the table `kept` first, in the same transaction: that table, and the
//! events after it, tell every living value, whatever happens to an index of them. Nothing is
//! written here while events are added; a log that lets nothing go has an empty table.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::event::memory::MemoryEvent;
use crate::event::{Body, Event, wire};
use crate::hub::engine::{Kept, LogError, Remains};

/// How many bytes of JSON are folded in at once; past it fewer events go, so that nobody waits long.
const AT_ONCE: usize = 4 << 20;

/// The table; times are unix milliseconds. A log that was made before it did not fold what it let
/// go up to `kept_from`.
pub(super) const TABLES: &str = "
    CREATE TABLE kept (namespace TEXT NOT NULL, key TEXT NOT NULL, writes INTEGER NOT NULL, created INTEGER NOT NULL,
                       bytes INTEGER NOT NULL, json TEXT NOT NULL, PRIMARY KEY (namespace, key));
    ALTER TABLE log ADD COLUMN kept_from INTEGER NOT NULL DEFAULT 0;
    UPDATE log SET kept_from = (SELECT coalesce(min(seq) - 1, 0) FROM events);";

/// The size of all that is kept, in bytes.
pub(super) fn size(connection: &Connection) -> Result<i64, rusqlite::Error> {
    connection.query_row("SELECT coalesce(sum(bytes), 0) FROM kept", [], |row| row.get(0))
}

/// Folds the events up to and with `end` in, which are about to go; how far it came, and by how
/// many bytes what is kept has grown.
pub(super) fn fold(transaction: &Transaction<'_>, end: i64) -> Result<(i64, i64), LogError> {
    let mut writes = transaction.prepare_cached(
        "SELECT seq, json FROM events
         WHERE seq <= ?1 AND kind IN ('memory.stored', 'memory.updated', 'memory.deleted') ORDER BY seq",
    )?;
    let mut rows = writes.query([end])?;
    let (mut grown, mut read) = (0, 0);
    while let Some(row) = rows.next()? {
        let (seq, json): (i64, String) = (row.get(0)?, row.get(1)?);
        let event: Event = wire::from_text(&json)
            .map_err(|fault| LogError::Unreadable { seq: seq.cast_unsigned(), problem: fault.to_string() })?;
        read += json.len();
        grown += take_in(transaction, &event, json)?;
        if read >= AT_ONCE {
            return Ok((seq, grown));
        }
    }
    Ok((end, grown))
}

fn take_in(transaction: &Transaction<'_>, event: &Event, json: String) -> Result<i64, rusqlite::Error> {
    let Body::Memory(body) = &event.body else { return Ok(0) };
    let Some(key) = body.writes() else { return Ok(0) };
    let namespace = &body.operation().namespace;
    let before: Option<i64> = transaction
        .prepare_cached("SELECT bytes FROM kept WHERE namespace = ?1 AND key = ?2")?
        .query_row(params![namespace, key], |row| row.get(0))
        .optional()?;
    let after = if matches!(body, MemoryEvent::Deleted(_)) {
        transaction.prepare_cached("DELETE FROM kept WHERE namespace = ?1 AND key = ?2")?.execute(params![namespace, key])?;
        0
    } else {
        let bytes = (namespace.len() + key.len() + json.len()) as i64;
        transaction
            .prepare_cached(
                "INSERT INTO kept (namespace, key, writes, created, bytes, json) VALUES (?1, ?2, 1, ?3, ?4, ?5)
                 ON CONFLICT (namespace, key) DO UPDATE SET writes = writes + 1, bytes = excluded.bytes, json = excluded.json",
            )?
            .execute(params![namespace, key, event.when().0, bytes, json])?;
        bytes
    };
    Ok(after - before.unwrap_or(0))
}

/// Tells all that is kept; `take` says whether to go on.
pub(super) fn tell(connection: &Connection, take: &mut dyn FnMut(Kept) -> bool) -> Result<Remains, LogError> {
    // One look: retention may go on meanwhile.
    let look = connection.unchecked_transaction()?;
    let (from, upto): (i64, i64) =
        look.query_row("SELECT kept_from, (SELECT coalesce(min(seq) - 1, 0) FROM events) FROM log", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut kept = look.prepare_cached("SELECT writes, created, json FROM kept")?;
    let mut rows = kept.query([])?;
    while let Some(row) = rows.next()? {
        let writes: i64 = row.get(0)?;
        let told = Kept { writes: writes.cast_unsigned(), created: crate::event::Timestamp(row.get(1)?), json: row.get(2)? };
        if !take(told) {
            break;
        }
    }
    Ok(Remains { from: from.cast_unsigned(), upto: upto.cast_unsigned() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::event::wire::{At, from_text};
    use crate::event::{Draft, Event, Timestamp};
    use crate::hub::engine::{Durability, LogEngine, Remains, Stored};
    use crate::hub::sqlite::open;

    fn event(seq: u64, action: &str, namespace: &str, key: &str) -> Stored {
        let payload = json!({"namespace": namespace, "key": key, "value": seq, "latency_ms": 0});
        let event: Value = json!({"type": format!("memory.{action}"), "source": "test", "payload": payload});
        Stored::of(&Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(1_000 * seq as i64)))
    }

    /// Place, key, writes and beginning of all that is kept, and of which events.
    fn kept(log: &dyn LogEngine) -> (Vec<(u64, String, u64, i64)>, Remains) {
        let mut all = Vec::new();
        let remains = log.reader().kept(&mut |kept| {
            let event: Event = from_text(&kept.json).unwrap();
            let crate::event::Body::Memory(body) = &event.body else { panic!("a write") };
            all.push((event.seq, body.writes().unwrap().to_owned(), kept.writes, kept.created.0));
            true
        });
        all.sort_unstable();
        (all, remains.unwrap())
    }

    #[test]
    fn what_goes_leaves_the_last_write_of_each_living_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let mut log = open(&path, Durability::Crash).unwrap();
        let events = [
            event(1, "stored", "n", "a"),
            event(2, "stored", "n", "b"),
            event(3, "retrieved", "n", "b"),
            event(4, "updated", "n", "a"),
            event(5, "stored", "n", &"k".repeat(257)),
            event(6, "deleted", "n", "b"),
            event(7, "stored", "n", "b"),
            event(8, "deleted", "n", "a"),
        ];
        log.append(&events, Timestamp(0)).unwrap();
        assert_eq!(kept(log.as_ref()), (vec![], Remains { from: 0, upto: 0 }));
        assert_eq!(log.trim(5, 100, &mut || true).unwrap(), 5);
        let a = (4, "a".to_owned(), 2, 1_000);
        assert_eq!(kept(log.as_ref()), (vec![(2, "b".to_owned(), 1, 2_000), a.clone()], Remains { from: 0, upto: 5 }));
        drop(log);
        let mut log = open(&path, Durability::Crash).unwrap();
        assert_eq!(log.trim(7, 1, &mut || true).unwrap(), 1);
        assert_eq!(kept(log.as_ref()), (vec![a.clone()], Remains { from: 0, upto: 6 }));
        assert_eq!(log.trim(7, 100, &mut || true).unwrap(), 1);
        assert_eq!(kept(log.as_ref()), (vec![a, (7, "b".to_owned(), 1, 7_000)], Remains { from: 0, upto: 7 }));
    }

    #[test]
    fn large_values_go_a_part_at_a_time_and_are_no_surplus() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(&folder.path().join("log.db"), Durability::Crash).unwrap();
        let events: Vec<Stored> = (1..=12)
            .map(|seq| {
                let payload =
                    json!({"namespace": "n", "key": format!("k{seq}"), "value": "x".repeat(900 << 10), "latency_ms": 0});
                let event = json!({"type": "memory.stored", "source": "test", "payload": payload});
                Stored::of(&Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(0)))
            })
            .collect();
        log.append(&events, Timestamp(0)).unwrap();
        let full = log.bytes().unwrap();
        assert_eq!(log.trim(12, 100, &mut || true).unwrap(), 5, "four mebibytes at once");
        while log.trim(11, 100, &mut || true).unwrap() > 0 {}
        assert!(log.bytes().unwrap() < full / 4, "what is kept is not for retention to take");
        assert_eq!(kept(log.as_ref()).0.len(), 11);
    }

    #[test]
    fn a_log_from_before_knows_what_it_did_not_keep() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.db");
        let mut log = open(&path, Durability::Crash).unwrap();
        log.append(&[event(1, "stored", "n", "a"), event(2, "stored", "n", "b")], Timestamp(0)).unwrap();
        drop(log);
        let before = rusqlite::Connection::open(&path).unwrap();
        before.execute("DELETE FROM events WHERE seq = 1", []).unwrap();
        drop(before);
        super::super::take_back(&path);
        let log = open(&path, Durability::Crash).unwrap();
        assert_eq!(kept(log.as_ref()), (vec![], Remains { from: 1, upto: 1 }));
    }
}
