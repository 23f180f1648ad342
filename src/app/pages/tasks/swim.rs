//! The timeline: a lane for each agent that was at one of the wanted tasks.

use leptos::prelude::*;

use super::Shown;
use crate::app::components::chip::chip;
use crate::app::components::derived::Derived;
use crate::app::components::hostile::visible_line;
use crate::app::components::narrow::{asked, turn};
use crate::app::components::number::count;
use crate::app::components::timeline::{self, Frame, Timeline};
use crate::app::components::window::{Shape, Window, window};
use crate::app::html::{Element, Node, Row, a, div, either, flag, li, p, section, span, td, text, th, tr, ul};
use crate::app::route::encode;
use crate::client::Live;
use crate::event::Timestamp;

/// How far back one can look: the word in the address, its name, and milliseconds. The first is
/// the one that nobody asked for.
const SPANS: [(&str, &str, i64); 4] =
    [("", "1 h", 3_600_000), ("15m", "15 m", 900_000), ("6h", "6 h", 21_600_000), ("24h", "24 h", 86_400_000)];

pub(super) fn timeline(shown: Shown) -> Node {
    let address = shown.address;
    let asked_span = move || asked(address, "span").unwrap_or_default();
    let back = Derived::new(move || SPANS.iter().find(|(word, ..)| *word == asked_span()).unwrap_or(&SPANS[0]).2);
    // Once a second: the right edge is now.
    let drawn = Derived::new(move || {
        let now = shown.live.known();
        let from = Timestamp(now.0 - back.get());
        shown.wanted.with(|wanted| {
            let task = |task: &_| wanted.fits(task) && wanted.wants(task.state);
            let agent = |agent: &str| wanted.agent.is_empty() || wanted.agent == agent;
            shown.live.peek(|state| Timeline::of(state, &Frame { from, now, agent: &agent, task: &task }))
        })
    });
    let chips = SPANS.iter().map(|(word, name, _)| {
        let to = text(move || address.with(&[("span", word)]));
        li().child(chip(to, move || asked_span() == *word).child(*name))
    });
    let some = flag(move || drawn.with(|drawn| !drawn.lanes.is_empty()));
    let none = move || {
        let longer = a(turn(address, &[("span", "24h")])).child("Look back a day");
        section().class("nothing").child(p().child("Nobody was at such a task in this time. ").child(longer))
    };
    vec![
        div().class("swim-head").child(ul().class("chips").label("How far back").children(chips)).child(legend()).into(),
        either(some, move || lanes(shown, drawn), none),
    ]
    .into()
}

fn legend() -> Element {
    let entry = |class: &'static str, word: &'static str| {
        li().child(span().class(["swatch ", class].concat()).hidden_from_readers()).child(word)
    };
    ul().class("swim-legend")
        .label("What the marks mean")
        .child(entry("t-running", "running"))
        .child(entry("t-completed", "completed"))
        .child(entry("t-failed", "failed"))
        .child(entry("t-cancelled", "cancelled"))
        .child(entry("t-assigned", "handed on"))
        .child(entry("blocked", "waits for a person"))
        .child(li().child(span().class("swatch fold").hidden_from_readers().child("≈")).child("idle time, folded"))
}

fn lanes(shown: Shown, drawn: Derived<Timeline>) -> Vec<Node> {
    let ids = Derived::new(move || drawn.with(|drawn| drawn.lanes.keys().cloned().collect::<Vec<String>>()));
    let total = Memo::new(move |_| ids.with(Vec::len));
    let about = Memo::new(move |_| shown.address.with_at(None));
    let head = tr().child(th().attr("scope", "col").class("c-lane").child("Agent")).child(
        th().attr("scope", "col")
            .class("c-time")
            .child(span().class("unseen").child("Tasks over time"))
            .child(timeline::scale(drawn)),
    );
    let read = move |from: usize, to: usize| {
        ids.with(|ids| {
            let wanted = ids.iter().skip(from).take(to.saturating_sub(from));
            wanted.map(|id| Row::new(id.clone(), (id.clone(), drawn), lane)).collect()
        })
    };
    let told = text(move || [&count(total.get() as u64), " agents."].concat());
    let table = window(Window { label: "Tasks by agent over time", total, about }, Shape::Table("swim", head), read);
    vec![table.class("window card").into(), p().class("muted").child(told).into()]
}

fn lane((id, drawn): (String, Derived<Timeline>)) -> Node {
    let live = expect_context::<Live>();
    let name = live.peek(|state| state.agents.by_id.get(&id).map(|agent| agent.name.clone())).unwrap_or_else(|| id.clone());
    let words = span().class("lane-words unseen").child(timeline::told(drawn, id.clone()));
    tr().child(th().attr("scope", "row").child(a(["/agents/", &encode(&id)].concat()).child(visible_line(&name))))
        .child(td().class("lane-cell").child(words).child(timeline::lane(drawn, id)))
        .into()
}
