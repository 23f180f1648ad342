//! The runner among the tabs of its browser: does what [`Carrier`] and [`Rider`] decide.

use std::rc::Rc;

use leptos::prelude::GetUntracked as _;
use wasm_bindgen::JsValue;

use super::{Runner, Shared, closed, heard, let_go, open_own, perform};
use crate::client::channel::Channel;
use crate::client::link::{Phase, Transport};
use crate::client::platform::{chance, clock};
use crate::client::shared::{Carrier, Do, Hello, Rider, Standing, Word, word};
use crate::event::Timestamp;
use crate::event::control::Resumed;

/// How often a server sends heartbeats that has not said so, in milliseconds.
const HEARTBEAT_MS: u64 = 15_000;

/// What a tab has to do with the others.
pub(super) struct Tabs {
    channel: Channel,
    rider: Rider,
    /// There while this tab carries.
    carrier: Option<Carrier<JsValue>>,
}

/// Takes part with the other tabs, where the browser has what that needs.
pub(super) fn begin(shared: &Shared) -> Option<Tabs> {
    let (hearing, holding) = (Rc::downgrade(shared), Rc::downgrade(shared));
    let on_word = move |said: JsValue| {
        if let Some(shared) = hearing.upgrade() {
            spoken(&shared, said);
        }
    };
    let on_lock = move || {
        if let Some(shared) = holding.upgrade() {
            carries(&shared);
        }
    };
    let channel = Channel::open(on_word, on_lock)?;
    let tab = ((chance() * 1e15) as u64).to_string();
    Some(Tabs { channel, rider: Rider::new(tab), carrier: None })
}

/// The browser puts the page away: another tab carries, and what follows here is asked for later. A
/// socket of its own is closed by the browser, or stays.
pub(super) fn put_away(shared: &Shared) {
    let mut runner = shared.borrow_mut();
    let Some(mut tabs) = runner.tabs.take() else { return };
    let (rides, generation) = (tabs.rider.has_joined(), runner.generation);
    drop(runner);
    tabs.leave(false);
    if rides {
        closed(shared, generation, "the page was put away");
    }
}

/// The lock is this tab's: it carries from now on.
fn carries(shared: &Shared) {
    let mut runner = shared.borrow_mut();
    let (_, seq) = runner.live.position();
    let (newest, ready) = (runner.newest(seq), runner.ready);
    let Some(tabs) = &mut runner.tabs else { return };
    tabs.carrier = Some(Carrier::new(newest));
    if ready {
        tabs.say("live");
    }
    if tabs.rider.has_joined() {
        drop(runner);
        open_own(shared);
    }
}

/// Another tab said something.
fn spoken(shared: &Shared, said: JsValue) {
    let Some(text) = said.as_string() else { return };
    let Some(word) = Word::read(&text) else { return };
    let mut runner = shared.borrow_mut();
    let (now, ready, generation) = (clock(), runner.ready, runner.generation);
    let Some(tabs) = &mut runner.tabs else { return };
    if tabs.carrier.is_some() {
        drop(runner);
        return serve(shared, &word);
    }
    let to_do = tabs.rider.hear(now, word);
    match to_do {
        Do::Nothing => {}
        Do::Hear => {
            if let Some(sign) = tabs.rider.sign(now) {
                tabs.say(&sign);
            }
            drop(runner);
            heard(shared, generation, &text, said);
        }
        Do::Ride(hello) => {
            runner.ride(&hello);
            let generation = runner.generation;
            drop(runner);
            hello.frames.for_each(|frame| heard(shared, generation, frame, JsValue::UNDEFINED));
        }
        Do::Open => {
            drop(runner);
            open_own(shared);
        }
        Do::Close(cause) => {
            drop(runner);
            closed(shared, generation, cause);
        }
        // A socket of its own that is being made is not given up: browsers complain of that.
        Do::Join if tabs.rider.has_joined() || ready => runner.join(),
        Do::Join => {}
        Do::Retry => {
            let act = runner.link.retry_now(now);
            drop(runner);
            perform(shared, act);
        }
    }
}

/// A rider said something to this tab, which carries.
fn serve(shared: &Shared, said: &Word<'_>) {
    let now = clock();
    // Nobody may see this tab, so that its own timers are slow.
    let act = match said {
        Word::Retry => shared.borrow_mut().link.retry_now(now),
        _ => shared.borrow_mut().link.tick(now),
    };
    perform(shared, act);
    let runner = &mut *shared.borrow_mut();
    let (own, folded) = runner.live.position();
    let head = runner.newest(folded).max(runner.caught_up_to);
    let Some(Tabs { channel, carrier: Some(carrier), .. }) = &mut runner.tabs else { return };
    match *said {
        Word::Join { id, epoch, seq } => {
            let standing = match runner.link.phase() {
                _ if runner.ready => Standing::Live(&own),
                Phase::Reconnecting { cause, .. } if runner.socket.is_none() => Standing::Away(cause),
                _ => Standing::Opening,
            };
            if let Some(answer) = carrier.answer(now, standing, id, epoch, seq) {
                return channel.say(&answer.into());
            }
            let mut heartbeat_ms = None;
            runner.live.measure(|meter| heartbeat_ms = meter.heartbeat_ms);
            let numbers = [head, heartbeat_ms.unwrap_or(HEARTBEAT_MS), runner.live.behind.get_untracked() as u64];
            let [head, heartbeat_ms, behind] = numbers.map(|number| number.to_string());
            channel.say_with(&word(&["hello", id, &head, &heartbeat_ms, &behind]), carrier.frames(seq));
        }
        Word::Here(id) => carrier.here(now, id),
        Word::Leave(id) => carrier.leave(id),
        _ => {}
    }
}

impl Tabs {
    fn say(&self, said: &str) {
        self.channel.say(&said.into());
    }

    /// Whether nobody answered that this tab wants to ride.
    pub(super) fn is_late(&self, now: f64) -> bool {
        self.rider.is_late(now)
    }

    /// A person wants a connection now: whoever carries is told.
    pub(super) fn retry(&self) {
        if self.carrier.is_none() {
            self.say("retry");
        }
    }

    fn leave(&mut self, own: bool) {
        if let Some(word) = self.rider.leave(own) {
            self.say(&word);
        }
    }
}

impl Runner {
    /// Whether another tab may bring what follows; whoever wants the whole state asks for it.
    pub(super) fn may_ride(&self) -> bool {
        !self.wants_snapshot && self.tabs.as_ref().is_some_and(|tabs| tabs.carrier.is_none())
    }

    /// Asks to ride from here on.
    pub(super) fn join(&mut self) {
        let (epoch, seq) = self.live.position();
        let newest = self.newest(seq);
        if let Some(tabs) = &mut self.tabs {
            let joins = tabs.rider.join(clock(), &epoch, newest);
            tabs.say(&joins);
            if tabs.rider.has_joined() {
                self.transport = Transport::Tab;
            }
        }
    }

    /// Rides from now on, in place of whatever was.
    fn ride(&mut self, hello: &Hello<'_>) {
        self.generation += 1;
        let_go(self.socket.take());
        self.ready = false;
        self.transport = Transport::Tab;
        self.link.heard(clock());
        self.compare(Timestamp((clock() + hello.behind as f64) as i64));
        let (epoch, _) = self.live.position();
        self.hello(epoch, hello.head, Resumed::Exact, hello.heartbeat_ms);
    }

    /// This tab's connection ended: those who ride on it are told why.
    pub(super) fn tell_closed(&mut self, cause: &str) {
        self.ready = false;
        let Some(tabs) = &mut self.tabs else { return };
        if let Some(carrier) = &mut tabs.carrier {
            carrier.send_off();
            tabs.say(&word(&["away", cause]));
        }
        tabs.leave(false);
    }

    /// This tab opens a socket of its own.
    pub(super) fn tell_own(&mut self) {
        self.ready = false;
        if let Some(tabs) = &mut self.tabs {
            tabs.leave(true);
        }
    }

    /// The socket of this tab brings what follows the state that is here: others may ride on it.
    pub(super) fn tell_ready(&mut self) {
        self.ready = true;
        let Some(tabs) = &mut self.tabs else { return };
        if let Some(carrier) = &mut tabs.carrier {
            carrier.send_off();
            tabs.say("live");
        }
    }

    /// The whole state is known anew, at this event.
    pub(super) fn tell_anew(&mut self, seq: u64) {
        if let Some(Tabs { carrier: Some(carrier), .. }) = &mut self.tabs {
            carrier.begin(seq);
        }
        self.tell_ready();
        self.ride_instead();
    }

    /// Whoever has a socket of its own beside the one that is shared asks to ride.
    pub(super) fn ride_instead(&mut self) {
        if self.ready && self.may_ride() {
            self.join();
        }
    }

    /// Posts what this tab's socket brought to whoever rides, and keeps events, from one seq to another,
    /// for who will.
    pub(super) fn carry(&mut self, now: f64, span: Option<(u64, u64)>, bytes: usize, frames: &JsValue) {
        let Some(Tabs { channel, carrier: Some(carrier), .. }) = &mut self.tabs else { return };
        if carrier.carries(now) {
            channel.say(frames);
        }
        if let Some(span) = span {
            carrier.hear(span, bytes, frames.clone());
        }
    }
}
