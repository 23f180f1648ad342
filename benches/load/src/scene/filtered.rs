//! Subscribers that want a part: twenty filters among a thousand, and filters that match nothing.

use std::io;

use super::Plan;
use super::fanout::{AT_ONCE, delivered, drive};
use crate::client::Dial;
use crate::clock::{SECOND, now};
use crate::crowd::Crowd;
use crate::deck::{self, Deck, Durability};
use crate::event::{Events, Shape};
use crate::publisher::{Entrance, Pace, Publisher};
use crate::row::Row;

const CLIENTS: usize = 1_000;
const FILTERS: usize = 20;
/// Events a second; each is for fifty of the thousand.
const RATE: f64 = 500.0;

/// A thousand subscribers with twenty filters between them; each event is for fifty of them.
///
/// # Errors
/// The server or its sockets fail.
pub fn twenty(plan: &Plan) -> io::Result<Row> {
    let deck = Deck::fresh(&plan.binary, &plan.work, Durability::Crash, &[])?;
    // The deck's services listen with filters of their own.
    cost(plan, &deck)?;
    let own = deck.metric("filter_evaluations_total")? / deck.metric("events_total")?;
    let mut crowd = Crowd::new()?;
    for filter in 0..FILTERS {
        let dial = Dial { step: FILTERS as u64, ..deck::events(&format!("?entity=task:f{filter}")) };
        crowd.join(&dial, CLIENTS / FILTERS, AT_ONCE)?;
    }
    let mut publisher = Publisher::connect(deck::PORT, Entrance::Deck, Events::new(Shape::Tasks(FILTERS)))?;
    let (pace, share) = ((Pace::Rate(RATE), 1), (CLIENTS / FILTERS) as f64);
    drive(&mut crowd, &mut publisher, pace, (0.4, u64::MAX), share)?;
    let counts = |deck: &Deck| Ok::<_, io::Error>((deck.metric("filter_evaluations_total")?, deck.metric("events_total")?));
    let (before, (asked, events)) = (deck.server.cpu(), counts(&deck)?);
    let driven = drive(&mut crowd, &mut publisher, pace, (plan.seconds(), u64::MAX), share)?;
    let (cpu, (later_asked, later_events)) = (deck.server.cpu().since(before), counts(&deck)?);
    // The deck's own events are evaluated, too.
    let each = (later_asked - asked) / (later_events - events) - own;
    let row = Row::new("filtered-1000", "swarmdeck").with("evaluations_per_event", each);
    Ok(delivered(row, &crowd, driven, cpu, driven.sent as f64 * share))
}

/// What a subscriber costs for each event that is not for it: the same events with a thousand of them
/// and with none.
///
/// # Errors
/// The server or its sockets fail.
pub fn nothing(plan: &Plan) -> io::Result<Row> {
    let deck = Deck::fresh(&plan.binary, &plan.work, Durability::Crash, &[])?;
    let alone = cost(plan, &deck)?;
    let mut crowd = Crowd::new()?;
    crowd.join(&deck::events("?entity=task:none"), CLIENTS, AT_ONCE)?;
    crowd.pump(now() + SECOND / 5, |_| false)?;
    let with = cost(plan, &deck)?;
    Ok(Row::new("filtered-nothing", "swarmdeck")
        .with("event_us", alone)
        .with("event_with_1000_us", with)
        .with("client_event_us", (with - alone) / CLIENTS as f64))
}

/// Processor time for an event, in microseconds; nobody reads meanwhile.
fn cost(plan: &Plan, deck: &Deck) -> io::Result<f64> {
    let mut publisher = Publisher::connect(deck::PORT, Entrance::Deck, Events::new(Shape::Tasks(FILTERS)))?;
    let (before, head) = (deck.server.cpu(), deck.metric("head")?);
    publisher.run(Pace::Rate(RATE), 1, (plan.seconds(), u64::MAX), &std::sync::Arc::default(), 1.0)?;
    let deadline = now() + 5 * SECOND;
    while deck.metric("head")? < head + publisher.number as f64 && now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    Ok(deck.server.cpu().since(before).total() * 1e6 / publisher.number as f64)
}
