//! What the swarm keeps in common.

use leptos::prelude::*;

use crate::app::act::{Deed, Found, act};
use crate::app::components::age::ago;
use crate::app::components::form::{area, deed, deed_button, field, hidden};
use crate::app::components::hostile::{visible, visible_line};
use crate::app::components::number::{UNKNOWN, count, rate};
use crate::app::html::{
    Element, Node, Row, b, code, details, div, either, flag, form, h1, h2, input, label, li, p, rows, section, span, submit,
    summary, text, ul,
};
use crate::app::route::typed;
use crate::client::Live;
use crate::swarm::memory::{Entry, Recent};
use crate::swarm::{SwarmState, Touched};

/// How many keys of a namespace are shown, and how many operations.
const SHOWN: usize = 50;

/// The page of the shared memory.
pub fn memory_page() -> Node {
    let live = expect_context::<Live>();
    let any = flag(move || live.read(Touched::MEMORY, |state| !state.memory.recent.is_empty()));
    let names = move || live.read(Touched::MEMORY, shown);
    let recent = move || {
        live.read(Touched::MEMORY, |state| {
            state.memory.recent.iter().rev().take(SHOWN).map(|it| Row::new(it.seq.to_string(), it.clone(), operation)).collect()
        })
    };
    let whole = move || -> Vec<Node> {
        vec![
            div().class("spaces").child(rows(names)).into(),
            section()
                .class("card")
                .attr("aria-labelledby", "operations-title")
                .child(h2().id("operations-title").child("Newest operations"))
                .child(ul().class("lines").child(rows(recent)))
                .into(),
        ]
    };
    let nothing = || {
        section()
            .class("nothing")
            .child(p().child("Nothing is kept yet. Agents store values by PUT /api/memory/{namespace}/{key}, or from here."))
    };
    vec![
        div()
            .class("page-head")
            .child(h1().child("Memory"))
            .child(p().class("standing").child(text(move || live.read(Touched::MEMORY, figures))))
            .into(),
        search(),
        details().class("card").child(summary().child("Store a value")).child(store()).into(),
        either(any, whole, nothing),
    ]
    .into()
}

/// The namespaces that something is kept in; a search through all of them makes none.
fn shown(state: &SwarmState) -> Vec<Row> {
    let kept = state.memory.namespaces.iter().filter(|(_, it)| it.forgotten > 0 || !it.keys.is_empty());
    kept.map(|(name, _)| Row::new(name.clone(), name.clone(), namespace)).collect()
}

fn figures(state: &SwarmState) -> String {
    let it = &state.memory;
    let operations: u64 = it.by_operation.values().sum();
    let (mean, share) = (it.latency_ms / operations.max(1) as f64, it.hits as f64 * 100.0 / (it.hits + it.misses).max(1) as f64);
    let known = |known: bool, text: String| if known { text } else { UNKNOWN.to_owned() };
    let mean = known(operations > 0, [&rate(mean), " ms"].concat());
    let share = known(it.hits + it.misses > 0, [&rate(share), " %"].concat());
    [&count(operations), " operations · ", &mean, " on average · ", &share, " from the cache"].concat()
}

fn store() -> Element {
    let fields = vec![
        field("Namespace", "about", "default"),
        field("Key", "name", ""),
        area("Value", "text", "JSON, or any text"),
        submit().child("Store").into(),
    ];
    deed(Deed::Store, "", fields)
}

/// Words to look for in all values; what is found stays until something else is looked for.
fn search() -> Node {
    let words = RwSignal::new(String::new());
    let found = RwSignal::new(Vec::<Found>::new());
    let said = RwSignal::new(String::new());
    let look = move |event: web_sys::Event| {
        event.prevent_default();
        let none = String::new;
        let asked = act(Deed::Search.as_str().to_owned(), none(), none(), words.get_untracked(), none());
        leptos::task::spawn_local(async move {
            let told = match asked.await {
                Ok(outcome) if outcome.refused.is_empty() => {
                    let many = [&count(outcome.found.len() as u64), " found"].concat();
                    let _gone = found.try_set(outcome.found);
                    many
                }
                Ok(outcome) => outcome.refused,
                Err(error) => error.to_string(),
            };
            let _gone = said.try_set(told);
        });
    };
    let row = |it: &Found| Row::new([&it.namespace, " ", &it.key, " ", &it.snippet].concat(), it.clone(), hit);
    let awake = expect_context::<Live>().awake;
    let line = input().attr("type", "search").attr("name", "q").on("input", move |event| words.set(typed(&event)));
    let asks = form()
        .class("deed")
        .attr("role", "search")
        .on("submit", look)
        .child(label().class("wide").child(span().child("Search")).child(line))
        .child(submit().child("Search"))
        .child(span().class("said").attr("role", "status").child(text(move || said.get())));
    // What only a live page can do keeps its place until it lives.
    section()
        .class(text(move || if awake.get() { "card" } else { "card asleep" }))
        .child(asks)
        .child(ul().class("lines").child(rows(move || found.with(|found| found.iter().map(row).collect()))))
        .into()
}

fn hit(found: Found) -> Node {
    li().child(span().class("state").child(found.namespace))
        .child(b().child(found.key))
        .child(span().class("grow").child(visible_line(&found.snippet)))
        .into()
}

fn namespace(name: String) -> Node {
    let live = expect_context::<Live>();
    let (counted, title) = (name.clone(), name.clone());
    let keys = move || {
        live.read(Touched::MEMORY, |state| {
            let Some(space) = state.memory.namespaces.get(&name) else { return Vec::new() };
            let row = |(key, entry): (&String, &Entry)| {
                Row::new(
                    [key, " ", &entry.written_by.seq.to_string()].concat(),
                    (name.clone(), key.clone(), entry.clone()),
                    value,
                )
            };
            space.keys.iter().take(SHOWN).map(row).collect()
        })
    };
    let many = text(move || {
        live.read(Touched::MEMORY, |state| {
            state
                .memory
                .namespaces
                .get(&counted)
                .map(|it| [&count(it.keys.len() as u64 + it.forgotten), " keys, ", &count(it.operations), " operations"].concat())
                .unwrap_or_default()
        })
    });
    section()
        .class("card")
        .child(h2().child(title).child(span().class("muted").child(many)))
        .child(ul().class("lines").child(rows(keys)))
        .into()
}

fn value((space, key, entry): (String, String, Entry)) -> Node {
    let named = hidden("name", key.clone());
    li().child(b().child(key))
        .child(code().class("grow").child(entry.value.map_or_else(|| UNKNOWN.to_owned(), |value| visible(&value))))
        .child(span().class("muted").child([&count(entry.writes), "×"].concat()))
        .child(ago(move || entry.written_by.ts))
        .child(deed_button("Delete", Deed::Delete, space, vec![named.into()]))
        .into()
}

fn operation(it: Recent) -> Node {
    let about = it.key.or(it.query).unwrap_or_default();
    let hit = match it.cache_hit {
        Some(true) => "from the cache",
        Some(false) => "not in the cache",
        None => "",
    };
    li().child(span().class("state").child(it.operation.as_str()))
        .child(span().class("muted").child(it.namespace))
        .child(span().class("grow").child(visible_line(&about)))
        .child(span().class("muted").child(hit))
        .child(span().class("number").child([&rate(it.latency_ms), " ms"].concat()))
        .child(ago(move || it.ts))
        .into()
}
