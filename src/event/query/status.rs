//! What standing an event itself says.

use super::scan::field;

/// The standings by name, most urgent first: those of lists of agents, tasks and sessions.
pub const STANDINGS: &[&str] = &["needs-you", "failing", "stale", "lost", "working", "waiting", "idle", "done"];

/// Type; key of the payload, empty where the type alone says it; its value; the standing.
type Row = (&'static str, &'static str, &'static str, &'static str);

const SAYS: &[Row] = &[
    ("agent.status_changed", "status", "error", "failing"),
    ("agent.status_changed", "status", "spawning", "working"),
    ("agent.status_changed", "status", "active", "working"),
    ("agent.status_changed", "status", "busy", "working"),
    ("agent.status_changed", "status", "idle", "idle"),
    ("agent.status_changed", "status", "stopped", "done"),
    ("agent.health_changed", "status", "unhealthy", "failing"),
    ("agent.health_changed", "status", "offline", "lost"),
    ("agent.removed", "", "", "done"),
    ("task.created", "", "", "waiting"),
    ("task.assigned", "", "", "waiting"),
    ("task.retried", "", "", "waiting"),
    ("task.started", "", "", "working"),
    ("task.progress", "", "", "working"),
    ("task.completed", "", "", "done"),
    ("task.failed", "", "", "failing"),
    ("task.cancelled", "", "", "done"),
    ("session.prompted", "", "", "working"),
    ("session.permission_requested", "", "", "needs-you"),
    ("session.completed", "", "", "done"),
    ("session.failed", "", "", "failing"),
    ("session.aborted", "", "", "done"),
    ("session.removed", "", "", "done"),
    ("message.sent", "message_type", "error", "failing"),
    ("provider.status_changed", "state", "READY", "idle"),
    ("provider.status_changed", "state", "RUNNING", "working"),
    ("provider.status_changed", "state", "DEGRADED", "failing"),
    ("provider.status_changed", "state", "ERROR", "failing"),
    ("provider.status_changed", "state", "STOPPED", "done"),
    ("selfcheck.started", "", "", "working"),
    ("selfcheck.progress", "", "", "working"),
    ("selfcheck.completed", "", "", "done"),
    ("selfcheck.failed", "", "", "failing"),
    ("mode.violation", "", "", "failing"),
];

/// The standing that an event itself says of what it is about, by its type and its JSON.
///
/// It follows from the event alone, so that a live stream, a page of the log and an export agree.
/// Silence is no event: nothing says `stale`, which only lists of agents, tasks and sessions know.
/// A tool that answered with an error is a step of its session, not the session's standing.
pub fn standing(kind: &str, json: &str) -> Option<&'static str> {
    let mut rows = SAYS.iter().filter(|row| row.0 == kind).peekable();
    let first = rows.peek()?;
    if first.1.is_empty() {
        return Some(first.3);
    }
    let value = field(field(json, "payload")?, first.1)?.trim_matches('"');
    rows.find(|row| row.2 == value).map(|row| row.3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::catalogue;
    use crate::swarm::Attention;

    #[test]
    fn types_and_standings_are_known() {
        assert!(STANDINGS.iter().copied().eq(Attention::ALL.iter().map(|attention| attention.slug())));
        for (kind, key, _, standing) in SAYS {
            let row = catalogue::kind(kind).unwrap_or_else(|| panic!("{kind}"));
            assert!(key.is_empty() || row.fields.iter().any(|field| field.key == *key), "{kind} {key}");
            assert!(STANDINGS.contains(standing));
        }
    }

    #[test]
    fn an_event_says_its_standing() {
        let json = r#"{"payload":{"metrics":{"status":"idle"},"status":"error"}}"#;
        assert_eq!(standing("agent.status_changed", json), Some("failing"));
        assert_eq!(standing("task.failed", ""), Some("failing"));
        assert_eq!(standing("agent.health_changed", r#"{"payload":{"status":"healthy"}}"#), None);
        assert_eq!(standing("custom.type", "{}"), None);
    }
}
