//! The list: every task that is wanted, one to a line.

use std::time::Duration;

use leptos::prelude::*;

use super::Shown;
use super::board::in_order;
use super::card::{About, deeds};
use crate::app::components::derived::Derived;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count};
use crate::app::components::pace::paced_every;
use crate::app::components::window::{Shape, Window, cell, column, line, name_cell, window};
use crate::app::html::{Node, Row, p, part, span, text};
use crate::client::Live;
use crate::swarm::Touched;
use crate::swarm::tasks::TaskState;

/// What the columns tell, and their class.
const COLUMNS: [(&str, &str); 7] = [
    ("State", "c-state"),
    ("Task", "c-task"),
    ("Agent", "c-agent"),
    ("Progress", "c-progress"),
    ("Priority", "c-priority"),
    ("Since", "c-since"),
    ("Do", "c-do"),
];

pub(super) fn list(shown: Shown) -> Node {
    // All of them are put in order: once a second is enough.
    let slow = paced_every(shown.live, Touched::TASKS, Duration::from_secs(1));
    let ids = Derived::new(move || {
        slow.track();
        shown.wanted.with(|wanted| shown.live.peek(|state| in_order(state, wanted)))
    });
    let total = Memo::new(move |_| ids.with(Vec::len));
    let about = Memo::new(move |_| shown.address.with_at(None));
    let head = line().children(COLUMNS.map(|(word, class)| column().class(class).child(word)));
    let read = move |from: usize, to: usize| {
        ids.with(|ids| {
            let wanted = ids.iter().skip(from).take(to.saturating_sub(from));
            wanted.map(|id| Row::new(id.clone(), id.clone(), row)).collect()
        })
    };
    let told = text(move || [&count(shown.many()), " of ", &count(shown.all()), " tasks."].concat());
    let table = window(Window { label: "Tasks", total, about }, Shape::Table("tasks rowed", head), read).class("window card");
    vec![table.into(), p().class("muted").child(told).into()].into()
}

fn row(id: String) -> Node {
    let about = About::new(id.clone());
    let live = expect_context::<Live>();
    let found = live.peek(|state| state.tasks.by_id.get(&id).map(|task| task.state));
    // The state says what can be done: the cell is made anew with it.
    let state = Derived::new(move || about.read(|task| task.state).or(found).unwrap_or(TaskState::Pending));
    let word = span().class(text(move || ["state t-", state.get().as_str()].concat())).child(text(move || state.get().as_str()));
    let priority = text(move || {
        let priority = about.read(|task| task.priority).flatten();
        priority.map_or_else(|| UNKNOWN.to_owned(), |priority| priority.to_string())
    });
    let name = name_cell()
        .child(span().child(about.says(|task| Some(task.label().to_owned()))))
        .child(span().class("muted id").child(visible_line(&id)));
    line()
        .child(cell().child(word))
        .child(name)
        .child(cell().child(about.agent()))
        .child(cell().child(about.progress()))
        .child(cell().class("number").child(priority))
        .child(cell().child(about.since()))
        .child(cell().class("do").child(part(move || deeds(&id, state.get()))))
        .into()
}
