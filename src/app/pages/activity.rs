//! Everything that happens, as it happens.

use leptos::prelude::*;

use crate::app::api::log_page;
use crate::app::components::event_row::event_item;
use crate::app::components::number::count;
use crate::app::reactive::{When, current, flag, rows, text};
use crate::app::route::{Address, encode};
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
    let address = expect_context::<Address>();
    let types = Memo::new(move |_| address.parameter("types").unwrap_or_default());
    let filter = Memo::new(move |_| {
        let mut filter = Filter::everything();
        let fault = filter.add("types", &types.get()).err().map(|fault| fault.to_string());
        (filter, fault)
    });
    // While paused, the rows of that moment stay; the filter still applies to them.
    let paused = RwSignal::new(None::<(u64, Vec<Row>)>);
    let shown = Memo::new(move |_| {
        filter.with(|(filter, _)| {
            paused.with(|paused| match paused {
                Some((_, rows)) => rows.iter().filter(|row| wants(filter, row)).cloned().collect(),
                None => live.read(Touched::ACTIVITY, |state| newest(state, filter)),
            })
        })
    });
    let held = move || {
        let Some(at) = paused.with(|paused| paused.as_ref().map(|(at, _)| *at)) else { return 0 };
        live.read(Touched::ACTIVITY, |state| {
            filter.with(|(filter, _)| {
                if filter.is_everything() {
                    return state.seq.saturating_sub(at);
                }
                state.activity.rows.iter().filter(|row| row.seq > at && wants(filter, row)).count() as u64
            })
        })
    };
    let toggle = move |_| {
        let everything = || live.peek(|state| (state.seq, newest(state, &Filter::everything())));
        paused.update(|paused| *paused = if paused.is_some() { None } else { Some(everything()) });
    };
    let total = move || live.read(Touched::ACTIVITY, |state| state.seq);
    view! {
        <div class="page-head">
            <h1>"Activity"</h1>
            <div class="tools">
                <button type="button" aria-pressed=move || if paused.get().is_some() { "true" } else { "false" } on:click=toggle>
                    {text(move || if paused.get().is_some() { "▶ Resume" } else { "❚❚ Pause" })}
                </button>
                <When when=flag(move || paused.get().is_some())>
                    <span id="held" role="status">
                        {text(move || count(held()))}
                        " new, held"
                    </span>
                </When>
            </div>
        </div>
        <TypeFilter types fault=Signal::derive(move || filter.with(|(_, fault)| fault.clone())) />
        <When
            when=flag(move || !shown.with(Vec::is_empty))
            otherwise=move || {
                view! {
                    <section class="nothing">
                        {move || match (total(), types.get().is_empty()) {
                            (0, _) => view! { <p>"Nothing has happened yet. " <a href="/">"How to send a first event"</a></p> }.into_any(),
                            (_, true) => view! { <p>"Nothing among the newest events."</p> }.into_any(),
                            (_, false) => {
                                view! { <p>"None of the newest events is of these types. " <a href="/activity">"Clear the filter"</a></p> }.into_any()
                            }
                        }}
                    </section>
                }
            }
        >
            <ol class="feed card" aria-label="Events, newest first">
                {rows(move || shown.with(|shown| shown.iter().map(event_item).collect()))}
            </ol>
        </When>
        <Older types shown />
    }
}

/// The domains as switches, and any pattern typed.
#[component]
fn TypeFilter(types: Memo<String>, fault: Signal<Option<String>>) -> impl IntoView {
    let address = expect_context::<Address>();
    let chips = DOMAINS.iter().map(|domain| {
        let pattern = [domain.name, ".*"].concat();
        let mine = pattern.clone();
        view! {
            <li>
                <a
                    href=["/activity?types=", &pattern].concat()
                    aria-current=current(move || types.get() == mine)
                >
                    <span class=["kind d-", domain.name].concat()>{domain.name}</span>
                </a>
            </li>
        }
    });
    let typed = NodeRef::<leptos::html::Input>::new();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(input) = typed.get_untracked() {
            address.go(&["/activity?types=", &encode(&input.value())].concat());
        }
    };
    view! {
        <form class="filter" method="get" action="/activity" role="search" on:submit=submit>
            <ul class="chips" aria-label="By domain">
                <li>
                    <a href="/activity" aria-current=current(move || types.get().is_empty())>
                        "all"
                    </a>
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
            <When when=flag(move || fault.get().is_some())>
                <p class="refused" role="alert">
                    {text(move || fault.get().unwrap_or_default())}
                </p>
            </When>
        </form>
    }
}

/// Rows before those on the page, from the log.
#[component]
fn Older(types: Memo<String>, shown: Memo<Vec<Row>>) -> impl IntoView {
    let live = expect_context::<Live>();
    let older = RwSignal::new(Vec::<Row>::new());
    let end = RwSignal::new(false);
    let problem = RwSignal::new(None::<String>);
    Effect::new(move || {
        types.track();
        older.set(Vec::new());
        end.set(false);
    });
    // Rows that newer ones push off the page go here once it has older ones: no hole between.
    Effect::new(move |before: Option<Vec<Row>>| {
        let now = shown.get();
        if let (Some(before), Some(oldest)) = (before, now.last().map(|row| row.seq)) {
            older.update(|older| {
                if let Some(newest) = older.first().map(|row| row.seq) {
                    let pushed = before.into_iter().filter(|row| row.seq < oldest && row.seq > newest);
                    older.splice(0..0, pushed);
                    older.truncate(KEPT);
                }
            });
        }
        now
    });
    let fetch = Action::new(move |_: &()| async move {
        let oldest = older.with_untracked(|older| older.last().map(|row| row.seq));
        let oldest = oldest.or_else(|| shown.with_untracked(|shown| shown.last().map(|row| row.seq)));
        let (epoch, seq) = live.position();
        let before = [&epoch, "-", &oldest.unwrap_or(seq + 1).to_string()].concat();
        match log_page(before, types.get_untracked(), OLDER).await {
            Ok(part) => {
                older.update(|older| {
                    older.extend(part.events.iter().rev().map(Row::of));
                    older.truncate(KEPT);
                });
                end.set(part.exhausted || older.with_untracked(|older| older.len() >= KEPT));
                problem.set(None);
            }
            Err(error) => problem.set(Some(error.to_string())),
        }
    });
    view! {
        <ol class="feed card older" class:none=move || older.with(Vec::is_empty) aria-label="Older events">
            {rows(move || older.with(|older| older.iter().map(event_item).collect()))}
        </ol>
        <When when=flag(move || problem.get().is_some())>
            <p class="refused" role="status">
                {text(move || problem.get().unwrap_or_default())}
            </p>
        </When>
        <When when=flag(move || live.awake.get() && live.demo().is_none() && !end.get() && live.has_data())>
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
        </When>
        <When when=flag(move || end.get())>
            <p class="muted">
                {text(move || if older.with(|older| older.len() >= KEPT) { "More stand in the log; the API has them all." } else { "That is the beginning of what is kept." })}
            </p>
        </When>
    }
}
