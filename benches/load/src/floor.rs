//! The floor: what the system itself asks for one write to each socket, and nothing else.
//!
//! One thread takes lines from a sender and writes each as one WebSocket frame to every subscriber;
//! with a group of ten, up to ten lines that are there together go as one write. It keeps what a
//! socket does not take, so that nothing is lost. It checks nothing and remembers nothing.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::fd::{AsFd, OwnedFd};

use memchr::{memchr_iter, memmem};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt};

use crate::frame;

const SUBSCRIBERS: u64 = 0;
const SENDERS: u64 = 1;
const FIRST: u64 = 2;

struct Peer {
    socket: OwnedFd,
    sender: bool,
    subscribed: bool,
    heard: Vec<u8>,
    /// What the socket did not take.
    waiting: Vec<u8>,
}

/// Serves until it is ended: subscribers on `port`, senders on the next.
///
/// # Errors
/// The system's.
pub fn serve(port: u16, group: usize) -> io::Result<()> {
    let listen = |port| {
        let listener = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        io::Result::Ok(listener)
    };
    let (subscribers, senders) = (listen(port)?, listen(port + 1)?);
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &subscribers, EventData::new_u64(SUBSCRIBERS), EventFlags::IN)?;
    epoll::add(&epoll, &senders, EventData::new_u64(SENDERS), EventFlags::IN)?;
    let mut peers: HashMap<u64, Peer> = HashMap::new();
    let mut next = FIRST;
    let mut events: Vec<Event> = Vec::with_capacity(1_024);
    loop {
        events.clear();
        match epoll::wait(&epoll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let (which, flags) = (event.data.u64(), event.flags);
            if which < FIRST {
                let from = if which == SENDERS { senders.as_fd() } else { subscribers.as_fd() };
                while let Ok(socket) = accept_with(from, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
                    sockopt::set_tcp_nodelay(&socket, true)?;
                    epoll::add(&epoll, &socket, EventData::new_u64(next), EventFlags::IN)?;
                    let peer =
                        Peer { socket, sender: which == SENDERS, subscribed: false, heard: Vec::new(), waiting: Vec::new() };
                    peers.insert(next, peer);
                    next += 1;
                }
                continue;
            }
            let Some(peer) = peers.get_mut(&which) else { continue };
            if flags.contains(EventFlags::OUT) {
                flush(&epoll, which, peer)?;
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) && !hear(peer) {
                peers.remove(&which);
                continue;
            }
            let Some(peer) = peers.get_mut(&which) else { continue };
            if peer.sender {
                let lines = whole_lines(&mut peer.heard);
                publish(&epoll, &mut peers, &lines, group)?;
            }
        }
    }
}

/// Reads what a peer says; answers a handshake. Gives whether the peer is still there.
fn hear(peer: &mut Peer) -> bool {
    let mut bytes = [0; 64 << 10];
    let length = match recv(&peer.socket, &mut bytes[..], RecvFlags::empty()) {
        Ok((0, _)) => return false,
        Ok((length, _)) => length,
        Err(Errno::AGAIN | Errno::INTR) => return true,
        Err(_) => return false,
    };
    if peer.subscribed {
        // What subscribers say after their handshake is not for the floor.
        return true;
    }
    peer.heard.extend_from_slice(&bytes[..length]);
    if !peer.sender && memmem::find(&peer.heard, b"\r\n\r\n").is_some() {
        if memmem::find(&peer.heard, frame::KEY.as_bytes()).is_none() {
            return false;
        }
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            frame::ACCEPT
        );
        (peer.subscribed, peer.heard) = (true, Vec::new());
        return send(&peer.socket, answer.as_bytes(), SendFlags::NOSIGNAL).is_ok();
    }
    true
}

/// Takes the whole lines out of what was heard.
fn whole_lines(heard: &mut Vec<u8>) -> Vec<u8> {
    let end = memchr::memrchr(b'\n', heard).map_or(0, |at| at + 1);
    let rest = heard.split_off(end);
    std::mem::replace(heard, rest)
}

fn publish(epoll: &OwnedFd, peers: &mut HashMap<u64, Peer>, lines: &[u8], group: usize) -> io::Result<()> {
    let (mut frames, mut together, mut start) = (Vec::new(), 0, 0);
    for end in memchr_iter(b'\n', lines) {
        frame::put_text(&mut frames, &lines[start..end]);
        (together, start) = (together + 1, end + 1);
        if together == group || start == lines.len() {
            for (which, peer) in peers.iter_mut().filter(|(_, peer)| peer.subscribed) {
                write(epoll, *which, peer, &frames)?;
            }
            frames.clear();
            together = 0;
        }
    }
    Ok(())
}

fn write(epoll: &OwnedFd, which: u64, peer: &mut Peer, bytes: &[u8]) -> io::Result<()> {
    if !peer.waiting.is_empty() {
        peer.waiting.extend_from_slice(bytes);
        return Ok(());
    }
    let sent = match send(&peer.socket, bytes, SendFlags::NOSIGNAL) {
        Ok(sent) => sent,
        Err(Errno::AGAIN) => 0,
        // Its end is read, too.
        Err(_) => return Ok(()),
    };
    if sent < bytes.len() {
        peer.waiting.extend_from_slice(&bytes[sent..]);
        epoll::modify(epoll, &peer.socket, EventData::new_u64(which), EventFlags::IN | EventFlags::OUT)?;
    }
    Ok(())
}

fn flush(epoll: &OwnedFd, which: u64, peer: &mut Peer) -> io::Result<()> {
    if let Ok(sent) = send(&peer.socket, &peer.waiting, SendFlags::NOSIGNAL) {
        peer.waiting.drain(..sent);
    }
    if peer.waiting.is_empty() {
        peer.waiting = Vec::new();
        epoll::modify(epoll, &peer.socket, EventData::new_u64(which), EventFlags::IN)?;
    }
    Ok(())
}
