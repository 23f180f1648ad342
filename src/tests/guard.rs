//! Who may ask.

use std::io::Read as _;
use std::process::Command;

use crate::support::{BIN, Server, probe};

#[test]
fn foreign_hosts_and_origins_are_refused() {
    let server = Server::start();
    let body = probe(1).to_string();
    assert_eq!(server.post(&body, &[("origin", "http://evil.example")]).0, 403);
    assert_eq!(server.post(&body, &[("host", "evil.example")]).0, 403);
    assert_eq!(server.text("/api/state", &[("host", "evil.example")]).0, 403);
    assert_eq!(server.post(&body, &[("origin", &server.url(""))]).0, 200);
    let mut upgrade = server.raw(
        "GET /ws/events HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    );
    let mut head = [0; 12];
    upgrade.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 403");
}

#[test]
fn a_token_guards_everything_but_health() {
    let server = Server::with(&["--token", "secret-token"]);
    let body = probe(1).to_string();
    assert_eq!(server.text("/healthz", &[]).0, 200);
    for path in ["/", "/api/state", "/api/events", "/sse/events", "/metrics", "/pkg/swarmdeck.css"] {
        assert_eq!(server.text(path, &[]).0, 401, "{path}");
    }
    assert_eq!(server.post(&body, &[]).0, 401);
    assert_eq!(server.post(&body, &[("authorization", "Bearer secret-token")]).0, 200);
    assert_eq!(server.text("/api/state?token=secret-token", &[]).0, 200);
    assert_eq!(server.text("/api/state", &[("cookie", "swarmdeck_token=secret-token")]).0, 200);
    assert_eq!(
        server.text("/?token=secret-token", &[("accept", "text/html")]).0,
        401,
        "a redirect without its cookie leads nowhere"
    );
}

#[test]
fn every_answer_has_its_headers() {
    let server = Server::start();
    let mut raw = server.raw("GET /api/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut text = String::new();
    raw.read_to_string(&mut text).unwrap();
    for header in ["x-content-type-options: nosniff", "x-frame-options: DENY", "content-security-policy: default-src 'none'"] {
        assert!(text.contains(header), "{header}: {text}");
    }
}

#[test]
fn an_open_address_needs_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let run = |flags: &[&str]| {
        let output = Command::new(BIN).arg("serve").args(flags).current_dir(folder.path()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(&["--addr", "0.0.0.0:0"]).contains("set --token"));
    assert!(run(&["--addr", "0.0.0.0:0", "--token", "short"]).contains("8 to 256"));
    assert!(run(&["--addr", "nowhere"]).contains("host:port"));
    assert!(run(&["--durability", "maybe"]).contains("power or crash"));
    std::fs::write(folder.path().join("swarmdeck.toml"), "adr = \"127.0.0.1:0\"\n").unwrap();
    assert!(run(&[]).contains("swarmdeck.toml: adr: unknown setting"));
}
