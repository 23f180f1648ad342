//! The bounds of requests, in one place. `/api/docs` shows them.

/// Largest body of a request, in bytes; a larger one is a 413.
pub const MAX_BODY: usize = 1 << 20;
/// Largest single event, in bytes of JSON; a larger one is refused with its index.
pub const MAX_EVENT: usize = 64 << 10;
/// Most events in one page of the log.
pub const MAX_PAGE: usize = 1_000;
/// Events in a page of the log where no limit is asked for.
pub const DEFAULT_PAGE: usize = 100;
/// Largest message that a WebSocket client may send, in bytes; a larger one closes with 1009.
pub const MAX_MESSAGE: usize = 64 << 10;
/// How long a client may take none of what is sent to it before its connection is dropped, in
/// seconds. It costs no memory meanwhile, and may come back with its cursor.
pub const STALL_SECONDS: u64 = 600;
/// How long a client that is sent away waits before it comes back, in milliseconds; each is told
/// its own time up to this, so that they do not all come at once.
pub const RETRY_MS: u64 = 2_000;
/// Agents of the demo swarm that the page may start.
pub const MAX_DEMO_AGENTS: u32 = 200;
/// Events a second of the demo swarm that the page may start.
pub const MAX_DEMO_RATE: u32 = 500;

/// The bounds by name, for the reference page.
pub const TABLE: &[(&str, usize, &str)] = &[
    ("request body", MAX_BODY, "bytes; a larger one is answered 413"),
    ("one event", MAX_EVENT, "bytes of JSON; a larger one is refused with its index"),
    ("events in a page of the log", MAX_PAGE, ""),
    ("message from a WebSocket client", MAX_MESSAGE, "bytes; a larger one closes the connection with 1009"),
    ("patterns in a filter", crate::event::MAX_PATTERNS, ""),
    ("idempotency window", 100_000, "events"),
    ("commands waiting for the log", crate::hub::QUEUE, "then senders wait"),
];
