//! The board of tasks.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

use super::agents::encode;
use crate::app::components::age::Age;
use crate::app::components::number::{count, rate};
use crate::client::Live;
use crate::swarm::tasks::{Task, TaskState};
use crate::swarm::{SwarmState, Touched};

/// How many tasks a column shows; the rest are counted.
const SHOWN: usize = 40;

/// The page of all tasks.
#[component]
pub fn TasksPage() -> impl IntoView {
    let live = expect_context::<Live>();
    let any = Memo::new(move |_| live.read(Touched::TASKS, |state| !state.tasks.by_id.is_empty()));
    let columns = move || TaskState::ALL.iter().map(|it| view! { <Column state=*it /> }).collect_view();
    view! {
        <Title text="Tasks" />
        <div class="page-head">
            <h1>"Tasks"</h1>
        </div>
        <Show
            when=move || any.get()
            fallback=|| {
                view! {
                    <section class="nothing">
                        <p>"No task has been put up. " <A href="/">"How to send a first event"</A></p>
                    </section>
                }
            }
        >
            <div class="board" tabindex="0" role="region" aria-label="Tasks by state">
                {columns}
            </div>
        </Show>
    }
}

/// The tasks of one state: the most urgent first, of those that ended the newest.
fn column(state: &SwarmState, wanted: TaskState) -> (u64, Vec<Task>) {
    let mut tasks: Vec<&Task> = state.tasks.by_id.values().filter(|task| task.state == wanted).collect();
    if wanted.ended() {
        tasks.sort_by_key(|task| std::cmp::Reverse(task.state_by.seq));
    } else {
        tasks.sort_by_key(|task| (std::cmp::Reverse(task.priority.unwrap_or(0)), task.state_by.seq));
    }
    (tasks.len() as u64, tasks.into_iter().take(SHOWN).cloned().collect())
}

#[component]
fn Column(state: TaskState) -> impl IntoView {
    let live = expect_context::<Live>();
    let listed = Memo::new(move |_| live.read(Touched::TASKS, |swarm| column(swarm, state)));
    let many = move || listed.with(|(many, _)| *many);
    let cut = move || many() > SHOWN as u64;
    view! {
        <section class=["column t-", state.as_str()].concat() id=state.as_str() aria-label=state.as_str()>
            <h2>
                {state.as_str()}
                <b>{move || count(many())}</b>
            </h2>
            <ul>
                <For each=move || listed.with(|(_, tasks)| tasks.clone()) key=|task| (task.id.clone(), task.heard.seq) let:task>
                    <Card task />
                </For>
            </ul>
            <Show when=cut>
                <p class="muted">"and " {move || count(many() - SHOWN as u64)} " more"</p>
            </Show>
        </section>
    }
}

#[component]
fn Card(task: Task) -> impl IntoView {
    let running = task.state == TaskState::Running;
    let note = task.error.clone().or_else(|| task.message.clone().filter(|_| running));
    let label = task.label().to_owned();
    let progress = task.progress.filter(|_| running).map(|share| {
        view! {
            <progress max="100" value=share aria-label="Progress">
                {rate(share)}
                " %"
            </progress>
        }
    });
    let agent = task.agent.clone().map(|agent| view! { <A href=["/agents/", &encode(&agent)].concat()>{agent}</A> });
    view! {
        <li class="task">
            <p class="label">{label}</p>
            {progress}
            {note.map(|note| view! { <p class="note">{note}</p> })}
            <p class="foot-line">
                {agent}
                <span class="muted id">{task.id}</span>
                <Age at=task.state_by.ts />
            </p>
        </li>
    }
}
