//! The board of tasks.

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::form::{area, deed, deed_button, field};
use crate::app::components::number::{count, rate};
use crate::app::html::{
    Element, Node, Row, a, b, details, div, either, flag, h1, h2, li, p, progress, rows, section, span, submit, summary, text,
    ul, when,
};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::bounds::order;
use crate::swarm::tasks::{Task, TaskState};
use crate::swarm::{SwarmState, Touched};

/// How many tasks a column shows; the rest are counted.
const SHOWN: usize = 40;

/// The page of all tasks.
pub fn tasks_page() -> Node {
    let live = expect_context::<Live>();
    let any = flag(move || live.read(Touched::TASKS, |state| !state.tasks.by_id.is_empty()));
    let new = vec![
        area("What is to be done", "text", ""),
        field("For the agent", "name", "nobody's yet"),
        field("Priority", "choice", "0"),
        submit().child("Put it up").into(),
    ];
    vec![
        div().class("page-head").child(h1().child("Tasks")).into(),
        details().class("card").child(summary().child("Put up a task")).child(deed(Deed::CreateTask, "", new)).into(),
        either(any, move || board(live), nothing),
    ]
    .into()
}

fn nothing() -> Element {
    let way = a("/").child("How to send a first event");
    section().class("nothing").child(p().child("No task has been put up. ").child(way))
}

fn board(live: Live) -> Element {
    let columns = TaskState::ALL.iter().map(|state| column(live, *state));
    div().class("board").attr("tabindex", "0").attr("role", "region").label("Tasks by state").children(columns)
}

/// The tasks of one state: the most urgent first, of those that ended the newest.
fn listed(state: &SwarmState, wanted: TaskState) -> Vec<Row> {
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
    places.into_iter().take(SHOWN).map(|place| row(tasks[place])).collect()
}

fn column(live: Live, state: TaskState) -> Element {
    let name = state.as_str();
    let many = move || live.read(Touched::TASKS, |swarm| swarm.tasks.in_state(state));
    section()
        .class(["column t-", name].concat())
        .id(name)
        .label(name)
        .child(h2().child(name).child(b().child(text(move || count(many())))))
        .child(ul().child(rows(move || live.read(Touched::TASKS, |swarm| listed(swarm, state)))))
        .child(when(flag(move || many() > SHOWN as u64), move || {
            p().class("muted").child("and ").child(text(move || count(many().saturating_sub(SHOWN as u64)))).child(" more")
        }))
}

fn row(task: &Task) -> Row {
    // A new event about a task draws its card anew.
    Row::new([&task.id, " ", &task.heard.seq.to_string()].concat(), task.clone(), card)
}

fn card(task: Task) -> Node {
    let running = task.state == TaskState::Running;
    let note = task.error.clone().or_else(|| task.message.clone().filter(|_| running));
    let label = p().class("label").child(task.label().to_owned());
    let done = task.progress.filter(|_| running).map(|share| {
        let share = rate(share);
        let words = [&share, " %"].concat();
        progress().attr("max", "100").attr("value", share).label("Progress").child(words)
    });
    let agent = task.agent.map(|agent| a(["/agents/", &encode(&agent)].concat()).child(agent));
    let since = task.state_by.ts;
    let foot =
        p().class("foot-line").child(agent).child(span().class("muted id").child(task.id.clone())).child(ago(move || since));
    let act = match task.state {
        TaskState::Completed => None,
        TaskState::Failed | TaskState::Cancelled => Some(deed_button("Retry", Deed::RetryTask, task.id, Vec::new())),
        TaskState::Pending | TaskState::Assigned | TaskState::Running => {
            Some(deed_button("Cancel", Deed::CancelTask, task.id, Vec::new()))
        }
    };
    li().class("task")
        .child(label)
        .child(done)
        .child(note.map(|note| p().class("note").child(note)))
        .child(foot)
        .child(act)
        .into()
}
