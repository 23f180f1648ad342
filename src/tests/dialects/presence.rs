//! Who is there: places among the most connections, signs of life, and nothing left behind.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;
use tungstenite::Message;

use super::client::{Client, Deck, EventServer, check_bridge};
use crate::support::{PATIENCE, Server, until};

const FULL: (u16, &str) = (1013, "Max connections reached");

/// Connects once there is a place.
pub(super) fn seated(port: u16) -> Client {
    until("there is a place", || {
        let mut client = Client::open(port, "/");
        match client.0.read().unwrap() {
            Message::Text(_) => Some(client),
            Message::Close(Some(close)) => {
                assert_eq!((u16::from(close.code), close.reason.as_str()), FULL);
                None
            }
            other => panic!("{other:?}"),
        }
    })
}

pub(super) fn check_seats(port: u16) {
    let (first, mut second) = (seated(port), seated(port));
    for _ in 0..3 {
        assert_eq!(Client::open(port, "/").closed(), (FULL.0, FULL.1.to_owned()));
    }
    second.say(&json!({"type": "ping"}));
    second.find("pong");
    first.leave();
    let third = seated(port);
    // However they go, their places are free again.
    drop((second, third));
    for n in 0..50 {
        let client = seated(port);
        if n % 2 == 0 {
            client.leave();
        }
    }
    drop((seated(port), seated(port)));
}

#[test]
fn one_too_many_is_told_so_and_places_are_given_back() {
    let mut server = EventServer::start(&["--max-connections", "2"]);
    check_seats(server.port);
    check_bridge(server.port + 1);
    let client = seated(server.port);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut client = client;
            assert_eq!(client.find("error")["error"], "Server shutting down");
            assert_eq!(client.closed(), (1001, "Server shutting down".to_owned()));
        });
        assert!(server.stop());
    });
}

/// A WebSocket that nobody looks after.
fn silent(port: u16) -> TcpStream {
    silent_at(port, "/")
}

pub(super) fn silent_at(port: u16, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    stream
}

/// The next frame of a WebSocket whose other side answers nothing: opcode and payload.
pub(super) fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let mut length = usize::from(head[1]);
    assert!(length < 127, "no such long frame is expected");
    if length == 126 {
        let mut longer = [0; 2];
        stream.read_exact(&mut longer).unwrap();
        length = usize::from(u16::from_be_bytes(longer));
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).unwrap();
    (head[0] & 0xf, payload)
}

#[test]
fn who_answers_no_ping_is_closed_after_two() {
    let every = Duration::from_millis(400);
    let server = EventServer::start(&["--heartbeat-interval", "400"]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // It reads, and so answers: it stays for longer than the other one.
            let mut polite = Client::open(server.port, "/");
            for _ in 0..5 {
                until("a ping", || matches!(polite.0.read().unwrap(), Message::Ping(_)).then_some(()));
            }
            polite.say(&json!({"type": "ping"}));
            polite.find("pong");
        });
        let began = Instant::now();
        let mut silent = silent(server.port);
        let mut pings = 0;
        let close = until("it is closed", || match frame(&mut silent) {
            (0x9, _) => {
                pings += 1;
                None
            }
            (0x8, payload) => Some(payload),
            _ => None,
        });
        assert_eq!((u16::from_be_bytes([close[0], close[1]]), pings), (1001, 1));
        assert!(began.elapsed() >= every * 2, "{:?}", began.elapsed());
    });
}

fn subscriptions(server: &Server) -> String {
    let (_, text) = server.text("/metrics", &[]);
    text.lines().find(|line| line.starts_with("swarmdeck_subscriptions ")).unwrap().to_owned()
}

#[test]
fn two_hundred_connects_and_disconnects_leave_nothing_behind() {
    let deck = Deck::start();
    let server = &deck.server;
    let nobody = json!({"active_connections": 0, "event_bus_subscribers": 0});
    let before = subscriptions(server);
    std::thread::scope(|scope| {
        for (port, path) in deck.sockets() {
            scope.spawn(move || {
                for n in 0..200 {
                    let mut client = Client::open(port, path);
                    client.any();
                    if n % 2 == 0 {
                        client.leave();
                    }
                }
            });
        }
        for path in ["/api/v1/events", "/sse/events"] {
            scope.spawn(move || {
                for _ in 0..200 {
                    server.stream(path, "");
                }
            });
        }
    });
    until("nobody is left", || (server.get("/ws/events/status").1 == nobody).then_some(()));
    until("no subscription is left", || (subscriptions(server) == before).then_some(()));
    // And whoever comes then is served.
    let mut client = Client::open(server.port, "/ws/events");
    client.next();
    let seq = server.probe(1);
    assert_eq!(client.next()["seq"], seq);
}
