//! How much happened when, and how long it took: second by second over the last five minutes, and
//! minute by minute over the last hour.
//!
//! A minute keeps the least and the most of its seconds beside the sum, so that a spike of one
//! second is still seen an hour later.

use std::collections::VecDeque;

use crate::event::message::MessageEvent;
use crate::event::table::record;
use crate::event::task::TaskEvent;
use crate::event::{Body, Event, Timestamp};

/// How many whole minutes are kept second by second, before the newest.
pub const MINUTES_IN_SECONDS: i64 = 5;
/// How many minutes are kept as a whole.
pub const MINUTES: i64 = 60;
/// Over how many seconds a rate is a mean.
pub const MEAN_SECONDS: i64 = 10;
/// How many points a series has, whatever its window.
pub const POINTS: i64 = 60;

record! {
    /// What happened in one second.
    pub struct Second {
        /// The second, since 1970.
        at: i64,
        /// Events of all types.
        events: u64,
        /// Messages sent.
        messages: u64,
        /// Memory operations.
        memory: u64,
        /// Events that report a failure.
        failures: u64,
        /// Tasks completed.
        completed: u64,
        /// Those of them that say how long they took.
        timed: u64,
        /// How long they took together, in milliseconds.
        task_ms: u64,
        /// How long the memory operations took together, in microseconds.
        memory_us: u64,
    }
}

record! {
    /// What happened in one minute whose seconds are no longer kept.
    pub struct Minute {
        /// The sums; `at` is the minute, since 1970.
        sum: Second,
        /// The least of one second, in the order of [`Measure`].
        least: Vec<f64>,
        /// The most of one second, in the same order.
        most: Vec<f64>,
    }
}

record! {
    /// The counts, oldest first; what had no events has none.
    #[derive(Default)]
    pub struct Rates {
        /// The seconds.
        seconds: VecDeque<Second>,
        /// The minutes before them.
        minutes: VecDeque<Minute>,
    }
}

/// What of a second is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Events of all types.
    Events,
    /// Messages sent.
    Messages,
    /// Memory operations.
    Memory,
    /// Tasks completed.
    Completed,
    /// Events that report a failure.
    Failures,
    /// How long a memory operation took, in milliseconds.
    MemoryLatency,
    /// How long a task took by its own account, in milliseconds.
    TaskTime,
}

impl Measure {
    const ALL: [Self; 7] =
        [Self::Events, Self::Messages, Self::Memory, Self::Completed, Self::Failures, Self::MemoryLatency, Self::TaskTime];

    /// What it is of a sum over so many seconds: a count by the second, or a mean time, of which
    /// there is none where nothing took any.
    fn of(self, sum: &Second, seconds: f64) -> Option<f64> {
        let mean = |total: u64, many: u64| (many > 0).then(|| total as f64 / many as f64);
        let count = match self {
            Self::Events => sum.events,
            Self::Messages => sum.messages,
            Self::Memory => sum.memory,
            Self::Completed => sum.completed,
            Self::Failures => sum.failures,
            Self::MemoryLatency => return mean(sum.memory_us, sum.memory).map(|us| us / 1_000.0),
            Self::TaskTime => return mean(sum.task_ms, sum.timed),
        };
        Some(count as f64 / seconds)
    }

    /// Whether a second without events says that nothing happened, not that nothing is known.
    fn counts(self) -> bool {
        !matches!(self, Self::MemoryLatency | Self::TaskTime)
    }
}

/// A stretch of time up to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// One minute, by the second.
    Minute,
    /// Five minutes, by five seconds.
    FiveMinutes,
    /// One hour, by the minute.
    Hour,
}

impl Span {
    /// The seconds that one point stands for.
    pub fn step(self) -> i64 {
        match self {
            Self::Minute => 1,
            Self::FiveMinutes => 5,
            Self::Hour => 60,
        }
    }
}

/// One point of a series: the least and the most of one second in it, and the mean over it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The least.
    pub least: f64,
    /// The mean.
    pub mean: f64,
    /// The most.
    pub most: f64,
}

/// Means per second.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PerSecond {
    /// Events of all types.
    pub events: f64,
    /// Messages sent.
    pub messages: f64,
    /// Memory operations.
    pub memory: f64,
    /// Failures.
    pub failures: f64,
}

impl Second {
    fn new(at: i64) -> Self {
        Self { at, events: 0, messages: 0, memory: 0, failures: 0, completed: 0, timed: 0, task_ms: 0, memory_us: 0 }
    }

    fn count(&mut self, event: &Event) {
        self.events += 1;
        self.failures += u64::from(event.kind().ends_with(".failed"));
        match &event.body {
            Body::Message(MessageEvent::Sent(_)) => self.messages += 1,
            Body::Memory(body) => {
                self.memory += 1;
                self.memory_us = self.memory_us.saturating_add((body.operation().latency_ms * 1_000.0) as u64);
            }
            Body::Task(TaskEvent::Completed(it)) => {
                self.completed += 1;
                if let Some(took) = it.duration_ms {
                    self.timed += 1;
                    self.task_ms = self.task_ms.saturating_add(took as u64);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.messages += other.messages;
        self.memory += other.memory;
        self.failures += other.failures;
        self.completed += other.completed;
        self.timed += other.timed;
        self.task_ms = self.task_ms.saturating_add(other.task_ms);
        self.memory_us = self.memory_us.saturating_add(other.memory_us);
    }
}

/// Some seconds of `length` as one point; those that are not among them had no events.
fn point<'a>(seconds: impl Iterator<Item = &'a Second>, length: i64, measure: Measure) -> Option<Point> {
    let mut sum = Second::new(0);
    let (mut least, mut most, mut there) = (f64::INFINITY, 0.0_f64, 0);
    for second in seconds {
        sum.add(second);
        there += 1;
        if let Some(value) = measure.of(second, 1.0) {
            (least, most) = (least.min(value), most.max(value));
        }
    }
    if measure.counts() && there < length {
        least = 0.0;
    }
    let mean = measure.of(&sum, length.max(1) as f64)?;
    Some(Point { least: least.min(mean), mean, most: most.max(mean) })
}

impl Minute {
    fn of(minute: i64, seconds: &[Second]) -> Self {
        let mut sum = Second::new(minute);
        seconds.iter().for_each(|second| sum.add(second));
        let all = Measure::ALL.map(|measure| point(seconds.iter(), 60, measure));
        let each = |read: fn(Point) -> f64| all.iter().map(|point| point.map_or(0.0, read)).collect();
        Self { sum, least: each(|point| point.least), most: each(|point| point.most) }
    }

    fn point(&self, measure: Measure) -> Option<Point> {
        let mean = measure.of(&self.sum, 60.0)?;
        let bound = |list: &[f64]| list.get(measure as usize).copied().unwrap_or(mean);
        Some(Point { least: bound(&self.least), mean, most: bound(&self.most) })
    }
}

impl Rates {
    pub(super) fn fold(&mut self, event: &Event) {
        let at = event.when().0.div_euclid(1_000);
        let newest = self.seconds.back().map_or(at, |second| second.at);
        if at.div_euclid(60) < newest.div_euclid(60) - MINUTES_IN_SECONDS {
            return;
        }
        // Senders' clocks differ: an event may belong to a second that is not the newest.
        let place = self.seconds.partition_point(|second| second.at < at);
        if self.seconds.get(place).is_none_or(|second| second.at != at) {
            self.seconds.insert(place, Second::new(at));
        }
        self.seconds[place].count(event);
        if at > newest {
            self.sum_up(at.div_euclid(60));
        }
    }

    /// Keeps of the seconds that are too old by now what their minutes came to.
    fn sum_up(&mut self, newest: i64) {
        let keep_from = newest - MINUTES_IN_SECONDS;
        while let Some(minute) = self.seconds.front().map(|second| second.at.div_euclid(60)).filter(|it| *it < keep_from) {
            let many = self.seconds.partition_point(|second| second.at < (minute + 1) * 60);
            let seconds: Vec<Second> = self.seconds.drain(..many).collect();
            self.minutes.push_back(Minute::of(minute, &seconds));
        }
        while self.minutes.front().is_some_and(|minute| minute.sum.at <= newest - MINUTES) {
            self.minutes.pop_front();
        }
    }

    /// The seconds from one to before another.
    fn between(&self, from: i64, to: i64) -> impl Iterator<Item = &Second> {
        let begin = self.seconds.partition_point(|second| second.at < from);
        self.seconds.iter().skip(begin).take_while(move |second| second.at < to)
    }

    /// Means over the `window` whole seconds before `now`'s second.
    pub fn per_second(&self, now: Timestamp, window: i64) -> PerSecond {
        let now = now.0.div_euclid(1_000);
        let mut sum = Second::new(now);
        self.between(now - window, now).for_each(|second| sum.add(second));
        let mean = |count: u64| count as f64 / window as f64;
        PerSecond {
            events: mean(sum.events),
            messages: mean(sum.messages),
            memory: mean(sum.memory),
            failures: mean(sum.failures),
        }
    }

    /// The same, with a gap from where on nothing is known: who did not listen heard nothing.
    pub fn known(&self, now: Timestamp, known: Timestamp, span: Span, measure: Measure) -> Vec<Option<Point>> {
        let mut points = self.series(now, span, measure);
        let step = span.step();
        let newest = (now.0.div_euclid(1_000) - 1).div_euclid(step);
        let last = (known.0.div_euclid(1_000) - 1).div_euclid(step);
        // The point in which it ends is told: part of it is known.
        let gap = if known < now { (newest - last).clamp(0, POINTS) as usize } else { 0 };
        points.iter_mut().rev().take(gap).for_each(|point| *point = None);
        points
    }

    /// [`POINTS`] points up to `now`'s second, oldest first; none where nothing is known. The last
    /// one may not be over yet: it stands for the seconds of it that are.
    pub fn series(&self, now: Timestamp, span: Span, measure: Measure) -> Vec<Option<Point>> {
        let (now, step) = (now.0.div_euclid(1_000), span.step());
        let newest = (now - 1).div_euclid(step);
        let points = (newest - POINTS + 1)..=newest;
        points.map(|place| self.over(place * step, ((place + 1) * step).min(now), measure)).collect()
    }

    fn over(&self, from: i64, to: i64, measure: Measure) -> Option<Point> {
        let minute = from.div_euclid(60);
        let place = self.minutes.partition_point(|kept| kept.sum.at < minute);
        match self.minutes.get(place) {
            // Only an hour looks back behind the seconds, and that by whole minutes.
            Some(kept) if kept.sum.at == minute => kept.point(measure),
            _ => point(self.between(from, to), to - from, measure),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::Draft;
    use crate::event::wire::At;

    /// The beginning of a minute.
    const START: i64 = 1_769_509_260;

    fn rates(events: &[(i64, serde_json::Value)]) -> Rates {
        let mut rates = Rates::default();
        for (second, event) in events {
            let draft = Draft::read(event.clone(), &At::Root("event")).unwrap();
            rates.fold(&draft.into_event(1, Timestamp((START + second) * 1_000)));
        }
        rates
    }

    fn tick() -> serde_json::Value {
        json!({"type": "probe.ticked"})
    }

    fn retrieved(latency_ms: f64) -> serde_json::Value {
        json!({"type": "memory.retrieved", "payload": {"namespace": "n", "key": "k", "latency_ms": latency_ms}})
    }

    fn at(second: i64) -> Timestamp {
        Timestamp((START + second) * 1_000)
    }

    #[test]
    fn a_spike_survives_an_hour() {
        let mut events: Vec<_> = (0..50).map(|_| (30, tick())).collect();
        events.extend((1..60).map(|minute| (minute * 60, tick())));
        let rates = rates(&events);
        assert!(rates.seconds.len() <= 6 && rates.minutes.len() <= MINUTES as usize);
        let series = rates.series(at(59 * 60 + 1), Span::Hour, Measure::Events);
        assert_eq!(series.len(), POINTS as usize);
        assert_eq!(series[0], Some(Point { least: 0.0, mean: 50.0 / 60.0, most: 50.0 }));
        assert_eq!(series[59], Some(Point { least: 1.0, mean: 1.0, most: 1.0 }));
    }

    #[test]
    fn a_latency_that_nobody_reported_is_unknown() {
        let rates = rates(&[(0, retrieved(4.0)), (1, tick()), (2, retrieved(1.0)), (2, retrieved(2.0))]);
        let by_second = rates.series(at(3), Span::Minute, Measure::MemoryLatency);
        assert_eq!(by_second[57..].iter().map(|it| it.map(|it| it.mean)).collect::<Vec<_>>(), [Some(4.0), None, Some(1.5)]);
        let point = rates.series(at(5), Span::FiveMinutes, Measure::MemoryLatency)[59].unwrap();
        assert_eq!((point.least, point.most), (1.5, 4.0));
        assert!((point.mean - 7.0 / 3.0).abs() < 1e-9);
        assert_eq!(rates.series(at(3), Span::Minute, Measure::TaskTime)[59], None);
    }

    #[test]
    fn long_silence_leaves_nothing_behind() {
        let rates = rates(&[(0, tick()), (90, tick()), (100 * 60, tick())]);
        assert_eq!((rates.seconds.len(), rates.minutes.len()), (1, 0));
    }

    #[test]
    fn what_nobody_heard_is_no_zero() {
        let rates = rates(&[(100, tick()), (159, tick())]);
        let is_known = |known: i64, span: Span| {
            let points = rates.known(at(160), at(known), span, Measure::Events);
            points.iter().map(Option::is_some).collect::<Vec<_>>()
        };
        assert_eq!(is_known(160, Span::Minute), [true; 60]);
        let gap = is_known(150, Span::Minute);
        assert_eq!((gap[..50].iter().all(|known| *known), gap[50..].iter().any(|known| *known)), (true, false));
        assert!(is_known(158, Span::FiveMinutes)[59], "part of it is known");
        assert!(!is_known(-9_000, Span::Minute).contains(&true));
    }

    #[test]
    fn what_is_late_counts_where_it_belongs() {
        let rates = rates(&[(200, tick()), (190, tick()), (400, tick()), (-400, tick())]);
        let series = rates.series(at(201), Span::Minute, Measure::Events);
        assert_eq!((series[59].unwrap().mean, series[49].unwrap().mean), (1.0, 1.0));
        assert_eq!(rates.seconds.len() + rates.minutes.len(), 3);
    }
}
