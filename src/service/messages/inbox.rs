//! Inboxes: what waits for an agent, taken page by page and acknowledged.

use std::collections::HashMap;
use std::time::Duration;

use super::Messages;
use crate::event::message::{MessageDelivered, MessageEvent, MessageType};
use crate::event::wire::{Object, from_text};
use crate::event::{Body, CORE, Draft, Entity, Event, Filter, Timestamp};
use crate::hub::{Lag, LogError, Read, Start};
use crate::service::input::Decided;
use crate::service::{Refusal, registry};
use crate::swarm::SwarmState;
use crate::swarm::messages::Inbox;

/// How many messages one page has at most.
pub const MAX_PAGE: usize = 500;
/// How long one may wait for a message at most.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// Messages within so many places of the log are read at once.
const SPAN: u64 = 1_000;

/// How many places of messages with the same id are named.
const SHOWN: usize = 10;

/// A message as its receiver gets it.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// Its id.
    pub id: String,
    /// Its place in the log.
    pub seq: u64,
    /// When it was sent.
    pub ts: Timestamp,
    /// Who sent it.
    pub from: String,
    /// To whom; `*` for all.
    pub to: String,
    /// What it is for.
    pub message_type: MessageType,
    /// What it says, whole.
    pub content: String,
    /// The content's bytes.
    pub size: u64,
    /// What it belongs to.
    pub correlation_id: Option<String>,
}

/// A page of an inbox, oldest message first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InboxPage {
    /// The messages. They stay in the inbox until they are acknowledged.
    pub messages: Vec<Letter>,
    /// After which place the next page begins.
    pub next: u64,
    /// How many messages wait, on this page and elsewhere.
    pub waiting: u64,
    /// How many were dropped unread because the inbox was full.
    pub dropped: u64,
    /// Places of messages that the log no longer keeps; acknowledging them takes them away.
    pub gone: Vec<u64>,
}

/// What an acknowledgement did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// How many messages were taken out of the inbox; one that had been taken out before is not
    /// among them.
    pub acknowledged: u64,
    /// How many wait still.
    pub waiting: u64,
}

impl Messages {
    /// What waits for an agent after a place of the log; 0 begins with the oldest.
    ///
    /// # Errors
    /// No such agent, or the log cannot be read.
    pub async fn inbox(&self, agent: &str, after: u64, limit: usize) -> Result<InboxPage, Refusal> {
        let (seqs, mut page) = {
            let state = self.hub.state();
            let inbox = of(&state, agent)?;
            let seqs = waiting(inbox).filter(|seq| *seq > after).take(limit.min(MAX_PAGE)).collect::<Vec<u64>>();
            let dropped = inbox.map_or(0, |inbox| inbox.dropped);
            (seqs, InboxPage { waiting: waiting(inbox).count() as u64, dropped, ..InboxPage::default() })
        };
        page.next = seqs.last().copied().unwrap_or(after);
        page.messages = self.read(&seqs).await?;
        page.gone =
            seqs.into_iter().filter(|seq| page.messages.binary_search_by_key(seq, |letter| letter.seq).is_err()).collect();
        Ok(page)
    }

    /// The same; where nothing waits, it waits itself until something does, at most so long (and at
    /// most [`MAX_WAIT`]) or until the deck stops.
    ///
    /// # Errors
    /// No such agent, or the log cannot be read.
    pub async fn wait(&self, agent: &str, after: u64, limit: usize, patience: Duration) -> Result<InboxPage, Refusal> {
        // It stands before the first look: what comes between is not missed.
        let mut sent = self.hub.subscribe(Start::Now, messages_only(), Lag::DropOldest(1));
        let deadline = tokio::time::sleep(patience.min(MAX_WAIT));
        tokio::pin!(deadline);
        loop {
            let page = self.inbox(agent, after, limit).await?;
            if !page.messages.is_empty() || !page.gone.is_empty() {
                return Ok(page);
            }
            tokio::select! {
                () = &mut deadline => return Ok(page),
                () = self.stopping.cancelled() => return Ok(page),
                delivery = sent.next() => { delivery?; }
            }
        }
    }

    /// Takes messages out of an inbox by their ids. Ids that are not in it are passed over.
    ///
    /// # Errors
    /// No such agent, an id that two senders gave to messages in it, or the log cannot be read.
    pub async fn acknowledge(&self, agent: &str, ids: &[String]) -> Result<Acknowledged, Refusal> {
        let mut called: HashMap<String, Vec<u64>> = HashMap::new();
        for (seq, id) in self.letters(agent, u64::MAX).await? {
            called.entry(id).or_default().push(seq);
        }
        let mut taken = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            match called.get(id).map(Vec::as_slice) {
                Some([seq]) => taken.push((*seq, id.clone())),
                Some(many) => return Err(ambiguous(index, id, many)),
                None => {}
            }
        }
        taken.sort_unstable();
        taken.dedup();
        self.take_out(agent, taken).await
    }

    /// Takes messages out of an inbox by their places in the log. Places that are not in it are passed
    /// over.
    ///
    /// # Errors
    /// No such agent, or the log cannot be read.
    pub async fn acknowledge_at(&self, agent: &str, mut seqs: Vec<u64>) -> Result<Acknowledged, Refusal> {
        seqs.sort_unstable();
        let letters = self.letters(agent, u64::MAX).await?.into_iter();
        self.take_out(agent, letters.filter(|(seq, _)| seqs.binary_search(seq).is_ok()).collect()).await
    }

    /// Takes all messages out of an inbox up to and with a place of the log.
    ///
    /// # Errors
    /// No such agent, or the log cannot be read.
    pub async fn acknowledge_up_to(&self, agent: &str, seq: u64) -> Result<Acknowledged, Refusal> {
        let letters = self.letters(agent, seq).await?;
        self.take_out(agent, letters).await
    }

    /// Places and ids of what waits for an agent. One whose event is gone has its place for an id.
    async fn letters(&self, agent: &str, up_to: u64) -> Result<Vec<(u64, String)>, Refusal> {
        let seqs: Vec<u64> = waiting(of(&self.hub.state(), agent)?).take_while(|seq| *seq <= up_to).collect();
        let letters = self.read(&seqs).await?;
        let id = |seq: u64| match letters.binary_search_by_key(&seq, |letter| letter.seq) {
            Ok(place) => letters[place].id.clone(),
            Err(_) => seq.to_string(),
        };
        Ok(seqs.into_iter().map(|seq| (seq, id(seq))).collect())
    }

    async fn take_out(&self, agent: &str, letters: Vec<(u64, String)>) -> Result<Acknowledged, Refusal> {
        let name = agent.to_owned();
        let rule = move |state: &SwarmState, _: Timestamp| -> Decided<(u64, u64)> {
            let inbox = of(state, &name)?;
            let here = |seq: u64| inbox.is_some_and(|inbox| inbox.waiting.binary_search(&seq).is_ok());
            let drafts: Vec<Draft> = letters
                .into_iter()
                .filter(|(seq, _)| here(*seq))
                .map(|(sent_seq, id)| {
                    let delivered = MessageDelivered { agent: name.clone(), sent_seq, extra: Object::new() };
                    Draft::new(CORE, Entity::new("message", id), delivered)
                })
                .collect();
            let taken = drafts.len() as u64;
            Ok((drafts, (taken, waiting(inbox).count() as u64 - taken)))
        };
        let (_, (acknowledged, waiting)) = self.hub.decide(rule).await?;
        Ok(Acknowledged { acknowledged, waiting })
    }

    /// Reads messages at some places of the log, in order; those that are gone are left out.
    async fn read(&self, seqs: &[u64]) -> Result<Vec<Letter>, Refusal> {
        let mut letters = Vec::with_capacity(seqs.len());
        let mut rest = seqs;
        while let Some(first) = rest.first().copied() {
            let near = rest.partition_point(|seq| *seq < first + SPAN);
            let last = rest[near - 1];
            let read = Read {
                after: first - 1,
                before: last + 1,
                limit: SPAN as usize,
                newest: false,
                filter: if near > 1 { messages_only() } else { Filter::everything() },
            };
            let page = self.hub.read(read).await?;
            let reached = if page.exhausted { last } else { page.reached.max(first) };
            let wanted = page.events.iter().filter(|stored| rest[..near].binary_search(&stored.seq).is_ok());
            for stored in wanted {
                let event: Event = from_text(&stored.json)
                    .map_err(|fault| LogError::Unreadable { seq: stored.seq, problem: fault.to_string() })?;
                letters.extend(letter(event));
            }
            rest = &rest[rest.partition_point(|seq| *seq <= reached)..];
        }
        Ok(letters)
    }
}

fn messages_only() -> Filter {
    let mut filter = Filter::everything();
    let _known = filter.add("types", "message.sent").expect("a type is a pattern");
    filter
}

fn of<'a>(state: &'a SwarmState, agent: &str) -> Result<Option<&'a Inbox>, Refusal> {
    registry::known(state, agent)?;
    Ok(state.messages.inboxes.get(agent))
}

/// Ids are their senders': which message is meant is not known, and none must go unread.
fn ambiguous(index: usize, id: &str, seqs: &[u64]) -> Refusal {
    let places: Vec<String> = seqs.iter().take(SHOWN).map(u64::to_string).collect();
    let (many, places) = (seqs.len(), places.join(", "));
    Refusal::conflict(format!("messages[{index}]: {many} messages are called {id:?}, at {places}; name them by seqs"))
}

fn waiting(inbox: Option<&Inbox>) -> impl Iterator<Item = u64> + '_ {
    inbox.into_iter().flat_map(|inbox| inbox.waiting.iter().copied())
}

fn letter(event: Event) -> Option<Letter> {
    let (seq, ts, id) = (event.seq, event.ts, event.entity?.id);
    let Body::Message(MessageEvent::Sent(it)) = event.body else { return None };
    Some(Letter {
        id,
        seq,
        ts,
        from: it.from,
        to: it.to,
        message_type: it.message_type,
        content: it.content,
        size: it.size,
        correlation_id: it.correlation_id,
    })
}
