//! What a person is asked, and how it is decided: rules on the folded state.
//!
//! Every rule runs through [`Hub::decide`](crate::hub::Hub::decide), so of two answers the first
//! counts, and a request that lapsed cannot be answered.

use crate::event::session::{SessionPermissionDecided, SessionPermissionExpired, SessionPermissionRequested};
use crate::event::wire::Object;
use crate::event::{Draft, Timestamp};
use crate::service::{Reason, Refusal};
use crate::swarm::SwarmState;
use crate::swarm::sessions::{EntryKind, MAX_OPEN, Session};

use super::driver::Ask;
use super::{about, session};

/// Who decided where the tool was always allowed.
const BY_ALWAYS: &str = "always-allow";
/// Who decided where the session's mode leaves nothing to ask.
const BY_MODE: &str = "permission-mode";
/// Who decided where too many requests were open.
const BY_BOUND: &str = "bound";

/// A person's answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The session; any in which the request is open where absent.
    pub session: Option<String>,
    /// The request.
    pub request_id: String,
    /// Whether the tool may run.
    pub allowed: bool,
    /// Whether it may run from now on in this session.
    pub always_allow: bool,
    /// Who answers.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

/// What becomes of a new request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A person is asked.
    Asked,
    /// It is decided already.
    Decided(bool),
}

/// Puts a request up under the id `request`; decides it at once where nobody needs to be asked.
pub(super) fn put_up(
    state: &SwarmState,
    now: Timestamp,
    id: &str,
    request: &str,
    ask: Ask,
    timeout_ms: i64,
) -> Result<(Vec<Draft>, Verdict), Refusal> {
    let session = session(state, id)?;
    let decided = match session.permission_mode.as_deref() {
        Some("allow") => Some((true, BY_MODE)),
        Some("deny") => Some((false, BY_MODE)),
        _ if session.always.contains(&ask.tool) => Some((true, BY_ALWAYS)),
        _ if session.open.len() >= MAX_OPEN => Some((false, BY_BOUND)),
        _ => None,
    };
    let requested = SessionPermissionRequested {
        request_id: request.to_owned(),
        tool_name: ask.tool,
        command: ask.command,
        description: ask.description,
        input: ask.input,
        expires_at: Timestamp(now.0 + timeout_ms),
        extra: Object::new(),
    };
    let mut drafts = vec![about(id, requested)];
    let Some((allowed, by)) = decided else { return Ok((drafts, Verdict::Asked)) };
    drafts.push(about(
        id,
        SessionPermissionDecided {
            request_id: request.to_owned(),
            allowed,
            always_allow: false,
            by: by.to_owned(),
            reason: None,
            extra: Object::new(),
        },
    ));
    Ok((drafts, Verdict::Decided(allowed)))
}

/// The session in which a request is open.
///
/// # Errors
/// It is decided already, or not there, or open in several sessions.
pub(super) fn find(state: &SwarmState, answer: &Answer) -> Result<String, Refusal> {
    if let Some(id) = &answer.session {
        let session = session(state, id)?;
        return match session.open.contains_key(&answer.request_id) {
            true => Ok(id.clone()),
            false => Err(closed([session].into_iter(), &answer.request_id)),
        };
    }
    let mut open = state.sessions.by_id.values().filter(|session| session.open.contains_key(&answer.request_id));
    match (open.next(), open.next()) {
        (Some(session), None) => Ok(session.id.clone()),
        (Some(one), Some(other)) => Err(Refusal::conflict(format!(
            "request {} is open in sessions {} and {}: name the session",
            answer.request_id, one.id, other.id
        ))),
        (None, _) => Err(closed(state.sessions.by_id.values(), &answer.request_id)),
    }
}

/// Why a request cannot be answered: its transcript tells what became of it.
fn closed<'a>(mut sessions: impl Iterator<Item = &'a Session>, request: &str) -> Refusal {
    let entry = sessions.find_map(|session| {
        session.transcript.iter().rev().find(|entry| entry.kind == EntryKind::Permission && entry.id.as_deref() == Some(request))
    });
    let Some(entry) = entry else { return Refusal::missing(format!("no request {request} is open")) };
    Refusal::new(
        Reason::Conflict,
        match entry.result.as_deref().and_then(|result| result.split_once(" by ")) {
            Some((word, by)) => format!("request {request} is already decided by {by}: {word}"),
            None => format!("request {request} is already closed: {}", entry.result.as_deref().unwrap_or("its turn is over")),
        },
    )
}

/// Decides a request.
pub(super) fn decide(state: &SwarmState, answer: Answer) -> Result<(Vec<Draft>, String), Refusal> {
    let id = find(state, &answer)?;
    let decided = SessionPermissionDecided {
        request_id: answer.request_id,
        allowed: answer.allowed,
        always_allow: answer.allowed && answer.always_allow,
        by: answer.by,
        reason: answer.reason,
        extra: Object::new(),
    };
    Ok((vec![about(&id, decided)], id))
}

/// Lets a request lapse, where it is still open.
pub(super) fn expire(state: &SwarmState, id: &str, request: &str) -> Result<(Vec<Draft>, ()), Refusal> {
    let open = state.sessions.by_id.get(id).is_some_and(|session| session.open.contains_key(request));
    Ok((if open { vec![expired(id, request)] } else { Vec::new() }, ()))
}

/// A request lapsed.
pub(super) fn expired(id: &str, request: &str) -> Draft {
    about(id, SessionPermissionExpired { request_id: request.to_owned(), extra: Object::new() })
}
