//! A run of the log as rows: the events of one stretch that a filter wants, those that tell of one
//! thing in one row.
//!
//! A row stands where its first event does and settles in place when the answer comes. The run is
//! bounded, and knows which stretch it covers: what it does not have is in the log. No clock, no
//! signals, no document.

use std::collections::VecDeque;

use crate::swarm::activity::{MAX_WORDS, Outcome, Row};
use crate::swarm::bounds::clip;
use crate::swarm::table::Table;

/// How many rows are kept.
pub const KEPT: usize = 20_000;
/// How far up an answer looks for its request, in rows. Beyond, it stands in a row of its own.
const NEAR: usize = 4_000;
/// How many events of one row are known by their places.
const PLACES: usize = 16;

/// One thing: an event, or several that tell of the same.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its first event; the words may have gone on since.
    pub first: Row,
    /// Its newest event, where there are several.
    pub last: Option<Box<Row>>,
    /// Where its events stand in the log: the first and the newest.
    pub places: Vec<u64>,
    /// How many events it has.
    pub events: u64,
    /// Its place among all rows that ever were, for taking every so manieth.
    nth: i64,
    /// What it tells of, in short; 0 where no other event could tell of it.
    about: u64,
}

impl Line {
    fn new(first: Row, nth: i64) -> Self {
        let about = about(&first);
        Self { places: vec![first.seq], first, last: None, events: 1, nth, about }
    }

    /// Its newest event.
    pub fn newest(&self) -> &Row {
        self.last.as_deref().unwrap_or(&self.first)
    }

    /// How it came out, where it is over.
    pub fn outcome(&self) -> Option<Outcome> {
        self.newest().outcome
    }

    /// Whether it waits for an answer.
    pub fn is_open(&self) -> bool {
        self.about != 0 && self.outcome().is_none()
    }

    fn takes(&self, row: &Row) -> bool {
        let same = self.first.entity == row.entity && self.first.part == row.part;
        // Several may get the same message; everything else is over once.
        same && (self.outcome().is_none() || row.kind == "message.delivered")
    }

    fn take(&mut self, row: Row) {
        match row.kind.as_str() {
            "session.text_delta" => self.first.words = clip(&[&self.first.words, row.words.as_str()].concat(), MAX_WORDS),
            "session.text_completed" => self.first.words.clone_from(&row.words),
            _ => {}
        }
        if self.places.len() == PLACES {
            self.places.remove(1);
        }
        self.places.push(row.seq);
        self.events += 1;
        self.last = Some(Box::new(row));
    }
}

/// What an event tells of, in short: equal for equal things; 0 where nothing else could tell of it.
pub fn about(row: &Row) -> u64 {
    let Some(entity) = &row.entity else { return 0 };
    let part = match (row.kind.split('.').next().unwrap_or_default(), &row.part) {
        ("session", Some(part)) => part.as_str(),
        ("task" | "selfcheck" | "message", _) => "",
        _ => return 0,
    };
    // FNV-1a.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in entity.kind.bytes().chain([0]).chain(entity.id.bytes()).chain([0]).chain(part.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash | 1
}

/// Whether an event begins something anew, even where there was one of the same name.
fn begins(kind: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "session.tool_started",
        "session.permission_requested",
        "task.created",
        "task.retried",
        "selfcheck.started",
        "message.sent",
    ];
    BEGINNINGS.contains(&kind)
}

/// The rows.
#[derive(Debug, Default)]
pub struct Run {
    /// Oldest first; ordered by the place of the first event.
    lines: VecDeque<Line>,
    /// The first event of the newest row about each thing.
    newest: Table<u64>,
    /// Whether each event has a row of its own.
    single: bool,
    /// What was looked at lies after this place …
    pub reached: u64,
    /// … and up to this one.
    pub seen: u64,
    /// Events in these rows.
    pub fit: u64,
    /// Whether nothing older is kept anywhere.
    pub whole: bool,
    /// Whether rows went because there were too many.
    pub dropped: bool,
}

impl Run {
    /// A run without rows at a place.
    pub fn new(single: bool, reached: u64, seen: u64) -> Self {
        Self { single, reached, seen, whole: reached == 0, ..Self::default() }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The row at a place, counted from the newest.
    pub fn line(&self, place: usize) -> Option<&Line> {
        self.lines.get(self.lines.len().checked_sub(place + 1)?)
    }

    /// The row whose first event is this.
    pub fn find(&self, seq: u64) -> Option<&Line> {
        let place = self.lines.partition_point(|line| line.first.seq < seq);
        self.lines.get(place).filter(|line| line.first.seq == seq)
    }

    /// Puts an event into the row of what it tells of; the event is given back where there is none.
    pub fn settle(&mut self, row: Row) -> Option<Row> {
        let about = about(&row);
        if self.single || about == 0 || begins(&row.kind) {
            return Some(row);
        }
        let Some(first) = self.newest.get(&about.to_string()).copied() else { return Some(row) };
        let place = self.lines.partition_point(|line| line.first.seq < first);
        let is_near = place + NEAR >= self.lines.len();
        match self.lines.get_mut(place).filter(|line| is_near && line.first.seq == first) {
            Some(line) if line.takes(&row) => {
                line.take(row);
                self.fit += 1;
                None
            }
            _ => Some(row),
        }
    }

    /// Adds the next event, newer than all others.
    pub fn push(&mut self, row: Row) {
        if let Some(row) = self.settle(row) {
            let nth = self.lines.back().map_or(0, |line| line.nth + 1);
            let line = Line::new(row, nth);
            if line.about != 0 && !self.single {
                self.newest.insert(&line.about.to_string(), line.first.seq);
            }
            self.lines.push_back(line);
            self.fit += 1;
        }
        while self.lines.len() > KEPT {
            if let Some(line) = self.lines.pop_front() {
                let about = line.about.to_string();
                if self.newest.get(&about) == Some(&line.first.seq) {
                    self.newest.remove(&about);
                }
                self.reached = line.first.seq;
                (self.whole, self.dropped) = (false, true);
            }
        }
    }

    /// Adds older events, oldest first, that reach down to a place.
    pub fn extend_back(&mut self, rows: Vec<Row>, reached: u64, whole: bool) {
        let mut older = Self { single: self.single, ..Self::default() };
        rows.into_iter().for_each(|row| older.push(row));
        self.fit += older.fit;
        for mut line in older.lines.into_iter().rev() {
            line.nth = self.lines.front().map_or(0, |line| line.nth - 1);
            if line.about != 0 && !self.single {
                self.newest.entry(&line.about.to_string(), || line.first.seq);
            }
            self.lines.push_front(line);
        }
        (self.reached, self.whole) = (reached, whole);
    }

    /// The places of every so manieth row, from the newest; the same ones however many come.
    pub fn sample(&self, every: u64, most: usize) -> Vec<usize> {
        let last = self.lines.len().saturating_sub(1);
        let chosen = self.lines.iter().enumerate().rev().filter(|(_, line)| line.nth.rem_euclid(every as i64) == 0);
        chosen.take(most).map(|(place, _)| last - place).collect()
    }
}

/// Every how manieth row is shown when so many come in a second: all of them as long as an eye can
/// follow. Powers of two, so that what is shown stays when the step changes.
pub fn step(rate: u64, now: u64) -> u64 {
    /// More than this a second, and only some are shown; fewer than two thirds of it, and all are.
    const MOST: u64 = 90;
    /// How many are shown a second then, about.
    const SHOWN: u64 = 24;
    if rate <= MOST * 2 / 3 || (rate <= MOST && now == 1) {
        return 1;
    }
    rate.div_ceil(SHOWN).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Entity, Timestamp};

    fn row(seq: u64, kind: &str, id: &str, part: Option<&str>, outcome: Option<Outcome>) -> Row {
        Row {
            seq,
            ts: Timestamp(seq as i64 * 1_000),
            kind: kind.to_owned(),
            source: "s".to_owned(),
            entity: Some(Entity::new(kind.split('.').next().unwrap(), id)),
            words: seq.to_string(),
            part: part.map(str::to_owned),
            outcome,
        }
    }

    fn run(rows: Vec<Row>) -> Run {
        let mut run = Run::new(false, 0, 0);
        rows.into_iter().for_each(|row| run.push(row));
        run
    }

    fn firsts(run: &Run) -> Vec<u64> {
        run.lines.iter().map(|line| line.first.seq).collect()
    }

    #[test]
    fn an_answer_settles_its_request_in_place() {
        let run = run(vec![
            row(1, "session.tool_started", "s1", Some("u1"), None),
            row(2, "session.tool_started", "s1", Some("u2"), None),
            row(3, "agent.updated", "a", None, None),
            row(4, "session.tool_finished", "s1", Some("u1"), Some(Outcome::Badly)),
            row(5, "session.tool_finished", "s2", Some("u2"), Some(Outcome::Well)),
        ]);
        assert_eq!(firsts(&run), [1, 2, 3, 5], "another session's call is another call");
        let line = run.find(1).unwrap();
        assert_eq!((line.outcome(), line.events, line.places.clone()), (Some(Outcome::Badly), 2, vec![1, 4]));
        assert!(run.find(2).unwrap().is_open() && !run.find(3).unwrap().is_open());
        assert_eq!(run.fit, 5);
    }

    #[test]
    fn a_task_is_one_row_until_it_is_tried_again() {
        let run = run(vec![
            row(1, "task.created", "t", None, None),
            row(2, "task.started", "t", None, None),
            row(3, "task.failed", "t", None, Some(Outcome::Badly)),
            row(4, "task.progress", "t", None, None),
            row(5, "task.retried", "t", None, None),
            row(6, "task.completed", "t", None, Some(Outcome::Well)),
        ]);
        assert_eq!(firsts(&run), [1, 4, 5], "what comes after the end stands by itself");
        assert_eq!(run.find(5).unwrap().newest().kind, "task.completed");
    }

    #[test]
    fn the_pieces_of_a_text_make_the_text() {
        let mut deltas =
            vec![row(1, "session.text_delta", "s", Some("t1"), None), row(2, "session.text_delta", "s", Some("t1"), None)];
        deltas[1].words = " and more".to_owned();
        let mut run = run(deltas);
        assert_eq!(run.line(0).unwrap().first.words, "1 and more");
        run.push(row(3, "session.text_completed", "s", Some("t1"), Some(Outcome::Well)));
        run.push(row(4, "session.text_completed", "s", Some("t1"), Some(Outcome::Well)));
        assert_eq!(firsts(&run), [1, 4], "a turn may have several texts");
        assert_eq!(run.find(1).unwrap().first.words, "3");
    }

    #[test]
    fn it_is_bounded_and_knows_how_far_it_reaches() {
        let mut run = Run::new(false, 0, 0);
        for seq in 1..=KEPT as u64 + 10 {
            run.push(row(seq, "agent.updated", "a", None, None));
        }
        assert_eq!((run.len(), run.reached, run.whole, run.dropped), (KEPT, 10, false, true));
        assert_eq!(run.line(0).unwrap().first.seq, KEPT as u64 + 10);
        assert!(run.line(KEPT).is_none());
        for events in 0..100_u64 {
            run.push(row(KEPT as u64 + 11 + events, "task.progress", "t", None, None));
        }
        assert_eq!(run.line(0).unwrap().places.len(), PLACES);
    }

    #[test]
    fn older_events_come_before_and_keep_the_order() {
        let mut run = Run::new(false, 10, 12);
        for seq in [11, 12] {
            run.push(row(seq, "agent.updated", "a", None, None));
        }
        run.extend_back([4, 7].map(|seq| row(seq, "agent.updated", "a", None, None)).into(), 3, false);
        assert_eq!((firsts(&run), run.reached, run.whole, run.fit), (vec![4, 7, 11, 12], 3, false, 4));
        assert_eq!(run.sample(1, 9), [0, 1, 2, 3]);
        let even = run.sample(2, 9);
        run.push(row(13, "agent.updated", "a", None, None));
        assert_eq!(
            run.sample(2, 9)[run.sample(2, 9).len() - even.len()..],
            even.iter().map(|place| place + 1).collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_answer_finds_the_newest_row_of_its_thing() {
        let task = |seq, kind: &str| row(seq, kind, "t", None, None);
        let mut run = Run::new(false, 10, 12);
        run.push(task(11, "task.progress"));
        // What older events add comes before it.
        run.extend_back(vec![task(4, "task.created"), row(5, "task.created", "u", None, None)], 3, false);
        run.push(task(13, "task.progress"));
        run.push(row(14, "task.progress", "u", None, None));
        assert_eq!(firsts(&run), [4, 5, 11]);
        assert_eq!([4, 5, 11].map(|seq| run.find(seq).unwrap().events), [1, 2, 2]);
        // A row that went off the end takes its answers along.
        for seq in 15..15 + KEPT as u64 {
            run.push(row(seq, "agent.updated", "a", None, None));
        }
        assert_eq!(run.newest.len(), 0);
        let next = 15 + KEPT as u64;
        run.push(row(next, "task.progress", "u", None, None));
        assert_eq!((run.line(0).unwrap().first.seq, run.newest.len()), (next, 1));
        // One that is too far up does not take them.
        for seq in next + 1..=next + NEAR as u64 {
            run.push(row(seq, "agent.updated", "a", None, None));
        }
        run.push(row(next + NEAR as u64 + 1, "task.progress", "u", None, None));
        assert_eq!(run.find(next).unwrap().events, 1);
    }

    #[test]
    fn a_rate_that_no_eye_follows_is_thinned_out() {
        assert_eq!([step(0, 1), step(90, 1), step(90, 8), step(60, 8), step(2_000, 1)], [1, 1, 4, 1, 128]);
    }
}
