//! What the log keeps beside its events so that it can be seen from afar: written in the same
//! transaction as the events, and taken away with them.
//!
//! Places have no gaps, so the events between two instants are counted by subtracting two places;
//! marks carry their number in their kind, so they are counted likewise. A view of a million events
//! is a few lookups for each bucket and reads no event.
//!
//! | table | rows | bytes for each million events |
//! |---|---|---|
//! | `instants` | the hub's clock at every 64th place | about 0.2 MB |
//! | `marks` | an error or an approval that was asked for | about 20 bytes a mark |
//! | `spans` | a session | about 120 bytes a session |
//! | `stops` | a time in which the deck did not run, the newest 10,000 | |

use rusqlite::{Connection, OptionalExtension as _, params};

use super::super::engine::{LogError, Stored};
use super::clamp;
use crate::event::query::{field, standing};
use crate::event::timeline::MarkKind;
use crate::event::{Entity, Timestamp};

/// Places between two kept instants.
pub(super) const EVERY: u64 = 64;
/// How many stops are kept.
const MAX_STOPS: i64 = 10_000;
/// Longest title or agent of a span, in characters.
const MAX_TITLE: usize = 200;

/// The kinds of marks that have rows; a kind's number is its place here.
pub(super) const KINDS: [MarkKind; 2] = [MarkKind::Error, MarkKind::Approval];

/// The tables; also made in a log of the form before them.
pub(super) const TABLES: &str = "
    CREATE TABLE instants (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL);
    -- `n` numbers the marks of a kind without gaps.
    CREATE TABLE marks (kind INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, n INTEGER NOT NULL,
                        PRIMARY KEY (kind, seq)) WITHOUT ROWID;
    CREATE TABLE spans (id TEXT PRIMARY KEY, title TEXT, agent TEXT, from_seq INTEGER NOT NULL, from_at INTEGER NOT NULL,
                        to_seq INTEGER, to_at INTEGER) WITHOUT ROWID;
    CREATE INDEX spans_by_start ON spans (from_seq);
    -- `to_at` is missing while the deck does not run.
    CREATE TABLE stops (n INTEGER PRIMARY KEY, seq INTEGER NOT NULL, from_at INTEGER NOT NULL, to_at INTEGER);
    CREATE INDEX stops_by_seq ON stops (seq);";

/// The writer's side: how many marks of each kind there were.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Index {
    marks: [i64; KINDS.len()],
}

impl Index {
    pub(super) fn open(connection: &Connection) -> Result<Self, LogError> {
        let mut index = Self::default();
        for (kind, count) in index.marks.iter_mut().enumerate() {
            let newest = "SELECT n FROM marks WHERE kind = ?1 ORDER BY seq DESC LIMIT 1";
            *count = connection.query_row(newest, [kind as i64], |row| row.get(0)).optional()?.unwrap_or(0);
        }
        Ok(index)
    }

    /// Notes an event that the same transaction adds.
    pub(super) fn note(&mut self, connection: &Connection, event: &Stored, at: Timestamp) -> Result<(), LogError> {
        let seq = event.seq.cast_signed();
        if event.seq.is_multiple_of(EVERY) {
            connection.prepare_cached("INSERT INTO instants (seq, at) VALUES (?1, ?2)")?.execute([seq, at.0])?;
        }
        let kind = match standing(&event.kind, &event.json) {
            Some("failing") => 0,
            Some("needs-you") => 1,
            _ => return self.note_session(connection, event, at),
        };
        self.marks[kind] += 1;
        let mut insert = connection.prepare_cached("INSERT INTO marks (kind, seq, at, n) VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute([kind as i64, seq, at.0, self.marks[kind]])?;
        self.note_session(connection, event, at)
    }

    fn note_session(&self, connection: &Connection, event: &Stored, at: Timestamp) -> Result<(), LogError> {
        let Some(action) = event.kind.strip_prefix("session.") else { return Ok(()) };
        let Some(Entity { id, .. }) = event.entity.as_ref().filter(|entity| entity.kind == "session") else { return Ok(()) };
        let seq = event.seq.cast_signed();
        let said = |key| field(field(&event.json, "payload")?, key).and_then(text);
        let ends = matches!(action, "completed" | "failed" | "aborted" | "removed");
        match action {
            "started" | "prompted" => {
                let sql = "INSERT INTO spans (id, title, agent, from_seq, from_at) VALUES (?1, ?2, ?3, ?4, ?5)
                           ON CONFLICT (id) DO UPDATE SET to_seq = NULL, to_at = NULL,
                               title = coalesce(excluded.title, title), agent = coalesce(excluded.agent, agent)";
                connection.prepare_cached(sql)?.execute(params![id, said("title"), said("agent"), seq, at.0])?;
            }
            "updated" => {
                if let Some(title) = said("title") {
                    connection.prepare_cached("UPDATE spans SET title = ?2 WHERE id = ?1")?.execute(params![id, title])?;
                }
            }
            // The first end of a turn stands: `completed` also follows a failure.
            _ if ends => {
                let sql = "INSERT INTO spans (id, from_seq, from_at, to_seq, to_at) VALUES (?1, ?2, ?3, ?2, ?3)
                           ON CONFLICT (id) DO UPDATE SET to_seq = excluded.to_seq, to_at = excluded.to_at WHERE to_seq IS NULL";
                connection.prepare_cached(sql)?.execute(params![id, seq, at.0])?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Takes away what is known of places up to `end`; `last` where retention goes no further for now.
pub(super) fn trim(connection: &Connection, end: i64, last: bool) -> Result<(), LogError> {
    connection.prepare_cached("DELETE FROM instants WHERE seq <= ?1")?.execute([end])?;
    for kind in 0..KINDS.len() as i64 {
        connection.prepare_cached("DELETE FROM marks WHERE kind = ?1 AND seq <= ?2")?.execute([kind, end])?;
    }
    connection.prepare_cached("DELETE FROM stops WHERE seq < ?1")?.execute([end])?;
    if last {
        // A session that never ended goes when none of its events is kept.
        let sql = "DELETE FROM spans WHERE from_seq <= ?1 AND (to_seq <= ?1 OR to_seq IS NULL AND
                   NOT EXISTS (SELECT 1 FROM events WHERE entity = 'session:' || id))";
        connection.prepare_cached(sql)?.execute([end])?;
    }
    Ok(())
}

/// Notes that the deck begins to run: what was between its last sign of life and now is a stop.
pub(super) fn begin(connection: &Connection, head: u64, now: Timestamp) -> Result<(), LogError> {
    let ended = connection.execute("UPDATE stops SET to_at = max(?1, from_at) WHERE to_at IS NULL", [now.0])?;
    if ended > 0 || head == 0 {
        return Ok(());
    }
    // Nobody said a last word: the newest event is the last sign of life, or the last beginning.
    connection.execute(
        "INSERT INTO stops (seq, from_at, to_at)
         SELECT ?1, life, max(life, ?2) FROM (SELECT max(at, coalesce((SELECT max(to_at) FROM stops), at)) AS life
                                              FROM events WHERE seq = ?1)",
        [clamp(head), now.0],
    )?;
    connection.execute("DELETE FROM stops WHERE n <= (SELECT max(n) FROM stops) - ?1", [MAX_STOPS])?;
    Ok(())
}

/// Notes that the deck stops.
pub(super) fn end(connection: &Connection, head: u64, now: Timestamp) -> Result<(), LogError> {
    connection.execute("INSERT INTO stops (seq, from_at) VALUES (?1, ?2)", [clamp(head), now.0])?;
    connection.execute("DELETE FROM stops WHERE n <= (SELECT max(n) FROM stops) - ?1", [MAX_STOPS])?;
    Ok(())
}

/// Fills the tables of a log that was written without them.
pub(super) fn fill(connection: &Connection) -> Result<(), LogError> {
    let mut index = Index::default();
    let mut events = connection.prepare(&format!("SELECT {}, at FROM events ORDER BY seq", super::COLUMNS))?;
    let mut rows = events.query([])?;
    while let Some(row) = rows.next()? {
        index.note(connection, &super::stored(row)?, Timestamp(row.get(6)?))?;
    }
    Ok(())
}

/// A JSON string as text, cut where it is long.
fn text(json: &str) -> Option<String> {
    let text: String = serde_json::from_str(json).ok()?;
    Some(text.chars().take(MAX_TITLE).collect())
}
