//! RFC 6455 over raw sockets: what a WebSocket server must take, refuse and answer.
//!
//! Each [`Case`] is bytes for a fresh connection and what must come back, byte for byte where the
//! RFC says so. The same tables go to `/ws/events`, to the socket of every dialect, and to another
//! implementation, Node's `ws`, as a check of the tables themselves. What comes back is read by a
//! reader that lets no fault of the server's own frames pass.
//!
//! All of the deck's sockets share one handshake, one parser and one way to close; they differ in
//! what follows a message over the limit. An event server with `--deck` looks at the handshake and
//! passes the rest on.

mod case;
mod control;
mod fragments;
mod framing;
mod handshake;
mod limits;
mod outgoing;
mod peer;
mod utf8;
mod wire;

use std::collections::HashSet;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{BIN, Server, ports, until};
use case::{Case, Over, Target};

/// How many cases run at once.
const AT_ONCE: usize = 8;
/// Up to this many bytes a case is tried one byte at a time too.
const BYTEWISE: usize = 300;

fn cases() -> Vec<Case> {
    [framing::cases(), control::cases(), fragments::cases(), utf8::cases(), limits::cases()].concat()
}

/// Runs cases against a server, and lists all that fail.
fn conforms(target: &Target, cases: &[Case]) {
    let next = AtomicUsize::new(0);
    let failed: Vec<String> = std::thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                failed.extend(case.fault(target, false));
                if case.bytes() <= BYTEWISE {
                    failed.extend(case.fault(target, true));
                }
            }
            failed
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(failed.is_empty(), "{} of {} cases fail:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

/// Says something even where the output of a test that passes is not shown.
fn say(line: &str) {
    let _nobody_listens = writeln!(std::io::stderr(), "{line}");
}

#[test]
fn the_tables_are_complete_and_each_case_has_a_name() {
    let (cases, handshakes) = (cases(), handshake::cases());
    let names: HashSet<&str> =
        cases.iter().map(|case| &*case.name).chain(handshakes.iter().map(|handshake| &*handshake.name)).collect();
    assert_eq!(names.len(), cases.len() + handshakes.len());
    println!("{} cases and {} handshakes", cases.len(), handshakes.len());
    assert!(cases.len() >= 200 && handshakes.len() >= 40);
}

#[test]
fn events() {
    let server = Server::with(&["--durability", "crash"]);
    let target = Target::new(server.port, "/ws/events", true, Over::Closed);
    handshake::conforms(&target, &handshake::cases());
    conforms(&target, &cases());
}

#[test]
fn dialects_on_the_port_of_the_deck() {
    let server = Server::with(&["--durability", "crash"]);
    // The other two answer no text that changes nothing: of messages only the faults show there.
    for (path, answers) in [("/ws/liveops", true), ("/ws", false), ("/ws/trader", false)] {
        let target = Target::new(server.port, path, answers, Over::PassedOver);
        handshake::conforms(&target, &handshake::cases());
        conforms(&target, &cases());
    }
}

#[test]
fn listeners_of_dialects() {
    let liveops = ports(3);
    let trader = liveops + 2;
    let (first, second) = (liveops.to_string(), trader.to_string());
    let _server = Server::with(&["--durability", "crash", "--liveops-port", &first, "--trader-port", &second]);
    for (port, answers) in [(liveops, true), (trader, false)] {
        let target = Target::new(port, "/at/any/path", answers, Over::PassedOver);
        handshake::conforms(&target, &handshake::cases());
        conforms(&target, &cases());
    }
}

/// It passes the bytes of a connection on, however they come, and how it ends.
#[test]
fn an_event_server_of_a_deck_elsewhere() {
    let server = Server::with(&["--durability", "crash"]);
    let port = ports(2);
    let child = Command::new(BIN)
        .args(["event-server", "start", "--port", &port.to_string(), "--deck", &server.url("")])
        .current_dir(server.path())
        .env("SWARMDECK_LOG", "error")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _ends_with_the_test = Ended(child);
    until("it listens", || TcpStream::connect(("127.0.0.1", port + 1)).ok());
    let target = Target::new(port, "/", true, Over::PassedOver);
    handshake::conforms(&target, &handshake::cases());
    conforms(&target, &cases());
}

/// A process that is killed at the end.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}
