//! Frames in both directions: tables, any pieces that a socket may cut them into, and another
//! implementation (tungstenite) at the other end.

use std::io::{self, Cursor, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use tungstenite::WebSocket;
use tungstenite::protocol::{CloseFrame, Role};

use super::*;

/// The longest header of a client's frame.
const MAX_HEADER: usize = 14;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    masked_with(first, payload, [1, 2, 3, 4])
}

fn masked_with(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut out = Vec::new();
    frame_header(&mut out, 0, payload.len());
    out[0] = first;
    out[1] |= 0x80;
    out.extend_from_slice(&mask);
    out.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ mask[index % 4]));
    out
}

fn read(bytes: &[u8]) -> Result<Vec<Message>, Violation> {
    match fed(bytes, &[]) {
        (messages, None) => Ok(messages),
        (_, Some(violation)) => Err(violation),
    }
}

/// What comes of bytes that arrive cut at these places; and that no more is kept than may be.
fn fed(bytes: &[u8], cuts: &[Index]) -> (Vec<Message>, Option<Violation>) {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let (mut parser, mut messages) = (Parser::default(), Vec::new());
    for piece in cuts.windows(2) {
        parser.feed(&bytes[piece[0]..piece[1]]);
        loop {
            match parser.message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(violation) => return (messages, Some(violation)),
            }
        }
        assert!(parser.pending.len() < MAX_HEADER + MAX_MESSAGE, "{} bytes are kept", parser.pending.len());
        assert!(parser.fragments.as_ref().is_none_or(|(_, bytes)| bytes.len() <= MAX_MESSAGE));
    }
    (messages, None)
}

#[test]
fn whole_and_fragmented_messages_with_control_frames_between() {
    let bytes = [
        masked(0x81, b"hello"),
        masked(0x01, b"frag"),
        masked(0x89, b"p"),
        masked(0x00, "mé".as_bytes()),
        masked(0x80, b"nt"),
        masked(0x82, &[0xff]),
        masked(0x8a, b""),
        masked(0x88, &[0x03, 0xe8]),
    ]
    .concat();
    assert_eq!(
        read(&bytes).unwrap(),
        [
            Message::Text("hello".into()),
            Message::Ping(b"p".to_vec()),
            Message::Text("fragmént".into()),
            Message::Binary,
            Message::Pong,
            Message::Close(1000),
        ]
    );
}

#[test]
fn what_a_client_may_not_do() {
    for (bytes, code) in [
        (vec![0x81, 0x01, b'x'], 1002),
        (masked(0xc1, b"x"), 1002),
        (masked(0x83, b"x"), 1002),
        (masked(0x8b, b"x"), 1002),
        (masked(0x09, b"x"), 1002),
        (masked(0x89, &[0; 126]), 1002),
        (masked(0x80, b"x"), 1002),
        ([masked(0x01, b"x"), masked(0x81, b"y")].concat(), 1002),
        (masked(0x81, &[0xff, 0xfe]), 1007),
        (masked(0x88, &[0x03]), 1002),
        (masked(0x88, &[0x03, 0xec]), 1002),
        (masked(0x88, &[0x03, 0xe8, 0xff]), 1007),
        (vec![0x81, 0xfe, 0x00, 0x05], 1002),
        (vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0x40, 0], 1002),
        (masked(0x01, &vec![b'x'; MAX_MESSAGE + 1]), 1009),
        ([masked(0x01, &vec![b'x'; MAX_MESSAGE]), masked(0x80, b"x")].concat(), 1009),
    ] {
        assert_eq!(read(&bytes).unwrap_err().code, code, "{:?}", &bytes[..bytes.len().min(8)]);
    }
}

/// What is wrong with a header is told with the header: nothing waits for a payload that is refused
/// in any case, and its length does not change what is told.
#[test]
fn what_is_out_of_order_is_told_before_its_payload_comes() {
    let long = [0xff, 0, 0, 0, 0, 0xff, 0, 0, 0];
    for (before, first) in [(vec![], 0x80), (vec![], 0x00), (masked(0x01, b"x"), 0x81), (masked(0x02, b"x"), 0x01)] {
        let bytes = [&before[..], &[first], &long].concat();
        assert_eq!(read(&bytes).unwrap_err().code, 1002, "{first:#x}");
    }
}

#[test]
fn a_message_over_the_limit_is_told_at_once_and_passed_over() {
    let bytes = [masked(0x81, &vec![b'x'; MAX_MESSAGE + 1]), masked(0x81, b"next"), masked(0x82, &[0; 200_000])].concat();
    let expected = [Message::TooLong, Message::Text("next".into()), Message::TooLong];
    assert_eq!(read(&bytes).unwrap(), expected);
    let (mut parser, mut got) = (Parser::default(), Vec::new());
    for piece in bytes.chunks(1_000) {
        parser.feed(piece);
        while let Some(message) = parser.message().unwrap() {
            got.push(message);
        }
        assert!(parser.pending.len() <= 1_000, "nothing of it is kept");
    }
    assert_eq!(got, expected);
}

/// A message as a client may send it.
#[derive(Debug, Clone)]
struct Sent {
    /// A text, or bytes.
    payload: Result<String, Vec<u8>>,
    /// Where it is cut into fragments; twice at one place makes an empty one.
    cuts: Vec<Index>,
    /// What comes after each fragment but the last: a ping or a pong, and its bytes.
    between: Vec<Option<(bool, Vec<u8>)>>,
    masks: Vec<[u8; 4]>,
}

impl Sent {
    fn put(&self, out: &mut Vec<u8>, expected: &mut Vec<Message>) {
        let (mut opcode, bytes) = match &self.payload {
            Ok(text) => (TEXT, text.as_bytes()),
            Err(bytes) => (BINARY, &bytes[..]),
        };
        let mut masks = self.masks.iter().cycle();
        let mut mask = || *masks.next().unwrap();
        let mut cuts: Vec<usize> = self.cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut start = 0;
        for (cut, between) in cuts.into_iter().zip(&self.between) {
            out.extend(masked_with(opcode, &bytes[start..cut], mask()));
            (opcode, start) = (CONTINUATION, cut);
            if let Some((ping, payload)) = between {
                out.extend(masked_with(0x80 | if *ping { PING } else { PONG }, payload, mask()));
                expected.push(if *ping { Message::Ping(payload.clone()) } else { Message::Pong });
            }
        }
        out.extend(masked_with(0x80 | opcode, &bytes[start..], mask()));
        expected.push(self.payload.clone().map_or(Message::Binary, Message::Text));
    }
}

/// Lengths around those where a header changes its form, and the limit.
fn lengths() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0usize..200, 2 => select(vec![125, 126, 127, 65_535, 65_536])]
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![6 => "\\PC{0,60}", 1 => lengths().prop_map(|length| "x".repeat(length))]
}

fn sent() -> impl Strategy<Value = Sent> {
    let payload = prop_oneof![
        3 => texts().prop_map(Ok),
        1 => lengths().prop_flat_map(|length| any::<u8>().prop_map(move |byte| Err(vec![byte; length]))),
    ];
    let between = proptest::option::of((any::<bool>(), vec(any::<u8>(), 0..=125)));
    (payload, vec(any::<Index>(), 0..6), vec(between, 6), vec(any::<[u8; 4]>(), 1..4))
        .prop_map(|(payload, cuts, between, masks)| Sent { payload, cuts, between, masks })
}

/// Frames that may be anything but usually have the shape of one.
fn rough() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![4 => select(vec![0x81, 0x01, 0x80, 0x00, 0x82, 0x02, 0x89, 0x8a, 0x88]), 1 => any::<u8>()];
    let payload = prop_oneof!["\\PC{0,30}".prop_map(String::into_bytes), vec(any::<u8>(), 0..150)];
    (first, payload, any::<[u8; 4]>(), proptest::option::weighted(0.1, any::<u8>())).prop_map(|(first, payload, mask, second)| {
        let mut frame = masked_with(first, &payload, mask);
        frame[1] = second.unwrap_or(frame[1]);
        frame
    })
}

/// A socket whose other side has said all that it says.
struct Said {
    heard: Cursor<Vec<u8>>,
    written: Vec<u8>,
}

impl Read for Said {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.heard.read(bytes)
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn other_client(heard: Vec<u8>) -> WebSocket<Said> {
    WebSocket::from_raw_socket(Said { heard: Cursor::new(heard), written: Vec::new() }, Role::Client, None)
}

proptest! {
    #[test]
    fn however_it_is_fragmented_and_cut_a_message_is_what_was_sent(
        sent in vec(sent(), 1..5),
        cuts in vec(any::<Index>(), 0..40),
    ) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for message in &sent {
            message.put(&mut bytes, &mut expected);
        }
        prop_assert_eq!(fed(&bytes, &cuts), (expected, None));
    }

    #[test]
    fn one_byte_at_a_time_is_no_different(sent in vec(sent(), 1..3)) {
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for message in sent.iter().filter(|sent| sent.payload.as_ref().map_or_else(Vec::len, String::len) < 1_000) {
            message.put(&mut bytes, &mut expected);
        }
        let (mut parser, mut got) = (Parser::default(), Vec::new());
        for byte in bytes {
            parser.feed(&[byte]);
            got.extend(parser.message().unwrap());
        }
        prop_assert_eq!(got, expected);
    }

    /// Of right and wrong frames alike: where they are cut decides nothing, not even which fault is told.
    #[test]
    fn where_bytes_are_cut_decides_nothing(frames in vec(rough(), 0..8), cuts in vec(any::<Index>(), 0..60)) {
        let bytes = frames.concat();
        prop_assert_eq!(fed(&bytes, &cuts), fed(&bytes, &[]));
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..300), cuts in vec(any::<Index>(), 0..10)) {
        prop_assert_eq!(fed(&bytes, &cuts), fed(&bytes, &[]));
    }

    #[test]
    fn what_is_written_another_client_reads(
        texts in vec(texts(), 0..5),
        payload in vec(any::<u8>(), 0..=125),
        code in select(vec![1000, 1001, 1002, 1007, 1009, 1011, 1013]),
        reason in "\\PC{0,80}",
    ) {
        let mut bytes = Vec::new();
        for text in &texts {
            put_text(&mut bytes, text);
            bytes.extend(super::text(text));
        }
        bytes.extend([ping(), pong(&payload), closing(code, &reason)].concat());
        let mut client = other_client(bytes);
        for text in texts.iter().flat_map(|text| [text, text]) {
            prop_assert_eq!(client.read().unwrap(), tungstenite::Message::text(text));
        }
        prop_assert_eq!(client.read().unwrap(), tungstenite::Message::Ping(Vec::new().into()));
        prop_assert_eq!(client.read().unwrap(), tungstenite::Message::Pong(payload.into()));
        let tungstenite::Message::Close(Some(CloseFrame { code: told, reason: cut })) = client.read().unwrap() else {
            return Err(TestCaseError::fail("no close"));
        };
        prop_assert_eq!(u16::from(told), code);
        prop_assert!(reason.starts_with(cut.as_str()) && (cut.as_str() == reason || cut.len() > 123 - 4), "{} of {}", cut, reason);
    }

    #[test]
    fn what_another_client_writes_is_read(
        texts in vec(texts(), 0..5),
        bytes in vec(any::<u8>(), 0..300),
        ping in vec(any::<u8>(), 0..=125),
        code in select(vec![1000, 1001, 1011, 3000, 4999]),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let mut client = other_client(Vec::new());
        let mut expected = Vec::new();
        for text in texts {
            client.send(tungstenite::Message::text(&text)).unwrap();
            expected.push(Message::Text(text));
        }
        client.send(tungstenite::Message::binary(bytes)).unwrap();
        client.send(tungstenite::Message::Ping(ping.clone().into())).unwrap();
        client.send(tungstenite::Message::Pong(ping.clone().into())).unwrap();
        client.close(Some(CloseFrame { code: code.into(), reason: "bye".into() })).unwrap();
        expected.extend([Message::Binary, Message::Ping(ping), Message::Pong, Message::Close(code)]);
        prop_assert_eq!(fed(&client.get_ref().written, &cuts), (expected, None));
    }
}
