//! One inbox for all that waits on a person, and what became of what waited.
//!
//! A request that is answered while the page is open stays where it stood and says what became of
//! it: what somebody is about to press never slides away under the hand.

mod card;
mod hints;
mod history;

use leptos::prelude::*;

use crate::app::components::number::count;
use crate::app::html::{Node, Row, b, button, div, flag, h1, p, part, rows, section, span, text, ul, when};
use crate::client::Live;
use crate::swarm::bounds::order;
use crate::swarm::{SwarmState, Touched};
use card::{Key, answer_by_keys, card};

/// How many open requests are shown at most: those that have waited longest.
const MAX_CARDS: usize = 40;
/// How many answered requests stay in the inbox; of more the oldest go to the history alone.
const MAX_STAYING: usize = 12;

/// The requests that an inbox shows: those that are open, and those that were.
#[derive(Clone, Copy)]
struct Inbox {
    live: Live,
    shown: StoredValue<Shown>,
    /// Raised to clear what is answered.
    cleared: RwSignal<u64>,
}

/// What was shown last.
#[derive(Default)]
struct Shown {
    /// Of these the ones that are open no more stay on view; each with its place in the log.
    keys: Vec<(u64, Key)>,
    /// Of when, where that is the past, and whether it is made up.
    world: (Option<u64>, bool),
}

impl Inbox {
    fn new(live: Live) -> Self {
        Self { live, shown: StoredValue::new(Shown::default()), cleared: RwSignal::new(0) }
    }

    /// The rows, the oldest request first: it has waited longest.
    fn rows(self, only: Option<&str>) -> Vec<Row> {
        self.cleared.track();
        let open = self.live.read(Touched::SESSIONS, |state| open(state, only));
        let world = (self.live.past(), self.live.demo().is_some());
        let shown = self.shown.try_update_value(|Shown { keys, world: last }| {
            // What was open in another world was not answered in this one.
            if *last != world {
                *last = world;
                keys.clear();
            }
            keys.retain(|(_, known)| !open.iter().any(|(_, key)| key == known));
            let over = keys.len().saturating_sub(MAX_STAYING);
            keys.drain(..over);
            keys.extend(open);
            let places = order(keys.iter().map(|(seq, _)| *seq));
            *keys = places.into_iter().map(|place| keys[place].clone()).collect();
            keys.clone()
        });
        let row = |(_, key): (u64, Key)| Row::new([&key.session, "\n", &key.request].concat(), key, card);
        shown.unwrap_or_default().into_iter().map(row).collect()
    }

    /// Takes what is answered out of the inbox.
    fn clear(self) {
        self.shown.update_value(|shown| shown.keys.clear());
        self.cleared.update(|count| *count += 1);
    }

    /// How many of those shown are answered.
    fn answered(self) -> u64 {
        self.cleared.track();
        let open = self.live.read(Touched::SESSIONS, |state| open(state, None));
        self.shown.with_value(|shown| shown.keys.iter().filter(|(_, known)| !open.iter().any(|(_, key)| key == known)).count())
            as u64
    }
}

/// The open requests that are shown. What is shown once stays among them as long as it is open: what
/// comes later is younger.
fn open(state: &SwarmState, only: Option<&str>) -> Vec<(u64, Key)> {
    let wanted = state.sessions.open_requests().filter(|(session, ..)| only.is_none_or(|only| session.id == only));
    let wanted: Vec<_> = wanted.collect();
    let places = order(wanted.iter().map(|(.., request)| request.by.seq));
    let key = |place: usize| {
        let (session, id, request) = wanted[place];
        (request.by.seq, Key { session: session.id.clone(), request: id.to_owned() })
    };
    places.into_iter().take(MAX_CARDS).map(key).collect()
}

/// The page of all open requests.
pub fn approvals_page() -> Node {
    let live = expect_context::<Live>();
    let inbox = Inbox::new(live);
    answer_by_keys();
    let many = move || live.read(Touched::SESSIONS, |state| state.sessions.open_requests().count() as u64);
    let none = flag(move || many() == 0);
    let over = move || many().saturating_sub(MAX_CARDS as u64);
    let standing = text(move || match many() {
        0 => "nothing waits".to_owned(),
        1 => "1 request waits".to_owned(),
        many => [&count(many), " requests wait"].concat(),
    });
    let nothing = || {
        section()
            .class("nothing calm")
            .child(p().class("lead").child("Nothing waits for you."))
            .child(p().child("Requests of sessions appear here, with what they would run."))
    };
    let keys = || {
        let key = |key: &'static str, does: &'static str| span().child(b().class("key").child(key)).child(" ").child(does);
        p().class("answer-keys muted").child("On a request: ").child(key("a", "allow once")).child(", ").child(key("d", "deny"))
    };
    let away = flag(move || live.awake.get() && live.demo().is_none() && !live.is_live());
    let clear = move || {
        let label = text(move || ["Clear ", &count(inbox.answered()), " answered"].concat());
        button().class("quiet clear").on("click", move |_| inbox.clear()).child(label)
    };
    vec![
        div()
            .class("page-head")
            .child(h1().child("Approvals"))
            .child(p().class("standing").attr("role", "status").child(standing))
            .child(when(flag(move || live.awake.get() && many() > 0), keys))
            .child(div().class("push").child(when(flag(move || inbox.answered() > 0), clear)))
            .into(),
        when(away, || {
            p().class("notice")
                .attr("role", "status")
                .child("Not connected: what stands here may be answered already, and an answer may not arrive.")
        }),
        when(none, nothing),
        ul().class("approvals").label("Requests").child(rows(move || inbox.rows(None))).into(),
        when(flag(move || over() > 0), move || {
            let more = text(move || [&count(over()), " more wait; they come up as these are answered."].concat());
            p().class("muted small").child(more)
        }),
        part(history::history),
    ]
    .into()
}

/// The requests of one session.
pub fn of_session(id: String) -> Node {
    let inbox = Inbox::new(expect_context::<Live>());
    answer_by_keys();
    rows(move || inbox.rows(Some(&id)))
}
