//! A stretch of the log in the browser: a kept state and the events after it.

use crate::client::{ask, ask_bytes};
use crate::event::pack::{split, unpack};
use crate::event::table::record;
use crate::event::timeline::Way;
use crate::event::wire::{Wire, from_text};
use crate::event::{Event, Timestamp};
use crate::swarm::SwarmState;

/// How many events one request brings at most, as the server bounds it.
const PAGE: u64 = 10_000;
/// How many events are held; a stretch that would be longer begins anew.
const MOST: usize = 60_000;
/// How far after its end a place may lie for a stretch to be extended; what is further begins anew.
const BEHIND: u64 = 256;

record! {
    /// `GET /api/events`.
    pub struct Page {
        /// The events.
        events: Vec<Event>,
        /// The cursor to go on after.
        next: String,
    }
}

record! {
    /// `GET /api/seek`.
    pub struct Found {
        /// The place; absent where there is none.
        seq: Option<u64>,
        /// When it came.
        time: Option<Timestamp>,
    }
}

/// A part of the log, held to go to any place in it.
pub struct Stretch {
    /// The state's place.
    seq: u64,
    /// What the server answered; the state stands in it packed, which is a tenth of its size.
    answer: Vec<u8>,
    events: Vec<Event>,
    cursor: String,
}

impl Stretch {
    /// Fetches the stretch around a place.
    ///
    /// # Errors
    /// The server does not answer, or does not keep the place; in words.
    pub async fn around(seq: u64) -> Result<Self, String> {
        Self::of(ask_bytes(&["/api/approach?at=", &seq.to_string()].concat()).await?)
    }

    fn of(answer: Vec<u8>) -> Result<Self, String> {
        let (way, _) = split(&answer).ok_or_else(unlike)?;
        let Way { seq, next, events } = unpack(way).map_err(|_| unlike())?;
        let mut stretch = Self { seq, answer, events: Vec::new(), cursor: next };
        stretch.take(events);
        Ok(stretch)
    }

    /// Fetches more events, up to a place.
    ///
    /// # Errors
    /// The server does not answer; in words.
    pub async fn extend(&mut self, until: u64) -> Result<(), String> {
        let (limit, until) = (PAGE.to_string(), until.to_string());
        let page: Page = read(&["/api/events?after=", &self.cursor, "&until=", &until, "&limit=", &limit].concat()).await?;
        self.take(page.events);
        self.cursor = page.next;
        Ok(())
    }

    fn take(&mut self, events: Vec<Event>) {
        let mut next = self.end() + 1;
        for event in events {
            if event.seq == next {
                next += 1;
                self.events.push(event);
            }
        }
    }

    /// Its last place.
    pub fn end(&self) -> u64 {
        self.seq + self.events.len() as u64
    }

    /// Whether it is so long that another is begun.
    pub fn is_long(&self) -> bool {
        self.events.len() > MOST
    }

    /// Whether a place lies in it.
    pub fn holds(&self, seq: u64) -> bool {
        (self.seq..=self.end()).contains(&seq)
    }

    /// Whether a place lies so little after it that it is better extended.
    pub fn is_shortly_before(&self, seq: u64) -> bool {
        !self.is_long() && (self.end()..=self.end() + BEHIND).contains(&seq)
    }

    /// The state right after an event of it.
    ///
    /// # Errors
    /// The server is of another version than the page; in words.
    pub fn state_at(&self, seq: u64) -> Result<SwarmState, String> {
        let (_, state) = split(&self.answer).ok_or_else(unlike)?;
        let mut state: SwarmState = unpack(state).map_err(|_| unlike())?;
        for event in self.between(self.seq, seq) {
            state.fold(event);
        }
        Ok(state)
    }

    /// The events after one place and up to another, as far as they are here.
    pub fn between(&self, after: u64, upto: u64) -> &[Event] {
        let place = |seq: u64| (seq.saturating_sub(self.seq) as usize).min(self.events.len());
        let (from, to) = (place(after), place(upto));
        &self.events[from.min(to)..to]
    }
}

/// Why an answer cannot be read.
fn unlike() -> String {
    "the server is of another version: load the page again".to_owned()
}

/// Asks the server, and reads its answer.
///
/// # Errors
/// It does not answer, or says why not; in words.
pub async fn read<T: Wire>(path: &str) -> Result<T, String> {
    let text = ask(path).await?;
    from_text(&text).map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Scenario;
    use crate::event::pack::{framed, pack};
    use crate::swarm::hash;

    #[test]
    fn any_place_is_the_fold_up_to_it() {
        let mut play = Scenario::new(3, 12, Timestamp(1_769_509_293_000));
        let events: Vec<Event> = (1..=300).map(|seq| play.next_event().into_event(seq, Timestamp(0))).collect();
        let fold = |upto: usize| {
            let mut state = SwarmState::default();
            for event in &events[..upto] {
                state.fold(event);
            }
            state
        };
        let way = Way { seq: 100, next: String::new(), events: Vec::new() };
        let mut stretch = Stretch::of(framed(&pack(&way), &pack(&fold(100)))).unwrap();
        // One that came twice, and one that is from elsewhere, do not count.
        stretch.take(events[100..200].to_vec());
        stretch.take(events[190..300].to_vec());
        assert_eq!((stretch.end(), stretch.holds(99), stretch.holds(100), stretch.holds(301)), (300, false, true, false));
        for place in [100, 101, 222, 300] {
            assert_eq!(hash(&stretch.state_at(place as u64).unwrap()), hash(&fold(place)), "{place}");
        }
        assert_eq!(stretch.between(250, 252).iter().map(|event| event.seq).collect::<Vec<_>>(), [251, 252]);
        assert!(stretch.between(300, 400).is_empty());
        assert!(stretch.between(252, 250).is_empty());
    }
}
