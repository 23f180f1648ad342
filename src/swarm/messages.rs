//! What agents told each other: the newest, and totals.

use std::collections::{BTreeMap, VecDeque};

use super::bounds::{clip, prune, push_newest};
use super::table::Table;
use crate::event::message::{MessageEvent, MessageType};
use crate::event::table::record;
use crate::event::{Event, Timestamp};

/// How many messages are kept whole; older ones are in the log.
pub const MAX_RECENT: usize = 200;
/// How much of a content is kept, in bytes.
pub const MAX_CONTENT: usize = 1_000;
/// How many pairs of agents are counted; past it those longest silent are forgotten.
pub const MAX_PAIRS: usize = 2_000;

record! {
    /// One message.
    pub struct Message {
        /// Its id.
        id: String,
        /// Its place in the log.
        seq: u64,
        /// When it was sent.
        ts: Timestamp,
        /// Who sent it.
        from: String,
        /// To whom; `*` for all.
        to: String,
        /// What it is for.
        message_type: MessageType,
        /// What it says, cut where it is long.
        content: String,
        /// Its size in bytes.
        size: u64,
    }
}

record! {
    /// What one agent sent another.
    pub struct Pair {
        /// Who sends.
        from: String,
        /// Who receives.
        to: String,
        /// How many messages.
        count: u64,
        /// How many bytes.
        bytes: u64,
        /// How many of them report an error.
        errors: u64,
        /// The newest one's place in the log.
        last: u64,
    }
}

record! {
    /// The messages.
    #[derive(Default)]
    pub struct Messages {
        /// The newest, oldest first.
        recent: VecDeque<Message>,
        /// How many there ever were.
        total: u64,
        /// How many bytes they had.
        bytes: u64,
        /// How many of each type.
        by_type: BTreeMap<String, u64>,
        /// By sender and receiver, joined by a unit separator.
        pairs: Table<Pair>,
    }
}

impl Messages {
    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &MessageEvent) {
        let MessageEvent::Sent(it) = body;
        self.total += 1;
        self.bytes = self.bytes.saturating_add(it.size);
        *self.by_type.entry(it.message_type.as_str().to_owned()).or_default() += 1;
        let pair = self.pairs.entry(&[&it.from, "\u{1f}", &it.to].concat(), || Pair {
            from: it.from.clone(),
            to: it.to.clone(),
            count: 0,
            bytes: 0,
            errors: 0,
            last: 0,
        });
        pair.count += 1;
        pair.bytes = pair.bytes.saturating_add(it.size);
        pair.errors += u64::from(it.message_type == MessageType::Error);
        pair.last = event.seq;
        prune(&mut self.pairs, MAX_PAIRS, |pair| (true, pair.last));
        let message = Message {
            id: id.to_owned(),
            seq: event.seq,
            ts: event.when(),
            from: it.from.clone(),
            to: it.to.clone(),
            message_type: it.message_type,
            content: clip(&it.content, MAX_CONTENT),
            size: it.size,
        };
        push_newest(&mut self.recent, message, MAX_RECENT);
    }
}
