//! Retention takes a million events away while a writer goes on.

use std::io;
use std::path::Path;

use super::fanout::drive;
use super::{Plan, start};
use crate::crowd::Crowd;
use crate::deck::{self, Deck, Durability};
use crate::event::{Events, Shape};
use crate::histogram::Histogram;
use crate::publisher::{Entrance, Pace, Publisher};
use crate::row::Row;

/// Events a second of the writer.
const RATE: f64 = 100.0;
/// What a writer may wait, in milliseconds.
pub const STALL_MS: f64 = 20.0;
/// How long retention is watched at most, in seconds.
const PATIENCE: usize = 90;

/// A subscriber tells how late the writer's events were while a part of the large log went, and
/// without that on the same disk.
///
/// # Errors
/// The server or its sockets fail.
pub fn retention(plan: &Plan) -> io::Result<Row> {
    let folder = start::folder(plan);
    let usual = written(plan, &folder, &[])?;
    let log = std::fs::metadata(folder.join("log").join("log.db"))?.len();
    let share = plan.pick(0.5, (1_000_000.0 / plan.events as f64).min(0.5));
    let keep = ((1.0 - share) * log as f64) as u64;
    let during = written(plan, &folder, &["--retain-bytes", &keep.to_string()])?;
    Ok(Row::new("retention", "swarmdeck")
        .with("removed", during.gone)
        .with("events", during.late.count() as f64)
        .with("p99_ms", during.late.quantile_ms(0.99))
        .with("max_ms", during.late.max_ms())
        .with("over_20_ms", during.late.over_ms(STALL_MS) as f64)
        .with("usual_p99_ms", usual.late.quantile_ms(0.99))
        .with("usual_max_ms", usual.late.max_ms())
        // What a writer waited beyond the longest that the disk alone made it wait.
        .with("stall_ms", (during.late.max_ms() - usual.late.max_ms()).max(0.0)))
}

struct Written {
    late: Histogram,
    gone: f64,
}

/// Writes second by second until for some of them no event has gone. Retention begins with the server.
fn written(plan: &Plan, folder: &Path, flags: &[&str]) -> io::Result<Written> {
    let deck = Deck::start(&plan.binary, folder, Durability::Power, flags)?;
    let begun = deck.metric("head")? + 1.0 - plan.events as f64;
    let mut crowd = Crowd::new()?;
    crowd.join(&deck::events(""), 1, 1)?;
    let mut publisher = Publisher::connect(deck::PORT, Entrance::Deck, Events::new(Shape::Message))?;
    let (mut late, mut first, mut quiet) = (Histogram::default(), begun, 0);
    for _ in 0..PATIENCE {
        drive(&mut crowd, &mut publisher, (Pace::Rate(RATE), 1), (1.0, u64::MAX), 1.0)?;
        late.merge(&crowd.tally.latency);
        let before = std::mem::replace(&mut first, deck.metric("first")?);
        quiet = if first == before { quiet + 1 } else { 0 };
        if quiet >= plan.pick(1, 3) {
            break;
        }
    }
    Ok(Written { late, gone: (first - begun).max(0.0) })
}
