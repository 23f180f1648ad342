//! Events that were committed together, encoded once for everybody.

use std::any::Any;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bytes::Bytes;

use super::Counters;
use super::engine::Stored;
use crate::event::{Cursor, Entity, Epoch, Event, Fault, Filter, Subject, wire};

/// Events with consecutive places in the ring, or a page of the log on its way to one reader.
///
/// Its bytes are WebSocket text frames back to back; an event's JSON is a slice of its frame. What
/// a server sends is not masked, so one encoding serves every connection.
#[derive(Debug)]
pub struct Batch {
    epoch: Epoch,
    slots: Box<[Slot]>,
    frames: Bytes,
    sse: OnceLock<(Bytes, Box<[u32]>)>,
    /// Which events each distinct filter lets through, worked out by the first that asks.
    matching: Mutex<Vec<(u64, Arc<[u32]>)>>,
    /// What others made of the batch, one of each type.
    forms: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
    /// The events as values, as long as a listener has them in hand.
    values: Mutex<Weak<Values>>,
}

/// The events of a batch as values, each read from its JSON by the first listener that wants it.
///
/// The batch holds them weakly and the listeners hold them between two runs: those that keep up
/// read each event once among them, and the ring holds none.
#[derive(Debug)]
pub(super) struct Values(Box<[OnceLock<Arc<Event>>]>);

#[derive(Debug)]
struct Slot {
    seq: u64,
    /// Where its frame begins.
    frame: u32,
    /// Where its JSON begins, after the frame's header.
    json: u32,
    /// Where both end.
    end: u32,
    kind: Box<str>,
    source: Box<str>,
    entity: Option<Entity>,
}

/// Appends the header of an unmasked, unfragmented frame: RFC 6455, section 5.2.
pub fn frame_header(out: &mut Vec<u8>, opcode: u8, length: usize) {
    out.push(0x80 | opcode);
    match length {
        0..126 => out.push(length as u8),
        126..65_536 => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// The opcode of a text frame.
pub const TEXT: u8 = 0x1;

impl Batch {
    /// Encodes events; there is at least one.
    pub fn new(epoch: Epoch, events: Vec<Stored>) -> Self {
        let mut frames = Vec::with_capacity(events.iter().map(|event| event.json.len() + 10).sum());
        let slots = events.into_iter().map(|event| {
            let frame = frames.len() as u32;
            frame_header(&mut frames, TEXT, event.json.len());
            let json = frames.len() as u32;
            frames.extend_from_slice(event.json.as_bytes());
            let end = frames.len() as u32;
            Slot { seq: event.seq, frame, json, end, kind: event.kind.into(), source: event.source.into(), entity: event.entity }
        });
        let slots = slots.collect();
        Self {
            epoch,
            slots,
            frames: frames.into(),
            sse: OnceLock::new(),
            matching: Mutex::default(),
            forms: Mutex::default(),
            values: Mutex::default(),
        }
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Never: a batch has at least one event.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The first event's seq.
    pub fn first(&self) -> u64 {
        self.slots.first().map_or(0, |slot| slot.seq)
    }

    /// The last event's seq.
    pub fn last(&self) -> u64 {
        self.slots.last().map_or(0, |slot| slot.seq)
    }

    /// The bytes of JSON and frames.
    pub fn bytes(&self) -> usize {
        self.frames.len()
    }

    /// The index of the first event after `seq`.
    pub fn index_after(&self, seq: u64) -> usize {
        self.slots.partition_point(|slot| slot.seq <= seq)
    }

    /// The seq of an event.
    pub fn seq(&self, index: usize) -> u64 {
        self.slots[index].seq
    }

    /// The type of an event.
    pub fn kind(&self, index: usize) -> &str {
        &self.slots[index].kind
    }

    /// The JSON of an event.
    pub fn json(&self, index: usize) -> &str {
        let slot = &self.slots[index];
        std::str::from_utf8(&self.frames[slot.json as usize..slot.end as usize]).unwrap_or_default()
    }

    /// The WebSocket frames of a run of events, without copying.
    pub fn frames(&self, run: Range<usize>) -> Bytes {
        if run.is_empty() {
            return Bytes::new();
        }
        self.frames.slice(self.slots[run.start].frame as usize..self.slots[run.end - 1].end as usize)
    }

    /// The Server-Sent Events of a run of events, without copying; encoded by the first that asks.
    pub fn sse(&self, run: Range<usize>) -> Bytes {
        if run.is_empty() {
            return Bytes::new();
        }
        let (bytes, ends) = self.sse.get_or_init(|| {
            let mut out = Vec::with_capacity(self.frames.len() + 90 * self.slots.len());
            let ends = (0..self.slots.len()).map(|index| {
                sse_event(&mut out, self.cursor(index), self.kind(index), self.json(index));
                out.len() as u32
            });
            let ends = ends.collect();
            (out.into(), ends)
        });
        let start = if run.start == 0 { 0 } else { ends[run.start - 1] };
        bytes.slice(start as usize..ends[run.end - 1] as usize)
    }

    /// The cursor after an event.
    pub fn cursor(&self, index: usize) -> Cursor {
        Cursor::After { epoch: self.epoch, seq: self.slots[index].seq }
    }

    /// The JSON of an event with the seq delivered before it on a filtered subscription.
    pub fn json_with_prev(&self, index: usize, prev: u64) -> String {
        let json = self.json(index);
        format!("{{\"prev\":{prev},{}", json.strip_prefix('{').unwrap_or(json))
    }

    /// The batch in another form, such as the frames of a dialect: made by the first that asks and
    /// kept as long as the batch.
    pub fn form<T: Any + Send + Sync>(&self, make: impl FnOnce(&Self) -> T) -> Arc<T> {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = forms.iter().find_map(|form| Arc::clone(form).downcast().ok()) {
            return made;
        }
        let made = Arc::new(make(self));
        forms.push(Arc::clone(&made) as Arc<dyn Any + Send + Sync>);
        made
    }

    /// The place for its events as values, shared with whoever has it in hand.
    pub(super) fn values(&self) -> Arc<Values> {
        let mut known = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(values) = known.upgrade() {
            return values;
        }
        let values = Arc::new(Values(self.slots.iter().map(|_| OnceLock::new()).collect()));
        *known = Arc::downgrade(&values);
        values
    }

    /// Whether a listener has its events as values in hand.
    #[cfg(test)]
    pub(super) fn has_values(&self) -> bool {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).strong_count() > 0
    }

    /// An event as a value, kept in `values`, which are this batch's.
    pub(super) fn value(&self, index: usize, values: &Values) -> Result<Arc<Event>, Fault> {
        let place = &values.0[index];
        if let Some(event) = place.get() {
            return Ok(Arc::clone(event));
        }
        // Two that read it at the same time end with one.
        let event = Arc::new(wire::from_text(self.json(index))?);
        Ok(Arc::clone(place.get_or_init(|| event)))
    }

    /// The indices of the events that a filter lets through: evaluated once for all that share it.
    pub(super) fn matching(&self, filter: &SharedFilter) -> Arc<[u32]> {
        let mut known = self.matching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = known.iter().find(|(id, _)| *id == filter.id) {
            return Arc::clone(found);
        }
        let fits = |index: &u32| {
            let slot = &self.slots[*index as usize];
            let entity = slot.entity.as_ref().map(|entity| (entity.kind.as_str(), entity.id.as_str()));
            let json = if filter.filter.query().needs_json() { self.json(*index as usize) } else { "" };
            filter.filter.wants(Subject { kind: &slot.kind, source: &slot.source, entity }, json)
        };
        let found: Arc<[u32]> = (0..self.slots.len() as u32).filter(fits).collect();
        filter.counters.filter_evaluations.fetch_add(self.slots.len() as u64, Ordering::Relaxed);
        known.push((filter.id, Arc::clone(&found)));
        found
    }
}

/// Appends one Server-Sent Event, without its name where `kind` is empty. The JSON has no line
/// breaks: its strings escape them.
pub fn sse_event(out: &mut Vec<u8>, cursor: Cursor, kind: &str, json: &str) {
    out.extend_from_slice(b"id: ");
    out.extend_from_slice(cursor.to_string().as_bytes());
    if !kind.is_empty() {
        out.extend_from_slice(b"\nevent: ");
        out.extend_from_slice(kind.as_bytes());
    }
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(json.as_bytes());
    out.extend_from_slice(b"\n\n");
}

/// A filter that subscriptions share: equal filters are one.
#[derive(Debug)]
pub struct SharedFilter {
    id: u64,
    filter: Filter,
    counters: Arc<Counters>,
}

impl SharedFilter {
    /// What it asks.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}

/// The filters in use.
#[derive(Debug)]
pub(crate) struct Filters {
    known: Mutex<HashMap<String, Weak<SharedFilter>>>,
    ids: AtomicU64,
    counters: Arc<Counters>,
}

impl Filters {
    pub(super) fn new(counters: Arc<Counters>) -> Self {
        Self { known: Mutex::default(), ids: AtomicU64::new(1), counters }
    }

    /// The shared form of a filter; none where it asks nothing.
    pub(super) fn share(&self, filter: Filter) -> Option<Arc<SharedFilter>> {
        if filter.is_everything() {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let name = filter.to_string();
        if let Some(shared) = known.get(&name).and_then(Weak::upgrade) {
            return Some(shared);
        }
        known.retain(|_, shared| shared.strong_count() > 0);
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(SharedFilter { id, filter, counters: Arc::clone(&self.counters) });
        known.insert(name, Arc::downgrade(&shared));
        Some(shared)
    }
}
