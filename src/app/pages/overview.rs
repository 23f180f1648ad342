//! What needs a person first, then how the swarm does.

mod attention;
mod rates;

use std::time::Duration;

use leptos::prelude::*;

use crate::app::components::age::ago;
use crate::app::components::derived::Derived;
use crate::app::components::event_row::event_item;
use crate::app::components::graph::{SMALL_NODES, small_graph};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count, rate};
use crate::app::components::pace::{paced, paced_every, slow_clock};
use crate::app::components::welcome::welcome;
use crate::app::html::{
    Element, Node, Row, a, b, div, either, flag, h1, h2, li, ol, p, rows, rows_by_and_by, section, span, text, ul, when,
};
use crate::app::route::{Address, encode};
use crate::client::{Live, in_frame};
use crate::event::Timestamp;
use crate::swarm::providers::Provider;
use crate::swarm::tasks::{Task, TaskState};
use crate::swarm::{Attention, SwarmState, Touched, graph, status};

/// How many events the overview shows.
const RECENT: usize = 12;
/// How long the small graph stays as it is: it costs much and says little by itself.
const GRAPH_REST: Duration = Duration::from_secs(2);

/// What the cards read.
#[derive(Clone, Copy)]
struct Overview {
    live: Live,
    address: Address,
    /// Turns in which sums over all agents are made anew.
    agents: RwSignal<u64>,
    /// How many agents stand how, in the order of [`Attention::ALL`].
    counts: Derived<Vec<u64>>,
}

/// The first page.
pub fn overview_page() -> Node {
    let live = expect_context::<Live>();
    let empty = flag(move || live.read(Touched::ACTIVITY, SwarmState::is_empty));
    either(empty, || Node::from(welcome()), move || overview(live))
}

fn overview(live: Live) -> Node {
    let agents = paced(live, Touched::AGENTS);
    let counts = Derived::new(move || {
        let now = live.known();
        agents.track();
        live.peek(|state| status::agents_by_attention(state, now).to_vec())
    });
    let page = Overview { live, address: expect_context(), agents, counts };
    let cards = div()
        .class("grid overview")
        .child(attention::needs_attention(page))
        .child(flow(live))
        .child(rates::counts(page))
        .child(div().class("stack").child(rates::times(page)).child(connections(live)))
        .child(recent(live))
        .child(providers(live));
    vec![h1().class("unseen").child("Overview").into(), standings(counts).into(), cards.into()].into()
}

/// A card with its title.
fn card(class: &'static str, id: &'static str, title: impl Into<Node>) -> Element {
    section().class(class).attr("aria-labelledby", id).child(h2().id(id).child(title))
}

/// Agents by standing, each a way to them.
fn standings(counts: Derived<Vec<u64>>) -> Element {
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

/// What of the tasks one looks at: how many are in which state, who waits longest, how many are blocked.
#[derive(Clone, PartialEq)]
struct Flow {
    counts: Vec<u64>,
    /// Its id, what people call it, since when.
    longest: Option<(String, String, Timestamp)>,
    blocked: u64,
    /// How many ended so long ago that they are no longer listed, and so not counted here.
    forgotten: u64,
}

fn tally(state: &SwarmState) -> Flow {
    let mut counts = vec![0_u64; TaskState::ALL.len()];
    let mut longest: Option<&Task> = None;
    for task in state.tasks.by_id.values() {
        counts[task.state as usize] += 1;
        let waits = matches!(task.state, TaskState::Pending | TaskState::Assigned);
        if waits && longest.is_none_or(|longest| task.state_by.ts < longest.state_by.ts) {
            longest = Some(task);
        }
    }
    let longest = longest.map(|task| (task.id.clone(), task.label().to_owned(), task.state_by.ts));
    Flow { counts, longest, blocked: state.tasks.blocked, forgotten: state.tasks.forgotten }
}

/// Tasks from put up to ended.
fn flow(live: Live) -> Element {
    let pace = paced(live, Touched::TASKS);
    let flow = Derived::new(move || {
        pace.track();
        live.peek(tally)
    });
    let steps = TaskState::ALL.iter().map(|state| {
        let state = *state;
        let link = a(["/tasks?view=list&state=", state.as_str()].concat())
            .child(b().child(text(move || count(flow.with(|flow| flow.counts[state as usize])))))
            .child(span().child(state.as_str()));
        li().class(["step t-", state.as_str()].concat()).child(link)
    });
    let waits = move || {
        let label = move |flow: &Flow| flow.longest.as_ref().map(|(_, label, _)| visible_line(label)).unwrap_or_default();
        let label = text(move || flow.with(label));
        let to = text(move || {
            let id = flow.with(|flow| flow.longest.as_ref().map(|(id, ..)| encode(id)));
            ["/tasks?view=list&q=", &id.unwrap_or_default()].concat()
        });
        let since = move || flow.with(|flow| flow.longest.as_ref().map_or(Timestamp(0), |(.., since)| *since));
        p().class("muted longest").child("Longest not begun: ").child(a(to).child(label)).child(" ").child(ago(since))
    };
    let blocked = move || {
        let many = text(move || count(flow.with(|flow| flow.blocked)));
        p().class("muted").child(many).child(" wait for other tasks.")
    };
    let forgotten = move || {
        let many = text(move || count(flow.with(|flow| flow.forgotten)));
        p().class("muted").child(many).child(" that ended long ago are no longer listed.")
    };
    card("card flow", "flow-title", a("/tasks").child("Tasks"))
        .child(ol().children(steps))
        .child(when(flag(move || flow.with(|flow| flow.longest.is_some())), waits))
        .child(when(flag(move || flow.with(|flow| flow.blocked > 0)), blocked))
        .child(when(flag(move || flow.with(|flow| flow.forgotten > 0)), forgotten))
}

/// The graph in small.
fn connections(live: Live) -> Element {
    let pace = paced_every(live, Touched::AGENTS.and(Touched::TOPOLOGY).and(Touched::MESSAGES), GRAPH_REST);
    let clock = slow_clock(live);
    let drawn = Derived::new(move || {
        clock.track();
        pace.track();
        let now = untrack(|| live.known());
        live.peek(|state| graph::graph_of(state, now, SMALL_NODES))
    });
    let kind = text(move || drawn.with(|drawn| drawn.kind.map_or(UNKNOWN, |kind| kind.as_str())));
    let title = vec![a("/topology").child("Topology").into(), span().class("muted").child(kind).into()];
    card("card connections", "connections-title", title).child(small_graph(drawn))
}

/// The newest events.
fn recent(live: Live) -> Element {
    let pace = paced(live, Touched::ACTIVITY);
    let newest = move || {
        pace.track();
        live.peek(|state| state.activity.rows.iter().rev().take(RECENT).map(event_item).collect())
    };
    let title =
        vec![a("/activity").child("Activity").into(), span().class("muted").child(a("/activity").child("all events")).into()];
    card("card recent", "recent-title", title)
        .child(ol().class("feed").child(rows_by_and_by(move |act| in_frame(live, act), newest)))
}

fn pill((id, it): (&String, &Provider)) -> Row {
    Row::new([id, " ", &it.by.seq.to_string()].concat(), (id.clone(), it.clone()), |(id, it)| {
        let latency = it.latency_ms.map_or_else(|| UNKNOWN.to_owned(), |ms| [&rate(ms), " ms"].concat());
        li().class(["pill p-", it.state.as_str()].concat())
            .attr("title", visible_line(&it.endpoint))
            .child(b().child(a("/providers").child(visible_line(&id))))
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
