//! Frames from a client: RFC 6455, sections 5 to 8.
//!
//! Pure: bytes in, messages out. The parser keeps what it has of an unfinished message, at most
//! [`MAX_MESSAGE`] bytes and a header.

use crate::hub::batch::frame_header;
use crate::server::limits::MAX_MESSAGE;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// What a client sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A text.
    Text(String),
    /// Bytes; this server has no use for them.
    Binary,
    /// A ping, to be answered with the same bytes.
    Ping(Vec<u8>),
    /// A pong.
    Pong,
    /// A message over [`MAX_MESSAGE`] bytes begins; it is passed over.
    TooLong,
    /// The client closes; the code to answer with.
    Close(u16),
}

/// Why the connection must be closed: a close code and words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// RFC 6455, section 7.4.1.
    pub code: u16,
    /// What was wrong.
    pub reason: &'static str,
}

const fn protocol(reason: &'static str) -> Violation {
    Violation { code: 1002, reason }
}

/// Puts frames together from whatever pieces the socket brings.
#[derive(Debug, Default)]
pub struct Parser {
    /// Bytes of a frame that is not whole yet.
    pending: Vec<u8>,
    /// The opcode and bytes of a fragmented message.
    fragments: Option<(u8, Vec<u8>)>,
    /// How many bytes of a message over the limit are still to come, and passed over.
    skip: u64,
}

struct Header {
    fin: bool,
    opcode: u8,
    mask: [u8; 4],
    /// Where the payload begins and ends.
    start: usize,
    end: usize,
}

impl Parser {
    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole message; none until more bytes come.
    ///
    /// # Errors
    /// What the client may not do; nothing further is to be read.
    pub fn message(&mut self) -> Result<Option<Message>, Violation> {
        loop {
            // No more than there are.
            let skipped = self.skip.min(self.pending.len() as u64);
            self.pending.drain(..skipped as usize);
            self.skip -= skipped;
            let fragmented = self.fragments.as_ref().map(|(_, bytes)| bytes.len());
            let Some(header) = header(&self.pending, fragmented)? else {
                return Ok(None);
            };
            let length = header.end - header.start;
            if length > MAX_MESSAGE {
                self.pending.drain(..header.start);
                self.skip = length as u64;
                return Ok(Some(Message::TooLong));
            }
            if self.pending.len() < header.end {
                return Ok(None);
            }
            let mut payload = self.pending[header.start..header.end].to_vec();
            self.pending.drain(..header.end);
            if self.pending.is_empty() {
                // An idle connection keeps no buffer.
                self.pending = Vec::new();
            }
            for (index, byte) in payload.iter_mut().enumerate() {
                *byte ^= header.mask[index % 4];
            }
            if let Some(message) = self.frame(header.fin, header.opcode, payload)? {
                return Ok(Some(message));
            }
        }
    }

    /// Takes a frame that [`header`] let through: what it may be here is settled.
    fn frame(&mut self, fin: bool, opcode: u8, payload: Vec<u8>) -> Result<Option<Message>, Violation> {
        match (opcode, self.fragments.take()) {
            (PING, fragments) => {
                self.fragments = fragments;
                Ok(Some(Message::Ping(payload)))
            }
            (PONG, fragments) => {
                self.fragments = fragments;
                Ok(Some(Message::Pong))
            }
            (CLOSE, _) => close(&payload).map(Some),
            (_, None) if fin => whole(opcode, payload).map(Some),
            (_, None) => {
                self.fragments = Some((opcode, payload));
                Ok(None)
            }
            (_, Some((first, mut bytes))) => {
                bytes.extend_from_slice(&payload);
                if fin {
                    return whole(first, bytes).map(Some);
                }
                self.fragments = Some((first, bytes));
                Ok(None)
            }
        }
    }
}

/// `fragmented` is how long the message is that this frame may go on with.
fn header(bytes: &[u8], fragmented: Option<usize>) -> Result<Option<Header>, Violation> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (fin, opcode) = (first & 0x80 != 0, first & 0x0f);
    if first & 0x70 != 0 {
        return Err(protocol("a reserved bit is set"));
    }
    match (opcode, fragmented) {
        (CONTINUATION, None) => return Err(protocol("a continuation of nothing")),
        (TEXT | BINARY, Some(_)) => return Err(protocol("a new message before the fragmented one ended")),
        (CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG, _) => {}
        _ => return Err(protocol("an unknown opcode")),
    }
    if second & 0x80 == 0 {
        return Err(protocol("a client's frame is not masked"));
    }
    let control = opcode >= CLOSE;
    let short = second & 0x7f;
    if control && (!fin || short > 125) {
        return Err(protocol("a control frame is fragmented or longer than 125 bytes"));
    }
    let (length, extra) = match short {
        126 => match rest {
            [a, b, ..] => (u64::from(u16::from_be_bytes([*a, *b])), 2),
            _ => return Ok(None),
        },
        127 => match rest {
            [a, b, c, d, e, f, g, h, ..] => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
            _ => return Ok(None),
        },
        length => (u64::from(length), 0),
    };
    if (short == 126 && length < 126) || (short == 127 && length < 65_536) || length >> 63 != 0 {
        return Err(protocol("a length is not in its shortest form"));
    }
    // One whole message can be passed over; one that grows piece by piece cannot be known for it.
    let whole = fin && fragmented.is_none();
    if !control && !whole && length + fragmented.unwrap_or(0) as u64 > MAX_MESSAGE as u64 {
        return Err(Violation { code: 1009, reason: "a message is over the limit" });
    }
    let start = 2 + extra + 4;
    let Some(mask) = bytes.get(2 + extra..start) else { return Ok(None) };
    let mask = [mask[0], mask[1], mask[2], mask[3]];
    // Bounded above: it fits.
    let end = start + length as usize;
    Ok(Some(Header { fin, opcode, mask, start, end }))
}

fn whole(opcode: u8, bytes: Vec<u8>) -> Result<Message, Violation> {
    if opcode == BINARY {
        return Ok(Message::Binary);
    }
    String::from_utf8(bytes).map(Message::Text).map_err(|_| Violation { code: 1007, reason: "a text is not UTF-8" })
}

fn close(payload: &[u8]) -> Result<Message, Violation> {
    let [high, low, reason @ ..] = payload else {
        return if payload.is_empty() { Ok(Message::Close(1000)) } else { Err(protocol("a close code is cut short")) };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(protocol("a close code that may not be sent"));
    }
    if std::str::from_utf8(reason).is_err() {
        return Err(Violation { code: 1007, reason: "a close reason is not UTF-8" });
    }
    Ok(Message::Close(code))
}

/// A text frame from the server.
pub fn text(json: &str) -> Vec<u8> {
    framed(TEXT, json.as_bytes())
}

/// Appends a text frame from the server.
pub fn put_text(out: &mut Vec<u8>, json: &str) {
    frame_header(out, TEXT, json.len());
    out.extend_from_slice(json.as_bytes());
}

/// A ping, to see whether the client is still there.
pub fn ping() -> Vec<u8> {
    framed(PING, b"")
}

/// A pong with the ping's bytes.
pub fn pong(bytes: &[u8]) -> Vec<u8> {
    framed(PONG, bytes)
}

/// A close frame. The reason is cut to what a control frame holds.
pub fn closing(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    framed(CLOSE, &payload)
}

fn framed(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 10);
    frame_header(&mut out, opcode, payload.len());
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests;
