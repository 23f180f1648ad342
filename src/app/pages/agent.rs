//! One agent: how it stands and why, what it does, what it said, and its history.

use leptos::prelude::*;

use crate::app::api::agent_history;
use crate::app::components::about::About;
use crate::app::components::age::ago;
use crate::app::components::event_row::event_item;
use crate::app::components::number::{bytes, rate, share};
use crate::app::html::{
    Element, Node, Row, a, dd, div, dl, dt, effect, either, flag, h1, h2, li, noscript, ol, p, rows, section, span, text, ul,
    when,
};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::agents::Agent;
use crate::swarm::bounds::order;
use crate::swarm::messages::Message;
use crate::swarm::tasks::Task;
use crate::swarm::{Touched, activity};

/// How many tasks and messages are shown.
const SHOWN: usize = 12;
/// How many events of its history are shown.
const HISTORY: u32 = 60;

/// The page of one agent.
pub fn agent_page(id: String) -> Node {
    let live = expect_context::<Live>();
    let about = About::new(id);
    let known = flag(move || about.read(|_| ()).is_some());
    let shown = move || {
        let cards = div()
            .class("grid detail")
            .child(facts(about))
            .child(tasks(live, about))
            .child(messages(live, about))
            .child(history(live, about));
        vec![head(about).into(), cards.into()]
    };
    let unknown = move || {
        let words = p().child("No agent of this id has been heard of.");
        section().class("nothing").child(h1().child(about.id())).child(words)
    };
    vec![p().class("crumbs").child(a("/agents").child("Agents")).into(), either(known, shown, unknown)].into()
}

fn head(about: About) -> Element {
    let by = span()
        .class("muted")
        .child("by ")
        .child(about.stands(|standing| standing.evidence.kind))
        .child(" #")
        .child(about.stands(|standing| standing.evidence.seq.to_string()));
    let standing = p()
        .class("standing")
        .child(about.badge())
        .child(span().child(about.stands(|standing| standing.why)))
        .child(about.since())
        .child(by);
    div().class("page-head").child(h1().child(about.fact(|agent| Some(agent.name.clone())))).child(standing)
}

/// A card with its title.
fn card(class: &'static str, id: &'static str, title: &'static str) -> Element {
    section().class(class).attr("aria-labelledby", id).child(h2().id(id).child(title))
}

/// A fact's name, and how it is told; `None` where it is unknown.
type Fact = (&'static str, fn(&Agent) -> Option<String>);

fn facts(about: About) -> Element {
    let facts: [Fact; 14] = [
        ("Id", |agent| Some(agent.id.clone())),
        ("Kind", |agent| agent.agent_type.clone()),
        ("Says", |agent| agent.status.map(|status| status.as_str().to_owned())),
        ("Health", |agent| agent.health.map(|health| health.as_str().to_owned())),
        ("Task", |agent| agent.task.clone()),
        ("Parent", |agent| agent.parent.clone()),
        ("Host", |agent| agent.host.clone()),
        ("Version", |agent| agent.version.clone()),
        ("Endpoint", |agent| agent.endpoint.clone()),
        ("Can", |agent| (!agent.capabilities.is_empty()).then(|| agent.capabilities.join(", "))),
        ("CPU", |agent| agent.cpu.map(|cpu| [&rate(cpu), " %"].concat())),
        ("Memory", |agent| agent.memory.map(bytes)),
        ("Trust", |agent| agent.trust.map(share)),
        ("Reported by", |agent| Some(agent.source.clone())),
    ];
    let told = facts.into_iter().flat_map(|(name, read)| [dt().child(name), dd().child(about.fact(read))]);
    card("card facts", "facts-title", "Facts").child(dl().children(told))
}

/// Lines where there are any, or a word that there are none.
fn lines(
    any: impl Fn() -> bool + Send + Sync + 'static,
    read: impl Fn() -> Vec<Row> + Copy + Send + Sync + 'static,
    none: &'static str,
) -> Node {
    either(flag(any), move || ul().class("lines").child(rows(read)), move || p().class("calm").child(none))
}

fn tasks(live: Live, about: About) -> Element {
    let mine = move |task: &&Task| task.agent.as_deref().is_some_and(|agent| about.is(agent));
    let any = move || live.read(Touched::TASKS, |state| state.tasks.by_id.values().any(|task| mine(&task)));
    let listed = move || {
        live.read(Touched::TASKS, |state| {
            let tasks: Vec<&Task> = state.tasks.by_id.values().filter(mine).collect();
            // What goes on first, then the newest.
            let places = order(tasks.iter().map(|task| u64::from(task.state.ended()) << 63 | ((1 << 62) - task.heard.seq)));
            places.into_iter().take(SHOWN).map(|place| task_line(tasks[place])).collect()
        })
    };
    card("card", "tasks-title", "Tasks").child(lines(any, listed, "None yet."))
}

fn task_line(task: &Task) -> Row {
    Row::new([&task.id, " ", &task.heard.seq.to_string()].concat(), task.clone(), |task| {
        let progress = task.progress.filter(|_| !task.state.ended()).map(|share| [&rate(share), " %"].concat());
        let heard = task.heard.ts;
        li().child(span().class(["state t-", task.state.as_str()].concat()).child(task.state.as_str()))
            .child(span().class("grow").child(task.label().to_owned()))
            .child(span().class("number").child(progress))
            .child(ago(move || heard))
            .into()
    })
}

fn messages(live: Live, about: About) -> Element {
    let its = move |message: &&Message| message.to == "*" || about.is(&message.from) || about.is(&message.to);
    let any = move || live.read(Touched::MESSAGES, |state| state.messages.recent.iter().any(|message| its(&message)));
    let listed = move || {
        live.read(Touched::MESSAGES, |state| {
            state.messages.recent.iter().rev().filter(its).take(SHOWN).map(message_line).collect()
        })
    };
    card("card", "messages-title", "Messages").child(lines(any, listed, "None lately."))
}

fn message_line(message: &Message) -> Row {
    Row::new(message.seq.to_string(), message.clone(), |message| {
        let to = if message.to == "*" { "all" } else { &message.to };
        let words = [" → ", to, ": ", &message.content].concat();
        let sent = message.ts;
        li().child(span().class("state").child(message.message_type.as_str()))
            .child(span().class("grow").child(a(["/agents/", &encode(&message.from)].concat()).child(message.from)).child(words))
            .child(ago(move || sent))
            .into()
    })
}

/// Its events, its tasks', its sessions' and its messages', from the log; fetched again when
/// something about it came.
fn history(live: Live, about: About) -> Element {
    let newest = RwSignal::new(Vec::<activity::Row>::new());
    // What went wrong; empty where nothing did.
    let problem = RwSignal::new(String::new());
    let fetching = RwSignal::new(false);
    let fetch = move || {
        fetching.set(true);
        leptos::task::spawn_local(async move {
            let part = agent_history(about.id(), HISTORY).await;
            // The page may be gone by now.
            let _gone = fetching.try_set(false);
            let said = match part {
                Ok(part) => {
                    let _gone = newest.try_set(part.events.iter().rev().map(activity::Row::of).collect());
                    String::new()
                }
                Err(error) => error.to_string(),
            };
            let _gone = problem.try_set(said);
        });
    };
    // At most once a second, whatever comes.
    let mut asked = 0;
    effect(move || {
        let _second = live.now.get();
        let heard = untrack(|| about.read(|agent| agent.heard.seq)).unwrap_or(0);
        if heard != asked && !fetching.get_untracked() && !live.is_demo() {
            asked = heard;
            fetch();
        }
    });
    card("card history", "history-title", "History")
        .child(noscript().child(p().class("muted").child("The history is read from the log when the page lives.")))
        .child(when(flag(move || problem.with(|problem| !problem.is_empty())), move || {
            p().class("muted").attr("role", "status").child(text(move || problem.get()))
        }))
        .child(ol().class("feed").child(rows(move || newest.with(|rows| rows.iter().map(event_item).collect()))))
}
