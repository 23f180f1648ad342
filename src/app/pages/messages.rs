//! What agents tell each other: a stream, conversations of two, and who talks to whom.
//!
//! What is shown is in the address: agent, the other agent, kind, words, exchange.

mod matrix;
mod stream;
mod wanted;

use std::time::Duration;

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::derived::Derived;
use crate::app::components::form::{area, choice, deed, field, sender};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{bytes, count};
use crate::app::components::pace::{paced, paced_every};
use crate::app::html::{
    Element, Node, Row, a, b, details, div, either, flag, form, h1, h2, input, label, li, option, p, rows, section, select, span,
    submit, summary, text, ul, when,
};
use crate::app::route::Address;
use crate::client::Live;
use crate::event::message::MessageType;
use crate::swarm::bounds::order;
use crate::swarm::messages::Pair;
use crate::swarm::{SwarmState, Touched};
use matrix::{Matrix, Spoken, forgotten, matrix};
use stream::{Stream, stream};
use wanted::{NARROWS, way_to};

pub use wanted::Wanted;

/// How many conversations are named, the busiest first.
const CONVERSATIONS: usize = 30;
/// How long the sums over all pairs stay as they are.
const PAIRS_REST: Duration = Duration::from_secs(2);
const TALKS_REST: Duration = Duration::from_secs(1);

/// The page of messages.
pub fn messages_page() -> Node {
    let live = expect_context::<Live>();
    let address = expect_context::<Address>();
    let wanted = Derived::new(move || Wanted::asked(address));
    let pace = paced(live, Touched::MESSAGES);
    let shown = Stream::new(live, wanted, pace);
    // Each in a turn of its own: no frame has to sum up both.
    let (who_pace, talks_pace) =
        (paced_every(live, Touched::MESSAGES, PAIRS_REST), paced_every(live, Touched::MESSAGES, TALKS_REST));
    let who = Derived::new(move || {
        who_pace.track();
        live.peek(Matrix::of)
    });
    let talks = Derived::new(move || {
        talks_pace.track();
        live.peek(Conversations::of)
    });
    let any = flag(move || live.read(Touched::MESSAGES, |state| state.messages.total > 0));
    let whole = move || -> Vec<Node> {
        vec![
            filter(address, wanted).into(),
            div().class("grid messages").child(conversations(talks, wanted)).child(stream(shown)).into(),
            matrix(who).into(),
        ]
    };
    let nothing =
        || section().class("nothing").child(p().child("No message yet. Agents send them by POST /api/messages, or from here."));
    vec![
        head(live, pace, wanted).into(),
        details().class("card").child(summary().child("Send one")).child(send()).into(),
        either(any, whole, nothing),
    ]
    .into()
}

fn head(live: Live, pace: RwSignal<u64>, wanted: Derived<Wanted>) -> Element {
    let total = text(move || {
        pace.track();
        live.peek(|state| [&count(state.messages.total), " messages, ", &bytes(state.messages.bytes as f64)].concat())
    });
    let only = text(move || wanted.with(|wanted| visible_line(&wanted.said())));
    let narrowed = flag(move || !wanted.with(Wanted::is_everything));
    div().class("page-head").child(h1().child("Messages")).child(
        p().class("standing")
            .child(b().child(total))
            .child(span().child(only))
            .child(when(narrowed, || a("/messages").child("show all"))),
    )
}

fn send() -> Element {
    let kinds = MessageType::ALL.iter().map(|kind| kind.as_str().to_owned());
    let fields = vec![
        field("From", "name", "webui"),
        field("To", "about", "an agent's id, or * for all"),
        choice("Kind", "choice", kinds),
        area("Content", "text", ""),
        sender().child("Send").into(),
    ];
    deed(Deed::Tell, "", fields)
}

/// What narrows the messages, as a form whose address can be kept.
fn filter(address: Address, wanted: Derived<Wanted>) -> Element {
    let line = |words: &'static str, name: &'static str, hint: &'static str| {
        let value = text(move || address.parameter(name).unwrap_or_default());
        let line = input().attr("type", "text").attr("name", name).attr("placeholder", hint).attr("autocomplete", "off");
        label().child(span().child(words)).child(line.attr("value", value))
    };
    let kind = move |kind: &'static str, words: &'static str| {
        let is_it = flag(move || wanted.with(|wanted| wanted.kind == kind));
        option().attr("value", kind).attr("selected", is_it).child(words)
    };
    let kinds = MessageType::ALL.iter().map(|it| kind(it.as_str(), it.as_str()));
    let kinds = select().attr("name", "type").child(kind("", "any")).children(kinds);
    let go = move |event: web_sys::Event| {
        event.prevent_default();
        let Some(typed) = typed_into(&event) else { return };
        let changes: Vec<(&str, &str)> = NARROWS.into_iter().zip(typed.iter().map(String::as_str)).collect();
        address.go(&untrack(|| address.with(&changes)));
    };
    form()
        .class("deed narrowing")
        .attr("method", "get")
        .attr("action", "/messages")
        .attr("role", "search")
        .attr("aria-label", "Narrow the messages")
        .on("submit", go)
        .child(line("Agent", "agent", "an agent's id"))
        .child(line("And", "with", "another's id"))
        .child(label().child(span().child("Of kind")).child(kinds))
        .child(line("Words", "q", "in the content"))
        .child(line("Exchange", "thread", "a correlation id"))
        .child(submit().class("quiet").child("Narrow"))
}

/// What stands in the fields of the form that is sent, in the order of [`NARROWS`].
fn typed_into(event: &web_sys::Event) -> Option<[String; 5]> {
    use wasm_bindgen::JsCast as _;
    let form: web_sys::HtmlFormElement = event.target()?.dyn_into().ok()?;
    let data = web_sys::FormData::new_with_form(&form).ok()?;
    Some(NARROWS.map(|name| data.get(name).as_string().unwrap_or_default().trim().to_owned()))
}

/// What two agents told each other, summed up both ways.
#[derive(Debug, Clone, PartialEq)]
struct Conversation {
    one: String,
    other: String,
    count: u64,
    errors: u64,
}

/// The busiest conversations, and how many more there are.
#[derive(Debug, Clone, PartialEq, Default)]
struct Conversations {
    busiest: Vec<Conversation>,
    more: u64,
    /// Messages of pairs that are not counted any more.
    forgotten: u64,
}

impl Conversations {
    fn of(state: &SwarmState) -> Self {
        let Spoken { ids, pairs } = Spoken::of(state);
        let key = |(from, to, _): &(usize, usize, &Pair)| (*from.min(to) as u64) << 32 | *from.max(to) as u64;
        // Both ways stand beside each other: who they are, how many messages, how many errors.
        let mut both: Vec<(u64, u64, u64)> = Vec::new();
        for at in order(pairs.iter().map(key)) {
            let (key, pair) = (key(&pairs[at]), pairs[at].2);
            match both.last_mut().filter(|last| last.0 == key) {
                Some((_, count, errors)) => (*count, *errors) = (*count + pair.count, *errors + pair.errors),
                None => both.push((key, pair.count, pair.errors)),
            }
        }
        let busiest = order(both.iter().map(|it| u64::MAX - it.1)).into_iter().take(CONVERSATIONS);
        let told = |at: usize| {
            let (key, count, errors) = both[at];
            let (one, other) = (ids[(key >> 32) as usize], ids[(key & 0xffff_ffff) as usize]);
            // What is said to all is no conversation of two: `all` stands last.
            let (one, other) = if (one <= other && one != "*") || other == "*" { (one, other) } else { (other, one) };
            Conversation { one: one.to_owned(), other: other.to_owned(), count, errors }
        };
        let busiest: Vec<Conversation> = busiest.map(told).collect();
        Self { more: (both.len() - busiest.len()) as u64, busiest, forgotten: forgotten(state) }
    }
}

fn conversations(talks: Derived<Conversations>, wanted: Derived<Wanted>) -> Element {
    let listed = rows(move || {
        let row = |it: &Conversation| Row::new([&it.one, "\u{1f}", &it.other].concat(), (it.clone(), talks, wanted), talk);
        talks.with(|talks| talks.busiest.iter().map(row).collect())
    });
    let (more, forgotten) = (move || talks.with(|talks| talks.more), move || talks.with(|talks| talks.forgotten));
    section()
        .class("card talks-card")
        .attr("aria-labelledby", "talks-title")
        .child(h2().id("talks-title").child("Conversations"))
        .child(ul().class("talks").attr("tabindex", "0").attr("aria-labelledby", "talks-title").child(listed))
        .child(when(flag(move || more() > 0), move || {
            p().class("muted").child(text(move || [&count(more()), " more, less busy; narrow by agent."].concat()))
        }))
        .child(when(flag(move || forgotten() > 0), move || {
            let gone = move || [&count(forgotten()), " messages of pairs that were silent for long are not counted."].concat();
            p().class("muted").child(text(gone)).child(" Such a pair counts anew.")
        }))
}

fn talk((it, talks, wanted): (Conversation, Derived<Conversations>, Derived<Wanted>)) -> Node {
    let Conversation { one, other, .. } = it.clone();
    let now = move |read: fn(&Conversation) -> u64| {
        let it = it.clone();
        text(move || {
            let same = |other: &&Conversation| other.one == it.one && other.other == it.other;
            talks.with(|talks| {
                talks.busiest.iter().find(same).map_or_else(String::new, |it| match read(it) {
                    0 => String::new(),
                    number => count(number),
                })
            })
        })
    };
    let (errors, all) = (now.clone()(|it| it.errors), now(|it| it.count));
    let (first, second) = (one.clone(), other.clone());
    let here = text(move || {
        let is_it =
            wanted.with(|wanted| wanted.pair().is_some_and(|(a, b)| (a == first && b == second) || (a == second && b == first)));
        if is_it { "true" } else { "false" }
    });
    let named = |id: &str| if id == "*" { "all".to_owned() } else { visible_line(id) };
    let arrow = if other == "*" { "→" } else { "⇄" };
    li().child(
        a(way_to(&one, &other).into_owned())
            .attr("aria-current", here)
            .child(span().class("clipped grow").child([&named(&one), " ", arrow, " ", &named(&other)].concat()))
            .child(span().class("errors").attr("title", "errors").child(errors))
            .child(span().class("number").child(all)),
    )
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_are_one_conversation_and_what_is_said_to_all_is_another() {
        let mut state = SwarmState::default();
        for (from, to, count) in [("bob", "ada", 2), ("ada", "bob", 3), ("ada", "*", 4), ("cyd", "ada", 1)] {
            let (from, to) = (from.to_owned(), to.to_owned());
            let key = [&from, "\u{1f}", &to].concat();
            let errors = u64::from(count == 2);
            state.messages.pairs.insert(&key, Pair { from, to, count, bytes: 0, errors, last: 0, recent: 0, recent_errors: 0 });
            state.messages.total += count;
        }
        state.messages.total += 5;
        let talks = Conversations::of(&state);
        let told: Vec<_> = talks.busiest.iter().map(|it| (it.one.as_str(), it.other.as_str(), it.count, it.errors)).collect();
        assert_eq!(told, [("ada", "bob", 5, 1), ("ada", "*", 4, 0), ("ada", "cyd", 1, 0)]);
        assert_eq!((talks.more, talks.forgotten), (0, 5));
    }
}
