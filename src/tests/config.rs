//! The file of settings: read at start, watched from then on.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::support::{Server, until};

fn changes(server: &Server) -> Vec<Value> {
    server.log().into_iter().filter(|event| event["type"] == "config.changed").collect()
}

#[test]
fn a_change_is_published_once_to_every_client() {
    let mut server = Server::start();
    let file = server.path().join("swarmdeck.toml");
    server.kill();
    std::fs::write(&file, "heartbeat = 10\n[selfcheck]\nevery_seconds = 600\n").unwrap();
    server.run();
    assert_eq!(server.get("/api/selfcheck").1["every_seconds"], 600);
    let mut clients: Vec<_> = (0..5).map(|_| server.websocket("types=config.*")).collect();
    // Only words of the file changed, then a fault: neither is a change.
    std::fs::write(&file, "# a comment\nheartbeat = 10\n[selfcheck]\nevery_seconds = 600\n").unwrap();
    std::fs::write(&file, "heartbeat = 10\n[selfcheck]\nevery_seconds = 1\n").unwrap();
    std::fs::write(&file, "heartbeat = 20\n[selfcheck]\nevery_seconds = 700\n").unwrap();
    let first = until("the change is published", || changes(&server).pop());
    assert_eq!(first["payload"]["change_type"], "selfcheck,settings");
    assert_eq!(first["entity"], json!({"kind": "config", "id": "swarmdeck.toml"}));
    assert_eq!(server.get("/api/selfcheck").1["every_seconds"], 700, "what can be taken over is, before it is told");
    std::fs::write(&file, "heartbeat = 20\n[selfcheck]\nevery_seconds = 800\n").unwrap();
    until("the second change is published", || changes(&server).get(1).cloned());
    for client in &mut clients {
        let told: Vec<Value> = (0..2).map(|_| client.event()["payload"]["change_type"].clone()).collect();
        assert_eq!(told, ["selfcheck,settings", "selfcheck"]);
    }
    server.kill();
    server.run();
    assert_eq!(server.get("/api/selfcheck").1["every_seconds"], 800);
    assert_eq!(changes(&server).len(), 2, "a start is no change");
}

#[test]
fn a_file_that_does_not_fit_is_logged_and_changes_nothing() {
    let server = Server::start();
    let file = server.path().join("x.toml");
    std::fs::write(&file, "[selfcheck]\nevery_seconds = 500\n").unwrap();
    let mut second = Second(
        server
            .command(&["serve", "--addr", "127.0.0.1:0", "--data", "other", "--config", "x.toml"])
            .env("SWARMDECK_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    BufReader::new(second.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = format!("http://127.0.0.1:{}/api/", line.trim().rsplit(':').next().unwrap());
    let get = |path: &str| ureq::get(format!("{url}{path}")).call().unwrap().body_mut().read_to_string().unwrap();
    let mut said = BufReader::new(second.0.stderr.take().unwrap()).lines();
    for (text, words) in [
        (Some("[selfcheck]\nevery_second = 400\n"), "selfcheck.every_second: unknown field"),
        (Some("[selfcheck"), "TOML parse error"),
        (None, "No such file"),
    ] {
        match text {
            Some(text) => std::fs::write(&file, text).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        let fault = said.find(|line| line.as_ref().unwrap().contains("config.unfit")).unwrap().unwrap();
        assert!(fault.contains("x.toml") && fault.contains(words), "{fault}");
        assert!(get("selfcheck").contains("\"every_seconds\":500"));
    }
    assert!(!get("events").contains("config.changed"));
}

/// A server that ends with its test.
struct Second(Child);

impl Drop for Second {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn a_fault_at_start_names_file_table_and_key() {
    let server = Server::start();
    for (text, words) in [
        ("[selfcheck]\nevery = 3\n", "x.toml: selfcheck.every: unknown field"),
        (
            "[[providers]]\nname = 'a'\nkind = 'http'\nurl = 'http://u@h'\n",
            "x.toml: providers[0].url: it has a name or a password",
        ),
        ("[nonsense]\n", "x.toml: nonsense: unknown field"),
        ("nonsense = 1\n", "x.toml: nonsense: unknown setting"),
        ("[selfcheck\n", "x.toml: TOML parse error"),
    ] {
        std::fs::write(server.path().join("x.toml"), text).unwrap();
        let output = server
            .command(&["serve", "--addr", "127.0.0.1:0", "--data", "other", "--config", "x.toml"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{text}: {said}");
    }
}
