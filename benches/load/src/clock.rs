//! One clock for all processes: nanoseconds since the machine started.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A second in this clock's unit.
pub const SECOND: u64 = 1_000_000_000;

/// Now, in nanoseconds. The clock is the system's monotonic one, the same in every process.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.cast_unsigned() * SECOND + time.tv_nsec.cast_unsigned()
}

/// Sleeps until a time of this clock; at once where it has passed.
pub fn sleep_until(time: u64) {
    let now = now();
    if time > now {
        std::thread::sleep(Duration::from_nanos(time - now));
    }
}

/// Seconds between two times.
pub fn seconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / SECOND as f64
}
