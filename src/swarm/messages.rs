//! What agents told each other: the newest, totals, and what waits in inboxes.

use std::collections::{BTreeMap, VecDeque};

use super::agents::Agents;
use super::bounds::{clip, prune, push_newest};
use super::table::Table;
use crate::event::message::{MessageEvent, MessageSent, MessageType};
use crate::event::table::{record, unwritten};
use crate::event::{CORE, Event, Timestamp};

/// How many messages are kept whole; older ones are in the log.
pub const MAX_RECENT: usize = 200;
/// How much of a content is kept, in bytes.
pub const MAX_CONTENT: usize = 1_000;
/// How much of a correlation id is kept, in bytes.
pub const MAX_CORRELATION: usize = 128;
/// How many pairs of agents are counted; past it those longest silent are forgotten.
pub const MAX_PAIRS: usize = 2_000;

/// How many inboxes are kept; past it those longest unchanged are forgotten and counted.
pub const MAX_INBOXES: usize = 5_000;
/// How many messages wait in one inbox. Past it the oldest is dropped and counted.
pub const MAX_WAITING: usize = 1_000;
/// Whether this side delivers messages: the server does, and a browser has no use for inboxes.
const DELIVERS: bool = cfg!(feature = "ssr");
/// How many outcomes a share of failures looks back on: past it all of them count half, so that
/// what was long ago fades.
pub const RECENT: u64 = 32;
/// The same for the share of messages that cross the tree of agents.
pub const RECENT_PATHS: u64 = 200;

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
        /// What it belongs to: an answer carries that of its question. Cut where it is long.
        correlation: Option<String>,
    }
}

record! {
    /// What one agent sent another, or handed over to it.
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
        /// How many of late; older ones fade.
        recent: u64,
        /// How many of these went wrong.
        recent_errors: u64,
    }
}

record! {
    /// What waits for an agent: messages that the deck was asked to deliver to it.
    pub struct Inbox {
        /// The places in the log of the messages, oldest first.
        waiting: VecDeque<u64>,
        /// How many were dropped at the bound.
        dropped: u64,
        /// How many the agent took out.
        delivered: u64,
        /// The place of its last change.
        last: u64,
    }
}

/// What waits for the agents.
///
/// Only the deck that delivers it keeps it. It is no part of the state's text and hash, so that no
/// page, stream or answer carries all inboxes, and a browser folds none; the hub's snapshots hold it
/// [beside the state](Self::kept).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inboxes {
    by_agent: Table<Inbox>,
    forgotten: u64,
}

impl Inboxes {
    /// What was kept before: the inboxes by agent, and how many were forgotten at the bound.
    pub fn from_kept(by_agent: Table<Inbox>, forgotten: u64) -> Self {
        Self { by_agent, forgotten }
    }

    /// What is to be kept: the inboxes by agent, and how many were forgotten at the bound.
    pub fn kept(&self) -> (&Table<Inbox>, u64) {
        (&self.by_agent, self.forgotten)
    }

    /// The inbox of this agent, if anything ever came for it.
    pub fn get(&self, agent: &str) -> Option<&Inbox> {
        self.by_agent.get(agent)
    }

    fn put(&mut self, agent: &str, seq: u64) {
        let inbox = self.by_agent.entry(agent, || Inbox { waiting: VecDeque::new(), dropped: 0, delivered: 0, last: 0 });
        inbox.dropped += u64::from(inbox.waiting.len() >= MAX_WAITING);
        inbox.last = seq;
        push_newest(&mut inbox.waiting, seq, MAX_WAITING);
        self.forgotten += prune(&mut self.by_agent, MAX_INBOXES, |inbox| (!inbox.waiting.is_empty(), inbox.last));
    }

    fn take_out(&mut self, agent: &str, sent_seq: u64, seq: u64) {
        if let Some(inbox) = self.by_agent.get_mut(agent)
            && let Ok(place) = inbox.waiting.binary_search(&sent_seq)
        {
            inbox.waiting.remove(place);
            inbox.delivered += 1;
            inbox.last = seq;
        }
    }
}

unwritten!(Inboxes);

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
        /// What waits, by agent: the deck's own, in no page.
        inboxes: Inboxes,
        /// How many messages of late went between an agent and the one that started it.
        along: u64,
        /// How many of late went another way.
        across: u64,
    }
}

impl Message {
    /// A message as its event tells it.
    pub fn of(event: &Event, id: &str, it: &MessageSent) -> Self {
        Self {
            id: id.to_owned(),
            seq: event.seq,
            ts: event.when(),
            from: it.from.clone(),
            to: it.to.clone(),
            message_type: it.message_type,
            content: clip(&it.content, MAX_CONTENT),
            size: it.size,
            correlation: it.correlation_id.as_deref().map(|id| clip(id, MAX_CORRELATION)),
        }
    }
}

impl Pair {
    /// A pair of which nothing is known.
    pub(super) fn new(from: &str, to: &str) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), count: 0, bytes: 0, errors: 0, last: 0, recent: 0, recent_errors: 0 }
    }

    /// Counts an outcome.
    pub(super) fn outcome(&mut self, failed: bool) {
        self.errors += u64::from(failed);
        self.recent += 1;
        self.recent_errors += u64::from(failed);
        if self.recent >= RECENT {
            self.recent /= 2;
            self.recent_errors /= 2;
        }
    }
}

/// The pair of two agents, made where there is none.
pub(super) fn pair<'a>(pairs: &'a mut Table<Pair>, from: &str, to: &str) -> &'a mut Pair {
    pairs.entry(&[from, "\u{1f}", to].concat(), || Pair::new(from, to))
}

impl Messages {
    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &MessageEvent, agents: &Agents) {
        match body {
            MessageEvent::Sent(it) => {
                self.sent(event, id, it);
                self.path(it, agents);
                // Others report what they carried themselves; the deck delivers what it was given.
                if DELIVERS && event.source == CORE {
                    self.put_into_inboxes(event, it, agents);
                }
            }
            MessageEvent::Delivered(it) => {
                if DELIVERS {
                    self.inboxes.take_out(&it.agent, it.sent_seq, event.seq);
                }
            }
        }
    }

    fn sent(&mut self, event: &Event, id: &str, it: &MessageSent) {
        self.total += 1;
        self.bytes = self.bytes.saturating_add(it.size);
        *self.by_type.entry(it.message_type.as_str().to_owned()).or_default() += 1;
        let pair = pair(&mut self.pairs, &it.from, &it.to);
        pair.count += 1;
        pair.bytes = pair.bytes.saturating_add(it.size);
        pair.outcome(it.message_type == MessageType::Error);
        pair.last = event.seq;
        prune(&mut self.pairs, MAX_PAIRS, |pair| (true, pair.last));
        let message = Message::of(event, id, it);
        push_newest(&mut self.recent, message, MAX_RECENT);
    }

    /// Counts whether a message between two agents follows the links between parents and children.
    fn path(&mut self, it: &MessageSent, agents: &Agents) {
        let (Some(from), Some(to)) = (agents.by_id.get(&it.from), agents.by_id.get(&it.to)) else { return };
        if from.parent.as_ref() == Some(&to.id) || to.parent.as_ref() == Some(&from.id) {
            self.along += 1;
        } else {
            self.across += 1;
        }
        if self.along + self.across >= RECENT_PATHS {
            (self.along, self.across) = (self.along / 2, self.across / 2);
        }
    }

    fn put_into_inboxes(&mut self, event: &Event, it: &MessageSent, agents: &Agents) {
        if it.to != "*" {
            return self.inboxes.put(&it.to, event.seq);
        }
        for agent in agents.by_id.values().filter(|agent| !agent.removed && agent.id != it.from) {
            self.inboxes.put(&agent.id, event.seq);
        }
    }

    /// Takes away what waits for an agent that was taken off the register.
    pub(super) fn forget(&mut self, agent: &str) {
        if DELIVERS {
            self.inboxes.by_agent.remove(agent);
        }
    }

    /// The messages without the inboxes.
    pub(super) fn for_page(&self) -> Self {
        Self {
            recent: self.recent.clone(),
            total: self.total,
            bytes: self.bytes,
            by_type: self.by_type.clone(),
            pairs: self.pairs.clone(),
            inboxes: Inboxes::default(),
            along: self.along,
            across: self.across,
        }
    }
}
