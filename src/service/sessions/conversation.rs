//! The conversation of a session, read back from the log: what a chat endpoint is told each time.
//!
//! The log is its only keeper, so that a restart loses nothing of it. A text that was broken off
//! is not in it: only whole texts are.

use crate::event::session::SessionEvent;
use crate::event::wire::from_text;
use crate::event::{Body, Event, Filter};
use crate::hub::{Hub, LogError, Read};

/// How many messages of a conversation are told at most; the oldest are left out.
const MAX_MESSAGES: usize = 400;
/// How many bytes of them are told at most; the oldest are left out.
const MAX_BYTES: usize = 256 << 10;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    /// Whether a person said it; else the agent.
    pub(super) by_person: bool,
    /// The text.
    pub(super) text: String,
}

/// The newest part of a session's conversation, within the bounds; it begins with a person.
///
/// # Errors
/// The log cannot be read.
pub(super) async fn read(hub: &Hub, session: &str) -> Result<Vec<Said>, LogError> {
    let mut filter = Filter::about([("session".to_owned(), session.to_owned())]);
    let added = filter.add("types", "session.prompted,session.text_completed");
    debug_assert_eq!(added, Ok(true));
    let read = Read { limit: MAX_MESSAGES, newest: true, filter, ..Read::default() };
    let page = hub.read(read).await?;
    let said = page.events.iter().filter_map(|stored| {
        let event: Event = from_text(&stored.json).ok()?;
        match event.body {
            Body::Session(SessionEvent::Prompted(it)) => Some(Said { by_person: true, text: it.text }),
            Body::Session(SessionEvent::TextCompleted(it)) => Some(Said { by_person: false, text: it.text }),
            _ => None,
        }
    });
    Ok(newest(said.collect()))
}

fn newest(mut said: Vec<Said>) -> Vec<Said> {
    let mut room = MAX_BYTES;
    let kept = said.iter().rev().take_while(|said| {
        let fits = said.text.len() <= room;
        room = room.saturating_sub(said.text.len());
        fits
    });
    // The newest is told whatever its size.
    let from = said.len() - kept.count().max(1).min(said.len());
    let begin = (from..said.len()).find(|place| said[*place].by_person).unwrap_or(from);
    said.split_off(begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_left_out_and_a_person_begins() {
        let said = |by_person: bool, text: &str| Said { by_person, text: text.to_owned() };
        let all = vec![said(true, "q"), said(false, "a"), said(true, "r"), said(false, "b"), said(true, "s")];
        assert_eq!(newest(all.clone()), all);
        let big = "x".repeat(MAX_BYTES - 2);
        let cut = vec![said(true, "q"), said(false, "a"), said(true, "r"), said(false, &big), said(true, "s")];
        assert_eq!(newest(cut.clone()), cut[2..]);
        let over = vec![said(true, "q"), said(true, &"x".repeat(MAX_BYTES + 1))];
        assert_eq!(newest(over.clone()), over[1..]);
        assert!(newest(Vec::new()).is_empty());
    }
}
