//! The log from afar, read from its index.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::super::engine::{Edge, LogError, Look, Window};
use super::clamp;
use super::index::{EVERY, KINDS};
use crate::event::timeline::{Bucket, Lapse, Mark, MarkKind, SessionSpan, Timeline};
use crate::event::{Cursor, Timestamp};

/// Most marks of one kind that a timeline lists.
const MAX_MARKS: u64 = 250;
/// Most sessions that a timeline lists.
const MAX_SPANS: i64 = 500;
/// Most gaps that a timeline lists.
const MAX_GAPS: i64 = 200;
/// Most instants that are looked at before places are searched for one by one.
const MAX_INSTANTS: u64 = 16_384;

/// The part of a log that a window shows.
pub(super) fn timeline(connection: &Connection, window: &Window) -> Result<Timeline, LogError> {
    // One view of the log for all that follows.
    let connection = &*connection.unchecked_transaction()?;
    let (first, head): (i64, i64) =
        connection.query_row("SELECT coalesce(min(seq), 1), coalesce(max(seq), 0) FROM events", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let (first, head) = (first.cast_unsigned(), head.cast_unsigned().max(first.cast_unsigned() - 1));
    let time = |edge: Option<Edge>, default: u64| -> Result<Timestamp, LogError> {
        match edge {
            Some(Edge::Time(time)) => Ok(time),
            Some(Edge::Seq(seq)) => Ok(instant(connection, seq.clamp(first, head.max(first)))?.unwrap_or(window.now)),
            None => Ok(instant(connection, default)?.unwrap_or(window.now)),
        }
    };
    let from = time(window.from, first)?;
    let to = time(window.to, head)?.max(from);
    let length = to.since(from) + 1;
    let bucket_ms = length.div_ceil(window.buckets.max(1));
    let places = Places::load(connection, first, head)?;
    let mut buckets = Vec::new();
    let mut marks = Vec::new();
    let gaps = lapses(connection, from, to)?;
    // Up to where, exclusive, events lie before the bucket that comes next.
    let mut place = places.before(from, first - 1)?;
    let after = place;
    let mut counted = [count(connection, 0, place)?, count(connection, 1, place)?];
    let began = counted;
    for bucket in 0..length.div_ceil(bucket_ms) {
        let start = Timestamp(from.0 + (bucket * bucket_ms).cast_signed());
        let end = Timestamp((start.0 + bucket_ms.cast_signed()).min(to.0 + 1));
        let next = places.before(end, place)?;
        let mut new = [0; KINDS.len()];
        if next > place {
            for (kind, new) in new.iter_mut().enumerate() {
                let now = count(connection, kind, next)?;
                *new = now - std::mem::replace(&mut counted[kind], now);
            }
        }
        let open = gaps.list.iter().filter(|gap| gap.from < end && gap.to >= start).count() as u64;
        buckets.push(Bucket { seq: place + 1, time: start, events: next - place, errors: new[0], approvals: new[1], gaps: open });
        place = next;
    }
    let mut marks_left_out = 0;
    for (kind, name) in KINDS.iter().enumerate() {
        let listed = listed(connection, kind, *name, after, place, counted[kind] - began[kind])?;
        marks_left_out += counted[kind] - began[kind] - listed.len() as u64;
        marks.extend(listed);
    }
    marks.sort_unstable_by_key(|mark| mark.seq);
    let sessions = spans(connection, after, place)?;
    Ok(Timeline {
        first,
        head,
        cursor: Cursor::Beginning,
        from,
        to,
        bucket_ms,
        buckets,
        sessions: sessions.list,
        sessions_left_out: sessions.left_out,
        marks,
        marks_left_out,
        gaps: gaps.list,
        gaps_left_out: gaps.left_out,
    })
}

/// When an event was taken in.
pub(super) fn instant(connection: &Connection, seq: u64) -> Result<Option<Timestamp>, LogError> {
    let mut at = connection.prepare_cached("SELECT at FROM events WHERE seq = ?1")?;
    Ok(at.query_row([clamp(seq)], |row| row.get(0)).optional()?.map(Timestamp))
}

/// The next mark of a kind.
pub(super) fn mark(connection: &Connection, kind: MarkKind, look: Look) -> Result<Option<Mark>, LogError> {
    let (order, place) = match look {
        Look::After(place) => ("> ?1 ORDER BY seq LIMIT 1", place),
        Look::Before(place) => ("< ?1 ORDER BY seq DESC LIMIT 1", place),
    };
    let sql = match KINDS.iter().position(|known| *known == kind) {
        Some(number) => format!("SELECT seq, at FROM marks WHERE kind = {number} AND seq {order}"),
        None => format!("SELECT seq, from_at FROM stops WHERE to_at IS NOT NULL AND seq {order}"),
    };
    let found = connection.prepare_cached(&sql)?.query_row([clamp(place)], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
    Ok(found.optional()?.map(|(seq, at)| Mark { seq: seq.cast_unsigned(), time: Timestamp(at), kind }))
}

/// Some of a list, and how many are not in it.
struct Part<T> {
    list: Vec<T>,
    left_out: u64,
}

/// The instants of some places, between which a place is searched for.
struct Places<'a> {
    connection: &'a Connection,
    instants: Vec<(u64, i64)>,
    head: u64,
}

impl<'a> Places<'a> {
    fn load(connection: &'a Connection, first: u64, head: u64) -> Result<Self, LogError> {
        let rows = (head + 1 - first) / EVERY;
        let mut instants = Vec::with_capacity(rows.min(MAX_INSTANTS) as usize);
        if rows <= MAX_INSTANTS {
            let mut all = connection.prepare_cached("SELECT seq, at FROM instants ORDER BY seq")?;
            let mut rows = all.query([])?;
            while let Some(row) = rows.next()? {
                instants.push((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?));
            }
        } else {
            let step = EVERY * rows.div_ceil(MAX_INSTANTS);
            let mut one = connection.prepare_cached("SELECT at FROM instants WHERE seq = ?1")?;
            let mut seq = first.next_multiple_of(step);
            while seq <= head {
                instants.extend(one.query_row([clamp(seq)], |row| row.get(0)).optional()?.map(|at| (seq, at)));
                seq += step;
            }
        }
        Ok(Self { connection, instants, head })
    }

    /// The newest place that was taken in before a time, at or after `floor`, which was.
    fn before(&self, time: Timestamp, floor: u64) -> Result<u64, LogError> {
        let next = self.instants.partition_point(|(_, at)| *at < time.0);
        let mut low = next.checked_sub(1).map_or(floor, |last| self.instants[last].0.max(floor));
        let mut high = self.instants.get(next).map_or(self.head, |(seq, _)| seq - 1).max(low);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            match instant(self.connection, middle)? {
                Some(at) if at < time => low = middle,
                _ => high = middle - 1,
            }
        }
        Ok(low)
    }
}

/// The number of the newest mark of a kind up to a place, counted from before the oldest.
fn count(connection: &Connection, kind: usize, place: u64) -> Result<u64, LogError> {
    let mut newest = connection.prepare_cached("SELECT n FROM marks WHERE kind = ?1 AND seq <= ?2 ORDER BY seq DESC LIMIT 1")?;
    let newest: Option<i64> = newest.query_row([kind as i64, clamp(place)], |row| row.get(0)).optional()?;
    if let Some(newest) = newest {
        return Ok(newest.cast_unsigned());
    }
    let mut oldest = connection.prepare_cached("SELECT n FROM marks WHERE kind = ?1 ORDER BY seq LIMIT 1")?;
    let oldest: Option<i64> = oldest.query_row([kind as i64], |row| row.get(0)).optional()?;
    Ok(oldest.map_or(0, |oldest| oldest.cast_unsigned() - 1))
}

/// The marks of a kind, or one of each of as many stretches as may be listed.
fn listed(
    connection: &Connection,
    kind: usize,
    name: MarkKind,
    after: u64,
    until: u64,
    there: u64,
) -> Result<Vec<Mark>, LogError> {
    let sql = "SELECT seq, at FROM marks WHERE kind = ?1 AND seq > ?2 AND seq <= ?3 ORDER BY seq LIMIT ?4";
    let mut some = connection.prepare_cached(sql)?;
    let read = |row: &Row<'_>| Ok(Mark { seq: row.get::<_, i64>(0)?.cast_unsigned(), time: Timestamp(row.get(1)?), kind: name });
    let stretches = if there <= MAX_MARKS { 1 } else { MAX_MARKS };
    let each = if stretches == 1 { MAX_MARKS } else { 1 };
    let mut marks = Vec::new();
    for stretch in 0..stretches {
        let edge = |of: u64| after + (u128::from(until - after) * u128::from(of) / u128::from(stretches)) as u64;
        let part = some.query_map([kind as i64, clamp(edge(stretch)), clamp(edge(stretch + 1)), each.cast_signed()], read)?;
        marks.extend(part.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(marks)
}

fn spans(connection: &Connection, after: u64, until: u64) -> Result<Part<SessionSpan>, LogError> {
    let open = "FROM spans WHERE from_seq <= ?2 AND (to_seq IS NULL OR to_seq > ?1)";
    let edges = [clamp(after), clamp(until)];
    let all: i64 = connection.prepare_cached(&format!("SELECT count(*) {open}"))?.query_row(edges, |row| row.get(0))?;
    let columns = "SELECT id, title, agent, from_seq, from_at, to_seq, to_at";
    let mut newest = connection.prepare_cached(&format!("{columns} {open} ORDER BY from_seq DESC LIMIT {MAX_SPANS}"))?;
    let rows = newest.query_map(edges, |row| {
        Ok(SessionSpan {
            session: row.get(0)?,
            title: row.get(1)?,
            agent: row.get(2)?,
            from_seq: row.get::<_, i64>(3)?.cast_unsigned(),
            from: Timestamp(row.get(4)?),
            to_seq: row.get::<_, Option<i64>>(5)?.map(i64::cast_unsigned),
            to: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        })
    })?;
    let mut list = rows.collect::<Result<Vec<_>, _>>()?;
    list.reverse();
    Ok(Part { left_out: all.cast_unsigned() - list.len() as u64, list })
}

fn lapses(connection: &Connection, from: Timestamp, to: Timestamp) -> Result<Part<Lapse>, LogError> {
    let within = "FROM stops WHERE to_at >= ?1 AND from_at <= ?2";
    let edges = [from.0, to.0];
    let all: i64 = connection.prepare_cached(&format!("SELECT count(*) {within}"))?.query_row(edges, |row| row.get(0))?;
    let sql = format!("SELECT seq, from_at, to_at {within} ORDER BY n DESC LIMIT {MAX_GAPS}");
    let mut newest = connection.prepare_cached(&sql)?;
    let rows = newest.query_map(edges, |row| {
        Ok(Lapse { seq: row.get::<_, i64>(0)?.cast_unsigned(), from: Timestamp(row.get(1)?), to: Timestamp(row.get(2)?) })
    })?;
    let mut list = rows.collect::<Result<Vec<_>, _>>()?;
    list.reverse();
    Ok(Part { left_out: all.cast_unsigned() - list.len() as u64, list })
}
