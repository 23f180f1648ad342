//! What agents tell each other, and what waits for each of them.
//!
//! A message that is sent here waits in the inbox of its receiver until the receiver acknowledges it:
//! what was taken and not acknowledged is delivered again, also after a restart. Inboxes are folded
//! from events, their contents read from the log. Messages that others report are shown and counted,
//! and put into no inbox: whoever reports one has carried it already.

mod inbox;
mod repeat;

pub use inbox::{Acknowledged, InboxPage, Letter};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::input::{self, Decided};
use super::{Reason, Refusal, Setup};
use crate::event::message::{MessageSent, MessageType};
use crate::event::wire::Object;
use crate::event::{CORE, Draft, Entity, Timestamp};
use crate::hub::Hub;
use crate::service::registry;
use crate::swarm::SwarmState;

/// How long a content may be, in bytes.
pub const MAX_CONTENT: usize = 32 << 10;
/// How long an id or a correlation id may be, in bytes: the id is also in the key by which a repeated
/// message is known.
pub const MAX_ID: usize = 100;

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Its id, at most 100 bytes; one is made where it is absent. It is the sender's: what another
    /// sends under the same id is another message. The same again is sent once and gets the first
    /// answer; another message of the same sender under it is a conflict.
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

    /// Sends a message to an agent, or to all that are on the register but the sender. Within the
    /// newest [`WINDOW`](crate::hub::WINDOW) events a repeat is known by sender and id.
    ///
    /// # Errors
    /// A field that does not fit, a receiver that is not on the register, or an id under which the
    /// sender sent something else.
    pub async fn send(&self, message: NewMessage) -> Result<Sent, Refusal> {
        let named = message.id.is_some();
        let (id, sent) = checked(message)?;
        let size = sent.size;
        let (name, wanted) = (id.clone(), sent.clone());
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<u64> {
            let receivers = if sent.to == "*" {
                state.agents.by_id.values().filter(|agent| !agent.removed && agent.id != sent.from).count() as u64
            } else {
                registry::known(state, &sent.to)?;
                1
            };
            let (key, sent) = (repeat::key(&sent.from, &name), MessageSent { receivers: Some(receivers), ..sent });
            Ok((vec![Draft { id: Some(key), ..Draft::new(CORE, Entity::new("message", name), sent) }], receivers))
        };
        match self.hub.decide(rule).await.map_err(Refusal::from) {
            Ok((appended, receivers)) => {
                let seq = appended.seqs.first().copied().unwrap_or_default();
                if appended.duplicates > 0 {
                    return self.again(&id, seq, &wanted).await;
                }
                Ok(Sent { id, seq, size, receivers, repeated: false })
            }
            // The receiver may have been there when it was sent first.
            Err(refusal) if named && refusal.reason == Reason::Missing => self.earlier(&id, &wanted).await?.ok_or(refusal),
            Err(refusal) => Err(refusal),
        }
    }
}

/// A message that fits, and its id.
fn checked(message: NewMessage) -> Result<(String, MessageSent), Refusal> {
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
        receivers: None,
        extra: Object::new(),
    };
    Ok((id, sent))
}

#[cfg(test)]
mod tests;
