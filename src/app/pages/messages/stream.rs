//! The messages themselves, newest first: those that are here, and older ones from the log.

use leptos::prelude::*;

use super::wanted::Wanted;
use crate::app::api::{older_messages, one_event};
use crate::app::components::age::ago;
use crate::app::components::derived::{Derived, Kept};
use crate::app::components::event_row::key;
use crate::app::components::form::{with_another, world};
use crate::app::components::hostile::{visible, visible_line};
use crate::app::components::number::{bytes, count};
use crate::app::hands::{Hands, keys::Does};
use crate::app::html::{
    Element, Node, Row, a, b, button, div, effect, either, flag, li, ol, p, pre, rows, section, span, text, when,
};
use crate::app::route::encode;
use crate::client::Live;
use crate::event::Body;
use crate::event::message::MessageEvent;
use crate::swarm::messages::{MAX_CONTENT, Message};

/// How many of the newest messages are shown.
const SHOWN: usize = 60;
/// How many messages are kept on the page once older ones were asked for.
const KEPT: usize = 1_000;
/// How much of a whole message is shown, in characters.
const MAX_WHOLE: usize = 20_000;

/// The messages of the page. Copy.
#[derive(Debug, Clone, Copy)]
pub struct Stream {
    live: Live,
    wanted: Derived<Wanted>,
    /// Raised when there are new messages, a few times a second.
    pace: RwSignal<u64>,
    /// The messages of the moment of a pause, or those since older ones were asked for; newest first.
    kept: Kept<Vec<Message>>,
    paused: RwSignal<bool>,
    /// How many messages there were in all at that moment, or when the newest of these were taken.
    at: RwSignal<u64>,
    /// Whether older ones were asked for, and what to go on before; empty where that is the oldest one shown.
    goes_back: RwSignal<bool>,
    before: RwSignal<String>,
    /// Whether the log is asked just now.
    asks: RwSignal<bool>,
    /// Whether nothing older is kept, and what the log answered instead of messages.
    end: RwSignal<bool>,
    problem: RwSignal<String>,
}

impl Stream {
    /// The messages that are wanted.
    pub fn new(live: Live, wanted: Derived<Wanted>, pace: RwSignal<u64>) -> Self {
        let (paused, goes_back, end) = (RwSignal::new(false), RwSignal::new(false), RwSignal::new(false));
        let (kept, at, asks) = (Kept::new(Vec::new()), RwSignal::new(0), RwSignal::new(false));
        let (before, problem) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
        let stream = Self { live, wanted, pace, kept, paused, at, goes_back, before, asks, end, problem };
        expect_context::<Hands>().handle(Does::Pause, move || stream.toggle());
        let mut before: Option<Wanted> = None;
        effect(move || {
            let now = wanted.get();
            if before.as_ref().is_some_and(|before| *before != now) {
                stream.forget();
            }
            before = Some(now);
        });
        // Once older ones are there, no newer one may go off the page: that would be a hole.
        effect(move || {
            if goes_back.get() && !paused.get() {
                stream.follow();
            }
        });
        // Another world is on show: what was held is not of it.
        let world = world(live, pace);
        with_another(world, move || {
            paused.set(false);
            stream.forget();
        });
        stream
    }

    /// Puts those that came meanwhile before those that are kept.
    fn follow(self) {
        let newest = self.newest();
        let (total, here) = self.live.peek(|state| (state.messages.total, state.messages.recent.len() as u64));
        let before = self.at.get_untracked();
        // More came than are here, or fewer were there then: what is kept does not join them.
        if total < before || total - before > here {
            return self.forget();
        }
        self.at.set(total);
        self.kept.update(|kept| {
            let last = kept.first().map_or(0, |message| message.seq);
            kept.splice(0..0, newest.into_iter().filter(|message| message.seq > last));
            kept.truncate(KEPT);
        });
    }

    /// Other messages are asked for.
    fn forget(self) {
        self.goes_back.set(false);
        self.before.set(String::new());
        self.end.set(false);
        self.problem.set(String::new());
        self.kept.set(if self.paused.get_untracked() { untrack(|| self.newest()) } else { Vec::new() });
    }

    /// The newest that are here.
    fn newest(self) -> Vec<Message> {
        self.pace.track();
        self.wanted.with(|wanted| {
            self.live.peek(|state| {
                let wants = |message: &&Message| wanted.wants(message);
                let most = if self.goes_back.get() { KEPT } else { SHOWN };
                state.messages.recent.iter().rev().filter(wants).take(most).cloned().collect()
            })
        })
    }

    /// Reads what is shown.
    fn read<T>(self, read: impl FnOnce(&[Message]) -> T) -> T {
        if self.paused.get() || self.goes_back.get() {
            return self.kept.with(|kept| read(kept));
        }
        read(&self.newest())
    }

    fn toggle(self) {
        let pause = !self.paused.get_untracked();
        if pause && self.live.is_past() {
            // Nothing comes by itself there.
            return;
        }
        if pause {
            if !self.goes_back.get_untracked() {
                self.kept.set(untrack(|| self.newest()));
            }
            self.at.set(self.total());
        }
        self.paused.set(pause);
    }

    fn total(self) -> u64 {
        self.live.peek(|state| state.messages.total)
    }

    fn older(self) {
        let wanted = self.wanted.peek();
        if self.asks.get_untracked() {
            return;
        }
        if !self.goes_back.get_untracked() {
            let shown = untrack(|| self.read(<[Message]>::to_vec));
            self.kept.set(shown);
            if !self.paused.get_untracked() {
                self.at.set(self.total());
            }
            self.goes_back.set(true);
        }
        self.asks.set(true);
        let ((epoch, _), seq) = (self.live.position(), self.live.peek(|state| state.seq));
        let oldest = self.kept.peek().last().map_or(seq + 1, |message| message.seq);
        let before = match self.before.get_untracked() {
            before if before.is_empty() => [&epoch, "-", &oldest.to_string()].concat(),
            before => before,
        };
        let it = Wanted::clone(&wanted);
        leptos::task::spawn_local(async move {
            let part = older_messages(before, it.agent, it.with, it.kind, it.words, it.thread).await;
            // The page may be gone by now, or ask for others.
            self.asks.try_set(false);
            if self.wanted.try_peek() != Some(wanted) || !self.goes_back.get_untracked() {
                return;
            }
            match part {
                Ok(part) => {
                    self.problem.set(String::new());
                    let found = part.events.iter().rev().filter_map(|event| match &event.body {
                        Body::Message(MessageEvent::Sent(it)) => Some(Message::of(event, event.entity_id(), it)),
                        _ => None,
                    });
                    self.kept.update(|kept| {
                        kept.extend(found);
                        kept.truncate(KEPT);
                    });
                    self.end.set(part.exhausted || self.kept.peek().len() >= KEPT);
                    if part.events.is_empty() && !part.exhausted {
                        self.problem
                            .set("None among the thousands of messages before these; older ones may still be there.".to_owned());
                    }
                    self.before.set(part.previous);
                }
                Err(error) => self.problem.set(error.to_string()),
            }
        });
    }
}

/// The messages as a part of the page.
pub fn stream(it: Stream) -> Element {
    let live = it.live;
    let class =
        text(
            move || {
                if it.wanted.with(|wanted| wanted.pair().is_some()) { "conversation exchange card" } else { "conversation card" }
            },
        );
    let any = flag(move || it.read(|messages| !messages.is_empty()));
    let list = move || ol().class(class.clone()).label("Messages, newest first").child(listed(it));
    let pause = button()
        .class("quiet")
        .attr("aria-pressed", text(move || if it.paused.get() { "true" } else { "false" }))
        .attr("hidden", flag(move || live.past().is_some()))
        .on("click", move |_| it.toggle())
        .child(text(move || if it.paused.get() { "▶ Resume" } else { "❚❚ Pause" }));
    let held = when(flag(move || it.paused.get()), move || {
        let new = text(move || {
            it.pace.track();
            let total = live.peek(|state| state.messages.total);
            [&count(total.saturating_sub(it.at.get())), " new in all, held"].concat()
        });
        span().class("muted").attr("role", "status").child(new)
    });
    let more = flag(move || live.awake.get() && live.demo().is_none() && !it.end.get() && live.has_data());
    let last = text(move || {
        if it.kept.with(|kept| kept.len() >= KEPT) {
            "More stand in the log; the API has them all."
        } else {
            "That is the beginning of what is kept."
        }
    });
    section()
        .class("talk")
        .child(div().class(text(move || if live.awake.get() { "tools" } else { "tools asleep" })).child(pause).child(held))
        .child(either(any, list, move || none(it)))
        .child(when(flag(move || it.problem.with(|problem| !problem.is_empty())), move || {
            p().class("muted").attr("role", "status").child(text(move || it.problem.get()))
        }))
        .child(when(more, move || button().class("quiet").on("click", move |_| it.older()).child("Load older messages")))
        .child(when(flag(move || it.end.get()), move || p().class("muted").child(last.clone())))
}

fn listed(it: Stream) -> Node {
    rows(move || it.read(|messages| messages.iter().map(|message| row(message, it)).collect()))
}

fn none(it: Stream) -> Element {
    let words =
        text(move || it.wanted.with(|wanted| ["None of the newest messages is ", &visible_line(&wanted.said()), ". "].concat()));
    let clear = a("/messages").child("Show all messages");
    section().class("nothing").child(p().child(words).child(clear))
}

fn row(message: &Message, it: Stream) -> Row {
    let mine = it.wanted.with(|wanted| wanted.pair().is_some_and(|(one, _)| one == message.from));
    // What is asked for is part of the key: the same message stands on another side then.
    let key = [key(message.seq, message.ts).as_str(), if mine { " mine" } else { "" }].concat();
    Row::new(key, (message.clone(), mine), line)
}

/// An agent's name as a link; `*` is all of them.
pub fn name(id: &str) -> Node {
    if id == "*" {
        return b().child("all").into();
    }
    a(["/agents/", &encode(id)].concat()).child(visible_line(id)).into()
}

fn line((message, mine): (Message, bool)) -> Node {
    let ts = message.ts;
    let kind = ["state m-", message.message_type.as_str()].concat();
    let thread = message.correlation.as_deref().map(|thread| {
        let way = ["/messages?thread=", &encode(thread)].concat();
        a(way)
            .class("thread clipped")
            .attr("title", "Its exchange: messages with this correlation id")
            .child(["⇄ ", &visible_line(thread)].concat())
    });
    let is_cut = message.size as usize > message.content.len() && message.content.len() >= MAX_CONTENT;
    li().class(if mine { "mine" } else { "theirs" })
        .attr("data-seq", message.seq.to_string())
        .child(
            p().class("foot-line")
                .child(name(&message.from))
                .child(span().class("muted").child("→"))
                .child(name(&message.to))
                .child(span().class(kind).child(message.message_type.as_str()))
                .child(span().class("muted number").child(bytes(message.size as f64)))
                .child(thread)
                .child(ago(move || ts)),
        )
        .child(p().class("prose").child(visible(&message.content)))
        .child(is_cut.then(|| whole(message.seq)))
        .into()
}

/// The whole of a message of which only the beginning is here, from the log.
fn whole(seq: u64) -> Element {
    let live = expect_context::<Live>();
    let shown = RwSignal::new(String::new());
    let fetch = move |_| {
        if live.is_demo() {
            return shown.set("The demo is in no log.".to_owned());
        }
        shown.set("…".to_owned());
        leptos::task::spawn_local(async move {
            let words = match one_event(seq).await {
                Ok(event) if event.is_empty() => "It is no longer kept.".to_owned(),
                Ok(event) => visible(&event.chars().take(MAX_WHOLE).collect::<String>()),
                Err(error) => error.to_string(),
            };
            // The row may be gone by now.
            let _gone = shown.try_set(words);
        });
    };
    let is_shown = flag(move || !shown.with(String::is_empty));
    div().class("whole").child(either(
        is_shown,
        move || pre().attr("tabindex", "0").child(text(move || shown.get())),
        move || button().class("quiet tiny").on("click", fetch).child("Show the whole message"),
    ))
}
