//! Connections that hear nothing: what each keeps in memory, what signs of life cost, how fast they come.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use super::Plan;
use super::fanout::Target;
use crate::client::Dial;
use crate::clock::{SECOND, now};
use crate::crowd::Crowd;
use crate::deck::{self, Deck, Durability};
use crate::row::Row;

/// Connections that one process of the generator holds: the system gives it some 20,000 files.
const PER_PROCESS: usize = 15_000;
/// The server's own time between two signs of life, in seconds.
const HEARTBEAT: f64 = 15.0;
/// The time between two that is measured with, in seconds; what one costs does not depend on it.
const BEAT: u64 = 3;
/// How many handshakes are under way at once where their rate is measured.
const HANDSHAKES: usize = 64;

/// Many idle connections.
///
/// # Errors
/// The server or its sockets fail.
pub fn idle(plan: &Plan) -> io::Result<Row> {
    let count = plan.pick(5_000, 19_000);
    let deck = Deck::fresh(&plan.binary, &plan.work, Durability::Power, &["--heartbeat", &BEAT.to_string()])?;
    let empty = deck.server.resident();
    // What the server does of itself, such as its own checks, is not the connections'.
    let beats = plan.pick(1, 4);
    let alone = spent(&deck, beats, || std::thread::sleep(std::time::Duration::from_secs(BEAT * beats)));
    let mut others = Vec::new();
    for _ in 0..(count - 1) / PER_PROCESS {
        others.push(Holders::start(PER_PROCESS)?);
    }
    let here = count - others.len() * PER_PROCESS;
    let mut crowd = Crowd::new()?;
    crowd.join(&deck::events(""), here, HANDSHAKES)?;
    crowd.pump(now() + SECOND, |_| false)?;
    let full = deck.server.resident();
    let mut ended = false;
    let spent =
        spent(&deck, beats, || ended = crowd.pump(now() + beats * BEAT * SECOND, |crowd| crowd.ended() > 0).unwrap_or(true));
    for holder in others {
        holder.end();
    }
    if ended {
        return Err(io::Error::other("an idle connection was closed"));
    }
    let beat = (spent - alone).max(0.0);
    Ok(Row::new("idle", "swarmdeck")
        .with("connections", count as f64)
        .with("connection_kb", (full - empty.min(full)) as f64 / 1024.0 / count as f64)
        .with("heartbeat_us", beat * 1e6 / count as f64)
        // Of one core, with 19,000 connections at the server's own rhythm.
        .with("heartbeat_core_percent", beat / count as f64 * 19_000.0 / HEARTBEAT * 100.0))
}

/// Processor time for each beat of a while, in seconds.
fn spent(deck: &Deck, beats: u64, mut wait: impl FnMut()) -> f64 {
    let before = deck.server.cpu();
    wait();
    deck.server.cpu().since(before).total() / beats as f64
}

/// What an idle connection of any server keeps in memory.
///
/// # Errors
/// Its sockets fail.
pub fn memory(target: &Target<'_>, count: usize) -> io::Result<Row> {
    let empty = target.server.resident();
    let mut crowd = Crowd::new()?;
    crowd.join(&target.dial, count, HANDSHAKES)?;
    crowd.pump(now() + SECOND / 2, |_| false)?;
    let kept = target.server.resident().saturating_sub(empty);
    Ok(Row::new("memory", target.who)
        .with("connections", count as f64)
        .with("connection_kb", kept as f64 / 1024.0 / count as f64))
}

/// How many connections a second are made, each with its handshake and first word.
///
/// # Errors
/// The server or its sockets fail.
pub fn connects(plan: &Plan) -> io::Result<Row> {
    let deck = Deck::fresh(&plan.binary, &plan.work, Durability::Power, &[])?;
    let count = plan.pick(4_000, 10_000);
    let before = deck.server.cpu();
    let mut crowd = Crowd::new()?;
    let took = crowd.join(&deck::events(""), count, HANDSHAKES)?;
    let cpu = deck.server.cpu().since(before);
    Ok(Row::new("connects", "swarmdeck")
        .with("connects_per_s", count as f64 / took)
        .with("cpu_us", cpu.total() * 1e6 / count as f64))
}

/// Another process that holds connections.
struct Holders(Child);

impl Holders {
    fn start(count: usize) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["hold", &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        if line.trim() == "ready" { Ok(Self(child)) } else { Err(io::Error::other("another process could not connect")) }
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        let _ended = self.0.wait();
    }
}

/// What that process does: connect, say so, and read until its input ends.
///
/// # Errors
/// The sockets'.
pub fn hold(count: usize) -> io::Result<()> {
    let dial: Dial = deck::events("");
    let mut crowd = Crowd::new()?;
    crowd.join(&dial, count, HANDSHAKES)?;
    println!("ready");
    io::stdout().flush()?;
    let waiter = std::thread::spawn(|| io::stdin().read_to_end(&mut Vec::new()));
    crowd.pump(u64::MAX, |_| waiter.is_finished()).map(|_| ())
}
