//! The tasks: as a board by state, as a timeline by agent, or as a list.

mod board;
mod card;
mod list;
mod swim;

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::chip::chip;
use crate::app::components::derived::Derived;
use crate::app::components::form::{area, deed, field, sender};
use crate::app::components::narrow::{self, asked, has, one_of, search, taken, turn};
use crate::app::components::number::count;
use crate::app::components::pace::paced;
use crate::app::html::{
    Element, Node, Row, a, details, div, either, flag, h1, li, option, p, part, rows, section, summary, text, ul, when,
};
use crate::app::route::Address;
use crate::client::Live;
use crate::swarm::tasks::{Task, TaskState};
use crate::swarm::{SwarmState, Touched};

/// What of the address narrows the tasks, and how it is called.
const NARROWS: &[(&str, &str)] = &[("q", "text"), ("agent", "agent"), ("state", "state")];
/// The names of the states, in their order.
const STATES: [&str; 6] = ["pending", "assigned", "running", "completed", "failed", "cancelled"];
/// How many agents a field offers while one types.
const OFFERED: usize = 200;

/// Which tasks are wanted.
#[derive(Debug, Clone, PartialEq, Default)]
struct Wanted {
    words: String,
    agent: String,
    state: String,
}

impl Wanted {
    fn asked(address: Address) -> Self {
        let parameter = |name| asked(address, name).unwrap_or_default().trim().to_owned();
        Self { words: parameter("q"), agent: parameter("agent"), state: parameter("state") }
    }

    /// Whether a task is wanted, in whatever state.
    fn fits(&self, task: &Task) -> bool {
        let its = |agent: &Option<String>| agent.as_ref().is_some_and(|agent| *agent == self.agent);
        let said = || [task.label(), &task.description, &task.id].into_iter().any(|text| has(text, &self.words));
        (self.agent.is_empty() || its(&task.agent)) && said()
    }

    fn wants(&self, state: TaskState) -> bool {
        self.state.is_empty() || state.as_str() == self.state
    }
}

/// What the page shows.
#[derive(Clone, Copy)]
struct Shown {
    live: Live,
    address: Address,
    wanted: Derived<Wanted>,
    /// Turns in which lists are made anew.
    pace: RwSignal<u64>,
    /// How many of the wanted tasks are in which state, in the order of [`TaskState::ALL`].
    counts: Derived<Vec<u64>>,
}

impl Shown {
    fn new() -> Self {
        let live = expect_context::<Live>();
        let address = expect_context::<Address>();
        let pace = paced(live, Touched::TASKS);
        let wanted = Derived::new(move || Wanted::asked(address));
        let counted = move |state: &SwarmState| {
            let mut counts = vec![0; TaskState::ALL.len()];
            wanted.with(|wanted| {
                let fits = state.tasks.by_id.values().filter(|task| wanted.wants(task.state) && wanted.fits(task));
                fits.for_each(|task| counts[task.state as usize] += 1);
            });
            counts
        };
        let counts = Derived::new(move || {
            pace.track();
            live.peek(counted)
        });
        Self { live, address, wanted, pace, counts }
    }

    /// How many tasks there are, wanted or not.
    fn all(self) -> u64 {
        self.pace.track();
        self.live.peek(|state| state.tasks.by_id.len() as u64)
    }

    fn many(self) -> u64 {
        self.counts.with(|counts| counts.iter().sum())
    }
}

/// The page of all tasks.
pub fn tasks_page() -> Node {
    let shown = Shown::new();
    let any = flag(move || shown.all() > 0);
    let some = flag(move || shown.many() > 0);
    let view = Derived::new(move || asked(shown.address, "view").unwrap_or_default());
    let drawn = move || {
        part(move || match view.get().as_str() {
            "timeline" => untrack(|| swim::timeline(shown)),
            "list" => untrack(|| list::list(shown)),
            _ => untrack(|| board::board(shown)),
        })
    };
    let found = move || either(some.clone(), drawn, move || nothing_left(shown));
    vec![head(shown).into(), either(any, found, nothing), partial(shown.live)].into()
}

fn head(shown: Shown) -> Element {
    let address = shown.address;
    let is = move |view: &str| asked(address, "view").unwrap_or_default() == view;
    let views = ul()
        .class("chips views")
        .label("How to show them")
        .child(li().child(chip(turn(address, &[("view", "")]), move || is("")).child("Board")))
        .child(li().child(chip(turn(address, &[("view", "timeline")]), move || is("timeline")).child("Timeline")))
        .child(li().child(chip(turn(address, &[("view", "list")]), move || is("list")).child("List")));
    let agent = narrow::field(address, "Of the agent", "agent", "any");
    let fields = vec![
        narrow::field(address, "Find", "q", "what is to be done, or an id"),
        agent,
        one_of(address, "In the state", "state", "any", &STATES),
    ];
    div().class("work-head").child(div().class("page-head").child(h1().child("Tasks")).child(views)).child(
        div()
            .class("narrow-line")
            .child(search("/tasks", address, &["q", "agent", "state"], &["view", "span"], fields))
            .child(new_task(shown.live)),
    )
}

fn new_task(live: Live) -> Element {
    let new = vec![
        area("What is to be done", "text", ""),
        field("For the agent", "name", "nobody's yet"),
        field("Priority", "choice", "0"),
        sender().child("Put it up").into(),
    ];
    details().class("new-task").child(summary().child("Put up a task")).child(deed(Deed::CreateTask, "", new)).child(agents(live))
}

/// The agents that can have a task, for fields that ask for one.
fn agents(live: Live) -> Element {
    let pace = paced(live, Touched::AGENTS);
    let offered = move || {
        pace.track();
        let offer = |id: &String| Row::new(id.clone(), id.clone(), |id| option().attr("value", id).into());
        live.peek(|state| {
            let there = state.agents.by_id.values().filter(|agent| !agent.ended());
            there.take(OFFERED).map(|agent| offer(&agent.id)).collect()
        })
    };
    Element::new("datalist").id("agents-there").child(rows(offered))
}

fn nothing() -> Element {
    let way = a("/").child("How to send a first event");
    section().class("nothing").child(p().child("No task has been put up. ").child(way))
}

fn nothing_left(shown: Shown) -> Element {
    let hidden = text(move || count(shown.all()));
    section()
        .class("nothing")
        .child(p().child("No task is like that now; ").child(hidden).child(" are hidden."))
        .child(taken(shown.address, NARROWS))
        .child(p().child(a("/tasks").child("Show all")))
}

fn partial(live: Live) -> Node {
    let forgotten = move || live.read(Touched::TASKS, |state| state.tasks.forgotten);
    when(flag(move || forgotten() > 0), move || {
        let words =
            text(move || [&count(forgotten()), " that ended longest ago are no longer kept here; the log has them."].concat());
        p().class("muted").child(words)
    })
}
