//! The board: a column for each state, each with its first few tasks.

use std::time::Duration;

use leptos::prelude::*;

use super::card::card;
use super::{Shown, Wanted};
use crate::app::components::derived::Derived;
use crate::app::components::number::count;
use crate::app::components::pace::paced_every;
use crate::app::html::{Element, Node, Row, a, b, div, flag, h2, p, rows_by_and_by, section, text, ul, when};
use crate::client::in_frame;
use crate::swarm::bounds::order;
use crate::swarm::tasks::{Task, TaskState};
use crate::swarm::{SwarmState, Touched};

/// How many tasks a column shows; the rest are in the list.
const SHOWN: usize = 12;

/// How long a column rests: in a busy swarm there is something else in it all the time.
const REST: Duration = Duration::from_secs(1);

/// What goes on first, then what waits, then what ended.
const ORDER: [TaskState; 6] =
    [TaskState::Running, TaskState::Failed, TaskState::Assigned, TaskState::Pending, TaskState::Cancelled, TaskState::Completed];

/// The place of a task among all: by its state, then the most urgent first, of those that ended the newest.
fn place(task: &Task) -> u64 {
    let rank = ORDER.iter().position(|state| *state == task.state).unwrap_or_default() as u64;
    let seq = task.state_by.seq.min((1 << 44) - 1);
    if task.state.ended() {
        return rank << 60 | ((1 << 60) - 1 - seq);
    }
    // Priority above, as far as it goes there; then who has waited longest.
    let urgency = task.priority.unwrap_or(0).clamp(-32_768, 32_767);
    rank << 60 | (32_767 - urgency).cast_unsigned() << 44 | seq
}

/// All wanted tasks in their order.
pub(super) fn in_order(state: &SwarmState, wanted: &Wanted) -> Vec<String> {
    let tasks: Vec<&Task> = state.tasks.by_id.values().filter(|task| wanted.wants(task.state) && wanted.fits(task)).collect();
    order(tasks.iter().map(|task| place(task))).into_iter().map(|place| tasks[place].id.clone()).collect()
}

/// The first few wanted tasks of a state.
fn first(state: &SwarmState, wanted: &Wanted, of: TaskState) -> Vec<String> {
    let mut first: Vec<(u64, &Task)> = Vec::new();
    for task in state.tasks.by_id.values().filter(|task| task.state == of && wanted.fits(task)) {
        let key = place(task);
        let at = first.partition_point(|(other, _)| *other <= key);
        if at < SHOWN {
            first.truncate(SHOWN - 1);
            first.insert(at, (key, task));
        }
    }
    first.into_iter().map(|(_, task)| task.id.clone()).collect()
}

pub(super) fn board(shown: Shown) -> Node {
    let columns = TaskState::ALL.iter().map(|state| {
        let state = *state;
        when(flag(move || shown.wanted.with(|wanted| wanted.wants(state))), move || column(shown, state))
    });
    div().class("board").attr("tabindex", "0").attr("role", "region").label("Tasks by state").children(columns).into()
}

/// A column. Each has a pace of its own: what several take in one frame is seen as a stutter.
fn column(shown: Shown, state: TaskState) -> Element {
    let pace = paced_every(shown.live, Touched::TASKS, REST);
    let name = state.as_str();
    let many = move || shown.counts.with(|counts| counts[state as usize]);
    let ids = Derived::new(move || {
        pace.track();
        shown.wanted.with(|wanted| shown.live.peek(|swarm| first(swarm, wanted, state)))
    });
    let cards = move || ids.with(|ids| ids.iter().map(|id| Row::new(id.clone(), (id.clone(), state), card)).collect());
    let more = move || many().saturating_sub(SHOWN as u64);
    section()
        .class(["column t-", name].concat())
        .id(name)
        .label(name)
        .child(h2().child(name).child(b().child(text(move || count(many())))))
        .child(
            ul().attr("tabindex", "0")
                .label(["Tasks ", name].concat())
                .child(rows_by_and_by(move |act| in_frame(shown.live, act), cards)),
        )
        .child(when(flag(move || many() == 0), || p().class("muted none").child("none")))
        .child(when(flag(move || more() > 0), move || {
            let to = text(move || shown.address.with(&[("view", "list"), ("state", state.as_str())]));
            p().class("more").child(a(to).child(text(move || count(more()))).child(" more"))
        }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Scenario;
    use crate::event::Timestamp;

    #[test]
    fn the_columns_are_the_first_of_the_list() {
        let (begin, mut state) = (Timestamp(1_769_509_293_000), SwarmState::default());
        let mut play = Scenario::new(7, 30, begin);
        for seq in 1..=6_000 {
            state.fold(&play.next_event().into_event(seq, Timestamp(begin.0 + 600_000)));
        }
        let wanted = Wanted::default();
        let all = in_order(&state, &wanted);
        assert_eq!(all.len(), state.tasks.by_id.len());
        for of in TaskState::ALL {
            let listed = all.iter().filter(|id| state.tasks.by_id[id.as_str()].state == *of).take(SHOWN);
            assert!(first(&state, &wanted, *of).iter().eq(listed), "{of}");
        }
        let completed = first(&state, &wanted, TaskState::Completed);
        assert_eq!(completed.len(), SHOWN);
        let when = |id: &String| state.tasks.by_id[id.as_str()].state_by.seq;
        assert!(completed.windows(2).all(|two| when(&two[0]) > when(&two[1])), "the newest first");
    }
}
