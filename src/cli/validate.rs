//! `swarmdeck validate`: whether a running server keeps its promises, step by step.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use tungstenite::client::IntoClientRequest as _;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket, connect};

use super::Target;
use super::client::Client;
use crate::event::control::{Control, Frame, Hello, Resumed};
use crate::event::{Cursor, Event};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  swarmdeck validate http://127.0.0.1:3000")]
pub(super) struct Validate {
    /// The server
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:3000", env = "SWARMDECK_URL")]
    url: String,
    /// The server's token, where it wants one
    #[arg(long, env = "SWARMDECK_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

type Socket = WebSocket<MaybeTlsStream<TcpStream>>;

impl Validate {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let client = Client::new(&Target { url: self.url, token: self.token })?;
        let mut failed = 0;
        let mut check = |name: &str, outcome: anyhow::Result<String>| match outcome {
            Ok(found) => println!("ok      {name}: {found}"),
            Err(error) => {
                failed += 1;
                println!("FAILED  {name}: {error:#}");
            }
        };
        check("ready", ready(&client));
        match Follower::open(&client, None) {
            Err(error) => check("connect", Err(error)),
            Ok(mut follower) => {
                let hello = &follower.hello;
                check("connect", Ok(format!("log {} at event {}", hello.epoch, hello.head)));
                check("ping", follower.ping());
                let probe = follower.probe(&client);
                let seq = probe.as_ref().ok().copied();
                check("probe", probe.map(|seq| format!("the event sent came back as {seq}")));
                check(
                    "resume",
                    seq.context("without a probe there is nothing to resume")
                        .and_then(|seq| resume(&client, &follower.hello, seq)),
                );
                check(
                    "page of the log",
                    seq.context("without a probe there is nothing to read")
                        .and_then(|seq| read_back(&client, &follower.hello, seq)),
                );
            }
        }
        if failed > 0 {
            bail!("{failed} checks failed");
        }
        Ok(())
    }
}

fn ready(client: &Client) -> anyhow::Result<String> {
    let (status, body) = client.get("/readyz")?;
    ensure!(status == 200, "{status}: {}", body.trim());
    Ok(body.trim().to_owned())
}

/// A WebSocket that has said hello.
struct Follower {
    socket: Socket,
    hello: Hello,
}

impl Follower {
    fn open(client: &Client, after: Option<Cursor>) -> anyhow::Result<Self> {
        let base = client.url().replacen("http", "ws", 1);
        let query = after.map(|cursor| format!("?after={cursor}")).unwrap_or_default();
        let mut request = format!("{base}/ws/events{query}").into_client_request()?;
        if let Some(token) = client.token() {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        }
        let (mut socket, _) = connect(request).with_context(|| format!("cannot connect to {base}/ws/events"))?;
        if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
            stream.set_read_timeout(Some(PATIENCE))?;
        }
        let first = socket.read().context("no first frame")?;
        match Frame::parse(first.to_text()?)? {
            Frame::Control(Control::Hello(hello)) => Ok(Self { socket, hello }),
            other => bail!("the first frame is {other:?}, not stream.hello"),
        }
    }

    fn ping(&mut self) -> anyhow::Result<String> {
        let began = Instant::now();
        self.socket.send(Message::text("{\"type\":\"ping\"}"))?;
        while began.elapsed() < PATIENCE {
            let message = self.socket.read().context("no pong")?;
            if message.to_text().is_ok_and(|text| text.contains("\"type\":\"pong\"")) {
                return Ok(format!("pong after {:.1} ms", began.elapsed().as_secs_f64() * 1e3));
            }
        }
        bail!("no pong within {PATIENCE:?}")
    }

    /// Sends an event and sees it come back; its seq.
    fn probe(&mut self, client: &Client) -> anyhow::Result<u64> {
        let id = format!("probe-{}", crate::hub::now().0);
        let event = format!("{{\"type\":\"swarmdeck.probe\",\"source\":\"validate\",\"id\":\"{id}\",\"payload\":{{}}}}");
        let receipt = client.send(&event)?;
        let seq = self.wait_for(|event| event.id.as_deref() == Some(&id))?;
        ensure!(seq == receipt.last_seq, "acknowledged as {} and delivered as {seq}", receipt.last_seq);
        let again = client.send(&event)?;
        ensure!(again.duplicates == 1 && again.last_seq == seq, "the same event sent again is stored as {}", again.last_seq);
        Ok(seq)
    }

    fn wait_for(&mut self, wanted: impl Fn(&Event) -> bool) -> anyhow::Result<u64> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let message = self.socket.read().context("the event does not come")?;
            if let Message::Text(text) = message
                && let Ok(Frame::Event { event, .. }) = Frame::parse(&text)
                && wanted(&event)
            {
                return Ok(event.seq);
            }
        }
        bail!("the event does not come within {PATIENCE:?}")
    }
}

/// Comes back with the cursor before the probe: exactly the probe must follow.
fn resume(client: &Client, hello: &Hello, seq: u64) -> anyhow::Result<String> {
    let before: Cursor = format!("{}-{}", hello.epoch, seq - 1).parse()?;
    let mut follower = Follower::open(client, Some(before))?;
    ensure!(follower.hello.resumed == Resumed::Exact, "taken up as {}", follower.hello.resumed);
    let next = follower.wait_for(|_| true)?;
    ensure!(next == seq, "after {before} comes {next}, not {seq}");
    Ok(format!("after {before} comes {seq}"))
}

fn read_back(client: &Client, hello: &Hello, seq: u64) -> anyhow::Result<String> {
    let (status, body) = client.get(&format!("/api/events?after={}-{}&limit=1", hello.epoch, seq - 1))?;
    ensure!(status == 200, "{status}: {body}");
    let page: serde_json::Value = serde_json::from_str(&body)?;
    ensure!(page["events"][0]["seq"] == seq, "the page begins with {}", page["events"][0]["seq"]);
    Ok(format!("event {seq} is in the log"))
}
