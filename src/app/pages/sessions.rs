//! Sessions: all of them, and one with its live transcript.

use leptos::prelude::*;

use super::approvals::of_session;
use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::form::{area, choice, deed, deed_button, field};
use crate::app::components::hostile::{visible, visible_line};
use crate::app::html::{
    Element, Node, Row, a, b, details, div, either, flag, h1, h2, li, ol, p, part, pre, rows, section, span, submit, summary,
    text, ul, when,
};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::bounds::order;
use crate::swarm::sessions::{Entry, EntryKind, Session, SessionState};
use crate::swarm::{SwarmState, Touched};

/// How many sessions are listed; the rest are in the log.
const SHOWN: usize = 100;

/// The page of all sessions.
pub fn sessions_page() -> Node {
    let live = expect_context::<Live>();
    let any = flag(move || live.read(Touched::SESSIONS, |state| !state.sessions.by_id.is_empty()));
    let list = move || ul().class("lines card").child(rows(move || live.read(Touched::SESSIONS, listed)));
    let nothing = || section().class("nothing").child(p().child("No session yet. Start one here, or report one from a program."));
    vec![
        div().class("page-head").child(h1().child("Sessions")).into(),
        section()
            .class("card")
            .attr("aria-labelledby", "start-title")
            .child(h2().id("start-title").child("Start one"))
            .child(start(live))
            .into(),
        either(any, list, nothing),
    ]
    .into()
}

fn start(live: Live) -> Element {
    let modes = ["ask", "allow", "deny"].map(str::to_owned);
    let fields = vec![
        field("Title", "name", "What it is about"),
        choice("Driver", "about", live.drivers()),
        choice("Permission", "choice", modes),
        area("First message", "text", "What it is to do"),
        submit().child("Start").into(),
    ];
    deed(Deed::StartSession, "", fields)
}

fn listed(state: &SwarmState) -> Vec<Row> {
    let sessions: Vec<&Session> = state.sessions.by_id.values().collect();
    let places = order(sessions.iter().map(|it| u64::from(it.state != SessionState::Running) << 63 | ((1 << 62) - it.heard.seq)));
    places
        .into_iter()
        .take(SHOWN)
        .map(|place| {
            let it = sessions[place];
            Row::new([&it.id, " ", it.state.as_str(), " ", &it.open.len().to_string()].concat(), it.id.clone(), line)
        })
        .collect()
}

fn line(id: String) -> Node {
    let live = expect_context::<Live>();
    let of = move |id: &str, read: fn(&Session) -> String| {
        live.peek(|state| state.sessions.by_id.get(id).map(read).unwrap_or_default())
    };
    let state = of(&id, |it| it.state.as_str().to_owned());
    let title = of(&id, |it| visible_line(it.title.as_deref().unwrap_or(&it.id)));
    let asks =
        of(&id, |it| if it.open.is_empty() { String::new() } else { ["◆ ", &it.open.len().to_string(), " for you"].concat() });
    let heard = id.clone();
    li().child(span().class(["state s-", &state].concat()).child(state))
        .child(a(["/sessions/", &encode(&id)].concat()).class("grow").child(title))
        .child(b().class("needs-you").child(asks))
        .child(ago(move || {
            live.read(Touched::SESSIONS, |state| state.sessions.by_id.get(&heard).map(|it| it.heard.ts).unwrap_or_default())
        }))
        .into()
}

/// The page of one session.
pub fn session_page(id: String) -> Node {
    let live = expect_context::<Live>();
    let (known, shown) = (id.clone(), id.clone());
    let there = flag(move || live.read(Touched::SESSIONS, |state| state.sessions.by_id.contains_key(&known)));
    let nothing = move || {
        section().class("nothing").child(h1().child(id.clone())).child(p().child("No session of this id has been heard of."))
    };
    vec![p().class("crumbs").child(a("/sessions").child("Sessions")).into(), either(there, move || whole(live, &shown), nothing)]
        .into()
}

fn whole(live: Live, id: &str) -> Node {
    let of = |read: fn(&Session) -> String| {
        let id = id.to_owned();
        text(move || live.read(Touched::SESSIONS, |state| state.sessions.by_id.get(&id).map(read).unwrap_or_default()))
    };
    let running = {
        let id = id.to_owned();
        flag(move || {
            live.read(Touched::SESSIONS, |state| {
                state.sessions.by_id.get(&id).is_some_and(|it| it.driver.is_some() && it.state == SessionState::Running)
            })
        })
    };
    // What another program runs takes no messages from here.
    let driven = {
        let id = id.to_owned();
        flag(move || live.read(Touched::SESSIONS, |state| state.sessions.by_id.get(&id).is_some_and(|it| it.driver.is_some())))
    };
    let (entries, asks, abort, send) = (id.to_owned(), id.to_owned(), id.to_owned(), id.to_owned());
    vec![
        div()
            .class("page-head")
            .child(h1().child(of(|it| visible_line(it.title.as_deref().unwrap_or(&it.id)))))
            .child(
                p().class("standing")
                    .child(b().child(of(|it| it.state.as_str().to_owned())))
                    .child(span().child(of(|it| visible_line(it.error.as_deref().unwrap_or_default()))))
                    .child(span().class("muted").child(of(|it| visible_line(it.permission_mode.as_deref().unwrap_or_default())))),
            )
            .child(when(running, move || deed_button("Abort", Deed::Abort, abort.clone(), Vec::new())))
            .into(),
        ul().class("approvals").child(part(move || of_session(asks.clone()))).into(),
        ol().class("transcript card")
            .label("Transcript")
            .child(rows(move || live.read(Touched::SESSIONS, |state| transcript(state, &entries))))
            .into(),
        when(driven, move || {
            let fields = vec![area("Message", "text", "What it is to do next"), submit().child("Send").into()];
            deed(Deed::Send, send.clone(), fields).class("deed card")
        }),
    ]
    .into()
}

fn transcript(state: &SwarmState, id: &str) -> Vec<Row> {
    let Some(session) = state.sessions.by_id.get(id) else { return Vec::new() };
    let row = |entry: &Entry| {
        let done = if entry.done { "done" } else { "open" };
        // A text is one row while it streams and when it is whole; a tool's card is drawn anew with its result.
        let key = if entry.kind == EntryKind::Text { entry.seq.to_string() } else { [&entry.seq.to_string(), done].concat() };
        Row::new(key, (id.to_owned(), entry.seq), entry_row)
    };
    session.transcript.iter().map(row).collect()
}

fn entry_row((id, seq): (String, u64)) -> Node {
    let live = expect_context::<Live>();
    let find = move |state: &SwarmState| -> Option<Entry> {
        state.sessions.by_id.get(&id)?.transcript.iter().find(|entry| entry.seq == seq).cloned()
    };
    let Some(entry) = live.peek(&find) else { return Node::Nothing };
    let cut = (entry.cut > 0).then(|| p().class("muted").child([&entry.cut.to_string(), " bytes more are in the log"].concat()));
    match entry.kind {
        EntryKind::Text => {
            let words = text(move || live.read(Touched::SESSIONS, &find).map(|entry| visible(&entry.text)).unwrap_or_default());
            li().class("said-by-agent").child(p().class("prose").child(words)).child(cut).into()
        }
        EntryKind::Tool => {
            let mark = if !entry.done {
                "◌ "
            } else if entry.is_error {
                "✕ "
            } else {
                "✓ "
            };
            let result = entry
                .result
                .map(|result| pre().class(entry.is_error.then_some("failing")).attr("tabindex", "0").child(visible(&result)));
            li().class("tool")
                .child(
                    details()
                        .child(summary().child(mark).child(visible_line(&entry.tool.unwrap_or_default())))
                        .child(pre().attr("tabindex", "0").child(visible(&entry.text)))
                        .child(result),
                )
                .child(cut)
                .into()
        }
        EntryKind::Permission => li()
            .class("asked")
            .child(
                p().child("◆ ")
                    .child(b().child(visible_line(&entry.tool.unwrap_or_default())))
                    .child(" ")
                    .child(entry.result.unwrap_or_else(|| "waits for a person".to_owned())),
            )
            .child(pre().attr("tabindex", "0").child(visible(&entry.text)))
            .into(),
        EntryKind::Prompt => li().class("said-by-person").child(p().class("prose").child(visible(&entry.text))).into(),
    }
}
