//! One task: what is said of it, and what can be done with it.

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::derived::{Derived, Kept};
use crate::app::components::form::{deed, deed_button, sender};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::rate;
use crate::app::html::{self, Node, Text, a, details, div, flag, input, li, p, progress, span, summary, text, when};
use crate::app::route::encode;
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::tasks::{Task, TaskState};
use crate::swarm::{SwarmState, Touched};

/// One task. What is said of it is said anew when something about it changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    live: Live,
    id: StoredValue<String>,
    mark: Kept<Mark>,
}

/// What tells whether a task changed: the newest event about it, and how many others it waits for.
type Mark = Option<(u64, Timestamp, u64)>;

impl About {
    pub(super) fn new(id: String) -> Self {
        let live = expect_context::<Live>();
        let id = StoredValue::new(id);
        let mark = move |state: &SwarmState| -> Mark {
            let task = id.with_value(|id| state.tasks.by_id.get(id))?;
            Some((task.heard.seq, task.heard.ts, task.open.len() as u64))
        };
        Self { live, id, mark: Kept::following(move || live.read(Touched::TASKS, mark)) }
    }

    pub(super) fn read<T>(self, read: impl FnOnce(&Task) -> T) -> Option<T> {
        self.mark.get()?;
        self.live.peek(|state| self.id.with_value(|id| state.tasks.by_id.get(id)).map(read))
    }

    /// A text about it, as agents wrote it; empty where there is none.
    pub(super) fn says(self, read: fn(&Task) -> Option<String>) -> Text {
        text(move || self.read(read).flatten().map_or_else(String::new, |words| visible_line(&words)))
    }

    /// A part that stands while there is such a text.
    fn where_said(self, class: &'static str, read: fn(&Task) -> Option<String>) -> Node {
        when(flag(move || self.read(read).flatten().is_some()), move || p().class(class).child(self.says(read)))
    }

    /// Since when it is where it stands.
    pub(super) fn since(self) -> Node {
        ago(move || self.read(|task| task.state_by.ts).unwrap_or(Timestamp(0)))
    }

    /// How far it is, as a bar, while that is known.
    pub(super) fn progress(self) -> Node {
        let share = move || self.read(|task| task.progress.filter(|_| !task.state.ended())).flatten();
        when(flag(move || share().is_some()), move || {
            let value = text(move || rate(share().unwrap_or(0.0)));
            let words = text(move || [&rate(share().unwrap_or(0.0)), " %"].concat());
            progress().attr("max", "100").attr("value", value).label("Progress").child(words)
        })
    }

    /// Who has it, as a link.
    pub(super) fn agent(self) -> Node {
        let agent = Derived::new(move || self.read(|task| task.agent.clone()).flatten().unwrap_or_default());
        when(flag(move || agent.with(|agent| !agent.is_empty())), move || {
            a(text(move || agent.with(|agent| ["/agents/", &encode(agent)].concat())))
                .child(text(move || agent.with(|agent| visible_line(agent))))
        })
    }
}

/// What went wrong, what is being done, or what is waited for.
fn note(task: &Task) -> Option<String> {
    let waits = || match task.open.as_slice() {
        [] => None,
        [one] => Some(["waits for ", one].concat()),
        [one, rest @ ..] => Some(["waits for ", one, " and ", &rest.len().to_string(), " more"].concat()),
    };
    let doing = || task.message.clone().filter(|_| task.state == TaskState::Running);
    task.error.clone().or_else(doing).or_else(|| waits().filter(|_| !task.state.ended()))
}

/// What sets it apart from a first attempt at a plain task.
fn apart(task: &Task) -> Option<String> {
    let attempt = (task.attempt > 1).then(|| ["attempt ", &task.attempt.to_string()].concat());
    let priority = task.priority.filter(|priority| *priority != 0).map(|priority| ["priority ", &priority.to_string()].concat());
    let both: Vec<String> = [priority, attempt].into_iter().flatten().collect();
    (!both.is_empty()).then(|| both.join(", "))
}

/// What can be done with a task that is in a state.
pub(super) fn deeds(id: &str, state: TaskState) -> Node {
    match state {
        TaskState::Completed => Node::Nothing,
        TaskState::Failed | TaskState::Cancelled => deed_button("Retry", Deed::RetryTask, id, Vec::new()).into(),
        TaskState::Pending => vec![assign(id), deed_button("Cancel", Deed::CancelTask, id, Vec::new()).into()].into(),
        TaskState::Assigned | TaskState::Running => deed_button("Cancel", Deed::CancelTask, id, Vec::new()).into(),
    }
}

/// A form to give it to an agent, folded in. In a card that comes while the page lives it is made when it
/// is unfolded: a busy board would make many that nobody sees.
fn assign(id: &str) -> Node {
    let id = id.to_owned();
    let unfolded = RwSignal::new(!expect_context::<Live>().awake.get_untracked());
    let form = move || {
        let line = input().attr("type", "text").attr("name", "name").attr("list", "agents-there").attr("autocomplete", "off");
        let fields = vec![
            html::label().child(span().child("To the agent")).child(line).into(),
            sender().class("quiet").child("Assign it").into(),
        ];
        deed(Deed::AssignTask, &id, fields)
    };
    details()
        .class("assign")
        .on("toggle", move |_| unfolded.set(true))
        .child(summary().child("Assign"))
        .child(when(flag(move || unfolded.get()), form))
        .into()
}

pub(super) fn card((id, state): (String, TaskState)) -> Node {
    let about = About::new(id.clone());
    let foot =
        p().class("foot-line").child(about.agent()).child(span().class("muted id").child(visible_line(&id))).child(about.since());
    li().class("task")
        .attr("data-row", "")
        .child(p().class("label").child(about.says(|task| Some(task.label().to_owned()))))
        .child(about.progress())
        .child(about.where_said("note", note))
        .child(foot)
        .child(
            div()
                .class(if state == TaskState::Completed { "deeds bare" } else { "deeds" })
                .child(deeds(&id, state))
                .child(span().class("muted apart").child(about.says(apart))),
        )
        .into()
}
