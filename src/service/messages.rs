//! What agents tell each other, and what waits for each of them.
//!
//! A message that is sent here waits in the inbox of its receiver until the receiver acknowledges it:
//! what was taken and not acknowledged is delivered again, also after a restart. Inboxes are folded
//! from events, their contents read from the log. Messages that others report are shown and counted,
//! and put into no inbox: whoever reports one has carried it already.

mod inbox;

pub use inbox::{Acknowledged, InboxPage, Letter};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::input::{self, Decided};
use super::{Refusal, Setup};
use crate::event::message::{MessageSent, MessageType};
use crate::event::wire::Object;
use crate::event::{CORE, Draft, Entity, Timestamp};
use crate::hub::Hub;
use crate::service::registry;
use crate::swarm::SwarmState;

/// How long a content may be, in bytes.
pub const MAX_CONTENT: usize = 32 << 10;
/// How long an id or a correlation id may be, in bytes: it is also the key by which a repeated
/// message is known.
pub const MAX_ID: usize = 100;

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Its id, at most 100 bytes; one is made where it is absent. The same id again is the same
    /// message: it is sent once.
    #[serde(default)]
    pub id: Option<String>,
    /// Who sends it.
    pub from: String,
    /// The agent that is to have it; `*` for all.
    pub to: String,
    /// task, response, query, broadcast or error.
    pub message_type: String,
    /// What it says, at most 32 KiB.
    pub content: String,
    /// What it belongs to, at most 100 bytes.
    #[serde(default)]
    pub correlation_id: Option<String>,
}

/// A message on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its id.
    pub id: String,
    /// Its place in the log.
    pub seq: u64,
    /// The content's bytes.
    pub size: u64,
    /// Into how many inboxes it goes.
    pub receivers: u64,
    /// Whether it had been sent before under this id.
    pub repeated: bool,
}

/// What agents tell each other; cheap to clone.
#[derive(Debug, Clone)]
pub struct Messages {
    hub: Hub,
    stopping: CancellationToken,
}

impl Messages {
    /// Starts it.
    pub fn start(setup: &Setup) -> Self {
        Self { hub: setup.hub.clone(), stopping: setup.stopping.clone() }
    }

    /// Sends a message to an agent, or to all that are on the register but the sender.
    ///
    /// # Errors
    /// A field that does not fit, or a receiver that is not on the register.
    pub async fn send(&self, message: NewMessage) -> Result<Sent, Refusal> {
        let message_type: MessageType = input::word("message_type", &message.message_type)?;
        input::id("from", &message.from)?;
        input::text("to", &message.to, crate::event::MAX_ENTITY_ID)?;
        if message.content.len() > MAX_CONTENT {
            let size = message.content.len();
            return Err(Refusal::too_large(format!("content: {size} bytes, over the limit of {MAX_CONTENT}")));
        }
        input::optional("correlation_id", message.correlation_id.as_deref(), MAX_ID)?;
        let id = match message.id {
            Some(id) => {
                input::id("id", &id)?;
                input::text("id", &id, MAX_ID)?;
                id
            }
            None => input::fresh("message")?,
        };
        let size = message.content.len() as u64;
        let sent = MessageSent {
            from: message.from,
            to: message.to,
            message_type,
            content: message.content,
            size,
            correlation_id: message.correlation_id,
            extra: Object::new(),
        };
        let draft = Draft { id: Some(format!("message:{id}")), ..Draft::new(CORE, Entity::new("message", &id), sent.clone()) };
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<u64> {
            let receivers = if sent.to == "*" {
                state.agents.by_id.values().filter(|agent| !agent.removed && agent.id != sent.from).count() as u64
            } else {
                registry::known(state, &sent.to)?;
                1
            };
            Ok((vec![draft], receivers))
        };
        let (appended, receivers) = self.hub.decide(rule).await?;
        let seq = appended.seqs.first().copied().unwrap_or_default();
        Ok(Sent { id, seq, size, receivers, repeated: appended.duplicates > 0 })
    }
}

#[cfg(test)]
mod tests;
