//! The bus's promises, with a real log on disk.

use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{Receiver, channel};

use super::*;
use crate::event::control::GapReason;
use crate::event::{Cursor, Draft};
use crate::hub::tests::{draft, small};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn open() -> (TempDir, Hub) {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    (folder, hub)
}

fn drafts(range: std::ops::RangeInclusive<u64>) -> Vec<Draft> {
    range.map(draft).collect()
}

async fn heard<T>(from: &mut Receiver<T>, many: usize) -> Vec<T> {
    let mut all = Vec::new();
    while all.len() < many {
        all.push(tokio::time::timeout(PATIENCE, from.recv()).await.unwrap().unwrap());
    }
    all
}

/// Waits until something holds.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_hears_what_it_asked_for_in_order() {
    let (_folder, hub) = open();
    let (all, mut all_heard) = channel(1);
    let (odd, mut odd_heard) = channel(1);
    let (under, mut under_heard) = channel(1);
    let listeners = [
        hub.listen(Listening::everything(), move |event| all.blocking_send(event.seq)),
        hub.listen_async(Listening::to("thing.odd").unwrap(), move |event| {
            let odd = odd.clone();
            async move { odd.send(event.seq).await }
        }),
        hub.listen(Listening::to("thing.*").unwrap(), move |event| under.blocking_send(event.seq)),
        hub.listen(Listening::to("other.*").unwrap(), |event| panic_at(event, 0)),
    ];
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let hub = hub.clone();
            tokio::spawn(async move {
                for n in 0..25 {
                    hub.append(vec![draft(2 * n), draft(2 * n + 1)]).await.unwrap();
                }
            })
        })
        .collect();
    assert_eq!(heard(&mut all_heard, 200).await, (1..=200).collect::<Vec<_>>());
    assert_eq!(heard(&mut under_heard, 200).await, (1..=200).collect::<Vec<_>>());
    assert_eq!(heard(&mut odd_heard, 100).await, (1..=100).map(|n| 2 * n).collect::<Vec<_>>());
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(listeners.iter().map(Listener::faults).sum::<u64>(), 0);
    hub.close().await;
}

/// Panics from this event on, every second time.
fn panic_at(event: &Event, first: u64) {
    assert!(event.seq < first || event.seq.is_multiple_of(2), "made to panic at {}", event.seq);
}

#[tokio::test]
async fn who_panics_or_fails_disturbs_neither_others_nor_itself() {
    let (_folder, hub) = open();
    let (say, mut said) = channel(100);
    let note = |name: &'static str| {
        let say = say.clone();
        move |event: &Event| say.try_send((name, event.seq)).unwrap()
    };
    let (a, b, c, d, e) = (note("panics"), note("panics later"), note("panics at once"), note("fails"), note("is well"));
    let listeners = [
        hub.listen(Listening::everything(), move |event| {
            a(event);
            panic_at(event, 1);
        }),
        hub.listen_async(Listening::everything(), move |event| {
            b(&event);
            async move {
                tokio::task::yield_now().await;
                panic_at(&event, 1);
            }
        }),
        hub.listen_async(Listening::everything(), move |event| {
            c(&event);
            panic_at(&event, 1);
            async {}
        }),
        hub.listen(Listening::everything(), move |event| {
            d(event);
            if event.seq.is_multiple_of(2) { Ok(()) } else { Err("made to fail") }
        }),
        hub.listen(Listening::everything(), e),
    ];
    hub.append(drafts(1..=10)).await.unwrap();
    hub.append(drafts(11..=20)).await.unwrap();
    let all = heard(&mut said, 100).await;
    for name in ["panics", "panics later", "panics at once", "fails", "is well"] {
        let its: Vec<u64> = all.iter().filter(|(who, _)| *who == name).map(|(_, seq)| *seq).collect();
        assert_eq!(its, (1..=20).collect::<Vec<_>>(), "{name}");
    }
    until("every fault is counted", || listeners.iter().map(Listener::faults).eq([10, 10, 10, 10, 0])).await;
    hub.close().await;
}

#[tokio::test]
async fn after_the_end_no_call_begins() {
    let (_folder, hub) = open();
    let calls = Arc::new(AtomicUsize::new(0));
    let (begun, mut has_begun) = channel(1);
    let (go, wait) = sync_channel::<()>(0);
    let count = Arc::clone(&calls);
    let listener = hub.listen(Listening::everything(), move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        begun.blocking_send(()).unwrap();
        wait.recv().unwrap();
    });
    hub.append(drafts(1..=50)).await.unwrap();
    heard(&mut has_begun, 1).await;
    // In the midst of fifty: the call that has begun ends, and it was the last.
    listener.unsubscribe();
    go.send(()).unwrap();
    until("the subscription ends", || hub.subscriptions() == 0).await;
    hub.append(drafts(51..=60)).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(has_begun.recv().await.is_none(), "the callback is dropped");
    hub.close().await;
}

#[tokio::test]
async fn who_finishes_waits_for_the_call_under_way() {
    let (_folder, hub) = open();
    let (begun, mut has_begun) = channel(1);
    let gate = Arc::new(Semaphore::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
    let (held, count) = (Arc::clone(&gate), Arc::clone(&ended));
    let listener = hub.listen_async(Listening::everything(), move |_| {
        let (begun, held, count) = (begun.clone(), Arc::clone(&held), Arc::clone(&count));
        async move {
            begun.send(()).await.unwrap();
            held.acquire().await.unwrap().forget();
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    hub.append(drafts(1..=5)).await.unwrap();
    heard(&mut has_begun, 1).await;
    let mut finishing = std::pin::pin!(listener.finish());
    tokio::select! {
        biased;
        () = &mut finishing => panic!("a call is under way"),
        () = tokio::task::yield_now() => {}
    }
    gate.add_permits(5);
    tokio::time::timeout(PATIENCE, finishing).await.unwrap();
    assert_eq!((ended.load(Ordering::SeqCst), hub.subscriptions()), (1, 0));
    hub.close().await;
}

#[tokio::test]
async fn two_hundred_come_and_go_and_leave_nothing() {
    let (_folder, hub) = open();
    let stays = hub.subscribe(Start::Now, Filter::everything(), Lag::Log);
    for n in 0..200 {
        let listener = match n % 2 {
            0 => hub.listen(Listening::to("thing.*").unwrap(), |_| ()),
            _ => hub.listen_async(Listening::everything(), |_| async {}),
        };
        hub.append(vec![draft(n)]).await.unwrap();
        match n % 3 {
            0 => listener.unsubscribe(),
            1 => drop(listener),
            _ => listener.finish().await,
        }
    }
    until("only the other subscription is left", || hub.subscriptions() == 1).await;
    drop(stays);
    assert_eq!(hub.subscriptions(), 0);
    hub.close().await;
}

#[tokio::test]
async fn who_is_slow_loses_nothing_and_holds_up_nobody() {
    let (_folder, hub) = open();
    let (go, wait) = sync_channel::<()>(1);
    let (slow, mut slow_heard) = channel(2_000);
    let (fast, mut fast_heard) = channel(2_000);
    let _slow = hub.listen(Listening::everything(), move |event| {
        if event.seq == 1 {
            wait.recv().unwrap();
        }
        slow.try_send(event.seq)
    });
    let _fast = hub.listen(Listening::everything(), move |event| fast.try_send(event.seq));
    for n in 0..50 {
        hub.append(drafts(n * 20 + 1..=n * 20 + 20)).await.unwrap();
    }
    assert_eq!(heard(&mut fast_heard, 1_000).await, (1..=1_000).collect::<Vec<_>>());
    assert!(slow_heard.try_recv().is_err());
    go.send(()).unwrap();
    assert_eq!(heard(&mut slow_heard, 1_000).await, (1..=1_000).collect::<Vec<_>>());
    assert!(hub.counters().log_reads.load(Ordering::Relaxed) > 0, "the ring holds 64");
    hub.close().await;
}

#[tokio::test]
async fn who_wants_only_now_is_told_what_passed_by() {
    let (_folder, hub) = open();
    hub.append(drafts(1..=500)).await.unwrap();
    let (say, mut said) = channel(100);
    let gaps = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&gaps);
    let what = Listening::everything().starting(Start::After(Cursor::Beginning)).lagging(Lag::DropOldest(10));
    let what = what.on_gap(move |gap| {
        told.lock().unwrap().push(gap);
        panic!("made to panic at a gap");
    });
    let listener = hub.listen(what, move |event| say.try_send(event.seq));
    assert_eq!(heard(&mut said, 10).await, (491..=500).collect::<Vec<_>>());
    assert_eq!(*gaps.lock().unwrap(), [Gap { from: 1, to: 490, reason: GapReason::Overflow }]);
    assert_eq!(listener.faults(), 1);
    hub.close().await;
}

#[tokio::test]
async fn a_plain_thread_emits_and_may_listen_with_a_runtime_at_hand() {
    let (_folder, hub) = open();
    let (say, mut said) = channel(100);
    let runtime = tokio::runtime::Handle::current();
    let emitter = hub.clone();
    let thread = std::thread::spawn(move || {
        let listener = {
            let _entered = runtime.enter();
            emitter.listen(Listening::everything(), move |event| say.try_send(event.seq))
        };
        (listener, (0..50).filter(|n| emitter.emit(draft(*n))).count())
    });
    let (_listener, taken) = thread.join().unwrap();
    assert_eq!(heard(&mut said, taken).await, (1..=taken as u64).collect::<Vec<_>>());
    hub.close().await;
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_read() {
    let (_folder, hub) = open();
    hub.append(drafts(1..=5)).await.unwrap();
    let batch = hub.shared.ring.after(0).unwrap();
    assert!(!batch.has_values());
    let _listener = hub.listen(Listening::everything(), |_| ());
    hub.append(drafts(6..=10)).await.unwrap();
    let batch = hub.shared.ring.after(5).unwrap();
    until("a listener has them in hand", || batch.has_values()).await;
    // Who comes while another has them in hand finds the same values.
    let (one, other) = (batch.values(), batch.values());
    assert!(Arc::ptr_eq(&batch.value(2, &one).unwrap(), &batch.value(2, &other).unwrap()));
    drop((one, other));
    hub.append(drafts(11..=15)).await.unwrap();
    until("the ring keeps none", || !batch.has_values()).await;
    hub.close().await;
}
