//! Sessions: their transcripts, joined from pieces, and what they ask a person.

use std::collections::VecDeque;

use super::Evidence;
use super::agents::MAX_TEXT;
use super::bounds::{clip, prune};
use super::table::Table;
use crate::event::session::SessionEvent;
use crate::event::table::{record, words};
use crate::event::wire::to_text;
use crate::event::{Event, Timestamp};

/// How many sessions are kept; past it those that ended longest ago are forgotten.
pub const MAX_SESSIONS: usize = 200;
/// How many entries of a transcript are kept; the whole of it is in the log.
pub const MAX_ENTRIES: usize = 80;
/// How long the text of one entry may grow, in bytes; what is over is counted in `cut`.
pub const MAX_ENTRY: usize = 8 * 1_024;
/// How many requests of a session can be open; a further one is in the transcript only.
pub const MAX_OPEN: usize = 32;

words! {
    /// Where a session stands.
    pub enum SessionState {
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Aborted = "aborted",
    }
}

words! {
    /// What an entry of a transcript is.
    pub enum EntryKind {
        Text = "text",
        Tool = "tool",
        Permission = "permission",
    }
}

record! {
    /// One entry of a transcript.
    pub struct Entry {
        /// What it is.
        kind: EntryKind,
        /// The turn, the tool call or the request, by its id.
        id: Option<String>,
        /// The event that began it.
        seq: u64,
        /// When it began.
        ts: Timestamp,
        /// The text so far; the input of a tool; the command that asks.
        text: String,
        /// Bytes of the text that are over the bound and not kept.
        cut: u64,
        /// The tool.
        tool: Option<String>,
        /// What the tool answered; what was decided.
        result: Option<String>,
        /// Whether the tool failed or the request was denied.
        is_error: bool,
        /// Whether it is whole.
        done: bool,
    }
}

record! {
    /// A request that waits for a person.
    pub struct Request {
        /// The tool that waits.
        tool_name: String,
        /// The command as it would run.
        command: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// When it lapses.
        expires_at: Timestamp,
        /// The event that asked.
        by: Evidence,
    }
}

record! {
    /// One session.
    pub struct Session {
        /// Its id.
        id: String,
        /// Its title for people.
        title: Option<String>,
        /// The agent that works in it.
        agent: Option<String>,
        /// How permission is given; unknown where its beginning was not seen.
        permission_mode: Option<String>,
        /// Where it stands.
        state: SessionState,
        /// What it failed with, or who broke it off.
        error: Option<String>,
        /// The newest entries of its transcript, oldest first.
        transcript: VecDeque<Entry>,
        /// How many older entries are not kept.
        dropped: u64,
        /// What it asks, by request.
        open: Table<Request>,
        /// When it began.
        started: Timestamp,
        /// The newest event about it.
        heard: Evidence,
    }
}

record! {
    /// The sessions.
    #[derive(Default)]
    pub struct Sessions {
        /// By id.
        by_id: Table<Session>,
        /// How many were forgotten at the bound.
        forgotten: u64,
    }
}

impl Entry {
    fn new(event: &Event, kind: EntryKind, id: Option<String>, text: &str) -> Self {
        let mut entry = Self {
            kind,
            id,
            seq: event.seq,
            ts: event.when(),
            text: String::new(),
            cut: 0,
            tool: None,
            result: None,
            is_error: false,
            done: false,
        };
        entry.append(text);
        entry
    }

    /// Appends up to the bound; once something is cut, all that follows is.
    fn append(&mut self, text: &str) {
        let room = if self.cut > 0 { 0 } else { MAX_ENTRY.saturating_sub(self.text.len()) };
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&text[..end]);
        self.cut += (text.len() - end) as u64;
    }
}

impl Session {
    fn new(event: &Event, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: None,
            agent: None,
            permission_mode: None,
            state: SessionState::Running,
            error: None,
            transcript: VecDeque::new(),
            dropped: 0,
            open: Table::default(),
            started: event.when(),
            heard: Evidence::of(event),
        }
    }

    fn push(&mut self, entry: Entry) {
        self.transcript.push_back(entry);
        if self.transcript.len() > MAX_ENTRIES {
            self.transcript.pop_front();
            self.dropped += 1;
        }
    }

    /// The entry of this kind and id that is not whole yet.
    fn unfinished(&mut self, kind: EntryKind, id: Option<&str>) -> Option<&mut Entry> {
        self.transcript.iter_mut().rev().find(|entry| entry.kind == kind && !entry.done && entry.id.as_deref() == id)
    }

    fn end(&mut self, state: SessionState, error: Option<&str>) {
        self.state = state;
        self.error = error.map(|error| clip(error, MAX_TEXT));
        self.open.clear();
        for entry in &mut self.transcript {
            entry.done = true;
        }
    }

    fn settle(&mut self, request: &str, outcome: String, denied: bool) {
        self.open.remove(request);
        if let Some(entry) = self.unfinished(EntryKind::Permission, Some(request)) {
            (entry.result, entry.is_error, entry.done) = (Some(outcome), denied, true);
        }
    }

    fn fold(&mut self, event: &Event, body: &SessionEvent) {
        match body {
            SessionEvent::Started(it) => {
                self.title = it.title.as_deref().map(|title| clip(title, MAX_TEXT));
                self.agent.clone_from(&it.agent);
                self.permission_mode = Some(clip(&it.permission_mode, 64));
                self.state = SessionState::Running;
                self.error = None;
                self.started = event.when();
            }
            SessionEvent::TextDelta(it) => {
                let turn = it.turn_id.as_deref();
                let goes_on = matches!(self.transcript.back(), Some(last) if last.kind == EntryKind::Text && !last.done && last.id.as_deref() == turn);
                match self.transcript.back_mut() {
                    Some(last) if goes_on => last.append(&it.delta),
                    _ => self.push(Entry::new(event, EntryKind::Text, it.turn_id.clone(), &it.delta)),
                }
            }
            SessionEvent::TextCompleted(it) => {
                let mut whole = Entry::new(event, EntryKind::Text, it.turn_id.clone(), &it.text);
                whole.done = true;
                match self.unfinished(EntryKind::Text, it.turn_id.as_deref()) {
                    Some(entry) => {
                        (whole.seq, whole.ts) = (entry.seq, entry.ts);
                        *entry = whole;
                    }
                    None => self.push(whole),
                }
            }
            SessionEvent::ToolStarted(it) => {
                let mut entry = Entry::new(event, EntryKind::Tool, Some(it.tool_use_id.clone()), &to_text(&it.input));
                entry.tool = Some(clip(it.display_name.as_deref().unwrap_or(&it.tool_name), MAX_TEXT));
                self.push(entry);
            }
            SessionEvent::ToolFinished(it) => {
                if self.unfinished(EntryKind::Tool, Some(&it.tool_use_id)).is_none() {
                    let mut entry = Entry::new(event, EntryKind::Tool, Some(it.tool_use_id.clone()), "");
                    entry.tool = Some(clip(&it.tool_name, MAX_TEXT));
                    self.push(entry);
                }
                if let Some(entry) = self.unfinished(EntryKind::Tool, Some(&it.tool_use_id)) {
                    entry.result = Some(clip(&to_text(&it.result), MAX_ENTRY / 4));
                    (entry.is_error, entry.done) = (it.is_error, true);
                }
            }
            SessionEvent::PermissionRequested(it) => {
                let asks = it.command.clone().or_else(|| it.input.as_ref().map(to_text)).unwrap_or_default();
                let mut entry = Entry::new(event, EntryKind::Permission, Some(it.request_id.clone()), &asks);
                entry.tool = Some(clip(&it.tool_name, MAX_TEXT));
                self.push(entry);
                if self.open.len() < MAX_OPEN {
                    let request = Request {
                        tool_name: clip(&it.tool_name, MAX_TEXT),
                        command: it.command.as_deref().map(|command| clip(command, MAX_ENTRY)),
                        description: it.description.as_deref().map(|text| clip(text, MAX_TEXT)),
                        expires_at: it.expires_at,
                        by: Evidence::of(event),
                    };
                    self.open.insert(&it.request_id, request);
                }
            }
            SessionEvent::PermissionDecided(it) => {
                let word = match (it.allowed, it.always_allow) {
                    (true, true) => "always allowed",
                    (true, false) => "allowed",
                    (false, _) => "denied",
                };
                self.settle(&it.request_id, format!("{word} by {}", clip(&it.by, MAX_TEXT)), !it.allowed);
            }
            SessionEvent::PermissionExpired(it) => self.settle(&it.request_id, "expired".to_owned(), true),
            SessionEvent::Completed(_) => self.end(SessionState::Completed, None),
            SessionEvent::Failed(it) => self.end(SessionState::Failed, Some(&it.error)),
            SessionEvent::Aborted(it) => self.end(SessionState::Aborted, Some(&it.by)),
        }
    }
}

impl Sessions {
    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &SessionEvent) {
        let session = self.by_id.entry(id, || Session::new(event, id));
        session.heard = Evidence::of(event);
        session.fold(event, body);
        self.forgotten +=
            prune(&mut self.by_id, MAX_SESSIONS, |session| (session.state == SessionState::Running, session.heard.seq));
    }

    /// All open requests: session, request id, request.
    pub fn open_requests(&self) -> impl Iterator<Item = (&Session, &str, &Request)> {
        self.by_id.values().flat_map(|session| session.open.iter().map(move |(id, request)| (session, id.as_str(), request)))
    }
}
