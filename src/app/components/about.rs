//! What is said of one agent, in a row as on its page.

use leptos::prelude::*;

use super::age::ago;
use super::badge::badge;
use super::derived::Kept;
use super::hostile::visible_line;
use super::number::UNKNOWN;
use crate::app::html::{Node, Text, text};
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::agents::Agent;
use crate::swarm::{Attention, Standing, SwarmState, Touched, status};

/// One agent. What is said of it is said anew when something about it changed, not whenever
/// something about any agent did.
#[derive(Debug, Clone, Copy)]
pub struct About {
    live: Live,
    id: RwSignal<String>,
    mark: Kept<Mark>,
    standing: Kept<Option<Standing>>,
}

/// What tells whether an agent changed: the newest event about it, and what others' events count.
type Mark = Option<(u64, Timestamp, u64, u64)>;

impl About {
    /// The agent of this id, whether there is one or not.
    pub fn new(id: String) -> Self {
        let live = expect_context::<Live>();
        let id = RwSignal::new(id);
        let mark = move |state: &SwarmState| -> Mark {
            let agent = id.with_untracked(|id| state.agents.by_id.get(id))?;
            Some((agent.heard.seq, agent.heard.ts, agent.received, agent.running))
        };
        let mark = Kept::following(move || live.read(Touched::AGENTS, mark));
        let standing = Kept::following(move || {
            let now = live.known();
            mark.get();
            let find = |state: &SwarmState| id.with_untracked(|id| state.agents.by_id.get(id).map(|it| status::agent(it, now)));
            live.peek(find)
        });
        Self { live, id, mark, standing }
    }

    /// Its id.
    pub fn id(self) -> String {
        self.id.get_untracked()
    }

    /// Whether this is its id.
    pub fn is(self, id: &str) -> bool {
        self.id.with_untracked(|own| own == id)
    }

    /// Reads what is known of it.
    pub fn read<T>(self, read: impl FnOnce(&Agent) -> T) -> Option<T> {
        self.mark.get()?;
        self.live.peek(|state| self.id.with_untracked(|id| state.agents.by_id.get(id)).map(read))
    }

    /// A fact, or the sign for what is not known.
    pub fn fact(self, fact: fn(&Agent) -> Option<String>) -> Text {
        text(move || self.read(fact).flatten().unwrap_or_else(|| UNKNOWN.to_owned()))
    }

    /// How it stands.
    pub fn attention(self) -> Attention {
        self.standing.with(|it| it.as_ref().map_or(Attention::Idle, |it| it.attention))
    }

    /// Something about its standing.
    pub fn stands(self, word: fn(&Standing) -> String) -> Text {
        text(move || self.standing.with(|it| it.as_ref().map(word).unwrap_or_default()))
    }

    /// Why it stands so; the task that it is at as people call it.
    pub fn why(self) -> Text {
        text(move || {
            let why = self.standing.with(|it| it.as_ref().map(|it| it.why.clone()).unwrap_or_default());
            let task = self.read(|agent| agent.task.clone()).flatten().unwrap_or_default();
            let begin = why.strip_suffix(task.as_str()).filter(|begin| begin.ends_with("on "));
            let Some(begin) = begin else { return visible_line(&why) };
            let label = |state: &SwarmState| state.tasks.by_id.get(&task).map(|it| [begin, it.label()].concat());
            let said = self.live.peek(label);
            visible_line(&said.unwrap_or(why))
        })
    }

    /// Its standing as a badge.
    pub fn badge(self) -> Node {
        badge(move || self.attention())
    }

    /// Since when it stands so.
    pub fn since(self) -> Node {
        ago(move || self.standing.with(|it| it.as_ref().map_or(Timestamp(0), |it| it.evidence.ts)))
    }
}
