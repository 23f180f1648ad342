//! The log from afar agrees with the log, also after restarts, retention and without an index.

use std::time::Duration;

use super::*;
use crate::demo::Scenario;
use crate::event::pack::unpack;
use crate::event::query::standing;
use crate::event::{Draft, Event, wire};
use crate::hub::sqlite::take_back;
use crate::hub::tests::small;
use crate::hub::{Edge, HubConfig, Read, Stored};
use crate::swarm::hash;

fn window(buckets: u64) -> Window {
    Window { from: None, to: None, buckets, now: Timestamp(0) }
}

async fn log(hub: &Hub) -> Vec<(Stored, Timestamp)> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let page = hub.read(Read { after, ..Read::default() }).await.unwrap();
        after = page.reached;
        for stored in page.events {
            let at = hub.instant(stored.seq).await.unwrap().unwrap();
            all.push((stored, at));
        }
        if page.exhausted {
            return all;
        }
    }
}

fn kind(stored: &Stored) -> Option<MarkKind> {
    match standing(&stored.kind, &stored.json) {
        Some("failing") => Some(MarkKind::Error),
        Some("needs-you") => Some(MarkKind::Approval),
        _ => None,
    }
}

/// Every number of a timeline, counted anew from the events.
async fn agrees(hub: &Hub, window: Window) {
    let all = log(hub).await;
    let seen = hub.timeline(window).await.unwrap();
    assert_eq!((seen.first, seen.head), (all[0].0.seq, hub.head()));
    assert!(seen.buckets.len() as u64 <= window.buckets);
    let mut next = seen.from;
    for bucket in &seen.buckets {
        assert_eq!(bucket.time, next);
        let end = Timestamp((next.0 + seen.bucket_ms as i64).min(seen.to.0 + 1));
        let within: Vec<_> = all.iter().filter(|(_, at)| (next..end).contains(at)).collect();
        let of = |wanted| within.iter().filter(|(stored, _)| kind(stored) == Some(wanted)).count() as u64;
        let first = all.iter().find(|(_, at)| *at >= next).map_or(seen.head + 1, |(stored, _)| stored.seq);
        assert_eq!(
            (bucket.seq, bucket.events, bucket.errors, bucket.approvals),
            (first, within.len() as u64, of(MarkKind::Error), of(MarkKind::Approval))
        );
        next = Timestamp(next.0 + seen.bucket_ms as i64);
    }
    assert!(next > seen.to);
    let marks: Vec<_> =
        all.iter().filter(|(_, at)| (seen.from..=seen.to).contains(at)).filter_map(|(s, _)| Some((s.seq, kind(s)?))).collect();
    assert_eq!(seen.marks.len() as u64 + seen.marks_left_out, marks.len() as u64);
    assert!(seen.marks.iter().all(|mark| marks.contains(&(mark.seq, mark.kind))));
    assert!(seen.marks.windows(2).all(|two| two[0].seq < two[1].seq));
}

async fn play(hub: &Hub, scenario: &mut Scenario, commits: usize) {
    for _ in 0..commits {
        hub.append((0..37).map(|_| scenario.next_event()).collect()).await.unwrap();
    }
}

#[tokio::test]
async fn a_timeline_agrees_with_the_events_through_restarts_and_retention() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(folder.path());
    let mut scenario = Scenario::new(3, 30, Timestamp(1_769_509_293_000));
    let hub = Hub::open(&config).unwrap();
    let empty = hub.timeline(Window { now: Timestamp(7), ..window(240) }).await.unwrap();
    assert_eq!((empty.first, empty.head, empty.from, empty.buckets.len()), (1, 0, Timestamp(7), 1));
    play(&hub, &mut scenario, 60).await;
    for buckets in [1, 7, 240, 2_000] {
        agrees(&hub, window(buckets)).await;
    }
    let (from, to) = (hub.instant(500).await.unwrap().unwrap(), hub.instant(1_500).await.unwrap().unwrap());
    agrees(&hub, Window { from: Some(Edge::Seq(500)), to: Some(Edge::Seq(1_500)), ..window(50) }).await;
    agrees(&hub, Window { from: Some(Edge::Time(from)), to: Some(Edge::Time(Timestamp(to.0 + 60_000))), ..window(50) }).await;
    hub.close().await;
    drop(hub);
    let hub = Hub::open(&config).unwrap();
    play(&hub, &mut scenario, 5).await;
    agrees(&hub, window(100)).await;
    let seen = hub.timeline(window(100)).await.unwrap();
    assert_eq!(seen.gaps.iter().map(|gap| gap.seq).collect::<Vec<_>>(), [60 * 37]);
    assert!(seen.buckets.iter().any(|bucket| bucket.gaps == 1));
    assert_eq!(hub.mark(MarkKind::Gap, Look::Before(hub.head())).await.unwrap().unwrap().seq, 60 * 37);
    hub.close().await;
    drop(hub);
    // Nothing is younger than zero seconds: all goes that a snapshot covers.
    let hub = Hub::open(&HubConfig { retain_age: Some(Duration::ZERO), ..config.clone() }).unwrap();
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while hub.first() == 1 {
        play(&hub, &mut scenario, 1).await;
        assert!(std::time::Instant::now() < until, "retention takes something away");
    }
    // What is compared must not go on changing.
    hub.close().await;
    drop(hub);
    let hub = Hub::open(&config).unwrap();
    agrees(&hub, window(100)).await;
    let first = hub.first();
    let seen = hub.timeline(window(10)).await.unwrap();
    assert!(seen.sessions.iter().all(|span| span.to_seq.is_none_or(|end| end >= first)));
    hub.close().await;
}

#[tokio::test]
async fn sessions_are_spans() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let say = |id: &str, action: &str, payload: serde_json::Value| {
        let event =
            serde_json::json!({"type": format!("session.{action}"), "entity": format!("session:{id}"), "payload": payload});
        Draft::read(event, &wire::At::Root("")).unwrap()
    };
    let json = |text: &str| serde_json::from_str(text).unwrap();
    let start = |title: &str| serde_json::json!({"title": title, "agent": "a", "permission_mode": "ask"});
    hub.append(vec![
        say("one", "started", start("The \"first\"")),
        say("two", "started", start("Second")),
        say("one", "text_delta", json(r#"{"delta":"x"}"#)),
        say("one", "failed", json(r#"{"error":"e"}"#)),
        say("one", "completed", json("{}")),
        say("two", "updated", json(r#"{"title":"2nd"}"#)),
    ])
    .await
    .unwrap();
    let seen = hub.timeline(window(10)).await.unwrap();
    let spans: Vec<_> = seen
        .sessions
        .iter()
        .map(|span| (span.session.as_str(), span.title.as_deref().unwrap(), span.from_seq, span.to_seq))
        .collect();
    assert_eq!(spans, [("one", "The \"first\"", 1, Some(4)), ("two", "2nd", 2, None)]);
    hub.append(vec![
        say("one", "prompted", json(r#"{"text":"go on","by":"me"}"#)),
        say("two", "aborted", json(r#"{"by":"me"}"#)),
    ])
    .await
    .unwrap();
    let spans: Vec<_> =
        hub.timeline(window(10)).await.unwrap().sessions.iter().map(|span| (span.from_seq, span.to_seq)).collect();
    assert_eq!(spans, [(1, None), (2, Some(8))]);
    hub.close().await;
}

#[tokio::test]
async fn marks_are_found_in_both_directions() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    play(&hub, &mut Scenario::new(3, 30, Timestamp(1_769_509_293_000)), 40).await;
    let all = log(&hub).await;
    for wanted in [MarkKind::Error, MarkKind::Approval] {
        let places: Vec<u64> =
            all.iter().filter(|(stored, _)| kind(stored) == Some(wanted)).map(|(stored, _)| stored.seq).collect();
        assert!(places.len() > 1, "the play has {wanted}");
        let (mut there, mut place) = (Vec::new(), 0);
        while let Some(mark) = hub.mark(wanted, Look::After(place)).await.unwrap() {
            place = mark.seq;
            there.push(place);
        }
        assert_eq!(there, places);
        let mut back = Vec::new();
        place = u64::MAX;
        while let Some(mark) = hub.mark(wanted, Look::Before(place)).await.unwrap() {
            place = mark.seq;
            back.insert(0, place);
        }
        assert_eq!(back, places);
    }
    hub.close().await;
}

/// A log of the form before gets its index, and the same one.
#[tokio::test]
async fn an_older_log_gets_its_index() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(folder.path());
    let hub = Hub::open(&config).unwrap();
    play(&hub, &mut Scenario::new(5, 30, Timestamp(1_769_509_293_000)), 30).await;
    let before = hub.timeline(window(50)).await.unwrap();
    hub.close().await;
    drop(hub);
    take_back(&folder.path().join("log.db"));
    let hub = Hub::open(&config).unwrap();
    let after = hub.timeline(window(50)).await.unwrap();
    assert_eq!((&after.marks, &after.sessions), (&before.marks, &before.sessions));
    agrees(&hub, window(50)).await;
    hub.close().await;
}

#[tokio::test]
async fn a_snapshot_and_the_events_after_it_are_the_state_at_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let mut scenario = Scenario::new(8, 20, Timestamp(1_769_509_293_000));
    play(&hub, &mut scenario, 20).await;
    for seq in [0, 1, 99, 100, 101, 333, 740] {
        let snapshot = hub.snapshot(seq).await.unwrap();
        assert!(snapshot.seq <= seq);
        let mut state: SwarmState = wire::from_text(&snapshot.state).unwrap();
        assert_eq!(state.seq, snapshot.seq);
        for stored in hub.read(Read { after: snapshot.seq, before: seq + 1, ..Read::default() }).await.unwrap().events {
            let event: Event = stored.event().unwrap();
            state.fold(&event);
        }
        assert_eq!(hash(&state), hash(&hub.state_at(seq).await.unwrap()), "{seq}");
    }
    assert_eq!(hub.snapshot(740).await.unwrap().seq, 740, "the newest state itself");
    assert!(matches!(hub.snapshot(741).await, Err(HistoryError::Future { seq: 741, head: 740 })));
    hub.close().await;
}

/// However one comes there: from afar, a little on, a little back, past a snapshot.
#[tokio::test]
async fn the_way_to_every_instant_is_short_and_leads_there() {
    let folder = tempfile::tempdir().unwrap();
    let config = HubConfig { snapshot_every: 700, ..small(folder.path()) };
    let hub = Hub::open(&config).unwrap();
    play(&hub, &mut Scenario::new(8, 20, Timestamp(1_769_509_293_000)), 50).await;
    let mut folded = SwarmState::default();
    let mut hashes = vec![hash(&folded)];
    for (stored, _) in log(&hub).await {
        folded.fold(&stored.event().unwrap());
        hashes.push(hash(&folded));
    }
    for seq in [0, 1, 127, 128, 129, 600, 601, 900, 1_500, 1_300, 1_100, 130, 5, 1_849, 1_850, 1_700] {
        let Approach { way, state } = hub.approach(seq).await.unwrap();
        let mut state: SwarmState = unpack(&state).unwrap();
        assert_eq!((state.seq, way.seq <= seq, seq - way.seq < BEFORE), (way.seq, true, true), "{seq}");
        assert_eq!(hash(&state), hashes[way.seq as usize], "{seq}");
        assert!(way.events.iter().map(|event| event.seq).eq(way.seq + 1..=(seq + AHEAD).min(1_850)), "{seq}");
        assert_eq!(way.next, hub.cursor(way.seq + way.events.len() as u64).to_string());
        for event in &way.events {
            state.fold(event);
            assert_eq!(hash(&state), hashes[event.seq as usize], "{seq}");
        }
        assert_eq!(hash(&hub.state_at(seq).await.unwrap()), hashes[seq as usize], "{seq}");
    }
    assert!(matches!(hub.approach(1_851).await, Err(HistoryError::Future { seq: 1_851, head: 1_850 })));
    hub.close().await;
}

/// One read of the log brings some megabytes at most.
#[tokio::test]
async fn the_way_leads_there_past_large_events_too() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(&small(folder.path())).unwrap();
    let text = "x".repeat(100_000);
    let event = serde_json::json!({"type": "thing.large", "payload": {"text": text}});
    for _ in 0..9 {
        hub.append((0..20).map(|_| Draft::read(event.clone(), &wire::At::Root("")).unwrap()).collect()).await.unwrap();
    }
    for seq in [1, 60, 99, 127, 170, 179] {
        let Approach { way, .. } = hub.approach(seq).await.unwrap();
        assert!(way.seq + way.events.len() as u64 >= seq, "{seq}");
        assert!(way.events.iter().map(|event| event.seq).eq(way.seq + 1..=way.seq + way.events.len() as u64), "{seq}");
    }
    hub.close().await;
}

/// What a fast time left out is added when it is quiet, up to the spacing.
#[tokio::test]
async fn missing_snapshots_are_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let config = small(folder.path());
    let hub = Hub::open(&HubConfig { snapshot_every: 5_000, ..config.clone() }).unwrap();
    play(&hub, &mut Scenario::new(9, 4, Timestamp(1_769_509_293_000)), 20).await;
    hub.close().await;
    assert_eq!(hub.shared.snapshots.places(), [740]);
    drop(hub);
    let hub = Hub::open(&config).unwrap();
    let began = std::time::Instant::now();
    let spread = |places: &[u64]| places.windows(2).all(|two| two[1] - two[0] < 2 * hub.shared.snapshots.spacing(100));
    let mut places = Vec::new();
    while places.len() < 3 || !spread(&places) {
        assert!(began.elapsed() < Duration::from_secs(30), "{places:?}");
        tokio::task::yield_now().await;
        places = hub.shared.snapshots.places();
        places.insert(0, 0);
    }
    for place in &places[1..] {
        let kept: SwarmState = wire::from_text(&hub.snapshot(*place).await.unwrap().state).unwrap();
        let mut folded = SwarmState::default();
        for stored in hub.read(Read { before: place + 1, ..Read::default() }).await.unwrap().events {
            folded.fold(&stored.event().unwrap());
        }
        assert_eq!(hash(&kept), hash(&folded), "{place}");
    }
    hub.close().await;
}
