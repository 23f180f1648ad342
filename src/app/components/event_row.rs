//! One event as a row: when, what, about what, in words; its payload on request.

use leptos::prelude::*;

use super::age::time_of_day;
use crate::app::api::one_event;
use crate::client::Live;
use crate::swarm::activity::Row;

/// How much of a payload is shown, in characters.
const MAX_SHOWN: usize = 20_000;

/// The domain of a type: its colour and its filter.
pub fn domain(kind: &str) -> &str {
    kind.split('.').next().unwrap_or_default()
}

/// A row that opens to show the event as it is in the log.
#[component]
pub fn EventRow(row: Row) -> impl IntoView {
    let live = expect_context::<Live>();
    let open = RwSignal::new(false);
    let seq = row.seq;
    // The demo's events are in no log.
    let payload = Action::new(move |_: &()| async move {
        match one_event(seq).await {
            Ok(Some(event)) => pretty(&event.to_json()),
            Ok(None) => "It is no longer kept.".to_owned(),
            Err(error) => error.to_string(),
        }
    });
    let toggle = move |_| {
        open.update(|open| *open = !*open);
        if open.get_untracked() && payload.value().get_untracked().is_none() && live.demo.get_untracked().is_none() {
            payload.dispatch(());
        }
    };
    let about = row.entity.as_ref().map(ToString::to_string).unwrap_or_default();
    let hue = ["kind d-", domain(&row.kind)].concat();
    let failed = row.kind.ends_with(".failed") || row.kind.ends_with("_requested");
    view! {
        <li class="event" class:loud=failed data-seq=seq>
            <button class="line" type="button" aria-expanded=move || if open.get() { "true" } else { "false" } on:click=toggle>
                <time datetime=row.ts.to_string()>{time_of_day(row.ts)}</time>
                <span class=hue>{row.kind.clone()}</span>
                <span class="about">{about}</span>
                <span class="words">{row.words.clone()}</span>
            </button>
            <Show when=move || open.get()>
                <div class="payload">
                    <p class="muted">
                        "seq " {seq} " · from " {row.source.clone()} " · " <time datetime=row.ts.to_string()>{row.ts.to_string()}</time>
                    </p>
                    <pre tabindex="0">
                        {move || match payload.value().get() {
                            Some(text) => text,
                            None if live.demo.get().is_some() => "The demo is in no log.".to_owned(),
                            None => "…".to_owned(),
                        }}
                    </pre>
                </div>
            </Show>
        </li>
    }
}

/// JSON with line breaks and indents.
fn pretty(json: &str) -> String {
    let value: Option<serde_json::Value> = serde_json::from_str(json).ok();
    let text = value.and_then(|value| serde_json::to_string_pretty(&value).ok()).unwrap_or_else(|| json.to_owned());
    text.chars().take(MAX_SHOWN).collect()
}
