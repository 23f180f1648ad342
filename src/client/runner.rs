//! Drives the link: opens sockets, feeds frames to [`Live`] once per frame, plays the demo.

mod tabs;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsValue;

use self::tabs::Tabs;
use super::channel::on_put_away;
use super::link::{Act, Link, Transport};
use super::live::{DemoWhy, Live};
use super::platform::{AfterPaint, amend, amended, chance, clock, hidden, next_frame, now, precise};
use super::play;
use super::socket::{Socket, Told};
use crate::event::control::{Control, Frame, GapReason, Resumed, Snapshot, sent_at};
use crate::event::wire::{At, Wire as _};
use crate::event::{Event, Timestamp};
use crate::swarm::SwarmState;

/// How often the link looks at the time.
const TICK: Duration = Duration::from_millis(100);
/// How many events may wait for a frame; more are folded at once.
const WAITING: usize = 5_000;
/// A connection that is made anew in this time was never away, in milliseconds.
const SOON: u64 = 2_000;
/// How far the browser's clock may be off before it is set right, in milliseconds: a word of the
/// server is on its way for a while.
const OFF: f64 = 2_000.0;

thread_local! {
    /// Says when a frame is drawn, and when a task outside of frames is over.
    static PAINTED: AfterPaint = AfterPaint::new();
    static DONE: AfterPaint = AfterPaint::new();
}

struct Runner {
    live: Live,
    link: Link,
    socket: Option<Socket>,
    /// Counts sockets, so that a late word of a former one is passed over.
    generation: u32,
    /// What brings the stream, or shall.
    transport: Transport,
    /// What the link asked for last: for a socket of this tab's own, where no other tab's is shared.
    asked: Transport,
    /// The other tabs of this browser; none where it cannot share between them.
    tabs: Option<Tabs>,
    /// Whether a socket of this tab's own brings what follows the state that is here.
    ready: bool,
    /// Whether the next connection asks for the state: what is known here cannot be resumed.
    wants_snapshot: bool,
    /// The log that the open connection speaks of.
    epoch: String,
    waiting: Vec<Event>,
    /// The time at the last tick that told it.
    second: Timestamp,
    frame_due: bool,
    /// When the server was heard last; before that, what time the page was rendered at.
    known: Timestamp,
    /// Events up to this seq were caught up after a return: their delay is the absence's.
    caught_up_to: u64,
    /// When somebody last began to look at the page: no event of before took until now to be seen.
    seen_since: f64,
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
        asked: Transport::WebSocket,
        tabs: None,
        ready: false,
        // A page that no server rendered knows no log, one that begins in the past not what is now.
        wants_snapshot: live.is_past() || epoch.bytes().all(|digit| digit == b'0'),
        epoch,
        waiting: Vec::new(),
        second: Timestamp(0),
        frame_due: false,
        known: live.now.get_untracked(),
        caught_up_to: seq,
        seen_since: 0.0,
    }));
    if !live.is_past() {
        live.now.set(now());
    }
    live.awake.set(true);
    tick(&runner);
    let looking = Rc::clone(&runner);
    let _stays = window_event_listener(leptos::ev::Custom::<web_sys::Event>::new("visibilitychange"), move |_| {
        looking.borrow_mut().seen_since = amended()
    });
    let leaving = Rc::clone(&runner);
    on_put_away(move || tabs::put_away(&leaving));
    let ticking = Rc::clone(&runner);
    set_interval(move || tick(&ticking), TICK);
    // While there is a server: the demo is for when there is none.
    leptos::task::spawn_local(async {
        play::fetch().await;
    });
    Effect::new(move |before: Option<u64>| {
        let asked = live.retry.get();
        if before.is_some_and(|before| before != asked) {
            if let Some(tabs) = &runner.borrow().tabs {
                tabs.retry();
            }
            let act = runner.borrow_mut().link.retry_now(clock());
            perform(&runner, act);
        }
        asked
    });
}

fn tick(shared: &Shared) {
    // Before the link looks at the time: in a tab that nobody sees, much of it may be over.
    let late = shared.borrow().tabs.as_ref().is_some_and(|tabs| tabs.is_late(clock()));
    if late {
        open_own(shared);
    }
    let act = {
        let mut runner = shared.borrow_mut();
        let (time, second, live) = (clock(), now(), runner.live);
        if second.0 / 1_000 != runner.second.0 / 1_000 {
            runner.second = second;
            let away = !runner.link.is_live() && second.since(runner.known) > SOON;
            let until = away.then_some(runner.known);
            in_frame(live, Box::new(move || beat(live, until)));
        }
        if live.is_demo() {
            in_frame(live, Box::new(move || live.play(now())));
        } else if runner.link.demo_is_due(time, runner.live.has_data()) {
            runner.live.begin_demo(DemoWhy::NoServer, time as u64, second);
        }
        runner.link.tick(time)
    };
    perform(shared, act);
}

/// A second is over: what tells the time is drawn anew. The frame may come long after it, where
/// nobody looked.
fn beat(live: Live, until: Option<Timestamp>) {
    // In the past the time is that of the past.
    if !live.is_past() {
        live.now.set(now());
    }
    live.hear_until(until);
    live.beat(clock());
}

/// Does something in the next frame, and measures it with the frame's work.
pub fn in_frame(live: Live, act: Box<dyn FnOnce()>) {
    next_frame(move || {
        measure_frame(live);
        act();
    });
}

/// The main thread's work for a frame begins, unless it has; it is over when the frame is drawn.
fn measure_frame(live: Live) {
    if hidden() {
        // Nothing is drawn that could be measured.
        return live.measure(super::meter::Meter::unseen);
    }
    let began = precise();
    PAINTED.with(|painted| painted.wait(move || live.measure(|meter| meter.worked(precise() - began))));
}

/// A task outside of frames changes what is shown: its work counts to the next frame, to the task's end.
fn measure_task(live: Live) {
    let began = precise();
    DONE.with(|done| done.wait(move || live.measure(|meter| meter.spend(precise() - began))));
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

/// Opens a connection: through another tab, where one has the socket for all.
fn open(shared: &Shared, transport: Transport) {
    if shared.borrow().tabs.is_none() {
        let tabs = tabs::begin(shared);
        shared.borrow_mut().tabs = tabs;
    }
    let mut runner = shared.borrow_mut();
    runner.asked = transport;
    if runner.may_ride() {
        return runner.join();
    }
    drop(runner);
    open_own(shared);
}

/// Opens a socket of this tab's own, in place of whatever was.
fn open_own(shared: &Shared) {
    let (generation, transport, query) = {
        let mut runner = shared.borrow_mut();
        runner.generation += 1;
        let_go(runner.socket.take());
        runner.tell_own();
        runner.transport = runner.asked;
        runner.link.heard(clock());
        let (epoch, seq) = runner.live.position();
        let query = if runner.wants_snapshot { "snapshot=1".to_owned() } else { format!("after={epoch}-{}", runner.newest(seq)) };
        (runner.generation, runner.transport, query)
    };
    let telling = Rc::downgrade(shared);
    let opened = Socket::open(transport, &query, move |told| {
        let Some(shared) = telling.upgrade() else { return };
        match told {
            Told::Frames(text, frames) => heard(&shared, generation, &text, frames),
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
    let_go(runner.socket.take());
    let transport = runner.transport;
    // Who comes back for the whole state is on the way back from a loss already.
    if runner.link.is_live() && !runner.wants_snapshot {
        runner.live.measure(|meter| meter.lose(clock(), cause));
    }
    runner.link.closed(clock(), transport, cause, chance());
    runner.tell_closed(cause);
    runner.show();
}

/// Drops a socket. A listener of it may be running right now, and has returned when a task runs.
fn let_go(socket: Option<Socket>) {
    if socket.is_some() {
        leptos::task::spawn_local(async move { drop(socket) });
    }
}

/// Takes a frame's text, or those of several events, a line each; and the browser's own value of that,
/// for other tabs.
fn heard(shared: &Shared, generation: u32, text: &str, frames: JsValue) {
    let mut runner = shared.borrow_mut();
    if runner.generation != generation {
        return;
    }
    let (began, time) = (precise(), clock());
    runner.link.heard(time);
    runner.known = now();
    let (mut lines, mut first) = (0, None);
    for line in text.split('\n') {
        lines += 1;
        match Frame::parse(line) {
            Ok(Frame::Event { event, .. }) => {
                first.get_or_insert(event.seq);
                if runner.take(*event).is_none() {
                    // The cursor asks for what is missing.
                    drop(runner);
                    return closed(shared, generation, "an event did not arrive");
                }
            }
            Ok(Frame::Control(control)) => {
                drop(runner);
                return controlled(shared, generation, control, line, &frames);
            }
            Ok(Frame::Other) => {}
            Err(fault) => leptos::logging::warn!("a frame was passed over: {fault}"),
        }
    }
    runner.live.measure(|meter| {
        meter.message(time, lines, text.len());
        meter.spend(precise() - began);
    });
    let Some(first) = first else { return };
    let (_, folded) = runner.live.position();
    let newest = runner.newest(folded);
    runner.carry(time, Some((first, newest)), text.len(), &frames);
    if runner.waiting.len() >= WAITING {
        measure_task(runner.live);
        runner.fold();
    } else if !runner.waiting.is_empty() && !std::mem::replace(&mut runner.frame_due, true) {
        let shared = Rc::clone(shared);
        in_frame(runner.live, Box::new(move || draw(&shared)));
    }
}

/// Takes a word about the stream: what it says, its text, and the browser's own value of that.
fn controlled(shared: &Shared, generation: u32, control: Control, text: &str, frame: &JsValue) {
    let mut runner = shared.borrow_mut();
    let time = clock();
    measure_task(runner.live);
    runner.live.measure(|meter| meter.message(time, 1, text.len()));
    if let (Control::Hello(_) | Control::Heartbeat(_), Some(sent)) = (&control, sent_at(text)) {
        runner.compare(sent);
    }
    if let Control::Heartbeat(_) = control {
        runner.carry(time, None, 0, frame);
    }
    let again = runner.control(control);
    drop(runner);
    if again {
        closed(shared, generation, "the log changed");
        let act = shared.borrow_mut().link.retry_now(clock());
        perform(shared, act);
    }
}

/// A frame is about to be drawn: what came since the last one goes into it together.
fn draw(shared: &Shared) {
    let (live, drawn) = {
        let mut runner = shared.borrow_mut();
        runner.frame_due = false;
        (runner.live, runner.fold())
    };
    if drawn.is_empty() {
        return;
    }
    // When the next frame begins, this one is on the screen.
    next_frame(move || {
        let shown = amended();
        live.measure(|meter| drawn.into_iter().for_each(|happened| meter.add(shown - happened)));
    });
}

impl Runner {
    /// The newest seq that is here, folded or waiting.
    fn newest(&self, folded: u64) -> u64 {
        self.waiting.last().map_or(folded, |event| event.seq.max(folded))
    }

    /// Takes an event, for the next frame; none where events before it are missing. One that is here
    /// already came twice: with what another tab had when this one joined.
    fn take(&mut self, event: Event) -> Option<()> {
        let (_, folded) = self.live.position();
        let newest = self.newest(folded);
        if !self.wants_snapshot && event.seq > newest + 1 {
            return None;
        }
        if self.wants_snapshot || event.seq > newest {
            self.waiting.push(event);
        }
        Some(())
    }

    /// Folds what waits; when each event happened, of those that came live and are shown.
    fn fold(&mut self) -> Vec<f64> {
        let events = std::mem::take(&mut self.waiting);
        self.live.measure(|meter| meter.frame(events.len()));
        self.live.fold(&events);
        // In the past, and where nobody looks, no event comes to the screen.
        if hidden() || self.live.is_past() {
            return Vec::new();
        }
        let live = events.iter().filter(|event| event.seq > self.caught_up_to && event.ts.0 as f64 >= self.seen_since);
        live.map(|event| event.ts.0 as f64).collect()
    }

    /// Takes a word about the stream; whether to connect anew.
    fn control(&mut self, control: Control) -> bool {
        match control {
            Control::Hello(hello) => {
                let whole = !self.wants_snapshot && hello.resumed != Resumed::Gap;
                self.hello(hello.epoch, hello.head, hello.resumed, hello.heartbeat_ms);
                if whole {
                    self.tell_ready();
                }
            }
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
            Control::Heartbeat(_) => {
                self.live.measure(|meter| meter.heartbeat = Some(clock()));
                self.ride_instead();
            }
        }
        false
    }

    fn hello(&mut self, epoch: String, head: u64, resumed: Resumed, heartbeat_ms: u64) {
        self.epoch = epoch;
        let (_, seq) = self.live.position();
        let known = self.newest(seq);
        self.caught_up_to = head;
        let resumed = if self.wants_snapshot { Resumed::Fresh } else { resumed };
        let before = self.link.last_return();
        self.link.hello(clock(), self.transport, resumed, known, head, heartbeat_ms);
        if let (true, Some(before)) = (self.wants_snapshot, before) {
            // What this return began with: a gap that only the whole state could close.
            self.link.went(before);
        }
        self.live.measure(|meter| meter.heartbeat_ms = Some(heartbeat_ms));
        self.show();
    }

    fn snapshot(&mut self, snapshot: Snapshot) {
        self.waiting.clear();
        match SwarmState::read(snapshot.state, &At::Root("state")) {
            Ok(state) => {
                let seq = state.seq;
                self.live.replace(self.epoch.clone(), state);
                self.wants_snapshot = false;
                self.tell_anew(seq);
            }
            Err(fault) => leptos::logging::error!("the state cannot be read: {fault}"),
        }
    }

    /// Compares the browser's clock with the server's, which has just sent something.
    fn compare(&self, sent: Timestamp) {
        let behind = sent.0 as f64 - clock();
        let behind = if behind.abs() > OFF { behind as i64 } else { 0 };
        let known = self.live.behind.get_untracked();
        if (behind - known).abs() > OFF as i64 / 2 {
            amend(behind as f64);
            self.live.behind.set(behind);
        }
    }

    fn show(&self) {
        if self.link.is_live() {
            self.live.measure(|meter| meter.come_back(clock(), self.link.last_return()));
        }
        self.live.stand(self.link.phase().clone(), self.link.last_return());
    }
}
