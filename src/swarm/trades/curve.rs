//! What the paper account was worth over time, in a bounded number of stretches.
//!
//! Each stretch keeps the lowest and the highest worth in it, so that a spike outlasts the thinning:
//! when there are too many stretches, two and two become one.

use crate::event::Timestamp;
use crate::event::table::record;

/// How many stretches there are at most; an even number.
pub const MAX_STRETCHES: usize = 240;

record! {
    /// What the account was worth for a while.
    pub struct Stretch {
        /// When it began, by the clock of the trades.
        from: Timestamp,
        /// The lowest worth.
        low: f64,
        /// The highest.
        high: f64,
        /// The last.
        last: f64,
    }
}

record! {
    /// What the account was worth.
    #[derive(Default)]
    pub struct Curve {
        /// The stretches, oldest first.
        stretches: Vec<Stretch>,
        /// How many changes a stretch has, but for the last; 0 before the first.
        per: u64,
        /// How many the last has.
        in_last: u64,
    }
}

impl Curve {
    pub(super) fn add(&mut self, at: Timestamp, worth: f64) {
        self.per = self.per.max(1);
        match self.stretches.last_mut() {
            Some(last) if self.in_last < self.per => {
                (last.low, last.high, last.last) = (last.low.min(worth), last.high.max(worth), worth);
                self.in_last += 1;
            }
            _ => {
                if self.stretches.len() == MAX_STRETCHES {
                    self.halve();
                }
                self.stretches.push(Stretch { from: at, low: worth, high: worth, last: worth });
                self.in_last = 1;
            }
        }
    }

    /// Two and two stretches become one.
    fn halve(&mut self) {
        let joined = self.stretches.chunks(2).map(|pair| {
            let (first, second) = (&pair[0], &pair[pair.len() - 1]);
            Stretch { from: first.from, low: first.low.min(second.low), high: first.high.max(second.high), last: second.last }
        });
        self.stretches = joined.collect();
        self.per *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_keeps_the_spikes() {
        let mut curve = Curve::default();
        for n in 0..10_000 {
            let worth = if n == 777 { 99.0 } else { (n % 7) as f64 };
            curve.add(Timestamp(n), worth);
            assert!(curve.stretches.len() <= MAX_STRETCHES);
        }
        assert!(curve.stretches.len() > MAX_STRETCHES / 2);
        assert_eq!(curve.stretches.iter().map(|it| it.high).fold(0.0, f64::max), 99.0);
        assert_eq!(curve.stretches.iter().map(|it| it.low).fold(9.0, f64::min), 0.0);
        let rising = curve.stretches.windows(2).all(|pair| pair[0].from < pair[1].from);
        assert!(rising && curve.stretches.last().is_some_and(|it| it.last == f64::from(9_999 % 7)));
        let covered = (curve.stretches.len() as u64 - 1) * curve.per + curve.in_last;
        assert_eq!(covered, 10_000);
    }
}
