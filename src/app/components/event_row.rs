//! One event as a row: when, what, about what, in words; its payload on request.

use leptos::prelude::*;

use super::age::time_of_day;
use crate::app::api::one_event;
use crate::app::reactive::{Item, When, flag, text};
use crate::client::Live;
use crate::swarm::activity::Row;

/// How much of a payload is shown, in characters.
const MAX_SHOWN: usize = 20_000;

/// The domain of a type: its colour and its filter.
pub fn domain(kind: &str) -> &str {
    kind.split('.').next().unwrap_or_default()
}

/// An event in a list.
pub fn event_item(row: &Row) -> Item {
    Item::new(row.seq.to_string(), row.clone(), event_row)
}

/// A row that opens to show the event as it is in the log.
fn event_row(row: Row) -> AnyView {
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
    let about = row.entity.as_ref().map(ToString::to_string).unwrap_or_default();
    let hue = ["kind d-", domain(&row.kind)].concat();
    let class = if row.kind.ends_with(".failed") || row.kind.ends_with("_requested") { "event loud" } else { "event" };
    let time = row.ts.to_string();
    view! {
        <li class=class data-seq=seq.to_string()>
            <button class="line" type="button" aria-expanded=text(move || if open.get() { "true" } else { "false" }) on:click=toggle>
                <time datetime=time.clone()>{time_of_day(row.ts)}</time>
                <span class=hue>{row.kind}</span>
                <span class="about">{about}</span>
                <span class="words">{row.words}</span>
            </button>
            <When when=flag(move || open.get())>
                <div class="payload">
                    <p class="muted">{["seq ", &seq.to_string(), " · from ", &row.source, " · ", &time].concat()}</p>
                    <pre tabindex="0">{text(move || payload.get())}</pre>
                </div>
            </When>
        </li>
    }
    .into_any()
}

/// Fetches the event from the log; the demo's are in none.
fn show(live: Live, seq: u64, payload: RwSignal<String>) {
    if live.is_demo() {
        return payload.set("The demo is in no log.".to_owned());
    }
    leptos::task::spawn_local(async move {
        let text = match one_event(seq).await {
            Ok(event) if event.is_empty() => "It is no longer kept.".to_owned(),
            Ok(event) => event.chars().take(MAX_SHOWN).collect(),
            Err(error) => error.to_string(),
        };
        // The row may be gone by now.
        let _gone = payload.try_set(text);
    });
}
