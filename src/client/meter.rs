//! What the page measures of its own connection: how long an event takes from where it happened to
//! the screen, what a frame costs, how much comes, and how often the connection was lost.
//!
//! Times are arguments, in milliseconds; nothing here asks a clock.

use std::collections::VecDeque;

use super::link::Return;
use crate::swarm::bounds::{order, push_newest};

/// How many of the newest samples are kept.
const SAMPLES: usize = 2_000;
/// How many losses of the connection are kept.
const LOSSES: usize = 20;
/// Over how many seconds a rate is a mean.
const SECONDS: usize = 10;
/// How far below nothing delays may seem for a sender's clock to be trusted, in milliseconds.
const BEFORE: f64 = -20.0;

/// The upper ends of the buckets that samples are counted in, in milliseconds; one more is beyond.
pub const BUCKETS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 50.0, 100.0, 250.0, 1_000.0, 5_000.0];

/// The newest samples of one thing, in milliseconds; summed up once a second.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    kept: Vec<f64>,
    next: usize,
    /// Whether some came since they were summed up.
    new: bool,
    short: Option<Delays>,
    buckets: [u64; BUCKETS.len() + 1],
}

/// Samples in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delays {
    /// Half are no longer than this, in milliseconds.
    pub p50: f64,
    /// All but one in twenty are no longer than this.
    pub p95: f64,
    /// All but one in a hundred are no longer than this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// How many were measured.
    pub samples: usize,
}

impl Samples {
    fn add(&mut self, ms: f64) {
        self.new = true;
        if self.kept.len() < SAMPLES {
            self.kept.push(ms);
        } else {
            self.kept[self.next] = ms;
            self.next = (self.next + 1) % SAMPLES;
        }
    }

    /// The newest of them.
    pub fn newest(&self) -> Option<f64> {
        let newest = self.next.checked_sub(1).unwrap_or(self.kept.len().checked_sub(1)?);
        self.kept.get(newest).copied()
    }

    /// Sums them up, for whoever asks until the next second.
    fn sum_up(&mut self) {
        if !std::mem::take(&mut self.new) {
            return;
        }
        // Less than nothing comes before nothing.
        let sorted = order(self.kept.iter().map(|ms| ((ms + 1e9).max(0.0) * 1_000.0) as u64));
        let last = sorted.len() - 1;
        let at = |share: f64| self.kept[sorted[((sorted.len() as f64 * share) as usize).min(last)]];
        let told = |share: f64| at(share).max(0.0);
        self.short = (at(0.05) >= BEFORE).then(|| Delays {
            p50: told(0.5),
            p95: told(0.95),
            p99: told(0.99),
            max: told(1.0),
            samples: sorted.len(),
        });
        self.buckets = [0; BUCKETS.len() + 1];
        // What cannot be told is in no bucket.
        for ms in self.kept.iter().filter(|_| self.short.is_some()) {
            self.buckets[BUCKETS.partition_point(|end| end < ms)] += 1;
        }
    }

    /// They in short, as of the last second. None before the first, and where more than one in
    /// twenty seem to have come before they happened: then two clocks differ, and nothing is known.
    pub fn short(&self) -> Option<Delays> {
        self.short
    }

    /// How many are in each of [`BUCKETS`], and how many beyond, as of the last second.
    pub fn buckets(&self) -> &[u64; BUCKETS.len() + 1] {
        &self.buckets
    }
}

/// What came in a second, or since the page began.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// Events folded in.
    pub events: u64,
    /// Messages over the connection.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Frames that showed something new.
    pub frames: u64,
}

/// A loss of the connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Loss {
    /// When, by the browser's clock.
    pub at: f64,
    /// Why.
    pub cause: String,
    /// When events arrived again; none while they do not.
    pub back: Option<f64>,
    /// How the return went; none before it.
    pub went: Option<Return>,
}

/// What was measured.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    /// From where events happened to the screen.
    pub delay: Samples,
    /// The main thread's work for a frame: messages read since the one before, events folded, views
    /// made anew, the map drawn, style and layout. What keys and pointers set off is not in it.
    pub work: Samples,
    /// Since the page began.
    pub total: Traffic,
    second: Traffic,
    /// Work since the last frame that belongs to the next one, in milliseconds.
    spent: f64,
    /// What came in each of the last seconds, and how long it was in milliseconds: a page that
    /// nobody sees is woken once a minute.
    seconds: VecDeque<(Traffic, f64)>,
    /// Losses of the connection since the page began.
    pub losses: u64,
    /// The newest of them, oldest first.
    pub lost: VecDeque<Loss>,
    /// When the last message came.
    pub heard: Option<f64>,
    /// When the last heartbeat came.
    pub heartbeat: Option<f64>,
    /// How often the server sends one, in milliseconds.
    pub heartbeat_ms: Option<u64>,
    /// What was measured last, at what time.
    pub now: f64,
}

impl Meter {
    /// From where events happened to the screen, in short.
    pub fn delays(&self) -> Option<Delays> {
        self.delay.short()
    }

    /// An event that happened so long ago is on the screen.
    pub fn add(&mut self, delay_ms: f64) {
        self.delay.add(delay_ms);
    }

    /// So many messages came, of so many bytes together.
    pub fn message(&mut self, now: f64, many: u64, bytes: usize) {
        self.heard = Some(now);
        self.second.messages += many;
        self.second.bytes += bytes as u64;
    }

    /// A frame was drawn with so many new events, after so much work.
    pub fn frame(&mut self, events: usize) {
        self.second.frames += 1;
        self.second.events += events as u64;
    }

    /// So much was done outside of a frame: it counts to the next one.
    pub fn spend(&mut self, ms: f64) {
        self.spent += ms;
    }

    /// Nobody looks: what was done outside of a frame is for none.
    pub fn unseen(&mut self) {
        self.spent = 0.0;
    }

    /// The work for a frame was so long, beside what was done before it.
    pub fn worked(&mut self, ms: f64) {
        self.work.add(ms + std::mem::take(&mut self.spent));
    }

    /// A second is over.
    pub fn second(&mut self, now: f64) {
        let over = std::mem::take(&mut self.second);
        self.total = self.total.and(over);
        let long = if self.now > 0.0 { (now - self.now).max(1.0) } else { 1_000.0 };
        push_newest(&mut self.seconds, (over, long), SECONDS);
        self.now = now;
        self.delay.sum_up();
        self.work.sum_up();
    }

    /// Means over the last seconds: events, messages, bytes and frames a second. None before the first.
    pub fn per_second(&self) -> Option<[f64; 4]> {
        let long = self.seconds.iter().map(|(_, long)| long).sum::<f64>() / 1_000.0;
        let sum = self.seconds.iter().fold(Traffic::default(), |sum, (second, _)| sum.and(*second));
        let mean = |sum: u64| sum as f64 / long;
        (long > 0.0).then(|| [mean(sum.events), mean(sum.messages), mean(sum.bytes), mean(sum.frames)])
    }

    /// The connection is lost.
    pub fn lose(&mut self, at: f64, cause: &str) {
        self.losses += 1;
        push_newest(&mut self.lost, Loss { at, cause: cause.to_owned(), back: None, went: None }, LOSSES);
    }

    /// Events arrive again, and this is how it went.
    pub fn come_back(&mut self, now: f64, went: Option<Return>) {
        if let Some(last) = self.lost.back_mut() {
            last.back.get_or_insert(now);
            last.went = went;
        }
    }
}

impl Traffic {
    fn and(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            messages: self.messages + other.messages,
            bytes: self.bytes + other.bytes,
            frames: self.frames + other.frames,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest() {
        let mut meter = Meter::default();
        assert_eq!((meter.delays(), meter.delay.newest()), (None, None));
        for n in 0..10_001 {
            meter.add(f64::from(n));
            assert_eq!(meter.delay.newest(), Some(f64::from(n)));
        }
        meter.second(1_000.0);
        let delays = meter.delays().unwrap();
        assert_eq!((delays.samples, delays.p50, delays.p99, delays.max), (2_000, 9_001.0, 9_981.0, 10_000.0));
    }

    #[test]
    fn samples_fall_into_buckets() {
        let mut samples = Samples::default();
        for ms in [-3.0, 1.0, 1.1, 8.0, 49.0, 6_000.0] {
            samples.add(ms);
        }
        samples.sum_up();
        assert_eq!(samples.buckets(), &[2, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn delays_by_another_clock_are_not_told() {
        let mut samples = Samples::default();
        (0..100).for_each(|n| samples.add(if n < 4 { -900.0 } else { 30.0 }));
        samples.sum_up();
        assert_eq!(samples.short().map(|it| (it.p50, it.samples)), Some((30.0, 100)), "one sender's clock is off");
        (0..10).for_each(|_| samples.add(-900.0));
        samples.sum_up();
        assert_eq!((samples.short(), samples.buckets().iter().sum::<u64>()), (None, 0));
    }

    #[test]
    fn rates_are_means_over_the_last_seconds() {
        let mut meter = Meter::default();
        assert_eq!(meter.per_second(), None);
        for second in 0..20 {
            meter.message(0.0, 1, 500);
            meter.frame(second);
            meter.second((second + 1) as f64 * 1_000.0);
        }
        assert_eq!(meter.per_second(), Some([14.5, 1.0, 500.0, 1.0]));
        assert_eq!(meter.total, Traffic { events: 190, messages: 20, bytes: 10_000, frames: 20 });
    }

    #[test]
    fn what_is_done_between_frames_counts_to_the_next() {
        let mut meter = Meter::default();
        meter.spend(2.0);
        meter.spend(1.0);
        meter.worked(4.0);
        meter.worked(4.0);
        meter.spend(9.0);
        meter.unseen();
        meter.worked(4.0);
        assert_eq!(meter.work.kept, [7.0, 4.0, 4.0]);
        assert_eq!(meter.work.newest(), Some(4.0));
    }

    #[test]
    fn a_second_that_took_a_minute_counts_as_one() {
        let mut meter = Meter::default();
        for second in [1_000.0, 2_000.0, 62_000.0] {
            meter.frame(62);
            meter.second(second);
        }
        assert_eq!(meter.per_second().map(|it| it[0]), Some(3.0));
    }

    #[test]
    fn a_loss_is_told_with_its_return() {
        let mut meter = Meter::default();
        meter.come_back(5.0, None);
        meter.lose(10.0, "gone");
        let went = Return { caught_up: 7, lost: 0, other_log: false };
        meter.come_back(12.0, Some(went));
        meter.come_back(13.0, Some(Return { lost: 3, ..went }));
        let loss = meter.lost.back().unwrap();
        assert_eq!((loss.back, loss.went.unwrap().lost, meter.losses), (Some(12.0), 3, 1));
        (0..100).for_each(|at| meter.lose(f64::from(at), "again"));
        assert_eq!((meter.lost.len(), meter.losses), (LOSSES, 101));
    }
}
