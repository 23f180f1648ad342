//! How a row of the feed is drawn, and how one goes from row to row.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{Element as Dom, Event, HtmlElement, KeyboardEvent};

use super::feed::Feed;
use super::run::Line;
use crate::app::components::age::{age, clock};
use crate::app::components::event_row::{domain, key};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{count, rate};
use crate::app::components::window::{Shape, Window, window};
use crate::app::html::{Element, Node, Row, button, li, span, text, time};
use crate::swarm::activity::Outcome;

/// The rows, newest first, in a window.
pub fn list(feed: Feed) -> Element {
    let total = Memo::new(move |_| feed.total());
    let about = Memo::new(move |_| [feed.text.get().as_str(), if feed.single.get() { " 1" } else { "" }].concat());
    // The row that Tab leads to: the one that had the focus, else the first that is drawn.
    let (drawn, lead) = (RwSignal::new(0), RwSignal::new(0));
    let read = move |from: usize, to: usize| {
        let places = feed.places(from, to);
        // A window begins a little above what is seen.
        let first = places.get(if from == 0 { 0 } else { 8 }).copied().unwrap_or(0);
        if drawn.get_untracked() != first {
            drawn.set(first);
        }
        let named = |seq: u64| key(seq, feed.line(seq, |line| line.first.ts));
        places.into_iter().map(|seq| Row::new(named(seq), (feed, seq, drawn, lead), row)).collect()
    };
    let listed = window(Window { label: "Events, newest first", total, about }, Shape::List("feed"), read);
    let scrolled = move |event: Event| {
        let Some(seen) = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()) else { return };
        let away = seen.scroll_top() > 4;
        if feed.away.get_untracked() != away {
            feed.away.set(away);
        }
        let below = seen.scroll_height() - seen.scroll_top() - seen.client_height();
        if below < 1_200 && feed.every.get_untracked() == 1 && untrack(|| feed.has_older()) {
            feed.older();
        }
    };
    let entered = move |event: Event| {
        let row = target(&event).and_then(|at| at.closest("li[data-seq]").ok().flatten());
        let seq = row.and_then(|row| row.get_attribute("data-seq")?.parse().ok());
        if let Some(seq) = seq {
            lead.set(seq);
            feed.inside.set(true);
        }
    };
    let left = move |_: Event| {
        lead.set(0);
        feed.inside.set(false);
    };
    listed.on("scroll", scrolled).on("focusin", entered).on("focusout", left).on("keydown", step)
}

fn target(event: &Event) -> Option<Dom> {
    event.target()?.dyn_into().ok()
}

/// The arrow keys go from row to row.
fn step(event: Event) {
    let Some(row) = target(&event).and_then(|at| at.closest("li[data-seq]").ok().flatten()) else { return };
    let next = match event.unchecked_ref::<KeyboardEvent>().key().as_str() {
        "ArrowDown" => row.next_element_sibling(),
        "ArrowUp" => row.previous_element_sibling(),
        _ => return,
    };
    event.prevent_default();
    if let Some(line) = next.and_then(|row| row.query_selector(".line").ok().flatten()) {
        let _no_focus = line.unchecked_into::<HtmlElement>().focus();
    }
}

fn row((feed, seq, drawn, lead): (Feed, u64, RwSignal<u64>, RwSignal<u64>)) -> Node {
    let says = move |read: fn(&Line) -> String| {
        text(move || {
            feed.settled.track();
            feed.line(seq, read)
        })
    };
    let fixed = |read: fn(&Line) -> String| feed.line(seq, read);
    let ts = feed.line(seq, |line| line.first.ts);
    let is_open = move || feed.open.get() == seq;
    let leads = move || match lead.get() {
        0 => drawn.get() == seq,
        lead => lead == seq,
    };
    let press = move |_| {
        feed.event.set(feed.line(seq, |line| line.newest().seq).max(seq));
        feed.open.set(if untrack(is_open) { 0 } else { seq });
    };
    let line = button()
        .class("line")
        .attr("aria-expanded", text(move || if is_open() { "true" } else { "false" }))
        .attr("tabindex", text(move || if leads() { "0" } else { "-1" }))
        .on("click", press)
        .child(time().attr("datetime", ts.to_string()).child(clock(ts)))
        .child(
            span()
                .class(says(|line| ["kind d-", domain(&line.first.kind)].concat()))
                .child(says(|line| line.newest().kind.clone())),
        )
        .child(
            span()
                .class("about")
                .child(fixed(|line| line.first.entity.as_ref().map(|it| visible_line(&it.to_string())).unwrap_or_default())),
        )
        .child(
            span()
                .class("words")
                .child(span().child(says(|line| visible_line(&line.first.words))))
                .child(span().class("then").child(says(then))),
        )
        .child(
            span()
                .class("out")
                .child(says(many))
                .child(span().class(says(|line| ["came ", class(line)].concat())).child(says(came))),
        );
    li().class(says(|line| if is_loud(line) { "event loud".to_owned() } else { "event".to_owned() }))
        .attr("data-seq", seq.to_string())
        .attr("data-row", "")
        .child(line)
        .into()
}

/// Whether it asks for a person's eye.
fn is_loud(line: &Line) -> bool {
    let newest = line.newest();
    newest.outcome == Some(Outcome::Badly) || newest.kind.ends_with("_requested")
}

/// What came of it, in words.
fn then(line: &Line) -> String {
    match &line.last {
        Some(last) if !last.kind.starts_with("session.text_") && last.words != line.first.words => {
            ["→ ", &visible_line(&last.words)].concat()
        }
        _ => String::new(),
    }
}

fn many(line: &Line) -> String {
    if line.events < 2 { String::new() } else { ["×", &count(line.events)].concat() }
}

fn class(line: &Line) -> &'static str {
    match line.outcome() {
        Some(outcome) => outcome.as_str(),
        None if line.is_open() => "open",
        None => "none",
    }
}

/// How it came out, and after how long.
fn came(line: &Line) -> String {
    let sign = match line.outcome() {
        Some(Outcome::Well) => "✓ ",
        Some(Outcome::Badly) => "✕ failed ",
        Some(Outcome::Off) => "■ off ",
        None if line.is_open() => return "● open".to_owned(),
        None => return String::new(),
    };
    match &line.last {
        None => {
            if line.outcome() == Some(Outcome::Well) {
                "✓ done".to_owned()
            } else {
                sign.trim_end().to_owned()
            }
        }
        Some(last) => [sign, &took(last.ts.since(line.first.ts))].concat(),
    }
}

/// How long something took.
pub fn took(ms: u64) -> String {
    match ms {
        0..1_000 => [&ms.to_string(), " ms"].concat(),
        1_000..60_000 => [&rate(ms as f64 / 1_000.0), " s"].concat(),
        _ => age(ms),
    }
}
