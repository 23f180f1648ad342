//! One agent: how it stands and why, what it does, what it said, and its history.

use leptos::prelude::*;

use crate::app::api::agent_history;
use crate::app::components::age::ago;
use crate::app::components::badge::badge;
use crate::app::components::event_row::event_item;
use crate::app::components::number::{UNKNOWN, bytes, rate, share};
use crate::app::reactive::{Item, When, flag, rows, text};
use crate::app::route::encode;
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::activity::Row;
use crate::swarm::agents::Agent;
use crate::swarm::bounds::order;
use crate::swarm::messages::Message;
use crate::swarm::tasks::Task;
use crate::swarm::{Attention, Standing, Touched, status};

/// How many tasks and messages are shown.
const SHOWN: usize = 12;
/// How many events of its history are shown.
const HISTORY: u32 = 60;

/// The page of one agent.
#[component]
pub fn AgentPage(id: String) -> impl IntoView {
    let live = expect_context::<Live>();
    let id = RwSignal::new(id);
    let agent = Memo::new(move |_| live.read(Touched::AGENTS, |state| state.agents.by_id.get(&id.get()).cloned()));
    let known = Memo::new(move |_| agent.with(Option::is_some));
    view! {
        <p class="crumbs">
            <a href="/agents">"Agents"</a>
        </p>
        <When
            when=flag(move || known.get())
            otherwise=move || {
                view! {
                    <section class="nothing">
                        <h1>{text(move || id.get())}</h1>
                        <p>"No agent of this id has been heard of."</p>
                    </section>
                }
            }
        >
            <Head agent />
            <div class="grid detail">
                <Facts agent />
                <Tasks id />
                <Messages id />
                <History id />
            </div>
        </When>
    }
}

#[component]
fn Head(agent: Memo<Option<Agent>>) -> impl IntoView {
    let live = expect_context::<Live>();
    let standing = Memo::new(move |_| {
        let now = live.now.get();
        agent.with(|agent| agent.as_ref().map(|agent| status::agent(agent, now)))
    });
    let name = move || agent.with(|agent| agent.as_ref().map(|agent| agent.name.clone()).unwrap_or_default());
    let of = move |read: fn(&Standing) -> String| text(move || standing.with(|it| it.as_ref().map(read).unwrap_or_default()));
    view! {
        <div class="page-head">
            <h1>{text(name)}</h1>
            <p class="standing">
                {badge(move || standing.with(|it| it.as_ref().map_or(Attention::Idle, |it| it.attention)))}
                <span>{of(|standing| standing.why.clone())}</span>
                {ago(move || standing.with(|it| it.as_ref().map_or(Timestamp(0), |it| it.evidence.ts)))}
                <span class="muted">
                    "by " {of(|standing| standing.evidence.kind.clone())} " #" {of(|standing| standing.evidence.seq.to_string())}
                </span>
            </p>
        </div>
    }
}

/// A fact's name, and how it is told; `None` where it is unknown.
type Fact = (&'static str, fn(&Agent) -> Option<String>);

#[component]
fn Facts(agent: Memo<Option<Agent>>) -> impl IntoView {
    let of = move |read: fn(&Agent) -> Option<String>| {
        text(move || agent.with(|agent| agent.as_ref().and_then(read)).unwrap_or_else(|| UNKNOWN.to_owned()))
    };
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
    view! {
        <section class="card facts" aria-labelledby="facts-title">
            <h2 id="facts-title">"Facts"</h2>
            <dl>
                {facts
                    .into_iter()
                    .map(|(name, read)| {
                        view! {
                            <dt>{name}</dt>
                            <dd>{of(read)}</dd>
                        }
                    })
                    .collect_view()}
            </dl>
        </section>
    }
}

#[component]
fn Tasks(id: RwSignal<String>) -> impl IntoView {
    let live = expect_context::<Live>();
    let mine = move |task: &&Task| task.agent.as_deref() == Some(id.get().as_str());
    let any = move || live.read(Touched::TASKS, |state| state.tasks.by_id.values().any(|task| mine(&task)));
    let lines = move || {
        live.read(Touched::TASKS, |state| {
            let tasks: Vec<&Task> = state.tasks.by_id.values().filter(mine).collect();
            // What goes on first, then the newest.
            let places = order(tasks.iter().map(|task| u64::from(task.state.ended()) << 63 | ((1 << 62) - task.heard.seq)));
            places.into_iter().take(SHOWN).map(|place| task_line(tasks[place])).collect()
        })
    };
    view! {
        <section class="card" aria-labelledby="tasks-title">
            <h2 id="tasks-title">"Tasks"</h2>
            <When when=flag(any) otherwise=|| view! { <p class="calm">"None yet."</p> }>
                <ul class="lines">
                    {rows(lines)}
                </ul>
            </When>
        </section>
    }
}

fn task_line(task: &Task) -> Item {
    Item::new([&task.id, " ", &task.heard.seq.to_string()].concat(), task.clone(), |task| {
        let progress = task.progress.filter(|_| !task.state.ended()).map(|share| [&rate(share), " %"].concat());
        view! {
            <li>
                <span class=["state t-", task.state.as_str()].concat()>{task.state.as_str()}</span>
                <span class="grow">{task.label().to_owned()}</span>
                <span class="number">{progress}</span>
                {ago(move || task.heard.ts)}
            </li>
        }
        .into_any()
    })
}

fn message_line(message: &Message) -> Item {
    Item::new(message.seq.to_string(), message.clone(), |message| {
        let to = if message.to == "*" { "all".to_owned() } else { message.to };
        view! {
            <li>
                <span class="state">{message.message_type.as_str()}</span>
                <span class="grow">
                    <a href=["/agents/", &encode(&message.from)].concat()>{message.from.clone()}</a>
                    {[" → ", &to, ": ", &message.content].concat()}
                </span>
                {ago(move || message.ts)}
            </li>
        }
        .into_any()
    })
}

#[component]
fn Messages(id: RwSignal<String>) -> impl IntoView {
    let live = expect_context::<Live>();
    let about = move |message: &&Message| {
        let id = id.get();
        message.from == id || message.to == id || message.to == "*"
    };
    let any = move || live.read(Touched::MESSAGES, |state| state.messages.recent.iter().any(|message| about(&message)));
    let lines = move || {
        live.read(Touched::MESSAGES, |state| {
            state.messages.recent.iter().rev().filter(about).take(SHOWN).map(message_line).collect()
        })
    };
    view! {
        <section class="card" aria-labelledby="messages-title">
            <h2 id="messages-title">"Messages"</h2>
            <When when=flag(any) otherwise=|| view! { <p class="calm">"None lately."</p> }>
                <ul class="lines">
                    {rows(lines)}
                </ul>
            </When>
        </section>
    }
}

/// Its events, its tasks', its sessions' and its messages', from the log; fetched again when
/// something about it came.
#[component]
fn History(id: RwSignal<String>) -> impl IntoView {
    let live = expect_context::<Live>();
    let heard = Memo::new(move |_| {
        live.read(Touched::AGENTS, |state| state.agents.by_id.get(&id.get()).map_or(0, |agent| agent.heard.seq))
    });
    let newest = RwSignal::new(Vec::<Row>::new());
    let problem = RwSignal::new(None::<String>);
    let (fetching, asked) = (StoredValue::new(false), StoredValue::new(0_u64));
    let fetch = move || {
        if fetching.get_value() || live.is_demo() {
            return;
        }
        fetching.set_value(true);
        leptos::task::spawn_local(async move {
            let part = agent_history(id.get_untracked(), HISTORY).await;
            let _gone = fetching.try_update_value(|fetching| *fetching = false);
            match part {
                Ok(part) => {
                    let _gone = newest.try_set(part.events.iter().rev().map(Row::of).collect());
                    let _gone = problem.try_set(None);
                }
                Err(error) => {
                    let _gone = problem.try_set(Some(error.to_string()));
                }
            }
        });
    };
    // At most once a second, whatever comes.
    Effect::new(move || {
        let (seq, _second) = (heard.get(), live.now.get().0 / 1_000);
        if asked.get_value() != seq {
            asked.set_value(seq);
            fetch();
        }
    });
    view! {
        <section class="card history" aria-labelledby="history-title">
            <h2 id="history-title">"History"</h2>
            <noscript>
                <p class="muted">"The history is read from the log when the page lives."</p>
            </noscript>
            <When when=flag(move || problem.get().is_some())>
                <p class="muted" role="status">
                    {text(move || problem.get().unwrap_or_default())}
                </p>
            </When>
            <ol class="feed">
                {rows(move || newest.with(|rows| rows.iter().map(event_item).collect()))}
            </ol>
        </section>
    }
}
