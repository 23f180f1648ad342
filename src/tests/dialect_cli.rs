//! `emit` and `validate` as clients of other systems, against small servers that speak as these
//! systems do, in right and in wrong ways. What is checked is what the commands send, and what they
//! make of the answers.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::support::{BIN, Server};

/// What a peer was told: method and path of a request, or `WS`; and the body or frame.
type Told = Arc<Mutex<Vec<(String, Value)>>>;
/// Answers a request: method and path, and the body.
type Http = fn(&str, &Value) -> (u16, Value);
/// The frames at the beginning of a WebSocket, by its path.
type Opens = fn(&str) -> Vec<Value>;
/// The frames that follow from one of the client's; `true` sends one to every connection.
type Answers = fn(&Value) -> Vec<(bool, Value)>;

/// A server of another system, on this machine.
struct Peer {
    port: u16,
    told: Told,
}

type Sockets = Arc<Mutex<Vec<TcpStream>>>;

impl Peer {
    fn start(http: Http, opens: Opens, answers: Answers) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap(), http, opens, answers, &Arc::default())
    }

    fn at(listener: TcpListener, http: Http, opens: Opens, answers: Answers, sockets: &Sockets) -> Self {
        let told = Told::default();
        let peer = Self { port: listener.local_addr().unwrap().port(), told: Arc::clone(&told) };
        let sockets = Arc::clone(sockets);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (told, sockets) = (Arc::clone(&told), Arc::clone(&sockets));
                std::thread::spawn(move || serve(stream, http, opens, answers, &told, &sockets));
            }
        });
        peer
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn told(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

fn serve(mut stream: TcpStream, http: Http, opens: Opens, answers: Answers, told: &Told, sockets: &Sockets) {
    let mut peeked = [0; 4096];
    let seen = stream.peek(&mut peeked).unwrap_or(0);
    let head = String::from_utf8_lossy(&peeked[..seen]).to_ascii_lowercase();
    if head.contains("upgrade: websocket") {
        let path = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
        if let Ok(socket) = tungstenite::accept(stream) {
            talk(socket, &path, opens, answers, told, sockets);
        }
        return;
    }
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    let request = first.rsplit_once(' ').unwrap().0.to_owned();
    told.lock().unwrap().push((request.clone(), body.clone()));
    let (status, answer) = http(&request, &body);
    if status == 0 {
        // A stream of events, which stays open; what others do is told on it.
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: open\n\n").unwrap();
        sockets.lock().unwrap().push(stream);
        return;
    }
    for event in answer["stream"].as_array().into_iter().flatten() {
        for mut stream in others(sockets) {
            let _gone = write!(stream, "id: 1\nevent: {}\ndata: {}\n\n", event["event"].as_str().unwrap(), event["data"]);
        }
    }
    if let Some(frame) = answer.get("publish") {
        tell_all(sockets, frame);
    }
    let text = answer.get("answer").unwrap_or(&answer).to_string();
    let _gone = write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    );
}

fn talk(mut socket: WebSocket<TcpStream>, path: &str, opens: Opens, answers: Answers, told: &Told, sockets: &Sockets) {
    for frame in opens(path) {
        socket.send(Message::text(frame.to_string())).unwrap();
    }
    sockets.lock().unwrap().push(socket.get_ref().try_clone().unwrap());
    while let Ok(message) = socket.read() {
        let Message::Text(text) = message else { continue };
        let frame: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.to_string()));
        told.lock().unwrap().push((format!("WS {path}"), frame.clone()));
        for (all, answer) in answers(&frame) {
            if all {
                tell_all(sockets, &answer);
            } else if socket.send(Message::text(answer.to_string())).is_err() {
                return;
            }
        }
    }
}

fn others(sockets: &Sockets) -> Vec<TcpStream> {
    sockets.lock().unwrap().iter().map(|stream| stream.try_clone().unwrap()).collect()
}

/// Sends a frame to every open WebSocket.
fn tell_all(sockets: &Sockets, frame: &Value) {
    for stream in others(sockets) {
        let mut socket = WebSocket::from_raw_socket(stream, tungstenite::protocol::Role::Server, None);
        let _gone = socket.send(Message::text(frame.to_string()));
    }
}

/// Runs a command; whether it succeeded, and what it says.
fn run(peer: &Peer, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(BIN);
    let output = command.args(arguments).env("SWARMDECK_URL", peer.url()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout) + &text(output.stderr))
}

fn nothing_http(_: &str, _: &Value) -> (u16, Value) {
    (404, json!({"error": "nothing here"}))
}

fn no_frames(_: &str) -> Vec<Value> {
    Vec::new()
}

fn no_answers(_: &Value) -> Vec<(bool, Value)> {
    Vec::new()
}

#[test]
fn the_sample_is_the_classic_sequence_under_new_ids() {
    let server = Server::start();
    for dialect in [&[][..], &["--dialect", "agentos"]] {
        let output = server.command(&["emit", "--sample", "--delay-ms", "0"]).args(dialect).output().unwrap();
        assert!(output.status.success());
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(out.starts_with("11 sent") && out.lines().count() == 1, "{out}");
    }
    let log = server.log();
    let kinds: Vec<&str> = log.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds[..11],
        [
            "task.started",
            "task.progress",
            "task.progress",
            "task.progress",
            "task.progress",
            "task.progress",
            "task.completed",
            "provider.status_changed",
            "selfcheck.started",
            "selfcheck.progress",
            "selfcheck.completed"
        ]
    );
    let progress: Vec<u64> = log[1..6].iter().map(|event| event["payload"]["progress"].as_u64().unwrap()).collect();
    assert_eq!(progress, [0, 25, 50, 75, 100]);
    for (one, other) in log[..11].iter().zip(&log[11..]) {
        assert_eq!(one["type"], other["type"]);
        assert_ne!(one["entity"], other["entity"]);
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let server = Server::start();
    let refused = |arguments: &[&str]| {
        let output = server.command(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["emit"]).contains("<TYPE>"));
    assert!(refused(&["emit", "--raw", "{}"]).contains("--dialect"));
    assert!(refused(&["emit", "--dialect", "mesh", "--bridge", "x.y"]).contains("--bridge: only liveops has one"));
    assert!(refused(&["emit", "--dialect", "trader", "-"]).contains("our own protocol only"));
    assert!(refused(&["emit", "--dialect", "agentos", "--raw", "{"]).contains("--raw is not JSON"));
    assert!(refused(&["emit", "--dialect", "mesh", "task.started"]).contains("mesh has no way to say task.started"));
    assert!(refused(&["emit", "--dialect", "mesh", "agent.removed"]).contains("--entity is missing"));
    assert!(refused(&["emit", "--dialect", "mesh", "agent.registered", "--entity", "agent:a"]).contains("name is missing"));
    assert!(refused(&["emit", "--dialect", "sessions", "message", "--id", "x"]).contains("--id: sessions"));
}

// liveops

fn liveops_opens(_: &str) -> Vec<Value> {
    vec![json!({"type": "welcome", "clientId": "client-1", "timestamp": 1})]
}

/// One subscriber; what is published on `messages` reaches it in both shapes.
fn liveops_answers(frame: &Value) -> Vec<(bool, Value)> {
    let error = |error: &str| vec![(false, json!({"type": "error", "error": error, "timestamp": 1}))];
    match frame["type"].as_str() {
        Some("ping") => vec![(false, json!({"type": "pong", "timestamp": 1}))],
        Some("subscribe") => {
            vec![(false, json!({"type": "subscribed", "channel": "messages", "channels": ["messages"], "timestamp": 1}))]
        }
        Some("unsubscribe") => {
            vec![(false, json!({"type": "unsubscribed", "channel": "messages", "channels": [], "timestamp": 1}))]
        }
        Some("event") if frame["event"].is_null() => error("Invalid event message: missing event or channel"),
        Some("event") if frame["channel"] == "messages" => vec![(true, liveops_frame(&frame["event"]))],
        Some("event") => Vec::new(),
        Some("replay") => {
            let events: Vec<Value> = LIVEOPS.lock().unwrap().clone();
            vec![(false, json!({"type": "replay", "events": events, "timestamp": 1}))]
        }
        Some(other) => error(&format!("Unknown message type: {other}")),
        None => error("Invalid message format: expected value"),
    }
}

/// What was published to the peers of this test, for replays.
static LIVEOPS: Mutex<Vec<Value>> = Mutex::new(Vec::new());

fn liveops_frame(event: &Value) -> Value {
    let mut frame = event.clone();
    frame["channel"] = "messages".into();
    frame["data"] = json!({"id": event["messageId"], "content": event["payload"], "type": event["messageType"]});
    LIVEOPS.lock().unwrap().push(frame.clone());
    frame
}

/// The bridge: what it takes is told to the sockets that it shares with the listener.
fn bridge_http(request: &str, body: &Value) -> (u16, Value) {
    match (request, body) {
        ("POST /event", Value::Object(told)) if told.contains_key("channel") && told.contains_key("type") => {
            let success = json!({"success": true});
            let published = if told["channel"] == "messages" { liveops_frame(&told["event"]) } else { body["event"].clone() };
            (200, json!({"publish": published, "answer": success}))
        }
        ("POST /event", Value::Object(_)) => (400, json!({"error": "Missing channel or type"})),
        ("POST /event", _) => (400, json!({"error": "Invalid JSON"})),
        _ => (404, json!({"error": "Not found. POST to /event"})),
    }
}

#[test]
fn emit_publishes_as_liveops_clients_do() {
    let peer = Peer::start(nothing_http, liveops_opens, liveops_answers);
    let (ok, said) = run(
        &peer,
        &[
            "emit",
            "--dialect",
            "liveops",
            "task.progress",
            "--entity",
            "task:a",
            "--payload",
            r#"{"progress":42}"#,
            "--ts",
            "1970-01-01T00:00:00.005Z",
        ],
    );
    assert!(ok && said == "task:update published on tasks\n", "{said}");
    let event = json!({"type": "task:update", "taskId": "a", "status": "running", "progress": 42, "timestamp": 5});
    assert_eq!(
        peer.told(),
        [
            ("WS /ws/liveops".to_owned(), json!({"type": "event", "channel": "tasks", "event": event})),
            ("WS /ws/liveops".to_owned(), json!({"type": "ping"}))
        ]
    );
    let (ok, said) = run(&peer, &["emit", "--dialect", "liveops", "--raw", r#"{"type":"nonsense"}"#]);
    assert!(!ok && said.contains("Unknown message type: nonsense"), "{said}");
    let (ok, said) = run(&peer, &["emit", "--dialect", "liveops", "--raw", r#"{"type":"subscribe","channel":"messages"}"#]);
    assert!(ok && said.contains("subscribed"), "{said}");
    peer.told();
    let (ok, said) = run(&peer, &["emit", "--dialect", "liveops", "--sample", "--delay-ms", "0"]);
    assert!(ok && said.starts_with("7 sent") && said.contains("no names for providers"), "{said}");
    let statuses: Vec<Value> = peer
        .told()
        .iter()
        .filter(|(_, frame)| frame["type"] == "event")
        .map(|(_, frame)| frame["event"]["status"].clone())
        .collect();
    assert_eq!(statuses, ["running", "running", "running", "running", "running", "running", "completed"]);
}

/// A listener and its bridge, on ports in a row.
fn liveops_with_bridge() -> (Peer, Peer) {
    crate::support::until("two ports in a row are free", || {
        let first = TcpListener::bind("127.0.0.1:0").ok()?;
        let next = TcpListener::bind(("127.0.0.1", first.local_addr().ok()?.port().checked_add(1)?)).ok()?;
        let sockets = Sockets::default();
        let listener = Peer::at(first, nothing_http, liveops_opens, liveops_answers, &sockets);
        Some((listener, Peer::at(next, bridge_http, no_frames, no_answers, &sockets)))
    })
}

#[test]
fn emit_goes_over_the_bridge_at_the_next_port() {
    let (listener, bridge) = liveops_with_bridge();
    let arguments =
        ["emit", "--dialect", "liveops", "--bridge", "agent.removed", "--entity", "agent:a", "--ts", "1970-01-01T00:00:00.005Z"];
    let (ok, said) = run(&listener, &arguments);
    assert!(ok && said.starts_with("agent:status published on agents, over the bridge"), "{said}");
    let event = json!({"type": "agent:status", "agentId": "a", "status": "stopped", "timestamp": 5});
    assert_eq!(
        bridge.told(),
        [("POST /event".to_owned(), json!({"channel": "agents", "type": "agent:status", "timestamp": 5, "event": event}))]
    );
    let (ok, said) = run(&listener, &["emit", "--dialect", "liveops", "--bridge", "--raw", r#"{"channel":"agents"}"#]);
    assert!(!ok && said.contains("400: Missing channel or type"), "{said}");
    let (ok, said) = run(&bridge, &["emit", "--dialect", "liveops", "--bridge", "--raw", "{}"]);
    assert!(!ok && said.contains("no HTTP bridge at"), "{said}");
}

#[test]
fn validate_walks_through_a_liveops_conversation() {
    let peer = Peer::start(nothing_http, liveops_opens, liveops_answers);
    let ws = peer.url().replace("http", "ws");
    let (ok, said) = run(&peer, &["validate", &ws, "--dialect", "liveops"]);
    assert!(ok, "{said}");
    for step in ["connect", "ping", "subscribe", "second connection", "probe", "replay", "errors", "unsubscribe"] {
        assert!(said.lines().any(|line| line.starts_with(&format!("ok      {step}:"))), "{step}: {said}");
    }
    assert!(said.contains("skipped HTTP bridge: "), "{said}");

    let (listener, _bridge) = liveops_with_bridge();
    let (ok, said) = run(&listener, &["validate", &listener.url(), "--dialect", "liveops"]);
    assert!(ok && said.contains("ok      HTTP bridge: "), "{said}");

    // One generation's fields alone are not enough.
    fn flat_only(frame: &Value) -> Vec<(bool, Value)> {
        let mut answers = liveops_answers(frame);
        if frame["type"] == "event" {
            for (_, answer) in &mut answers {
                answer.as_object_mut().unwrap().remove("data");
            }
        }
        answers
    }
    let peer = Peer::start(nothing_http, liveops_opens, flat_only);
    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "liveops"]);
    assert!(!ok && said.contains("FAILED  probe: data lacks its fields"), "{said}");

    let peer = Peer::start(nothing_http, no_frames, no_answers);
    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "liveops"]);
    assert!(!ok && said.contains("FAILED  connect: no welcome within"), "{said}");
}

#[test]
fn who_listens_and_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", silent.local_addr().unwrap());
    for arguments in
        [&["validate", &url, "--dialect", "trader"][..], &["emit", "--url", &url, "--dialect", "liveops", "--sample"]]
    {
        let output = Command::new(BIN).args(arguments).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success() && said.contains("does not answer within"), "{said}");
    }
}

// mesh

/// A registry that holds what the check asks about, by the words of its requests.
fn mesh_http(request: &str, body: &Value) -> (u16, Value) {
    static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap();
    let good = |data: Value| json!({"success": true, "data": data, "message": "as asked", "timestamp": "now"});
    let bad = |code: &str, message: String| json!({"success": false, "error": {"code": code, "message": message, "details": null}, "timestamp": "now"});
    let (method, path) = request.split_once(' ').unwrap();
    let mut parts = path.trim_start_matches("/api/v1/agents").trim_start_matches('/').split('/');
    let (id, rest) = (parts.next().unwrap().to_owned(), parts.next().unwrap_or_default());
    let told = |name: &str, data: Value, answer: Value| json!({"stream": [{"event": name, "data": data}], "answer": answer});
    match (method, rest) {
        ("GET", _) if path == "/api/v1/events" => (0, Value::Null),
        ("POST", "") => {
            let id = body["id"].as_str().unwrap().to_owned();
            if known.contains(&id) {
                return (400, bad("BAD_REQUEST", format!("Agent ID '{id}' already exists")));
            }
            known.push(id.clone());
            (201, told("agent_registered", json!({"agent_id": id}), good(json!({"agent_id": id, "registered_at": "now"}))))
        }
        (_, _) if !known.contains(&id) => (404, bad("NOT_FOUND", format!("Agent '{id}' not found"))),
        ("POST", "heartbeat") if ["healthy", "unhealthy"].iter().all(|status| body["status"] != *status) => {
            (422, bad("VALIDATION", "status".into()))
        }
        ("POST", "heartbeat") => {
            let data = json!({"agent_id": id, "status": body["status"], "timestamp": "now", "next_check": "soon"});
            (
                200,
                told(
                    "agent_health_changed",
                    json!({"agent_id": id, "status": body["status"], "old_status": "unknown"}),
                    good(data),
                ),
            )
        }
        ("GET", "trust") => (200, good(json!({"agent_id": id, "trust_score": 0.5, "breakdown": {"overall": 0.5}}))),
        ("DELETE", _) => {
            known.retain(|other| *other != id);
            (200, good(json!({"agent_id": id})))
        }
        _ => (200, good(json!({"agent_id": id}))),
    }
}

#[test]
fn emit_and_validate_keep_a_registry_as_mesh_clients_do() {
    let peer = Peer::start(mesh_http, no_frames, no_answers);
    let card = r#"{"name":"A","version":"1.0","endpoint":"http://localhost:9","capabilities":["read"]}"#;
    let emit = |kind: &str, payload: &str| {
        run(&peer, &["emit", "--dialect", "mesh", kind, "--entity", "agent:emit:1", "--payload", payload])
    };
    let (ok, said) = emit("agent.registered", card);
    assert!(ok && said == "201: as asked\n", "{said}");
    let wanted =
        json!({"id": "emit:1", "name": "A", "version": "1.0", "endpoint": "http://localhost:9", "skills": [{"name": "read"}]});
    assert_eq!(peer.told(), [("POST /api/v1/agents".to_owned(), wanted)]);
    let (ok, said) = emit("agent.registered", card);
    assert!(!ok && said.contains("400: Agent ID 'emit:1' already exists"), "{said}");
    peer.told();
    run(
        &peer,
        &["emit", "--dialect", "mesh", "agent.health_changed", "--entity", "agent:x", "--payload", r#"{"status":"healthy"}"#],
    );
    assert_eq!(peer.told(), [("POST /api/v1/agents/x/heartbeat".to_owned(), json!({"status": "healthy"}))]);
    let (ok, said) = run(&peer, &["emit", "--dialect", "mesh", "--sample", "--delay-ms", "0"]);
    assert!(ok && said.starts_with("6 sent"), "{said}");
    let methods: Vec<String> = peer.told().iter().map(|(request, _)| request.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(methods, ["POST", "POST", "POST", "POST", "PUT", "DELETE"]);

    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "mesh"]);
    assert!(ok, "{said}");
    for step in ["connect", "register", "registered twice", "heartbeat", "trust", "remove"] {
        assert!(said.lines().any(|line| line.starts_with(&format!("ok      {step}:"))), "{step}: {said}");
    }
    // A registry that tells nothing on its stream.
    fn silent(request: &str, body: &Value) -> (u16, Value) {
        let (status, answer) = mesh_http(request, body);
        (status, answer.get("answer").cloned().unwrap_or(answer))
    }
    let peer = Peer::start(silent, no_frames, no_answers);
    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "mesh"]);
    assert!(!ok && said.contains("FAILED  register: no agent_registered"), "{said}");
}

// sessions

fn sessions_opens(_: &str) -> Vec<Value> {
    vec![json!({"type": "connected", "timestamp": 1})]
}

/// The play follows the subscription; its end waits for the permission.
fn sessions_answers(frame: &Value) -> Vec<(bool, Value)> {
    let here = |frame: Value| (false, frame);
    match frame["type"].as_str() {
        Some("subscribe") => vec![
            here(json!({"type": "text_delta", "sessionId": "s1", "delta": "Hel"})),
            here(json!({"type": "text_delta", "sessionId": "s1", "delta": "lo"})),
            here(json!({"type": "text_complete", "sessionId": "s1", "text": "Hello"})),
            here(
                json!({"type": "permission_request", "sessionId": "s1", "request": {"requestId": "r1", "toolName": "x", "command": "", "description": ""}}),
            ),
        ],
        Some("permission_response") if frame["requestId"] == "r1" && frame["allowed"] == true => {
            vec![here(json!({"type": "complete", "sessionId": "s1"}))]
        }
        _ => Vec::new(),
    }
}

fn sessions_http(request: &str, body: &Value) -> (u16, Value) {
    match request {
        "POST /api/sessions" if !body["workspaceId"].is_string() => (400, json!({"error": "Bad Request"})),
        "POST /api/sessions" => (201, json!({"id": "s1"})),
        "POST /api/sessions/s1/messages" => (202, json!({"accepted": true})),
        "POST /api/sessions/s1/abort" => (200, json!({"success": true})),
        _ => (404, json!({"error": "Session not found"})),
    }
}

#[test]
fn emit_and_validate_talk_to_sessions() {
    let peer = Peer::start(sessions_http, sessions_opens, sessions_answers);
    let (ok, said) =
        run(&peer, &["emit", "--dialect", "sessions", "message", "--payload", r#"{"message":"hi","driver":"tour"}"#]);
    assert!(ok && said == "session s1 took the message\n", "{said}");
    let told = [
        ("POST /api/sessions".to_owned(), json!({"workspaceId": "swarmdeck", "driver": "tour"})),
        ("POST /api/sessions/s1/messages".to_owned(), json!({"message": "hi"})),
    ];
    assert_eq!(peer.told(), told);
    let (ok, said) =
        run(&peer, &["emit", "--dialect", "sessions", "message", "--entity", "session:s2", "--payload", r#"{"message":"hi"}"#]);
    assert!(!ok && said.contains("404: Session not found"), "{said}");
    assert_eq!(peer.told().len(), 1, "a named session is not created");
    let (ok, said) = run(&peer, &["emit", "--dialect", "sessions", "abort", "--entity", "session:s1"]);
    assert!(ok && said == "session s1 was broken off\n", "{said}");

    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "sessions"]);
    assert!(
        ok && said.contains("ok      stream: 2 pieces of text that are the whole, 0 tools, 1 permissions given, complete"),
        "{said}"
    );

    fn no_driver(request: &str, body: &Value) -> (u16, Value) {
        if request == "POST /api/sessions" && body["driver"].is_string() {
            return (409, json!({"error": "no such driver"}));
        }
        sessions_http(request, body)
    }
    let peer = Peer::start(no_driver, sessions_opens, sessions_answers);
    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "sessions"]);
    assert!(ok && said.contains("skipped stream: ") && said.contains("409 no such driver"), "{said}");

    // A piece is lost.
    fn lossy(frame: &Value) -> Vec<(bool, Value)> {
        let mut answers = sessions_answers(frame);
        answers.retain(|(_, answer)| answer["delta"] != "lo");
        answers
    }
    let peer = Peer::start(sessions_http, sessions_opens, lossy);
    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "sessions"]);
    assert!(!ok && said.contains(r#"FAILED  stream: the pieces are "Hel", the whole is "Hello""#), "{said}");
}

// trader

fn trader_opens(_: &str) -> Vec<Value> {
    let frame = |kind: &str, data: Value| json!({"type": kind, "timestamp": 1, "data": data});
    let stats = json!({"todayTrades": 0, "openPositions": 0, "realizedPnL": 0, "unrealizedPnL": 0, "dailyPnL": 0, "winRate": 0, "balance": 10});
    vec![
        frame("CONNECTED", json!({"message": "welcome"})),
        frame("INITIAL_TRADES", json!({"trades": []})),
        frame("POSITIONS_UPDATE", json!({"positions": []})),
        frame("STATS_UPDATE", stats),
    ]
}

fn trader_answers(frame: &Value) -> Vec<(bool, Value)> {
    match (frame["type"].as_str(), frame["action"].as_str()) {
        (Some("SIMULATE"), Some("sell")) => {
            vec![(false, json!({"type": "SIMULATE_ACK", "data": {"success": false, "error": "nothing is held"}}))]
        }
        (Some("SIMULATE"), Some(action)) => {
            vec![(false, json!({"type": "SIMULATE_ACK", "data": {"action": action, "success": true}}))]
        }
        _ => Vec::new(),
    }
}

#[test]
fn emit_and_validate_move_the_paper_engine() {
    let peer = Peer::start(nothing_http, trader_opens, trader_answers);
    let (ok, said) = run(&peer, &["emit", "--dialect", "trader", "buy", "--payload", r#"{"mint":"M","amount":1}"#]);
    assert!(ok && said.contains(r#""type":"SIMULATE_ACK""#) && said.contains(r#""action":"buy""#), "{said}");
    assert_eq!(
        peer.told(),
        [("WS /ws/trader".to_owned(), json!({"type": "SIMULATE", "action": "buy", "mint": "M", "amount": 1}))]
    );
    let (ok, said) = run(&peer, &["emit", "--dialect", "trader", "sell"]);
    assert!(!ok && said.contains("refused: nothing is held"), "{said}");
    let (ok, said) = run(&peer, &["emit", "--dialect", "trader", "hold"]);
    assert!(!ok && said.contains("TYPE is one of scan, buy, sell, buyback"), "{said}");

    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "trader"]);
    assert!(ok, "{said}");
    let steps: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("ok      ")?.split(':').next()).collect();
    assert_eq!(steps, ["connect", "CONNECTED", "INITIAL_TRADES", "POSITIONS_UPDATE", "STATS_UPDATE", "SIMULATE_ACK"]);

    fn out_of_order(path: &str) -> Vec<Value> {
        let mut frames = trader_opens(path);
        frames.swap(2, 3);
        frames
    }
    let peer = Peer::start(nothing_http, out_of_order, trader_answers);
    let (ok, said) = run(&peer, &["validate", &peer.url(), "--dialect", "trader"]);
    assert!(!ok && said.contains("FAILED  POSITIONS_UPDATE: in its place came") && said.contains("STATS_UPDATE"), "{said}");
}
