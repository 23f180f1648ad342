//! Anything by its name: pages, agents, tasks, sessions, and what can be done.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{Event, KeyboardEvent, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::find::find;
use super::help::caps;
use super::keys::{Does, KEYS};
use super::settings::SETTINGS;
use super::{Hands, dialog, press};
use crate::app::api::{start_demo, stop_demo};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::count;
use crate::app::html::{Node, div, flag, input, li, p, part, span, text, ul, when};
use crate::app::route::{Address, encode, focus_main, typed};
use crate::client::{DemoWhy, Live, browser_now};

/// How many are shown; the rest are counted.
const SHOWN: usize = 60;
/// How far the page keys go.
const LEAP: usize = 8;
/// How long a name is shown, in characters.
const NAME: usize = 120;
/// What of two that fit alike is rather meant: a page, then a command, then what agents named.
const FAVOURS: [u64; 3] = [60, 40, 20];
/// The demo swarm that is started on the server.
const DEMO: (u32, u32) = (24, 40);

/// What can be done with an entry.
#[derive(Debug, Clone)]
enum Act {
    Go(String),
    Key(Does),
    Set { setting: usize, word: usize },
    PlayDemo,
    EndDemo,
    Swarm { start: bool },
    Retry,
}

/// Something with a name.
struct Entry {
    name: String,
    /// What it is, beside the name.
    kind: &'static str,
    /// An id, where that is another.
    note: String,
    /// Name and note in small letters: it is found by them.
    small: (String, String),
    keys: &'static [&'static str],
    act: Act,
}

impl Entry {
    fn new(kind: &'static str, name: &str, act: Act) -> Self {
        let name: String = clipped(name);
        Self { small: (small(&name), String::new()), name, kind, note: String::new(), keys: &[], act }
    }

    fn noted(self, note: &str) -> Self {
        let note = clipped(note);
        Self { small: (self.small.0, small(&note)), note, ..self }
    }

    fn favour(&self) -> u64 {
        match self.act {
            Act::Key(Does::Go(_)) => FAVOURS[0],
            Act::Go(_) => FAVOURS[2],
            Act::Set { .. } => 0,
            _ => FAVOURS[1],
        }
    }
}

fn clipped(text: &str) -> String {
    visible_line(text).chars().take(NAME).collect()
}

fn small(text: &str) -> String {
    js_sys::JsString::from(text).to_lower_case().into()
}

/// All there is at this moment. It stays while the palette is open: nothing moves under one's hand.
fn gather(hands: Hands, live: Live) -> Vec<Entry> {
    let mut all = Vec::new();
    for key in KEYS {
        let page = matches!(key.does, Does::Go(_));
        let kind = if page { "Page" } else { "Command" };
        // What is about the row in focus is nothing while the palette has it.
        let on_row = matches!(key.does, Does::Open | Does::Next | Does::Previous | Does::Allow | Does::Deny);
        let offered = !on_row && !matches!(key.does, Does::Find | Does::Close);
        if offered && press::does_something(hands, key.does) {
            all.push(Entry { keys: key.presses, ..Entry::new(kind, key.name, Act::Key(key.does)) });
        }
    }
    for (setting, it) in SETTINGS.iter().enumerate() {
        for (word, (_, shown)) in it.words.iter().enumerate() {
            // What is set already is nothing to do.
            if hands.chosen.with_untracked(|chosen| chosen.place(setting) != word) {
                let name = [it.name, ": ", shown].concat();
                all.push(Entry::new("Setting", &name, Act::Set { setting, word }));
            }
        }
    }
    let swarm = live.swarm_demo.get_untracked();
    let commands = [
        (live.is_demo(), "End the demo", Act::EndDemo),
        (!live.is_demo(), "Play the demo in this page", Act::PlayDemo),
        (swarm, "Stop the demo swarm on the server", Act::Swarm { start: false }),
        (!swarm, "Start a demo swarm on the server", Act::Swarm { start: true }),
        (untrack(|| !live.is_live()), "Try to connect now", Act::Retry),
    ];
    all.extend(commands.into_iter().filter(|(there, ..)| *there).map(|(_, name, act)| Entry::new("Command", name, act)));
    live.peek(|state| {
        let mut named = |kind, folder: &str, name: &str, id: &str| {
            let act = Act::Go([folder, &encode(id)].concat());
            all.push(Entry::new(kind, name, act).noted(if name == id { "" } else { id }));
        };
        for agent in state.agents.by_id.values() {
            named("Agent", "/agents/", &agent.name, &agent.id);
        }
        for session in state.sessions.by_id.values() {
            named("Session", "/sessions/", session.title.as_deref().unwrap_or(&session.id), &session.id);
        }
        for task in state.tasks.by_id.values() {
            // A task stands on the board, and with the agent that has it.
            let to = task.agent.as_ref().map_or_else(|| "/tasks".to_owned(), |agent| ["/agents/", &encode(agent)].concat());
            all.push(Entry::new("Task", task.label(), Act::Go(to)).noted(&task.id));
        }
    });
    all
}

/// The palette's parts know each other by this.
#[derive(Clone, Copy)]
struct Palette {
    hands: Hands,
    live: Live,
    address: Address,
    all: StoredValue<Vec<Entry>>,
    /// The places of what fits, as far as they are shown, and how many fit.
    found: Memo<(Vec<usize>, usize)>,
    active: RwSignal<usize>,
    /// What was typed, as it was typed: the feed can be filtered by it.
    typed: RwSignal<String>,
}

/// The dialog that finds.
pub(super) fn palette() -> Node {
    let (hands, live, address) = (expect_context::<Hands>(), expect_context::<Live>(), expect_context::<Address>());
    let all = StoredValue::new(gather(hands, live));
    let query = RwSignal::new(String::new());
    let found = Memo::new(move |_| {
        all.with_value(|all| {
            let names = all.iter().map(|it| (it.small.0.as_str(), it.small.1.as_str(), it.favour()));
            let mut places = query.with(|query| find(query, names));
            let many = places.len();
            places.truncate(SHOWN);
            // Beyond all entries: the events that a filter finds, where one was typed.
            if query.with(|query| query.contains([':', '"'])) {
                places.push(all.len());
            }
            (places, many)
        })
    });
    let it = Palette { hands, live, address, all, found, active: RwSignal::new(0), typed: RwSignal::new(String::new()) };
    let field = input()
        .attr("type", "text")
        .attr("role", "combobox")
        .attr("aria-expanded", "true")
        .attr("aria-controls", "found")
        .attr("aria-autocomplete", "list")
        .attr("aria-activedescendant", text(move || it.marked()))
        .attr("autocomplete", "off")
        .attr("spellcheck", "false")
        .attr("placeholder", "Page, agent, task, session, command, or a filter for events")
        .label("Find")
        .on("input", move |event| {
            let words = typed(&event);
            it.active.set(0);
            query.set(small(words.trim()));
            it.typed.set(words);
        })
        .on("keydown", move |event| it.pressed(&event));
    let none = flag(move || it.found.with(|(places, _)| places.is_empty()));
    let nothing = move || p().class("muted").child("Nothing is called so.");
    let list = ul().id("found").attr("role", "listbox").label("What fits").child(part(move || it.options()));
    let inside = vec![
        field.into(),
        list.into(),
        when(none, nothing),
        div().class("palette-foot muted").attr("aria-live", "polite").child(text(move || it.summary())).into(),
    ];
    dialog::dialog(hands, "palette", "Find anything", inside)
}

fn option_id(place: usize) -> String {
    ["found-", &place.to_string()].concat()
}

impl Palette {
    fn shown(self) -> usize {
        self.found.with(|(places, _)| places.len())
    }

    fn marked(self) -> String {
        if self.shown() == 0 { String::new() } else { option_id(self.active.get()) }
    }

    fn summary(self) -> String {
        self.found.with(|(_, many)| match many - SHOWN.min(*many) {
            0 => [&count(*many as u64), " found"].concat(),
            more => [&count(*many as u64), " found; ", &count(more as u64), " more when you type on"].concat(),
        })
    }

    fn options(self) -> Vec<Node> {
        self.found.with(|(places, _)| {
            self.all
                .with_value(|all| places.iter().enumerate().map(|(place, at)| self.option(place, all.get(*at), *at)).collect())
        })
    }

    fn option(self, place: usize, entry: Option<&Entry>, at: usize) -> Node {
        let drawn = li()
            .id(option_id(place))
            .attr("role", "option")
            .attr("aria-selected", text(move || if self.active.get() == place { "true" } else { "false" }))
            .on("click", move |_| self.run(at));
        let Some(entry) = entry else {
            let words = text(move || ["Events: ", &visible_line(self.typed.get().trim())].concat());
            return drawn.child(span().class("name").child(words)).child(span().class("muted").child("Filter")).into();
        };
        let keys: Vec<Node> = entry.keys.iter().take(1).map(|press| caps(press)).collect();
        let note = (!entry.note.is_empty()).then(|| span().class("muted").child(entry.note.clone()));
        drawn
            .child(span().class("name").child(entry.name.clone()).child(note.map(|note| vec![" ".into(), note.into()])))
            .child(span().class("muted").child(entry.kind))
            .child(span().class("keys").children(keys))
            .into()
    }

    fn pressed(self, event: &Event) {
        let Some(event) = event.dyn_ref::<KeyboardEvent>() else { return };
        let (last, now) = (self.shown().saturating_sub(1), self.active.get_untracked());
        let next = match event.key().as_str() {
            "ArrowDown" if now == last => 0,
            "ArrowDown" => now + 1,
            "ArrowUp" if now == 0 => last,
            "ArrowUp" => now - 1,
            "PageDown" => (now + LEAP).min(last),
            "PageUp" => now.saturating_sub(LEAP),
            "Enter" if !event.is_composing() => {
                event.prevent_default();
                let at = self.found.with_untracked(|(places, _)| places.get(now).copied());
                return at.into_iter().for_each(|at| self.run(at));
            }
            _ => return,
        };
        event.prevent_default();
        self.active.set(next);
        if let Some(option) = document().get_element_by_id(&option_id(next)) {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            option.scroll_into_view_with_scroll_into_view_options(&options);
        }
    }

    fn run(self, at: usize) {
        let filter = move || Act::Go(["/activity?q=", &encode(self.typed.get_untracked().trim())].concat());
        let act = self.all.with_value(|all| all.get(at).map_or_else(filter, |entry| entry.act.clone()));
        // The focus goes back before anything else moves it.
        dialog::close();
        match act {
            Act::Go(to) => {
                self.address.go(&to);
                focus_main();
            }
            Act::Key(does) => {
                let _done = press::perform(self.hands, self.address, does);
            }
            Act::Set { setting, word } => {
                self.hands.choose(setting, word);
                let it = &SETTINGS[setting];
                self.hands.tell([it.name, ": ", it.words[word].1].concat());
            }
            Act::PlayDemo => self.live.begin_demo(DemoWhy::Asked, 1, browser_now()),
            Act::EndDemo => self.live.end_demo(),
            Act::Retry => self.live.retry.update(|count| *count += 1),
            Act::Swarm { start } => self.swarm(start),
        }
    }

    fn swarm(self, start: bool) {
        let (hands, live) = (self.hands, self.live);
        leptos::task::spawn_local(async move {
            let runs = if start { start_demo(DEMO.0, DEMO.1).await } else { stop_demo().await };
            match runs {
                Ok(runs) => live.swarm_demo.set(runs),
                Err(error) => hands.tell(error.to_string()),
            }
        });
    }
}
