//! What needs a person first, then how the swarm does.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

use super::agents::encode;
use crate::app::components::age::Age;
use crate::app::components::badge::Badge;
use crate::app::components::chart::Sparkline;
use crate::app::components::event_row::EventRow;
use crate::app::components::graph::GraphView;
use crate::app::components::number::{UNKNOWN, count, rate};
use crate::app::components::welcome::Welcome;
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::rates::{MEAN_SECONDS, Second};
use crate::swarm::tasks::TaskState;
use crate::swarm::{Attention, Evidence, SwarmState, Touched, graph, status};

/// How many agents the attention list names.
const NAMED: usize = 6;
/// How many events the overview shows.
const RECENT: usize = 12;
/// The window of the sparklines, in seconds.
const WINDOW: i64 = 60;

/// The first page.
#[component]
pub fn OverviewPage() -> impl IntoView {
    let live = expect_context::<Live>();
    let empty = Memo::new(move |_| live.read(Touched::ACTIVITY, SwarmState::is_empty));
    view! {
        <Title text="Overview" />
        <Show when=move || !empty.get() fallback=|| view! { <Welcome /> }>
            <h1 class="unseen">"Overview"</h1>
            <Standings />
            <div class="grid overview">
                <NeedsAttention />
                <Flow />
                <Rates />
                <Connections />
                <Recent />
                <Providers />
            </div>
        </Show>
    }
}

/// Agents by standing, each a way to them.
#[component]
fn Standings() -> impl IntoView {
    let live = expect_context::<Live>();
    let counts = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS, |state| status::agents_by_attention(state, now))
    });
    let tiles = Attention::ALL.iter().map(|attention| {
        let attention = *attention;
        let many = move || counts.get()[attention as usize];
        view! {
            <li class=["tile ", attention.slug()].concat() class:none=move || many() == 0>
                <A href=["/agents?status=", attention.slug()].concat()>
                    <span class="glyph" aria-hidden="true">
                        {attention.glyph()}
                    </span>
                    <b>{move || count(many())}</b>
                    <span>{attention.as_str()}</span>
                </A>
            </li>
        }
    });
    view! {
        <ul class="tiles" aria-label="Agents by standing">
            {tiles.collect_view()}
        </ul>
    }
}

#[derive(Clone, PartialEq)]
struct Case {
    id: String,
    name: String,
    attention: Attention,
    why: String,
    evidence: Evidence,
}

fn cases(state: &SwarmState, now: Timestamp) -> Vec<Case> {
    let mut cases: Vec<Case> = state
        .agents
        .by_id
        .values()
        .map(|agent| (agent, status::agent(agent, now)))
        .filter(|(_, standing)| standing.attention <= Attention::Lost)
        .map(|(agent, it)| Case {
            id: agent.id.clone(),
            name: agent.name.clone(),
            attention: it.attention,
            why: it.why,
            evidence: it.evidence,
        })
        .collect();
    cases.sort_by_key(|case| (case.attention, case.evidence.seq));
    cases
}

/// Who needs a person, most urgent first.
#[component]
fn NeedsAttention() -> impl IntoView {
    let live = expect_context::<Live>();
    let cases = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS, |state| cases(state, now))
    });
    let commands = Memo::new(move |_| {
        live.read(Touched::SESSIONS, |state| {
            let requests = state.sessions.open_requests().map(|(session, id, request)| {
                let what =
                    request.command.clone().or_else(|| request.description.clone()).unwrap_or_else(|| request.tool_name.clone());
                (id.to_owned(), session.agent.clone().unwrap_or_else(|| session.id.clone()), what, request.by.ts)
            });
            requests.take(NAMED).collect::<Vec<_>>()
        })
    });
    view! {
        <section class="card attention" aria-labelledby="attention-title">
            <h2 id="attention-title">"Needs attention"</h2>
            <Show when=move || !commands.with(Vec::is_empty)>
                <ul class="requests" tabindex="0" aria-label="Open requests">
                    <For each=move || commands.get() key=|(id, ..)| id.clone() let:((_, who, what, since))>
                        <li>
                            <Badge attention=Attention::NeedsYou />
                            <A href=["/agents/", &encode(&who)].concat()>{who}</A>
                            <code>{visible(&what)}</code>
                            <Age at=since />
                        </li>
                    </For>
                </ul>
            </Show>
            <Show when=move || cases.with(Vec::is_empty) && commands.with(Vec::is_empty)>
                <p class="calm">"Nothing needs you."</p>
            </Show>
            <ul class="cases">
                <For
                    each=move || cases.get().into_iter().filter(|case| case.attention != Attention::NeedsYou).take(NAMED)
                    key=|case| (case.id.clone(), case.attention, case.evidence.seq)
                    let:case
                >
                    <li>
                        <Badge attention=case.attention />
                        <A href=["/agents/", &encode(&case.id)].concat()>{case.name}</A>
                        <span class="why">{case.why}</span>
                        <Age at=case.evidence.ts />
                    </li>
                </For>
            </ul>
            <Show when=move || cases.with(|cases| cases.len() > NAMED)>
                <p class="muted">
                    <A href="/agents">{move || count(cases.with(Vec::len) as u64)} " agents in all"</A>
                </p>
            </Show>
        </section>
    }
}

/// A command with what would not show made visible: control characters and direction marks.
pub fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().map(|c| if hidden(c) { format!("⟨U+{:04X}⟩", u32::from(c)) } else { c.to_string() }).collect()
}

/// Tasks from put up to ended.
#[component]
fn Flow() -> impl IntoView {
    let live = expect_context::<Live>();
    let counts = Memo::new(move |_| {
        live.read(Touched::TASKS, |state| {
            let mut counts = [0_u64; TaskState::ALL.len()];
            for task in state.tasks.by_id.values() {
                counts[task.state as usize] += 1;
            }
            // What ended long ago is forgotten in the map and counted in the totals.
            counts[TaskState::Completed as usize] = state.tasks.completed;
            counts[TaskState::Failed as usize] = state.tasks.failed;
            counts[TaskState::Cancelled as usize] = state.tasks.cancelled;
            counts
        })
    });
    let steps = TaskState::ALL.iter().map(|it| {
        let it = *it;
        view! {
            <li class=["step t-", it.as_str()].concat()>
                <A href=["/tasks#", it.as_str()].concat()>
                    <b>{move || count(counts.get()[it as usize])}</b>
                    <span>{it.as_str()}</span>
                </A>
            </li>
        }
    });
    view! {
        <section class="card flow" aria-labelledby="flow-title">
            <h2 id="flow-title">"Tasks"</h2>
            <ol>{steps.collect_view()}</ol>
        </section>
    }
}

/// Events, messages and memory operations a second.
#[component]
fn Rates() -> impl IntoView {
    view! {
        <section class="card rates" aria-labelledby="rates-title">
            <h2 id="rates-title">"Last minute"</h2>
            <Rate name="Events" filter="" value=|second| second.events />
            <Rate name="Messages" filter="?types=message.*" value=|second| second.messages />
            <Rate name="Memory operations" filter="?types=memory.*" value=|second| second.memory />
            <Rate name="Failures" filter="?types=task.failed,session.failed,selfcheck.failed" value=|second| second.failures />
        </section>
    }
}

#[component]
fn Rate(name: &'static str, filter: &'static str, value: fn(&Second) -> u64) -> impl IntoView {
    let live = expect_context::<Live>();
    let series = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::ACTIVITY, |state| state.rates.series(now, WINDOW, value))
    });
    let mean = move || {
        let newest = series.with(|series| series.iter().rev().take(MEAN_SECONDS as usize).sum::<u64>());
        rate(newest as f64 / MEAN_SECONDS as f64)
    };
    let most = move || count(series.with(|series| series.iter().copied().max().unwrap_or(0)));
    view! {
        <div class="rate">
            <A href=["/activity", filter].concat()>{name}</A>
            <Sparkline values=series label="Second by second over the last minute" />
            <p>
                <b>{mean}</b>
                " / s"
                <span class="muted">" most " {most}</span>
            </p>
        </div>
    }
}

/// The graph in small.
#[component]
fn Connections() -> impl IntoView {
    let live = expect_context::<Live>();
    let drawn = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS.and(Touched::TOPOLOGY), |state| graph::graph(state, now))
    });
    let kind = move || drawn.with(|drawn| drawn.kind.map_or(UNKNOWN, |kind| kind.as_str()));
    view! {
        <section class="card connections" aria-labelledby="connections-title">
            <h2 id="connections-title">
                <A href="/topology">"Topology"</A>
                <span class="muted">{kind}</span>
            </h2>
            <GraphView graph=drawn small=true />
        </section>
    }
}

/// The newest events.
#[component]
fn Recent() -> impl IntoView {
    let live = expect_context::<Live>();
    let rows =
        move || live.read(Touched::ACTIVITY, |state| state.activity.rows.iter().rev().take(RECENT).cloned().collect::<Vec<_>>());
    view! {
        <section class="card recent" aria-labelledby="recent-title">
            <h2 id="recent-title">
                <A href="/activity">"Activity"</A>
            </h2>
            <ol class="feed">
                <For each=rows key=|row| row.seq let:row>
                    <EventRow row=row />
                </For>
            </ol>
        </section>
    }
}

/// The providers as pills.
#[component]
fn Providers() -> impl IntoView {
    let live = expect_context::<Live>();
    let providers = Memo::new(move |_| {
        live.read(Touched::PROVIDERS, |state| {
            state.providers.by_id.iter().map(|(id, it)| (id.clone(), it.clone())).collect::<Vec<_>>()
        })
    });
    view! {
        <Show when=move || !providers.with(Vec::is_empty)>
            <section class="card providers" aria-labelledby="providers-title">
                <h2 id="providers-title">"Providers"</h2>
                <ul class="pills">
                    <For each=move || providers.get() key=|(id, it)| (id.clone(), it.by.seq) let:((id, it))>
                        <li class=["pill p-", it.state.as_str()].concat() title=it.endpoint>
                            <b>{id}</b>
                            <span>{it.state.as_str().to_lowercase()}</span>
                            <span class="muted">{it.latency_ms.map_or_else(|| UNKNOWN.to_owned(), |ms| format!("{} ms", rate(ms)))}</span>
                        </li>
                    </For>
                </ul>
            </section>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn what_would_not_show_is_made_visible() {
        assert_eq!(visible("rm -rf x\u{202e}y\n"), "rm -rf x⟨U+202E⟩y⟨U+000A⟩");
    }
}
