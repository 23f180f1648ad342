//! What needs a person first, then how the swarm does.

use leptos::prelude::*;

use crate::app::components::age::ago;
use crate::app::components::badge::badge;
use crate::app::components::chart::Sparkline;
use crate::app::components::event_row::event_item;
use crate::app::components::graph::GraphView;
use crate::app::components::number::{UNKNOWN, count, rate};
use crate::app::components::welcome::Welcome;
use crate::app::reactive::{Item, When, flag, rows, text};
use crate::app::route::encode;
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::bounds::order;
use crate::swarm::providers::Provider;
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
        <When when=flag(move || !empty.get()) otherwise=|| view! { <Welcome /> }>
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
        </When>
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
                <a href=["/agents?status=", attention.slug()].concat()>
                    <span class="glyph" aria-hidden="true">
                        {attention.glyph()}
                    </span>
                    <b>{text(move || count(many()))}</b>
                    <span>{attention.as_str()}</span>
                </a>
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
    let cases: Vec<Case> = state
        .agents
        .by_id
        .values()
        .map(|agent| (agent, status::agent(agent, now)))
        .filter(|(_, standing)| (Attention::Failing..=Attention::Lost).contains(&standing.attention))
        .map(|(agent, it)| Case {
            id: agent.id.clone(),
            name: agent.name.clone(),
            attention: it.attention,
            why: it.why,
            evidence: it.evidence,
        })
        .collect();
    let places = order(cases.iter().map(|case| (case.attention as u64) << 56 | case.evidence.seq));
    places.into_iter().take(NAMED).map(|place| cases[place].clone()).collect()
}

fn case_line(case: &Case) -> Item {
    Item::new([&case.id, " ", &case.evidence.seq.to_string()].concat(), case.clone(), |case| {
        view! {
            <li>
                {badge(move || case.attention)}
                <a href=["/agents/", &encode(&case.id)].concat()>{case.name}</a>
                <span class="why">{case.why}</span>
                {ago(move || case.evidence.ts)}
            </li>
        }
        .into_any()
    })
}

/// What a person is asked: request, who asks, what would run, since when.
#[derive(Clone, PartialEq)]
struct Ask {
    request: String,
    agent: String,
    what: String,
    since: Timestamp,
}

fn asks(state: &SwarmState) -> Vec<Ask> {
    let asks = state.sessions.open_requests().map(|(session, request, it)| Ask {
        request: request.to_owned(),
        agent: session.agent.clone().unwrap_or_else(|| session.id.clone()),
        what: it.command.clone().or_else(|| it.description.clone()).unwrap_or_else(|| it.tool_name.clone()),
        since: it.by.ts,
    });
    asks.take(NAMED).collect()
}

fn request_line(ask: &Ask) -> Item {
    Item::new(ask.request.clone(), ask.clone(), |ask| {
        view! {
            <li>
                {badge(move || Attention::NeedsYou)}
                <a href=["/agents/", &encode(&ask.agent)].concat()>{ask.agent.clone()}</a>
                <code>{visible(&ask.what)}</code>
                {ago(move || ask.since)}
            </li>
        }
        .into_any()
    })
}

/// Who needs a person, most urgent first.
#[component]
fn NeedsAttention() -> impl IntoView {
    let live = expect_context::<Live>();
    let counts = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS, |state| status::agents_by_attention(state, now))
    });
    // All that stand worse than working.
    let many = move || counts.get()[..Attention::Working as usize].iter().sum::<u64>();
    let listed = move || {
        let now = live.now.get();
        live.read(Touched::AGENTS, |state| cases(state, now).iter().map(case_line).collect())
    };
    let asked = move || live.read(Touched::SESSIONS, |state| state.sessions.open_requests().next().is_some());
    let cut = move || many() > NAMED as u64;
    view! {
        <section class="card attention" aria-labelledby="attention-title">
            <h2 id="attention-title">"Needs attention"</h2>
            <When when=flag(asked)>
                <ul class="requests" tabindex="0" aria-label="Open requests">
                    {rows(move || live.read(Touched::SESSIONS, |state| asks(state).iter().map(request_line).collect()))}
                </ul>
            </When>
            <When when=flag(move || many() == 0 && !asked())>
                <p class="calm">"Nothing needs you."</p>
            </When>
            <ul class="cases">
                {rows(listed)}
            </ul>
            <When when=flag(cut)>
                <p class="muted">
                    <a href="/agents">{text(move || count(many()))} " agents in all"</a>
                </p>
            </When>
        </section>
    }
}

/// A command with what would not show made visible: control characters and direction marks.
pub fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) {
            out.push_str("⟨U+");
            for shift in [12, 8, 4, 0] {
                out.push(char::from_digit(u32::from(c) >> shift & 15, 16).unwrap_or('0').to_ascii_uppercase());
            }
            out.push('⟩');
        } else {
            out.push(c);
        }
    }
    out
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
                <a href=["/tasks#", it.as_str()].concat()>
                    <b>{text(move || count(counts.get()[it as usize]))}</b>
                    <span>{it.as_str()}</span>
                </a>
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
            <a href=["/activity", filter].concat()>{name}</a>
            <Sparkline values=series label="Second by second over the last minute" />
            <p>
                <b>{text(mean)}</b>
                " / s"
                <span class="muted">" most " {text(most)}</span>
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
                <a href="/topology">"Topology"</a>
                <span class="muted">{text(kind)}</span>
            </h2>
            <GraphView graph=drawn small=true />
        </section>
    }
}

/// The newest events.
#[component]
fn Recent() -> impl IntoView {
    let live = expect_context::<Live>();
    let newest =
        move || live.read(Touched::ACTIVITY, |state| state.activity.rows.iter().rev().take(RECENT).map(event_item).collect());
    view! {
        <section class="card recent" aria-labelledby="recent-title">
            <h2 id="recent-title">
                <a href="/activity">"Activity"</a>
            </h2>
            <ol class="feed">
                {rows(newest)}
            </ol>
        </section>
    }
}

fn pill((id, it): (&String, &Provider)) -> Item {
    Item::new([id, " ", &it.by.seq.to_string()].concat(), (id.clone(), it.clone()), |(id, it)| {
        let latency = it.latency_ms.map_or_else(|| UNKNOWN.to_owned(), |ms| [&rate(ms), " ms"].concat());
        view! {
            <li class=["pill p-", it.state.as_str()].concat() title=it.endpoint>
                <b>{id}</b>
                <span>{it.state.as_str().to_ascii_lowercase()}</span>
                <span class="muted">{latency}</span>
            </li>
        }
        .into_any()
    })
}

/// The providers as pills.
#[component]
fn Providers() -> impl IntoView {
    let live = expect_context::<Live>();
    let any = move || live.read(Touched::PROVIDERS, |state| !state.providers.by_id.is_empty());
    let pills = move || live.read(Touched::PROVIDERS, |state| state.providers.by_id.iter().map(pill).collect());
    view! {
        <When when=flag(any)>
            <section class="card providers" aria-labelledby="providers-title">
                <h2 id="providers-title">"Providers"</h2>
                <ul class="pills">
                    {rows(pills)}
                </ul>
            </section>
        </When>
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
