//! The events of a batch that a filter let through, on their way to one reader.

use std::sync::Arc;

use bytes::Bytes;

use super::{Batch, Form, TEXT, frame_header};

/// The events of a batch that a filter let through, and the seq delivered before them.
#[derive(Debug, Clone)]
pub struct Picked {
    pub(in crate::hub) batch: Arc<Batch>,
    /// All that the filter lets through of the batch.
    pub(in crate::hub) found: Arc<[u32]>,
    /// How many of them this reader had before.
    pub(in crate::hub) from: usize,
    pub(in crate::hub) prev: u64,
    /// Tells readers that share the filter from others.
    pub(in crate::hub) filter: u64,
}

/// WebSocket frames of one filter's events, each with the seq before it.
struct Frames(Bytes);

impl Form for Frames {
    fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl Picked {
    /// The batch that they are of.
    pub fn batch(&self) -> &Arc<Batch> {
        &self.batch
    }

    /// Their indices in the batch, in order; at least one.
    pub fn indices(&self) -> &[u32] {
        &self.found[self.from..]
    }

    /// The index of each, with the seq delivered before it on this subscription.
    pub fn events(&self) -> impl Iterator<Item = (usize, u64)> {
        let mut prev = self.prev;
        self.indices().iter().map(move |index| {
            let index = *index as usize;
            (index, std::mem::replace(&mut prev, self.batch.seq(index)))
        })
    }

    /// Their WebSocket frames, each event with the seq before it. Readers that share the filter and
    /// were in step before share these bytes too: the first that asks has them made.
    pub fn frames(&self) -> Bytes {
        if self.from > 0 {
            // It came in the middle of the batch, which happens to a reader once.
            return self.encode();
        }
        self.batch.forms.of((self.filter, self.prev), || Frames(self.encode())).0.clone()
    }

    fn encode(&self) -> Bytes {
        let json: usize = self.indices().iter().map(|index| self.batch.json(*index as usize).len()).sum();
        let mut out = Vec::with_capacity(json + 40 * self.indices().len());
        for (index, prev) in self.events() {
            let (head, rest) = self.batch.with_prev(index, prev);
            frame_header(&mut out, TEXT, head.len() + rest.len());
            out.extend_from_slice(head.as_bytes());
            out.extend_from_slice(rest.as_bytes());
        }
        out.into()
    }
}
