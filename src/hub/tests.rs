//! The hub's promises, with a real log on disk.

use std::sync::Arc;

use super::*;
use crate::demo::Scenario;
use crate::event::control::{Gap, GapReason, Resumed};
use crate::event::{Entity, Filter, wire};
use crate::swarm::hash;
use serde_json::Map;

pub(super) fn draft(n: u64) -> Draft {
    let kind = if n.is_multiple_of(2) { "even" } else { "odd" };
    let payload = Map::from_iter([("n".to_owned(), n.into())]);
    Draft::new(
        "test",
        Entity::new("thing", kind),
        crate::event::Body::Custom(crate::event::Custom { name: format!("thing.{kind}"), payload }),
    )
}

fn keyed(n: u64) -> Draft {
    Draft { id: Some(format!("key-{n}")), ..draft(n) }
}

pub(super) fn small(folder: &std::path::Path) -> HubConfig {
    HubConfig { durability: Durability::Crash, snapshot_every: 100, ring_events: 64, ..HubConfig::at(folder) }
}

/// Reads deliveries until `seq`; what was delivered, and the gaps.
async fn read_to(subscription: &mut Subscription, seq: u64) -> (Vec<u64>, Vec<Gap>) {
    let (mut seqs, mut gaps) = (Vec::new(), Vec::new());
    while subscription.position() < seq {
        match subscription.next().await.unwrap() {
            Delivery::Run(batch, run) => seqs.extend(run.map(|index| batch.seq(index))),
            Delivery::Picked(picked) => seqs.extend(picked.events().map(|(index, _)| picked.batch().seq(index))),
            Delivery::Gap(gap) => gaps.push(gap),
        }
    }
    (seqs, gaps)
}

#[tokio::test]
async fn many_senders_get_gapless_places_and_readers_get_them_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let mut live = hub.subscribe(Start::Now, Filter::everything(), Lag::Log);
    let senders: Vec<_> = (0..8)
        .map(|sender| {
            let hub = hub.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for n in 0..50 {
                    mine.extend(hub.append(vec![draft(sender * 1_000 + n), draft(n)]).await.unwrap().seqs);
                }
                mine
            })
        })
        .collect();
    let mut all = Vec::new();
    for sender in senders {
        let mine = sender.await.unwrap();
        assert!(mine.windows(2).all(|pair| pair[0] < pair[1]));
        all.extend(mine);
    }
    all.sort_unstable();
    assert_eq!(all, (1..=800).collect::<Vec<_>>());
    assert_eq!(read_to(&mut live, 800).await, ((1..=800).collect(), vec![]));
    let mut late = hub.subscribe(Start::After(Cursor::Beginning), Filter::everything(), Lag::Log);
    assert_eq!(read_to(&mut late, 800).await.0, (1..=800).collect::<Vec<_>>());
    hub.close().await;
}

#[tokio::test]
async fn a_reopened_log_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut scenario = Scenario::new(4, 20, Timestamp(1_769_509_293_000));
    let (epoch, before) = {
        let hub = Hub::open(&small(folder.path())).unwrap();
        assert!(matches!(Hub::open(&small(folder.path())), Err(OpenError::InUse(_))));
        for _ in 0..10 {
            hub.append((0..55).map(|_| scenario.next_event()).collect()).await.unwrap();
        }
        hub.close().await;
        assert!(matches!(hub.append(vec![draft(1)]).await, Err(AppendError::Closed)));
        (hub.epoch(), hash(&hub.state()))
    };
    let hub = Hub::open(&small(folder.path())).unwrap();
    assert_eq!((hub.epoch(), hub.head(), hash(&hub.state())), (epoch, 550, before));
    assert_eq!(hub.append(vec![draft(1)]).await.unwrap().seqs, [551]);
    for seq in [0, 1, 99, 100, 101, 333, 551] {
        let mut folded = SwarmState::default();
        for stored in hub.read(Read { before: seq + 1, ..Read::default() }).await.unwrap().events {
            folded.fold(&wire::from_text(&stored.json).unwrap());
        }
        assert_eq!(hash(&hub.state_at(seq).await.unwrap()), hash(&folded), "{seq}");
    }
    assert!(matches!(hub.state_at(552).await, Err(HistoryError::Future { seq: 552, head: 551 })));
    hub.close().await;
}

#[tokio::test]
async fn a_key_is_stored_once_also_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    assert_eq!(
        hub.append(vec![keyed(1), draft(2), keyed(1), keyed(3)]).await.unwrap(),
        Appended { seqs: vec![1, 2, 1, 3], duplicates: 1 }
    );
    hub.close().await;
    drop(hub);
    let hub = Hub::open(&small(folder.path())).unwrap();
    assert_eq!(hub.append(vec![keyed(3), keyed(4)]).await.unwrap(), Appended { seqs: vec![3, 4], duplicates: 1 });
    let other = Draft { source: "another".into(), ..keyed(4) };
    assert_eq!(hub.append(vec![other]).await.unwrap().seqs, [5]);
    hub.close().await;
}

#[tokio::test]
async fn filters_deliver_what_they_ask_with_the_seq_before() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let odd = || {
        let mut filter = Filter::everything();
        filter.add("types", "thing.odd").unwrap();
        filter
    };
    let mut live: Vec<Subscription> = (0..20).map(|_| hub.subscribe(Start::Now, odd(), Lag::Log)).collect();
    for n in 1..=40 {
        hub.append(vec![draft(2 * n - 1), draft(2 * n)]).await.unwrap();
    }
    let expected: Vec<u64> = (1..=80).filter(|n| n % 2 == 1).collect();
    for subscription in &mut live {
        let mut seqs = Vec::new();
        let mut last = 0;
        while subscription.position() < 80 {
            if let Delivery::Picked(picked) = subscription.next().await.unwrap() {
                for (index, prev) in picked.events() {
                    assert_eq!(prev, last);
                    last = picked.batch().seq(index);
                    seqs.push(last);
                }
            }
        }
        assert_eq!(seqs, expected);
    }
    assert!(hub.counters().filter_evaluations.load(Ordering::Relaxed) <= 80, "twenty equal filters share one evaluation");
    // The ring holds 64: the beginning comes from the log, by its index and without.
    let mut late = hub.subscribe(Start::After(Cursor::Beginning), odd(), Lag::Log);
    assert_eq!(read_to(&mut late, 80).await.0, expected);
    let about = Filter::about([("thing".to_owned(), "odd".to_owned())]);
    let mut indexed = hub.subscribe(Start::After(Cursor::Beginning), about, Lag::Log);
    assert_eq!(read_to(&mut indexed, 80).await.0, expected);
    hub.close().await;
}

/// A thousand readers of twenty filters, half of them far behind: each filter looks at each event once.
#[tokio::test]
async fn a_filter_looks_at_an_event_once_for_all_its_readers() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&HubConfig { ring_events: 10_000, ..small(folder.path()) }).unwrap();
    let filter = |n: u64| {
        let mut filter = Filter::everything();
        filter.add("types", if n.is_multiple_of(2) { "thing.odd" } else { "thing.*" }).unwrap();
        filter.add("source", &format!("test,other-{}", n % 20)).unwrap();
        filter
    };
    let mut readers: Vec<Subscription> = (0..1_000).map(|n| hub.subscribe(Start::Now, filter(n), Lag::Log)).collect();
    let (quick, slow) = readers.split_at_mut(500);
    for n in 1..=100 {
        hub.append(vec![draft(n)]).await.unwrap();
        for reader in quick.iter_mut().filter(|_| !n.is_multiple_of(2)) {
            assert!(matches!(reader.next().await.unwrap(), Delivery::Picked(_)));
        }
    }
    for (n, reader) in slow.iter_mut().enumerate() {
        let seqs = read_to(reader, if n % 2 == 0 { 99 } else { 100 }).await.0;
        assert_eq!(seqs.len(), if n % 2 == 0 { 50 } else { 100 });
    }
    assert!(hub.counters().filter_evaluations.load(Ordering::Relaxed) <= 20 * 100);
    hub.close().await;
}

#[tokio::test]
async fn a_reader_that_wants_only_now_is_told_what_it_missed() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let mut slow = hub.subscribe(Start::Now, Filter::everything(), Lag::DropOldest(10));
    hub.append((1..=50).map(draft).collect()).await.unwrap();
    let (seqs, gaps) = read_to(&mut slow, 50).await;
    assert_eq!(gaps, [Gap { from: 1, to: 40, reason: GapReason::Overflow }]);
    assert_eq!(seqs, (41..=50).collect::<Vec<_>>());
    hub.close().await;
}

/// Who is behind takes all that is there at once, and nothing else.
#[tokio::test]
async fn what_is_ready_comes_without_waiting_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let mut odd = Filter::everything();
    odd.add("types", "thing.odd").unwrap();
    let mut readers = [
        hub.subscribe(Start::Now, Filter::everything(), Lag::Log),
        hub.subscribe(Start::Now, odd, Lag::Log),
        hub.subscribe(Start::Now, Filter::everything(), Lag::DropOldest(3)),
    ];
    assert!(readers.iter_mut().all(|reader| reader.ready().is_none()));
    for n in 1..=8 {
        hub.append(vec![draft(n)]).await.unwrap();
    }
    let seqs = |reader: &mut Subscription| {
        let mut seqs = Vec::new();
        while let Some(delivery) = reader.ready() {
            match delivery {
                Delivery::Run(batch, run) => seqs.extend(run.map(|index| batch.seq(index))),
                Delivery::Picked(picked) => seqs.extend(picked.events().map(|(index, _)| picked.batch().seq(index))),
                Delivery::Gap(gap) => panic!("{gap:?} is not for those who look once more"),
            }
        }
        seqs
    };
    let [all, odd, newest] = &mut readers;
    assert_eq!(seqs(all), (1..=8).collect::<Vec<_>>());
    assert_eq!(seqs(odd), [1, 3, 5, 7]);
    assert_eq!(seqs(newest), [0; 0], "what it missed is told first");
    assert!(matches!(newest.next().await.unwrap(), Delivery::Gap(Gap { from: 1, to: 5, .. })));
    assert_eq!(seqs(newest), [6, 7, 8]);
    hub.append(vec![draft(9)]).await.unwrap();
    assert!(matches!(all.next().await.unwrap(), Delivery::Run(..)));
    assert!(all.ready().is_none());
    hub.close().await;
}

/// The first byte of a replay does not wait for a large page.
#[tokio::test]
async fn pages_of_a_replay_begin_small() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&HubConfig { ring_events: 10, ..small(folder.path()) }).unwrap();
    for first in (0..2_000).step_by(100) {
        hub.append((first..first + 100).map(draft).collect()).await.unwrap();
    }
    let mut reader = hub.subscribe(Start::After(Cursor::Beginning), Filter::everything(), Lag::Log);
    let mut pages = Vec::new();
    while reader.position() < 1_900 {
        let Delivery::Run(_, run) = reader.next().await.unwrap() else { panic!("nothing is gone") };
        pages.push(run.len());
    }
    assert_eq!(pages, [64, 128, 256, 512, 1_024]);
    hub.close().await;
}

#[tokio::test]
async fn foreign_and_future_cursors_are_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    hub.append((1..=5).map(draft).collect()).await.unwrap();
    let foreign = Cursor::After { epoch: Epoch(hub.epoch().0 ^ 1), seq: 3 };
    for (cursor, gap) in [
        (foreign, Gap { from: 1, to: 5, reason: GapReason::Epoch }),
        (hub.cursor(9), Gap { from: 6, to: 9, reason: GapReason::Epoch }),
    ] {
        let mut subscription = hub.subscribe(Start::After(cursor), Filter::everything(), Lag::Log);
        assert_eq!(subscription.resumed(), Resumed::Gap);
        assert!(matches!(subscription.next().await.unwrap(), Delivery::Gap(told) if told == gap));
    }
    assert_eq!(hub.subscribe(Start::After(hub.cursor(5)), Filter::everything(), Lag::Log).resumed(), Resumed::Exact);
    hub.close().await;
}

#[tokio::test]
async fn retention_takes_the_oldest_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(folder.path());
    let hub = Hub::open(&config).unwrap();
    for n in 0..30 {
        hub.append((0..50).map(|m| draft(n * 50 + m)).collect()).await.unwrap();
    }
    hub.close().await;
    drop(hub);
    // Nothing is younger than zero seconds: all goes that a snapshot covers.
    let config = HubConfig { retain_age: Some(Duration::ZERO), ..config };
    let hub = Hub::open(&config).unwrap();
    hub.append(vec![draft(1)]).await.unwrap();
    let mut rounds = 0;
    while hub.first() == 1 {
        hub.append(vec![draft(1)]).await.unwrap();
        rounds += 1;
        assert!(rounds < 100_000, "retention takes something away");
    }
    while hub.shared.snapshots.places().first() == Some(&100) {
        hub.append(vec![draft(1)]).await.unwrap();
    }
    let first = hub.first();
    let mut behind = hub.subscribe(Start::After(hub.cursor(0)), Filter::everything(), Lag::Log);
    let head = hub.head();
    let (seqs, gaps) = read_to(&mut behind, head).await;
    assert_eq!(gaps, [Gap { from: 1, to: first - 1, reason: GapReason::Retention }]);
    assert_eq!(seqs, (first..=head).collect::<Vec<_>>());
    assert!(matches!(hub.state_at(first - 2).await, Err(HistoryError::Gone { .. })));
    assert_eq!(hub.state_at(first - 1).await.unwrap().seq, first - 1);
    hub.close().await;
}

#[tokio::test]
async fn a_reader_that_holds_a_state_sees_it_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    hub.append(vec![draft(1)]).await.unwrap();
    let held = hub.state();
    hub.append(vec![draft(2)]).await.unwrap();
    assert_eq!((held.seq, hub.state().seq), (1, 2));
    hub.append(vec![draft(3)]).await.unwrap();
    assert_eq!((held.seq, hub.state().seq, Arc::strong_count(&held)), (1, 3, 1));
    hub.close().await;
}

#[tokio::test]
async fn emit_stores_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let mut live = hub.subscribe(Start::Now, Filter::everything(), Lag::Log);
    let taken = (0..100).filter(|n| hub.emit(draft(*n))).count() as u64;
    assert_eq!(read_to(&mut live, taken).await.0.len() as u64, taken);
    hub.close().await;
}

/// An event that fills one of few seats.
fn seat(n: u64) -> Draft {
    use crate::event::task::TaskCreated;
    let created =
        TaskCreated { description: format!("seat {n}"), priority: None, parent: None, depends_on: Vec::new(), extra: Map::new() };
    Draft::new("test", Entity::new("task", format!("seat-{n}")), created)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_want_the_same_at_once_as_many_win_as_there_is_room() {
    const ROOM: u64 = 7;
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let wishes: Vec<_> = (0..200)
        .map(|n| {
            let hub = hub.clone();
            tokio::spawn(async move {
                // Other events of the same moment stand between the decisions.
                hub.append(vec![draft(n)]).await.unwrap();
                hub.decide(move |state, _| {
                    let taken = state.tasks.by_id.len() as u64;
                    if taken < ROOM { Ok((vec![seat(n)], taken)) } else { Err("full") }
                })
                .await
            })
        })
        .collect();
    let (mut won, mut refused) = (Vec::new(), 0);
    for wish in wishes {
        match wish.await.unwrap() {
            Ok((appended, taken)) => won.push((appended.seqs[0], taken)),
            Err(DecideError::Refused("full")) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    won.sort_unstable();
    assert_eq!(won.iter().map(|(_, taken)| *taken).collect::<Vec<_>>(), (0..ROOM).collect::<Vec<_>>());
    assert_eq!(refused, 200 - ROOM);
    assert_eq!(hub.head(), 200 + ROOM);
    // What was decided against is what a fold of the log gives.
    let state = hub.state_at(hub.head()).await.unwrap();
    assert_eq!(hash(&state), hash(&hub.state()));
    hub.close().await;
}

#[tokio::test]
async fn decisions_copy_no_state() {
    let folder = tempfile::tempdir().unwrap();
    // Without snapshots, whose writer holds a state for longer.
    let hub = Hub::open(&HubConfig { snapshot_every: 1 << 32, ..small(folder.path()) }).unwrap();
    for n in 0..500 {
        let decided = hub.decide(move |state, _| Ok::<_, ()>((vec![seat(n), seat(n + 1)], state.seq)));
        assert_eq!(decided.await.unwrap().1, 2 * n);
    }
    assert_eq!(hub.counters().state_copies.load(Ordering::Relaxed), 1, "the first makes the second state");
    hub.close().await;
}

/// No page and no stream carries inboxes; what was kept of them is there after a restart all the same.
#[tokio::test]
async fn inboxes_are_kept_beside_the_state() {
    use crate::event::message::{MessageSent, MessageType};
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let letter = |n: u64| {
        let text = str::to_owned;
        let (message_type, extra) = (MessageType::Query, Map::new());
        let sent = MessageSent {
            from: text("a"),
            to: text("b"),
            message_type,
            content: text("?"),
            size: 1,
            correlation_id: None,
            receivers: None,
            extra,
        };
        Draft::new(crate::event::CORE, Entity::new("message", format!("m{n}")), sent)
    };
    hub.append((0..150).map(letter).collect()).await.unwrap();
    hub.append((150..180).map(letter).collect()).await.unwrap();
    let before = hub.state();
    assert_eq!(before.messages.inboxes.get("b").unwrap().waiting.len(), 180);
    assert!(!wire::to_text(before.as_ref()).contains("inbox"));
    let page = before.for_page();
    assert_eq!((hash(&page), page.messages.inboxes.get("b")), (hash(&before), None));
    hub.close().await;
    drop(hub);
    let hub = Hub::open(&small(folder.path())).unwrap();
    assert!(hub.shared.snapshots.newest(180).unwrap() == *before && *hub.state() == *before);
    assert_eq!(hub.state_at(170).await.unwrap().messages.inboxes.get("b").unwrap().waiting.len(), 170);
    hub.close().await;
}

#[tokio::test]
async fn a_rule_that_panics_is_its_senders_trouble_alone() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let outcome = hub.decide(|_, _| -> Result<(Vec<Draft>, ()), ()> { panic!("a test") }).await;
    assert!(matches!(outcome, Err(DecideError::Append(AppendError::Closed))));
    assert_eq!(hub.append(vec![draft(1)]).await.unwrap().seqs, [1]);
    hub.close().await;
}

#[tokio::test]
async fn what_comes_after_an_events_time_comes_after_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    // The clock goes on between the event and its commit.
    let rule = |_: &SwarmState, started: Timestamp| {
        while now() <= started {
            std::hint::spin_loop();
        }
        Ok::<_, ()>((vec![draft(1)], started))
    };
    let (_, happened) = hub.decide(rule).await.unwrap();
    assert_eq!(hub.place_before(happened).await.unwrap(), 0);
    assert_eq!(hub.place_before(Timestamp(happened.0 + 1)).await.unwrap(), 1);
    hub.close().await;
}
