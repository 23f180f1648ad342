//! A client of a dialect, and servers with ports of their own for it.

use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Error, Message, WebSocket};

use crate::support::{BIN, PATIENCE, Server, ports, until};

/// A WebSocket at any address of this machine.
pub(super) struct Client(pub(super) WebSocket<TcpStream>);

impl Client {
    /// Connects as soon as somebody listens there.
    pub(super) fn open(port: u16, path: &str) -> Self {
        Self::try_open(port, path).unwrap_or_else(|status| panic!("{path} is answered {status}"))
    }

    /// The same; the status where the handshake is refused.
    pub(super) fn try_open(port: u16, path: &str) -> Result<Self, u16> {
        let stream = until("somebody listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self::over(stream, port, path)
    }

    /// A client whose system takes in little that it does not read.
    pub(super) fn narrow(port: u16, path: &str) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(64 << 10).unwrap();
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
        Self::over(socket.into(), port, path).unwrap_or_else(|status| panic!("{path} is answered {status}"))
    }

    fn over(stream: TcpStream, port: u16, path: &str) -> Result<Self, u16> {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match tungstenite::client(format!("ws://localhost:{port}{path}"), stream) {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
            Err(other) => panic!("{path}: {other}"),
        }
    }

    pub(super) fn say(&mut self, frame: &Value) {
        self.text(&frame.to_string());
    }

    pub(super) fn text(&mut self, text: &str) {
        self.0.send(Message::text(text)).unwrap();
    }

    /// The next frame, whatever it is.
    pub(super) fn any(&mut self) -> Value {
        loop {
            match self.0.read().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(close) => panic!("it was closed: {close:?}"),
                _ => {}
            }
        }
    }

    /// The next frame but for the numbers of every second and the heartbeats.
    pub(super) fn next(&mut self) -> Value {
        until("a frame comes", || {
            Some(self.any()).filter(|it| it["type"] != "metrics:update" && it["type"] != "stream.heartbeat")
        })
    }

    /// The next frame of this type; others pass.
    pub(super) fn find(&mut self, kind: &str) -> Value {
        until(kind, || Some(self.any()).filter(|frame| frame["type"] == kind))
    }

    /// Reads to the close; its code and reason.
    pub(super) fn closed(mut self) -> (u16, String) {
        until("it is closed", || match self.0.read().unwrap() {
            Message::Close(Some(close)) => Some((close.code.into(), close.reason.to_string())),
            _ => None,
        })
    }

    /// Reads to the end of the connection, which comes without a close.
    pub(super) fn cut_off(mut self) {
        until("the connection ends", || match self.0.read() {
            Ok(Message::Close(close)) => panic!("it was closed: {close:?}"),
            Ok(_) => None,
            Err(Error::Io(error)) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                panic!("it hangs")
            }
            Err(_) => Some(()),
        });
    }

    /// Leaves in good order.
    pub(super) fn leave(mut self) {
        self.0.close(None).unwrap();
        until("the other side agrees", || self.0.read().is_err().then_some(()));
    }
}

/// A frame without its time, which must be there.
pub(super) fn timeless(mut frame: Value) -> Value {
    let timestamp = frame.as_object_mut().unwrap().remove("timestamp");
    assert!(timestamp.is_some_and(|told| told.as_i64().is_some_and(|ms| ms > 1_600_000_000_000)), "{frame}");
    frame
}

/// A deck with listeners beside it.
pub(super) struct Deck {
    pub(super) server: Server,
    pub(super) liveops: u16,
    pub(super) trader: u16,
}

impl Deck {
    pub(super) fn start() -> Self {
        let liveops = ports(3);
        let trader = liveops + 2;
        let (first, second) = (liveops.to_string(), trader.to_string());
        let flags = ["--durability", "crash", "--liveops-port", &first, "--trader-port", &second];
        Self { server: Server::with(&flags), liveops, trader }
    }

    /// Every address of a WebSocket dialect: port and path.
    pub(super) fn sockets(&self) -> [(u16, &'static str); 6] {
        let port = self.server.port;
        [
            (port, "/ws/events"),
            (port, "/ws/liveops"),
            (self.liveops, "/at/any/path"),
            (port, "/ws"),
            (port, "/ws/trader"),
            (self.trader, "/at/any/path"),
        ]
    }
}

/// `swarmdeck event-server start` in the foreground; killed at the end.
pub(super) struct EventServer {
    child: Child,
    pub(super) port: u16,
    _folder: TempDir,
}

impl EventServer {
    pub(super) fn start(flags: &[&str]) -> Self {
        let (folder, port) = (TempDir::new().unwrap(), ports(2));
        let child = Command::new(BIN)
            .args(["event-server", "start", "--port", &port.to_string()])
            .args(flags)
            .current_dir(folder.path())
            .env("SWARMDECK_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child, port, _folder: folder };
        until("it listens", || TcpStream::connect(("127.0.0.1", port + 1)).ok());
        server
    }

    /// Asks it to stop, and waits until it has.
    pub(super) fn stop(&mut self) -> bool {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        self.child.wait().unwrap().success()
    }
}

impl Drop for EventServer {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// One request, and its answer.
pub(super) fn http(port: u16, method: &str, path: &str, body: &str) -> (u16, String) {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).allow_non_standard_methods(true).build().into();
    let url = format!("http://localhost:{port}{path}");
    let request = ureq::http::Request::builder().method(method).uri(url).body(body.to_owned()).unwrap();
    let mut response = agent.run(request).unwrap();
    (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
}

/// The bodies that the bridge refuses, and what it says.
pub(super) fn check_bridge(port: u16) {
    let answer = |method: &str, path: &str, body: &str| {
        let (status, text) = http(port, method, path, body);
        (status, serde_json::from_str::<Value>(&text).unwrap_or(Value::String(text)))
    };
    for body in ["", "{", "no json", "{\"channel\":\"agents\",}"] {
        assert_eq!(answer("POST", "/event", body), (400, json!({"error": "Invalid JSON"})), "{body}");
    }
    for body in ["{}", "[]", "null", r#"{"channel":"agents"}"#, r#"{"type":"x"}"#, r#"{"channel":1,"type":"x"}"#] {
        assert_eq!(answer("POST", "/event", body), (400, json!({"error": "Missing channel or type"})), "{body}");
    }
    for (method, path) in [("GET", "/event"), ("PUT", "/event"), ("POST", "/"), ("POST", "/events"), ("GET", "/api/state")] {
        let body = if method == "GET" { "" } else { "{}" };
        assert_eq!(answer(method, path, body), (404, json!({"error": "Not found. POST to /event"})), "{method} {path}");
    }
}
