//! Hands and eyes: keys, palette, help, settings, and what calls a person who looks elsewhere.
//!
//! Every page carries [`Hands`]: which dialog is open, what is set, and who handles which key. What
//! these do is code that a first visit does not need: it comes in a chunk of its own ([`tools`]).
//! Nothing here knows any single page; pages join by [`Hands::handle`].

mod around;
mod bell;
mod dialog;
mod find;
mod help;
pub mod keys;
mod notice;
mod palette;
mod press;
mod rows;
pub mod settings;
mod sheet;
mod tools;

use std::sync::Arc;

use leptos::prelude::*;

use crate::app::components::number::count;
use crate::app::components::reader;
use crate::app::html::{Node, flag, part, when};
use crate::app::route::Page;
use crate::client::Live;
use crate::swarm::Touched;
use keys::Does;
use settings::{Choice, Chosen};
pub use tools::Tool;

/// What is done when a key is pressed.
type Run = Arc<dyn Fn() + Send + Sync>;

/// What stands beside every page. Copy; provided once as context.
#[derive(Debug, Clone, Copy)]
pub struct Hands {
    /// How many requests wait for a person; the demo's are nobody's.
    pub waiting: Memo<u64>,
    live: Live,
    open: RwSignal<Option<Tool>>,
    here: RwSignal<bool>,
    /// A word on what was done, shown for a while.
    told: RwSignal<String>,
    chosen: RwSignal<Chosen>,
    joined: StoredValue<Vec<Joined>>,
}

/// Who handles a key, by a number of its own.
type Joined = (u64, Does, Run);

impl Hands {
    /// Beside a page that begins.
    pub fn new(live: Live) -> Self {
        let open_requests = move || {
            let made_up = live.demo().is_some();
            live.read(Touched::SESSIONS, |state| if made_up { 0 } else { state.sessions.open_requests().count() as u64 })
        };
        Self {
            waiting: Memo::new(move |_| open_requests()),
            live,
            open: RwSignal::new(None),
            here: RwSignal::new(false),
            told: RwSignal::new(String::new()),
            chosen: RwSignal::new(settings::DEFAULTS),
            joined: StoredValue::new(Vec::new()),
        }
    }

    /// The page lives: what is set in this browser counts from now on, and the tools are fetched.
    pub fn start(self) {
        self.chosen.set(settings::kept());
        self.settle();
        self.fetch();
    }

    fn settle(self) {
        reader::settle(self.chosen.with_untracked(|chosen| chosen.is(Choice::Zone, "utc")));
    }

    fn fetch(self) {
        leptos::task::spawn_local(async move {
            if tools::fetch().await {
                self.here.set(true);
            }
        });
    }

    /// Opens a dialog; as soon as its code is here, where that has to come first.
    pub fn open(self, tool: Tool) {
        self.open.set(Some(tool));
        if !self.here.get_untracked() {
            self.fetch();
        }
    }

    /// Says what was done, for a while.
    pub fn tell(self, words: impl Into<String>) {
        self.told.set(words.into());
    }

    /// What a setting is set to.
    pub fn is(self, choice: Choice, word: &str) -> bool {
        self.chosen.with(|chosen| chosen.is(choice, word))
    }

    /// The document's title: the page, and how many wait for a person once that is kept current.
    pub fn title(self, page: &Page) -> String {
        let title = page.title();
        if self.live.demo().is_some() {
            return ["Demo: ", &title].concat();
        }
        match self.waiting.get() {
            many if many > 0 && self.live.awake.get() => ["(", &count(many), ") ", &title].concat(),
            _ => title,
        }
    }

    /// Joins the keys: what a key does as long as the caller's owner stands. The newest comes first.
    pub fn handle(self, does: Does, run: impl Fn() + Send + Sync + 'static) {
        self.join(does, Arc::new(run));
    }

    fn join(self, does: Does, run: Run) {
        // No key is ever pressed on a server.
        if !cfg!(target_family = "wasm") {
            return;
        }
        let joined = self.joined.try_update_value(|joined| {
            let number = joined.last().map_or(0, |(number, ..)| number + 1);
            joined.push((number, does, run));
            number
        });
        on_cleanup(move || {
            self.joined.try_update_value(|others| others.retain(|(number, ..)| Some(*number) != joined));
        });
    }

    fn handler(self, does: Does) -> Option<Run> {
        self.joined.with_value(|joined| joined.iter().rev().find(|(_, it, _)| *it == does).map(|(.., run)| Arc::clone(run)))
    }

    /// What stands around the page once it lives: dialogs, keys, and what is said aloud.
    pub fn around(self) -> Vec<Node> {
        let dialog = part(move || match self.open.get() {
            Some(tool) if self.here.get() => untrack(|| tools::draw(tool)),
            _ => Node::Nothing,
        });
        vec![when(flag(move || self.here.get()), || tools::draw(Tool::Around)), dialog]
    }
}
