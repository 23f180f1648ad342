//! Frames as bytes, written as right or as wrong as a case wants them, and a reader of what comes
//! back that lets nothing pass. Written from the RFC alone: it shares no code with the server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::support::until;

pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
pub(super) const CLOSE: u8 = 0x8;
pub(super) const PING: u8 = 0x9;
pub(super) const PONG: u8 = 0xa;

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_secs(10);

/// In how many bytes a length is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Seven,
    Sixteen,
    SixtyFour,
}

/// A client's frame.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    first: u8,
    payload: Vec<u8>,
    mask: Option<[u8; 4]>,
    form: Option<Form>,
    declared: Option<u64>,
}

impl Frame {
    pub(super) fn new(opcode: u8, payload: impl AsRef<[u8]>) -> Self {
        let mask = Some([0x37, 0xfa, 0x21, 0x3d]);
        Self { first: 0x80 | opcode, payload: payload.as_ref().to_vec(), mask, form: None, declared: None }
    }

    pub(super) fn text(text: impl AsRef<[u8]>) -> Self {
        Self::new(TEXT, text)
    }

    pub(super) fn binary(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(BINARY, bytes)
    }

    /// A fragment after the first one; the last unless [`part`](Self::part).
    pub(super) fn more(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(CONTINUATION, bytes)
    }

    pub(super) fn ping(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(PING, bytes)
    }

    pub(super) fn pong(bytes: impl AsRef<[u8]>) -> Self {
        Self::new(PONG, bytes)
    }

    pub(super) fn close(code: u16, reason: impl AsRef<[u8]>) -> Self {
        Self::new(CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
    }

    /// Without the bit that says that the message ends here.
    pub(super) fn part(mut self) -> Self {
        self.first &= 0x7f;
        self
    }

    /// With these of the three reserved bits.
    pub(super) fn reserved(mut self, bits: u8) -> Self {
        self.first |= bits << 4;
        self
    }

    pub(super) fn masked(mut self, mask: [u8; 4]) -> Self {
        self.mask = Some(mask);
        self
    }

    pub(super) fn unmasked(mut self) -> Self {
        self.mask = None;
        self
    }

    /// With its length in this form, short enough or not.
    pub(super) fn form(mut self, form: Form) -> Self {
        self.form = Some(form);
        self
    }

    /// With a length that is not the payload's.
    pub(super) fn declaring(mut self, length: u64) -> Self {
        self.declared = Some(length);
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let length = self.declared.unwrap_or(self.payload.len() as u64);
        let form = self.form.unwrap_or(match length {
            0..126 => Form::Seven,
            126..65_536 => Form::Sixteen,
            _ => Form::SixtyFour,
        });
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        let mut out = vec![self.first];
        match form {
            Form::Seven => out.push(masked | length as u8),
            Form::Sixteen => {
                out.push(masked | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            Form::SixtyFour => {
                out.push(masked | 127);
                out.extend_from_slice(&length.to_be_bytes());
            }
        }
        let mask = self.mask.unwrap_or_default();
        if self.mask.is_some() {
            out.extend_from_slice(&mask);
        }
        out.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        out
    }
}

/// What comes from a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// A frame: its opcode and payload.
    Frame(u8, Vec<u8>),
    /// The end of the connection, in good order.
    End,
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) stream: TcpStream,
    /// What was read and not looked at yet.
    pending: Vec<u8>,
    closed: bool,
}

impl Wire {
    /// Connects as soon as somebody listens there.
    pub(super) fn connect(port: u16) -> Self {
        let stream = until("somebody listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        stream.set_read_timeout(Some(SILENCE)).unwrap();
        stream.set_write_timeout(Some(SILENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, pending: Vec::new(), closed: false }
    }

    /// Connects and shakes hands.
    pub(super) fn open(port: u16, path: &str) -> Result<Self, String> {
        let mut wire = Self::connect(port);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        wire.write(request.as_bytes());
        let head = wire.head()?;
        if head.starts_with("HTTP/1.1 101 ") { Ok(wire) } else { Err(format!("no handshake: {head}")) }
    }

    /// Writes; a server that has closed need not take it.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        let _closed = self.stream.write_all(bytes);
    }

    pub(super) fn send(&mut self, frame: &Frame) {
        self.write(&frame.bytes());
    }

    /// The head of an HTTP answer; empty where there is none.
    pub(super) fn head(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.pending.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.pending.split_off(end + 4);
                let head = std::mem::replace(&mut self.pending, rest);
                return String::from_utf8(head).map_err(|_| "a head that is not UTF-8".to_owned());
            }
            if !self.fill()? {
                return Ok(String::new());
            }
        }
    }

    /// Says that nothing more comes from here.
    pub(super) fn finish(&self) {
        let _gone = self.stream.shutdown(Shutdown::Write);
    }

    fn fill(&mut self) -> Result<bool, String> {
        let mut bytes = [0; 16 << 10];
        let length = self.stream.read(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => "silence".to_owned(),
            _ => format!("the connection broke: {error}"),
        })?;
        self.pending.extend_from_slice(&bytes[..length]);
        Ok(length > 0)
    }

    /// The next frame, or what is wrong with it.
    pub(super) fn hear(&mut self) -> Result<Heard, String> {
        loop {
            if let Some(frame) = self.frame()? {
                return Ok(frame);
            }
            if !self.fill()? {
                return if self.pending.is_empty() { Ok(Heard::End) } else { Err("a frame is cut off".to_owned()) };
            }
        }
    }

    fn frame(&mut self) -> Result<Option<Heard>, String> {
        if self.closed && !self.pending.is_empty() {
            return Err("bytes after the close".to_owned());
        }
        let [first, second, rest @ ..] = &self.pending[..] else { return Ok(None) };
        let (opcode, short) = (first & 0xf, second & 0x7f);
        if first & 0x70 != 0 {
            return Err(format!("reserved bits: {first:#x}"));
        }
        if second & 0x80 != 0 {
            return Err("a server's frame is masked".to_owned());
        }
        // This server has no reason to cut a message; nor has the other.
        if first & 0x80 == 0 || !matches!(opcode, TEXT | BINARY | CLOSE | PING | PONG) {
            return Err(format!("an unexpected frame: {first:#x}"));
        }
        let (length, extra) = match (short, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 8),
            (126 | 127, _) => return Ok(None),
            (length, _) => (u64::from(length), 0),
        };
        if (extra == 2 && length < 126) || (extra == 8 && length < 65_536) {
            return Err(format!("a length of {length} in {extra} bytes"));
        }
        if opcode >= CLOSE && length > 125 {
            return Err(format!("a control frame of {length} bytes"));
        }
        let (start, end) = (2 + extra, 2 + extra + length as usize);
        if self.pending.len() < end {
            return Ok(None);
        }
        let payload = self.pending[start..end].to_vec();
        self.pending.drain(..end);
        match opcode {
            TEXT if std::str::from_utf8(&payload).is_err() => return Err("a text that is not UTF-8".to_owned()),
            CLOSE => {
                self.closed = true;
                if payload.len() == 1 || std::str::from_utf8(payload.get(2..).unwrap_or_default()).is_err() {
                    return Err(format!("a close of {payload:?}"));
                }
            }
            _ => {}
        }
        Ok(Some(Heard::Frame(opcode, payload)))
    }
}
