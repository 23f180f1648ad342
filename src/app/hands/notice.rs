//! What tells a person who looks elsewhere: the sign in the tab, and words for those who listen.

use std::time::Duration;

use leptos::prelude::*;

use super::Hands;
use super::settings::Choice;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::count;
use crate::app::components::pace::paced_every;
use crate::app::html::effect;
use crate::app::route::encode;
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::{Attention, SwarmState, Touched, status};

/// How long it is quiet between two summaries, in milliseconds.
const QUIET_MS: u64 = 5_000;
/// How often the sign in the tab is another one at most: a browser takes long to draw it.
const SIGNED: Duration = Duration::from_secs(1);
/// How long what an agent named is said, in characters.
const SAID: usize = 80;

/// The cell that is the deck's sign, and what stands in it.
const CELL: &str =
    "<path fill='#2a220f' stroke='#f5b83d' stroke-width='2' stroke-linejoin='round' d='M16 2l12 7v14l-12 7L4 23V9z'/>";
const AGENTS: &str =
    "<g fill='#f5b83d'><circle cx='16' cy='10' r='3'/><circle cx='10.5' cy='20' r='3'/><circle cx='21.5' cy='20' r='3'/></g>";
const MADE_UP: &str = "<path fill='#241a33' stroke='#c792ea' stroke-width='2.4' stroke-dasharray='5 3' d='M16 2l12 7v14l-12 7L4 23V9z'/>\
                       <path fill='#c792ea' d='M12 10l11 6l-11 6z'/>";

/// The sign of the deck: plain, with how many wait, or the demo's.
fn drawn(made_up: bool, waiting: u64) -> String {
    let head = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>";
    if made_up {
        return [head, MADE_UP, "</svg>"].concat();
    }
    if waiting == 0 {
        return [head, CELL, AGENTS, "</svg>"].concat();
    }
    let many = if waiting > 9 { "9+".to_owned() } else { waiting.to_string() };
    let badge = "<circle cx='21' cy='21' r='11' fill='#d92d20' stroke='#fff' stroke-width='1.5'/>\
                 <text x='21' y='26.5' text-anchor='middle' font-family='sans-serif' font-weight='700' font-size='15' fill='#fff'>";
    [head, CELL, badge, &many, "</text></svg>"].concat()
}

/// Keeps the sign in the tab current.
pub(super) fn sign(hands: Hands, live: Live) {
    let pace = paced_every(live, Touched::SESSIONS, SIGNED);
    effect(move || {
        pace.track();
        let made_up = live.demo().is_some();
        let drawing = drawn(made_up, untrack(|| hands.waiting.get()));
        if let Some(icon) = document().get_element_by_id("favicon") {
            let _refused = icon.set_attribute("href", &["data:image/svg+xml,", &encode(&drawing)].concat());
        }
    });
}

/// What happened since it was last said, now and then.
pub(super) fn summary(hands: Hands, live: Live) -> RwSignal<String> {
    let said = RwSignal::new(String::new());
    let last = StoredValue::new((live.now.get_untracked(), live.peek(|state| state.seq)));
    effect(move || {
        let now = live.now.get();
        let (at, seq) = last.get_value();
        if now.since(at) < QUIET_MS || document().hidden() {
            return;
        }
        let newest = live.peek(|state| state.seq);
        last.set_value((now, newest));
        // Another log, or the demo: what happened before is not known.
        if newest > seq && !untrack(|| hands.is(Choice::Summaries, "off")) {
            said.set(words(live, untrack(|| live.known()), newest - seq));
        }
    });
    said
}

fn words(live: Live, now: Timestamp, events: u64) -> String {
    let (by, waiting) = live.peek(|state| (status::agents_by_attention(state, now), state.sessions.open_requests().count()));
    let mut out = String::new();
    if live.is_demo() {
        out.push_str("Demo: ");
    }
    let many = |out: &mut String, number: u64, one: &str, several: &str| {
        out.push_str(&count(number));
        out.push_str(if number == 1 { one } else { several });
    };
    many(&mut out, events, " event", " events");
    for (attention, word) in [(Attention::Failing, " failing"), (Attention::Stale, " stale"), (Attention::Lost, " lost")] {
        let number = by[attention as usize];
        if number > 0 {
            out.push_str(", ");
            many(&mut out, number, " agent", " agents");
            out.push_str(word);
        }
    }
    if waiting > 0 {
        out.push_str(", ");
        many(&mut out, waiting as u64, " approval waits", " approvals wait");
    }
    out
}

/// A request that is new.
pub(super) struct Asked {
    /// What makes it this one.
    pub id: String,
    /// What is asked for, in words.
    pub words: String,
}

/// Says each new request at once, and hands it on. What was open before is not new, and nobody is
/// called for the demo.
pub(super) fn called(live: Live, call: impl Fn(&Asked) + 'static) -> RwSignal<String> {
    let said = RwSignal::new(String::new());
    // Until where it is known what is asked, and in which log; none while nothing is.
    let mut known: Option<(String, u64)> = None;
    effect(move || {
        let (epoch, head) = (live.position().0, live.head.get_untracked());
        if live.demo().is_some() {
            known = None;
            return;
        }
        if live.past().is_some() {
            // Nobody is called from there; what comes meanwhile is new afterwards.
            known.get_or_insert((epoch, head));
            return;
        }
        let since = known.take().filter(|(log, _)| *log == epoch).map(|(_, seq)| seq);
        let (seq, new) = live.read(Touched::SESSIONS, |state| (state.seq, since.and_then(|since| asked_since(state, since))));
        known = Some((epoch, seq));
        if let Some((first, others)) = new {
            let more = if others == 0 { String::new() } else { [" And ", &count(others), " more."].concat() };
            said.set([&first.words, more.as_str()].concat());
            call(&first);
        }
    });
    said
}

/// The first open request that came after a place, and how many others did.
fn asked_since(state: &SwarmState, since: u64) -> Option<(Asked, u64)> {
    let mut new = state.sessions.open_requests().filter(|(.., request)| request.by.seq > since);
    let (session, id, request) = new.next()?;
    let title = session.title.as_ref().unwrap_or(&session.id);
    let clip = |text: &str| visible_line(text).chars().take(SAID).collect::<String>();
    let words = ["Approval needed: ", &clip(&request.tool_name), " in ", &clip(title), "."].concat();
    Some((Asked { id: [&session.id, " ", id].concat(), words }, new.count() as u64))
}

#[cfg(test)]
mod tests {
    use super::{asked_since, drawn};
    use crate::demo::Scenario;
    use crate::event::Timestamp;
    use crate::swarm::SwarmState;

    #[test]
    fn only_requests_that_came_since_are_called() {
        let (begin, mut state) = (Timestamp(1_769_509_293_000), SwarmState::default());
        let mut play = Scenario::new(7, 30, begin);
        // Until several wait.
        for seq in 1..=20_000 {
            state.fold(&play.next_event().into_event(seq, Timestamp(begin.0 + 600_000)));
            if state.sessions.open_requests().count() > 1 {
                break;
            }
        }
        let places: Vec<u64> = state.sessions.open_requests().map(|(.., request)| request.by.seq).collect();
        let newest = *places.iter().max().unwrap();
        let others = |since: u64| asked_since(&state, since).map(|(_, others)| others);
        assert_eq!(others(0), Some(places.len() as u64 - 1));
        assert_eq!((others(newest - 1), others(newest)), (Some(0), None));
        assert!(asked_since(&state, newest - 1).unwrap().0.words.starts_with("Approval needed: "));
    }

    #[test]
    fn signs_differ() {
        assert!(!drawn(false, 0).contains("<text"));
        assert!(drawn(false, 3).contains(">3</text>") && drawn(false, 12).contains(">9+</text>"));
        assert!(drawn(true, 3).contains("dasharray") && !drawn(true, 3).contains("<text"));
    }
}
