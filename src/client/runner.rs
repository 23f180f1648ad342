//! Drives the link: opens sockets, feeds frames to [`Live`] once per frame, plays the demo.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;

use super::link::{Act, Link, Transport};
use super::live::{DemoWhy, Live};
use super::meter::Meter;
use super::platform::{chance, clock, next_frame, now};
use super::play;
use super::socket::{Socket, Told};
use crate::event::control::{Control, Frame, GapReason, Hello, Resumed, Snapshot};
use crate::event::wire::{At, Wire as _};
use crate::event::{Event, Timestamp};
use crate::swarm::SwarmState;

/// How often the link looks at the time.
const TICK: Duration = Duration::from_millis(100);
/// How many events may wait for a frame; more are folded at once.
const WAITING: usize = 5_000;

struct Runner {
    live: Live,
    link: Link,
    socket: Option<Socket>,
    /// Counts sockets, so that a late word of a former one is passed over.
    generation: u32,
    transport: Transport,
    /// Whether the next connection asks for the state: what is known here cannot be resumed.
    wants_snapshot: bool,
    /// The log that the open connection speaks of.
    epoch: String,
    waiting: Vec<Event>,
    /// The time at the last tick that told it.
    second: Timestamp,
    frame_due: bool,
    meter: Meter,
    /// Events up to this seq were caught up after a return: their delay is the absence's.
    caught_up_to: u64,
}

type Shared = Rc<RefCell<Runner>>;

/// Starts the page's connection; called once, after hydration.
pub fn start(live: Live) {
    let (epoch, seq) = live.position();
    let runner = Rc::new(RefCell::new(Runner {
        live,
        link: Link::new(clock()),
        socket: None,
        generation: 0,
        transport: Transport::WebSocket,
        // A page that no server rendered knows no log, one that begins in the past not what is now.
        wants_snapshot: live.is_past() || epoch.bytes().all(|digit| digit == b'0'),
        epoch,
        waiting: Vec::new(),
        second: Timestamp(0),
        frame_due: false,
        meter: Meter::default(),
        caught_up_to: seq,
    }));
    if !live.is_past() {
        live.now.set(now());
    }
    live.awake.set(true);
    tick(&runner);
    let ticking = Rc::clone(&runner);
    set_interval(move || tick(&ticking), TICK);
    // While there is a server: the demo is for when there is none.
    leptos::task::spawn_local(async {
        play::fetch().await;
    });
    Effect::new(move |before: Option<u64>| {
        let asked = live.retry.get();
        if before.is_some_and(|before| before != asked) {
            let act = runner.borrow_mut().link.retry_now(clock());
            perform(&runner, act);
        }
        asked
    });
}

fn tick(shared: &Shared) {
    let act = {
        let mut runner = shared.borrow_mut();
        let time = clock();
        let second = Timestamp(time as i64);
        if second.0 / 1_000 != runner.second.0 / 1_000 {
            runner.second = second;
            // In the past the time is that of the past.
            if !runner.live.is_past() {
                runner.live.now.set(second);
            }
            runner.live.measured(runner.meter.delays());
        }
        if runner.live.is_demo() {
            runner.live.play(second);
        } else if runner.link.demo_is_due(time, runner.live.has_data()) {
            runner.live.begin_demo(DemoWhy::NoServer, time as u64, second);
        }
        runner.link.tick(time)
    };
    perform(shared, act);
}

fn perform(shared: &Shared, act: Act) {
    match act {
        Act::Wait => {}
        Act::Open(transport) => open(shared, transport),
        Act::Drop(cause) => {
            let generation = shared.borrow().generation;
            closed(shared, generation, cause);
        }
    }
}

fn open(shared: &Shared, transport: Transport) {
    let (generation, query) = {
        let mut runner = shared.borrow_mut();
        runner.generation += 1;
        runner.transport = transport;
        let (epoch, seq) = runner.live.position();
        let query = if runner.wants_snapshot { "snapshot=1".to_owned() } else { format!("after={epoch}-{}", runner.newest(seq)) };
        (runner.generation, query)
    };
    let telling = Rc::downgrade(shared);
    let opened = Socket::open(transport, &query, move |told| {
        let Some(shared) = telling.upgrade() else { return };
        match told {
            Told::Frame(text) => heard(&shared, generation, &text),
            Told::Closed(cause) => closed(&shared, generation, &cause),
        }
    });
    match opened {
        Ok(socket) => shared.borrow_mut().socket = Some(socket),
        Err(cause) => closed(shared, generation, &cause),
    }
}

fn closed(shared: &Shared, generation: u32, cause: &str) {
    let mut runner = shared.borrow_mut();
    if runner.generation != generation {
        return;
    }
    runner.generation += 1;
    // A listener of the socket may be running right now: it is dropped when that has returned.
    let socket = runner.socket.take();
    next_frame(move || drop(socket));
    let transport = runner.transport;
    runner.link.closed(clock(), transport, cause, chance());
    runner.show();
}

fn heard(shared: &Shared, generation: u32, text: &str) {
    let mut runner = shared.borrow_mut();
    if runner.generation != generation {
        return;
    }
    runner.link.heard(clock());
    match Frame::parse(text) {
        Ok(Frame::Event { event, .. }) => {
            let (_, folded) = runner.live.position();
            if !runner.wants_snapshot && event.seq > runner.newest(folded) + 1 {
                // A hole, wherever it comes from: the cursor asks for what is missing.
                drop(runner);
                return closed(shared, generation, "an event did not arrive");
            }
            runner.waiting.push(*event);
            if runner.waiting.len() >= WAITING {
                runner.fold();
            } else if !std::mem::replace(&mut runner.frame_due, true) {
                let shared = Rc::clone(shared);
                next_frame(move || frame(&shared));
            }
        }
        Ok(Frame::Control(control)) => {
            let again = runner.control(control);
            drop(runner);
            if again {
                closed(shared, generation, "the log changed");
                let act = shared.borrow_mut().link.retry_now(clock());
                perform(shared, act);
            }
        }
        Ok(Frame::Other) => {}
        Err(fault) => leptos::logging::warn!("a frame was passed over: {fault}"),
    }
}

/// A frame is about to be drawn: what came since the last one goes into it together.
fn frame(shared: &Shared) {
    let drawn = {
        let mut runner = shared.borrow_mut();
        runner.frame_due = false;
        runner.fold()
    };
    // When the next frame begins, this one is on the screen.
    let shared = Rc::clone(shared);
    next_frame(move || {
        let mut runner = shared.borrow_mut();
        let shown = clock();
        for happened in drawn {
            runner.meter.add(shown - happened);
        }
    });
}

impl Runner {
    /// The newest seq that is here, folded or waiting.
    fn newest(&self, folded: u64) -> u64 {
        self.waiting.last().map_or(folded, |event| event.seq.max(folded))
    }

    /// Folds what waits; when each event happened, of those that came live.
    fn fold(&mut self) -> Vec<f64> {
        let events = std::mem::take(&mut self.waiting);
        self.live.fold(&events);
        let live = events.iter().filter(|event| event.seq > self.caught_up_to);
        live.map(|event| event.ts.0 as f64).collect()
    }

    /// Takes a word about the stream; whether to connect anew.
    fn control(&mut self, control: Control) -> bool {
        match control {
            Control::Hello(hello) => self.hello(&hello),
            Control::Gap(gap) => {
                match gap.reason {
                    GapReason::Epoch => self.link.other_log(),
                    GapReason::Retention | GapReason::Overflow => self.link.gap(gap.to.saturating_sub(gap.from) + 1),
                }
                self.show();
                // Without the missing events the fold would be wrong: take the whole state.
                let again = !self.wants_snapshot;
                self.wants_snapshot = true;
                return again;
            }
            Control::Snapshot(snapshot) => self.snapshot(*snapshot),
            Control::Bye(bye) => self.link.bye(bye.retry_ms),
            Control::Heartbeat(_) => {}
        }
        false
    }

    fn hello(&mut self, hello: &Hello) {
        self.epoch.clone_from(&hello.epoch);
        let (_, seq) = self.live.position();
        let known = self.newest(seq);
        self.caught_up_to = hello.head;
        let resumed = if self.wants_snapshot { Resumed::Fresh } else { hello.resumed };
        let before = self.link.last_return();
        self.link.hello(clock(), self.transport, resumed, known, hello.head, hello.heartbeat_ms);
        if let (true, Some(before)) = (self.wants_snapshot, before) {
            // What this return began with: a gap that only the whole state could close.
            self.link.went(before);
        }
        self.show();
    }

    fn snapshot(&mut self, snapshot: Snapshot) {
        self.waiting.clear();
        match SwarmState::read(snapshot.state, &At::Root("state")) {
            Ok(state) => {
                self.live.replace(self.epoch.clone(), state);
                self.wants_snapshot = false;
            }
            Err(fault) => leptos::logging::error!("the state cannot be read: {fault}"),
        }
    }

    fn show(&self) {
        self.live.stand(self.link.phase().clone(), self.link.last_return());
    }
}
