//! WebSocket frames as far as a client of these measurements needs them: RFC 6455, section 5.2.

/// The request of a handshake. Its key is the one of the standard's own example, so that the answer
/// is known.
pub fn handshake(path: &str, host: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// The key of every handshake, and what a server must make of it.
pub const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The answer to [`KEY`].
pub const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
const PONG: u8 = 10;

/// What a frame's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its kind.
    pub opcode: u8,
    /// How long it is itself, the key of a masked frame included.
    pub length: usize,
    /// How long what follows is.
    pub payload: usize,
}

/// Reads a frame's header; none where more bytes are needed.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let [first, second, ..] = *bytes else { return None };
    let (length, payload) = match second & 0x7f {
        126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?) as usize),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?) as usize),
        short => (2, short as usize),
    };
    let length = length + if second & 0x80 == 0 { 0 } else { 4 };
    Some(Header { opcode: first & 0x0f, length, payload })
}

/// Appends an unmasked text frame: a server's.
pub fn put_text(out: &mut Vec<u8>, payload: &[u8]) {
    put_header(out, 1, payload.len(), 0);
    out.extend_from_slice(payload);
}

/// A client's frame. Its mask is four zeros: as good as any where nothing between reads it.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 14);
    put_header(&mut out, opcode, payload.len(), 0x80);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
    out
}

/// The answer to a ping.
pub fn pong(payload: &[u8]) -> Vec<u8> {
    masked(PONG, payload)
}

fn put_header(out: &mut Vec<u8>, opcode: u8, length: usize, mask: u8) {
    out.push(0x80 | opcode);
    match length {
        0..126 => out.push(mask | length as u8),
        126..65_536 => {
            out.push(mask | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(mask | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}
