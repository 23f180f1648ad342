//! One key: what it holds now, and everything it held before, as the log tells it.

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::api::{KeyWrite, key_history};
use crate::app::components::age::ago;
use crate::app::components::derived::{Derived, Kept};
use crate::app::components::form::{deed_button, hidden, with_another, world};
use crate::app::components::hostile::{visible, visible_line};
use crate::app::components::number::{UNKNOWN, bytes, count};
use crate::app::html::{
    Element, Node, Row, a, button, div, effect, either, flag, h2, h3, li, ol, p, part, pre, rows, section, span, text, when,
};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::Touched;
use crate::swarm::memory::Entry;

/// What is known of the writes of a key. Copy.
#[derive(Debug, Clone, Copy)]
struct Writes {
    /// Newest first.
    known: Kept<Vec<KeyWrite>>,
    /// What to go on before; 0 where there is nothing more.
    next: RwSignal<u64>,
    /// Whether the log was asked, and what it said instead of an answer.
    asked: RwSignal<bool>,
    problem: RwSignal<String>,
    /// Which world they are of.
    world: Derived<String>,
}

impl Writes {
    /// Asks for writes before a place; for the newest where it is 0. `anew` forgets what is known.
    fn ask(self, namespace: String, key: String, before: u64, anew: bool) {
        let asked_in = self.world.peek();
        leptos::task::spawn_local(async move {
            let told = key_history(namespace, key, before).await;
            // Another key may be on show by now, another world, or what older ones would be put after was
            // asked for anew.
            if self.world.try_peek() != Some(asked_in) {
                return;
            }
            if self.asked.try_set(true).is_some() || (!anew && self.next.get_untracked() != before) {
                return;
            }
            match told {
                Ok(part) if part.refused.is_empty() => {
                    self.problem.set(String::new());
                    self.next.set(part.next);
                    self.known.update(|known| {
                        if anew {
                            known.clear();
                        }
                        known.extend(part.writes);
                    });
                }
                Ok(part) => self.problem.set(part.refused),
                Err(error) => self.problem.set(error.to_string()),
            }
        });
    }

    /// Another world is on show.
    fn forget(self) {
        self.known.set(Vec::new());
        self.next.set(0);
        self.asked.set(false);
        self.problem.set(String::new());
    }
}

/// The key that the address names.
pub fn key_card(live: Live, pace: RwSignal<u64>, namespace: String, key: String) -> Element {
    let none = || RwSignal::new(String::new());
    let (known, next, asked, world) = (Kept::new(Vec::new()), RwSignal::new(0), RwSignal::new(false), world(live, pace));
    let writes = Writes { known, next, asked, problem: none(), world };
    let (space, name) = (namespace.clone(), key.clone());
    let entry = Derived::new(move || {
        live.read(Touched::MEMORY, |state| state.memory.namespaces.get(&space).and_then(|it| it.keys.get(&name)).cloned())
    });
    let (space, name) = (namespace.clone(), key.clone());
    // Asked for anew whenever it is written, a few times a second at most; the demo's writes are in no log.
    let version = Derived::new(move || {
        pace.track();
        let version = (*entry.peek()).as_ref().map_or(0, |entry| entry.written_by.seq);
        // Where there is none, how far one looks back tells what was written and deleted before.
        (version, if version == 0 { untrack(|| live.past()) } else { None })
    });
    with_another(world, move || writes.forget());
    effect(move || {
        version.get();
        world.with(|_| ());
        if live.demo().is_none() {
            // Of the past only what was written until then.
            let before = untrack(|| live.past()).map_or(0, |at| at + 1);
            writes.ask(space.clone(), name.clone(), before, true);
        }
    });
    let here = ["/memory?space=", &encode(&namespace)].concat();
    let close = a(here.clone()).class("push").child("Close");
    let title = div()
        .class("key-title")
        .child(h2().id("key-title").child(a(here).child(visible_line(&namespace))).child(" / ").child(visible_line(&key)))
        .child(close);
    section()
        .class("card key")
        .attr("aria-labelledby", "key-title")
        .child(title)
        .child(part(move || entry.with(|entry| now(entry.as_ref(), writes))))
        .child(remove(entry, &namespace, &key))
        .child(history(live, writes, namespace, key))
}

/// What it holds now: whole as soon as the log told it, else its beginning.
fn now(entry: Option<&Entry>, writes: Writes) -> Node {
    let Some(entry) = entry else {
        return p().class("muted").child("Nothing is kept under this key now, as far as is known here.").into();
    };
    let (seq, ts, beginning) = (entry.written_by.seq, entry.written_by.ts, entry.value.clone());
    let facts = p()
        .class("foot-line muted")
        .child([count(entry.writes).as_str(), if entry.writes == 1 { " write, newest " } else { " writes, newest " }].concat())
        .child(ago(move || ts))
        .child([" · version ", &seq.to_string()].concat());
    let value = text(move || {
        let whole = writes.known.with(|known| known.iter().find(|write| write.seq == seq).map(|write| visible(&write.value)));
        whole.or_else(|| beginning.as_deref().map(visible)).unwrap_or_else(|| UNKNOWN.to_owned())
    });
    vec![pre().class("value").attr("tabindex", "0").label("Value").child(value).into(), facts.into()].into()
}

fn remove(entry: Derived<Option<Entry>>, namespace: &str, key: &str) -> Node {
    let (space, name) = (namespace.to_owned(), key.to_owned());
    when(flag(move || entry.with(Option::is_some)), move || {
        deed_button("Delete", Deed::Delete, space.clone(), vec![hidden("name", name.clone()).into()])
    })
}

fn history(live: Live, writes: Writes, namespace: String, key: String) -> Element {
    let words = text(move || {
        if live.demo().is_some() {
            return "The demo is in no log.".to_owned();
        }
        match (writes.problem.get(), writes.asked.get()) {
            (problem, _) if !problem.is_empty() => problem,
            (_, false) => "The log is asked once the page lives.".to_owned(),
            _ => String::new(),
        }
    });
    let any = flag(move || writes.known.with(|known| !known.is_empty()));
    let more = flag(move || writes.next.get() > 0);
    let older = move |_| writes.ask(namespace.clone(), key.clone(), writes.next.get_untracked(), false);
    let list = move || ol().class("lines writes").label("Writes, newest first").child(listed(writes));
    div()
        .class("history")
        .child(h3().child("History"))
        .child(either(any, list, move || p().class("muted").attr("role", "status").child(words.clone())))
        .child(when(more, move || button().class("quiet").on("click", older.clone()).child("Older writes")))
}

fn listed(writes: Writes) -> Node {
    rows(move || {
        writes.known.with(|known| known.iter().map(|write| Row::new(write.seq.to_string(), write.clone(), written)).collect())
    })
}

fn written(write: KeyWrite) -> Node {
    let ts = write.ts;
    let what = write.kind.strip_prefix("memory.").unwrap_or(&write.kind).to_owned();
    let value = if write.has_value {
        let cut = if write.cut { [" … of ", &bytes(write.bytes as f64)].concat() } else { String::new() };
        pre().class("value").attr("tabindex", "0").child([visible(&write.value), cut].concat()).into()
    } else {
        Node::Nothing
    };
    li().attr("data-seq", write.seq.to_string())
        .child(
            p().class("foot-line")
                .child(span().class(["state w-", &what].concat()).child(what))
                .child(span().class("muted").child(["by ", &visible_line(&write.source)].concat()))
                .child(span().class("muted number").child(["version ", &write.seq.to_string()].concat()))
                .child(ago(move || ts)),
        )
        .child(value)
        .into()
}
