//! A live transcript: text as it streams, tools as cards, turns with their durations.
//!
//! The list stands in a box of its own that grows upwards, so that the browser keeps its tail in
//! view where the reader is at the tail, and keeps what is read where the reader is not. What is
//! whole is drawn once; only what still grows follows the state.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::one::One;
use super::pretty::pretty;
use super::took;
use crate::app::components::age::{age, ago};
use crate::app::components::hostile::{visible, visible_line};
use crate::app::components::number::{bytes, count};
use crate::app::html::{
    Element, Node, Row, b, button, details, div, flag, h2, li, ol, p, pre, rows, section, span, summary, text, when,
};
use crate::event::Timestamp;
use crate::swarm::sessions::{Entry, EntryKind, Session};

/// The box that the transcript scrolls in.
const BOX: &str = "transcript";
/// How far from the tail is still at it, in pixels.
const AT_TAIL: i32 = 32;
/// How many lines of a tool's input and answer are shown unfolded.
const SHORT_LINES: usize = 8;
/// The same in bytes.
const SHORT_BYTES: usize = 600;
/// How much of an input stands beside the tool's name, in characters.
const MAX_GLANCE: usize = 120;

/// What a row of the transcript is drawn from.
#[derive(Clone)]
struct Place {
    one: One,
    seq: u64,
    turn: u64,
    /// The tools that a person folded out or in, by their place in the log.
    turned: StoredValue<Vec<(u64, bool)>>,
}

/// The transcript of a session.
pub(super) fn transcript(one: One) -> Element {
    let turned = StoredValue::new(Vec::new());
    // The newest entry when the reader left the tail.
    let left = RwSignal::new(None::<u64>);
    let newer = move || {
        let left = left.get()?;
        one.read(|it| it.transcript.iter().filter(|entry| entry.seq > left).count() as u64)
    };
    let scrolled = move |event: web_sys::Event| {
        let Some(element) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()) else { return };
        let at_tail = element.scroll_top().abs() <= AT_TAIL;
        if at_tail != left.get_untracked().is_none() {
            let newest = || one.live.peek(|state| state.sessions.by_id.get(&one.id()).and_then(newest));
            left.set(if at_tail { None } else { Some(newest().unwrap_or_default()) });
        }
    };
    let to_tail = move |_| {
        if let Some(element) = document().get_element_by_id(BOX) {
            element.set_scroll_top(0);
        }
    };
    let label = text(move || match newer().unwrap_or_default() {
        0 => "▼ To the newest".to_owned(),
        many => ["▼ ", &count(many), " new"].concat(),
    });
    let jump = move || button().class("jump").on("click", to_tail).child(label.clone());
    let read = move || one.read(|it| listed(one, it, turned)).unwrap_or_default();
    let none = flag(move || one.read(|it| it.transcript.is_empty()).unwrap_or_default());
    section()
        .class("card transcript-card")
        .attr("aria-labelledby", "transcript-title")
        .child(h2().id("transcript-title").class("unseen").child("What was said and done"))
        .child(when(none, || p().class("calm small").child("Nothing was said yet.")))
        .child(
            div()
                .class("tail-box")
                .id(BOX)
                .attr("tabindex", "0")
                .attr("role", "region")
                .label("What was said and done, newest last")
                .on("scroll", scrolled)
                .child(ol().class("transcript").label("Transcript").child(rows(read))),
        )
        .child(when(flag(move || left.get().is_some()), jump))
}

fn newest(session: &Session) -> Option<u64> {
    session.transcript.back().map(|entry| entry.seq)
}

/// The rows of the entries that are kept. A row is drawn anew when it is whole.
fn listed(one: One, session: &Session, turned: StoredValue<Vec<(u64, bool)>>) -> Vec<Row> {
    let prompts = session.transcript.iter().filter(|entry| entry.kind == EntryKind::Prompt).count() as u64;
    let mut turn = session.turns.saturating_sub(prompts);
    let row = |entry: &Entry| {
        turn += u64::from(entry.kind == EntryKind::Prompt);
        let stage = match (entry.done, entry.took_ms) {
            (false, _) => " open",
            (true, None) => "",
            (true, Some(_)) => " took",
        };
        let place = Place { one, seq: entry.seq, turn, turned };
        Row::new([&entry.seq.to_string(), stage].concat(), place, draw)
    };
    session.transcript.iter().map(row).collect()
}

/// The entry of a row.
fn find(session: &Session, seq: u64) -> Option<&Entry> {
    session.transcript.iter().rev().find(|entry| entry.seq == seq)
}

fn draw(place: Place) -> Node {
    let Place { one, seq, turn, turned } = place;
    let entry = one.live.peek(|state| find(state.sessions.by_id.get(&one.id())?, seq).cloned());
    let Some(entry) = entry else { return Node::Nothing };
    if entry.kind == EntryKind::Text && !entry.done {
        let words = text(move || one.read(|it| find(it, seq).map(|entry| visible(&entry.text))).flatten().unwrap_or_default());
        return li().class("said streaming").child(p().class("prose").child(words)).child(cut(one, seq)).into();
    }
    let open = turned.with_value(|turned| turned.iter().rev().find(|(known, _)| *known == seq).map(|(_, open)| *open));
    let fold = move |event: web_sys::Event| {
        let open =
            event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok()).map(|it| it.has_attribute("open"));
        turned.update_value(|turned| {
            turned.retain(|(known, _)| *known != seq);
            turned.extend(open.map(|open| (seq, open)));
        });
    };
    let running = (!entry.done).then(|| {
        let (live, ts) = (one.live, entry.ts);
        text(move || if live.awake.get() { age(live.now.get().since(ts)) } else { String::new() }).into()
    });
    entry_row(&entry, turn, open, Some(Box::new(fold)), running)
}

/// How much of a text that still grows is over the bound.
fn cut(one: One, seq: u64) -> Node {
    let over = move || one.read(|it| find(it, seq).map(|entry| entry.cut)).flatten().unwrap_or_default();
    when(flag(move || over() > 0), move || p().class("muted small").child(text(move || more(over()))))
}

fn more(over: u64) -> String {
    [&bytes(over as f64), " more are in the log."].concat()
}

/// What is done when a tool's card is folded out or in.
type Fold = Box<dyn FnMut(web_sys::Event) + Send>;

/// An entry as it stands. `open` is whether a person folded it out or in, `running` how long it
/// goes on already.
pub(super) fn entry_row(entry: &Entry, turn: u64, open: Option<bool>, fold: Option<Fold>, running: Option<Node>) -> Node {
    let over = (entry.cut > 0).then(|| p().class("muted small").child(more(entry.cut)));
    match entry.kind {
        EntryKind::Text => li().class("said").child(p().class("prose").child(visible(&entry.text))).child(over).into(),
        EntryKind::Prompt => prompt(entry, turn).child(over).into(),
        EntryKind::Permission => permission(entry).child(over).into(),
        EntryKind::Tool => tool(entry, open, fold, running).child(over).into(),
    }
}

fn prompt(entry: &Entry, turn: u64) -> Element {
    let who = visible_line(entry.result.as_deref().unwrap_or_default());
    let lasted = entry.took_ms.map(|ms| span().class("muted").child(["took ", &took(ms)].concat()));
    li().class("prompt")
        .child(
            p().class("turn")
                .child(b().child(["Turn ", &count(turn)].concat()))
                .child((!who.is_empty()).then(|| span().child(["by ", &who].concat())))
                .child(at(entry.ts))
                .child(lasted),
        )
        .child(p().class("prose").child(visible(&entry.text)))
}

fn permission(entry: &Entry) -> Element {
    let outcome = entry.result.as_deref().map(visible_line);
    let (mark, class) = match (&outcome, entry.is_error) {
        (None, _) if entry.done => ("◌", "glyph idle"),
        (None, _) => ("◆", "glyph needs-you"),
        (Some(_), true) => ("✕", "glyph failing"),
        (Some(_), false) => ("✓", "glyph done"),
    };
    let pending = if entry.done { "was not answered" } else { "waits for a person" };
    let waited = entry.took_ms.map(|ms| span().class("muted").child(["after ", &took(ms)].concat()));
    li().class("asked")
        .child(
            p().class("tool-line")
                .child(span().class(class).hidden_from_readers().child(mark))
                .child(b().child(visible_line(entry.tool.as_deref().unwrap_or_default())))
                .child(span().child(outcome.unwrap_or_else(|| pending.to_owned())))
                .child(waited)
                .child(at(entry.ts)),
        )
        .child(entry.note.as_ref().map(|note| p().class("reason").child(["“", &visible(note), "”"].concat())))
        .child(pre().attr("tabindex", "0").child(visible(&pretty(&entry.text))))
}

fn tool(entry: &Entry, open: Option<bool>, fold: Option<Fold>, running: Option<Node>) -> Element {
    let (mark, class) = match &entry.result {
        None if entry.done => ("■ ", "glyph idle"),
        None => ("◌ ", "glyph working"),
        Some(_) if entry.is_error => ("✕ ", "glyph failing"),
        Some(_) => ("✓ ", "glyph done"),
    };
    let name = visible_line(entry.tool.as_deref().unwrap_or_default());
    let glance: String = visible_line(&entry.text).chars().take(MAX_GLANCE).collect();
    let (input, result) = (visible(&pretty(&entry.text)), entry.result.as_deref().map(|result| visible(&pretty(result))));
    let lasted = match entry.took_ms {
        Some(ms) => Some(Node::from(took(ms))),
        None => running,
    };
    let short = is_short(&input) && result.as_deref().is_none_or(is_short);
    let answer = match result {
        Some(words) if words.is_empty() => p().class("muted small").child("It answered with nothing."),
        Some(words) => pre().class(entry.is_error.then_some("failing")).attr("tabindex", "0").label("Answer").child(words),
        None if entry.done => p().class("muted small").child("It was broken off without an answer."),
        None => p().class("muted small").child("No answer yet."),
    };
    let asked = (!entry.text.is_empty()).then(|| pre().attr("tabindex", "0").label("Input").child(input));
    let mut card = details().attr("open", open.unwrap_or(short));
    if let Some(fold) = fold {
        card = card.on("toggle", fold);
    }
    let head = summary()
        .child(span().class(class).hidden_from_readers().child(mark))
        .child(b().child(name))
        .child(span().class("glance").hidden_from_readers().child(glance))
        .child(span().class("muted took").child(lasted));
    li().class("call").child(card.child(head).child(asked).child(answer))
}

fn is_short(text: &str) -> bool {
    text.len() <= SHORT_BYTES && text.lines().count() <= SHORT_LINES
}

fn at(ts: Timestamp) -> Node {
    ago(move || ts)
}
