//! Every order in which a writer and its readers can come to the ring, the log and the wake-up.
//!
//! [loom] runs a test again and again and switches threads at its own atomics, until it has tried
//! every order. The hub's code stays on the ordinary locks: each of its steps that others can see
//! is one look under a lock, so that only the order of whole steps matters. Between them stands
//! [`point`], which touches an atomic of loom's, and does nothing where no such test runs. The
//! wake-up itself, tokio's `watch`, is taken as one step each way: whom it wakes goes on when that
//! step is done. A reader that sleeps while nobody is left to wake it fails the test.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread::{self, Thread};
use tokio::sync::{mpsc, watch};

use super::batch::Batch;
use super::engine::{Kept, LogError, LogReader, Look, Page, Read, Remains, Stored, Window};
use super::filters::Filters;
use super::ring::Ring;
use super::snapshots::Snapshots;
use super::state::Published;
use super::subscription::{Delivery, Lag, Start, Subscription};
use super::{Counters, Shared};
use crate::event::timeline::{Mark, MarkKind, Timeline};
use crate::event::{Cursor, Epoch, Filter, Timestamp};
use crate::swarm::SwarmState;

const EPOCH: Epoch = Epoch(1);

thread_local! {
    /// What threads touch when they may be switched. All threads of a test are one of the system's.
    static TOUCHED: RefCell<Option<Arc<AtomicUsize>>> = const { RefCell::new(None) };
    /// Who was woken and is not told yet.
    static WOKEN: RefCell<Vec<Thread>> = const { RefCell::new(Vec::new()) };
}

/// Where another thread may come between.
pub(super) fn point() {
    let touched = TOUCHED.with(|touched| touched.borrow().clone());
    if let Some(touched) = touched {
        touched.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether a test of orders runs: there is no runtime then, and nothing may block.
pub(super) fn are_tried() -> bool {
    TOUCHED.with(|touched| touched.borrow().is_some())
}

struct Sleeper(Thread);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        // To tell it is a step of its own, which must not come in the middle of the waker's.
        WOKEN.with_borrow_mut(|woken| woken.push(self.0.clone()));
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Sleeper(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

/// Tries every order of what `test` does with a world of its own. `switches` bounds how often a
/// thread is stopped where it could go on; `None` is no bound.
fn every_order(ring_events: usize, switches: Option<usize>, test: impl Fn(World) + Send + Sync + 'static) {
    let folder = tempfile::tempdir().unwrap();
    let snapshots = Arc::new(Snapshots::open(folder.path().to_owned(), EPOCH).unwrap());
    let mut model = loom::model::Builder::new();
    model.preemption_bound = switches;
    model.max_branches = 10_000;
    let orders = Arc::<std::sync::atomic::AtomicUsize>::default();
    let tried = Arc::clone(&orders);
    model.check(move || {
        tried.fetch_add(1, Ordering::Relaxed);
        TOUCHED.set(Some(Arc::new(AtomicUsize::new(0))));
        test(World::new(ring_events, Arc::clone(&snapshots)));
        TOUCHED.set(None);
    });
    let orders = orders.load(Ordering::Relaxed);
    println!("{orders} orders");
    assert!(orders > 10, "{orders} orders: nothing comes between");
}

/// A log in memory.
#[derive(Debug, Default)]
struct Log(Mutex<Vec<Stored>>);

impl Log {
    fn look<T>(&self, look: impl FnOnce(&mut Vec<Stored>) -> T) -> T {
        point();
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LogReader for Log {
    fn first(&self) -> Option<u64> {
        self.look(|events| events.first().map(|event| event.seq))
    }

    fn read(&self, read: &Read) -> Result<Page, LogError> {
        let wanted = |event: &&Stored| event.seq > read.after && event.seq < read.before && read.filter.matches(event.subject());
        let events: Vec<Stored> = self.look(|events| events.iter().filter(wanted).cloned().collect());
        assert!(events.len() <= read.limit);
        let reached = events.last().map_or(read.after, |event| event.seq);
        Ok(Page { events, reached, exhausted: true })
    }

    fn keys(&self, _: u64) -> Result<Vec<(u64, String, String)>, LogError> {
        Ok(Vec::new())
    }

    fn place_before(&self, _: Timestamp) -> Result<u64, LogError> {
        Ok(0)
    }

    fn kept(&self, _: &mut dyn FnMut(Kept) -> bool) -> Result<Remains, LogError> {
        unreachable!("a subscription does not read the memory")
    }

    fn instant(&self, _: u64) -> Result<Option<Timestamp>, LogError> {
        Ok(None)
    }

    fn mark(&self, _: MarkKind, _: Look) -> Result<Option<Mark>, LogError> {
        Ok(None)
    }

    fn timeline(&self, _: &Window) -> Result<Timeline, LogError> {
        unreachable!("a subscription looks at nothing from afar")
    }
}

/// What a writer and its readers share.
#[derive(Clone)]
struct World {
    shared: Arc<Shared>,
    log: Arc<Log>,
}

impl World {
    fn new(ring_events: usize, snapshots: Arc<Snapshots>) -> Self {
        let (log, counters) = (Arc::<Log>::default(), Arc::<Counters>::default());
        let shared = Shared {
            epoch: EPOCH,
            commands: mpsc::channel(1).0,
            head: watch::channel(0).0,
            ring: Ring::new(ring_events, usize::MAX),
            filters: Filters::new(Arc::clone(&counters)),
            log: Arc::clone(&log) as Arc<dyn LogReader>,
            state: Published::new(SwarmState::default()),
            snapshots,
            recent: super::history::Recent::default(),
            counters,
            trouble: Mutex::new(None),
        };
        Self { shared: Arc::new(shared), log }
    }

    /// Commits and publishes a batch up to and with `last`, as the sequencer does.
    fn write(&self, last: u64) {
        let first = *self.shared.head.borrow() + 1;
        let stored: Vec<Stored> = (first..=last).map(stored).collect();
        self.log.look(|events| events.extend(stored.iter().cloned()));
        point();
        self.shared.ring.push(Batch::new(EPOCH, stored));
        point();
        self.shared.head.send_replace(last);
        WOKEN.take().iter().for_each(Thread::unpark);
    }

    /// Takes the oldest events away.
    fn trim(&self, up_to: u64) {
        self.log.look(|events| events.retain(|event| event.seq > up_to));
    }

    fn subscribe(&self, start: Start, types: &str, lag: Lag) -> Subscription {
        let mut filter = Filter::everything();
        if !types.is_empty() {
            filter.add("types", types).unwrap();
        }
        Subscription::new(Arc::clone(&self.shared), start, filter, lag)
    }
}

/// Odd ones are of one type, even ones of another.
fn stored(seq: u64) -> Stored {
    let kind = if seq % 2 == 1 { "odd.one" } else { "even.one" };
    Stored { seq, kind: kind.into(), source: "test".into(), entity: None, key: None, json: format!("{{\"seq\":{seq}}}") }
}

/// Follows a subscription until it has come to `last`: what was delivered, and what was said to be
/// gone. Both are in order and leave nothing out between them.
fn follow(subscription: &mut Subscription, last: u64, mut next: impl FnMut(&mut Subscription) -> Delivery) -> (Vec<u64>, u64) {
    let mut at = subscription.position();
    let (mut delivered, mut gone) = (Vec::new(), 0);
    if let Some(gap) = subscription.take_gap() {
        assert_eq!(gap.to, at);
        gone += gap.to - gap.from + 1;
    }
    while at < last {
        match next(subscription) {
            Delivery::Run(batch, run) => {
                for index in run {
                    assert_eq!(batch.seq(index), at + 1, "in order, each once");
                    at += 1;
                    delivered.push(at);
                }
            }
            Delivery::Gap(gap) => {
                assert_eq!(gap.from, at + 1, "the gap begins where the events end");
                assert!(gap.to >= gap.from);
                gone += gap.to - gap.from + 1;
                at = gap.to;
            }
            Delivery::Picked(_) => unreachable!("no filter is set"),
        }
        assert_eq!(subscription.position(), at);
    }
    (delivered, gone)
}

fn wait(subscription: &mut Subscription) -> Delivery {
    block_on(subscription.next()).unwrap()
}

const BEGINNING: Start = Start::After(Cursor::Beginning);

/// The ring keeps one event, and a reader that comes late reads the log.
#[test]
fn a_reader_gets_each_event_once_from_ring_or_log() {
    every_order(1, None, |world| {
        let writer = world.clone();
        let writer = thread::spawn(move || (1..=2).for_each(|seq| writer.write(seq)));
        let mut reader = world.subscribe(BEGINNING, "", Lag::Log);
        assert_eq!(follow(&mut reader, 2, wait), (vec![1, 2], 0));
        writer.join().unwrap();
    });
}

/// The same with more events, batches of several, and more room.
#[test]
fn batches_of_several_events() {
    every_order(3, None, |world| {
        let writer = world.clone();
        let writer = thread::spawn(move || [2, 3, 6].into_iter().for_each(|last| writer.write(last)));
        let mut reader = world.subscribe(BEGINNING, "", Lag::Log);
        assert_eq!(follow(&mut reader, 6, wait), (vec![1, 2, 3, 4, 5, 6], 0));
        writer.join().unwrap();
    });
}

/// Who begins now begins somewhere, and gets everything from there on.
#[test]
fn a_reader_that_begins_now_misses_nothing_after() {
    every_order(1, None, |world| {
        let writer = world.clone();
        let writer = thread::spawn(move || (1..=3).for_each(|seq| writer.write(seq)));
        let mut reader = world.subscribe(Start::Now, "", Lag::Log);
        let began = reader.position();
        assert_eq!(follow(&mut reader, 3, wait).0, (began + 1..=3).collect::<Vec<_>>());
        writer.join().unwrap();
    });
}

/// `next` is one arm of a select: it is given up whenever another arm is first.
#[test]
fn a_wait_that_is_given_up_loses_nothing() {
    let impatient = |subscription: &mut Subscription| {
        let first = block_on(poll_fn(|context| {
            let next = pin!(subscription.next());
            Poll::Ready(match next.poll(context) {
                Poll::Ready(delivery) => Some(delivery.unwrap()),
                Poll::Pending => None,
            })
        }));
        first.unwrap_or_else(|| wait(subscription))
    };
    every_order(1, None, move |world| {
        let writer = world.clone();
        let writer = thread::spawn(move || (1..=2).for_each(|seq| writer.write(seq)));
        let mut reader = world.subscribe(BEGINNING, "", Lag::Log);
        assert_eq!(follow(&mut reader, 2, impatient), (vec![1, 2], 0));
        writer.join().unwrap();
    });
}

/// Retention takes events away while a reader looks for them: it is told which.
#[test]
fn what_retention_takes_is_a_gap() {
    every_order(1, Some(4), |world| {
        let writer = world.clone();
        let writer = thread::spawn(move || {
            writer.write(1);
            writer.write(2);
            writer.trim(1);
            writer.write(3);
            writer.trim(3);
        });
        let mut reader = world.subscribe(Start::After(Cursor::After { epoch: EPOCH, seq: 0 }), "", Lag::Log);
        let (delivered, gone) = follow(&mut reader, 3, wait);
        assert_eq!(delivered.len() as u64 + gone, 3);
        writer.join().unwrap();
    });
}

/// Who wants only the newest gets the newest, and is told of the others.
#[test]
fn a_reader_of_the_newest_is_told_what_it_skips() {
    every_order(2, None, |world| {
        let writer = world.clone();
        let writer = thread::spawn(move || (1..=3).for_each(|seq| writer.write(seq)));
        let mut reader = world.subscribe(BEGINNING, "", Lag::DropOldest(1));
        let (delivered, gone) = follow(&mut reader, 3, wait);
        assert_eq!(delivered.len() as u64 + gone, 3);
        assert_eq!(delivered.last(), Some(&3), "the newest comes in any case");
        writer.join().unwrap();
    });
}

/// Under a filter each event carries the one delivered before it.
#[test]
fn a_filtered_reader_sees_that_nothing_is_missing() {
    every_order(1, None, |world| {
        let writer = world.clone();
        let writer = thread::spawn(move || [1, 3, 5].into_iter().for_each(|last| writer.write(last)));
        let mut reader = world.subscribe(BEGINNING, "odd.*", Lag::Log);
        let (mut delivered, mut before) = (Vec::new(), 0);
        while before < 5 {
            let Delivery::Picked(picked) = wait(&mut reader) else { unreachable!("nothing is gone") };
            for (index, prev) in picked.events() {
                assert_eq!(prev, before);
                before = picked.batch().seq(index);
                delivered.push(before);
            }
        }
        assert_eq!(delivered, [1, 3, 5]);
        writer.join().unwrap();
    });
}

/// Two readers of the ring beside its writer: what it gives is what was asked for.
#[test]
fn the_ring_gives_the_batch_that_was_asked_for() {
    every_order(2, Some(3), |world| {
        let reader = |world: World| {
            move || {
                for seq in 0..3 {
                    if let Some(batch) = world.shared.ring.after(seq) {
                        assert!(batch.first() <= seq + 1 && seq < batch.last());
                    }
                }
            }
        };
        let others = [thread::spawn(reader(world.clone())), thread::spawn(reader(world.clone()))];
        [1, 2, 4].into_iter().for_each(|last| world.write(last));
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(world.shared.ring.size().0, 2);
    });
}
