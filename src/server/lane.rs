//! Lanes: sockets that keep up are written to in a row, by one thread for many of them.
//!
//! A task for each connection that wakes up for each batch, looks what there is and goes to sleep
//! again costs more than the write itself. So a connection that has everything takes a seat in a
//! lane, which waits for the next batch once, has each of its [voices](Voice) speak once, and writes
//! what it said to all seats of that voice: whom it concerns costs a write, and nobody else anything.
//! Who cannot take a whole write at once has his socket back, with what is left of the write; when he
//! has caught up he takes a seat again. A lane waits for nobody.

mod company;
#[cfg_attr(not(target_os = "linux"), path = "lane/anywhere.rs")]
mod hold;
mod seat;
mod voice;

use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::line::{JOINED, Line, MAX_PIECES};
use crate::event::Filter;
use crate::hub::{Batch, Delivery, Hub, Lag, Start, Subscription};
use company::Company;
use hold::{Hold, Kept};
use seat::Seat;
pub(super) use seat::{Ticket, left};
pub(super) use voice::Voice;

/// The lanes of a server: half as many as there are processors, so that the rest is for who reads.
#[derive(Debug)]
pub struct Lanes {
    lanes: Box<[Arc<Lane>]>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Lane {
    waiting: Mutex<Waiting>,
    /// The last event that the lane is done with: it went to whom it concerns.
    done: AtomicU64,
    /// How many left since the lane last looked who did.
    left: AtomicUsize,
}

/// Who takes part from the next round on.
#[derive(Debug)]
struct Waiting {
    /// Up to where the lane has come, the round that goes on included.
    at: u64,
    seats: Vec<Arc<Seat>>,
}

impl Lanes {
    /// Lanes that run until the server begins to stop.
    pub(crate) fn start(hub: &Hub, stopping: &CancellationToken) -> Self {
        let many = std::thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2);
        let kept = Kept::default();
        Self { lanes: (0..many).map(|_| Lane::start(hub, &kept, stopping)).collect(), next: AtomicUsize::new(0) }
    }

    /// A seat for a socket whose client has everything up to `at`, and what it is told from there on;
    /// none where the lane is further by now.
    pub(super) fn board<V: Voice>(&self, line: &Arc<Line>, at: u64, voice: V) -> Option<Ticket<V>> {
        let lane = &self.lanes[self.next.fetch_add(1, Ordering::Relaxed) % self.lanes.len()];
        let mut waiting = lane.waiting();
        if at < waiting.at {
            return None;
        }
        let seat = Seat::new(line, at, Arc::new(voice));
        // While no batch comes nobody else clears away who left.
        if waiting.seats.len() == waiting.seats.capacity() {
            waiting.seats.retain(|seat| seat.is_taken());
            // The next look comes after as many again.
            let kept = waiting.seats.len();
            waiting.seats.reserve(kept.max(16));
        }
        waiting.seats.push(Arc::clone(&seat));
        Some(Ticket::new(seat, Arc::clone(lane)))
    }
}

impl Lane {
    fn start(hub: &Hub, kept: &Kept, stopping: &CancellationToken) -> Arc<Self> {
        let subscription = follow(hub);
        hub.counters().shared_subscriptions.fetch_add(1, Ordering::Relaxed);
        let at = subscription.position();
        let waiting = Mutex::new(Waiting { at, seats: Vec::new() });
        let lane = Arc::new(Self { waiting, done: AtomicU64::new(at), left: AtomicUsize::new(0) });
        let drives = drive(Arc::clone(&lane), hub.clone(), subscription, kept.clone(), stopping.clone());
        let runtime = Handle::current();
        // A thread of its own: what the system keeps of many sockets stays with one processor.
        if let Err(error) = std::thread::Builder::new().name("lane".into()).spawn(move || runtime.block_on(drives)) {
            tracing::warn!(%error, "server.lane");
            // Then nobody boards.
            lane.waiting().at = u64::MAX;
        }
        lane
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn follow(hub: &Hub) -> Subscription {
    hub.subscribe(Start::Now, Filter::everything(), Lag::Log)
}

/// What a lane writes in one go: one batch, or several where it is late.
struct Round {
    runs: Vec<(Arc<Batch>, Range<usize>)>,
    /// The events after `from`, up to `to`.
    from: u64,
    to: u64,
}

impl Round {
    fn gather(from: u64, batch: Arc<Batch>, run: Range<usize>, subscription: &mut Subscription) -> Self {
        let mut length = batch.bytes();
        let mut runs = vec![(batch, run)];
        while length < JOINED
            && runs.len() < MAX_PIECES
            && let Some(Delivery::Run(batch, run)) = subscription.ready()
        {
            length += batch.bytes();
            runs.push((batch, run));
        }
        Self { runs, from, to: subscription.position() }
    }
}

/// A lane's work, until the server begins to stop.
async fn drive(lane: Arc<Lane>, hub: Hub, mut subscription: Subscription, kept: Kept, stopping: CancellationToken) {
    let mut company = Company::default();
    let mut hold = Hold::new(kept);
    loop {
        let from = subscription.position();
        hold.wait();
        let next = tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            next = subscription.next() => next,
        };
        hold.work();
        let Ok(Delivery::Run(batch, run)) = next else {
            // A lane that is so late that it must read the log, and cannot: everybody reads it himself.
            subscription = follow(&hub);
            company.leave_all(from);
            let mut waiting = lane.waiting();
            let at = subscription.position();
            waiting.at = at;
            // Whoever is further than that already waits on.
            waiting.seats.retain(|seat| Company::waits(seat, at));
            continue;
        };
        let round = Round::gather(from, batch, run, &mut subscription);
        let boarding = {
            let mut waiting = lane.waiting();
            waiting.at = round.to;
            std::mem::take(&mut waiting.seats)
        };
        let later = company.take_in(boarding, &round);
        if !later.is_empty() {
            lane.waiting().seats.extend(later);
        }
        if lane.left.load(Ordering::Relaxed) > company.many_left() {
            lane.left.store(0, Ordering::Relaxed);
            company.clear();
        }
        company.give(&hub, &round);
        lane.done.store(round.to, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
