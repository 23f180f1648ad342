//! Latencies in buckets whose width is a share of their value: 1.6 % at most.

/// Buckets for each doubling.
const PARTS: usize = 64;
const PART_BITS: u32 = PARTS.trailing_zeros();

/// How often each latency, in nanoseconds, was seen.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; PARTS * (65 - PART_BITS as usize)], total: 0, max: 0 }
    }
}

fn bucket(value: u64) -> usize {
    if value < PARTS as u64 {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - PART_BITS;
    (shift as usize + 1) * PARTS + ((value >> shift) as usize - PARTS)
}

/// The largest value of a bucket.
fn top(bucket: usize) -> u64 {
    if bucket < PARTS {
        return bucket as u64;
    }
    let shift = bucket / PARTS - 1;
    (((bucket % PARTS + PARTS + 1) as u128) << shift).saturating_sub(1).min(u128::from(u64::MAX)) as u64
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    /// Counts what another one has counted too.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The latency that this share of all did not exceed, in milliseconds; 0 where none was counted.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let rank = (share * self.total as f64).ceil() as u64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && seen > 0 {
                return top(bucket).min(self.max) as f64 / 1e6;
            }
        }
        0.0
    }

    /// The largest latency, in milliseconds.
    pub fn max_ms(&self) -> f64 {
        self.max as f64 / 1e6
    }

    /// How many were over this many milliseconds.
    pub fn over_ms(&self, limit: f64) -> u64 {
        let first = bucket((limit * 1e6) as u64) + 1;
        self.counts[first..].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket_of_the_truth() {
        let mut histogram = Histogram::default();
        for value in 1..=100_000 {
            histogram.record(value * 1_000);
        }
        for (share, truth) in [(0.5, 50.0), (0.99, 99.0), (0.999, 99.9), (1.0, 100.0)] {
            let found = histogram.quantile_ms(share);
            assert!((found / truth - 1.0).abs() < 0.017, "{share}: {found}");
        }
        assert_eq!(histogram.over_ms(101.0), 0);
        assert!((4_900..5_100).contains(&(100_000 - histogram.over_ms(5.0))));
    }

    #[test]
    fn every_value_has_a_bucket_that_holds_it() {
        for value in [0, 63, 64, 127, 128, 1 << 20, u64::MAX / 2, u64::MAX] {
            assert!(top(bucket(value)) >= value, "{value}");
        }
    }
}
