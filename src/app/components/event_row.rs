//! One event as a row: when, what, about what, in words; its payload on request.

use leptos::prelude::*;

use super::age::clock;
use crate::app::api::one_event;
use crate::app::components::hostile::{visible, visible_line};
use crate::app::html::{Node, Row, button, div, flag, li, p, pre, span, text, time, when};
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::activity;

/// How much of a payload is shown, in characters.
const MAX_SHOWN: usize = 20_000;

/// The domain of a type: its colour and its filter.
pub fn domain(kind: &str) -> &str {
    kind.split('.').next().unwrap_or_default()
}

/// An event in a list.
pub fn event_item(row: &activity::Row) -> Row {
    Row::new(key(row.seq, row.ts), row.clone(), event_row)
}

/// What tells an event from all others: another log, and the demo, have events at the same places.
pub fn key(seq: u64, ts: Timestamp) -> String {
    [&seq.to_string(), " ", &ts.0.cast_unsigned().to_string()].concat()
}

/// A row that opens to show the event as it is in the log.
fn event_row(row: activity::Row) -> Node {
    let live = expect_context::<Live>();
    let open = RwSignal::new(false);
    let payload = RwSignal::new("…".to_owned());
    let seq = row.seq;
    let toggle = move |_| {
        open.update(|open| *open = !*open);
        if open.get_untracked() {
            show(live, seq, payload);
        }
    };
    let about = row.entity.as_ref().map(|entity| visible_line(&entity.to_string())).unwrap_or_default();
    let hue = ["kind d-", domain(&row.kind)].concat();
    let class = if row.kind.ends_with(".failed") || row.kind.ends_with("_requested") { "event loud" } else { "event" };
    let exact = row.ts.to_string();
    let origin = ["seq ", &seq.to_string(), " · from ", &visible_line(&row.source), " · ", &exact].concat();
    let line = button()
        .class("line")
        .attr("aria-expanded", text(move || if open.get() { "true" } else { "false" }))
        .on("click", toggle)
        .child(time().attr("datetime", exact).child(clock(row.ts)))
        .child(span().class(hue).child(visible_line(&row.kind)))
        .child(span().class("about").child(about))
        .child(span().class("words").child(visible_line(&row.words)));
    let opened = move || {
        div()
            .class("payload")
            .child(p().class("muted").child(origin.clone()))
            .child(pre().attr("tabindex", "0").child(text(move || payload.get())))
    };
    li().class(class).attr("data-seq", seq.to_string()).child(line).child(when(flag(move || open.get()), opened)).into()
}

/// Fetches the event from the log; the demo's are in none.
fn show(live: Live, seq: u64, payload: RwSignal<String>) {
    if live.is_demo() {
        return payload.set("The demo is in no log.".to_owned());
    }
    leptos::task::spawn_local(async move {
        let text = match one_event(seq).await {
            Ok(event) if event.is_empty() => "It is no longer kept.".to_owned(),
            Ok(event) => visible(&event.chars().take(MAX_SHOWN).collect::<String>()),
            Err(error) => error.to_string(),
        };
        // The row may be gone by now.
        let _gone = payload.try_set(text);
    });
}
