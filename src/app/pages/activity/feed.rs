//! The feed: the newest events that the filter wants, held while somebody looks at them, and the
//! older ones from the log.

use std::collections::VecDeque;
use std::time::Duration;

use leptos::prelude::*;

use super::run::{KEPT, Line, Run, about, step};
use crate::app::api::{LogPart, log_page};
use crate::app::components::pace::rest_of_newest;
use crate::app::html::effect;
use crate::client::{Live, Tap, browser_now};
use crate::event::query::NoQuery;
use crate::event::wire::write_text;
use crate::event::{Event, Query, Subject};
use crate::swarm::Touched;
use crate::swarm::activity::Row;

/// How many older events are fetched at once.
const OLDER: u32 = 200;
/// How many new events are held; with more, the feed begins anew with the newest when it goes on.
const HELD: usize = 2_000;
/// How many rows of those that are thinned out are shown.
const SAMPLED: usize = 200;
/// The least time between two times that rows say how they settled in a feed that is held, in milliseconds.
const CALM_MS: u64 = 250;
/// So few rows ask for older ones by themselves, so often.
const FEW: (usize, u32) = (30, 3);

/// Events that came while the feed is held.
#[derive(Default)]
struct Held {
    /// Each with what it tells of, in short.
    rows: VecDeque<(u64, Row)>,
    /// Whether some of them are missing here.
    broken: bool,
}

/// What the feed has. In one piece: what can be kept beside signals costs code for each type.
#[derive(Default)]
struct Inner {
    run: Run,
    query: Query,
    /// Which rows are shown of a feed that is thinned out.
    sampled: Vec<usize>,
    held: Held,
    /// Events as they were heard, and whether the filter wants them; none where the state's own rows do.
    heard: Option<Vec<(Row, bool)>>,
    /// When events came that the filter wants, and how many, over the last second.
    pulse: VecDeque<(i64, u64)>,
    /// Whether the demo was on show, or the past, and of which log the rows are.
    of: (bool, bool, String),
    /// Counts beginnings: what was asked for before the last one is passed over.
    begun: u32,
    /// How often older rows were asked for.
    tried: u32,
    /// Whether the newest events through a filter are on their way: what comes meanwhile goes behind them.
    anew: bool,
    /// Whether rows settled in their places that do not say so yet.
    settles: bool,
    drawn_at: i64,
    /// How long a feed that is thinned out rests, in milliseconds; none before that is known.
    rest: Option<f64>,
}

/// The feed. Copy; it lives as long as its page.
#[derive(Clone, Copy)]
pub struct Feed {
    live: Live,
    /// The filter as it was written.
    pub text: Memo<String>,
    /// Whether each event has a row of its own.
    pub single: Memo<bool>,
    inner: StoredValue<Inner>,
    /// Raised when rows came or went.
    pub turn: RwSignal<u64>,
    /// Raised when a row changed in its place.
    pub settled: RwSignal<u64>,
    /// Whether a person holds it.
    pub paused: RwSignal<bool>,
    /// Whether it is scrolled away from its newest row.
    pub away: RwSignal<bool>,
    /// Whether the focus is in it.
    pub inside: RwSignal<bool>,
    /// The first event of the row that is open; 0 where none is.
    pub open: RwSignal<u64>,
    /// Which event of that row is shown.
    pub event: RwSignal<u64>,
    /// How many events came while it is held.
    pub new: RwSignal<u64>,
    /// Every how manieth row is shown.
    pub every: RwSignal<u64>,
    /// Whether events are being fetched.
    pub fetching: RwSignal<bool>,
    /// Why they could not be; empty where nothing is wrong.
    pub problem: RwSignal<String>,
    /// The oldest event of the log; 0 before it was asked.
    pub oldest: RwSignal<u64>,
}

/// What is wrong with a filter.
pub fn fault(text: &str) -> Option<NoQuery> {
    text.parse::<Query>().err()
}

/// What a row alone tells of its event, for a filter that looks into events.
fn told(row: &Row) -> String {
    let mut out = ["{\"seq\":", &row.seq.to_string(), ",\"ts\":\"", &row.ts.to_string(), "\",\"payload\":{\"words\":"].concat();
    write_text(&mut out, &row.words);
    out.push_str("}}");
    out
}

fn subject(row: &Row) -> Subject<'_> {
    let entity = row.entity.as_ref().map(|entity| (entity.kind.as_str(), entity.id.as_str()));
    Subject { kind: &row.kind, source: &row.source, entity }
}

impl Feed {
    /// The feed through a filter, with what the state has of it.
    pub fn new(live: Live, text: Memo<String>, single: Memo<bool>) -> Self {
        let (number, flag) = (|of: u64| RwSignal::new(of), || RwSignal::new(false));
        let feed = Self {
            live,
            text,
            single,
            inner: StoredValue::new(Inner::default()),
            turn: number(0),
            settled: number(0),
            paused: flag(),
            away: flag(),
            inside: flag(),
            open: number(0),
            event: number(0),
            new: number(0),
            every: number(1),
            fetching: flag(),
            problem: RwSignal::new(String::new()),
            oldest: number(0),
        };
        untrack(|| feed.begin());
        feed.follow();
        feed
    }

    /// Keeps it up with the state, the filter and the reader.
    fn follow(self) {
        // What the page began with was drawn already.
        let mut drawn = (self.text.get_untracked(), self.single.get_untracked());
        effect(move || {
            let (asked, awake) = ((self.text.get(), self.single.get()), self.live.awake.get());
            if drawn != asked {
                untrack(|| self.begin());
                drawn = asked;
            }
            if awake {
                untrack(|| self.complete());
            }
        });
        effect(move || {
            self.live.read(Touched::ACTIVITY, |_| ());
            untrack(|| self.catch_up());
        });
        effect(move || {
            self.live.now.track();
            untrack(|| self.pace());
        });
        effect(move || {
            if !self.holds() {
                untrack(|| self.release());
            }
        });
        let live = self.live;
        on_cleanup(move || live.listen(None));
    }

    /// What the feed has; nothing is done where its page is gone.
    fn look(self, look: &mut dyn FnMut(&mut Inner)) {
        self.inner.try_update_value(|inner| look(inner));
    }

    fn with<T: Default>(self, read: impl FnOnce(&mut Inner) -> T) -> T {
        let (mut read, mut told) = (Some(read), T::default());
        self.look(&mut |inner| {
            if let Some(read) = read.take() {
                told = read(inner);
            }
        });
        told
    }

    /// Whether new events wait.
    pub fn holds(self) -> bool {
        self.paused.get() || self.away.get() || self.inside.get() || self.open.get() > 0
    }

    /// Holds it, or lets it go.
    pub fn toggle(self) {
        self.paused.update(|paused| *paused = !*paused);
    }

    /// Goes back to the newest event.
    pub fn to_newest(self) {
        self.open.set(0);
        self.away.set(false);
        self.inside.set(false);
        self.paused.set(false);
    }

    /// How many rows are shown.
    pub fn total(self) -> usize {
        self.turn.track();
        let thinned = self.every.get() > 1;
        self.with(|inner| if thinned { inner.sampled.len() } else { inner.run.len() })
    }

    /// The first events of the rows from one place to before another, newest first.
    pub fn places(self, from: usize, to: usize) -> Vec<u64> {
        self.turn.track();
        let thinned = self.every.get() > 1;
        self.with(|inner| {
            let mut out = Vec::with_capacity(to - from);
            for place in from..to {
                let place = if thinned { inner.sampled.get(place).copied() } else { Some(place) };
                let Some(line) = place.and_then(|place| inner.run.line(place)) else { break };
                out.push(line.first.seq);
            }
            out
        })
    }

    /// Reads a row; nothing where it is gone.
    pub fn line<T: Default>(self, seq: u64, read: impl FnOnce(&Line) -> T) -> T {
        self.with(|inner| inner.run.find(seq).map(read).unwrap_or_default())
    }

    /// Reads the run as it is now.
    pub fn run<T: Default>(self, read: impl FnOnce(&Run) -> T) -> T {
        self.turn.track();
        self.settled.track();
        self.with(|inner| read(&inner.run))
    }

    /// Begins anew with what the state has.
    fn begin(self) {
        let (text, single) = (self.text.get(), self.single.get());
        let query = text.parse::<Query>().unwrap_or_default();
        let hears = query.needs_json();
        self.live.listen(hears.then(|| -> Tap { Box::new(move |event| self.hear(event)) }));
        let of = (self.live.is_demo(), self.live.is_past(), self.live.position().0);
        let (seq, rows) = self.live.peek(|state| (state.seq, state.activity.rows.clone()));
        let other = self.with(|inner| {
            let other = inner.of != of;
            let reached = rows.front().map_or(seq, |row| row.seq.saturating_sub(1));
            let mut run = Run::new(single, reached, seq);
            rows.into_iter().filter(|row| wants(&query, row)).for_each(|row| run.push(row));
            let (begun, drawn_at) = (inner.begun + 1, inner.drawn_at);
            *inner = Inner { run, query, heard: hears.then(Vec::new), of, begun, drawn_at, ..Inner::default() };
            other
        });
        if other {
            // An event of another log, or of the demo.
            self.open.set(0);
        }
        self.new.set(0);
        self.every.set(1);
        self.fetching.set(false);
        self.problem.set(String::new());
        self.turned();
    }

    fn turned(self) {
        self.turn.update(|turn| *turn += 1);
        self.settled.update(|count| *count += 1);
    }

    /// Fetches what the state does not have, as far as it is looked at.
    fn complete(self) {
        let few = self.with(|inner| !inner.run.whole && inner.run.len() < FEW.0);
        if few || self.oldest.get_untracked() == 0 {
            self.older();
        }
    }

    fn hear(self, event: &Event) {
        self.with(|inner| {
            let Some(heard) = &mut inner.heard else { return };
            if event.seq <= inner.run.seen {
                return;
            }
            // Nobody took them: they are in the log.
            if heard.len() > HELD {
                heard.clear();
            }
            let wanted = inner.query.matches(event.subject(), &event.to_json());
            heard.push((Row::of(event), wanted));
        });
    }

    /// Takes in what came since the last time.
    fn catch_up(self) {
        let of = (self.live.is_demo(), self.live.is_past(), self.live.position().0);
        let (other, seen) = self.with(|inner| (inner.of != of, inner.run.seen));
        let (seq, rows) = self.live.peek(|state| {
            let newer = state.activity.rows.iter().rev().take_while(|row| row.seq > seen);
            (state.seq, newer.cloned().collect::<Vec<Row>>())
        });
        // Another log, or the past.
        if other || seq < seen {
            if other {
                self.oldest.set(0);
            }
            self.begin();
            return self.complete();
        }
        if seq == seen {
            return;
        }
        let taken = self.with(|inner| inner.take(seq, rows));
        let holds = untrack(|| self.holds());
        let Some(wanted) = taken.whole else {
            // More came at once than the state keeps.
            if !holds {
                self.begin();
                return self.complete();
            }
            self.with(|inner| {
                inner.held.rows.clear();
                inner.held.broken = true;
            });
            return self.hold(taken.newest, taken.missed);
        };
        let came = wanted.len() as u64;
        if came == 0 {
            return;
        }
        let now = browser_now().0;
        let anew = self.with(|inner| {
            inner.pulse.push_back((now, came));
            inner.anew
        });
        if holds || anew {
            return self.hold(wanted, 0);
        }
        self.with(|inner| wanted.into_iter().for_each(|row| inner.run.push(row)));
        self.pace();
        // The newest frame is that of the last change, where this is the first event after it.
        let rests = self.with(|inner| {
            let rest = *inner.rest.get_or_insert_with(|| rest_of_newest(self.live));
            ((now - inner.drawn_at) as f64) < rest
        });
        if self.every.get_untracked() == 1 || !rests {
            self.draw(now);
        }
    }

    /// Keeps events for later, beside some that are not here.
    fn hold(self, rows: Vec<Row>, missed: u64) {
        let came = rows.len() as u64 + missed;
        let paused = self.paused.get_untracked();
        let settled = self.with(|inner| rows.into_iter().map(|row| inner.hold(row, paused)).filter(|settled| *settled).count());
        if settled > 0 {
            self.settle();
        }
        self.new.update(|new| *new += came);
    }

    /// Has what settled in its place said, by every row that is drawn: a few times a second at most.
    fn settle(self) {
        if self.with(|inner| std::mem::replace(&mut inner.settles, true)) {
            return;
        }
        let say = move || {
            if self.with(|inner| std::mem::take(&mut inner.settles)) {
                self.settled.update(|count| *count += 1);
            }
        };
        set_timeout(say, Duration::from_millis(CALM_MS));
    }

    /// Goes on with what was held.
    fn release(self) {
        let single = self.single.get_untracked();
        let went_on = self.with(|inner| {
            let held = std::mem::take(&mut inner.held);
            let any = !held.rows.is_empty() || held.broken;
            if held.broken {
                let reached = held.rows.front().map_or(inner.run.seen, |(_, row)| row.seq.saturating_sub(1));
                inner.run = Run::new(single, reached, inner.run.seen);
                inner.run.dropped = true;
            }
            held.rows.into_iter().for_each(|(_, row)| inner.run.push(row));
            any
        });
        self.new.set(0);
        if went_on {
            self.draw(browser_now().0);
        }
    }

    /// Thins out what comes too fast, and stops when it does not any more.
    fn pace(self) {
        let now = browser_now().0;
        let rate = self.with(|inner| {
            while inner.pulse.front().is_some_and(|(at, _)| now - at > 1_000) {
                inner.pulse.pop_front();
            }
            inner.pulse.iter().map(|(_, came)| came).sum::<u64>()
        });
        let before = self.every.get_untracked();
        let every = step(rate, before);
        // A step that is about right stays: what is shown would jump.
        let about_right = every > 1 && before > 1 && (every == before * 2 || every * 2 == before);
        if every != before && !about_right && !untrack(|| self.holds()) {
            self.every.set(every);
            self.draw(now);
        }
    }

    fn draw(self, now: i64) {
        let every = self.every.get_untracked();
        self.with(|inner| {
            (inner.drawn_at, inner.rest) = (now, None);
            if every > 1 {
                inner.sampled = inner.run.sample(every, SAMPLED);
            }
        });
        self.turned();
    }

    /// Shows every row of what is held.
    pub fn show_all(self) {
        self.every.set(1);
        self.turned();
    }

    /// Whether there may be older events to fetch.
    pub fn has_older(self) -> bool {
        self.run(|run| !run.whole && run.len() < KEPT && run.seen > 0) && self.live.awake.get() && self.live.demo().is_none()
    }

    /// Fetches older events, through the filter.
    pub fn older(self) {
        let wanted = self.live.awake.get_untracked() && !self.live.is_demo() && self.live.has_data();
        if !wanted || self.fetching.get_untracked() {
            return;
        }
        let asks = self.with(|inner| {
            let text = inner.query.to_string();
            // What the state's rows alone tell of a filter is not all: the log is asked from the newest.
            inner.anew = !text.is_empty() && inner.tried == 0;
            let before = if inner.anew { inner.run.seen + 1 } else { inner.run.reached + 1 };
            (inner.run.len() < KEPT).then_some((text, before, inner.begun, inner.anew))
        });
        let Some((text, before, begun, anew)) = asks else { return };
        let cursor = [&self.live.position().0, "-", &before.to_string()].concat();
        self.fetching.set(true);
        leptos::task::spawn_local(async move {
            let part = log_page(cursor, text, OLDER).await;
            // The page may be gone by now, or ask for others.
            if self.with(|inner| inner.begun) == begun {
                self.fetched(part.map_err(|error| error.to_string()), anew);
            }
        });
    }

    /// Takes in what was fetched.
    fn fetched(self, part: Result<LogPart, String>, anew: bool) {
        let single = self.single.get_untracked();
        let holds = untrack(|| self.holds());
        self.fetching.set(false);
        let again = match part {
            Err(error) => {
                self.problem.set(error);
                self.with(|inner| inner.anew = false);
                false
            }
            Ok(part) => {
                self.problem.set(String::new());
                self.oldest.set(part.first);
                // The next place to look before; what lies after it was looked at.
                let next = part.previous.rsplit('-').next().and_then(|seq| seq.parse::<u64>().ok()).unwrap_or(1);
                let reached = if part.exhausted { part.first } else { next }.saturating_sub(1);
                self.with(|inner| {
                    inner.tried += 1;
                    inner.anew = false;
                    if anew {
                        inner.run = Run::new(single, reached, inner.run.seen);
                    }
                    inner.run.extend_back(part.events.iter().map(Row::of).collect(), reached, part.exhausted);
                    !inner.run.whole && inner.run.len() < FEW.0 && inner.tried < FEW.1
                })
            }
        };
        if !holds {
            self.release();
        }
        self.draw(browser_now().0);
        if again {
            self.older();
        }
    }
}

/// What came of taking events in.
#[derive(Default)]
struct Taken {
    /// What the filter wants of all that came; none where some are not here.
    whole: Option<Vec<Row>>,
    /// What the filter wants of the newest, then.
    newest: Vec<Row>,
    /// How many came beside them.
    missed: u64,
}

impl Inner {
    /// Takes events in up to a place; `rows` are those that the state has of them, newest first.
    fn take(&mut self, seq: u64, mut rows: Vec<Row>) -> Taken {
        rows.reverse();
        let came = seq - std::mem::replace(&mut self.run.seen, seq);
        let heard = self.heard.as_mut().map(std::mem::take);
        let hears = heard.is_some();
        if let Some(heard) = heard.filter(|heard| heard.len() as u64 == came) {
            let wanted = heard.into_iter().filter(|(_, wanted)| *wanted).map(|(row, _)| row);
            return Taken { whole: Some(wanted.collect()), ..Taken::default() };
        }
        let whole = !hears && rows.len() as u64 == came;
        let missed = if self.query.is_empty() { came - rows.len() as u64 } else { 0 };
        rows.retain(|row| wants(&self.query, row));
        if whole { Taken { whole: Some(rows), ..Taken::default() } } else { Taken { newest: rows, missed, whole: None } }
    }

    /// Keeps an event for later; whether it settled a row at once, which moves nothing.
    fn hold(&mut self, row: Row, paused: bool) -> bool {
        let thing = about(&row);
        let waits = |held: &VecDeque<(u64, Row)>| thing != 0 && held.iter().any(|(about, _)| *about == thing);
        let back = if paused || self.anew || waits(&self.held.rows) { Some(row) } else { self.run.settle(row) };
        let Some(row) = back else { return true };
        self.held.rows.push_back((thing, row));
        if self.held.rows.len() > HELD {
            self.held.rows.pop_front();
            self.held.broken = true;
        }
        false
    }
}

/// Whether a filter wants an event, by what its row tells.
fn wants(query: &Query, row: &Row) -> bool {
    query.is_empty() || query.matches(subject(row), &told(row))
}
