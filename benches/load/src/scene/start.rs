//! The large log: made once and kept, started on, read from.

use std::io;
use std::path::PathBuf;

use super::Plan;
use super::ingest::post;
use crate::clock::{now, seconds};
use crate::deck::{Deck, Durability};
use crate::row::Row;

/// Events of one request while the log is filled.
const BATCH: usize = 1_000;

/// Where the large log stands.
pub fn folder(plan: &Plan) -> PathBuf {
    plan.work.join(format!("log-{}", plan.events))
}

/// Makes sure that the large log has its events: what is missing, such as after retention was
/// measured, is sent.
///
/// # Errors
/// The server or the disk fails.
pub fn fill(plan: &Plan) -> io::Result<()> {
    let deck = Deck::start(&plan.binary, &folder(plan), Durability::Crash, &[])?;
    let there = deck.metric("head")? + 1.0 - deck.metric("first")?;
    let missing = plan.events.saturating_sub(there as u64);
    if missing > 0 {
        eprintln!("filling the log with {missing} events");
        let sent = post(4, BATCH, 3_600.0, missing)?;
        eprintln!("filled in {:.0} s", sent.seconds);
    }
    deck.server.stop();
    Ok(())
}

/// Starts on the large log.
///
/// # Errors
/// The server fails.
pub fn start(plan: &Plan) -> io::Result<Row> {
    let began = now();
    let deck = Deck::start(&plan.binary, &folder(plan), Durability::Power, &[])?;
    let took = seconds(began, now());
    Ok(Row::new("start", "swarmdeck")
        .with("seconds", took)
        .with("events", deck.metric("head")? + 1.0 - deck.metric("first")?)
        .with("resident_mb", deck.server.resident() as f64 / f64::from(1 << 20)))
}
