//! A thousand clients come back at once, each with events to catch up on, while others stay.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Plan;
use super::fanout::AT_ONCE;
use crate::client::{Dial, Numbering};
use crate::clock::{SECOND, now, seconds};
use crate::crowd::Crowd;
use crate::deck::{self, Deck, Durability};
use crate::event::{Events, Shape};
use crate::publisher::{Entrance, Pace, Publisher};
use crate::row::Row;
use crate::scene::ingest::post;

const BACK: usize = 1_000;
const MISSED: u64 = 200;
const LIVE: usize = 100;
/// Events a second that go on meanwhile.
const RATE: f64 = 100.0;

/// Lets them come back and reads until each has what it missed.
///
/// # Errors
/// The server or its sockets fail.
pub fn storm(plan: &Plan) -> io::Result<Row> {
    let deck = Deck::fresh(&plan.binary, &plan.work, Durability::Power, &[])?;
    post(1, 100, 10.0, 2_000)?;
    let mut live = Crowd::new()?;
    live.join(&deck::events(""), LIVE, AT_ONCE)?;
    let mut publisher = Publisher::connect(deck::PORT, Entrance::Deck, Events::new(Shape::Message))?;
    let (ended, span) = (AtomicBool::new(false), (plan.pick(4.0, 6.0), u64::MAX));
    let received = live.received.clone();
    let (back, took, head) = std::thread::scope(|threads| {
        let sender = threads.spawn(|| publisher.run(Pace::Rate(RATE), 1, span, &received, LIVE as f64));
        let watcher = threads.spawn(|| {
            live.pump(now() + SECOND, |_| false)?;
            live.forget();
            live.pump(now() + 60 * SECOND, |_| ended.load(Ordering::Acquire)).map(|_| ())
        });
        std::thread::sleep(std::time::Duration::from_millis(1_500));
        let head = deck.metric("head")? as u64;
        let cursor = deck.cursor(head - MISSED)?;
        let dial = Dial { numbering: Numbering::Seq, ..deck::events(&format!("?after={cursor}")) };
        let mut back = Crowd::new()?;
        let began = now();
        back.begin(&dial, BACK, BACK)?;
        let mut done = 0;
        back.pump(began + 30 * SECOND, |crowd| {
            while done < BACK && crowd.newest(done) >= head {
                done += 1;
            }
            done == BACK
        })?;
        let took = seconds(began, now());
        let sent = sender.join().map_err(|_| io::Error::other("the sender panicked"))?;
        std::thread::sleep(std::time::Duration::from_millis(100));
        ended.store(true, Ordering::Release);
        watcher.join().map_err(|_| io::Error::other("the reader panicked"))??;
        sent?;
        io::Result::Ok((back, took, head))
    })?;
    let caught_up = (0..BACK).filter(|index| back.newest(*index) >= head).count();
    // From the first missed event to the newest that it has.
    let due = |index: usize| (back.newest(index) + MISSED).saturating_sub(head);
    let short: u64 = (0..BACK).map(|index| due(index).saturating_sub(back.received_by(index))).sum();
    Ok(Row::new("storm", "swarmdeck")
        .with("seconds", took)
        .with("caught_up", caught_up as f64)
        .with("lost", (short + live.tally.missing) as f64)
        .with("disordered", (back.tally.disordered + live.tally.disordered) as f64)
        .with("live_p50_ms", live.tally.latency.quantile_ms(0.5))
        .with("live_p99_ms", live.tally.latency.quantile_ms(0.99))
        .with("live_max_ms", live.tally.latency.max_ms()))
}
