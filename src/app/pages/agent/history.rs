//! An agent's raw events: its own, its tasks', its sessions' and its messages', from the log.

use std::time::Duration;

use leptos::prelude::*;

use crate::app::api::agent_history;
use crate::app::components::about::About;
use crate::app::components::derived::Derived;
use crate::app::components::event_row::event_item;
use crate::app::components::number::count;
use crate::app::components::pace::paced_every;
use crate::app::html::{Element, Node, button, div, effect, flag, h2, li, noscript, ol, p, rows, section, text, when};
use crate::client::Live;
use crate::swarm::{Touched, activity};

/// How many events are shown at first, and when more are asked for.
const FIRST: u32 = 60;
const MOST: u32 = 200;
const SECOND: Duration = Duration::from_secs(1);

/// What the card knows.
#[derive(Clone, Copy)]
struct History {
    live: Live,
    about: About,
    events: RwSignal<Vec<activity::Row>>,
    /// What went wrong; empty where nothing did.
    problem: RwSignal<String>,
    fetching: RwSignal<bool>,
    /// Whether an answer came.
    came: RwSignal<bool>,
    /// Whether there is nothing older.
    exhausted: RwSignal<bool>,
    limit: RwSignal<u32>,
}

impl History {
    fn fetch(self) {
        self.fetching.set(true);
        leptos::task::spawn_local(async move {
            // Of the past only what had happened by then.
            let before = untrack(|| self.live.past()).map(|at| [&self.live.position().0, "-", &(at + 1).to_string()].concat());
            let part = agent_history(self.about.id(), self.limit.get_untracked(), before.unwrap_or_default()).await;
            // The page may be gone by now.
            let _gone = self.fetching.try_set(false);
            let said = match part {
                Ok(part) => {
                    // An earlier place may be on show by now.
                    let until = untrack(|| self.live.past()).unwrap_or(u64::MAX);
                    let newest = part.events.iter().rev().filter(|event| event.seq <= until);
                    let _gone = self.events.try_set(newest.map(activity::Row::of).collect());
                    let _gone = self.exhausted.try_set(part.exhausted);
                    let _gone = self.came.try_set(true);
                    String::new()
                }
                Err(error) => error.to_string(),
            };
            let _gone = self.problem.try_set(said);
        });
    }

    fn many(self) -> usize {
        self.events.with(Vec::len)
    }
}

pub(super) fn history(live: Live, about: About) -> Element {
    let history = History {
        live,
        about,
        events: RwSignal::new(Vec::new()),
        problem: RwSignal::new(String::new()),
        fetching: RwSignal::new(false),
        came: RwSignal::new(false),
        exhausted: RwSignal::new(false),
        limit: RwSignal::new(FIRST),
    };
    // Fetched again when something about the agent came, or another place of the past, at most once a second.
    let pace = paced_every(live, Touched::ALL, SECOND);
    let newest = Derived::new(move || {
        pace.track();
        (untrack(|| about.read(|agent| agent.heard.seq)).unwrap_or(0), untrack(|| live.past()))
    });
    let mut asked = None;
    effect(move || {
        let wanted = (newest.get(), history.limit.get());
        if live.demo().is_some() {
            asked = None;
            history.came.set(false);
            return history.events.set(Vec::new());
        }
        if !history.fetching.get() && asked != Some(wanted) {
            asked = Some(wanted);
            history.fetch();
        }
    });
    section()
        .class("card history")
        .attr("aria-labelledby", "history-title")
        .child(h2().id("history-title").child("History"))
        .child(noscript().child(p().class("muted").child("The history is read from the log when the page lives.")))
        .child(state(history))
        .child(ol().class("feed").child(rows(move || history.events.with(|rows| rows.iter().map(event_item).collect()))))
        .child(more(history))
}

/// What stands in the place of events: that they come, that there are none, or what went wrong.
fn state(history: History) -> Vec<Node> {
    let failed = move || history.problem.with(|problem| !problem.is_empty());
    let failure = move || {
        let again = button().class("quiet").on("click", move |_| history.fetch()).child("Try again");
        let words = p()
            .class("refused")
            .attr("role", "status")
            .child("The log did not answer: ")
            .child(text(move || history.problem.get()))
            .child(text(move || if history.many() > 0 { ". What is shown here is older. " } else { ". " }));
        div().class("failure").child(words).child(again)
    };
    let waits = move || history.live.awake.get() && !history.came.get() && !failed() && history.live.demo().is_none();
    let skeleton = || {
        let line = || li().class("skeleton");
        ol().class("feed").label("The history is on its way").children([line(), line(), line(), line()])
    };
    vec![
        when(flag(failed), failure),
        when(flag(waits), skeleton),
        when(flag(move || history.live.demo().is_some()), || p().class("calm").child("The demo is in no log.")),
        when(flag(move || history.came.get() && history.many() == 0), || p().class("calm").child("Nothing in the log.")),
    ]
}

fn more(history: History) -> Vec<Node> {
    let older = move || history.came.get() && !history.exhausted.get();
    let can = move || older() && history.limit.get() < MOST;
    let wider = move || {
        let busy = flag(move || history.fetching.get());
        button().class("quiet").attr("disabled", busy).on("click", move |_| history.limit.set(MOST)).child("Show older events")
    };
    let rest = move || {
        let words = text(move || ["The newest ", &count(history.many() as u64), "; the log has the older ones."].concat());
        p().class("muted").child(words)
    };
    vec![when(flag(can), wider), when(flag(move || older() && !can()), rest)]
}
