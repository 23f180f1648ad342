//! Many senders that each wait for their acknowledgement, and the disk beside them.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

use memchr::memmem;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::Plan;
use crate::clock::{SECOND, now, seconds};
use crate::deck::{self, Deck, Durability};
use crate::event::{Events, Mark, Shape};
use crate::histogram::Histogram;
use crate::publisher::put_post;
use crate::row::Row;

/// Bytes that one commit of a batch of a hundred writes, about.
const FSYNC_BYTES: usize = 32 << 10;

/// What senders got.
#[derive(Debug, Default)]
pub struct Sent {
    /// Events that were acknowledged.
    pub events: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// From a request to its acknowledgement.
    pub latency: Histogram,
    /// How long it took, in seconds.
    pub seconds: f64,
}

struct Sender {
    socket: TcpStream,
    asked: u64,
    heard: Vec<u8>,
}

/// Has so many senders post batches, each the next one when it has its answer, until `span` seconds
/// have passed or `most` events are acknowledged.
///
/// # Errors
/// The sockets'.
pub fn post(senders: usize, batch: usize, span: f64, most: u64) -> io::Result<Sent> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    let request = request(batch);
    let mut all = Vec::with_capacity(senders);
    for index in 0..senders {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, deck::PORT))?;
        socket.set_nodelay(true)?;
        epoll::add(&epoll, &socket, EventData::new_u64(index as u64), EventFlags::IN)?;
        let asked = now();
        socket.write_all(&request)?;
        all.push(Sender { socket, asked, heard: Vec::new() });
    }
    let (mut sent, began, mut busy) = (Sent::default(), now(), senders);
    let end = began + (span * SECOND as f64) as u64;
    let mut events: Vec<Event> = Vec::with_capacity(senders);
    let mut bytes = vec![0; 16 << 10];
    while busy > 0 {
        events.clear();
        let wait = Timespec { tv_sec: 10, tv_nsec: 0 };
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), Some(&wait)) {
            Ok(0) => return Err(io::Error::other("no acknowledgement came for ten seconds")),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let sender = &mut all[event.data.u64() as usize];
            let (length, _) = recv(&sender.socket, &mut bytes[..], RecvFlags::empty())?;
            if length == 0 {
                return Err(io::Error::other("the server closed a sender's connection"));
            }
            sender.heard.extend_from_slice(&bytes[..length]);
            let Some(ok) = answer(&mut sender.heard) else { continue };
            let now = now();
            sent.latency.record(now - sender.asked);
            sent.refused += u64::from(!ok);
            sent.events += if ok { batch as u64 } else { 0 };
            if now >= end || sent.events >= most {
                busy -= 1;
                epoll::delete(&epoll, &sender.socket)?;
            } else {
                sender.asked = now;
                sender.socket.write_all(&request)?;
            }
        }
    }
    sent.seconds = seconds(began, now());
    Ok(sent)
}

fn request(batch: usize) -> Vec<u8> {
    let events = Events::new(Shape::Message);
    let mut body = Vec::new();
    for number in 0..batch as u64 {
        body.push(if number == 0 { b'[' } else { b',' });
        events.put(&mut body, Mark { number, time: 0 });
    }
    body.push(b']');
    let body = if batch == 1 { &body[1..body.len() - 1] } else { &body };
    let mut request = Vec::new();
    put_post(&mut request, "/api/events", &format!("127.0.0.1:{}", deck::PORT), body);
    request
}

/// Takes one answer out of what was heard; whether it was a success.
fn answer(heard: &mut Vec<u8>) -> Option<bool> {
    let head = memmem::find(heard, b"\r\n\r\n")? + 4;
    let text = heard[..head].to_ascii_lowercase();
    let at = memmem::find(&text, b"content-length: ")? + 16;
    let length: usize = std::str::from_utf8(text[at..].split(|byte| *byte == b'\r').next()?).ok()?.parse().ok()?;
    if heard.len() < head + length {
        return None;
    }
    let ok = heard.starts_with(b"HTTP/1.1 200");
    heard.drain(..head + length);
    Some(ok)
}

/// Durable ingest with batches of this size.
///
/// # Errors
/// The server or its sockets fail.
pub fn durable(plan: &Plan, scene: &str, senders: usize, batch: usize) -> io::Result<Row> {
    let deck = Deck::fresh(&plan.binary, &plan.work, Durability::Power, &[])?;
    post(senders, batch, 0.3, u64::MAX)?;
    let (before, commits) = (deck.server.cpu(), deck.metric("commits_total")?);
    let sent = post(senders, batch, plan.pick(2.0, 8.0), u64::MAX)?;
    let cpu = deck.server.cpu().since(before);
    let commits = deck.metric("commits_total")? - commits;
    Ok(Row::new(scene, "swarmdeck")
        .with("events_per_s", sent.events as f64 / sent.seconds)
        .with("cpu_us", cpu.total() * 1e6 / sent.events.max(1) as f64)
        .with("commits_per_s", commits / sent.seconds)
        .with("ack_p50_ms", sent.latency.quantile_ms(0.5))
        .with("ack_p99_ms", sent.latency.quantile_ms(0.99))
        .with("ack_p999_ms", sent.latency.quantile_ms(0.999))
        .with("ack_max_ms", sent.latency.max_ms())
        .with("refused", sent.refused as f64))
}

/// What the disk takes for an append and `fdatasync`, alone.
///
/// # Errors
/// The disk's.
pub fn fsync(plan: &Plan, folder: &Path) -> io::Result<Row> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("fsync");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(&path)?;
    let (block, mut took) = (vec![7; FSYNC_BYTES], Histogram::default());
    let end = now() + (plan.pick(0.7, 3.0) * SECOND as f64) as u64;
    while now() < end {
        let began = now();
        file.write_all(&block)?;
        file.sync_data()?;
        took.record(now() - began);
    }
    drop(file);
    std::fs::remove_file(path)?;
    Ok(Row::new("fsync", "disk")
        .with("p50_ms", took.quantile_ms(0.5))
        .with("p90_ms", took.quantile_ms(0.9))
        .with("p99_ms", took.quantile_ms(0.99))
        .with("p999_ms", took.quantile_ms(0.999))
        .with("max_ms", took.max_ms())
        .with("count", took.count() as f64))
}
