//! What is said of one agent, in a row as on its page.

use leptos::prelude::*;

use super::age::ago;
use super::badge::badge;
use super::number::UNKNOWN;
use crate::app::html::{Node, Text, text};
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::agents::Agent;
use crate::swarm::{Attention, Standing, SwarmState, Touched, status};

/// One agent. What is said of it is said anew when something about it changed, not whenever
/// something about any agent did: there may be hundreds of rows.
#[derive(Debug, Clone, Copy)]
pub struct About {
    live: Live,
    id: RwSignal<String>,
    agent: Memo<Option<Agent>>,
}

impl About {
    /// The agent of this id, whether there is one or not.
    pub fn new(id: String) -> Self {
        let live = expect_context::<Live>();
        let id = RwSignal::new(id);
        let find = move |state: &SwarmState| id.with_untracked(|id| state.agents.by_id.get(id).cloned());
        Self { live, id, agent: Memo::new(move |_| live.read(Touched::AGENTS, find)) }
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
        self.agent.with(|agent| agent.as_ref().map(read))
    }

    /// A fact, or the sign for what is not known.
    pub fn fact(self, fact: fn(&Agent) -> Option<String>) -> Text {
        text(move || self.read(fact).flatten().unwrap_or_else(|| UNKNOWN.to_owned()))
    }

    fn standing(self) -> Option<Standing> {
        let now = self.live.now.get();
        self.read(|agent| status::agent(agent, now))
    }

    /// Something about its standing.
    pub fn stands(self, word: fn(Standing) -> String) -> Text {
        text(move || self.standing().map(word).unwrap_or_default())
    }

    /// How it stands.
    pub fn badge(self) -> Node {
        badge(move || self.standing().map_or(Attention::Idle, |it| it.attention))
    }

    /// Since when it stands so.
    pub fn since(self) -> Node {
        ago(move || self.standing().map_or(Timestamp(0), |it| it.evidence.ts))
    }
}
