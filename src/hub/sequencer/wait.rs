//! A thread that waits for a command, and not for ever.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, current, park_timeout};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::Receiver;

/// Wakes a thread that is parked.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The next of a queue; none where nothing comes within `time`, or nobody is left to send. It blocks
/// the thread, which must be none of the runtime's.
pub(super) fn recv_within<T>(queue: &mut Receiver<T>, time: Duration) -> Option<T> {
    let end = Instant::now() + time;
    let waker = Waker::from(Arc::new(Unpark(current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(next) = queue.poll_recv(&mut context) {
            return next;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_in_time_is_taken_at_once() {
        let (sender, mut queue) = tokio::sync::mpsc::channel(4);
        assert_eq!(recv_within(&mut queue, Duration::from_millis(1)), None);
        sender.try_send(1).unwrap();
        assert_eq!(recv_within(&mut queue, Duration::ZERO), Some(1));
        let waits = std::thread::spawn(move || recv_within(&mut queue, Duration::from_secs(600)));
        sender.try_send(2).unwrap();
        assert_eq!(waits.join().unwrap(), Some(2));
        let (sender, mut queue) = tokio::sync::mpsc::channel::<u8>(4);
        drop(sender);
        assert_eq!(recv_within(&mut queue, Duration::from_secs(600)), None);
    }
}
