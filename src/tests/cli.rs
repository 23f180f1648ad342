//! The commands, as typed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{BIN, Server, probe};

fn output(command: &mut Command) -> (bool, String, String) {
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn emit_waits_for_the_acknowledgement_and_tells_by_its_exit_code() {
    let mut server = Server::start();
    let (ok, out, _) =
        output(&mut server.command(&["emit", "task.progress", "--entity", "task:abc", "--payload", r#"{"progress":42}"#]));
    assert_eq!((ok, out.trim()), (true, "1"));
    assert_eq!(server.log()[0]["payload"]["progress"], 42);
    let (ok, _, err) =
        output(&mut server.command(&["emit", "task.progress", "--entity", "task:abc", "--payload", r#"{"progress":142}"#]));
    assert!(!ok && err.contains("payload.progress: 142 is over 100") && !err.contains("events["), "{err}");
    let (ok, _, err) = output(&mut server.command(&["emit", "x.y", "--payload", "{"]));
    assert!(!ok && err.contains("--payload is not JSON"), "{err}");

    let mut lines = server.command(&["emit", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = lines.stdin.take().unwrap();
    for n in 0..1_200 {
        writeln!(stdin, "{}", probe(n)).unwrap();
    }
    drop(stdin);
    let done = lines.wait_with_output().unwrap();
    assert!(done.status.success());
    assert_eq!(String::from_utf8(done.stdout).unwrap().trim(), "1200 accepted, 0 stored before, newest 1201");
    server.kill();
    let (ok, _, err) = output(&mut server.command(&["emit", "x.y"]));
    assert!(!ok && err.contains("127.0.0.1"), "{err}");
}

#[test]
fn a_server_that_speaks_no_tls_is_told_as_such() {
    let server = Server::start();
    let url = server.url("").replace("http", "https");
    for arguments in [
        &["emit", "x.y", "--url", &url][..],
        &["emit", "--dialect", "liveops", "task.started", "--entity", "task:a", "--url", &url],
    ] {
        let (ok, _, err) = output(&mut server.command(arguments));
        assert!(!ok && err.contains("does not speak TLS") && err.contains(&format!("try {}", server.url(""))), "{err}");
    }
}

#[test]
fn tail_follows_filters_and_comes_back_by_itself() {
    let mut server = Server::start();
    server.send(
        &json!([probe(1), {"type": "task.created", "entity": "task:a", "payload": {"description": "Read the log"}}, probe(2)]),
    );
    let (ok, out, _) = output(&mut server.command(&["tail", "--after", "0", "--types", "task.*", "--count", "1"]));
    assert!(ok && out.contains("task.created") && out.contains("Read the log"), "{out}");

    let mut tail = server
        .command(&["tail", "--after", "0", "--json", "--count", "6"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap()["seq"].as_u64().unwrap();
    assert_eq!([next(), next(), next()], [1, 2, 3]);
    server.kill();
    server.run();
    server.send(&json!([probe(4), probe(5), probe(6)]));
    assert_eq!([next(), next(), next()], [4, 5, 6], "each once, across a crash");
    assert!(tail.wait().unwrap().success());
}

#[test]
fn replay_sends_a_recording_again() {
    let server = Server::start();
    server.send(&json!([probe(1), probe(2), probe(3)]));
    let (_, recording) = server.text("/api/events?after=0", &[("accept", "application/x-ndjson")]);
    std::fs::write(server.path().join("run.ndjson"), recording).unwrap();
    let (ok, out, err) = output(&mut server.command(&["replay", "run.ndjson", "--speed", "10"]));
    assert!(ok && out.starts_with("3 events sent"), "{out}{err}");
    let numbers: Vec<Value> = server.log().iter().map(|event| event["payload"]["n"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3, 1, 2, 3]);
    // What the deck's services decided is taken up again, too.
    for id in ["a", "b"] {
        assert_eq!(server.ask("POST", "/api/agents", &json!({"id": id})).0, 201);
    }
    let message = json!({"from": "a", "to": "b", "message_type": "query", "content": "hello"});
    assert_eq!(server.ask("POST", "/api/messages", &message).0, 201);
    let (_, recording) = server.text("/api/events?after=0&limit=1000", &[("accept", "application/x-ndjson")]);
    assert!(recording.contains(r#""source":"core""#), "{recording}");
    let other = Server::start();
    std::fs::write(other.path().join("run.ndjson"), recording).unwrap();
    let (ok, out, err) = output(&mut other.command(&["replay", "run.ndjson", "--speed", "0", "--keep-times"]));
    assert!(ok && out.starts_with("9 events sent"), "{out}{err}");
    assert_eq!(other.get("/api/state").1["hash"], server.get("/api/state").1["hash"], "the same state");
    assert_eq!(other.get("/api/agents/b/inbox").1["messages"][0]["content"], "hello");
    let (ok, _, err) = output(&mut server.command(&["emit", "x.y", "--source", "core"]));
    assert!(!ok && err.contains("the deck's own name"), "{err}");
    std::fs::write(server.path().join("bad.ndjson"), "{\"type\":\"x.y\"}\n{\"type\":\"X\"}\n").unwrap();
    let (ok, _, err) = output(&mut server.command(&["replay", "bad.ndjson"]));
    assert!(!ok && err.contains("line 2.type"), "{err}");
}

#[test]
fn validate_checks_step_by_step() {
    let mut server = Server::start();
    let (ok, out, _) = output(server.command(&["validate"]).arg(server.url("")));
    assert!(ok, "{out}");
    for step in ["ready", "connect", "ping", "probe", "resume", "page of the log"] {
        assert!(out.lines().any(|line| line.starts_with(&format!("ok      {step}:"))), "{step}: {out}");
    }
    server.kill();
    let (ok, out, _) = output(server.command(&["validate"]).arg(server.url("")));
    assert!(!ok && out.contains("FAILED  ready"), "{out}");
}

#[test]
fn demo_sends_a_swarm() {
    let server = Server::start();
    let (ok, out, err) = output(&mut server.command(&["demo", "--agents", "10", "--rate", "0", "--events", "1500"]));
    assert!(ok && out.starts_with("1500 events sent"), "{out}{err}");
    let state = server.get("/api/state").1;
    assert_eq!(state["seq"], 1_500);
    assert_eq!(state["state"]["agents"]["by_id"].as_object().unwrap().len(), 10);
    let hash = |seed: &str| output(Command::new(BIN).args(["demo", "--hash", "--events", "2000", "--seed", seed])).1;
    assert_eq!(hash("1"), hash("1"));
    assert_ne!(hash("1"), hash("2"));
}

#[test]
fn every_command_shows_an_example() {
    for command in ["serve", "emit", "tail", "replay", "validate", "demo"] {
        let (ok, out, _) = output(Command::new(BIN).args([command, "--help"]));
        assert!(ok && out.contains("Example") && out.contains(&format!("swarmdeck {command}")), "{out}");
    }
}

#[test]
fn one_folder_has_one_server() {
    let server = Server::start();
    let (ok, _, err) =
        output(Command::new(BIN).args(["serve", "--addr", "127.0.0.1:0", "--data", "data"]).current_dir(server.path()));
    assert!(!ok && err.contains("in use by another swarmdeck"), "{err}");
    let taken = format!("127.0.0.1:{}", server.port);
    let (ok, _, err) = output(Command::new(BIN).args(["serve", "--addr", &taken, "--data", "other"]).current_dir(server.path()));
    assert!(!ok && err.contains(&format!("cannot listen on {taken}")), "{err}");
}
