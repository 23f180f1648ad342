//! What a client sends and what must come of it.

use serde_json::Value;

use super::wire::{CLOSE, Frame, Heard, PING, PONG, TEXT, Wire};

/// The close code of a close without one: RFC 6455, section 7.1.5.
pub(super) const NO_CODE: u16 = 1005;
/// The largest message that a server takes, here and at the other implementation.
pub(super) const LIMIT: usize = 65_536;
/// A text that is answered, with characters of two, three and four bytes.
pub(super) const QUESTION: &str = r#"{"type":"ping","pad":"κ€🐝"}"#;
/// The ping whose pong shows that the connection goes on and that nothing else comes.
const LAST: &[u8] = b"the last one";

/// A question of so many bytes.
pub(super) fn question(length: usize) -> String {
    let empty = r#"{"type":"ping","pad":""}"#.len();
    format!(r#"{{"type":"ping","pad":"{}"}}"#, "x".repeat(length - empty))
}

/// What must come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    /// The answer to a question.
    Answer,
    /// A pong with these bytes.
    Pong(Vec<u8>),
    /// A close with one of these codes, and then the end of the connection.
    Close(Vec<u16>),
    /// What follows a whole message over the limit.
    TooLong,
}

pub(super) fn pong(bytes: impl AsRef<[u8]>) -> Want {
    Want::Pong(bytes.as_ref().to_vec())
}

pub(super) fn close(code: u16) -> Want {
    Want::Close(vec![code])
}

/// What follows a whole message over the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// The connection is closed with 1009.
    Closed,
    /// The message is passed over, and the next one heard.
    PassedOver,
}

/// A server under test.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) port: u16,
    pub(super) path: &'static str,
    /// Whether it answers a question.
    answers: bool,
    over: Over,
    /// Where it is known to do otherwise than the case says.
    deviates: fn(&str) -> Option<Vec<Want>>,
}

impl Target {
    pub(super) fn new(port: u16, path: &'static str, answers: bool, over: Over) -> Self {
        Self { port, path, answers, over, deviates: |_| None }
    }

    pub(super) fn deviating(self, deviates: fn(&str) -> Option<Vec<Want>>) -> Self {
        Self { deviates, ..self }
    }
}

/// Bytes, and what must come of them.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// The section of the RFC, and what is tried.
    pub(super) name: String,
    /// What is written, in so many writes.
    pieces: Vec<Vec<u8>>,
    wants: Vec<Want>,
    /// Whether the client closes: then the server must end the connection first.
    closes: bool,
    /// Whether the bytes promise more than ever comes: only for who closes at that.
    endless: bool,
}

impl Case {
    /// Frames, written at once.
    pub(super) fn new<'a>(
        section: &str,
        what: impl AsRef<str>,
        frames: impl IntoIterator<Item = &'a Frame>,
        wants: impl IntoIterator<Item = Want>,
    ) -> Self {
        let bytes = frames.into_iter().flat_map(Frame::bytes).collect();
        Self {
            name: format!("{section} {}", what.as_ref()),
            pieces: vec![bytes],
            wants: wants.into_iter().collect(),
            closes: false,
            endless: false,
        }
    }

    /// The same with a break after so many bytes.
    pub(super) fn broken_at(mut self, place: usize) -> Self {
        let rest = self.pieces[0].split_off(place);
        self.pieces.push(rest);
        self
    }

    /// The client closes.
    pub(super) fn closes(mut self) -> Self {
        self.closes = true;
        self
    }

    /// More is promised than ever comes.
    pub(super) fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    /// How many bytes it writes.
    pub(super) fn bytes(&self) -> usize {
        self.pieces.iter().map(Vec::len).sum()
    }

    /// What a server does wrong, at once or byte by byte; none where it does right.
    pub(super) fn fault(&self, target: &Target, bytewise: bool) -> Option<String> {
        if self.endless && target.over == Over::PassedOver {
            return None;
        }
        let wants = (target.deviates)(&self.name).unwrap_or_else(|| self.wants.clone());
        let wants = wants.into_iter().filter_map(|want| match want {
            Want::Answer => target.answers.then_some(Want::Answer),
            Want::TooLong => (target.over == Over::Closed).then(|| close(1009)),
            other => Some(other),
        });
        let mut wants: Vec<Want> = wants.collect();
        if let Some(end) = wants.iter().position(|want| matches!(want, Want::Close(_))) {
            wants.truncate(end + 1);
        }
        let how = if bytewise { ", byte by byte" } else { "" };
        let told = |fault: String| format!("{}{}{how}: {fault}", target.path, [" ", &self.name].concat());
        match self.run(target, bytewise, matches!(wants.last(), Some(Want::Close(_)))) {
            Err(fault) => Some(told(fault)),
            Ok(seen) if fits(&wants, &seen) => None,
            Ok(seen) => Some(told(format!("wanted {wants:.200?}, got {seen:.200?}"))),
        }
    }

    /// What comes back; a pong of its own and a close end it where the server does not.
    fn run(&self, target: &Target, bytewise: bool, ends: bool) -> Result<Vec<Want>, String> {
        let mut wire = Wire::open(target.port, target.path)?;
        if bytewise {
            for byte in self.pieces.concat() {
                wire.write(&[byte]);
            }
        } else {
            for piece in &self.pieces {
                wire.write(piece);
            }
        }
        if !ends {
            wire.send(&Frame::ping(LAST));
        }
        let mut seen = Vec::new();
        loop {
            match wire.hear().map_err(|fault| format!("{fault} after {seen:?}"))? {
                Heard::End => return Err(format!("it ends without a close after {seen:?}")),
                Heard::Frame(TEXT, text) => {
                    let told: Value = serde_json::from_slice(&text).map_err(|error| format!("no JSON: {error}"))?;
                    seen.extend((told["type"] == "pong").then_some(Want::Answer));
                }
                Heard::Frame(PONG, bytes) if !ends && bytes == LAST => break,
                Heard::Frame(PONG, bytes) => seen.push(Want::Pong(bytes)),
                Heard::Frame(CLOSE, payload) => {
                    seen.push(close(code(&payload)));
                    if !self.closes {
                        wire.write(&Frame::new(CLOSE, payload).bytes());
                        wire.finish();
                    }
                    return ended(&mut wire).map(|()| seen);
                }
                Heard::Frame(PING, _) => {}
                Heard::Frame(opcode, _) => return Err(format!("a frame of {opcode:#x}")),
            }
        }
        wire.send(&Frame::close(1000, "bye"));
        loop {
            match wire.hear()? {
                Heard::Frame(CLOSE, payload) if code(&payload) == 1000 => return ended(&mut wire).map(|()| seen),
                Heard::Frame(TEXT | PING, _) => {}
                other => return Err(format!("a close is answered {other:?}")),
            }
        }
    }
}

fn code(payload: &[u8]) -> u16 {
    payload.first_chunk().map_or(NO_CODE, |code| u16::from_be_bytes(*code))
}

/// Waits for the end that follows a close.
fn ended(wire: &mut Wire) -> Result<(), String> {
    match wire.hear()? {
        Heard::End => Ok(()),
        Heard::Frame(opcode, _) => Err(format!("a frame of {opcode:#x} after the close")),
    }
}

fn fits(wants: &[Want], seen: &[Want]) -> bool {
    wants.len() == seen.len()
        && wants.iter().zip(seen).all(|(want, seen)| match (want, seen) {
            (Want::Close(allowed), Want::Close(code)) => allowed.contains(&code[0]),
            (want, seen) => want == seen,
        })
}
