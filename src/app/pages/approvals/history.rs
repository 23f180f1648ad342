//! What became of requests: who decided what, when and why.

use leptos::prelude::*;

use super::card::{Whose, outcome};
use crate::app::components::age::ago;
use crate::app::components::chip::chip;
use crate::app::components::hostile::visible_line;
use crate::app::html::{Node, Row, a, b, div, either, flag, h2, li, p, rows, section, span, text, ul};
use crate::app::route::{Address, encode};
use crate::client::Live;
use crate::swarm::sessions::{Decided, MAX_DECIDED, Verdict};
use crate::swarm::{SwarmState, Touched};

/// A part of the history that can be chosen, by the address: word, name, what is in it.
type Part = (&'static str, &'static str, fn(&Decided) -> bool);

const PARTS: [Part; 4] = [
    ("", "All", |_| true),
    ("allowed", "Allowed", |it| matches!(it.verdict, Verdict::Allowed | Verdict::Always)),
    ("denied", "Denied", |it| it.verdict == Verdict::Denied),
    ("unanswered", "Unanswered", |it| it.by.is_none()),
];

/// The newest decisions.
pub(super) fn history() -> Node {
    let (live, address) = (expect_context::<Live>(), expect_context::<Address>());
    let chosen = move || address.parameter("decided").unwrap_or_default();
    let wanted = move || {
        let chosen = chosen();
        PARTS.iter().find(|(word, ..)| *word == chosen).unwrap_or(&PARTS[0]).2
    };
    let any = flag(move || live.read(Touched::SESSIONS, |state| !state.sessions.decided.is_empty()));
    let some = flag(move || live.read(Touched::SESSIONS, |state| state.sessions.decided.iter().any(wanted())));
    let list =
        move || ul().class("lines decisions").child(rows(move || live.read(Touched::SESSIONS, |state| told(state, wanted()))));
    let chips = move || {
        let one = |(word, name, is): &Part| {
            let (word, is) = (*word, *is);
            let to = if word.is_empty() { "/approvals".to_owned() } else { ["/approvals?decided=", word].concat() };
            let many = text(move || {
                live.read(Touched::SESSIONS, |state| state.sessions.decided.iter().filter(|it| is(it)).count()).to_string()
            });
            li().child(chip(to, move || chosen() == word).child(*name).child(b().child(many)))
        };
        ul().class("chips").label("Show").children(PARTS.iter().map(one))
    };
    let filtered = move || {
        p().class("calm small").child("None of the newest decisions is of this kind. ").child(a("/approvals").child("Show all"))
    };
    let known = move || -> Node { vec![chips().into(), either(some.clone(), list, filtered)].into() };
    let never = || p().class("calm small").child("Nobody was asked yet. What is decided is kept here, with who, when and why.");
    section()
        .class("card history-of-decisions")
        .attr("aria-labelledby", "decided-title")
        .child(div().class("head-line").child(h2().id("decided-title").child("Decided")).child(
            span().class("muted small").child(["the newest ", &MAX_DECIDED.to_string(), "; older ones are in the log"].concat()),
        ))
        .child(either(any, known, never))
        .into()
}

fn told(state: &SwarmState, wanted: fn(&Decided) -> bool) -> Vec<Row> {
    let newest = state.sessions.decided.iter().rev().filter(|it| wanted(it));
    newest.map(|it| Row::new([&it.at.seq.to_string(), " ", &it.request].concat(), it.clone(), line)).collect()
}

fn line(it: Decided) -> Node {
    let at = it.at.ts;
    let title = visible_line(it.title.as_deref().unwrap_or(&it.session));
    li().child(outcome(&it, Whose::Anywhere))
        .child(a(["/sessions/", &encode(&it.session)].concat()).child(title))
        .child(ago(move || at))
        .into()
}
