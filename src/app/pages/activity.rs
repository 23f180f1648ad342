//! Everything that happens, as it happens.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_query_map};

use super::agents::encode;
use crate::app::api::log_page;
use crate::app::components::event_row::EventRow;
use crate::app::components::number::count;
use crate::client::Live;
use crate::event::catalogue::DOMAINS;
use crate::event::{Filter, Subject};
use crate::swarm::activity::Row;
use crate::swarm::{SwarmState, Touched};

/// How many rows are fetched when older ones are asked for.
const OLDER: u32 = 100;
/// How many older rows are kept on the page.
const KEPT: usize = 2_000;

fn wants(filter: &Filter, row: &Row) -> bool {
    let entity = row.entity.as_ref().map(|entity| (entity.kind.as_str(), entity.id.as_str()));
    filter.matches(Subject { kind: &row.kind, source: &row.source, entity })
}

fn newest(state: &SwarmState, filter: &Filter) -> Vec<Row> {
    state.activity.rows.iter().rev().filter(|row| wants(filter, row)).cloned().collect()
}

/// The feed of events, with a type filter in the address, and pause.
#[component]
pub fn ActivityPage() -> impl IntoView {
    let live = expect_context::<Live>();
    let query = use_query_map();
    let types = Memo::new(move |_| query.read().get("types").unwrap_or_default());
    let filter = Memo::new(move |_| {
        let mut filter = Filter::everything();
        let fault = filter.add("types", &types.get()).err().map(|fault| fault.to_string());
        (filter, fault)
    });
    // While paused, the rows of that moment stay.
    let paused = RwSignal::new(None::<(u64, Vec<Row>)>);
    let rows = Memo::new(move |_| match paused.get() {
        Some((_, rows)) => rows,
        None => live.read(Touched::ACTIVITY, |state| filter.with(|(filter, _)| newest(state, filter))),
    });
    let held = move || {
        let seq = live.read(Touched::ACTIVITY, |state| state.seq);
        paused.with(|paused| paused.as_ref().map_or(0, |(at, _)| seq.saturating_sub(*at)))
    };
    let toggle = move |_| {
        let now = paused.get_untracked().is_none().then(|| (live.peek(|state| state.seq), rows.get_untracked()));
        paused.set(now);
    };
    let total = move || live.read(Touched::ACTIVITY, |state| state.seq);
    view! {
        <Title text="Activity" />
        <div class="page-head">
            <h1>"Activity"</h1>
            <div class="tools">
                <button type="button" aria-pressed=move || if paused.get().is_some() { "true" } else { "false" } on:click=toggle>
                    {move || if paused.get().is_some() { "▶ Resume" } else { "❚❚ Pause" }}
                </button>
                <Show when=move || paused.get().is_some()>
                    <span id="held" role="status">
                        {move || count(held())}
                        " new, held"
                    </span>
                </Show>
            </div>
        </div>
        <TypeFilter types fault=Signal::derive(move || filter.with(|(_, fault)| fault.clone())) />
        <Show
            when=move || !rows.with(Vec::is_empty)
            fallback=move || {
                view! {
                    <section class="nothing">
                        {move || match (total(), types.get().is_empty()) {
                            (0, _) => view! { <p>"Nothing has happened yet. " <A href="/">"How to send a first event"</A></p> }.into_any(),
                            (_, true) => view! { <p>"Nothing among the newest events."</p> }.into_any(),
                            (_, false) => {
                                view! { <p>"None of the newest events is of these types. " <A href="/activity">"Clear the filter"</A></p> }.into_any()
                            }
                        }}
                    </section>
                }
            }
        >
            <ol class="feed card" aria-label="Events, newest first">
                <For each=move || rows.get() key=|row| row.seq let:row>
                    <EventRow row=row />
                </For>
            </ol>
        </Show>
        <Older types shown=rows />
    }
}

/// The domains as switches, and any pattern typed.
#[component]
fn TypeFilter(types: Memo<String>, fault: Signal<Option<String>>) -> impl IntoView {
    let navigate = use_navigate();
    let chips = DOMAINS.iter().map(|domain| {
        let pattern = [domain.name, ".*"].concat();
        let current = pattern.clone();
        view! {
            <li>
                <A
                    href=["/activity?types=", &pattern].concat()
                    attr:aria-current=move || (types.get() == current).then_some("true")
                >
                    <span class=["kind d-", domain.name].concat()>{domain.name}</span>
                </A>
            </li>
        }
    });
    let typed = NodeRef::<leptos::html::Input>::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(input) = typed.get_untracked() {
            let address = ["/activity?types=", &encode(&input.value())].concat();
            navigate(&address, NavigateOptions { scroll: false, ..NavigateOptions::default() });
        }
    };
    view! {
        <form class="filter" method="get" action="/activity" role="search" on:submit=submit>
            <ul class="chips" aria-label="By domain">
                <li>
                    <A href="/activity" attr:aria-current=move || types.get().is_empty().then_some("true")>
                        "all"
                    </A>
                </li>
                {chips.collect_view()}
            </ul>
            <label>
                <span>"Types"</span>
                <input type="text" name="types" placeholder="task.*, agent.registered" prop:value=types value=types.get_untracked() node_ref=typed />
            </label>
            <button type="submit" class="quiet">
                "Filter"
            </button>
            <Show when=move || fault.get().is_some()>
                <p class="refused" role="alert">
                    {move || fault.get().unwrap_or_default()}
                </p>
            </Show>
        </form>
    }
}

/// Rows before those on the page, from the log.
#[component]
fn Older(types: Memo<String>, shown: Memo<Vec<Row>>) -> impl IntoView {
    let live = expect_context::<Live>();
    let rows = RwSignal::new(Vec::<Row>::new());
    let end = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    Effect::new(move || {
        types.track();
        rows.set(Vec::new());
        end.set(false);
    });
    let fetch = Action::new(move |_: &()| async move {
        let oldest = rows.with_untracked(|rows| rows.last().map(|row| row.seq));
        let oldest = oldest.or_else(|| shown.with_untracked(|shown| shown.last().map(|row| row.seq)));
        let (epoch, seq) = live.position();
        let before = [&epoch, "-", &oldest.unwrap_or(seq + 1).to_string()].concat();
        match log_page(before, types.get_untracked(), OLDER).await {
            Ok(part) => {
                rows.update(|rows| {
                    rows.extend(part.events.iter().rev().map(Row::of));
                    rows.truncate(KEPT);
                });
                end.set(part.exhausted || rows.with_untracked(|rows| rows.len() >= KEPT));
                problem.set(None);
            }
            Err(error) => problem.set(Some(error.to_string())),
        }
    });
    view! {
        <ol class="feed card older" class:none=move || rows.with(Vec::is_empty) aria-label="Older events">
            <For each=move || rows.get() key=|row| row.seq let:row>
                <EventRow row=row />
            </For>
        </ol>
        <Show when=move || problem.get().is_some()>
            <p class="refused" role="status">
                {move || problem.get().unwrap_or_default()}
            </p>
        </Show>
        <Show when=move || live.awake.get() && live.demo.get().is_none() && !end.get() && live.has_data()>
            <button
                type="button"
                class="quiet"
                disabled=move || fetch.pending().get()
                on:click=move |_| {
                    fetch.dispatch(());
                }
            >
                "Load older events"
            </button>
        </Show>
        <Show when=move || end.get()>
            <p class="muted">
                {move || if rows.with(|rows| rows.len() >= KEPT) { "More stand in the log; the API has them all." } else { "That is the beginning of what is kept." }}
            </p>
        </Show>
    }
}
