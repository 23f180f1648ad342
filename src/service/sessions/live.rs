//! The sessions that have a driver in memory.
//!
//! A driver stays after its turn, so that the next message finds its program as it was. There are
//! at most [`MAX_LIVE`] of them: a further one takes the place of the one that has waited longest,
//! whose program is stopped and begins anew with its next message.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::run::{Command, Orders};

/// How many sessions can be at work at once; a message to a further one is refused.
pub const MAX_RUNNING: usize = 64;
/// How many drivers are kept.
const MAX_LIVE: usize = MAX_RUNNING;
/// How many commands wait for a session; who sends a further one waits.
const QUEUE: usize = 16;

/// The way to a session's task.
#[derive(Debug)]
struct Handle {
    /// Its next message: there is one place, as a turn begins only where none goes on.
    messages: mpsc::Sender<String>,
    commands: mpsc::Sender<Command>,
    /// Whether a turn goes on.
    busy: bool,
    /// Since when it has been so.
    since: Instant,
}

/// The tasks by session.
#[derive(Debug, Default)]
pub(super) struct Live {
    handles: Mutex<HashMap<String, Handle>>,
}

impl Live {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Handle>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a message to the session's task; `spawn` starts one where there is none.
    pub(super) fn message(&self, id: &str, text: String, spawn: impl FnOnce(Orders)) {
        let mut handles = self.lock();
        let text = match handles.get_mut(id) {
            None => text,
            Some(handle) => match handle.messages.try_send(text) {
                Ok(()) => {
                    (handle.busy, handle.since) = (true, Instant::now());
                    return;
                }
                // The task is gone.
                Err(error) => error.into_inner(),
            },
        };
        if handles.len() >= MAX_LIVE {
            make_room(&mut handles);
        }
        let (messages, next) = mpsc::channel(1);
        let (commands, queue) = mpsc::channel(QUEUE);
        let _first_in_an_empty_place = messages.try_send(text);
        handles.insert(id.to_owned(), Handle { messages, commands, busy: true, since: Instant::now() });
        spawn(Orders { messages: next, commands: queue });
    }

    /// The session's turn is over.
    pub(super) fn rest(&self, id: &str) {
        if let Some(handle) = self.lock().get_mut(id) {
            (handle.busy, handle.since) = (false, Instant::now());
        }
    }

    /// The way to a session's task, where there is one.
    pub(super) fn get(&self, id: &str) -> Option<mpsc::Sender<Command>> {
        self.lock().get(id).map(|handle| handle.commands.clone()).filter(|commands| !commands.is_closed())
    }

    /// The same, and the session has no task any more.
    pub(super) fn take(&self, id: &str) -> Option<mpsc::Sender<Command>> {
        self.lock().remove(id).map(|handle| handle.commands).filter(|commands| !commands.is_closed())
    }
}

/// Lets the one go that has waited longest. Dropping both its senders ends its task.
fn make_room(handles: &mut HashMap<String, Handle>) {
    let resting = handles.iter().filter(|(_, handle)| !handle.busy);
    let longest = resting.min_by_key(|(_, handle)| handle.since).map(|(id, _)| id.clone());
    if let Some(id) = longest {
        tracing::info!(session = id, "sessions.live.evicted: its driver begins anew with its next message");
        handles.remove(&id);
    }
}
