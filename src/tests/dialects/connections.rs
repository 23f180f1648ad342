//! Connections that ask for nothing, or not what a port is for: each is ended in time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use super::client::{Client, Deck, EventServer, http};
use super::presence::{frame, seated, silent_at};
use crate::support::{PATIENCE, Server, until};

/// A connection on which something was written.
fn connect(port: u16, said: &str) -> TcpStream {
    connect_to("127.0.0.1", port, said)
}

fn connect_to(host: &str, port: u16, said: &str) -> TcpStream {
    let mut stream = until("somebody listens", || TcpStream::connect((host, port)).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(said.as_bytes()).unwrap();
    stream
}

/// Reads to the end of the connection; fails where it does not come.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => panic!("it is kept open"),
        // Cut off with something unread is an end too.
        _ => String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// Everything that is no whole head.
const NO_HEADS: [&str; 4] = ["", "GET / HTTP/1.1\r\nHost: localhost\r\n", "PRI * HTTP/2.0\r\n", "P"];

#[test]
fn who_sends_no_request_is_cut_off_on_every_port() {
    let deck = Deck::start();
    let attached = EventServer::start(&["--deck", &deck.server.url("")]);
    let ports = [deck.server.port, deck.liveops, deck.liveops + 1, deck.trader, attached.port, attached.port + 1];
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        for (port, said) in ports.into_iter().flat_map(|port| NO_HEADS.map(|said| (port, said))) {
            scope.spawn(move || assert_eq!(rest(connect(port, said)), "", "{port} {said:?}"));
        }
    });
    assert!(began.elapsed() > Duration::from_secs(5), "but not at once");
    // Others are served meanwhile and after it.
    assert_eq!(deck.server.get("/healthz").0, 200);
    seated(attached.port);
}

#[test]
fn what_is_no_websocket_is_told_so_and_ended() {
    let deck = Deck::start();
    let attached = EventServer::start(&["--deck", &deck.server.url("")]);
    let handshake =
        "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for port in [attached.port, deck.liveops, deck.trader] {
        for request in [
            "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\nGET /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n".into(),
            format!("POST / HTTP/1.1\r\n{handshake}Sec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n"),
            format!("GET / HTTP/1.1\r\n{handshake}Sec-WebSocket-Version: 8\r\n\r\n"),
        ] {
            let began = std::time::Instant::now();
            let answer = rest(connect(port, &request));
            assert!(answer.starts_with("HTTP/1.1 426 "), "{port} {request}: {answer}");
            let lower = answer.to_ascii_lowercase();
            for header in ["upgrade: websocket", "sec-websocket-version: 13", "connection: close"] {
                assert!(lower.contains(header), "{port} {header}: {answer}");
            }
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "what comes behind it is no request: {answer}");
            assert!(began.elapsed() < Duration::from_secs(8), "{port}: {:?}", began.elapsed());
        }
    }
}

#[test]
fn who_is_turned_away_and_talks_on_does_not_stay() {
    let deck = Server::with(&["--durability", "crash"]);
    let attached = EventServer::start(&["--deck", &deck.url(""), "--max-connections", "1"]);
    let _first = seated(attached.port);
    let mut second = silent_at(attached.port, "/");
    assert_eq!(frame(&mut second).0, 0x8, "it is told");
    // A ping every now and then is no reason to keep it.
    second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    until("it is cut off", || {
        let _sent = second.write_all(&[0x89, 0x80, 0, 0, 0, 0]);
        let gone = match second.read(&mut [0; 16]) {
            Ok(length) => length == 0 && second.write_all(&[0x89, 0x80, 0, 0, 0, 0]).is_err(),
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        gone.then_some(())
    });
}

#[test]
fn the_bridge_of_a_relay_waits_for_nobody_for_ever_and_has_its_places() {
    let deck = Server::with(&["--durability", "crash"]);
    let attached = EventServer::start(&["--deck", &deck.url("")]);
    let bridge = attached.port + 1;
    let stalled = "POST /event HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    let body = json!({"channel": "agents", "type": "agent:status", "event": {"agentId": "b", "status": "idle"}}).to_string();
    let mut waiting: Vec<TcpStream> = (0..64).map(|_| connect(bridge, stalled)).collect();
    // Whoever looks may have a place for a moment that one of them was refused for: then one more waits.
    let full = until("all places are taken", || {
        let (status, answer) = http(bridge, "POST", "/event", &body);
        if status == 200 {
            waiting.push(connect(bridge, stalled));
        }
        (status == 503).then_some(answer)
    });
    assert_eq!(full, r#"{"error":"Too many requests at once"}"#);
    let answers: Vec<String> = waiting.into_iter().map(rest).collect();
    let late = answers.iter().filter(|answer| answer.starts_with("HTTP/1.1 504 ")).count();
    assert!((63..=64).contains(&late) && answers.iter().all(|answer| answer.starts_with("HTTP/1.1 50")), "{late}: {answers:?}");
    let told =
        until("there are places again", || Some(http(bridge, "POST", "/event", &body)).filter(|(status, _)| *status == 200));
    assert_eq!(told.1, r#"{"success":true}"#);
}

#[test]
fn a_deck_that_says_nothing_is_not_waited_for() {
    let deck = Server::with(&["--durability", "crash"]);
    let attached = EventServer::start(&["--deck", &deck.url(""), "--max-connections", "1"]);
    let body = json!({"channel": "agents", "type": "agent:status", "event": {"agentId": "b", "status": "idle"}}).to_string();
    deck.signal("-STOP");
    std::thread::scope(|scope| {
        let socket = scope.spawn(|| Client::try_open(attached.port, "/").err());
        let late = r#"{"error":"not all of the request came, or no answer"}"#.to_owned();
        assert_eq!(http(attached.port + 1, "POST", "/event", &body), (504, late));
        assert_eq!(socket.join().unwrap(), Some(504));
    });
    deck.signal("-CONT");
    seated(attached.port);
    assert_eq!(http(attached.port + 1, "POST", "/event", &body).0, 200);
}

#[test]
fn a_trader_that_answers_no_ping_is_closed() {
    let deck = Deck::start();
    let mut silent = silent_at(deck.server.port, "/ws/trader?heartbeat_ms=300");
    let close = until("it is closed", || Some(frame(&mut silent)).filter(|(opcode, _)| *opcode == 0x8)).1;
    assert_eq!((u16::from_be_bytes([close[0], close[1]]), &close[2..]), (1001, b"no sign of life".as_slice()));
    // Reading answers pings: such a client stays.
    let mut polite = Client::open(deck.server.port, "/ws/trader?heartbeat_ms=300");
    for _ in 0..4 {
        until("a ping", || matches!(polite.0.read().unwrap(), tungstenite::Message::Ping(_)).then_some(()));
    }
    polite.say(&json!({"type": "SIMULATE", "action": "buy", "amount": -1}));
    polite.find("SIMULATE_ACK");
    assert_eq!(Client::try_open(deck.server.port, "/ws/trader?heartbeat=300").err(), Some(400), "an unknown parameter is named");
    Client::open(deck.trader, "/?any=thing").find("CONNECTED");
}

#[test]
fn localhost_is_both_addresses_of_this_machine() {
    if std::net::TcpListener::bind(("::1", 0)).is_err() {
        return;
    }
    let deck = Server::with(&["--durability", "crash"]);
    for flags in [vec![], vec!["--deck".to_owned(), deck.url("")]] {
        let server = EventServer::start(&flags.iter().map(String::as_str).collect::<Vec<_>>());
        for host in ["127.0.0.1", "::1"] {
            let stream = until("it listens", || TcpStream::connect((host, server.port)).ok());
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let (socket, _) = tungstenite::client(format!("ws://localhost:{}/", server.port), stream).unwrap();
            Client(socket).find("welcome");
            let bad = rest(connect_to(
                host,
                server.port + 1,
                "POST /event HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            ));
            assert!(bad.starts_with("HTTP/1.1 400 "), "{host}: {bad}");
        }
    }
    // An address means itself.
    let server = EventServer::start(&["--host", "127.0.0.1"]);
    assert!(TcpStream::connect(("::1", server.port)).is_err());
    let _taken = std::net::TcpListener::bind(("::1", server.port)).unwrap();
}
