//! One subscriber: its handshake, what it reads, and whether anything is missing.

use std::os::fd::OwnedFd;

use memchr::memmem;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::event::{self, MARK, Mark};
use crate::frame;
use crate::histogram::Histogram;

/// What a server speaks to its subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// A text frame for each event.
    WebSocket,
    /// Server-Sent Events over HTTP.
    Sse,
    /// NATS' own protocol inside binary frames.
    Nats,
    /// Engine.IO and Socket.IO packets inside text frames.
    SocketIo,
}

/// By what a subscriber counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// The sender's own numbers; the latency is told by the mark's time.
    Mark,
    /// The `seq` of protocol v1: for what is read from the log.
    Seq,
}

/// How a subscriber presents itself.
#[derive(Debug, Clone)]
pub struct Dial {
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The request of its handshake.
    pub request: Vec<u8>,
    /// Frames that follow the answer.
    pub greeting: Vec<u8>,
    /// What it is answered in.
    pub speech: Speech,
    /// By what it counts.
    pub numbering: Numbering,
    /// Every how many numbers one is for it: under a filter that lets one of twenty through, 20.
    pub step: u64,
    /// The size of its receive buffer in bytes, where it is not the system's choice.
    pub receive_buffer: Option<usize>,
    /// Whether the server says a first word that shows the subscription to stand.
    pub greeted: bool,
}

impl Dial {
    /// A WebSocket subscriber of a path.
    pub fn websocket(port: u16, path: &str) -> Self {
        Self {
            port,
            request: frame::handshake(path, &format!("127.0.0.1:{port}")),
            greeting: Vec::new(),
            speech: Speech::WebSocket,
            numbering: Numbering::Mark,
            step: 1,
            receive_buffer: None,
            greeted: false,
        }
    }

    /// A subscriber of Server-Sent Events.
    pub fn sse(port: u16, path: &str) -> Self {
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: text/event-stream\r\n\r\n");
        Self { request: request.into_bytes(), speech: Speech::Sse, ..Self::websocket(port, path) }
    }

    /// The same, with a first word of the server awaited.
    pub fn greeted(self) -> Self {
        Self { greeted: true, ..self }
    }
}

/// How far a subscriber has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The socket is not yet connected.
    Connecting,
    /// The request is out.
    Asked,
    /// The answer is there, the first word is not.
    Answered,
    /// It is subscribed.
    Open,
    /// The server or the socket has ended.
    Closed,
}

/// What all subscribers of a crowd have received together.
#[derive(Debug, Default)]
pub struct Tally {
    /// Latencies of events, where they are marked with a time.
    pub latency: Histogram,
    /// Events.
    pub received: u64,
    /// Events that came out of order or twice.
    pub disordered: u64,
    /// Events that a server said it would not deliver.
    pub declared: u64,
    /// Events that are missing, those declared among them.
    pub missing: u64,
}

/// One subscriber.
#[derive(Debug)]
pub struct Client {
    pub(crate) socket: OwnedFd,
    pub(crate) stage: Stage,
    speech: Speech,
    numbering: Numbering,
    step: u64,
    greeted: bool,
    /// The beginning of what has not come whole; empty for an idle one.
    carry: Vec<u8>,
    /// The newest number; 0 before the first.
    pub(crate) newest: u64,
    /// How many events it has received.
    pub(crate) received: u64,
    /// Where in the last frame the mark stood, from its end.
    hint: usize,
}

impl Client {
    pub(crate) fn new(socket: OwnedFd, dial: &Dial) -> Self {
        Self {
            socket,
            stage: Stage::Connecting,
            speech: dial.speech,
            numbering: dial.numbering,
            step: dial.step,
            greeted: dial.greeted,
            carry: Vec::new(),
            newest: 0,
            received: 0,
            hint: 0,
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // What a subscriber says is little and the socket's buffer empty: all of it goes or the socket is gone.
        if send(&self.socket, bytes, SendFlags::NOSIGNAL) != Ok(bytes.len()) {
            self.stage = Stage::Closed;
        }
    }

    /// Reads what is there, once. `buffer` is lent by the crowd; `greeting` follows the server's answer.
    pub(crate) fn read(&mut self, buffer: &mut [u8], greeting: &[u8], now: impl Fn() -> u64, tally: &mut Tally) {
        let kept = self.carry.len();
        buffer[..kept].copy_from_slice(&self.carry);
        let length = match recv(&self.socket, &mut buffer[kept..], RecvFlags::empty()) {
            Ok((0, _)) => return self.stage = Stage::Closed,
            Ok((length, _)) => length,
            Err(Errno::AGAIN | Errno::INTR) => return,
            Err(_) => return self.stage = Stage::Closed,
        };
        let bytes = &buffer[..kept + length];
        let mut used = 0;
        if self.stage == Stage::Asked {
            let Some(end) = memmem::find(bytes, b"\r\n\r\n") else {
                self.carry = bytes.to_vec();
                return;
            };
            used = end + 4;
            self.answered(&bytes[..used], greeting);
        }
        used += match self.speech {
            Speech::Sse => self.scan(&bytes[used..], now(), tally),
            _ => self.frames(&bytes[used..], now(), tally),
        };
        self.carry.clear();
        self.carry.extend_from_slice(&bytes[used..]);
        if self.carry.is_empty() && self.carry.capacity() > 4096 {
            self.carry = Vec::new();
        }
    }

    fn answered(&mut self, head: &[u8], greeting: &[u8]) {
        let well = match self.speech {
            Speech::Sse => head.starts_with(b"HTTP/1.1 200"),
            _ => head.starts_with(b"HTTP/1.1 101") && memmem::find(head, frame::ACCEPT.as_bytes()).is_some(),
        };
        self.stage = match (well, self.greeted) {
            (false, _) => Stage::Closed,
            (true, true) => Stage::Answered,
            (true, false) => Stage::Open,
        };
        if well && !greeting.is_empty() {
            self.send(greeting);
        }
    }

    /// Counts the marks of a text without frames; gives how many bytes are done with.
    fn scan(&mut self, bytes: &[u8], now: u64, tally: &mut Tally) -> usize {
        let mut used = 0;
        while let Some(found) = event::find_mark(&bytes[used..]) {
            match event::mark_at(bytes, used + found) {
                Some(mark) => self.take(mark, now, tally),
                // Its end has not come.
                None if used + found + MARK > bytes.len() => return used + found,
                None => {}
            }
            used += found + MARK;
        }
        // The beginning of a mark may be the end of what is there.
        used.max(bytes.len().saturating_sub(MARK - 1))
    }

    fn frames(&mut self, bytes: &[u8], now: u64, tally: &mut Tally) -> usize {
        let mut used = 0;
        while let Some(header) = frame::header(&bytes[used..]) {
            let start = used + header.length;
            let Some(payload) = bytes.get(start..start + header.payload) else { break };
            used = start + header.payload;
            match header.opcode {
                frame::CLOSE => self.stage = Stage::Closed,
                frame::PING => self.send(&frame::pong(payload)),
                _ => self.payload(payload, now, tally),
            }
        }
        used
    }

    fn payload(&mut self, text: &[u8], now: u64, tally: &mut Tally) {
        if self.numbering == Numbering::Seq {
            return match event::seq(text) {
                Some(number) => self.count(number, tally),
                None => self.word(text, tally),
            };
        }
        if let Some(mark) = text.len().checked_sub(self.hint).and_then(|at| event::mark_at(text, at)) {
            return self.take(mark, now, tally);
        }
        match event::find_mark(text) {
            // One frame carries many of its messages.
            Some(_) if self.speech == Speech::Nats => {
                self.scan(text, now, tally);
            }
            Some(at) => {
                self.hint = text.len() - at;
                if let Some(mark) = event::mark_at(text, at) {
                    self.take(mark, now, tally);
                }
            }
            None => self.word(text, tally),
        }
    }

    /// What is no event: first words, signs of life, what is told to be missing.
    fn word(&mut self, text: &[u8], tally: &mut Tally) {
        match (self.speech, text) {
            (Speech::Nats, _) if text.starts_with(b"PING") => self.send(&frame::masked(2, b"PONG\r\n")),
            (Speech::Nats, _) if !text.starts_with(b"PONG") => return,
            (Speech::SocketIo, [b'0', ..]) => return self.send(&frame::masked(1, b"40")),
            (Speech::SocketIo, b"2") => return self.send(&frame::masked(1, b"3")),
            _ => tally.declared += declared(text),
        }
        if self.stage == Stage::Answered {
            self.stage = Stage::Open;
        }
    }

    fn take(&mut self, mark: Mark, now: u64, tally: &mut Tally) {
        tally.latency.record(now.saturating_sub(mark.time));
        self.count(mark.number, tally);
    }

    fn count(&mut self, number: u64, tally: &mut Tally) {
        tally.received += 1;
        self.received += 1;
        let expected = self.newest + self.step;
        if number == expected || self.newest == 0 {
            self.newest = number;
        } else if number > expected {
            tally.missing += (number - expected) / self.step;
            self.newest = number;
        } else {
            tally.disordered += 1;
        }
    }
}

/// How many events a server says it will not deliver: protocol v1's gap, or a dialect's word.
fn declared(text: &[u8]) -> u64 {
    let lower = text.to_ascii_lowercase();
    if memmem::find(&lower, b"stream.gap").is_none() && memmem::find(&lower, b"missed").is_none() {
        return 0;
    }
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(text) else { return 0 };
    let find = |key: &str| [&value["payload"], &value["data"], &value].into_iter().find_map(|place| place[key].as_u64());
    match (find("from"), find("to")) {
        (Some(from), Some(to)) => to + 1 - from,
        _ => find("count").or_else(|| find("missed")).unwrap_or(0),
    }
}
