//! The mesh dialect: the registry's Server-Sent Events.
//!
//! The server adds the `id:` line and the keep-alives. The registry's requests and answers are
//! `server::api::mesh`'s.

use serde_json::json;

use super::number;
use crate::event::agent::AgentEvent;
use crate::event::{Body, Event};

/// The event's name and data; nothing where the dialect has no name for it.
///
/// It names four: an agent registered, its description updated, its health or its trust changed.
/// All that they say stands in the event, so no state is needed.
pub fn sse(event: &Event) -> Option<(&'static str, String)> {
    let Body::Agent(body) = &event.body else { return None };
    let id = event.entity_id();
    let (name, data) = match body {
        AgentEvent::Registered(_) => ("agent_registered", json!({"agent_id": id})),
        AgentEvent::Updated(_) => ("agent_updated", json!({"agent_id": id})),
        AgentEvent::HealthChanged(it) => {
            let (status, old) = (it.status.as_str(), it.previous.as_str());
            ("agent_health_changed", json!({"agent_id": id, "status": status, "old_status": old}))
        }
        AgentEvent::TrustChanged(it) => {
            let (score, old) = (number(it.score), number(it.previous));
            ("trust_score_changed", json!({"agent_id": id, "trust_score": score, "old_score": old}))
        }
        AgentEvent::StatusChanged(_) | AgentEvent::Removed(_) => return None,
    };
    Some((name, data.to_string()))
}
