//! What the swarm keeps in common: namespaces, keys with their history, operations, search.
//!
//! The address holds the namespace, the key, and what keys are narrowed by.

mod key;
mod operations;
mod spaces;

use leptos::prelude::*;

use crate::app::act::{Deed, Found, act};
use crate::app::components::derived::Kept;
use crate::app::components::form::{area, barred, deed, field, sender, with_another, world};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::count;
use crate::app::components::pace::paced;
use crate::app::html::{
    Element, Node, Row, a, b, details, div, either, flag, form, h1, input, label, li, p, part, rows, section, span, submit,
    summary, text, ul,
};
use crate::app::route::{Address, encode, typed};
use crate::client::Live;
use crate::swarm::Touched;
use key::key_card;
use operations::{in_all, operations};
use spaces::{one_space, spaces, way_to_key};

/// The page of the shared memory.
pub fn memory_page() -> Node {
    let live = expect_context::<Live>();
    let address = expect_context::<Address>();
    let pace = paced(live, Touched::MEMORY);
    let any = flag(move || live.read(Touched::MEMORY, |state| !state.memory.recent.is_empty()));
    let space = Memo::new(move |_| address.parameter("space").unwrap_or_default());
    let key = Memo::new(move |_| address.parameter("key").unwrap_or_default());
    let looked_at = move || match (space.get(), key.get()) {
        (space, _) if space.is_empty() => Node::from(spaces(live, pace)),
        (space, key) if key.is_empty() => one_space(live, pace, address, space).into(),
        (space, key) => {
            let keys = one_space(live, pace, address, space.clone());
            div().class("grid memory").child(keys).child(key_card(live, pace, space, key)).into()
        }
    };
    let whole = move || -> Vec<Node> { vec![part(looked_at), operations(live, pace).into()] };
    let nothing = || {
        section()
            .class("nothing")
            .child(p().child("Nothing is kept yet. Agents store values by PUT /api/memory/{namespace}/{key}, or from here."))
    };
    let figures = text(move || {
        pace.track();
        live.peek(in_all)
    });
    vec![
        div().class("page-head").child(h1().child("Memory")).child(p().class("standing").child(figures)).into(),
        search(live, pace),
        details().class("card").child(summary().child("Store a value")).child(store()).into(),
        either(any, whole, nothing),
    ]
    .into()
}

fn store() -> Element {
    let fields = vec![
        field("Namespace", "about", "default"),
        field("Key", "name", ""),
        area("Value", "text", "JSON, or any text"),
        sender().child("Store").into(),
    ];
    deed(Deed::Store, "", fields)
}

/// Words to look for in all values; what is found stays until something else is looked for, or
/// another world is on show.
fn search(live: Live, pace: RwSignal<u64>) -> Node {
    let words = RwSignal::new(String::new());
    let found = Kept::new(Vec::<Found>::new());
    let said = RwSignal::new(String::new());
    let world = world(live, pace);
    with_another(world, move || {
        found.set(Vec::new());
        said.set(String::new());
    });
    let look = move |event: web_sys::Event| {
        event.prevent_default();
        if let Some(why) = barred(live) {
            return said.set(why.to_owned());
        }
        let asked_in = world.peek();
        let none = String::new;
        let asked = act(Deed::Search.as_str().to_owned(), none(), none(), words.get_untracked(), none());
        leptos::task::spawn_local(async move {
            let told = asked.await;
            // The page may be gone by now, or show another world.
            if world.try_peek() != Some(asked_in) {
                return;
            }
            let told = match told {
                Ok(outcome) if outcome.refused.is_empty() => {
                    let many = [&count(outcome.found.len() as u64), " found"].concat();
                    found.set(outcome.found);
                    many
                }
                Ok(outcome) => outcome.refused,
                Err(error) => error.to_string(),
            };
            let _gone = said.try_set(told);
        });
    };
    let row = |it: &Found| Row::new([&it.namespace, " ", &it.key, " ", &it.snippet].concat(), it.clone(), hit);
    let awake = live.awake;
    let line = input()
        .attr("type", "search")
        .attr("name", "q")
        .attr("placeholder", "words in any value")
        .on("input", move |event| words.set(typed(&event)));
    let asks = form()
        .class("deed")
        .attr("role", "search")
        .on("submit", look)
        .child(label().class("wide").child(span().child("Search")).child(line))
        .child(submit().child("Search"))
        .child(span().class("said").attr("role", "status").child(text(move || said.get())));
    // What only a live page can do keeps its place until it lives.
    section()
        .class(text(move || if awake.get() { "card search" } else { "card search asleep" }))
        .child(asks)
        .child(ul().class("lines").child(rows(move || found.with(|found| found.iter().map(row).collect()))))
        .into()
}

fn hit(found: Found) -> Node {
    let space = ["/memory?space=", &encode(&found.namespace)].concat();
    li().child(span().class("state clipped").child(a(space).child(visible_line(&found.namespace))))
        .child(b().class("clipped").child(a(way_to_key(&found.namespace, &found.key)).child(visible_line(&found.key))))
        .child(span().class("grow").child(visible_line(&found.snippet)))
        .into()
}
