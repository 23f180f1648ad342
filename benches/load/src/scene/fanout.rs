//! One sender, many subscribers: what a delivery costs and how late it is.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::client::Dial;
use crate::clock::{SECOND, now, seconds};
use crate::crowd::Crowd;
use crate::event::{Events, Shape};
use crate::process::{Cpu, Server};
use crate::publisher::{Entrance, Pace, Publisher};
use crate::row::Row;

/// How many subscribers are in their handshake at once.
pub const AT_ONCE: usize = 100;
/// How long nothing may come before what is missing counts as lost.
const SILENCE: u64 = 2 * SECOND;

/// Who is measured.
#[derive(Debug)]
pub struct Target<'a> {
    /// Its name in the tables.
    pub who: &'a str,
    /// Its process.
    pub server: &'a Server,
    /// How subscribers come to it.
    pub dial: Dial,
    /// How events come to it.
    pub entrance: Entrance,
    /// Where.
    pub port: u16,
    /// Which events.
    pub shape: Shape,
}

/// How it is measured.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// The scene's name.
    pub scene: &'a str,
    /// How many subscribers.
    pub clients: usize,
    /// When events are sent.
    pub pace: Pace,
    /// How many are handed over together.
    pub group: u64,
    /// How long, in seconds.
    pub seconds: f64,
}

/// What one stretch of sending brought.
#[derive(Debug, Clone, Copy)]
pub struct Driven {
    /// How many events were sent.
    pub sent: u64,
    /// Until the last delivery, in seconds.
    pub seconds: f64,
}

/// Sends on a thread of its own while this one reads, until everything has come or nothing comes any
/// more. `share` is how many subscribers an event reaches; `span` how many seconds and events at most.
///
/// # Errors
/// The sockets'.
pub fn drive(
    crowd: &mut Crowd,
    publisher: &mut Publisher,
    (pace, group): (Pace, u64),
    span: (f64, u64),
    share: f64,
) -> io::Result<Driven> {
    /// Stands for a sender that is at work.
    const SENDING: u64 = u64::MAX;
    crowd.forget();
    let (began, before) = (now(), publisher.number);
    let total = AtomicU64::new(SENDING);
    let received = crowd.received.clone();
    let mut last = (0, began);
    std::thread::scope(|threads| {
        let sender = threads.spawn(|| {
            let done = publisher.run(pace, group, span, &received, share);
            let sent = publisher.number - before;
            total.store(sent, Ordering::Release);
            done.map(|()| sent)
        });
        crowd.pump(u64::MAX, |crowd| {
            let here = crowd.tally.received;
            if here != last.0 {
                last = (here, now());
            }
            match total.load(Ordering::Acquire) {
                SENDING => false,
                sent => here as f64 >= sent as f64 * share || now() > last.1 + SILENCE,
            }
        })?;
        let sent = sender.join().map_err(|_| io::Error::other("the sender panicked"))??;
        Ok(Driven { sent, seconds: seconds(began, last.1) })
    })
}

/// Measures one server under one load.
///
/// # Errors
/// Subscribers are refused, or a socket fails.
pub fn measure(target: &Target<'_>, load: &Load<'_>) -> io::Result<Row> {
    let empty = target.server.resident();
    let mut crowd = Crowd::new()?;
    crowd.join(&target.dial, load.clients, AT_ONCE)?;
    crowd.pump(now() + SECOND / 5, |_| false)?;
    let idle = target.server.resident();
    let mut publisher = Publisher::connect(target.port, target.entrance, Events::new(target.shape))?;
    let share = load.clients as f64;
    // Caches, buffers and windows of sockets find their size first.
    drive(&mut crowd, &mut publisher, (load.pace, load.group), (0.4, u64::MAX), share)?;
    let before = target.server.cpu();
    let driven = drive(&mut crowd, &mut publisher, (load.pace, load.group), (load.seconds, u64::MAX), share)?;
    let cpu = target.server.cpu().since(before);
    if publisher.refused > 0 || crowd.tally.received == 0 {
        let text =
            format!("{} of {} requests were refused, {} events came", publisher.refused, driven.sent, crowd.tally.received);
        return Err(io::Error::other(text));
    }
    let row = Row::new(load.scene, target.who)
        .with("connection_kb", idle.saturating_sub(empty) as f64 / 1024.0 / load.clients as f64)
        .with("closed", crowd.ended() as f64);
    Ok(delivered(row, &crowd, driven, cpu, driven.sent as f64 * share))
}

/// Adds what was delivered, how late, and at what price.
pub fn delivered(row: Row, crowd: &Crowd, driven: Driven, cpu: Cpu, expected: f64) -> Row {
    let tally = &crowd.tally;
    let received = tally.received as f64;
    let each = 1e6 / received.max(1.0);
    let mut row = row
        .with("deliveries_per_s", received / driven.seconds)
        .with("cpu_us", cpu.total() * each)
        .with("cpu_user_us", cpu.user * each)
        .with("cpu_system_us", cpu.system * each)
        .with("lost", (expected - received - tally.declared as f64).max(0.0))
        .with("declared", tally.declared as f64)
        .with("disordered", tally.disordered as f64)
        .with("events", driven.sent as f64);
    for (name, share) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("p999_ms", 0.999)] {
        row = row.with(name, tally.latency.quantile_ms(share));
    }
    row.with("max_ms", tally.latency.max_ms())
}
