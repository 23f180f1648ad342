//! The events that are sent: of one size, each with its number and its time.
//!
//! Somewhere in a text of the event stands the [`Mark`]: three letters, ten digits that count the
//! events of a sender, sixteen digits that say when the event was to be sent. Whatever a server makes
//! of the event, the mark comes out as it went in, and a reader finds it without reading the rest.

use memchr::memmem;

const LETTERS: &[u8] = b"zs~";
const NUMBER: usize = 10;
const TIME: usize = 16;
/// The length of a mark in bytes.
pub const MARK: usize = LETTERS.len() + NUMBER + TIME;

/// What one event says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its place among the sender's events, from 1.
    pub number: u64,
    /// When it was to be sent, by [`clock`](crate::clock).
    pub time: u64,
}

fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u64::from(digit - b'0')))
}

/// The mark at a place of a text, where one stands there.
pub fn mark_at(text: &[u8], at: usize) -> Option<Mark> {
    let rest = text.get(at..at + MARK)?.strip_prefix(LETTERS)?;
    Some(Mark { number: digits(&rest[..NUMBER])?, time: digits(&rest[NUMBER..])? })
}

/// Where the next mark of a text begins.
pub fn find_mark(text: &[u8]) -> Option<usize> {
    memmem::find(text, LETTERS)
}

/// The envelope's own `seq`, where the text is an event of protocol v1.
pub fn seq(text: &[u8]) -> Option<u64> {
    let rest = text.strip_prefix(b"{\"seq\":")?;
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits(&rest[..length])
}

/// Which event is sent. Each reaches a dialect that has a name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `message.sent`: the usual one; liveops tells it too.
    Message,
    /// `task.progress` of so many tasks in turn: for filters.
    Tasks(usize),
    /// `session.text_delta` of one session.
    Delta,
    /// `trade.analysis_started`.
    Trade,
    /// `agent.trust_changed`: mesh tells nothing of it but the agent's id and two numbers.
    Trust,
}

/// The session whose text [`Shape::Delta`] is.
pub const SESSION: &str = "bench";
/// How large an event is once it has its place and time, in bytes.
pub const SIZE: usize = 250;
/// What the log adds to what is sent: `"seq":…,"ts":"…",`.
const ADDED: usize = 46;

/// Event texts into which numbers and times are written, taken in turn.
#[derive(Debug, Clone)]
pub struct Events {
    templates: Vec<(Vec<u8>, usize)>,
}

impl Events {
    /// Events of a shape that are [`SIZE`] bytes when they are delivered.
    pub fn new(shape: Shape) -> Self {
        Self::sized(shape, SIZE)
    }

    /// Events of a shape and a size in bytes.
    pub fn sized(shape: Shape, size: usize) -> Self {
        let kinds = if let Shape::Tasks(count) = shape { count } else { 1 };
        Self { templates: (0..kinds).map(|kind| template(shape, kind, size - ADDED)).collect() }
    }

    /// Appends the event of this number.
    pub fn put(&self, out: &mut Vec<u8>, mark: Mark) {
        let (text, at) = &self.templates[mark.number as usize % self.templates.len()];
        let start = out.len() + at;
        out.extend_from_slice(text);
        put_digits(&mut out[start + LETTERS.len()..start + MARK], NUMBER, mark);
    }
}

fn put_digits(place: &mut [u8], split: usize, mark: Mark) {
    let (number, time) = place.split_at_mut(split);
    for (digits, mut value) in [(number, mark.number), (time, mark.time)] {
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
    }
}

fn template(shape: Shape, kind: usize, size: usize) -> (Vec<u8>, usize) {
    let mark = format!("zs~{}", "0".repeat(NUMBER + TIME));
    let text = |pad: &str| match shape {
        Shape::Message => format!(
            r#"{{"type":"message.sent","source":"load","entity":{{"kind":"message","id":"m"}},"payload":{{"from":"a1","to":"a2","message_type":"response","content":"{mark}{pad}","size":64}}}}"#
        ),
        Shape::Tasks(_) => format!(
            r#"{{"type":"task.progress","source":"load","entity":{{"kind":"task","id":"f{kind}"}},"payload":{{"progress":42,"message":"{mark}{pad}"}}}}"#
        ),
        Shape::Delta => format!(
            r#"{{"type":"session.text_delta","source":"load","entity":{{"kind":"session","id":"{SESSION}"}},"payload":{{"delta":"{mark}{pad}"}}}}"#
        ),
        Shape::Trade => {
            format!(
                r#"{{"type":"trade.analysis_started","source":"load","entity":{{"kind":"trade","id":"t"}},"payload":{{"mint":"{mark}{pad}"}}}}"#
            )
        }
        Shape::Trust => format!(
            r#"{{"type":"agent.trust_changed","source":"load","entity":{{"kind":"agent","id":"{mark}"}},"payload":{{"score":0.5,"previous":0.4,"delta":0.1,"reason":"{pad}"}}}}"#
        ),
    };
    let pad = size.saturating_sub(text("").len());
    let text = text(&"x".repeat(pad)).into_bytes();
    let at = find_mark(&text).unwrap_or_default();
    (text, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_found_again_in_every_shape() {
        for shape in [Shape::Message, Shape::Tasks(20), Shape::Delta, Shape::Trade, Shape::Trust] {
            let events = Events::new(shape);
            for number in [1, 7, 9_999_999_999] {
                let mut text = b"before".to_vec();
                let mark = Mark { number, time: 1_234_567_890_123_456 };
                events.put(&mut text, mark);
                let at = find_mark(&text).expect("a mark");
                assert_eq!(mark_at(&text, at), Some(mark), "{shape:?}");
                assert_eq!(text.len() - 6, SIZE - ADDED, "{shape:?}");
                assert!(serde_json::from_slice::<serde_json::Value>(&text[6..]).is_ok(), "{shape:?}");
            }
        }
    }

    #[test]
    fn a_seq_is_read_only_where_it_stands_first() {
        assert_eq!(seq(br#"{"seq":123,"type":"x"}"#), Some(123));
        assert_eq!(seq(br#"{"type":"stream.hello","seq":1}"#), None);
    }
}
