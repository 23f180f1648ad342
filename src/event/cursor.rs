//! A place in a log: where a reader stands.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::wire::{At, Fault, Shape, Wire};

/// The random identity of one log. A restored or replaced log has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// How far a reader has read.
///
/// The same text everywhere: SSE's `id:` and `Last-Event-ID`, `?after=`, a WebSocket's resume, the
/// command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cursor {
    /// Before the first event that is kept; on the wire `0`.
    Beginning,
    /// After the event `seq` of the log `epoch`; on the wire `<16 hexadecimal digits>-<seq>`.
    After {
        /// The log.
        epoch: Epoch,
        /// The last event read.
        seq: u64,
    },
}

/// A text that is no cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no cursor: one looks like 00f1e2d3c4b5a697-42, and 0 is the beginning")]
pub struct NoCursor(String);

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        if text == "0" {
            return Ok(Self::Beginning);
        }
        let parsed = text.split_once('-').and_then(|(epoch, seq)| {
            let hex = epoch.len() == 16 && epoch.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            let digits = !seq.is_empty() && seq.bytes().all(|b| b.is_ascii_digit()) && (seq == "0" || !seq.starts_with('0'));
            let epoch = u64::from_str_radix(epoch, 16).ok().filter(|_| hex)?;
            let seq = seq.parse().ok().filter(|_| digits)?;
            Some(Self::After { epoch: Epoch(epoch), seq })
        });
        parsed.ok_or_else(|| NoCursor(text.chars().take(60).collect()))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning => f.write_str("0"),
            Self::After { epoch, seq } => write!(f, "{epoch}-{seq}"),
        }
    }
}

impl Wire for Cursor {
    const SHAPE: Shape = Shape::Text;
    fn blank() -> Self {
        Self::Beginning
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        *self = String::read(value, at)?.parse().map_err(|e: NoCursor| at.fault(e.to_string()))?;
        Ok(())
    }
    fn write(&self, out: &mut String) {
        self.to_string().write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_cursor_reads_back(epoch: u64, seq: u64) {
            let cursor = Cursor::After { epoch: Epoch(epoch), seq };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn what_reads_is_written_the_same(text in "[0-9a-f]{0,17}-?[0-9]{0,21}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn refuses_what_is_no_cursor() {
        for text in [
            "",
            "42",
            "-1",
            "00f1e2d3c4b5a697-",
            "00f1e2d3c4b5a697-+4",
            "00F1E2D3C4B5A697-4",
            "xyz-4",
            "00f1e2d3c4b5a697-99999999999999999999",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
