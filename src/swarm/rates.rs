//! How much happened when: counts by the second over the last two minutes.

use std::collections::VecDeque;

use crate::event::message::MessageEvent;
use crate::event::table::record;
use crate::event::{Body, Event, Timestamp};

/// How many seconds are counted one by one.
pub const SECONDS: i64 = 120;
/// Over how many seconds a rate is a mean.
pub const MEAN_SECONDS: i64 = 10;

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
    }
}

record! {
    /// The counts, oldest second first; seconds without events have none.
    #[derive(Default)]
    pub struct Rates {
        /// The seconds.
        seconds: VecDeque<Second>,
    }
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

impl Rates {
    pub(super) fn fold(&mut self, event: &Event) {
        let at = event.when().0.div_euclid(1_000);
        let newest = self.seconds.back().map_or(at, |second| second.at);
        if at <= newest - SECONDS {
            return;
        }
        // Senders' clocks differ: an event may belong to a second that is not the newest.
        let place = self.seconds.partition_point(|second| second.at < at);
        if self.seconds.get(place).is_none_or(|second| second.at != at) {
            self.seconds.insert(place, Second { at, events: 0, messages: 0, memory: 0, failures: 0 });
        }
        let second = &mut self.seconds[place];
        second.events += 1;
        second.messages += u64::from(matches!(event.body, Body::Message(MessageEvent::Sent(_))));
        second.memory += u64::from(matches!(event.body, Body::Memory(_)));
        second.failures += u64::from(event.kind().ends_with(".failed"));
        let keep_from = self.seconds.back().map_or(at, |second| second.at) - SECONDS;
        while self.seconds.front().is_some_and(|second| second.at <= keep_from) {
            self.seconds.pop_front();
        }
    }

    /// Means over the `window` whole seconds before `now`'s second.
    pub fn per_second(&self, now: Timestamp, window: i64) -> PerSecond {
        let now = now.0.div_euclid(1_000);
        let mut sum = PerSecond::default();
        for second in self.seconds.iter().filter(|second| second.at < now && second.at >= now - window) {
            sum.events += second.events as f64;
            sum.messages += second.messages as f64;
            sum.memory += second.memory as f64;
            sum.failures += second.failures as f64;
        }
        let window = window as f64;
        PerSecond {
            events: sum.events / window,
            messages: sum.messages / window,
            memory: sum.memory / window,
            failures: sum.failures / window,
        }
    }

    /// One value for each of the `window` seconds before `now`'s, oldest first.
    pub fn series(&self, now: Timestamp, window: i64, value: impl Fn(&Second) -> u64) -> Vec<u64> {
        let now = now.0.div_euclid(1_000);
        let mut series = vec![0; usize::try_from(window).unwrap_or(0)];
        for second in &self.seconds {
            if let Some(slot) = usize::try_from(second.at - (now - window)).ok().and_then(|place| series.get_mut(place)) {
                *slot += value(second);
            }
        }
        series
    }
}
