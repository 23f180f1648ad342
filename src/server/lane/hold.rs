//! Where a busy lane runs.
//!
//! A lane that writes without a pause and the processes that read what it writes want all processors
//! there are. Left to itself the system puts two of them on one processor now and then, and what waits
//! there waits for many milliseconds. A lane that is busy therefore keeps the processor it is on: it
//! stays where its sockets are warm, and everybody else has the others. One that has pauses goes
//! wherever there is room, which costs the least. ARCHITECTURE.md has the figures.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

/// How long a lane is watched before it is judged.
const WINDOW: Duration = Duration::from_millis(20);
/// From this share of its time at work on, in percent, a lane is busy.
const BUSY: u128 = 75;
/// Up to this share a busy lane is no longer so.
const CALM: u128 = 50;

/// The processors that lanes keep: one lane each.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Vec<usize>>>);

impl Kept {
    /// Keeps a processor for one lane; whether no other has it.
    fn keep(&self, processor: usize) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free = !kept.contains(&processor);
        if free {
            kept.push(processor);
        }
        free
    }

    fn give_back(&self, processor: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|it| *it != processor);
    }
}

/// A thread's hold on the processor it runs on. Belongs to the thread that made it.
#[derive(Debug)]
pub(super) struct Hold {
    kept: Kept,
    /// Where the thread may run when it holds none; `None` where the system does not let it choose,
    /// or there is no choice.
    anywhere: Option<CpuSet>,
    held: Option<usize>,
    /// Since when the thread has worked, or waited.
    since: Instant,
    worked: Duration,
    waited: Duration,
}

impl Hold {
    /// For the thread that calls.
    pub(super) fn new(kept: Kept) -> Self {
        let anywhere = sched_getaffinity(None).ok().filter(|set| set.count() > 1);
        Self { kept, anywhere, held: None, since: Instant::now(), worked: Duration::ZERO, waited: Duration::ZERO }
    }

    /// The thread begins to wait.
    pub(super) fn wait(&mut self) {
        let worked = self.lap();
        self.worked += worked;
    }

    /// The thread begins to work.
    pub(super) fn work(&mut self) {
        let waited = self.lap();
        self.waited += waited;
        if self.worked + self.waited < WINDOW {
            return;
        }
        self.judge();
        (self.worked, self.waited) = (Duration::ZERO, Duration::ZERO);
    }

    fn judge(&mut self) {
        let (worked, watched) = (self.worked.as_nanos(), (self.worked + self.waited).as_nanos());
        match self.held {
            None if worked * 100 >= watched * BUSY => self.hold(),
            Some(processor) if worked * 100 <= watched * CALM => self.let_go(processor),
            _ => {}
        }
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let lap = now - self.since;
        self.since = now;
        lap
    }

    fn hold(&mut self) {
        let processor = sched_getcpu();
        if self.anywhere.is_none() || processor >= CpuSet::MAX_CPU || !self.kept.keep(processor) {
            return;
        }
        let mut here = CpuSet::new();
        here.set(processor);
        if sched_setaffinity(None, &here).is_ok() {
            self.held = Some(processor);
        } else {
            self.kept.give_back(processor);
            self.anywhere = None;
        }
    }

    fn let_go(&mut self, processor: usize) {
        // Where it fails the processors of this process changed meanwhile: the system has put it right.
        let _changed = self.anywhere.map(|anywhere| sched_setaffinity(None, &anywhere));
        self.kept.give_back(processor);
        self.held = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs on a thread of its own, so that no other test is bound; not where there is one processor.
    fn aside(test: impl FnOnce(CpuSet) + Send + 'static) {
        let anywhere = sched_getaffinity(None).unwrap();
        if anywhere.count() > 1 {
            std::thread::spawn(move || test(anywhere)).join().unwrap();
        }
    }

    /// One window of which so many percent were work.
    fn window(hold: &mut Hold, percent: u32) {
        (hold.worked, hold.waited) = (WINDOW * percent / 100, WINDOW * (100 - percent) / 100);
        hold.judge();
    }

    #[test]
    fn a_busy_lane_keeps_its_processor_until_it_has_pauses() {
        aside(|anywhere| {
            let mut hold = Hold::new(Kept::default());
            window(&mut hold, 60);
            assert_eq!(hold.held, None);
            window(&mut hold, 90);
            let (processor, here) = (hold.held.unwrap(), sched_getaffinity(None).unwrap());
            assert!(here.count() == 1 && here.is_set(processor));
            window(&mut hold, 60);
            assert_eq!(hold.held, Some(processor));
            window(&mut hold, 10);
            assert_eq!(hold.held, None);
            assert_eq!(sched_getaffinity(None).unwrap(), anywhere);
        });
    }

    #[test]
    fn a_processor_is_kept_by_one_lane() {
        aside(|_| {
            let kept = Kept::default();
            let mut first = Hold::new(kept.clone());
            let mut second = Hold::new(kept);
            window(&mut first, 100);
            // The thread is bound now: the second is on the same processor.
            window(&mut second, 100);
            assert!(first.held.is_some() && second.held.is_none());
            window(&mut first, 0);
            window(&mut second, 100);
            assert!(first.held.is_none() && second.held.is_some());
        });
    }

    #[test]
    fn time_is_counted_as_work_or_as_waiting() {
        let (mut hold, long) = (Hold::new(Kept::default()), WINDOW * 100);
        hold.since = Instant::now() - long;
        hold.wait();
        assert!(hold.worked >= long && hold.waited.is_zero());
        // Half of each is not busy, and the next window begins.
        hold.since = Instant::now() - hold.worked;
        hold.work();
        assert!(hold.held.is_none() && hold.worked.is_zero() && hold.waited.is_zero());
    }
}
