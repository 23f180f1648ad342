//! Where a WebSocket server's frames end in its bytes: RFC 6455, section 5.2. They are not masked.

const CLOSE: u8 = 0x8;

/// Follows the bytes of a server from its answer to the handshake on.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// What there is of the answer's head or of a frame's.
    head: Vec<u8>,
    /// How much of a frame's payload is still to come.
    payload: u64,
    /// Whether the handshake is done.
    open: bool,
    closed: bool,
}

impl Frames {
    /// Takes note of bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.payload > 0 {
                let skipped = self.payload.min(bytes.len() as u64);
                self.payload -= skipped;
                // No more than there are.
                bytes = &bytes[skipped as usize..];
                continue;
            }
            self.head.push(*first);
            bytes = rest;
            if self.open {
                if let Some(length) = payload(&self.head) {
                    self.closed |= self.head[0] & 0xf == CLOSE;
                    self.payload = length;
                    self.head.clear();
                }
            } else if self.head.ends_with(b"\r\n\r\n") {
                self.open = self.head.starts_with(b"HTTP/1.1 101");
                // Another answer has a body and no frames.
                self.payload = if self.open { 0 } else { u64::MAX };
                self.head.clear();
            }
        }
    }

    /// Whether a frame could begin now: the handshake is done, no frame is cut, and none closed.
    pub(super) fn is_between(&self) -> bool {
        self.open && !self.closed && self.head.is_empty() && self.payload == 0
    }
}

/// The length of the payload, once the head is whole.
fn payload(head: &[u8]) -> Option<u64> {
    let [_, short, rest @ ..] = head else { return None };
    match short & 0x7f {
        126 => rest.try_into().ok().map(|bytes| u64::from(u16::from_be_bytes(bytes))),
        127 => rest.try_into().ok().map(u64::from_be_bytes),
        length => Some(u64::from(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::websocket::frame;

    #[test]
    fn the_ends_of_frames_are_known_however_the_bytes_come() {
        let head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".to_vec();
        let texts = ["", "a", &"b".repeat(125), &"c".repeat(126), &"d".repeat(70_000)].map(frame::text);
        let mut ends = vec![head.len()];
        let mut all = head;
        for text in texts {
            all.extend_from_slice(&text);
            ends.push(all.len());
        }
        for chunk in [1, 2, 7, 1_000] {
            let (mut frames, mut at) = (Frames::default(), 0);
            for piece in all.chunks(chunk) {
                frames.pass(piece);
                at += piece.len();
                assert_eq!(frames.is_between(), ends.contains(&at), "{chunk}, {at}");
            }
            frames.pass(&frame::closing(1001, "bye"));
            assert!(!frames.is_between(), "nothing may follow a close");
        }
    }

    #[test]
    fn another_answer_has_no_frames() {
        let mut frames = Frames::default();
        frames.pass(b"HTTP/1.1 403 Forbidden\r\n\r\n\x81\x00");
        assert!(!frames.is_between());
    }
}
