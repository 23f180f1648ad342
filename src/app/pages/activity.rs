//! Everything that happens, as it happens.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::Event;

use crate::app::api::log_page;
use crate::app::components::chip::chip;
use crate::app::components::event_row::event_item;
use crate::app::components::number::count;
use crate::app::hands::{Hands, keys::Does};
use crate::app::html::{
    Element, Node, a, button, div, effect, either, flag, form, h1, input, label, li, ol, p, part, rows, section, span, submit,
    text, ul, when,
};
use crate::app::route::{Address, encode};
use crate::client::Live;
use crate::event::catalogue::DOMAINS;
use crate::event::{Filter, Subject};
use crate::swarm::Touched;
use crate::swarm::activity::Row;

/// How many rows are fetched when older ones are asked for.
const OLDER: u32 = 100;
/// How many older rows are kept on the page.
const KEPT: usize = 2_000;

fn wants(filter: &Filter, row: &Row) -> bool {
    let entity = row.entity.as_ref().map(|entity| (entity.kind.as_str(), entity.id.as_str()));
    filter.matches(Subject { kind: &row.kind, source: &row.source, entity })
}

/// The filter that an address asks for, and what is wrong with it; nothing, where that is empty.
fn filter(types: &str) -> (Filter, String) {
    let mut filter = Filter::everything();
    let fault = filter.add("types", types).err();
    (filter, fault.map(|fault| fault.to_string()).unwrap_or_default())
}

/// The newest events through the filter of the address, or those of the moment of a pause.
#[derive(Clone, Copy)]
struct Feed {
    live: Live,
    types: Memo<String>,
    /// While paused, the rows of that moment stay; the filter still applies to them.
    paused: RwSignal<bool>,
    still: RwSignal<Vec<Row>>,
    /// The newest event at that moment.
    at: RwSignal<u64>,
}

impl Feed {
    /// Reads the rows, newest first.
    fn read<T>(self, read: impl FnOnce(Vec<&Row>) -> T) -> T {
        let (filter, _) = filter(&self.types.get());
        let wanted = |row: &&Row| wants(&filter, row);
        if self.paused.get() {
            return self.still.with(|rows| read(rows.iter().filter(wanted).collect()));
        }
        self.live.read(Touched::ACTIVITY, |state| read(state.activity.rows.iter().rev().filter(wanted).collect()))
    }

    fn rows(self) -> Vec<Row> {
        self.read(|rows| rows.into_iter().cloned().collect())
    }

    /// How many events that the filter wants came since the pause.
    fn held(self) -> u64 {
        let (filter, _) = filter(&self.types.get());
        let at = self.at.get();
        self.live.read(Touched::ACTIVITY, |state| {
            if filter.is_everything() {
                return state.seq.saturating_sub(at);
            }
            state.activity.rows.iter().filter(|row| row.seq > at && wants(&filter, row)).count() as u64
        })
    }

    fn toggle(self) {
        let pause = !self.paused.get_untracked();
        if pause {
            let (seq, rows) = self.live.peek(|state| (state.seq, state.activity.rows.iter().rev().cloned().collect()));
            self.at.set(seq);
            self.still.set(rows);
        }
        self.paused.set(pause);
    }
}

/// The feed of events, with a type filter in the address, and pause.
pub fn activity_page() -> Node {
    let live = expect_context::<Live>();
    let address = expect_context::<Address>();
    let types = Memo::new(move |_| address.parameter("types").unwrap_or_default());
    let (paused, still, at) = (RwSignal::new(false), RwSignal::new(Vec::new()), RwSignal::new(0));
    let feed = Feed { live, types, paused, still, at };
    expect_context::<Hands>().handle(Does::Pause, move || feed.toggle());
    let pause = button()
        .attr("aria-pressed", text(move || if paused.get() { "true" } else { "false" }))
        .on("click", move |_| feed.toggle())
        .child(text(move || if paused.get() { "▶ Resume" } else { "❚❚ Pause" }));
    let held = when(flag(move || paused.get()), move || {
        span().id("held").attr("role", "status").child(text(move || count(feed.held()))).child(" new, held")
    });
    let any = flag(move || feed.read(|rows| !rows.is_empty()));
    let shown = move || {
        let newest = rows(move || feed.read(|rows| rows.into_iter().map(event_item).collect()));
        ol().class("feed card").label("Events, newest first").child(newest)
    };
    vec![
        div().class("page-head").child(h1().child("Activity")).child(div().class("tools").child(pause).child(held)).into(),
        type_filter(types, address).into(),
        either(any, shown, move || nothing(feed)),
        older(feed),
    ]
    .into()
}

fn nothing(feed: Feed) -> Element {
    let total = move || feed.live.read(Touched::ACTIVITY, |state| state.seq);
    let quiet = Memo::new(move |_| total() == 0);
    section().class("nothing").child(part(move || match (quiet.get(), feed.types.with(String::is_empty)) {
        (true, _) => p().child("Nothing has happened yet. ").child(a("/").child("How to send a first event")),
        (_, true) => p().child("Nothing among the newest events."),
        (_, false) => {
            let clear = a("/activity").child("Clear the filter");
            p().child("None of the newest events is of these types. ").child(clear)
        }
    }))
}

/// The domains as switches, and any pattern typed.
fn type_filter(types: Memo<String>, address: Address) -> Element {
    let chips = DOMAINS.iter().map(|domain| {
        let pattern = [domain.name, ".*"].concat();
        let link = chip(["/activity?types=", &pattern].concat(), move || types.with(|types| *types == pattern));
        li().child(link.child(span().class(["kind d-", domain.name].concat()).child(domain.name)))
    });
    let all = chip("/activity", move || types.with(String::is_empty)).child("all");
    let typed = input()
        .attr("type", "text")
        .attr("name", "types")
        .attr("placeholder", "task.*, agent.registered")
        .attr("value", text(move || types.get()));
    let go = move |event: Event| {
        event.prevent_default();
        if let Some(typed) = typed_into(&event) {
            address.go(&["/activity?types=", &encode(&typed)].concat());
        }
    };
    let fault = move || filter(&types.get()).1;
    form()
        .class("filter")
        .attr("method", "get")
        .attr("action", "/activity")
        .attr("role", "search")
        .on("submit", go)
        .child(ul().class("chips").label("By domain").child(li().child(all)).children(chips))
        .child(label().child(span().child("Types")).child(typed))
        .child(submit().class("quiet").child("Filter"))
        .child(when(flag(move || !fault().is_empty()), move || p().class("refused").attr("role", "alert").child(text(fault))))
}

/// What stands in the field of the form that is sent.
fn typed_into(event: &Event) -> Option<String> {
    let form: web_sys::Element = event.target()?.dyn_into().ok()?;
    let field = form.query_selector("input").ok()??;
    Some(field.unchecked_into::<web_sys::HtmlInputElement>().value())
}

/// Rows before those on the page, from the log.
fn older(feed: Feed) -> Node {
    let (live, types) = (feed.live, feed.types);
    let older = RwSignal::new(Vec::<Row>::new());
    let end = RwSignal::new(false);
    // What went wrong; empty where nothing did.
    let problem = RwSignal::new(String::new());
    let fetching = RwSignal::new(false);
    effect(move || {
        types.track();
        older.set(Vec::new());
        end.set(false);
    });
    // Rows that newer ones push off the page go here once it has older ones: no hole between.
    let mut before = Vec::new();
    effect(move || {
        let Some(newest) = older.with(|older| older.first().map(|row| row.seq)) else { return before.clear() };
        let now = feed.rows();
        let Some(oldest) = now.last().map(|row| row.seq) else { return };
        let pushed = std::mem::replace(&mut before, now).into_iter().filter(|row| row.seq < oldest && row.seq > newest);
        let pushed: Vec<Row> = pushed.collect();
        if !pushed.is_empty() {
            older.update(|older| {
                older.splice(0..0, pushed);
                older.truncate(KEPT);
            });
        }
    });
    let fetch = move |_| {
        let (asked, shown) = (types.get_untracked(), untrack(|| feed.rows()));
        let oldest = older.with_untracked(|older| older.last().map(|row| row.seq)).or(shown.last().map(|row| row.seq));
        let (epoch, seq) = live.position();
        let before = [&epoch, "-", &oldest.unwrap_or(seq + 1).to_string()].concat();
        fetching.set(true);
        leptos::task::spawn_local(async move {
            let part = log_page(before, asked.clone(), OLDER).await;
            // The page may be gone by now, or ask for others.
            let _gone = fetching.try_set(false);
            if types.try_get_untracked() != Some(asked) {
                return;
            }
            let part = match part {
                Ok(part) => part,
                Err(error) => return problem.set(error.to_string()),
            };
            older.update(|older| {
                if older.is_empty() {
                    // Those that were pushed off the page meanwhile.
                    let oldest = feed.read(|rows| rows.last().map_or(0, |row| row.seq));
                    older.extend(shown.into_iter().filter(|row| row.seq < oldest));
                }
                older.extend(part.events.iter().rev().map(Row::of));
                older.truncate(KEPT);
            });
            end.set(part.exhausted || older.with_untracked(|older| older.len() >= KEPT));
            problem.set(String::new());
        });
    };
    let class = text(move || if older.with(Vec::is_empty) { "feed card older none" } else { "feed card older" });
    let more = flag(move || live.awake.get() && live.demo().is_none() && !end.get() && live.has_data());
    let last = text(move || {
        if older.with(|older| older.len() >= KEPT) {
            "More stand in the log; the API has them all."
        } else {
            "That is the beginning of what is kept."
        }
    });
    vec![
        ol().class(class)
            .label("Older events")
            .child(rows(move || older.with(|older| older.iter().map(event_item).collect())))
            .into(),
        when(flag(move || problem.with(|problem| !problem.is_empty())), move || {
            p().class("refused").attr("role", "status").child(text(move || problem.get()))
        }),
        when(more, move || {
            let busy = flag(move || fetching.get());
            button().class("quiet").attr("disabled", busy).on("click", fetch).child("Load older events")
        }),
        when(flag(move || end.get()), move || p().class("muted").child(last.clone())),
    ]
    .into()
}
