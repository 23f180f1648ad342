//! The same tables against another implementation, Node's `ws`: a case that it fails is wrong, or
//! stands here as one where it is known to be lenient.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use super::case::{Over, Target, Want, close};
use super::{Ended, cases, conforms, handshake, say};

/// Where `ws` does otherwise than the RFC says, and what it does.
fn deviates(name: &str) -> Option<Vec<Want>> {
    // It takes a length in any form, and one beyond its numbers for too long.
    if name.starts_with("5.2 a length of ") {
        return Some(Vec::new());
    }
    name.starts_with("5.2 the highest bit of a length").then(|| vec![close(1009)])
}

/// Handshakes that `ws` takes although the RFC, or HTTP, refuses them: it leaves the version of HTTP,
/// the Host and a body to Node, which looks at none of them before an upgrade, and reads the version
/// as a number, of which it knows two.
const TAKES: &[&str] = &[
    "4.2 HTTP/1.0",
    "4.2 no Host",
    "4.2 a body",
    "4.2 a body in chunks",
    "4.2 the version \"8\"",
    "4.2 the version \"13.0\"",
    "4.2 the version \"013\"",
    "4.2 the version \"+13\"",
];

#[test]
fn another_implementation_agrees_with_the_tables() {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("end2end");
    if !packages.join("node_modules/ws/package.json").exists() {
        return say("skipped: the conformance tables against Node's ws: end2end/node_modules/ws is not there (make setup)");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/conformance/peer.mjs");
    let started = Command::new("node").arg(script).arg(&packages).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => Ended(child),
        Err(error) => return say(&format!("skipped: the conformance tables against Node's ws: node does not start: {error}")),
    };
    let mut line = String::new();
    BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let known: Vec<_> = handshake::cases().into_iter().map(|handshake| handshake.name).collect();
    assert!(TAKES.iter().all(|name| known.iter().any(|known| known == name)), "each is a case");
    let target = Target::new(line.trim().parse().unwrap(), "/", true, Over::Closed).deviating(deviates);
    let handshakes: Vec<_> = handshake::cases().into_iter().filter(|handshake| !TAKES.contains(&&*handshake.name)).collect();
    handshake::conforms(&target, &handshakes);
    conforms(&target, &cases());
}
