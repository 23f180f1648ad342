//! A message that was sent before: known by its sender and its id, and answered as the first time.

use super::{MAX_ID, Messages, Sent};
use crate::event::message::{MessageEvent, MessageSent};
use crate::event::wire::from_text;
use crate::event::{Body, CORE, Event, Filter, MAX_KEY};
use crate::hub::{LogError, Read, Stored};
use crate::service::Refusal;

/// How many events about an id are looked through for a message that was sent under it.
const LOOKED_THROUGH: usize = 1_000;

/// The idempotency key of a message. A sender's name may be longer than a key, so its hash stands
/// for it: FNV-1a, 64 bits, which the next version of this program computes alike. Where two names
/// had one hash, their messages under one id would be told apart by what they say.
pub(super) fn key(from: &str, id: &str) -> String {
    const { assert!("message:".len() + 16 + ":".len() + MAX_ID <= MAX_KEY) };
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in from.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("message:{hash:016x}:{id}")
}

impl Messages {
    /// The first answer to what stands at a place of the log, where it says the same.
    pub(super) async fn again(&self, id: &str, seq: u64, wanted: &MessageSent) -> Result<Sent, Refusal> {
        let page = self.hub.read(Read { after: seq.saturating_sub(1), before: seq + 1, limit: 1, ..Read::default() }).await?;
        let Some(stored) = page.events.first() else {
            let gone =
                format!("id: {:?} sent a message under {id:?} before, at {seq}, which the log no longer keeps", wanted.from);
            return Err(Refusal::conflict(gone));
        };
        match sent(stored)? {
            Some(first) => answer(id, seq, first, wanted),
            None => Err(other(id, seq, wanted)),
        }
    }

    /// The first answer to what the same sender sent under this id, as far as it is found among the
    /// oldest [`LOOKED_THROUGH`] events about it.
    pub(super) async fn earlier(&self, id: &str, wanted: &MessageSent) -> Result<Option<Sent>, Refusal> {
        let mut filter = Filter::about([("message".to_owned(), id.to_owned())]);
        for (field, pattern) in [("types", "message.sent"), ("source", CORE)] {
            let _known = filter.add(field, pattern)?;
        }
        let page = self.hub.read(Read { limit: LOOKED_THROUGH, filter, ..Read::default() }).await?;
        for stored in &page.events {
            if let Some(first) = sent(stored)?.filter(|first| first.from == wanted.from) {
                return answer(id, stored.seq, first, wanted).map(Some);
            }
        }
        Ok(None)
    }
}

fn sent(stored: &Stored) -> Result<Option<MessageSent>, LogError> {
    let event: Event =
        from_text(&stored.json).map_err(|fault| LogError::Unreadable { seq: stored.seq, problem: fault.to_string() })?;
    Ok(match event.body {
        Body::Message(MessageEvent::Sent(sent)) => Some(sent),
        _ => None,
    })
}

fn answer(id: &str, seq: u64, first: MessageSent, wanted: &MessageSent) -> Result<Sent, Refusal> {
    let receivers = first.receivers.unwrap_or(1);
    if (MessageSent { receivers: None, ..first }) != *wanted {
        return Err(other(id, seq, wanted));
    }
    Ok(Sent { id: id.to_owned(), seq, size: wanted.size, receivers, repeated: true })
}

fn other(id: &str, seq: u64, wanted: &MessageSent) -> Refusal {
    Refusal::conflict(format!("id: {:?} sent another message under {id:?}, at {seq}", wanted.from))
}
