//! Who sends the events of a fan-out: one connection, numbered events, by the clock or by a window.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use memchr::memmem;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use crate::clock::{SECOND, now, sleep_until};
use crate::event::{Events, Mark};

/// How events are handed to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entrance {
    /// `POST /api/events`, an array where several go together; pipelined on one connection.
    Deck,
    /// A `POST` for each event to nchan's publisher location; pipelined on one connection.
    Nchan,
    /// NATS' `PUB`.
    Nats,
    /// A line of text for each event, over plain TCP: the peers' scripts and the floor.
    Lines,
}

/// When events are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// So many a second, on a schedule that waits for nobody.
    Rate(f64),
    /// As many as keep so many on their way to the subscribers.
    Window(u64),
}

/// One sender.
#[derive(Debug)]
pub struct Publisher {
    socket: TcpStream,
    entrance: Entrance,
    host: String,
    events: Events,
    body: Vec<u8>,
    out: Vec<u8>,
    /// The number of the newest event sent.
    pub number: u64,
    /// Answers that were no success.
    pub refused: u64,
}

impl Publisher {
    /// Connects to a server's entrance on 127.0.0.1.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(port: u16, entrance: Entrance, events: Events) -> io::Result<Self> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        socket.set_nodelay(true)?;
        if entrance == Entrance::Nats {
            socket.write_all(b"CONNECT {\"verbose\":false}\r\n")?;
        }
        let host = format!("127.0.0.1:{port}");
        Ok(Self { socket, entrance, host, events, body: Vec::new(), out: Vec::new(), number: 0, refused: 0 })
    }

    /// Sends other events from now on; their numbers go on.
    pub fn change(&mut self, events: Events) {
        self.events = events;
    }

    /// Sends the next `count` events in one write, with a time for their marks.
    ///
    /// # Errors
    /// The socket's.
    pub fn send(&mut self, count: u64, time: u64) -> io::Result<()> {
        self.out.clear();
        match self.entrance {
            Entrance::Deck => {
                self.body.clear();
                self.body.push(b'[');
                for _ in 0..count {
                    self.number += 1;
                    self.events.put(&mut self.body, Mark { number: self.number, time });
                    self.body.push(b',');
                }
                if let Some(last) = self.body.last_mut() {
                    *last = b']';
                }
                // A single event goes as itself.
                let body = if count == 1 { &self.body[1..self.body.len() - 1] } else { &self.body };
                put_post(&mut self.out, "/api/events", &self.host, body);
            }
            entrance => {
                for _ in 0..count {
                    self.number += 1;
                    self.body.clear();
                    self.events.put(&mut self.body, Mark { number: self.number, time });
                    match entrance {
                        Entrance::Nchan => put_post(&mut self.out, "/publish", &self.host, &self.body),
                        Entrance::Nats => write!(self.out, "PUB load {}\r\n", self.body.len())?,
                        Entrance::Deck | Entrance::Lines => {}
                    }
                    if entrance != Entrance::Nchan {
                        self.out.extend_from_slice(&self.body);
                        self.out.extend_from_slice(if entrance == Entrance::Nats { b"\r\n" } else { b"\n" });
                    }
                }
            }
        }
        self.socket.write_all(&self.out)?;
        self.answers()
    }

    /// Looks at what was answered so far; a server that speaks NATS is answered.
    fn answers(&mut self) -> io::Result<()> {
        let mut bytes = [0; 16 << 10];
        loop {
            match recv(&self.socket, &mut bytes[..], RecvFlags::DONTWAIT) {
                Ok((0, _)) => return Err(io::Error::other("the server closed the sender's connection")),
                Ok((length, _)) => {
                    let text = &bytes[..length];
                    match self.entrance {
                        Entrance::Nats if memmem::find(text, b"PING").is_some() => self.socket.write_all(b"PONG\r\n")?,
                        Entrance::Deck | Entrance::Nchan => {
                            let bad = |start: usize| text.get(start + 9).is_some_and(|digit| *digit != b'2');
                            self.refused += memmem::find_iter(text, b"HTTP/1.1 ").filter(|start| bad(*start)).count() as u64;
                            if self.refused == 1 {
                                eprintln!("refused: {}", String::from_utf8_lossy(text));
                            }
                        }
                        Entrance::Nats | Entrance::Lines => {}
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends events in groups for so many seconds, or until `most` are out; `received` counts what the
    /// subscribers have got together, `share` how many of them one event reaches.
    ///
    /// # Errors
    /// The socket's.
    pub fn run(&mut self, pace: Pace, group: u64, span: (f64, u64), received: &Arc<AtomicU64>, share: f64) -> io::Result<()> {
        let (began, first) = (now() + SECOND / 1_000, self.number);
        let end = began.saturating_add((span.0 * SECOND as f64) as u64);
        for turn in 0.. {
            let sent = self.number - first;
            let time = match pace {
                Pace::Rate(rate) => began + ((turn * group) as f64 / rate * SECOND as f64) as u64,
                Pace::Window(_) => now(),
            };
            if time >= end || sent >= span.1 {
                break;
            }
            if let Pace::Window(window) = pace
                && sent as f64 - received.load(Ordering::Acquire) as f64 / share >= window as f64
            {
                std::thread::sleep(Duration::from_micros(50));
                continue;
            }
            sleep_until(time);
            self.send(group, time)?;
        }
        self.answers()
    }
}

/// Appends a request with a body of JSON.
pub fn put_post(out: &mut Vec<u8>, path: &str, host: &str, body: &[u8]) {
    out.extend_from_slice(
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .as_bytes(),
    );
    out.extend_from_slice(body);
}
