//! One subscriber reads the log, from its beginning and from anywhere.

use std::io;

use super::{Plan, start};
use crate::client::{Dial, Numbering};
use crate::clock::{SECOND, now, seconds};
use crate::crowd::Crowd;
use crate::deck::{self, Deck, Durability};
use crate::histogram::Histogram;
use crate::row::Row;

/// How many places the first byte is asked from.
const PLACES: u64 = 40;

/// Reads much of the large log, then the first event after many places of it.
///
/// # Errors
/// The server or its sockets fail.
pub fn replay(plan: &Plan) -> io::Result<Row> {
    let deck = Deck::start(&plan.binary, &start::folder(plan), Durability::Power, &[])?;
    let (head, first) = (deck.metric("head")? as u64, deck.metric("first")? as u64);
    let count = (head + 1 - first).min(plan.pick(500_000, 3_000_000));
    let dial = |after: &str| Dial { numbering: Numbering::Seq, ..deck::events(&format!("?after={after}")) };
    let before = deck.server.cpu();
    let mut crowd = Crowd::new()?;
    crowd.begin(&dial("0"), 1, 1)?;
    crowd.pump(now() + 30 * SECOND, |crowd| crowd.tally.received > 0 || crowd.ended() > 0)?;
    let began = now();
    crowd.pump(now() + 120 * SECOND, |crowd| crowd.tally.received >= count || crowd.ended() > 0)?;
    let (took, read) = (seconds(began, now()), crowd.tally.received);
    let cpu = deck.server.cpu().since(before);
    let (missing, disordered) = (crowd.tally.missing, crowd.tally.disordered);
    drop(crowd);
    let mut firsts = Histogram::default();
    for place in 0..PLACES {
        let cursor = deck.cursor(first - 1 + (head - first) * place / PLACES)?;
        let mut crowd = Crowd::new()?;
        let asked = now();
        crowd.begin(&dial(&cursor), 1, 1)?;
        crowd.pump(now() + 30 * SECOND, |crowd| crowd.tally.received > 0 || crowd.ended() > 0)?;
        firsts.record(now() - asked);
    }
    Ok(Row::new("replay", "swarmdeck")
        .with("events_per_s", read as f64 / took)
        .with("events", read as f64)
        .with("log_events", (head + 1 - first) as f64)
        .with("cpu_us", cpu.total() * 1e6 / read.max(1) as f64)
        .with("first_p50_ms", firsts.quantile_ms(0.5))
        .with("first_p99_ms", firsts.quantile_ms(0.99))
        .with("lost", missing as f64)
        .with("disordered", disordered as f64))
}
