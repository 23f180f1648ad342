//! Sessions: their transcripts, joined from pieces, what they ask a person, and what became of that.

mod decided;

pub use decided::{Decided, MAX_DECIDED, Verdict};

use std::borrow::Cow;
use std::collections::VecDeque;

use serde_json::Value;

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
/// How many tools of a session are remembered as always allowed; a further one is asked about each time.
pub const MAX_ALWAYS: usize = 64;

words! {
    /// Where a session stands.
    pub enum SessionState {
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Aborted = "aborted",
        /// It was made and waits for its first message.
        Idle = "idle",
    }
}

words! {
    /// What an entry of a transcript is.
    pub enum EntryKind {
        Text = "text",
        Tool = "tool",
        Permission = "permission",
        Prompt = "prompt",
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
        /// What the tool answered; what was decided; who wrote a prompt.
        result: Option<String>,
        /// Whether the tool failed or the request was denied.
        is_error: bool,
        /// Whether it is whole.
        done: bool,
        /// How long it took, in milliseconds: the tool, the answer, the turn that a prompt began.
        took_ms: Option<u64>,
        /// Why it was decided so, in the words of who did.
        note: Option<String>,
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
        /// What the tool would be called with, as JSON.
        input: Option<String>,
        /// Bytes of command and input that are over the bound and not kept.
        cut: u64,
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
        /// What runs the agent, where the deck runs it itself.
        driver: Option<String>,
        /// The workspace it works in.
        workspace: Option<String>,
        /// The tools that need not ask any more.
        always: Vec<String>,
        /// Where it stands.
        state: SessionState,
        /// What it failed with, or who broke it off.
        error: Option<String>,
        /// The newest entries of its transcript, oldest first.
        transcript: VecDeque<Entry>,
        /// How many older entries are not kept.
        dropped: u64,
        /// How many turns began.
        turns: u64,
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
        /// What became of the newest requests, oldest first.
        decided: VecDeque<Decided>,
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
            took_ms: None,
            note: None,
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

/// What a value says: a text as it is, anything else as its JSON.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

impl Session {
    fn new(event: &Event, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            title: None,
            agent: None,
            permission_mode: None,
            driver: None,
            workspace: None,
            always: Vec::new(),
            state: SessionState::Running,
            error: None,
            transcript: VecDeque::new(),
            dropped: 0,
            turns: 0,
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

    fn end(&mut self, event: &Event, state: SessionState, error: Option<&str>) {
        self.state = state;
        self.error = error.map(|error| clip(error, MAX_TEXT));
        self.close(event);
    }

    /// Nothing goes on in it any more.
    fn close(&mut self, event: &Event) {
        self.open.clear();
        if let Some(prompt) = self.transcript.iter_mut().rev().find(|entry| entry.kind == EntryKind::Prompt) {
            prompt.took_ms.get_or_insert(event.when().since(prompt.ts));
        }
        for entry in &mut self.transcript {
            entry.done = true;
        }
    }

    /// The tool of an open request need not ask any more.
    fn remember(&mut self, request: &str) {
        let Some(tool) = self.open.get(request).map(|request| &request.tool_name) else { return };
        if self.always.len() < MAX_ALWAYS && !self.always.contains(tool) {
            self.always.push(tool.clone());
        }
    }

    fn settle(&mut self, event: &Event, request: &str, outcome: String, denied: bool, note: Option<&str>) {
        self.open.remove(request);
        if let Some(entry) = self.unfinished(EntryKind::Permission, Some(request)) {
            (entry.result, entry.is_error, entry.done) = (Some(outcome), denied, true);
            (entry.took_ms, entry.note) = (Some(event.when().since(entry.ts)), note.map(|note| clip(note, MAX_TEXT)));
        }
    }

    fn fold(&mut self, event: &Event, body: &SessionEvent) {
        match body {
            SessionEvent::Started(it) => {
                self.title = it.title.as_deref().map(|title| clip(title, MAX_TEXT));
                self.agent.clone_from(&it.agent);
                self.permission_mode = Some(clip(&it.permission_mode, 64));
                self.driver.clone_from(&it.driver);
                self.workspace = it.workspace.as_deref().map(|workspace| clip(workspace, MAX_TEXT));
                self.state = if it.driver.is_some() { SessionState::Idle } else { SessionState::Running };
                self.error = None;
                self.started = event.when();
            }
            SessionEvent::Prompted(it) => {
                let mut entry = Entry::new(event, EntryKind::Prompt, None, &it.text);
                (entry.result, entry.done) = (Some(clip(&it.by, MAX_TEXT)), true);
                self.push(entry);
                self.turns += 1;
                self.state = SessionState::Running;
                self.error = None;
            }
            SessionEvent::Updated(it) => {
                if let Some(title) = &it.title {
                    self.title = Some(clip(title, MAX_TEXT));
                }
                if let Some(mode) = &it.permission_mode {
                    self.permission_mode = Some(clip(mode, 64));
                }
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
                        (whole.seq, whole.ts, whole.took_ms) = (entry.seq, entry.ts, Some(event.when().since(entry.ts)));
                        *entry = whole;
                    }
                    None => self.push(whole),
                }
            }
            SessionEvent::ToolStarted(it) => {
                let mut entry = Entry::new(event, EntryKind::Tool, Some(it.tool_use_id.clone()), &it.input.to_string());
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
                    entry.result = Some(clip(&plain(&it.result), MAX_ENTRY / 4));
                    (entry.is_error, entry.done) = (it.is_error, true);
                    entry.took_ms = (entry.seq != event.seq).then(|| event.when().since(entry.ts));
                }
            }
            SessionEvent::PermissionRequested(it) => {
                let asks = it.command.clone().or_else(|| it.input.as_ref().map(to_text)).unwrap_or_default();
                let mut entry = Entry::new(event, EntryKind::Permission, Some(it.request_id.clone()), &asks);
                entry.tool = Some(clip(&it.tool_name, MAX_TEXT));
                self.push(entry);
                if self.open.len() < MAX_OPEN {
                    let input = it.input.as_ref().map(to_text);
                    let over = |text: Option<&str>| text.map_or(0, |text| text.len().saturating_sub(MAX_ENTRY)) as u64;
                    let request = Request {
                        tool_name: clip(&it.tool_name, MAX_TEXT),
                        cut: over(it.command.as_deref()) + over(input.as_deref()),
                        command: it.command.as_deref().map(|command| clip(command, MAX_ENTRY)),
                        input: input.map(|input| clip(&input, MAX_ENTRY)),
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
                if it.allowed && it.always_allow {
                    self.remember(&it.request_id);
                }
                let outcome = format!("{word} by {}", clip(&it.by, MAX_TEXT));
                self.settle(event, &it.request_id, outcome, !it.allowed, it.reason.as_deref());
            }
            SessionEvent::PermissionExpired(it) => {
                self.settle(event, &it.request_id, "expired".to_owned(), true, None);
            }
            // An error or an abort is followed by the end, and stays what it was.
            SessionEvent::Completed(_) if matches!(self.state, SessionState::Failed | SessionState::Aborted) => {
                self.close(event);
            }
            SessionEvent::Completed(_) => self.end(event, SessionState::Completed, None),
            SessionEvent::Failed(it) => self.end(event, SessionState::Failed, Some(&it.error)),
            SessionEvent::Aborted(it) => self.end(event, SessionState::Aborted, Some(&it.by)),
            // The list of sessions knows what to do.
            SessionEvent::Removed(_) => {}
        }
    }
}

/// The whole transcript that these events of one session make, however long.
pub fn replay(id: &str, events: &[Event]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let Some(first) = events.first() else { return entries };
    let mut session = Session::new(first, id);
    for event in events {
        if let crate::event::Body::Session(body) = &event.body {
            session.fold(event, body);
        }
        if session.transcript.len() == MAX_ENTRIES {
            entries.extend(session.transcript.pop_front());
        }
    }
    entries.extend(session.transcript);
    entries
}

impl Sessions {
    /// Folds an event in; gives back the session that it took off the list.
    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &SessionEvent) -> Option<Session> {
        if let Some(session) = self.by_id.get(id) {
            decided::note(&mut self.decided, event, session, body);
        }
        if let SessionEvent::Removed(_) = body {
            return self.by_id.remove(id);
        }
        let session = self.by_id.entry(id, || Session::new(event, id));
        session.heard = Evidence::of(event);
        session.fold(event, body);
        self.forgotten +=
            prune(&mut self.by_id, MAX_SESSIONS, |session| (session.state == SessionState::Running, session.heard.seq));
        None
    }

    /// All open requests: session, request id, request.
    pub fn open_requests(&self) -> impl Iterator<Item = (&Session, &str, &Request)> {
        self.by_id.values().flat_map(|session| session.open.iter().map(move |(id, request)| (session, id.as_str(), request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Draft;
    use crate::event::wire::At;
    use crate::swarm::SwarmState;
    use serde_json::{Value, json};

    fn fold(events: &[(&str, Value)]) -> SwarmState {
        let mut state = SwarmState::default();
        for (index, (action, payload)) in events.iter().enumerate() {
            let event = json!({"type": format!("session.{action}"), "entity": "session:s", "payload": payload});
            let seq = index as u64 + 1;
            state.fold(&Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(seq as i64)));
        }
        state
    }

    fn states(events: &[(&str, Value)]) -> Vec<SessionState> {
        (1..=events.len()).map(|many| fold(&events[..many]).sessions.by_id["s"].state).collect()
    }

    #[test]
    fn a_session_has_turns_and_an_error_outlasts_the_end() {
        use SessionState::{Aborted, Completed, Failed, Idle, Running};
        let events = [
            ("started", json!({"permission_mode": "ask", "driver": "d"})),
            ("prompted", json!({"text": "t", "by": "me"})),
            ("completed", json!({})),
            ("prompted", json!({"text": "t", "by": "me"})),
            ("failed", json!({"error": "e"})),
            ("completed", json!({})),
            ("prompted", json!({"text": "t", "by": "me"})),
            ("aborted", json!({"by": "me"})),
            ("completed", json!({})),
        ];
        assert_eq!(states(&events), [Idle, Running, Completed, Running, Failed, Failed, Running, Aborted, Aborted]);
        assert_eq!(fold(&events[..6]).sessions.by_id["s"].error.as_deref(), Some("e"));
        assert_eq!(fold(&events[..7]).sessions.by_id["s"].error, None);
        assert_eq!(states(&[("started", json!({"permission_mode": "ask"}))]), [Running]);
    }

    #[test]
    fn what_is_always_allowed_is_remembered_and_bounded() {
        let mut events = Vec::new();
        for n in 0..=MAX_ALWAYS {
            let request = format!("r{n}");
            events.push((
                "permission_requested",
                json!({"request_id": request, "tool_name": format!("tool-{n}"), "expires_at": 99}),
            ));
            let decided = json!({"request_id": request, "allowed": n != 1, "always_allow": true, "by": "me"});
            events.push(("permission_decided", decided.clone()));
            events.push(("permission_decided", decided));
        }
        let state = fold(&events);
        let always = &state.sessions.by_id["s"].always;
        assert_eq!((always.len(), always[0].as_str(), always[1].as_str()), (MAX_ALWAYS, "tool-0", "tool-2"));
    }

    #[test]
    fn a_replay_keeps_more_than_the_state_does() {
        let mut events = Vec::new();
        for n in 0..MAX_ENTRIES as u64 * 2 {
            let text = json!({"type": "session.text_completed", "entity": "session:s", "payload": {"text": n.to_string(), "intermediate": true}});
            events.push(Draft::read(text, &At::Root("")).unwrap().into_event(n + 1, Timestamp(n as i64)));
        }
        let entries = replay("s", &events);
        assert_eq!(entries.len(), MAX_ENTRIES * 2);
        assert!(entries.iter().enumerate().all(|(place, entry)| entry.text == place.to_string()));
        assert_eq!(replay("s", &[]), []);
    }

    #[test]
    fn turns_and_tools_tell_how_long_they_took() {
        let state = fold(&[
            ("prompted", json!({"text": "t", "by": "me"})),
            ("tool_started", json!({"tool_use_id": "u", "tool_name": "t", "input": {}})),
            ("text_delta", json!({"delta": "a"})),
            ("tool_finished", json!({"tool_use_id": "u", "tool_name": "t", "result": "r", "is_error": false})),
            ("completed", json!({})),
            ("completed", json!({})),
        ]);
        let session = &state.sessions.by_id["s"];
        assert_eq!(session.transcript.iter().map(|entry| entry.took_ms).collect::<Vec<_>>(), [Some(4), Some(2), None]);
        assert_eq!(session.turns, 1);
    }

    #[test]
    fn a_removed_session_leaves_nothing_asked() {
        let agent = json!({"type": "agent.registered", "entity": "agent:a", "payload": {"name": "a", "agent_type": "t"}});
        let mut state = SwarmState::default();
        state.fold(&Draft::read(agent, &At::Root("")).unwrap().into_event(1, Timestamp(1)));
        for (seq, (action, payload)) in [
            ("started", json!({"permission_mode": "ask", "agent": "a"})),
            ("permission_requested", json!({"request_id": "r", "tool_name": "t", "expires_at": 99})),
            ("removed", json!({})),
            ("removed", json!({})),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(state.agents.by_id["a"].asks.len(), usize::from(seq == 2));
            let event = json!({"type": format!("session.{action}"), "entity": "session:s", "payload": payload});
            let seq = seq as u64 + 2;
            state.fold(&Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(seq as i64)));
        }
        assert!(state.sessions.by_id.is_empty());
        assert_eq!(state.agents.by_id["a"].asks, []);
    }
}
