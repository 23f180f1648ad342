//! What became of requests: decided by somebody, lapsed, or gone with their turn.

use std::collections::VecDeque;

use super::{Request, Session};
use crate::event::session::SessionEvent;
use crate::event::table::{record, words};
use crate::event::{Event, Timestamp};
use crate::swarm::Evidence;
use crate::swarm::agents::MAX_TEXT;
use crate::swarm::bounds::{clip, push_newest};

/// How many requests that wait no more are kept; older ones are in the log.
pub const MAX_DECIDED: usize = 60;
/// How much of a command is kept of them, in bytes.
const MAX_COMMAND: usize = 240;

words! {
    /// What became of a request.
    pub enum Verdict {
        Allowed = "allowed once",
        Always = "always allowed",
        Denied = "denied",
        /// Nobody answered in time.
        Lapsed = "lapsed",
        /// Its turn ended before somebody answered.
        Withdrawn = "withdrawn",
    }
}

record! {
    /// A request that waits no more.
    pub struct Decided {
        /// Its session.
        session: String,
        /// The session's title.
        title: Option<String>,
        /// The agent that asked.
        agent: Option<String>,
        /// The request.
        request: String,
        /// The tool that waited.
        tool_name: String,
        /// The beginning of the command, or of what the tool would have been called with.
        command: Option<String>,
        /// What became of it.
        verdict: Verdict,
        /// Who decided; none where nobody did.
        by: Option<String>,
        /// Why, in their words.
        reason: Option<String>,
        /// When it was asked.
        asked: Timestamp,
        /// The event that says so.
        at: Evidence,
    }
}

impl Decided {
    fn new(event: &Event, session: &Session, id: &str, request: &Request, verdict: Verdict) -> Self {
        let command = request.command.as_deref().or(request.input.as_deref());
        Self {
            session: session.id.clone(),
            title: session.title.clone(),
            agent: session.agent.clone(),
            request: id.to_owned(),
            tool_name: request.tool_name.clone(),
            command: command.map(|command| clip(command, MAX_COMMAND)),
            verdict,
            by: None,
            reason: None,
            asked: request.by.ts,
            at: Evidence::of(event),
        }
    }
}

/// Notes what an event makes of the requests of a session, as it stands before the event.
pub(super) fn note(decided: &mut VecDeque<Decided>, event: &Event, session: &Session, body: &SessionEvent) {
    let mut close = |id: &str, verdict, by: Option<&str>, reason: Option<&str>| {
        let Some(request) = session.open.get(id) else { return };
        let mut it = Decided::new(event, session, id, request, verdict);
        (it.by, it.reason) = (by.map(|by| clip(by, MAX_TEXT)), reason.map(|reason| clip(reason, MAX_TEXT)));
        push_newest(decided, it, MAX_DECIDED);
    };
    match body {
        SessionEvent::PermissionDecided(it) => {
            let verdict = match (it.allowed, it.always_allow) {
                (true, true) => Verdict::Always,
                (true, false) => Verdict::Allowed,
                (false, _) => Verdict::Denied,
            };
            close(&it.request_id, verdict, Some(&it.by), it.reason.as_deref());
        }
        SessionEvent::PermissionExpired(it) => close(&it.request_id, Verdict::Lapsed, None, None),
        SessionEvent::Completed(_) | SessionEvent::Failed(_) | SessionEvent::Aborted(_) | SessionEvent::Removed(_) => {
            for id in session.open.keys() {
                close(id, Verdict::Withdrawn, None, None);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::event::Draft;
    use crate::event::wire::At;
    use crate::swarm::SwarmState;

    fn fold(events: &[(&str, Value)]) -> Vec<(String, Verdict, Option<String>)> {
        let mut state = SwarmState::default();
        for (seq, (action, payload)) in (1..).zip(events) {
            let event = json!({"type": format!("session.{action}"), "entity": "session:s", "payload": payload});
            state.fold(&Draft::read(event, &At::Root("")).unwrap().into_event(seq, Timestamp(seq as i64)));
        }
        state.sessions.decided.into_iter().map(|it| (it.request, it.verdict, it.by)).collect()
    }

    #[test]
    fn what_became_of_a_request_is_kept_once() {
        let asks = |id: &str| ("permission_requested", json!({"request_id": id, "tool_name": "t", "expires_at": 99}));
        let decides = |id: &str, allowed: bool, always: bool| {
            let decided = json!({"request_id": id, "allowed": allowed, "always_allow": always, "by": "me"});
            ("permission_decided", decided)
        };
        let told = fold(&[
            ("started", json!({"permission_mode": "ask"})),
            asks("a"),
            asks("b"),
            asks("c"),
            asks("d"),
            asks("e"),
            decides("a", true, false),
            decides("a", false, false),
            decides("b", true, true),
            decides("c", false, false),
            ("permission_expired", json!({"request_id": "d"})),
            ("failed", json!({"error": "e"})),
            ("completed", json!({})),
        ]);
        let me = || Some("me".to_owned());
        let expected = [
            ("a", Verdict::Allowed, me()),
            ("b", Verdict::Always, me()),
            ("c", Verdict::Denied, me()),
            ("d", Verdict::Lapsed, None),
            ("e", Verdict::Withdrawn, None),
        ];
        assert_eq!(told, expected.map(|(id, verdict, by)| (id.to_owned(), verdict, by)));
    }

    #[test]
    fn the_newest_are_kept() {
        let mut events = Vec::new();
        for n in 0..MAX_DECIDED + 9 {
            events.push(("permission_requested", json!({"request_id": n.to_string(), "tool_name": "t", "expires_at": 99})));
            events.push(("permission_expired", json!({"request_id": n.to_string()})));
        }
        let told = fold(&events);
        assert_eq!((told.len(), told[0].0.as_str()), (MAX_DECIDED, "9"));
    }
}
