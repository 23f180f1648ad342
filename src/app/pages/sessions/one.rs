//! One session: where it stands, what it asks, its transcript, and the next message.

use leptos::prelude::*;

use super::super::approvals::of_session;
use super::earlier::earlier;
use super::transcript::transcript;
use super::{Doing, doing, doing_line, took};
use crate::app::act::Deed;
use crate::app::components::age::{age, ago};
use crate::app::components::form::{area, deed, deed_button, sender};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count};
use crate::app::html::{Element, Flag, Node, Text, a, b, div, either, flag, h1, p, part, section, span, text, ul, when};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::Touched;
use crate::swarm::sessions::{EntryKind, Session, SessionState};

/// One session, whether it is known or not. Copy: every part of the page reads it.
#[derive(Clone, Copy)]
pub(super) struct One {
    pub(super) live: Live,
    id: RwSignal<String>,
}

impl One {
    pub(super) fn id(self) -> String {
        self.id.get_untracked()
    }

    /// Reads what is known of it, and follows it.
    pub(super) fn read<T>(self, read: impl FnOnce(&Session) -> T) -> Option<T> {
        self.live.read(Touched::SESSIONS, |state| self.id.with_untracked(|id| state.sessions.by_id.get(id)).map(read))
    }

    fn text(self, read: fn(&Session) -> String) -> Text {
        text(move || self.read(read).unwrap_or_default())
    }

    fn is(self, read: fn(&Session) -> bool) -> Flag {
        flag(move || self.read(read).unwrap_or_default())
    }
}

/// The page of one session.
pub fn session_page(id: String) -> Node {
    let one = One { live: expect_context::<Live>(), id: RwSignal::new(id.clone()) };
    let nothing = move || {
        section()
            .class("nothing")
            .child(h1().child(visible_line(&id)))
            .child(p().child("No session of this id has been heard of."))
            .child(p().child("It may be older than what is kept here; its events are then in the log alone. "))
            .child(p().child(a("/sessions").child("All sessions")))
    };
    let crumbs = p().class("crumbs").child(a("/sessions").child("Sessions"));
    vec![crumbs.into(), either(one.is(|_| true), move || whole(one), nothing)].into()
}

fn whole(one: One) -> Node {
    // What another program runs takes no messages from here.
    let driven = one.is(|it| it.driver.is_some());
    vec![
        head(one).into(),
        facts(one).into(),
        div()
            .class("session-asks")
            .child(ul().class("approvals").label("Requests").child(part(move || of_session(one.id()))))
            .into(),
        earlier(one),
        transcript(one).into(),
        either(
            driven,
            move || composer(one),
            move || {
                p().class("muted small")
                    .child("Another program runs it: its requests can be answered here, its messages and its end are its own.")
            },
        ),
    ]
    .into()
}

fn head(one: One) -> Element {
    let running = one.is(|it| it.driver.is_some() && it.state == SessionState::Running);
    let class = text(move || ["state s-", one.read(|it| it.state.as_str()).unwrap_or_default()].concat());
    div()
        .class("page-head")
        .child(h1().child(one.text(|it| visible_line(it.title.as_deref().unwrap_or(&it.id)))))
        .child(
            p().class("standing")
                .child(b().class(class).child(one.text(|it| it.state.as_str().to_owned())))
                .child(span().child(one.text(|it| visible_line(it.error.as_deref().unwrap_or_default())))),
        )
        .child(when(running, move || deed_button("Abort", Deed::Abort, one.id(), Vec::new())))
}

/// Who waits for what, and what it is.
fn facts(one: One) -> Element {
    let fact = |name: &'static str, value: Node| span().child(span().class("muted").child(name)).child(" ").child(value);
    let agent = part(move || match one.read(|it| it.agent.clone()).flatten() {
        Some(agent) => Node::from(a(["/agents/", &encode(&agent)].concat()).child(visible_line(&agent))),
        None => UNKNOWN.into(),
    });
    let or_unknown = |read: fn(&Session) -> Option<String>| -> Node {
        text(move || one.read(read).flatten().map_or_else(|| UNKNOWN.to_owned(), |words| visible_line(&words))).into()
    };
    let began = ago(move || one.read(|it| it.started).unwrap_or_default());
    let last = text(move || {
        let turn = one.read(|it| {
            let prompt = it.transcript.iter().rev().find(|entry| entry.kind == EntryKind::Prompt)?;
            Some((prompt.took_ms, prompt.ts))
        });
        match turn.flatten() {
            Some((Some(ms), _)) => took(ms),
            Some((None, began)) if one.live.awake.get() => [&age(one.live.now.get().since(began)), " so far"].concat(),
            _ => UNKNOWN.to_owned(),
        }
    });
    let always = move || {
        let tools = one.read(|it| it.always.iter().map(|tool| visible_line(tool)).collect::<Vec<_>>().join(", "));
        tools.filter(|tools| !tools.is_empty())
    };
    let unasked = part(move || always().map(|tools| fact("unasked", tools.into())));
    div()
        .class("session-facts")
        .child(doing_line(one.live, one.id()))
        .child(fact("agent", agent))
        .child(fact("run by", or_unknown(|it| it.driver.clone().or_else(|| Some("another program".to_owned())))))
        .child(fact("permission", or_unknown(|it| it.permission_mode.clone())))
        .child(fact("workspace", or_unknown(|it| it.workspace.clone())))
        .child(fact("turns", text(move || count(one.read(|it| it.turns).unwrap_or_default())).into()))
        .child(fact("last turn", span().class("so-far").child(last).into()))
        .child(fact("began", began))
        .child(unasked)
}

/// The next message; while a turn goes on it has to wait, and says so.
fn composer(one: One) -> Element {
    let busy = one.is(|it| it.state == SessionState::Running);
    let note = text(move || {
        let doing: Option<Doing> = one.read(|it| (it.state == SessionState::Running).then(|| doing(it))).flatten();
        doing.map_or_else(String::new, |it| ["It ", &it.words, ": a message can be sent when its turn is over."].concat())
    });
    let note = when(busy, move || p().class("muted small wait").child(note.clone()));
    let fields = vec![area("Message", "text", "What it is to do next"), sender().class("primary").child("Send").into(), note];
    deed(Deed::Send, one.id(), fields).class("deed card composer")
}
