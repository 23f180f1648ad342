//! Section 4.2: which requests open a WebSocket, and what answers them.

use super::case::Target;
use super::wire::{Frame, Heard, PONG, TEXT, Wire};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What the RFC answers to it, section 1.3.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What a request is to bring.
#[derive(Debug, Clone)]
pub(super) enum Meant {
    /// 101, with this `Sec-WebSocket-Accept`.
    Opened(&'static str),
    /// A status of 4xx.
    Refused,
    /// 4xx, with the version that is spoken: section 4.4.
    OtherVersion,
}

/// A request, and what it is to bring.
#[derive(Debug, Clone)]
pub(super) struct Handshake {
    pub(super) name: String,
    line: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What comes in the same bytes behind it.
    behind: Vec<u8>,
    bytewise: bool,
    meant: Meant,
}

impl Handshake {
    fn new(what: &str, meant: Meant) -> Self {
        let headers = [
            ("Host", "localhost"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ];
        Self {
            name: format!("4.2 {what}"),
            line: "GET * HTTP/1.1",
            headers: headers.map(|(name, value)| (name, value.to_owned())).to_vec(),
            behind: Vec::new(),
            bytewise: false,
            meant,
        }
    }

    /// With another method or version; `*` stands for the path.
    fn line(mut self, line: &'static str) -> Self {
        self.line = line;
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    /// With one more header, at the end.
    fn plus(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// With another value.
    fn with(self, name: &'static str, value: impl Into<String>) -> Self {
        self.without(name).plus(name, value)
    }

    fn behind(mut self, bytes: &[u8]) -> Self {
        self.behind = bytes.to_vec();
        self
    }

    fn bytewise(mut self) -> Self {
        self.bytewise = true;
        self
    }

    fn bytes(&self, path: &str) -> Vec<u8> {
        let mut head = self.line.replace('*', path) + "\r\n";
        for (name, value) in &self.headers {
            head += &[name, ": ", value, "\r\n"].concat();
        }
        head += "\r\n";
        [head.as_bytes(), &self.behind].concat()
    }

    /// What a server does wrong; none where it does right.
    fn fault(&self, target: &Target) -> Option<String> {
        self.run(target).err().map(|fault| format!("{} {}: {fault}", target.path, self.name))
    }

    fn run(&self, target: &Target) -> Result<(), String> {
        let mut wire = Wire::connect(target.port);
        let bytes = self.bytes(target.path);
        if self.bytewise {
            bytes.iter().for_each(|byte| wire.write(&[*byte]));
        } else {
            wire.write(&bytes);
        }
        let head = wire.head()?;
        let status: u16 = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let all = |wanted: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim()).collect::<Vec<_>>()
        };
        let versions = all("Sec-WebSocket-Version").join(",");
        match self.meant {
            Meant::Opened(accept) if status == 101 => {
                let named = |name: &str, value: &str| all(name).len() == 1 && all(name)[0].eq_ignore_ascii_case(value);
                if !named("Upgrade", "websocket") || !named("Connection", "upgrade") || all("Sec-WebSocket-Accept") != [accept] {
                    return Err(format!("answered {head}"));
                }
                // Neither may be there that was not offered; extensions never, here and with the other.
                let offered = self.headers.iter().any(|(name, _)| *name == "Sec-WebSocket-Protocol");
                if !all("Sec-WebSocket-Extensions").is_empty() || all("Sec-WebSocket-Protocol").len() > usize::from(offered) {
                    return Err(format!("answered {head}"));
                }
                self.talk(&mut wire)
            }
            Meant::Refused if (400..500).contains(&status) => Ok(()),
            Meant::OtherVersion if (400..500).contains(&status) && versions.split(',').any(|version| version.trim() == "13") => {
                Ok(())
            }
            _ => Err(format!("meant to be {:?}, answered {head:?}", self.meant)),
        }
    }

    /// The connection is there, and what came behind the handshake was heard.
    fn talk(&self, wire: &mut Wire) -> Result<(), String> {
        let mut wanted = vec![b"now".to_vec()];
        if !self.behind.is_empty() {
            wanted.insert(0, b"early".to_vec());
        }
        wire.send(&Frame::ping("now"));
        for wanted in wanted {
            loop {
                match wire.hear()? {
                    Heard::Frame(PONG, bytes) if bytes == wanted => break,
                    Heard::Frame(TEXT, _) => {}
                    other => return Err(format!("a ping is answered {other:?}")),
                }
            }
        }
        Ok(())
    }
}

/// Runs handshakes against a server, and lists all that fail.
pub(super) fn conforms(target: &Target, handshakes: &[Handshake]) {
    let failed: Vec<String> = handshakes.iter().filter_map(|handshake| handshake.fault(target)).collect();
    assert!(failed.is_empty(), "{} of {} handshakes fail:\n{}", failed.len(), handshakes.len(), failed.join("\n"));
}

pub(super) fn cases() -> Vec<Handshake> {
    [accepted(), pieces(), no_upgrade(), versions(), keys()].concat()
}

fn accepted() -> Vec<Handshake> {
    let open = |what| Handshake::new(what, Meant::Opened(ACCEPT));
    let mut cases = vec![
        open("the plainest"),
        open("small names of headers").without("Upgrade").plus("upgrade", "websocket"),
        open("a great name of a header").without("Sec-WebSocket-Key").plus("SEC-WEBSOCKET-KEY", KEY),
        open("great letters in Upgrade").with("Upgrade", "WebSocket"),
        open("small letters in Connection").with("Connection", "upgrade"),
        open("Connection with more words").with("Connection", "keep-alive, Upgrade"),
        open("Connection twice").plus("Connection", "keep-alive"),
        open("spaces around values").with("Sec-WebSocket-Version", "  13  ").with("Sec-WebSocket-Key", format!(" {KEY} ")),
        open("an extension that is not spoken").plus("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
        open("an extension that nobody knows").plus("Sec-WebSocket-Extensions", "x-webkit-nothing"),
        open("extensions on two lines").plus("Sec-WebSocket-Extensions", "a").plus("Sec-WebSocket-Extensions", "b; c=\"d\""),
        open("a subprotocol").plus("Sec-WebSocket-Protocol", "chat"),
        open("subprotocols").plus("Sec-WebSocket-Protocol", "chat, superchat"),
        open("a header that nobody knows").plus("X-Nothing", "nothing"),
        open("a long header").plus("Cookie", format!("a={}", "x".repeat(4_000))),
        open("headers in another order").with("Host", "localhost").with("Upgrade", "websocket"),
        open("a page of this server").plus("Origin", "http://localhost"),
    ];
    for (key, accept) in [
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
        ("AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
        ("+/+/+/+/+/+/+/+/+/+/+w==", "M0DUs3om0SqzerhOhYSMM7WQuBQ="),
        ("/////////////////////w==", "XXpj4jYzLM2yUE0C7TIgMwTQh2g="),
    ] {
        cases.push(Handshake::new(&format!("the key {key}"), Meant::Opened(accept)).with("Sec-WebSocket-Key", key));
    }
    cases
}

/// The client need not wait for the answer, nor send its request in one piece.
fn pieces() -> Vec<Handshake> {
    let open = |what| Handshake::new(what, Meant::Opened(ACCEPT));
    let ping = Frame::ping("early").bytes();
    vec![
        open("one byte at a time").bytewise(),
        open("a frame right behind it").behind(&ping),
        open("a frame right behind it, one byte at a time").behind(&ping).bytewise(),
        open("a message and a frame right behind it").behind(&[Frame::binary([0; 20_000]).bytes(), ping].concat()),
    ]
}

fn no_upgrade() -> Vec<Handshake> {
    let refused = |what| Handshake::new(what, Meant::Refused);
    vec![
        refused("POST").line("POST * HTTP/1.1"),
        refused("HEAD").line("HEAD * HTTP/1.1"),
        refused("PUT").line("PUT * HTTP/1.1"),
        refused("HTTP/1.0").line("GET * HTTP/1.0"),
        refused("no Upgrade").without("Upgrade"),
        refused("Upgrade to something else").with("Upgrade", "h2c"),
        refused("Upgrade to something like it").with("Upgrade", "websockets"),
        refused("no Connection").without("Connection"),
        refused("Connection without upgrade").with("Connection", "keep-alive"),
        refused("Connection with a word like it").with("Connection", "upgraded"),
        refused("no Host").without("Host"),
        refused("a body").plus("Content-Length", "8").behind(&Frame::ping("xx").bytes()),
        refused("a body in chunks").plus("Transfer-Encoding", "chunked").behind(b"8\r\n12345678\r\n0\r\n\r\n"),
    ]
}

fn versions() -> Vec<Handshake> {
    let other = |what: &str| Handshake::new(what, Meant::OtherVersion);
    let mut cases = vec![
        other("no version").without("Sec-WebSocket-Version"),
        other("two versions on two lines").plus("Sec-WebSocket-Version", "8"),
        other("a version twice").plus("Sec-WebSocket-Version", "13"),
    ];
    for version in ["", "0", "7", "8", "12", "14", "25", "255", "13.0", "013", "+13", "13, 8", "8, 13", "thirteen"] {
        cases.push(other(&format!("the version {version:?}")).with("Sec-WebSocket-Version", version));
    }
    cases
}

/// Sixteen bytes in base64, once.
fn keys() -> Vec<Handshake> {
    let refused = |what: &str| Handshake::new(what, Meant::Refused);
    let mut cases = vec![
        refused("no key").without("Sec-WebSocket-Key"),
        refused("a key twice").plus("Sec-WebSocket-Key", KEY),
        refused("two keys").plus("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw=="),
    ];
    for (what, key) in [
        ("an empty key", ""),
        ("a key of 15 bytes", "AAECAwQFBgcICQoLDA0O"),
        ("a key of 17 bytes", "AAECAwQFBgcICQoLDA0ODxA="),
        ("a key of 18 bytes", "AAECAwQFBgcICQoLDA0ODxAR"),
        ("a key without padding", "dGhlIHNhbXBsZSBub25jZQ"),
        ("a key with letters of no base64", "dGhlIHNh!XBsZSBub25jZQ=="),
        ("a key in the other base64", "-_-_-_-_-_-_-_-_-_-_-w=="),
        ("a key with a space", "dGhlIHNh XBsZSBub25jZQ=="),
        ("a key with padding within", "dGhlIHNhbXBsZSBub25j=Q=="),
        ("a key of padding", "========================"),
    ] {
        cases.push(refused(what).with("Sec-WebSocket-Key", key));
    }
    cases
}
