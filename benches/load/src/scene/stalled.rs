//! Fifty of a thousand subscribers stop reading: what it does to the others, and what becomes of the fifty.

use std::io;

use super::Plan;
use super::fanout::{AT_ONCE, drive};
use crate::client::Dial;
use crate::clock::{SECOND, now};
use crate::crowd::Crowd;
use crate::deck::{self, Deck, Durability};
use crate::event::{Events, Shape};
use crate::publisher::{Entrance, Pace, Publisher};
use crate::row::Row;

const CLIENTS: usize = 1_000;
const STALLED: usize = 50;
/// Events a second while lateness is measured.
const RATE: f64 = 100.0;
/// Large events fill the buffers between server and subscriber quickly.
const LARGE: usize = 2_200;
/// What the system keeps for a socket that is not read, at most, with some to spare.
const BUFFERS: usize = 5 << 20;

/// Measures before and during.
///
/// # Errors
/// The server or its sockets fail.
pub fn stalled(plan: &Plan) -> io::Result<Row> {
    let deck = Deck::fresh(&plan.binary, &plan.work, Durability::Crash, &[])?;
    let mut crowd = Crowd::new()?;
    // The first are those that stop; they have little room of their own.
    let small = Dial { receive_buffer: Some(16 << 10), ..deck::events("") };
    crowd.join(&small, STALLED, AT_ONCE)?;
    crowd.join(&deck::events(""), CLIENTS - STALLED, AT_ONCE)?;
    let (usual, large) = (Events::new(Shape::Message), Events::sized(Shape::Message, LARGE));
    let mut publisher = Publisher::connect(deck::PORT, Entrance::Deck, usual.clone())?;
    let flood = (f64::MAX, (BUFFERS / LARGE) as u64);
    let (all, rest) = (CLIENTS as f64, (CLIENTS - STALLED) as f64);
    let timed = (plan.seconds() * 1.4, u64::MAX);
    // What the flood leaves the disk to do is over before lateness is measured.
    let settle = (plan.pick(0.7, 2.0), u64::MAX);
    // The ring takes in the large events once without anybody stalled.
    publisher.change(large.clone());
    let before = deck.server.resident();
    drive(&mut crowd, &mut publisher, (Pace::Window(100), 10), flood, all)?;
    let growth_without = deck.server.resident().saturating_sub(before);
    publisher.change(usual.clone());
    drive(&mut crowd, &mut publisher, (Pace::Rate(RATE), 1), settle, all)?;
    drive(&mut crowd, &mut publisher, (Pace::Rate(RATE), 1), timed, all)?;
    let p99_without = crowd.tally.latency.quantile_ms(0.99);

    crowd.stall(0..STALLED)?;
    publisher.change(large);
    let before = deck.server.resident();
    drive(&mut crowd, &mut publisher, (Pace::Window(100), 10), flood, rest)?;
    let growth_with = deck.server.resident().saturating_sub(before);
    publisher.change(usual);
    drive(&mut crowd, &mut publisher, (Pace::Rate(RATE), 1), settle, rest)?;
    drive(&mut crowd, &mut publisher, (Pace::Rate(RATE), 1), timed, rest)?;
    let (p99_with, others_missing) = (crowd.tally.latency.quantile_ms(0.99), crowd.tally.missing);

    crowd.forget();
    crowd.resume(0..STALLED)?;
    let newest = publisher.number;
    crowd.pump(now() + 20 * SECOND, |crowd| (0..STALLED).all(|index| crowd.newest(index) >= newest))?;
    let resumed = (0..STALLED).filter(|index| crowd.newest(*index) >= newest).count();
    Ok(Row::new("stalled", "swarmdeck")
        .with("p99_without_ms", p99_without)
        .with("p99_with_ms", p99_with)
        .with("p99_ratio", p99_with / p99_without.max(f64::MIN_POSITIVE))
        .with("stalled_kb", (growth_with as f64 - growth_without as f64).max(0.0) / 1024.0 / STALLED as f64)
        .with("resumed", resumed as f64)
        .with("resumed_events", crowd.tally.received as f64)
        .with("declared", crowd.tally.declared as f64)
        .with("lost", crowd.tally.missing.saturating_sub(crowd.tally.declared) as f64 + others_missing as f64)
        .with("disordered", crowd.tally.disordered as f64))
}
