//! The board of tasks.

use leptos::prelude::*;

use crate::app::components::age::ago;
use crate::app::components::number::{count, rate};
use crate::app::reactive::{Item, When, flag, rows, text};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::bounds::order;
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
        <div class="page-head">
            <h1>"Tasks"</h1>
        </div>
        <When
            when=flag(move || any.get())
            otherwise=|| {
                view! {
                    <section class="nothing">
                        <p>"No task has been put up. " <a href="/">"How to send a first event"</a></p>
                    </section>
                }
            }
        >
            <div class="board" tabindex="0" role="region" aria-label="Tasks by state">
                {columns}
            </div>
        </When>
    }
}

/// The tasks of one state: the most urgent first, of those that ended the newest.
fn column(state: &SwarmState, wanted: TaskState) -> Vec<Item> {
    let tasks: Vec<&Task> = state.tasks.by_id.values().filter(|task| task.state == wanted).collect();
    let key = |task: &&Task| {
        if wanted.ended() {
            return u64::MAX - task.state_by.seq;
        }
        // Priority in the upper half, as far as it goes there; then who has waited longest.
        let urgency = task.priority.unwrap_or(0).clamp(-32_768, 32_767);
        ((32_767 - urgency).cast_unsigned() << 47) | task.state_by.seq.min((1 << 47) - 1)
    };
    let places = order(tasks.iter().map(key));
    places.into_iter().take(SHOWN).map(|place| item(tasks[place])).collect()
}

#[component]
fn Column(state: TaskState) -> impl IntoView {
    let live = expect_context::<Live>();
    let listed = move || live.read(Touched::TASKS, |swarm| column(swarm, state));
    let many = move || live.read(Touched::TASKS, |swarm| swarm.tasks.in_state(state));
    let cut = move || many() > SHOWN as u64;
    view! {
        <section class=["column t-", state.as_str()].concat() id=state.as_str() aria-label=state.as_str()>
            <h2>
                {state.as_str()}
                <b>{text(move || count(many()))}</b>
            </h2>
            <ul>
                {rows(listed)}
            </ul>
            <When when=flag(cut)>
                <p class="muted">"and " {text(move || count(many() - SHOWN as u64))} " more"</p>
            </When>
        </section>
    }
}

fn item(task: &Task) -> Item {
    // A new event about a task draws its card anew.
    Item::new([&task.id, " ", &task.heard.seq.to_string()].concat(), task.clone(), card)
}

fn card(task: Task) -> AnyView {
    let running = task.state == TaskState::Running;
    let note = task.error.clone().or_else(|| task.message.clone().filter(|_| running));
    let label = task.label().to_owned();
    let progress = task.progress.filter(|_| running).map(|share| {
        view! {
            <progress max="100" value=rate(share) aria-label="Progress">
                {rate(share)}
                " %"
            </progress>
        }
    });
    let agent = task.agent.clone().map(|agent| {
        let href = ["/agents/", &encode(&agent)].concat();
        view! { <a href=href>{agent}</a> }
    });
    view! {
        <li class="task">
            <p class="label">{label}</p>
            {progress}
            {note.map(|note| view! { <p class="note">{note}</p> })}
            <p class="foot-line">
                {agent}
                <span class="muted id">{task.id}</span>
                {ago(move || task.state_by.ts)}
            </p>
        </li>
    }
    .into_any()
}
