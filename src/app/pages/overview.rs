//! What needs a person first, then how the swarm does.

use leptos::prelude::*;

use crate::app::components::age::ago;
use crate::app::components::badge::badge;
use crate::app::components::chart::sparkline;
use crate::app::components::event_row::event_item;
use crate::app::components::graph::graph_view;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count, rate};
use crate::app::components::pace::paced;
use crate::app::components::welcome::welcome;
use crate::app::html::{
    Element, Node, Row, a, b, code, div, either, flag, h1, h2, li, ol, p, rows, section, span, text, ul, when,
};
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
pub fn overview_page() -> Node {
    let live = expect_context::<Live>();
    let empty = flag(move || live.read(Touched::ACTIVITY, SwarmState::is_empty));
    either(empty, || Node::from(welcome()), move || overview(live))
}

fn overview(live: Live) -> Node {
    // How many agents stand how, in the order of `Attention::ALL`.
    let agents = paced(live, Touched::AGENTS);
    let counts = Memo::new(move |_| {
        let now = live.now.get();
        agents.track();
        live.peek(|state| status::agents_by_attention(state, now).to_vec())
    });
    let cards = div()
        .class("grid overview")
        .child(needs_attention(live, agents, counts))
        .child(flow(live))
        .child(rates(live))
        .child(connections(live, agents))
        .child(recent(live))
        .child(providers(live));
    vec![h1().class("unseen").child("Overview").into(), standings(counts).into(), cards.into()].into()
}

/// A card with its title.
fn card(class: &'static str, id: &'static str, title: impl Into<Node>) -> Element {
    section().class(class).attr("aria-labelledby", id).child(h2().id(id).child(title))
}

/// Agents by standing, each a way to them.
fn standings(counts: Memo<Vec<u64>>) -> Element {
    let tiles = Attention::ALL.iter().map(|attention| {
        let attention = *attention;
        let many = move || counts.with(|counts| counts[attention as usize]);
        let class = text(move || ["tile ", attention.slug(), if many() == 0 { " none" } else { "" }].concat());
        let link = a(["/agents?status=", attention.slug()].concat())
            .child(span().class("glyph").hidden_from_readers().child(attention.glyph()))
            .child(b().child(text(move || count(many()))))
            .child(span().child(attention.as_str()));
        li().class(class).child(link)
    });
    ul().class("tiles").label("Agents by standing").children(tiles)
}

/// An agent that needs attention: who, how it stands and why, by what evidence.
#[derive(Clone)]
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

fn case_line(case: &Case) -> Row {
    Row::new([&case.id, " ", &case.evidence.seq.to_string()].concat(), case.clone(), |case| {
        let (attention, since) = (case.attention, case.evidence.ts);
        li().child(badge(move || attention))
            .child(a(["/agents/", &encode(&case.id)].concat()).child(case.name))
            .child(span().class("why").child(case.why))
            .child(ago(move || since))
            .into()
    })
}

/// What a person is asked: in which session, request, who asks, what would run, since when.
#[derive(Clone)]
struct Ask {
    session: String,
    request: String,
    agent: String,
    what: String,
    since: Timestamp,
}

fn asks(state: &SwarmState) -> Vec<Ask> {
    let asks = state.sessions.open_requests().map(|(session, request, it)| Ask {
        session: session.id.clone(),
        request: request.to_owned(),
        agent: session.agent.clone().unwrap_or_else(|| session.id.clone()),
        what: it.command.clone().or_else(|| it.description.clone()).unwrap_or_else(|| it.tool_name.clone()),
        since: it.by.ts,
    });
    asks.take(NAMED).collect()
}

fn request_line(ask: &Ask) -> Row {
    // Two sessions may name their requests alike.
    Row::new([&ask.session, " ", &ask.request].concat(), ask.clone(), |ask| {
        let since = ask.since;
        li().child(badge(move || Attention::NeedsYou))
            .child(a(["/agents/", &encode(&ask.agent)].concat()).child(ask.agent))
            .child(code().child(visible_line(&ask.what)))
            .child(ago(move || since))
            .into()
    })
}

/// Who needs a person, most urgent first.
fn needs_attention(live: Live, agents: RwSignal<u64>, counts: Memo<Vec<u64>>) -> Element {
    // All that stand worse than working.
    let many = move || counts.with(|counts| counts[..Attention::Working as usize].iter().sum::<u64>());
    let listed = move || {
        let now = live.now.get();
        agents.track();
        live.peek(|state| cases(state, now).iter().map(case_line).collect())
    };
    let asked = move || live.read(Touched::SESSIONS, |state| state.sessions.open_requests().next().is_some());
    let requests = move || {
        let lines = rows(move || live.read(Touched::SESSIONS, |state| asks(state).iter().map(request_line).collect()));
        ul().class("requests").attr("tabindex", "0").label("Open requests").child(lines)
    };
    let others = move || p().class("muted").child(a("/agents").child(text(move || count(many()))).child(" agents in all"));
    card("card attention", "attention-title", "Needs attention")
        .child(when(flag(asked), requests))
        .child(when(flag(move || many() == 0 && !asked()), || p().class("calm").child("Nothing needs you.")))
        .child(ul().class("cases").child(rows(listed)))
        .child(when(flag(move || many() > NAMED as u64), others))
}

/// Tasks from put up to ended.
fn flow(live: Live) -> Element {
    // How many tasks are in which state, in the order of `TaskState::ALL`.
    let pace = paced(live, Touched::TASKS);
    let counts = Memo::new(move |_| {
        pace.track();
        live.peek(|state| {
            let mut counts = vec![0_u64; TaskState::ALL.len()];
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
    let steps = TaskState::ALL.iter().map(|state| {
        let state = *state;
        let link = a(["/tasks#", state.as_str()].concat())
            .child(b().child(text(move || count(counts.with(|counts| counts[state as usize])))))
            .child(span().child(state.as_str()));
        li().class(["step t-", state.as_str()].concat()).child(link)
    });
    card("card flow", "flow-title", "Tasks").child(ol().children(steps))
}

/// Events, messages and memory operations a second.
fn rates(live: Live) -> Element {
    let pace = paced(live, Touched::ACTIVITY);
    card("card rates", "rates-title", "Last minute")
        .child(series(live, pace, "Events", "/activity", |second| second.events))
        .child(series(live, pace, "Messages", "/activity?types=message.*", |second| second.messages))
        .child(series(live, pace, "Memory operations", "/activity?types=memory.*", |second| second.memory))
        .child(series(live, pace, "Failures", "/activity?types=task.failed,session.failed,selfcheck.failed", |second| {
            second.failures
        }))
}

fn series(live: Live, pace: RwSignal<u64>, name: &'static str, way: &'static str, value: fn(&Second) -> u64) -> Element {
    let series = Memo::new(move |_| {
        let now = live.now.get();
        pace.track();
        live.peek(|state| state.rates.series(now, WINDOW, value))
    });
    let mean = text(move || {
        let newest = series.with(|series| series.iter().rev().take(MEAN_SECONDS as usize).sum::<u64>());
        rate(newest as f64 / MEAN_SECONDS as f64)
    });
    let most = text(move || count(series.with(|series| series.iter().copied().max().unwrap_or(0))));
    let words = p().child(b().child(mean)).child(" / s").child(span().class("muted").child(" most ").child(most));
    div().class("rate").child(a(way).child(name)).child(sparkline(series, "Second by second over the last minute")).child(words)
}

/// The graph in small.
fn connections(live: Live, agents: RwSignal<u64>) -> Element {
    let topology = paced(live, Touched::TOPOLOGY);
    let drawn = Memo::new(move |_| {
        let now = live.now.get();
        agents.track();
        topology.track();
        live.peek(|state| graph::graph(state, now))
    });
    let kind = text(move || drawn.with(|drawn| drawn.kind.map_or(UNKNOWN, |kind| kind.as_str())));
    let title = vec![a("/topology").child("Topology").into(), span().class("muted").child(kind).into()];
    card("card connections", "connections-title", title).child(graph_view(drawn, true))
}

/// The newest events.
fn recent(live: Live) -> Element {
    let newest =
        move || live.read(Touched::ACTIVITY, |state| state.activity.rows.iter().rev().take(RECENT).map(event_item).collect());
    card("card recent", "recent-title", a("/activity").child("Activity")).child(ol().class("feed").child(rows(newest)))
}

fn pill((id, it): (&String, &Provider)) -> Row {
    Row::new([id, " ", &it.by.seq.to_string()].concat(), (id.clone(), it.clone()), |(id, it)| {
        let latency = it.latency_ms.map_or_else(|| UNKNOWN.to_owned(), |ms| [&rate(ms), " ms"].concat());
        li().class(["pill p-", it.state.as_str()].concat())
            .attr("title", it.endpoint)
            .child(b().child(id))
            .child(span().child(it.state.as_str().to_ascii_lowercase()))
            .child(span().class("muted").child(latency))
            .into()
    })
}

/// The providers as pills.
fn providers(live: Live) -> Node {
    let any = move || live.read(Touched::PROVIDERS, |state| !state.providers.by_id.is_empty());
    let pills = move || live.read(Touched::PROVIDERS, |state| state.providers.by_id.iter().map(pill).collect());
    when(flag(any), move || card("card providers", "providers-title", "Providers").child(ul().class("pills").child(rows(pills))))
}
