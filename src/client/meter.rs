//! How long an event takes from where it happened to the screen, measured in the page.

use crate::swarm::bounds::order;

/// How many of the newest samples are kept.
const SAMPLES: usize = 2_000;

/// The newest delays, in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    samples: Vec<f64>,
    next: usize,
}

/// The delays in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delays {
    /// Half are no longer than this, in milliseconds.
    pub p50: f64,
    /// All but one in a hundred are no longer than this.
    pub p99: f64,
    /// How many were measured.
    pub samples: usize,
}

impl Meter {
    /// Adds a delay. A sender's clock may differ from this one's: less than nothing counts as none.
    pub fn add(&mut self, delay_ms: f64) {
        let delay = delay_ms.max(0.0);
        if self.samples.len() < SAMPLES {
            self.samples.push(delay);
        } else {
            self.samples[self.next] = delay;
            self.next = (self.next + 1) % SAMPLES;
        }
    }

    /// The delays in short; none before the first.
    pub fn delays(&self) -> Option<Delays> {
        if self.samples.is_empty() {
            return None;
        }
        let sorted = order(self.samples.iter().map(|delay| (delay * 1_000.0) as u64));
        let at = |share: f64| self.samples[sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)]];
        Some(Delays { p50: at(0.5), p99: at(0.99), samples: sorted.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_newest() {
        let mut meter = Meter::default();
        assert_eq!(meter.delays(), None);
        for n in 0..10_000 {
            meter.add(f64::from(n));
        }
        let delays = meter.delays().unwrap();
        assert_eq!((delays.samples, delays.p50, delays.p99), (2_000, 9_000.0, 9_980.0));
    }
}
