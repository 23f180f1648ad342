//! What tabs say to each other, as texts.

use std::str::Split;

/// Stands between the parts of a word. No frame has it: JSON escapes it in texts and has it nowhere else.
pub const PART: &str = "\u{1e}";
/// The same as a character, by which a text is split in less code.
const MARK: char = PART.as_bytes()[0] as char;

/// What tabs say to each other.
#[derive(Debug, Clone)]
pub enum Word<'a> {
    /// The carrier heard this frame, and here it is.
    Frame,
    /// A rider wants what follows its place in the log.
    Join {
        /// The rider's name for this joining.
        id: &'a str,
        /// Its log.
        epoch: &'a str,
        /// The last event that it has.
        seq: u64,
    },
    /// A rider is still there.
    Here(&'a str),
    /// A rider goes.
    Leave(&'a str),
    /// A person wants a connection now.
    Retry,
    /// The carrier takes a rider in.
    Hello(Hello<'a>),
    /// The carrier cannot: it has another log, or no longer what follows.
    Far(&'a str),
    /// The carrier is connecting: what comes of it is told to all.
    Wait(&'a str),
    /// The carrier has no connection, and why.
    Away(&'a str),
    /// The carrier has a connection, from now on.
    Live,
}

/// What a rider begins with.
#[derive(Debug, Clone)]
pub struct Hello<'a> {
    /// What it called its joining.
    pub id: &'a str,
    /// The newest event that the carrier knows of.
    pub head: u64,
    /// Milliseconds between the server's heartbeats.
    pub heartbeat_ms: u64,
    /// How far the browser's clock is behind the server's, in milliseconds.
    pub behind: i64,
    /// The frames after its place.
    pub frames: Split<'a, char>,
}

impl<'a> Word<'a> {
    /// Reads what was said; none where another version says something new.
    pub fn read(text: &'a str) -> Option<Self> {
        if text.starts_with('{') {
            return Some(Self::Frame);
        }
        let mut parts = text.split(MARK);
        Some(match parts.next()? {
            "join" => Self::Join { id: parts.next()?, epoch: parts.next()?, seq: number(parts.next())? },
            "here" => Self::Here(parts.next()?),
            "leave" => Self::Leave(parts.next()?),
            "retry" => Self::Retry,
            "hello" => Self::Hello(Hello {
                id: parts.next()?,
                head: number(parts.next())?,
                heartbeat_ms: number(parts.next())?,
                behind: number(parts.next())? as i64,
                frames: parts,
            }),
            "far" => Self::Far(parts.next()?),
            "wait" => Self::Wait(parts.next()?),
            "away" => Self::Away(parts.next()?),
            "live" => Self::Live,
            _ => return None,
        })
    }
}

/// Numbers below 0 are written as what they are modulo 2^64.
fn number(part: Option<&str>) -> Option<u64> {
    part?.parse().ok()
}

/// A word from its parts.
pub fn word(parts: &[&str]) -> String {
    parts.join(PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        assert!(matches!(Word::read("{\"seq\":1}"), Some(Word::Frame)));
        assert!(matches!(Word::read(&word(&["live"])), Some(Word::Live)));
        assert!(matches!(Word::read(&word(&["retry"])), Some(Word::Retry)));
        assert!(matches!(Word::read(&word(&["away", "gone"])), Some(Word::Away("gone"))));
        assert!(matches!(Word::read(&word(&["join", "a", "e", "7"])), Some(Word::Join { id: "a", epoch: "e", seq: 7 })));
        let hello = word(&["hello", "a", "9", "15000", &(-7i64 as u64).to_string(), "{1}", "{2}"]);
        let Some(Word::Hello(hello)) = Word::read(&hello) else { panic!() };
        assert_eq!((hello.id, hello.head, hello.heartbeat_ms, hello.behind), ("a", 9, 15_000, -7));
        assert_eq!(hello.frames.collect::<Vec<_>>(), ["{1}", "{2}"]);
        for broken in ["", "live?", "here", "join\u{1e}a\u{1e}e", "join\u{1e}a\u{1e}e\u{1e}x", "sing\u{1e}a"] {
            assert!(Word::read(broken).is_none(), "{broken:?}");
        }
    }
}
