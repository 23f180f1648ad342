//! When to connect, how long to wait, when the demo may play: decided here, without a browser.
//!
//! Inputs are what happened and the time; outputs are what to do. Never gives up.

use crate::event::control::Resumed;

/// How long a page without data waits for a server before the demo plays, in milliseconds.
pub const DEMO_AFTER_MS: f64 = 3_000.0;
/// The first wait before coming back is up to this, doubled each time, in milliseconds.
const BACKOFF_MS: f64 = 500.0;
/// No wait is longer than this, in milliseconds.
const BACKOFF_MAX_MS: f64 = 15_000.0;
/// How long a connection must hold before waits begin anew from the shortest, in milliseconds.
const STABLE_MS: f64 = 10_000.0;
/// After so many WebSockets that brought nothing, every second attempt is made over SSE.
const SOCKET_TRIES: u32 = 2;
/// How long a connection may take to say hello, in milliseconds.
const HELLO_MS: f64 = 8_000.0;

/// What carries the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// Server-Sent Events.
    Sse,
    /// The connection of another tab of the same browser.
    Tab,
}

impl Transport {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "WebSocket",
            Self::Sse => "SSE",
            Self::Tab => "another tab",
        }
    }
}

/// How the connection stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// The first attempt is under way.
    Connecting,
    /// Events arrive.
    Live {
        /// Over what.
        transport: Transport,
    },
    /// It was lost; the next attempt is at `retry_at`.
    Reconnecting {
        /// Milliseconds of the browser's clock.
        retry_at: f64,
        /// How many attempts failed.
        attempt: u32,
        /// Why it was lost.
        cause: String,
    },
}

/// How the last return went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Return {
    /// Events that came while it was away and were caught up.
    pub caught_up: u64,
    /// Events that are gone.
    pub lost: u64,
    /// Whether the server now has another log than before.
    pub other_log: bool,
}

impl Return {
    const NOTHING: Self = Self { caught_up: 0, lost: 0, other_log: false };
}

/// What the link wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Nothing.
    Wait,
    /// Open a connection.
    Open(Transport),
    /// Close the connection that stands: it is dead.
    Drop(&'static str),
}

/// The decisions of one page's connection.
#[derive(Debug, Clone)]
pub struct Link {
    phase: Phase,
    /// Since when there is no live connection.
    away_since: f64,
    /// When the open attempt began, or the last frame came.
    heard: f64,
    live_since: f64,
    heartbeat_ms: f64,
    attempt: u32,
    socket_failures: u32,
    open: bool,
    last_return: Option<Return>,
    /// What the server asked to wait at least.
    retry_ms: f64,
}

impl Link {
    /// A page that has just begun.
    pub fn new(now: f64) -> Self {
        Self {
            phase: Phase::Connecting,
            away_since: now,
            heard: now,
            live_since: now,
            heartbeat_ms: 15_000.0,
            attempt: 0,
            socket_failures: 0,
            open: false,
            last_return: None,
            retry_ms: 0.0,
        }
    }

    /// How it stands.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// How the last return went; none before the first.
    pub fn last_return(&self) -> Option<Return> {
        self.last_return
    }

    /// Whether events arrive.
    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live { .. })
    }

    /// Time passes; called often. What to do now.
    pub fn tick(&mut self, now: f64) -> Act {
        if self.open {
            let patience = if self.is_live() { 2.0 * self.heartbeat_ms + 1_000.0 } else { HELLO_MS };
            if now - self.heard > patience {
                return Act::Drop("nothing heard from the server");
            }
            if self.is_live() && now - self.live_since > STABLE_MS {
                self.attempt = 0;
            }
            return Act::Wait;
        }
        match self.phase {
            Phase::Reconnecting { retry_at, .. } if now < retry_at => Act::Wait,
            _ => self.open(now),
        }
    }

    /// A person wants it now.
    pub fn retry_now(&mut self, now: f64) -> Act {
        if self.open { Act::Wait } else { self.open(now) }
    }

    fn open(&mut self, now: f64) -> Act {
        self.open = true;
        self.heard = now;
        let over_sse = self.socket_failures >= SOCKET_TRIES && self.attempt.is_multiple_of(2);
        Act::Open(if over_sse { Transport::Sse } else { Transport::WebSocket })
    }

    /// The server said hello. `known` is the last seq that the page has, `head` the server's newest.
    pub fn hello(&mut self, now: f64, transport: Transport, resumed: Resumed, known: u64, head: u64, heartbeat_ms: u64) {
        let returned = matches!(self.phase, Phase::Reconnecting { .. });
        if returned {
            let caught_up = if resumed == Resumed::Exact { head.saturating_sub(known) } else { 0 };
            self.last_return = Some(Return { caught_up, ..Return::NOTHING });
        }
        if transport == Transport::WebSocket {
            self.socket_failures = 0;
        }
        self.heartbeat_ms = heartbeat_ms as f64;
        self.phase = Phase::Live { transport };
        (self.heard, self.live_since) = (now, now);
    }

    /// The server said that events are gone.
    pub fn gap(&mut self, lost: u64) {
        let before = self.last_return.unwrap_or(Return::NOTHING);
        self.last_return = Some(Return { lost: before.lost + lost, ..before });
    }

    /// The server said that it has another log than before.
    pub fn other_log(&mut self) {
        self.last_return = Some(Return { other_log: true, ..Return::NOTHING });
    }

    /// The return went like this after all.
    pub fn went(&mut self, before: Return) {
        self.last_return = Some(before);
    }

    /// The server said that it goes, and how long to wait.
    pub fn bye(&mut self, retry_ms: u64) {
        self.retry_ms = retry_ms as f64;
    }

    /// A frame came.
    pub fn heard(&mut self, now: f64) {
        self.heard = now;
    }

    /// The connection is gone. `chance` is from 0 to 1: the wait is a random share of the longest
    /// allowed (full jitter), so that pages do not come back together.
    pub fn closed(&mut self, now: f64, transport: Transport, cause: &str, chance: f64) {
        if self.is_live() {
            self.away_since = now;
        } else if transport == Transport::WebSocket {
            self.socket_failures += 1;
        }
        self.open = false;
        let longest = (BACKOFF_MS * f64::from(1u32 << self.attempt.min(10))).min(BACKOFF_MAX_MS);
        let wait = (longest * chance).max(50.0) + std::mem::take(&mut self.retry_ms);
        self.attempt += 1;
        self.phase = Phase::Reconnecting { retry_at: now + wait, attempt: self.attempt, cause: cause.to_owned() };
    }

    /// Whether the demo may begin by itself: no data, and no live connection for a while.
    pub fn demo_is_due(&self, now: f64, has_data: bool) -> bool {
        !has_data && !self.is_live() && now - self.away_since >= DEMO_AFTER_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_gives_up_and_waits_longer_each_time() {
        let mut link = Link::new(0.0);
        let mut now = 0.0;
        let mut waits = Vec::new();
        for _ in 0..40 {
            let Act::Open(transport) = link.tick(now) else { panic!("it opens when the wait is over") };
            link.closed(now, transport, "refused", 1.0);
            let Phase::Reconnecting { retry_at, .. } = *link.phase() else { panic!("it will come back") };
            assert_eq!(link.tick(retry_at - 1.0), Act::Wait);
            waits.push(retry_at - now);
            now = retry_at;
        }
        assert_eq!(waits[..4], [500.0, 1_000.0, 2_000.0, 4_000.0]);
        assert!(waits.iter().all(|wait| *wait <= BACKOFF_MAX_MS));
    }

    #[test]
    fn it_tries_sse_when_websockets_bring_nothing() {
        let mut link = Link::new(0.0);
        let mut tried = Vec::new();
        for round in 0..6 {
            let now = f64::from(round) * 20_000.0;
            let Act::Open(transport) = link.tick(now) else { panic!() };
            tried.push(transport);
            link.closed(now, transport, "refused", 0.0);
        }
        use Transport::{Sse, WebSocket};
        assert_eq!(tried, [WebSocket, WebSocket, Sse, WebSocket, Sse, WebSocket]);
    }

    #[test]
    fn silence_is_death() {
        let mut link = Link::new(0.0);
        link.tick(0.0);
        link.hello(10.0, Transport::WebSocket, Resumed::Exact, 0, 0, 1_000);
        assert_eq!(link.tick(2_900.0), Act::Wait);
        assert!(matches!(link.tick(3_100.0), Act::Drop(_)));
        link.heard(3_100.0);
        assert_eq!(link.tick(3_200.0), Act::Wait);
    }

    #[test]
    fn a_return_is_counted() {
        let mut link = Link::new(0.0);
        link.tick(0.0);
        link.hello(1.0, Transport::WebSocket, Resumed::Exact, 5, 7, 15_000);
        assert_eq!(link.last_return(), None, "a first connection is no return");
        link.bye(700);
        link.closed(2.0, Transport::WebSocket, "gone", 0.5);
        assert!(matches!(link.phase(), Phase::Reconnecting { retry_at, .. } if *retry_at == 2.0 + 250.0 + 700.0));
        link.tick(9_000.0);
        link.hello(9_001.0, Transport::WebSocket, Resumed::Exact, 7, 1_211, 15_000);
        assert_eq!(link.last_return(), Some(Return { caught_up: 1_204, ..Return::NOTHING }));
    }

    #[test]
    fn the_demo_waits_three_seconds_and_never_covers_data() {
        let mut link = Link::new(0.0);
        link.tick(0.0);
        assert!(!link.demo_is_due(2_900.0, false));
        assert!(link.demo_is_due(3_000.0, false));
        assert!(!link.demo_is_due(60_000.0, true));
        link.hello(4_000.0, Transport::WebSocket, Resumed::Fresh, 0, 0, 15_000);
        assert!(!link.demo_is_due(60_000.0, false));
        link.heard(50_000.0);
        link.closed(60_000.0, Transport::WebSocket, "gone", 1.0);
        assert!(!link.demo_is_due(61_000.0, false));
        link.tick(61_500.0);
        link.closed(61_600.0, Transport::WebSocket, "refused", 1.0);
        assert!(link.demo_is_due(63_100.0, false), "three seconds after the loss, whatever was tried meanwhile");
    }
}
