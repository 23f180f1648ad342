//! A stretch of the log in the browser: a kept state and the events after it.

use crate::client::ask;
use crate::event::table::record;
use crate::event::wire::{Wire, from_text};
use crate::event::{Event, Timestamp};
use crate::swarm::SwarmState;

/// How many events are fetched past the instant that was asked for: going on is a fold at once.
const AHEAD: u64 = 2_000;
/// How many events one request brings at most, as the server bounds it.
const PAGE: u64 = 10_000;
/// How many events are held; a stretch that would be longer begins anew.
const MOST: usize = 60_000;

record! {
    /// `GET /api/snapshot`.
    pub struct Kept {
        /// The state's place.
        seq: u64,
        /// The cursor after it.
        cursor: String,
        /// The state.
        state: SwarmState,
    }
}

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
    base: SwarmState,
    events: Vec<Event>,
    cursor: String,
}

impl Stretch {
    /// Fetches the stretch around a place.
    ///
    /// # Errors
    /// The server does not answer, or does not keep the place; in words.
    pub async fn around(seq: u64) -> Result<Self, String> {
        let kept: Kept = read(&["/api/snapshot?at=", &seq.to_string()].concat()).await?;
        let mut stretch = Self { base: kept.state, events: Vec::new(), cursor: kept.cursor };
        while stretch.end() < seq {
            let before = stretch.end();
            stretch.extend(seq + AHEAD).await?;
            if stretch.end() == before {
                return Err(["event ", &seq.to_string(), " is not in the log"].concat());
            }
        }
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
        self.base.seq + self.events.len() as u64
    }

    /// Whether it is so long that another is begun.
    pub fn is_long(&self) -> bool {
        self.events.len() > MOST
    }

    /// Whether a place lies in it.
    pub fn holds(&self, seq: u64) -> bool {
        (self.base.seq..=self.end()).contains(&seq)
    }

    /// The state right after an event of it.
    pub fn state_at(&self, seq: u64) -> SwarmState {
        let mut state = self.base.clone();
        for event in self.between(self.base.seq, seq) {
            state.fold(event);
        }
        state
    }

    /// The events after one place and up to another, as far as they are here.
    pub fn between(&self, after: u64, upto: u64) -> &[Event] {
        let place = |seq: u64| (seq.saturating_sub(self.base.seq) as usize).min(self.events.len());
        let (from, to) = (place(after), place(upto));
        &self.events[from.min(to)..to]
    }
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
        let mut stretch = Stretch { base: fold(100), events: Vec::new(), cursor: String::new() };
        // One that came twice, and one that is from elsewhere, do not count.
        stretch.take(events[100..200].to_vec());
        stretch.take(events[190..300].to_vec());
        assert_eq!((stretch.end(), stretch.holds(99), stretch.holds(100), stretch.holds(301)), (300, false, true, false));
        for place in [100, 101, 222, 300] {
            assert_eq!(hash(&stretch.state_at(place as u64)), hash(&fold(place)), "{place}");
        }
        assert_eq!(stretch.between(250, 252).iter().map(|event| event.seq).collect::<Vec<_>>(), [251, 252]);
        assert!(stretch.between(300, 400).is_empty());
        assert!(stretch.between(252, 250).is_empty());
    }
}
