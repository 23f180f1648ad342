//! The event that is open: where it stands, what it is about, and its payload as a tree, fetched
//! from the log when it is opened.

use leptos::prelude::*;
use serde_json::Value;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use super::feed::Feed;
use super::tree::tree;
use crate::app::api::one_event;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{bytes, count};
use crate::app::hands::{Hands, keys::Does};
use crate::app::html::{Element, Node, a, aside, button, dd, div, dl, dt, flag, h2, li, p, part, span, text, time, ul, when};
use crate::app::route::{Address, encode};
use crate::client::{Live, copy};
use crate::event::wire::from_text;

/// The longest event that is drawn as a tree, in bytes; a longer one is there to download.
const MOST: usize = 4 << 20;

/// The pane, while an event is open.
pub fn pane(feed: Feed) -> Node {
    let shown = Memo::new(move |_| if feed.open.get() == 0 { 0 } else { feed.event.get() });
    part(move || match shown.get() {
        0 => Node::Nothing,
        seq => untrack(|| drawn(feed, feed.open.get(), seq).into()),
    })
}

fn drawn(feed: Feed, row: u64, seq: u64) -> Element {
    let live = expect_context::<Live>();
    // The event as the log has it, and why it is not here; both empty while it is on its way.
    let (json, fault) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    fetch(live, seq, json, fault);
    let close = move || {
        feed.open.set(0);
        to_row(row);
    };
    expect_context::<Hands>().handle(Does::Close, close);
    let head = div()
        .class("pane-head")
        .child(h2().child(["Event ", &count(seq)].concat()))
        .child(button().class("quiet push").label("Close the event").on("click", move |_| close()).child("✕"));
    aside()
        .class("card pane")
        .id("event")
        .label(["Event ", &count(seq)].concat())
        .child(head)
        .child(facts(feed, row, seq))
        .child(parts(feed, row, seq))
        .child(payload(seq, json, fault))
}

/// The focus goes back to where the event was opened.
fn to_row(row: u64) {
    let selector = ["li[data-seq=\"", &row.to_string(), "\"] .line"].concat();
    if let Ok(Some(line)) = document().query_selector(&selector) {
        let _no_focus = line.unchecked_into::<HtmlElement>().focus();
    }
}

/// What the row knows, each fact a way to filter by it.
fn facts(feed: Feed, row: u64, seq: u64) -> Option<Element> {
    let address = expect_context::<Address>();
    let event = feed.line(row, |line| Some(if line.first.seq == seq { line.first.clone() } else { line.newest().clone() }))?;
    let by = |term: String, words: String| {
        let to = untrack(|| address.with(&[("q", &term), ("types", "")]));
        a(to).attr("title", ["Filter by ", &visible_line(&term)].concat()).child(visible_line(&words))
    };
    let quoted = |field: &str, value: &str| [field, "\"", &value.replace('\\', "\\\\").replace('"', "\\\""), "\""].concat();
    let about = event.entity.as_ref().map(|entity| {
        let full = entity.to_string();
        dd().child(by(quoted("entity:", &full), full)).child(page_of(&entity.kind, &entity.id))
    });
    let mut list = dl();
    if event.seq == seq {
        list = list.child(dt().child("Type")).child(dd().child(by(["type:", &event.kind].concat(), event.kind.clone())));
    }
    list = list.child(dt().child("Source")).child(dd().child(by(quoted("source:", &event.source), event.source.clone())));
    if let Some(about) = about {
        list = list.child(dt().child("About")).child(about);
    }
    if event.seq == seq {
        let exact = event.ts.to_string();
        list = list.child(dt().child("Time")).child(dd().child(time().attr("datetime", exact.clone()).child(exact)));
    }
    Some(list)
}

/// The page of what an event is about, where it has one.
fn page_of(kind: &str, id: &str) -> Option<Element> {
    let folder = match kind {
        "agent" => "/agents/",
        "session" => "/sessions/",
        _ => return None,
    };
    Some(a([folder, &encode(id)].concat()).class("to").child("Its page"))
}

/// The events of the row, to go between them.
fn parts(feed: Feed, row: u64, seq: u64) -> Option<Element> {
    let (places, events) = feed.line(row, |line| (line.places.clone(), line.events));
    if places.len() < 2 {
        return None;
    }
    let missing = (events > places.len() as u64)
        .then(|| span().class("muted").child([&count(events), " in all; these are its first and newest."].concat()));
    let each = places.into_iter().map(|place| {
        let chosen = if place == seq { "true" } else { "false" };
        let go = move |_| feed.event.set(place);
        li().child(button().class("quiet").attr("aria-pressed", chosen).on("click", go).child(count(place)))
    });
    Some(div().class("parts").child(ul().class("chips").label("Events of this row").children(each)).child(missing))
}

fn payload(seq: u64, json: RwSignal<String>, fault: RwSignal<String>) -> Node {
    let here = move || !json.with(String::is_empty);
    let tools = move || {
        let copied = RwSignal::new(false);
        let put = move |_| {
            json.with_untracked(|json| copy(json));
            copied.set(true);
        };
        let place = seq.to_string();
        let file = ["/api/export?format=ndjson&after=", &(seq - 1).to_string(), "&until=", &place].concat();
        let download = a(file).class("button").attr("download", ["event-", &place, ".json"].concat()).child("Download");
        let size = text(move || bytes(json.with(String::len) as f64));
        let word = text(move || if copied.get() { "Copied" } else { "Copy" });
        div()
            .class("tools")
            .child(button().class("quiet").attr("aria-live", "polite").on("click", put).child(word))
            .child(download)
            .child(span().class("muted push").child(size))
    };
    let shown = part(move || {
        if !fault.with(String::is_empty) {
            return p().class("refused").attr("role", "status").child(fault.get()).into();
        }
        json.with(|json| match json.len() {
            0 => p().class("muted").child("…").into(),
            1..MOST => from_text::<Value>(json).map_or_else(|_| p().child(visible_line(json)).into(), inside),
            _ => p().class("muted").child("It is too large to be shown; download it.").into(),
        })
    });
    let body = div().class("payload").attr("tabindex", "0").attr("role", "region").label("Payload").child(shown);
    vec![when(flag(here), tools), body.into()].into()
}

/// The payload first, then what else the event has that no fact above says.
fn inside(event: Value) -> Node {
    let Value::Object(mut event) = event else { return tree(event).into() };
    let payload = event.remove("payload").unwrap_or(Value::Null);
    for said in ["seq", "type", "source", "entity", "ts", "v"] {
        event.remove(said);
    }
    let more = !event.is_empty();
    let rest = more.then(|| h2().child("Envelope"));
    let envelope = more.then(|| tree(Value::Object(event)));
    vec![tree(payload).into(), rest.into(), envelope.into()].into()
}

/// Fetches the event from the log; the demo's are in none.
fn fetch(live: Live, seq: u64, json: RwSignal<String>, fault: RwSignal<String>) {
    if live.is_demo() {
        return fault.set("The demo is in no log.".to_owned());
    }
    leptos::task::spawn_local(async move {
        let why = match one_event(seq).await {
            Ok(event) if event.is_empty() => "It is no longer kept.".to_owned(),
            Ok(event) => return drop(json.try_set(event)),
            Err(error) => error.to_string(),
        };
        // It may be closed by now.
        drop(fault.try_set(why));
    });
}
