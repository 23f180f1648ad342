//! Thousands of subscribers on one thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

use crate::client::{Client, Dial, Stage, Tally};
use crate::clock::{SECOND, now};

/// How much one read takes: several batches of a busy server.
const BUFFER: usize = 256 << 10;
/// How many sockets are taken from the system at once.
const EVENTS: usize = 1_024;
/// After how many connections the next local address is used: an address has some 28,000 ports.
const PER_ADDRESS: usize = 4_000;

/// Subscribers, and what they have received.
#[derive(Debug)]
pub struct Crowd {
    epoll: OwnedFd,
    clients: Vec<(Client, usize)>,
    dials: Vec<Dial>,
    buffer: Vec<u8>,
    /// What they have received.
    pub tally: Tally,
    /// The same count, for a sender on another thread.
    pub received: Arc<AtomicU64>,
    open: usize,
    ended: usize,
}

impl Crowd {
    /// Nobody yet.
    ///
    /// # Errors
    /// The system has no epoll to give.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            clients: Vec::new(),
            dials: Vec::new(),
            buffer: vec![0; BUFFER],
            tally: Tally::default(),
            received: Arc::default(),
            open: 0,
            ended: 0,
        })
    }

    /// Adds subscribers, at most `at_once` of them in their handshake at any time. Gives how long it took, in seconds.
    ///
    /// # Errors
    /// Not all of them are subscribed within 30 seconds, or one is refused.
    pub fn join(&mut self, dial: &Dial, count: usize, at_once: usize) -> io::Result<f64> {
        let began = now();
        self.begin(dial, count, at_once)?;
        let wanted = self.clients.len();
        self.pump(began + 30 * SECOND, |crowd| crowd.open + crowd.ended >= wanted)?;
        if self.ended > 0 || self.open < wanted {
            let text = format!("{} of {wanted} subscribers are open, {} were refused or closed", self.open, self.ended);
            return Err(io::Error::other(text));
        }
        Ok((now() - began) as f64 / SECOND as f64)
    }

    /// Begins to add subscribers and returns once all have sent their request; their answers may be
    /// outstanding.
    ///
    /// # Errors
    /// The system has no socket to give.
    pub fn begin(&mut self, dial: &Dial, count: usize, at_once: usize) -> io::Result<()> {
        self.dials.push(dial.clone());
        let which = self.dials.len() - 1;
        for _ in 0..count {
            let before = self.clients.len();
            self.pump(now() + 30 * SECOND, |crowd| before - crowd.open - crowd.ended < at_once)?;
            let socket = dial_out(dial, before)?;
            epoll::add(&self.epoll, &socket, EventData::new_u64(before as u64), EventFlags::OUT)?;
            self.clients.push((Client::new(socket, dial), which));
        }
        Ok(())
    }

    /// Reads for all until `done` or the deadline; gives whether it was done.
    ///
    /// # Errors
    /// The system's.
    pub fn pump(&mut self, deadline: u64, mut done: impl FnMut(&Self) -> bool) -> io::Result<bool> {
        let mut events: Vec<Event> = Vec::with_capacity(EVENTS);
        loop {
            if done(self) {
                return Ok(true);
            }
            if now() >= deadline {
                return Ok(false);
            }
            events.clear();
            // Short, so that `done` is asked now and then.
            let wait = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&wait)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                self.serve(event.data.u64() as usize)?;
            }
            self.received.store(self.tally.received, Ordering::Release);
        }
    }

    fn serve(&mut self, index: usize) -> io::Result<()> {
        let (client, which) = &mut self.clients[index];
        let dial = &self.dials[*which];
        let before = client.stage;
        if before == Stage::Connecting {
            client.stage = Stage::Asked;
            client.send(&dial.request);
            epoll::modify(&self.epoll, &client.socket, EventData::new_u64(index as u64), EventFlags::IN)?;
        } else {
            client.read(&mut self.buffer, &dial.greeting, now, &mut self.tally);
        }
        let after = client.stage;
        if after != before {
            self.open += usize::from(after == Stage::Open);
            if after == Stage::Closed {
                self.ended += 1;
                self.open -= usize::from(before == Stage::Open);
                epoll::delete(&self.epoll, &client.socket)?;
            }
        }
        Ok(())
    }

    /// Makes these subscribers stop reading.
    ///
    /// # Errors
    /// The system's.
    pub fn stall(&mut self, which: std::ops::Range<usize>) -> io::Result<()> {
        for (client, _) in &self.clients[which] {
            epoll::delete(&self.epoll, &client.socket)?;
        }
        Ok(())
    }

    /// Makes them read again.
    ///
    /// # Errors
    /// The system's.
    pub fn resume(&mut self, which: std::ops::Range<usize>) -> io::Result<()> {
        for index in which {
            epoll::add(&self.epoll, &self.clients[index].0.socket, EventData::new_u64(index as u64), EventFlags::IN)?;
        }
        Ok(())
    }

    /// The newest number of a subscriber.
    pub fn newest(&self, index: usize) -> u64 {
        self.clients[index].0.newest
    }

    /// How many events a subscriber has received.
    pub fn received_by(&self, index: usize) -> u64 {
        self.clients[index].0.received
    }

    /// How many were refused or closed by the server.
    pub fn ended(&self) -> usize {
        self.ended
    }

    /// Begins to count anew; who has received what stays known.
    pub fn forget(&mut self) {
        self.tally = Tally::default();
        self.received.store(0, Ordering::Release);
    }
}

/// A socket on its way to the server; each few thousand come from a local address of their own.
fn dial_out(dial: &Dial, index: usize) -> io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    if let Some(bytes) = dial.receive_buffer {
        sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    }
    let from = Ipv4Addr::new(127, 0, 0, 2 + (index / PER_ADDRESS) as u8);
    bind(&socket, &SocketAddrV4::new(from, 0))?;
    match connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, dial.port)) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}
