//! One connection's part in a lane.

use std::io::{ErrorKind, IoSlice};
use std::marker::PhantomData;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use super::Lane;
use super::voice::{AnyVoice, Spoken, Voice};
use crate::server::line::Line;

/// A connection's hold on its seat. With it goes the lane's hold on the socket.
#[derive(Debug)]
pub(in crate::server) struct Ticket<V> {
    seat: Arc<Seat>,
    lane: Arc<Lane>,
    voice: PhantomData<V>,
}

/// How a connection has its socket back.
#[derive(Debug)]
pub(in crate::server) struct Left<V> {
    /// The last event that the client has, once it has `rest`.
    pub(in crate::server) at: u64,
    /// What goes to the client before anything else.
    pub(in crate::server) rest: Vec<Bytes>,
    /// The voice that goes on from there.
    pub(in crate::server) voice: V,
}

impl<V: Voice> Ticket<V> {
    pub(super) fn new(seat: Arc<Seat>, lane: Arc<Lane>) -> Self {
        Self { seat, lane, voice: PhantomData }
    }

    /// Takes the socket back; nothing where it failed.
    pub(in crate::server) fn leave(self) -> Option<Left<V>> {
        let mut place = self.seat.place();
        let at = place.reached(&self.lane);
        place.line = None;
        let voice = place.voice.as_any().downcast_ref::<V>().cloned()?;
        (!place.gone).then(|| Left { at, rest: std::mem::take(&mut place.rest), voice })
    }

    /// Writes something between two batches, made for how far the client has come; `false` where
    /// nothing was written and the connection must take its socket back.
    pub(in crate::server) fn say(&self, words: impl FnOnce(u64) -> Bytes) -> bool {
        let mut place = self.seat.place();
        let at = place.reached(&self.lane);
        let Some(line) = &place.line else { return false };
        let words = words(at);
        match line.try_write(&words) {
            Ok(written) if written == words.len() => true,
            Ok(written) if written > 0 => {
                place.rest.push(words.slice(written..));
                self.seat.give_up(place, at);
                true
            }
            _ => false,
        }
    }
}

/// Waits until the lane gives a seat up; for ever where there is none.
pub(in crate::server) async fn left<V: Voice>(seat: Option<&Ticket<V>>) {
    match seat {
        Some(ticket) => ticket.seat.left.notified().await,
        None => std::future::pending().await,
    }
}

impl<V> Drop for Ticket<V> {
    fn drop(&mut self) {
        self.seat.place().line = None;
        self.lane.left.fetch_add(1, Ordering::Relaxed);
    }
}

/// One connection's part in a lane.
#[derive(Debug)]
pub(super) struct Seat {
    place: Mutex<Place>,
    left: Notify,
}

#[derive(Debug)]
pub(super) struct Place {
    /// The socket, for as long as the seat is taken.
    line: Option<Arc<Line>>,
    /// The last event that the client was given, or that stands in `rest`; where the seat is taken it
    /// also has all that the lane is done with.
    at: u64,
    /// What the client did not take of the last write.
    rest: Vec<Bytes>,
    voice: Arc<dyn AnyVoice>,
    /// The socket failed.
    gone: bool,
}

impl Place {
    /// The last event that the client has, or that stands in `rest`.
    fn reached(&self, lane: &Lane) -> u64 {
        // Read while the lane can write nothing to this seat: what it is done with was written.
        if self.line.is_some() { self.at.max(lane.done.load(Ordering::Acquire)) } else { self.at }
    }
}

impl Seat {
    pub(super) fn new(line: &Arc<Line>, at: u64, voice: Arc<dyn AnyVoice>) -> Arc<Self> {
        let place = Place { line: Some(Arc::clone(line)), at, rest: Vec::new(), voice, gone: false };
        Arc::new(Self { place: Mutex::new(place), left: Notify::new() })
    }

    /// Where it stands that took the seat, and its voice; nothing where it left.
    pub(super) fn standing(&self) -> Option<(u64, Arc<dyn AnyVoice>)> {
        let place = self.place();
        place.line.is_some().then(|| (place.at, Arc::clone(&place.voice)))
    }

    /// Whether anybody is on it.
    pub(super) fn is_taken(&self) -> bool {
        self.place().line.is_some()
    }

    /// Gives the socket back to its connection, which has everything up to `at`.
    pub(super) fn leave_at(&self, at: u64) {
        self.give_up(self.place(), at);
    }

    fn give_up(&self, mut place: MutexGuard<'_, Place>, at: u64) {
        place.line = None;
        place.at = at;
        drop(place);
        self.left.notify_one();
    }

    /// Writes what a voice said to the events after `from`, up to `to`; whether the seat is kept.
    pub(super) fn write(&self, spoken: &Spoken, slices: &[IoSlice<'_>], from: u64, to: u64) -> bool {
        let mut place = self.place();
        let Some(line) = &place.line else { return false };
        let written = match slices {
            [] => Ok(0),
            [one] => line.try_write(one),
            many => line.try_write_vectored(many),
        };
        match written {
            Ok(written) if written == spoken.length => {
                place.stand(to, spoken);
                return true;
            }
            Ok(written) if written > 0 => {
                place.stand(to, spoken);
                place.rest = rest(&spoken.pieces, written);
                self.give_up(place, to);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.give_up(place, from),
            Ok(_) | Err(_) => {
                place.gone = true;
                self.give_up(place, from);
            }
        }
        false
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn stand(&mut self, at: u64, spoken: &Spoken) {
        self.at = at;
        if let Some(then) = &spoken.then {
            self.voice = Arc::clone(then);
        }
    }
}

/// What is left of pieces after so many bytes of them.
fn rest(pieces: &[Bytes], mut written: usize) -> Vec<Bytes> {
    let mut rest = Vec::new();
    for piece in pieces {
        let done = written.min(piece.len());
        written -= done;
        if done < piece.len() {
            rest.push(piece.slice(done..));
        }
    }
    rest
}
