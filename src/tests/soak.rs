//! A soak: clients come, go, stall and resume as they like while the server is killed and started
//! again. In the end each of them has the log, and the server has not grown.
//!
//! `SOAK_SECONDS` says how long it lasts (ten where it is not set; `make soak` takes five minutes),
//! `SOAK_SEED` which of all courses it takes, as far as the machine lets two be alike.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use crate::support::{PATIENCE, Server, until};

const FOLLOWERS: u64 = 18;
const SENDERS: u64 = 3;
/// In the last part of the time nobody kills: what the server then grows by is its own.
const QUIET: f64 = 0.4;
/// What a server that has been up for a while may still grow by: the newest events in memory, and
/// what the allocator keeps back.
const GROWTH_KB: u64 = 48 * 1_024;

/// Numbers that look like chance, the same for the same seed (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn of(seed: u64, who: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (who + 1).wrapping_mul(0xD1B5_4A32_D192_ED03))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn millis(&mut self, bound: u64) -> Duration {
        Duration::from_millis(self.below(bound))
    }
}

/// What everybody knows of the run.
#[derive(Debug)]
struct Run {
    port: u16,
    epoch: String,
    seed: u64,
    /// Whether the senders may end.
    over: AtomicBool,
    /// The last event that one who wants everything gets, and one who wants a sender's; 0 while
    /// nobody can tell.
    ends: [AtomicU64; 2],
    /// How often somebody came back, stalled, and was cut off.
    resumed: AtomicU64,
    stalled: AtomicU64,
    cut_off: AtomicU64,
}

#[test]
fn whoever_comes_and_goes_has_the_log_in_the_end() {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let (seconds, seed) = (number("SOAK_SECONDS").unwrap_or(10), number("SOAK_SEED").unwrap_or(1));
    let mut server = Server::with(&["--heartbeat", "1", "--durability", "crash"]);
    let run = Arc::new(Run {
        port: server.port,
        epoch: server.epoch(),
        seed,
        over: AtomicBool::new(false),
        ends: Default::default(),
        resumed: AtomicU64::default(),
        stalled: AtomicU64::default(),
        cut_off: AtomicU64::default(),
    });
    let began = Instant::now();
    let senders: Vec<_> = (0..SENDERS).map(|who| spawn(&run, move |run| send(run, who))).collect();
    let followers: Vec<_> = (0..FOLLOWERS).map(|who| spawn(&run, move |run| follow(run, who))).collect();
    let (mut chance, mut kills) = (Chance::of(seed, 99), 0);
    let kill_until = Duration::from_secs_f64(seconds as f64 * (1.0 - QUIET));
    while began.elapsed() < kill_until {
        std::thread::sleep(Duration::from_millis(500) + chance.millis(2_500));
        server.kill();
        server.run();
        kills += 1;
    }
    // It has been up for a third of the quiet time before anybody looks how large it is.
    let quiet = Duration::from_secs(seconds) - kill_until.min(Duration::from_secs(seconds));
    std::thread::sleep(quiet / 3);
    let before = server.resident_kb();
    std::thread::sleep(quiet - quiet / 3);
    let after = server.resident_kb();
    run.over.store(true, Ordering::SeqCst);
    let sent: u64 = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
    let log: Vec<(u64, u64)> = server.log().iter().map(number_of).collect();
    assert_eq!(log.len() as u64, sent, "each event that was acknowledged is there once");
    assert!(log.iter().map(|(seq, _)| *seq).eq(1..=sent), "no gap");
    let wanted = |some: bool| log.iter().copied().filter(|(_, n)| !some || n % SENDERS == 0).collect::<Vec<_>>();
    let wanted = [wanted(false), wanted(true)];
    for (end, wanted) in run.ends.iter().zip(&wanted) {
        end.store(wanted.last().unwrap().0, Ordering::SeqCst);
    }
    for (who, follower) in followers.into_iter().enumerate() {
        let (had, wanted) = (follower.join().unwrap(), &wanted[usize::from(is_picky(who as u64))]);
        assert!(had == *wanted, "client {who} has {} of {} events", had.len(), wanted.len());
    }
    println!(
        "{seconds} s, seed {seed}: {sent} events, {kills} kills; clients resumed {} times, stalled {}, were cut off {}; {before} KB, then {after} KB",
        run.resumed.load(Ordering::Relaxed),
        run.stalled.load(Ordering::Relaxed),
        run.cut_off.load(Ordering::Relaxed),
    );
    assert!(kills > 0 && run.resumed.load(Ordering::Relaxed) > FOLLOWERS, "there was something to survive");
    assert!(after < before + GROWTH_KB, "from {before} KB to {after} KB");
}

fn spawn<T: Send + 'static>(run: &Arc<Run>, work: impl FnOnce(&Run) -> T + Send + 'static) -> std::thread::JoinHandle<T> {
    let run = Arc::clone(run);
    std::thread::spawn(move || work(&run))
}

/// An event's place and its number: the sender's, and which of its own it is.
fn number_of(event: &Value) -> (u64, u64) {
    (event["seq"].as_u64().unwrap(), event["payload"]["n"].as_u64().unwrap())
}

/// Every third client wants one sender's events only.
fn is_picky(who: u64) -> bool {
    who % 3 == 2
}

/// Sends batches until the run is over, each until it is acknowledged; how many events.
fn send(run: &Run, who: u64) -> u64 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("http://127.0.0.1:{}/api/events", run.port);
    let (mut chance, mut sent) = (Chance::of(run.seed, 1_000 + who), 0);
    while !run.over.load(Ordering::SeqCst) {
        let many = 1 + chance.below(40);
        let event = |n: u64| {
            let n = n * SENDERS + who;
            json!({"type": "test.soak", "source": format!("sender-{who}"), "id": n.to_string(), "payload": {"n": n, "text": "x".repeat(200)}})
        };
        let body = Value::Array((sent..sent + many).map(event).collect()).to_string();
        until("the server comes back", || {
            let mut response = agent.post(&url).send(&body).ok()?;
            response.body_mut().read_to_string().ok()?;
            (response.status() == 200).then_some(())
        });
        sent += many;
        std::thread::sleep(chance.millis(30));
    }
    sent
}

/// Follows the log until its end, coming and going; what it got, in order.
fn follow(run: &Run, who: u64) -> Vec<(u64, u64)> {
    let mut chance = Chance::of(run.seed, who);
    let mut had: Vec<(u64, u64)> = Vec::new();
    let mut last = 0;
    loop {
        let cursor = if last == 0 { "0".to_owned() } else { format!("{}-{last}", run.epoch) };
        let filter = if is_picky(who) { "&source=sender-0" } else { "" };
        let query = format!("after={cursor}{filter}");
        let opened = if who % 3 == 1 { Stream::sse(run.port, &query) } else { Stream::websocket(run.port, &query) };
        let Some(mut stream) = opened else {
            std::thread::yield_now();
            continue;
        };
        run.resumed.fetch_add(1, Ordering::Relaxed);
        let stay = 1 + chance.below(8_000);
        for _ in 0..stay {
            let Some(frame) = stream.next() else {
                run.cut_off.fetch_add(1, Ordering::Relaxed);
                break;
            };
            let kind = frame["type"].as_str().unwrap_or_default();
            assert_ne!(kind, "stream.gap", "client {who} after {last}: {frame}");
            if !kind.starts_with("stream.") {
                let (seq, n) = number_of(&frame);
                assert_eq!(frame["prev"].as_u64().unwrap_or(seq - 1), last, "client {who}: what comes follows what it has");
                had.push((seq, n));
                last = seq;
            }
            let end = run.ends[usize::from(is_picky(who))].load(Ordering::SeqCst);
            if end != 0 && last == end {
                return had;
            }
            if end == 0 && chance.below(1_000) == 0 {
                run.stalled.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(chance.millis(1_500));
            }
        }
        if chance.below(2) == 0 {
            stream.close();
        }
    }
}

/// A connection that may end at any time.
enum Stream {
    WebSocket(Box<WebSocket<MaybeTlsStream<TcpStream>>>),
    Sse(BufReader<ureq::BodyReader<'static>>),
}

impl Stream {
    fn websocket(port: u16, query: &str) -> Option<Self> {
        let (socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{port}/ws/events?{query}")).ok()?;
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(PATIENCE)).ok()?;
        }
        Some(Self::WebSocket(Box::new(socket)))
    }

    fn sse(port: u16, query: &str) -> Option<Self> {
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_recv_body(None).build().into();
        let answer = agent.get(format!("http://127.0.0.1:{port}/sse/events?{query}")).call().ok()?;
        Some(Self::Sse(BufReader::new(answer.into_body().into_reader())))
    }

    /// The next frame; none where the connection ended.
    fn next(&mut self) -> Option<Value> {
        match self {
            Self::WebSocket(socket) => loop {
                if let Message::Text(text) = socket.read().ok()? {
                    return Some(serde_json::from_str(&text).unwrap());
                }
            },
            Self::Sse(lines) => {
                let mut line = String::new();
                loop {
                    line.clear();
                    if lines.read_line(&mut line).ok()? == 0 || !line.ends_with('\n') {
                        return None;
                    }
                    if let Some(data) = line.strip_prefix("data: ") {
                        return Some(serde_json::from_str(data).unwrap());
                    }
                }
            }
        }
    }

    /// Says goodbye, which not everybody does.
    fn close(self) {
        if let Self::WebSocket(mut socket) = self {
            let _gone = socket.close(None);
        }
    }
}
