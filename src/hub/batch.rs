//! Events that were committed together, encoded once for everybody.

pub(super) mod derived;
mod picked;

pub use derived::Form;
pub use picked::Picked;

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use bytes::Bytes;

use super::engine::Stored;
use super::filters::SharedFilter;
use crate::event::{Cursor, Entity, Epoch, Event, Fault, Subject, wire};
use derived::{Budget, Forms, Matches};

/// Events with consecutive places in the ring, or a page of the log on its way to one reader.
///
/// Its bytes are WebSocket text frames back to back; an event's JSON is a slice of its frame. What
/// a server sends is not masked, so one encoding serves every connection.
#[derive(Debug)]
pub struct Batch {
    epoch: Epoch,
    slots: Box<[Slot]>,
    frames: Bytes,
    /// Which events each distinct filter lets through.
    matches: Matches,
    /// What else was made of the batch: other formats, the frames of filters.
    forms: Forms,
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
            matches: Matches::default(),
            forms: Forms::default(),
            values: Mutex::default(),
        }
    }

    /// The batch as one of a ring: what is made of it draws on the ring's budgets.
    #[must_use]
    pub(super) fn within(self, matches: &Arc<Budget>, forms: &Arc<Budget>) -> Self {
        Self { matches: Matches::within(matches), forms: Forms::within(forms), ..self }
    }

    /// Keeps no matches of filters from here on.
    pub(super) fn close_matches(&self) {
        self.matches.close();
    }

    /// Keeps no forms from here on.
    pub(super) fn close_forms(&self) {
        self.forms.close();
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
        let Sse(bytes, ends) = &*self.form(|batch| {
            let mut out = Vec::with_capacity(batch.frames.len() + 90 * batch.slots.len());
            let ends = (0..batch.slots.len()).map(|index| {
                sse_event(&mut out, batch.cursor(index), batch.kind(index), batch.json(index));
                out.len() as u32
            });
            let ends = ends.collect();
            Sse(out.into(), ends)
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
        let (mut json, rest) = self.with_prev(index, prev);
        json.push_str(rest);
        json
    }

    /// The same in two parts, the second of them not copied.
    fn with_prev(&self, index: usize, prev: u64) -> (String, &str) {
        let json = self.json(index);
        (format!("{{\"prev\":{prev},"), json.strip_prefix('{').unwrap_or(json))
    }

    /// The batch in another form, such as the frames of a dialect: made by the first that asks, and
    /// kept with the batch while the ring's budget for forms has room.
    pub fn form<T: Form>(&self, make: impl FnOnce(&Self) -> T) -> Arc<T> {
        self.forms.of((0, 0), || make(self))
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

    /// The indices of the events that a filter lets through, if any: evaluated once for all that
    /// share it, while the ring's budget for matches has room.
    pub(super) fn matching(&self, filter: &SharedFilter) -> Option<Arc<[u32]>> {
        let needs_json = filter.filter().query().needs_json();
        let fits = |index: &u32| {
            let slot = &self.slots[*index as usize];
            let entity = slot.entity.as_ref().map(|entity| (entity.kind.as_str(), entity.id.as_str()));
            let json = if needs_json { self.json(*index as usize) } else { "" };
            filter.filter().wants(Subject { kind: &slot.kind, source: &slot.source, entity }, json)
        };
        self.matches.of(filter.id(), || {
            filter.evaluated(self.slots.len());
            (0..self.slots.len() as u32).filter(fits).collect()
        })
    }
}

/// The batch as Server-Sent Events, back to back, and where each ends.
struct Sse(Bytes, Box<[u32]>);

impl Form for Sse {
    fn bytes(&self) -> usize {
        self.0.len() + size_of_val(&self.1[..])
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
