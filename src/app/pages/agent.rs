//! One agent: how it stands and why, what it did when, what it said, and its raw events.

mod history;

use leptos::prelude::*;

use super::agents::row::{CPU, MEMORY, measured};
use crate::app::components::about::About;
use crate::app::components::age::ago;
use crate::app::components::chart::curve;
use crate::app::components::derived::Derived;
use crate::app::components::event_row::key;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count, rate, share};
use crate::app::components::timeline::{self, Frame, Timeline};
use crate::app::html::{
    Element, Node, Row, Text, a, b, dd, div, dl, dt, either, flag, h1, h2, li, p, rows, section, span, text, ul, when,
};
use crate::app::route::encode;
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::agents::{Agent, TrustChange};
use crate::swarm::bounds::order;
use crate::swarm::messages::Message;
use crate::swarm::tasks::Task;
use crate::swarm::{SwarmState, Touched};
use history::history;

/// How many tasks and messages are shown.
const SHOWN: usize = 12;
/// How many changes of its trust are named.
const CHANGES: usize = 5;
/// How far its timeline looks back, in milliseconds.
const BACK: i64 = 3_600_000;

/// The page of one agent.
pub fn agent_page(id: String) -> Node {
    let live = expect_context::<Live>();
    let about = About::new(id);
    let known = flag(move || about.read(|_| ()).is_some());
    let shown = move || {
        let cards = div()
            .class("grid detail")
            .child(lane(live, about))
            .child(facts(about))
            .child(when(flag(move || about.read(|agent| agent.trust.is_some()) == Some(true)), move || trust(about)))
            .child(tasks(live, about))
            .child(messages(live, about))
            .child(history(live, about));
        vec![head(about).into(), cards.into()]
    };
    let unknown = move || {
        let words = p().child("No agent of this id has been heard of.");
        section().class("nothing").child(h1().child(visible_line(&about.id()))).child(words)
    };
    vec![p().class("crumbs").child(a("/agents").child("Agents")).into(), either(known, shown, unknown)].into()
}

fn head(about: About) -> Element {
    let by = a("#history-title")
        .class("muted")
        .child("by ")
        .child(about.stands(|standing| visible_line(&standing.evidence.kind)))
        .child(" #")
        .child(about.stands(|standing| standing.evidence.seq.to_string()));
    let standing = p().class("standing").child(about.badge()).child(span().child(about.why())).child(about.since()).child(by);
    div().class("page-head").child(h1().child(about.fact(|agent| Some(visible_line(&agent.name))))).child(standing)
}

/// A card with its title.
fn card(class: &'static str, id: &'static str, title: &'static str) -> Element {
    section().class(class).attr("aria-labelledby", id).child(h2().id(id).child(title))
}

/// A fact's name, and how it is told; `None` where it is unknown.
type Fact = (&'static str, fn(&Agent) -> Option<String>);

fn facts(about: About) -> Element {
    let facts: [Fact; 13] = [
        ("Id", |agent| Some(agent.id.clone())),
        ("Kind", |agent| agent.agent_type.clone()),
        ("Says", |agent| agent.status.map(|status| status.as_str().to_owned())),
        ("Health", health),
        ("Task", |agent| agent.task.clone()),
        ("Open tool", |agent| agent.open_tool.as_ref().map(|tool| tool.name.clone())),
        ("Parent", |agent| agent.parent.clone()),
        ("Host", |agent| agent.host.clone()),
        ("Version", |agent| agent.version.clone()),
        ("Endpoint", |agent| agent.endpoint.clone()),
        ("Can", |agent| (!agent.capabilities.is_empty()).then(|| agent.capabilities.join(", "))),
        ("Trust", |agent| agent.trust.map(share)),
        ("Reported by", |agent| Some(agent.source.clone())),
    ];
    let told = facts.into_iter().flat_map(|(name, read)| [dt().child(name), dd().child(says(about, read))]);
    let numbers = [("CPU", CPU), ("Memory", MEMORY)];
    let numbers = numbers.into_iter().flat_map(|(name, read)| [dt().child(name), dd().child(measured(about, read))]);
    card("card facts", "facts-title", "Facts").child(dl().children(told).children(numbers))
}

/// A fact in an agent's own words.
fn says(about: About, fact: fn(&Agent) -> Option<String>) -> Text {
    text(move || about.read(fact).flatten().map_or_else(|| UNKNOWN.to_owned(), |words| visible_line(&words)))
}

fn health(agent: &Agent) -> Option<String> {
    let word = agent.health?.as_str();
    Some(match &agent.health_reason {
        Some(reason) => [word, ": ", reason].concat(),
        None => word.to_owned(),
    })
}

/// Trust as it came to be: the score, its curve, and the newest changes with what earned them.
fn trust(about: About) -> Element {
    let score = about.fact(|agent| agent.trust.map(share));
    let changes = about.fact(|agent| Some(count(agent.trust_changes)));
    let scores = move || about.read(Agent::trust_scores).unwrap_or_default();
    let newest =
        move || about.read(|agent| agent.trust_history.iter().rev().take(CHANGES).map(trust_line).collect()).unwrap_or_default();
    let words = p()
        .class("trust-words")
        .child(b().child(score))
        .child(span().class("muted").child(changes).child(" changes, from 0 to 1"));
    card("card trust", "trust-title", "Trust").child(words).child(curve(scores)).child(ul().class("lines").child(rows(newest)))
}

fn trust_line(change: &TrustChange) -> Row {
    Row::new(change.seq.to_string(), change.clone(), |change| {
        let (sign, at) = (if change.delta < 0.0 { "−" } else { "+" }, change.ts);
        let by = change
            .by
            .map(|by| span().class("muted").child("by ").child(a(["/agents/", &encode(&by)].concat()).child(visible_line(&by))));
        li().child(span().class("number").child([sign, &share(change.delta.abs())].concat()))
            .child(span().class("grow").child(visible_line(&change.reason)))
            .child(by)
            .child(ago(move || at))
            .into()
    })
}

/// Its lane of the tasks' timeline.
fn lane(live: Live, about: About) -> Element {
    let drawn = Derived::new(move || {
        let now = live.known();
        let mine = |agent: &str| about.is(agent);
        let frame = Frame { from: Timestamp(now.0 - BACK), now, agent: &mine, task: &|_| true };
        live.peek(|state: &SwarmState| Timeline::of(state, &frame))
    });
    let any = flag(move || drawn.with(|drawn| !drawn.lanes.is_empty()));
    let shown = move || {
        vec![
            timeline::scale(drawn).into(),
            timeline::lane(drawn, about.id()).into(),
            p().class("lane-words unseen").child(timeline::told(drawn, about.id())).into(),
        ]
    };
    let to = a(["/tasks?view=timeline&agent=", &encode(&about.id())].concat()).child("Wider");
    section()
        .class("card wide swim-one")
        .attr("aria-labelledby", "lane-title")
        .child(h2().id("lane-title").child("Last hour").child(span().class("muted").child(to)))
        .child(either(any, shown, || p().class("calm").child("At no task in the last hour.")))
}

/// Lines where there are any, or a word that there are none.
fn lines(
    any: impl Fn() -> bool + Send + Sync + 'static,
    read: impl Fn() -> Vec<Row> + Copy + Send + Sync + 'static,
    none: &'static str,
) -> Node {
    either(flag(any), move || ul().class("lines").child(rows(read)), move || p().class("calm").child(none))
}

/// A link to all of what a card shows some of.
fn all(to: &'static str, about: About) -> Element {
    p().class("more").child(a([to, &encode(&about.id())].concat()).child("All of them"))
}

fn tasks(live: Live, about: About) -> Element {
    let mine = move |task: &&Task| task.agent.as_deref().is_some_and(|agent| about.is(agent));
    let many = move || live.read(Touched::TASKS, |state| state.tasks.by_id.values().filter(mine).take(SHOWN + 1).count());
    let listed = move || {
        live.read(Touched::TASKS, |state| {
            let tasks: Vec<&Task> = state.tasks.by_id.values().filter(mine).collect();
            // What goes on first, then the newest.
            let places = order(tasks.iter().map(|task| u64::from(task.state.ended()) << 63 | ((1 << 62) - task.heard.seq)));
            places.into_iter().take(SHOWN).map(|place| task_line(tasks[place])).collect()
        })
    };
    card("card", "tasks-title", "Tasks")
        .child(lines(move || many() > 0, listed, "None yet."))
        .child(when(flag(move || many() > SHOWN), move || all("/tasks?view=list&agent=", about)))
}

fn task_line(task: &Task) -> Row {
    Row::new([&task.id, " ", &task.heard.seq.to_string()].concat(), task.clone(), |task| {
        let progress = task.progress.filter(|_| !task.state.ended()).map(|share| [&rate(share), " %"].concat());
        let heard = task.heard.ts;
        let label = a(["/tasks?view=list&q=", &encode(&task.id)].concat()).child(visible_line(task.label()));
        li().child(span().class(["state t-", task.state.as_str()].concat()).child(task.state.as_str()))
            .child(span().class("grow").child(label))
            .child(span().class("number").child(progress))
            .child(ago(move || heard))
            .into()
    })
}

fn messages(live: Live, about: About) -> Element {
    let its = move |message: &&Message| message.to == "*" || about.is(&message.from) || about.is(&message.to);
    let many = move || live.read(Touched::MESSAGES, |state| state.messages.recent.iter().filter(its).take(SHOWN + 1).count());
    let listed = move || {
        live.read(Touched::MESSAGES, |state| {
            state.messages.recent.iter().rev().filter(its).take(SHOWN).map(message_line).collect()
        })
    };
    card("card", "messages-title", "Messages")
        .child(lines(move || many() > 0, listed, "None lately."))
        .child(when(flag(move || many() > SHOWN), move || all("/messages?agent=", about)))
}

fn message_line(message: &Message) -> Row {
    Row::new(key(message.seq, message.ts), message.clone(), |message| {
        let to = if message.to == "*" { "all" } else { &message.to };
        let words = [" → ", &visible_line(to), ": ", &visible_line(&message.content)].concat();
        let sent = message.ts;
        li().child(span().class("state").child(message.message_type.as_str()))
            .child(
                span()
                    .class("grow")
                    .child(a(["/agents/", &encode(&message.from)].concat()).child(visible_line(&message.from)))
                    .child(words),
            )
            .child(ago(move || sent))
            .into()
    })
}
