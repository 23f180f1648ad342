//! A server of one's own, and ways to talk to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// The binary under test.
pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_swarmdeck");
/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something holds.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::yield_now();
    }
}

/// The first of some ports in a row that are free. They are below those that the system gives to
/// whoever asks for any, so that nobody takes one between this look and the use, or while a server
/// is killed and started again.
pub(crate) fn ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = (std::process::id() % 300) as u16 * 64;
    until("ports in a row are free", || {
        let first = 10_000 + begin.wrapping_add(NEXT.fetch_add(count, Ordering::Relaxed)) % 20_000;
        (first..first + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()).then_some(first)
    })
}

/// A server in a folder of its own; killed at the end.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    flags: Vec<String>,
    child: Option<Child>,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(flags: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut server = Self { folder, flags, child: None, port: ports(1) };
        server.run();
        server
    }

    /// Starts, or starts again on the same log and port.
    pub(crate) fn run(&mut self) {
        let mut child = Command::new(BIN)
            .args(["serve", "--addr", &format!("127.0.0.1:{}", self.port), "--data", "data"])
            .args(&self.flags)
            .current_dir(self.folder.path())
            .env("SWARMDECK_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.port =
            line.trim().rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("it says {line:?}"));
        self.child = Some(child);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn stop(&mut self) -> bool {
        self.signal("-TERM");
        let mut child = self.child.take().unwrap();
        child.wait().unwrap().success()
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// How much memory it has, where the system says so in `/proc`; 0 elsewhere.
    pub(crate) fn resident_kb(&self) -> u64 {
        let status = self.child.as_ref().and_then(|child| std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok());
        let line = status.as_deref().and_then(|status| status.lines().find_map(|line| line.strip_prefix("VmRSS:")));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.text(path, &[]);
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(crate) fn text(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = agent().get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.call().unwrap();
        (response.status().as_u16(), response.body_mut().with_config().limit(1 << 28).read_to_string().unwrap())
    }

    pub(crate) fn post(&self, body: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = agent().post(self.url("/api/events"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Asks with a method and a JSON body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request =
            ureq::http::Request::builder().method(method).uri(self.url(path)).header("content-type", "application/json");
        let mut response = agent().run(request.body(body.to_string()).unwrap()).unwrap();
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Sends events that fit; the last seq.
    pub(crate) fn send(&self, events: &Value) -> u64 {
        let (status, answer) = self.post(&events.to_string(), &[]);
        assert_eq!(status, 200, "{answer}");
        answer["last_seq"].as_u64().unwrap()
    }

    /// A probe event with a number.
    pub(crate) fn probe(&self, n: u64) -> u64 {
        self.send(&probe(n))
    }

    pub(crate) fn cursor(&self, seq: u64) -> String {
        format!("{}-{seq}", self.epoch())
    }

    pub(crate) fn epoch(&self) -> String {
        self.get("/api/state").1["cursor"].as_str().unwrap().split('-').next().unwrap().to_owned()
    }

    /// All events of the log.
    pub(crate) fn log(&self) -> Vec<Value> {
        let mut events = Vec::new();
        let mut after = "0".to_owned();
        loop {
            let (status, page) = self.get(&format!("/api/events?after={after}&limit=1000"));
            assert_eq!(status, 200, "{page}");
            let found = page["events"].as_array().unwrap();
            events.extend(found.iter().cloned());
            if found.len() < 1_000 {
                return events;
            }
            page["next"].as_str().unwrap().clone_into(&mut after);
        }
    }

    pub(crate) fn websocket(&self, query: &str) -> Socket {
        let request = format!("ws://127.0.0.1:{}/ws/events?{query}", self.port).into_client_request().unwrap();
        let (socket, _) = tungstenite::connect(request).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        Socket(socket)
    }

    /// A stream of Server-Sent Events over a plain socket.
    pub(crate) fn sse(&self, query: &str, headers: &str) -> Sse {
        self.stream(&format!("/sse/events?{query}"), headers)
    }

    /// The same at another address.
    pub(crate) fn stream(&self, path: &str, headers: &str) -> Sse {
        let mut stream = self.raw(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        Sse { lines: BufReader::new(stream), head }
    }

    /// The lines of an answer without an end, as a client of HTTP reads them.
    pub(crate) fn follow(&self, path: &str) -> impl Iterator<Item = std::io::Result<String>> + use<> {
        let answer = agent().get(self.url(path)).call().unwrap();
        BufReader::new(answer.into_body().into_reader()).lines()
    }

    /// A connection on which a request was written.
    pub(crate) fn raw(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// A command of the binary, aimed at this server.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BIN);
        command.args(arguments).env("SWARMDECK_URL", self.url("")).current_dir(self.folder.path());
        command
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

/// An event with a number.
pub(crate) fn probe(n: u64) -> Value {
    serde_json::json!({"type": "test.probe", "source": "test", "payload": {"n": n}})
}

pub(crate) struct Socket(pub(crate) WebSocket<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// The next text frame.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// The next event.
    pub(crate) fn event(&mut self) -> Value {
        until("an event comes", || Some(self.next()).filter(|frame| frame.get("seq").is_some()))
    }
}

pub(crate) struct Sse {
    lines: BufReader<TcpStream>,
    pub(crate) head: String,
}

impl Sse {
    /// The next event: id, name, data.
    pub(crate) fn next(&mut self) -> (String, String, Value) {
        let (mut id, mut name, mut data) = (String::new(), String::new(), String::new());
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream ended");
            match line.trim_end().split_once(": ") {
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("data", value)) => value.clone_into(&mut data),
                _ if line.trim_end().is_empty() && !data.is_empty() => return (id, name, serde_json::from_str(&data).unwrap()),
                _ => {}
            }
        }
    }

    pub(crate) fn event(&mut self) -> (String, Value) {
        until("an event comes", || {
            let (id, name, data) = self.next();
            (!name.starts_with("stream.")).then_some((id, data))
        })
    }
}
