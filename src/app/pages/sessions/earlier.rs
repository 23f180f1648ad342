//! What of a transcript the page does not keep: read from the log, a page at a time.
//!
//! One page stands in the document, never all of them: a session may have run for days.

use leptos::prelude::*;

use super::one::One;
use super::transcript::entry_row;
use crate::app::components::number::count;
use crate::app::html::{Node, button, details, div, flag, ol, p, part, span, summary, text, when};
use crate::app::route::encode;
use crate::client::ask;
use crate::event::session::SessionEvent;
use crate::event::table::record;
use crate::event::wire::from_text;
use crate::event::{Body, Event};
use crate::swarm::sessions::{Entry, EntryKind, replay};

/// How many events are asked for at once.
const AT_ONCE: &str = "400";

record! {
    /// A page of the log, as far as it is read here.
    pub struct LogPage {
        /// The events, oldest first.
        events: Vec<Event>,
        /// The cursor to go on before.
        previous: String,
    }
}

/// What is shown of the log.
#[derive(Clone, Copy)]
struct Shelf {
    one: One,
    stand: RwSignal<Stand>,
}

/// Where one reads.
#[derive(Default)]
struct Stand {
    /// The cursors before which the pages end, the newest page first; the last is that on show.
    before: Vec<String>,
    page: Page,
}

#[derive(Clone, Default)]
enum Page {
    #[default]
    None,
    Loading,
    Failed(String),
    Here {
        entries: Vec<Entry>,
        /// The cursor of what is older; none where nothing is.
        older: Option<String>,
    },
}

impl Page {
    fn of(id: &str, part: LogPage) -> Self {
        let begins = |event: &Event| matches!(event.body, Body::Session(SessionEvent::Started(_)));
        let ends = part.events.is_empty() || part.events.iter().any(begins);
        Self::Here { entries: replay(id, &part.events), older: (!ends).then_some(part.previous) }
    }
}

impl Shelf {
    /// Where the kept part of the transcript begins.
    fn edge(self) -> String {
        let first = self.one.live.peek(|state| {
            let session = state.sessions.by_id.get(&self.one.id())?;
            Some(session.transcript.front()?.seq)
        });
        let (epoch, seq) = self.one.live.position();
        [&epoch, "-", &first.unwrap_or(seq).to_string()].concat()
    }

    fn show(self, page: Page) {
        // The reader may have gone on to something else by now.
        let _gone = self.stand.try_update(|stand| stand.page = page);
    }

    fn load(self) {
        if self.one.live.is_demo() {
            return self.show(Page::Failed("the demo is in no log".to_owned()));
        }
        let Some(before) = self.stand.with_untracked(|stand| stand.before.last().cloned()) else { return };
        self.show(Page::Loading);
        leptos::task::spawn_local(async move {
            let id = self.one.id();
            let told = ask(&["/api/events?limit=", AT_ONCE, "&before=", &before, "&q=", &encode(&about(&id))].concat()).await;
            let read = told.and_then(|told| from_text::<LogPage>(&told).map_err(|fault| fault.to_string()));
            self.show(match read {
                Ok(part) => Page::of(&id, part),
                Err(error) => Page::Failed(error),
            });
        });
    }

    fn open(self, at: String) {
        self.stand.update(|stand| stand.before.push(at));
        self.load();
    }

    fn later(self) {
        self.stand.update(|stand| drop(stand.before.pop()));
        if self.stand.with_untracked(|stand| stand.before.is_empty()) {
            return self.show(Page::None);
        }
        self.load();
    }
}

/// The filter for what is about a session, whatever its id has in it.
fn about(id: &str) -> String {
    let mut out = String::from("session:\"");
    for sign in id.chars() {
        if matches!(sign, '"' | '\\') {
            out.push('\\');
        }
        out.push(sign);
    }
    out.push('"');
    out
}

/// The way to what is older than the kept part.
pub(super) fn earlier(one: One) -> Node {
    let dropped = move || one.read(|it| it.dropped).unwrap_or_default();
    let shelf = Shelf { one, stand: RwSignal::new(Stand::default()) };
    when(flag(move || dropped() > 0), move || {
        let words = text(move || [&count(dropped()), " earlier entries are in the log alone."].concat());
        let begin = move |event: web_sys::Event| {
            event.prevent_default();
            shelf.open(shelf.edge());
        };
        let ask = move || button().class("quiet").on("click", begin).child("Read them");
        let unread = flag(move || one.live.awake.get() && shelf.stand.with(|stand| matches!(stand.page, Page::None)));
        div()
            .class("earlier")
            .child(p().class("muted small").child(words))
            .child(when(unread, ask))
            .child(part(move || shown(shelf)))
    })
}

fn shown(shelf: Shelf) -> Node {
    let back = || button().class("quiet").on("click", move |_| shelf.later()).child("Later");
    let (entries, older) = match shelf.stand.with(|stand| stand.page.clone()) {
        Page::None => return Node::Nothing,
        Page::Loading => return p().class("muted small loading").attr("role", "status").child("Reading the log …").into(),
        Page::Failed(error) => {
            let again = button().class("quiet").on("click", move |_| shelf.load()).child("Try again");
            let said = p().class("refused").attr("role", "alert").child(["The log was not read: ", &error].concat());
            return vec![Node::from(said), again.into(), back().into()].into();
        }
        Page::Here { entries, older } => (entries, older),
    };
    let mut turn = 0;
    let rows = entries.iter().map(|entry| {
        turn += u64::from(entry.kind == EntryKind::Prompt);
        entry_row(entry, turn, Some(false), None, None)
    });
    let list = ol().class("transcript").label("Earlier entries").children(rows);
    let ended = older.is_none().then(|| span().child("Nothing older is kept."));
    let older = older.map(|at| button().class("quiet").on("click", move |_| shelf.open(at.clone())).child("Earlier still"));
    let range = [&count(entries.len() as u64), " entries; turns are counted within this page"].concat();
    details()
        .class("card")
        .attr("open", true)
        .child(summary().child("From the log"))
        .child(p().class("foot-line muted small").child(range))
        .child(list)
        .child(p().class("foot-line muted small").child(older).child(back()).child(ended))
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::wire::At;
    use crate::event::{Draft, Filter, Subject, Timestamp};

    fn event(seq: u64, action: &str, id: &str, payload: Value) -> Event {
        let kind = ["session.", action].concat();
        let event = json!({"type": kind, "entity": {"kind": "session", "id": id}, "payload": payload});
        Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(0))
    }

    #[test]
    fn a_session_is_asked_for_by_any_id() {
        for id in ["s1", "a, b", "say \"hi\" \\o/", "x*", "-agent:y"] {
            let mut filter = Filter::everything();
            filter.add("q", &about(id)).unwrap();
            let of = |id| Subject { kind: "session.completed", source: "x", entity: Some(("session", id)) };
            assert!(filter.matches(of(id)) && !filter.matches(of("xy")), "{id}");
        }
        assert_eq!(about("a\"\\"), "session:\"a\\\"\\\\\"");
    }

    #[test]
    fn reading_ends_where_the_session_begins() {
        let said = |seq| event(seq, "text_completed", "s", json!({"text": "t", "intermediate": false}));
        let older = |events| match Page::of("s", LogPage { events, previous: "e-1".to_owned() }) {
            Page::Here { entries, older } => (entries.len(), older.is_some()),
            _ => (0, false),
        };
        assert_eq!(older(vec![said(7), said(8)]), (2, true));
        assert_eq!(older(vec![event(6, "started", "s", json!({"permission_mode": "ask"})), said(7)]), (1, false));
        assert_eq!(older(Vec::new()), (0, false), "where the log keeps nothing older");
    }
}
