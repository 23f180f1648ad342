//! Calm: what is summed up or sorted over many things is made anew a few times a second at most,
//! however much happens.
//!
//! Where it costs a frame much, it is once a second. What one row says of one thing follows each frame
//! all the same.

use std::cell::Cell;
use std::time::Duration;

use leptos::prelude::*;

use crate::app::html::effect;
use crate::client::{Live, in_frame, precise};
use crate::swarm::Touched;

/// The least time between two turns.
const REST: Duration = Duration::from_millis(250);
/// The longest that a turn's own work makes it, in milliseconds.
const LONGEST: f64 = 1_000.0;
/// A turn rests so many times as long as its frame worked: so it is one frame of many.
const OF_MANY: f64 = 60.0;
/// How much longer than the rest a turn waits for a frame that takes it.
const GRACE: Duration = Duration::from_millis(60);
/// The least time between turns of different counts, in milliseconds: two never fall on one frame.
const APART: f64 = 8.0;

thread_local! {
    /// When any turn was taken last.
    static TAKEN: Cell<f64> = const { Cell::new(f64::MIN) };
}

/// When the last turn was taken, and what waits for the next one.
#[derive(Debug, Clone, Copy)]
struct Rest {
    /// How long it is at least, in milliseconds.
    least: f64,
    /// How long it is, by what the last turn cost.
    long: f64,
    /// Whether that is not known yet.
    new: bool,
    last: f64,
    asked: bool,
    timed: bool,
}

/// How long what took a frame so much work rests at least, in milliseconds.
fn rest(work: Option<f64>) -> f64 {
    (work.unwrap_or(0.0) * OF_MANY).min(LONGEST)
}

/// How long what the newest frame did rests, in milliseconds.
pub fn rest_of_newest(live: Live) -> f64 {
    rest(live.last_work()).max(REST.as_millis() as f64)
}

impl Rest {
    fn new(least: Duration) -> Self {
        let least = least.as_millis() as f64;
        Self { least, long: least, new: false, last: f64::MIN, asked: false, timed: false }
    }

    /// The frame of the last turn worked so long.
    fn weigh(&mut self, work: Option<f64>) {
        if std::mem::take(&mut self.new) {
            self.long = rest(work).max(self.least);
        }
    }

    /// How long until the next turn may be taken, in milliseconds.
    fn left(&self, now: f64) -> f64 {
        (self.last + self.long - now).max(0.0)
    }

    /// Whether a frame at this time takes a turn, where any was taken last at `taken`.
    fn is_over(&self, now: f64, taken: f64) -> bool {
        self.left(now) <= 0.0 && now - taken >= APART
    }
}

/// Counts turns, one for each rest in which these parts of the state changed.
///
/// The first goes with the frame in which they do. Between now, instants of the past and the demo one
/// goes at once: none is shown for another.
pub fn paced(live: Live, parts: Touched) -> RwSignal<u64> {
    paced_every(live, parts, REST)
}

/// The same with a rest of its own: for what costs much and changes slowly.
pub fn paced_every(live: Live, parts: Touched, rest: Duration) -> RwSignal<u64> {
    let (turn, rest) = (RwSignal::new(0), StoredValue::new(Rest::new(rest)));
    let mut before = None;
    effect(move || {
        // Which world is on show: what is now, an instant of the past, the demo.
        let world = (live.past().is_some(), live.leaps(), live.demo().is_some());
        live.read(parts, |_| ());
        let Some(former) = before.replace(world) else { return };
        let now = precise();
        // The newest frame is that of the turn, where it was taken just before this one.
        rest.update_value(|rest| rest.weigh(live.last_work()));
        let is_over = rest.with_value(|rest| rest.is_over(now, TAKEN.get()));
        if is_over || former != world {
            take(turn, rest, now);
        } else {
            rest.update_value(|rest| rest.asked = true);
            wait(live, turn, rest, now);
        }
    });
    turn
}

/// The time in steps of some seconds: for what costs much and only grows stale by it.
pub fn slow_clock(live: Live) -> Memo<u64> {
    Memo::new(move |_| live.known().0 as u64 / 10_000)
}

/// Takes a turn. It is taken in the frame that shows the change: its work is this frame's.
fn take(turn: RwSignal<u64>, rest: StoredValue<Rest>, now: f64) {
    TAKEN.set(now);
    rest.try_update_value(|rest| (rest.last, rest.new, rest.asked) = (now, true, false));
    // The page may be gone by now.
    let _gone = turn.try_update(|count| *count += 1);
}

/// Has the turn that was asked for taken after the rest, should no frame take it before.
fn wait(live: Live, turn: RwSignal<u64>, rest: StoredValue<Rest>, now: f64) {
    let begun = rest.try_update_value(|rest| (!std::mem::replace(&mut rest.timed, true)).then(|| rest.left(now)));
    let Some(Some(left)) = begun else { return };
    let over = move || {
        let now = precise();
        rest.try_update_value(|rest| rest.timed = false);
        match rest.try_get_value() {
            Some(Rest { asked: true, last, long, .. }) if now - last >= long => take(turn, rest, now),
            Some(Rest { asked: true, .. }) => wait(live, turn, rest, now),
            _ => {}
        }
    };
    // The turn is a frame's work here too.
    set_timeout(move || in_frame(live, Box::new(over)), Duration::from_millis(left as u64) + GRACE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_taken_after_the_rest_and_never_with_another() {
        let rest = Rest { last: 1_000.0, ..Rest::new(REST) };
        assert_eq!((rest.left(1_100.0), rest.left(1_300.0)), (150.0, 0.0));
        assert!(!rest.is_over(1_249.0, 0.0));
        assert!(rest.is_over(1_250.0, 1_242.0));
        assert!(!rest.is_over(1_250.0, 1_243.0), "another was taken in this frame");
        let first = Rest { last: f64::MIN, ..rest };
        assert!(first.is_over(0.0, f64::MIN), "the first waits for nothing");
    }

    #[test]
    fn what_costs_a_frame_much_rests_longer() {
        let mut rest = Rest::new(REST);
        let mut after = |work: Option<f64>| {
            rest.new = true;
            rest.weigh(work);
            // What other frames cost is nothing to it.
            rest.weigh(Some(90.0));
            rest.long
        };
        assert_eq!([None, Some(1.0), Some(8.0), Some(400.0)].map(&mut after), [250.0, 250.0, 480.0, 1_000.0]);
        let slow = Rest::new(Duration::from_secs(3));
        assert_eq!(slow.long, 3_000.0);
    }
}
