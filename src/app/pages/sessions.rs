//! Sessions: all of them, and one with its live transcript.

mod earlier;
mod one;
pub(in crate::app::pages) mod pretty;
mod transcript;

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::chip::chip;
use crate::app::components::derived::Derived;
use crate::app::components::form::{area, choice, deed, field, sender};
use crate::app::components::hostile::visible_line;
use crate::app::components::letters::small;
use crate::app::components::number::{UNKNOWN, count};
use crate::app::components::pace::paced;
use crate::app::html::{
    Element, Node, Row, a, b, button, details, div, either, flag, form, h1, input, label, li, p, part, rows, section, span,
    summary, text, ul, when,
};
use crate::app::route::{Address, encode, typed};
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::bounds::order;
use crate::swarm::sessions::{EntryKind, Session, SessionState};
use crate::swarm::{SwarmState, Touched};
pub use one::session_page;

/// How many sessions are listed at first.
const SHOWN: usize = 60;

/// A session that the list does not have any more.
const GONE: &str = "no longer listed";

/// The parts of the list that can be chosen, by the address: word, name, what is in it.
type Part = (&'static str, &'static str, fn(&Session) -> bool);

const PARTS: [Part; 6] = [
    ("", "All", |_| true),
    ("asks", "Need you", |it| !it.open.is_empty()),
    ("running", "Running", |it| it.state == SessionState::Running),
    ("idle", "Not begun", |it| it.state == SessionState::Idle),
    ("completed", "Completed", |it| it.state == SessionState::Completed),
    ("broken", "Failed or aborted", |it| matches!(it.state, SessionState::Failed | SessionState::Aborted)),
];

/// What a session does, or what it waits for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doing {
    class: &'static str,
    glyph: &'static str,
    words: String,
    since: Timestamp,
}

/// What a session does now: who waits for what.
pub(super) fn doing(session: &Session) -> Doing {
    let (class, glyph, words, since) = match session.state {
        _ if !session.open.is_empty() => {
            let first = session.open.values().min_by_key(|request| request.by.seq);
            let tool = first.map(|request| visible_line(&request.tool_name)).unwrap_or_default();
            let more = if session.open.len() > 1 {
                [" and ", &count(session.open.len() as u64 - 1), " more"].concat()
            } else {
                String::new()
            };
            let since = first.map_or(session.heard.ts, |request| request.by.ts);
            ("needs-you", "◆", ["waits for you to decide on ", &tool, &more].concat(), since)
        }
        SessionState::Running => {
            let unfinished = session.transcript.iter().rev().find(|entry| !entry.done);
            match unfinished.map(|entry| (entry.kind, entry.tool.as_deref(), entry.ts)) {
                Some((EntryKind::Tool, tool, ts)) => {
                    ("working", "●", ["waits for ", &visible_line(tool.unwrap_or("a tool"))].concat(), ts)
                }
                Some((EntryKind::Text, _, ts)) => ("working", "●", "writes".to_owned(), ts),
                _ => ("working", "●", "thinks".to_owned(), session.heard.ts),
            }
        }
        SessionState::Idle => ("idle", "○", "waits for its first message".to_owned(), session.started),
        SessionState::Completed if session.driver.is_some() => {
            ("idle", "○", "waits for the next message".to_owned(), session.heard.ts)
        }
        SessionState::Completed => ("done", "✓", "its turn is over".to_owned(), session.heard.ts),
        SessionState::Failed => ("failing", "✕", reason("failed", session), session.heard.ts),
        SessionState::Aborted => ("idle", "■", reason("broken off by", session), session.heard.ts),
    };
    Doing { class, glyph, words, since }
}

fn reason(what: &str, session: &Session) -> String {
    [
        what,
        if session.state == SessionState::Failed { ": " } else { " " },
        &visible_line(session.error.as_deref().unwrap_or(UNKNOWN)),
    ]
    .concat()
}

/// A session's doing, where it is shown: glyph, words, since when.
pub(super) fn doing_line(live: Live, id: String) -> Element {
    let doing = Memo::new(move |_| live.read(Touched::SESSIONS, |state| state.sessions.by_id.get(&id).map(doing)));
    let of = move |read: fn(&Doing) -> String| doing.with(|doing| doing.as_ref().map_or_else(|| GONE.to_owned(), read));
    let glyph = text(move || doing.with(|doing| doing.as_ref().map_or("", |it| it.glyph)));
    span()
        .class(text(move || ["doing ", doing.with(|doing| doing.as_ref().map_or("idle", |it| it.class))].concat()))
        .child(span().class("glyph").hidden_from_readers().child(glyph))
        .child(span().class("what").child(text(move || of(|it| it.words.clone()))))
        .child(ago(move || doing.with(|doing| doing.as_ref().map(|it| it.since).unwrap_or_default())))
}

/// How long something took.
pub(super) fn took(ms: u64) -> String {
    let number = |number: u64, unit: &str| [&number.to_string(), unit].concat();
    match ms {
        0..1_000 => number(ms, " ms"),
        1_000..60_000 => [&(ms / 1_000).to_string(), ".", &(ms % 1_000 / 100).to_string(), " s"].concat(),
        60_000..3_600_000 => [number(ms / 60_000, " m "), number(ms % 60_000 / 1_000, " s")].concat(),
        _ => [number(ms / 3_600_000, " h "), number(ms % 3_600_000 / 60_000, " m")].concat(),
    }
}

/// What of the list is wanted.
#[derive(Clone, Copy)]
struct Wanted {
    address: Address,
    words: RwSignal<String>,
    all: RwSignal<bool>,
}

impl Wanted {
    fn part(self) -> Part {
        let word = self.address.parameter("state").unwrap_or_default();
        *PARTS.iter().find(|(part, ..)| *part == word).unwrap_or(&PARTS[0])
    }

    /// The sessions that fit, each as the key of its row and its id: those that need somebody first,
    /// then those at work, then the rest.
    fn of(self, state: &SwarmState) -> Vec<[String; 2]> {
        let (_, _, fits) = self.part();
        let words = self.words.with(|words| small(words.trim()));
        let named = |it: &&Session| {
            let has = |text: Option<&str>| text.is_some_and(|text| small(text).contains(&words));
            words.is_empty() || has(Some(&it.id)) || has(it.title.as_deref()) || has(it.agent.as_deref())
        };
        let found: Vec<&Session> = state.sessions.by_id.values().filter(|it| fits(it)).filter(named).collect();
        let rank = |it: &&Session| match it.state {
            _ if !it.open.is_empty() => 0,
            SessionState::Running => 1_u64,
            _ => 2,
        };
        let places = order(found.iter().map(|it| rank(it) << 62 | ((1 << 61) - it.heard.seq)));
        let row = |it: &Session| [[&it.id, " ", it.state.as_str(), " ", &it.turns.to_string()].concat(), it.id.clone()];
        places.into_iter().map(|place| row(found[place])).collect()
    }
}

/// Those that fit.
type Fitting = Derived<Vec<[String; 2]>>;

/// The page of all sessions.
pub fn sessions_page() -> Node {
    let (live, address) = (expect_context::<Live>(), expect_context::<Address>());
    let words = RwSignal::new(untrack(|| address.parameter("q")).unwrap_or_default());
    let wanted = Wanted { address, words, all: RwSignal::new(false) };
    let any = flag(move || live.read(Touched::SESSIONS, |state| !state.sessions.by_id.is_empty()));
    let pace = paced(live, Touched::SESSIONS);
    let fitting = Derived::new(move || {
        pace.track();
        live.peek(|state| wanted.of(state))
    });
    let some = flag(move || fitting.with(|fitting| !fitting.is_empty()));
    let list = move || ul().class("session-list card").label("Sessions").child(rows(move || listed(fitting, wanted)));
    let hidden = move || {
        let many = text(move || count(live.read(Touched::SESSIONS, |state| state.sessions.by_id.len() as u64)));
        section()
            .class("nothing")
            .child(p().child("No session fits. ").child(many).child(" are hidden by the choice above."))
            .child(p().child(a("/sessions").on("click", move |_| words.set(String::new())).child("Show all")))
    };
    let nothing = || {
        section().class("nothing").child(p().class("lead").child("No session yet.")).child(
            p().child("Start one here, or report one from a program: its text, its tools and what it asks appear at once."),
        )
    };
    let known = move || -> Node {
        vec![narrow(live, wanted, pace).into(), either(some.clone(), list, hidden), rest(live, wanted, fitting)].into()
    };
    vec![div().class("page-head").child(h1().child("Sessions")).into(), start(live).into(), either(any, known, nothing)].into()
}

/// The way to start one, folded out where there is none yet.
fn start(live: Live) -> Element {
    let modes = ["ask", "allow", "deny"].map(str::to_owned);
    let fields = vec![
        field("Title", "name", "What it is about"),
        choice("Driver", "about", live.drivers()),
        choice("Permission", "choice", modes),
        area("First message", "text", "What it is to do"),
        sender().class("primary").child("Start").into(),
    ];
    details()
        .class("card starter")
        .attr("open", live.peek(|state| state.sessions.by_id.len() < 4))
        .child(summary().child("Start one"))
        .child(deed(Deed::StartSession, "", fields))
}

/// What narrows the list: parts with their sizes, and words.
fn narrow(live: Live, wanted: Wanted, pace: RwSignal<u64>) -> Element {
    let one = |(word, name, fits): &Part| {
        let (word, fits) = (*word, *fits);
        let to = if word.is_empty() { "/sessions".to_owned() } else { ["/sessions?state=", word].concat() };
        let many = text(move || {
            pace.track();
            count(live.peek(|state| state.sessions.by_id.values().filter(|it| fits(it)).count() as u64))
        });
        li().child(chip(to, move || wanted.part().0 == word).child(*name).child(b().child(many)))
    };
    let kept = part(move || {
        let word = wanted.part().0;
        (!word.is_empty()).then(|| input().attr("type", "hidden").attr("name", "state").attr("value", word))
    });
    let search = form()
        .class("find")
        .attr("role", "search")
        .attr("method", "get")
        .attr("action", "/sessions")
        .on("submit", |event| event.prevent_default())
        .child(
            label().child(span().class("unseen").child("Find")).child(
                input()
                    .attr("type", "search")
                    .attr("name", "q")
                    .attr("placeholder", "Title, id or agent")
                    .attr("value", text(move || wanted.words.get()))
                    .on("input", move |event| wanted.words.set(typed(&event))),
            ),
        )
        .child(kept);
    div().class("session-narrow").child(ul().class("chips").label("Show").children(PARTS.iter().map(one))).child(search)
}

fn listed(fitting: Fitting, wanted: Wanted) -> Vec<Row> {
    let most = if wanted.all.get() { usize::MAX } else { SHOWN };
    let row = |[key, id]: &[String; 2]| Row::new(key.clone(), id.clone(), line);
    fitting.with(|fitting| fitting.iter().take(most).map(row).collect())
}

/// How much of the list is not shown, and how much is not known any more.
fn rest(live: Live, wanted: Wanted, fitting: Fitting) -> Node {
    let over = move || {
        let fit = fitting.with(Vec::len);
        if wanted.all.get() { 0 } else { fit.saturating_sub(SHOWN) as u64 }
    };
    let forgotten = move || live.read(Touched::SESSIONS, |state| state.sessions.forgotten);
    let more = move || {
        let label = text(move || ["Show ", &count(over()), " more"].concat());
        button().class("quiet").on("click", move |_| wanted.all.set(true)).child(label)
    };
    let partial = move || {
        let words = text(move || [&count(forgotten()), " older sessions are in the log alone."].concat());
        p().class("muted small").child(words)
    };
    vec![when(flag(move || over() > 0), more), when(flag(move || forgotten() > 0), partial)].into()
}

fn line(id: String) -> Node {
    let live = expect_context::<Live>();
    let of = |read: fn(&Session) -> Option<String>| {
        live.peek(|state| state.sessions.by_id.get(&id).and_then(read)).unwrap_or_default()
    };
    let state = of(|it| Some(it.state.as_str().to_owned()));
    let title = of(|it| Some(visible_line(it.title.as_deref().unwrap_or(&it.id))));
    let agent = of(|it| it.agent.clone());
    let turns = of(|it| match it.turns {
        0 => None,
        1 => Some("1 turn".to_owned()),
        turns => Some([&count(turns), " turns"].concat()),
    });
    let asks = {
        let id = id.clone();
        move || live.read(Touched::SESSIONS, |state| state.sessions.by_id.get(&id).map_or(0, |it| it.open.len()) as u64)
    };
    let many = asks.clone();
    let waiting = when(flag(move || asks() > 0), move || {
        let many = many.clone();
        b().class("needs-you asks").child(text(move || ["◆ ", &count(many()), " for you"].concat()))
    });
    let who = (!agent.is_empty()).then(|| a(["/agents/", &encode(&agent)].concat()).child(visible_line(&agent)));
    li().attr("data-row", id.clone())
        .child(span().class(["state s-", &state].concat()).child(state))
        .child(a(["/sessions/", &encode(&id)].concat()).class("title").child(title))
        .child(waiting)
        .child(doing_line(live, id))
        .child(span().class("who").child(who).child(span().class("muted").child(turns)))
        .into()
}

#[cfg(test)]
mod tests {
    use super::took;

    #[test]
    fn durations_read_well() {
        assert_eq!([7, 1_249, 61_000, 3_720_000].map(took), ["7 ms", "1.2 s", "1 m 1 s", "1 h 2 m"]);
    }
}
