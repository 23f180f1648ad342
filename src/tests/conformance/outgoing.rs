//! What the server sends, and how connections end that nobody ends in good order.

use std::io::{ErrorKind, Write as _};

use serde_json::{Value, json};

use super::wire::{CLOSE, Frame, Heard, PONG, TEXT, Wire};
use crate::support::{Server, until};

/// An event of about so many bytes.
fn padded(length: usize) -> Value {
    json!({"type": "test.pad", "source": "t", "payload": {"pad": "x".repeat(length)}})
}

/// The bytes of the next event.
fn event(wire: &mut Wire) -> Vec<u8> {
    until("an event comes", || match wire.hear().unwrap() {
        Heard::Frame(TEXT, text) => text.starts_with(b"{\"seq\"").then_some(text),
        other => panic!("{other:?}"),
    })
}

/// Each length in the form that it must have: the reader lets no other pass.
#[test]
fn events_of_every_form_of_length() {
    let server = Server::with(&["--durability", "crash"]);
    let mut wire = Wire::open(server.port, "/ws/events").unwrap();
    assert!(matches!(wire.hear(), Ok(Heard::Frame(TEXT, _))), "the hello");
    server.send(&padded(0));
    let empty = event(&mut wire).len();
    // No more than nine in all: the length of `seq` counts too.
    for length in [125, 126, 127, 65_534, 65_535, 65_536, 65_537] {
        server.send(&padded(length - empty));
        assert_eq!(event(&mut wire).len(), length);
    }
}

/// However much is on its way to a client, what answers it stands between frames.
#[test]
fn answers_stand_between_events() {
    let server = Server::with(&["--durability", "crash"]);
    let mut wire = Wire::open(server.port, "/ws/events").unwrap();
    let batch = Value::Array((0..250).map(padded).collect());
    std::thread::scope(|scope| {
        scope.spawn(|| (0..20).for_each(|_| _ = server.send(&batch)));
        let mut stream = wire.stream.try_clone().unwrap();
        scope.spawn(move || (0..200_u8).for_each(|n| stream.write_all(&Frame::ping([n]).bytes()).unwrap()));
        let (mut seq, mut pongs) = (0, 0);
        while seq < 5_000 || pongs < 200 {
            match wire.hear().unwrap() {
                Heard::Frame(TEXT, text) => {
                    let told: Value = serde_json::from_slice(&text).unwrap();
                    if let Some(told) = told["seq"].as_u64() {
                        seq += 1;
                        assert_eq!(told, seq);
                    }
                }
                Heard::Frame(PONG, bytes) => {
                    assert_eq!(bytes, [pongs]);
                    pongs += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

/// Nothing follows a close, whatever else was on its way: the reader would tell.
#[test]
fn a_close_is_the_last_frame() {
    let server = Server::with(&["--durability", "crash"]);
    let batch = Value::Array((0..250).map(padded).collect());
    for _ in 0..20 {
        let mut wire = Wire::open(server.port, "/ws/events?after=0").unwrap();
        server.send(&batch);
        wire.send(&Frame::close(4321, "enough"));
        let code = until("the close is answered", || match wire.hear().unwrap() {
            Heard::Frame(CLOSE, payload) => Some(payload),
            Heard::Frame(..) => None,
            Heard::End => panic!("it ends without a close"),
        });
        assert_eq!(code, 4321_u16.to_be_bytes());
        assert_eq!(wire.hear(), Ok(Heard::End));
    }
}

/// Who ends its side without a close gets the end of the other.
#[test]
fn a_client_that_only_hangs_up() {
    let server = Server::with(&["--durability", "crash"]);
    for path in ["/ws/events", "/ws/liveops", "/ws", "/ws/trader"] {
        for cut in [vec![], Frame::ping("x").bytes()[..4].to_vec(), Frame::text("x").part().bytes()] {
            let mut wire = Wire::open(server.port, path).unwrap();
            wire.write(&cut);
            wire.finish();
            until("it ends", || match wire.hear().unwrap() {
                Heard::End => Some(()),
                Heard::Frame(TEXT, _) => None,
                other @ Heard::Frame(..) => panic!("{path}: {other:?}"),
            });
        }
    }
    let nobody = json!({"active_connections": 0, "event_bus_subscribers": 0});
    until("nobody is left", || (server.get("/ws/events/status").1 == nobody).then_some(()));
}

/// Section 7.1.1: the server ends the connection though the client does not, and goes on to send.
#[test]
fn a_client_that_does_not_go_is_cut_off() {
    let server = Server::with(&["--durability", "crash"]);
    for path in ["/ws/events", "/ws/liveops", "/ws", "/ws/trader"] {
        let mut wire = Wire::open(server.port, path).unwrap();
        wire.send(&Frame::text("x").unmasked());
        until("it is closed", || matches!(wire.hear().unwrap(), Heard::Frame(CLOSE, _)).then_some(()));
        assert_eq!(wire.hear(), Ok(Heard::End));
        until("it is cut off", || {
            let written = wire.stream.write(&Frame::ping("still here").bytes());
            written.err().filter(|error| matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset))
        });
    }
}
