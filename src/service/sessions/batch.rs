//! Pieces of text, put together for a moment: an agent speaks in words, the log takes sentences.
//!
//! Nothing is reordered and nothing is lost: the pieces that come out, put one after the other, are
//! the pieces that went in. Whoever holds a batch takes it out before telling anything else.

use std::time::Duration;

use tokio::time::Instant;

/// How long a piece waits for others.
pub(super) const WINDOW: Duration = Duration::from_millis(50);
/// The largest piece that comes out, in bytes.
pub(super) const MAX_PIECE: usize = 32 << 10;

/// A piece of a turn's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The turn.
    pub(super) turn: Option<String>,
    /// The text; never empty.
    pub(super) text: String,
}

/// What waits: less than [`MAX_PIECE`] of one turn.
#[derive(Debug, Default)]
pub(super) struct Deltas {
    turn: Option<String>,
    text: String,
    due: Option<Instant>,
}

impl Deltas {
    /// Adds a piece that came at `now`; what must be told first comes back.
    pub(super) fn push(&mut self, turn: Option<String>, text: &str, now: Instant) -> Vec<Piece> {
        let mut ready = Vec::new();
        if turn != self.turn {
            ready.extend(self.take());
            self.turn = turn;
        }
        let mut rest = text;
        while !rest.is_empty() {
            self.due.get_or_insert(now + WINDOW);
            let mut end = rest.len().min(MAX_PIECE - self.text.len());
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            self.text.push_str(&rest[..end]);
            rest = &rest[end..];
            if !rest.is_empty() {
                ready.extend(self.take());
            }
        }
        ready
    }

    /// When what waits is to be told.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Takes out what waits.
    pub(super) fn take(&mut self) -> Option<Piece> {
        self.due = None;
        let text = std::mem::take(&mut self.text);
        (!text.is_empty()).then(|| Piece { turn: self.turn.clone(), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(pieces: impl IntoIterator<Item = Piece>, out: &mut Vec<Piece>) {
        out.extend(pieces);
    }

    #[test]
    fn a_window_begins_with_its_first_piece() {
        let began = Instant::now();
        let mut deltas = Deltas::default();
        assert_eq!(deltas.due(), None);
        assert!(deltas.push(None, "a", began).is_empty());
        assert!(deltas.push(None, "b", began + Duration::from_millis(40)).is_empty());
        assert_eq!(deltas.due(), Some(began + WINDOW));
        assert_eq!(deltas.take(), Some(Piece { turn: None, text: "ab".into() }));
        assert_eq!((deltas.due(), deltas.take()), (None, None));
    }

    #[test]
    fn another_turn_ends_the_batch() {
        let mut deltas = Deltas::default();
        let now = Instant::now();
        deltas.push(Some("1".into()), "a", now);
        assert_eq!(deltas.push(Some("2".into()), "b", now), [Piece { turn: Some("1".into()), text: "a".into() }]);
        assert_eq!(deltas.take(), Some(Piece { turn: Some("2".into()), text: "b".into() }));
    }

    proptest! {
        /// However a text is cut, and whenever it is taken out, it comes out whole and in order, in
        /// pieces of at most the bound.
        #[test]
        fn what_comes_out_is_what_went_in(
            pieces in proptest::collection::vec(("[ab]", "[a-zé🐝\\n]{0,30}", 1_usize..2_000, any::<bool>()), 0..24),
        ) {
            let mut deltas = Deltas::default();
            let mut out = Vec::new();
            let mut went_in: Vec<(String, String)> = Vec::new();
            for (turn, text, times, take) in pieces {
                let text = text.repeat(times);
                told(deltas.push(Some(turn.clone()), &text, Instant::now()), &mut out);
                if take {
                    told(deltas.take(), &mut out);
                }
                match went_in.last_mut() {
                    _ if text.is_empty() => {}
                    Some((last, whole)) if *last == turn => whole.push_str(&text),
                    _ => went_in.push((turn, text)),
                }
            }
            told(deltas.take(), &mut out);
            prop_assert!(out.iter().all(|piece| !piece.text.is_empty() && piece.text.len() <= MAX_PIECE));
            let mut came_out: Vec<(String, String)> = Vec::new();
            for piece in out {
                let turn = piece.turn.unwrap();
                match came_out.last_mut() {
                    Some((last, whole)) if *last == turn => whole.push_str(&piece.text),
                    _ => came_out.push((turn, piece.text)),
                }
            }
            prop_assert_eq!(came_out, went_in);
        }
    }
}
