//! The namespaces in short, and one of them with all its keys.

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::derived::Derived;
use crate::app::components::form::{deed_button, hidden};
use crate::app::components::hostile::{visible, visible_line};
use crate::app::components::letters::small;
use crate::app::components::number::{UNKNOWN, count};
use crate::app::html::{
    Element, Node, Row, a, b, code, div, flag, form, h2, input, label, li, noscript, p, rows, section, span, submit, table,
    tbody, td, text, th, thead, tr, ul, when,
};
use crate::app::route::{Address, encode, typed};
use crate::client::Live;
use crate::swarm::SwarmState;
use crate::swarm::bounds::order;
use crate::swarm::memory::{Entry, Namespace};

/// How many namespaces are shown, those used last first, and how many keys of each.
const SPACES: usize = 24;
const KEYS: usize = 5;
/// How many keys of one namespace are shown.
const ALL_KEYS: usize = 200;

/// The address of a namespace.
fn way_to(space: &str) -> String {
    ["/memory?space=", &encode(space)].concat()
}

/// The address of a key.
pub fn way_to_key(space: &str, key: &str) -> String {
    [&way_to(space), "&key=", &encode(key)].concat()
}

/// The namespaces that something is kept in; a search through all of them makes none.
fn kept(state: &SwarmState) -> impl Iterator<Item = (&String, &Namespace)> {
    state.memory.namespaces.iter().filter(|(_, it)| it.forgotten > 0 || !it.keys.is_empty())
}

fn figures(it: &Namespace) -> String {
    let keys = it.keys.len() as u64 + it.forgotten;
    [count(keys).as_str(), if keys == 1 { " key, " } else { " keys, " }, &count(it.operations), " operations"].concat()
}

/// The keys of a namespace, those written last first.
fn newest(it: &Namespace) -> Vec<(&String, &Entry)> {
    let all: Vec<(&String, &Entry)> = it.keys.iter().collect();
    order(all.iter().map(|(_, entry)| u64::MAX - entry.written_by.seq)).into_iter().map(|at| all[at]).collect()
}

/// All namespaces in short.
pub fn spaces(live: Live, pace: RwSignal<u64>) -> Element {
    let names = Derived::new(move || {
        pace.track();
        live.peek(|state| kept(state).map(|(name, _)| name.clone()).collect::<Vec<String>>())
    });
    // In order of their names: cards do not change places while somebody reads.
    let cards = rows(move || {
        names.with(|names| {
            names.iter().take(SPACES).map(|name| Row::new(name.clone(), (name.clone(), live, pace), space)).collect()
        })
    });
    let more = move || names.with(Vec::len).saturating_sub(SPACES) as u64;
    let rest = rows(move || {
        let row = |name: &String| {
            Row::new(name.clone(), name.clone(), |name| li().child(a(way_to(&name)).child(visible_line(&name))).into())
        };
        names.with(|names| names.iter().skip(SPACES).map(row).collect())
    });
    let others = section()
        .class("card others")
        .child(h2().child("Further namespaces").child(span().class("muted").child(text(move || count(more())))))
        .child(ul().class("chips").child(rest));
    let others = others.attr("hidden", flag(move || more() == 0));
    div().class("all-spaces").child(div().class("spaces").child(cards)).child(others)
}

fn space((name, live, pace): (String, Live, RwSignal<u64>)) -> Node {
    let (counted, listed) = (name.clone(), name.clone());
    let figures = text(move || {
        pace.track();
        live.peek(|state| state.memory.namespaces.get(&counted).map(figures).unwrap_or_default())
    });
    let keys = rows(move || {
        pace.track();
        live.peek(|state| {
            let Some(space) = state.memory.namespaces.get(&listed) else { return Vec::new() };
            let row = |(key, entry): (&String, &Entry)| {
                Row::new(
                    [key, " ", &entry.written_by.seq.to_string()].concat(),
                    (listed.clone(), key.clone(), entry.clone()),
                    short,
                )
            };
            newest(space).into_iter().take(KEYS).map(row).collect()
        })
    });
    section()
        .class("card space")
        .child(h2().child(a(way_to(&name)).child(visible_line(&name))).child(span().class("muted").child(figures)))
        .child(ul().class("lines").child(keys))
        .child(p().class("muted").child(a(way_to(&name)).child("All its keys")))
        .into()
}

fn value_of(entry: &Entry) -> String {
    entry.value.as_deref().map_or_else(|| UNKNOWN.to_owned(), visible)
}

fn short((space, key, entry): (String, String, Entry)) -> Node {
    let (value, ts) = (value_of(&entry), entry.written_by.ts);
    let named = hidden("name", key.clone());
    li().child(b().class("clipped").child(a(way_to_key(&space, &key)).child(visible_line(&key))))
        .child(code().class("grow").child(value))
        .child(ago(move || ts))
        .child(deed_button("Delete", Deed::Delete, space, vec![named.into()]))
        .into()
}

/// One namespace with its keys.
pub fn one_space(live: Live, pace: RwSignal<u64>, address: Address, name: String) -> Element {
    let query = Memo::new(move |_| small(address.parameter("q").unwrap_or_default().trim()));
    let wanted = name.clone();
    // The keys in order, as many as are wanted, and how many more there are.
    let keys = Derived::new(move || {
        pace.track();
        live.peek(|state| {
            let Some(space) = state.memory.namespaces.get(&wanted) else { return (Vec::new(), 0, 0) };
            let has = |text: &str| query.with(|query| query.is_empty() || small(text).contains(query.as_str()));
            let fits = |(key, entry): &(&String, &Entry)| has(key) || entry.value.as_deref().is_some_and(has);
            let all: Vec<(String, Entry)> =
                space.keys.iter().filter(fits).take(ALL_KEYS).map(|(key, entry)| (key.clone(), entry.clone())).collect();
            let hidden = (space.keys.len() - all.len()) as u64;
            (all, hidden, space.forgotten)
        })
    });
    let (counted, owned) = (name.clone(), name.clone());
    let figures = text(move || {
        pace.track();
        live.peek(|state| state.memory.namespaces.get(&counted).map_or_else(|| "nothing is known of it".to_owned(), figures))
    });
    let listed = rows(move || {
        keys.with(|(keys, ..)| {
            let row = |(key, entry): &(String, Entry)| {
                Row::new(
                    [key, " ", &entry.written_by.seq.to_string()].concat(),
                    (owned.clone(), key.clone(), entry.clone()),
                    key_row,
                )
            };
            keys.iter().map(row).collect()
        })
    });
    let heads = ["Key", "Value", "Writes", "Written", ""].map(|name| th().attr("scope", "col").child(name));
    let rest = text(move || {
        keys.with(|(_, hidden, forgotten)| {
            let part = |number: u64, words: &str| if number == 0 { String::new() } else { [&count(number), words].concat() };
            [
                part(*hidden, " more keys have not these words, or are over the bound of this list. "),
                part(*forgotten, " keys longest unchanged are in the log and the API only."),
            ]
            .concat()
        })
    });
    section()
        .class("card one-space")
        .attr("aria-labelledby", "space-title")
        .child(h2().id("space-title").child(visible_line(&name)).child(span().class("muted").child(figures)))
        .child(find(address, query, name))
        .child(
            div()
                .class("scroll")
                .attr("tabindex", "0")
                .attr("role", "group")
                .label("Keys")
                .child(table().class("keys").child(thead().child(tr().children(heads))).child(tbody().child(listed))),
        )
        .child(when(flag(move || keys.with(|(keys, ..)| keys.is_empty())), || {
            p().class("muted").child("No key here has these words.")
        }))
        .child(p().class("muted bounds").child(rest))
}

/// Narrows the keys, in the address.
fn find(address: Address, query: Memo<String>, space: String) -> Element {
    let look = move |event: web_sys::Event| address.replace(&untrack(|| address.with(&[("q", &typed(&event))])));
    let line =
        input().attr("type", "text").attr("name", "q").attr("autocomplete", "off").attr("value", text(move || query.get()));
    form()
        .class("deed narrowing")
        .attr("method", "get")
        .attr("action", "/memory")
        .on("submit", |event| event.prevent_default())
        .child(hidden("space", space))
        .child(label().child(span().child("Find a key")).child(line.attr("placeholder", "in keys and values").on("input", look)))
        .child(noscript().child(submit().class("quiet").child("Find")))
        .child(p().class("ways").child(a("/memory").child("All namespaces")))
}

fn key_row((space, key, entry): (String, String, Entry)) -> Node {
    let (value, ts) = (value_of(&entry), entry.written_by.ts);
    let named = hidden("name", key.clone());
    tr().child(th().attr("scope", "row").child(a(way_to_key(&space, &key)).child(visible_line(&key))))
        .child(td().class("value-cell").child(code().child(value)))
        .child(td().class("number").child(count(entry.writes)))
        .child(td().class("number").child(ago(move || ts)))
        .child(td().child(deed_button("Delete", Deed::Delete, space, vec![named.into()])))
        .into()
}
