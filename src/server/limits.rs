//! The bounds of requests, in one place, and those that the services and dialects have.
//! `/api/docs` shows them.

use super::dialect::MAX_LAG;
use crate::dialect::sessions::MAX_SUBSCRIPTIONS;
use crate::dialect::{liveops, trader};
use crate::hub::WINDOW;
use crate::service::config::MAX_FILE;
use crate::service::sessions::settings::{MAX_DRIVERS, PERMISSION_SECONDS};
use crate::service::{memory, messages, providers, sessions, tasks, topology, trading};
use crate::swarm::agents::{MAX_AGENTS, MAX_CAPABILITIES, MAX_TRUST_HISTORY};
use crate::swarm::messages::MAX_WAITING;
use crate::swarm::sessions::MAX_OPEN;
use crate::swarm::tasks::{MAX_DEPENDENCIES, MAX_TASKS};

/// Largest body of a request, in bytes; a larger one is a 413.
pub const MAX_BODY: usize = 1 << 20;
/// Largest single event, in bytes of JSON; a larger one is refused with its index.
pub const MAX_EVENT: usize = 64 << 10;
/// Most events in one page of the log.
pub const MAX_PAGE: usize = 1_000;
/// Most events in one page of a run with both ends named (`after` and `until`); a page also ends at
/// 4 MiB.
pub const MAX_RUN: usize = 10_000;
/// Most buckets of a timeline.
pub const MAX_BUCKETS: u64 = 2_000;
/// Buckets of a timeline where no number is asked for.
pub const DEFAULT_BUCKETS: u64 = 240;
/// Events in a page of the log where no limit is asked for.
pub const DEFAULT_PAGE: usize = 100;
/// Largest message that a WebSocket client may send, in bytes; a larger one closes `/ws/events` with
/// 1009, and is passed over elsewhere.
pub const MAX_MESSAGE: usize = 64 << 10;
/// How long a client may take none of what is sent to it before its connection is dropped, in
/// seconds. It costs no memory meanwhile, and may come back with its cursor.
pub const STALL_SECONDS: u64 = 600;
/// How long a client that is sent away waits before it comes back, in milliseconds; each is told
/// its own time up to this, so that they do not all come at once.
pub const RETRY_MS: u64 = 2_000;
/// How long a client has to send the head of its first request, in seconds; then it is cut off.
pub const HEAD_SECONDS: u64 = 10;
/// How long a connection may be idle before the head of a further request is there, in seconds; then
/// it is closed.
pub const IDLE_SECONDS: u64 = 75;
/// Agents of the demo swarm that the page may start.
pub const MAX_DEMO_AGENTS: u32 = 200;
/// Events a second of the demo swarm that the page may start.
pub const MAX_DEMO_RATE: u32 = 500;

/// Clients of a liveops listener where nobody says another number; a further one is closed with 1013.
pub const LISTENER_CLIENTS: usize = 100;
/// Requests that the HTTP bridge of an attached event server hands on at once; a further one is
/// answered 503.
pub const BRIDGE_REQUESTS: usize = 64;

/// The bounds by name, for the reference page.
pub const TABLE: &[(&str, usize, &str)] = &[
    ("request body", MAX_BODY, "bytes; a larger one is answered 413"),
    ("one event", MAX_EVENT, "bytes of JSON; a larger one is refused with its index"),
    ("events in a page of the log", MAX_PAGE, ""),
    ("events in a page with after and until", MAX_RUN, "or 4 MiB"),
    ("buckets of a timeline", MAX_BUCKETS as usize, ""),
    ("text of a filter (q)", crate::event::query::MAX_QUERY, "bytes"),
    ("terms in the text of a filter", crate::event::query::MAX_TERMS, ""),
    (
        "message from a WebSocket client",
        MAX_MESSAGE,
        "bytes; a larger one closes /ws/events with 1009, and is passed over by other dialects",
    ),
    ("patterns in a filter", crate::event::MAX_PATTERNS, ""),
    ("idempotency window", WINDOW as usize, "events"),
    ("commands waiting for the log", crate::hub::QUEUE, "then senders wait"),
    ("the head of a first request", HEAD_SECONDS as usize, "seconds; then the connection is closed"),
    ("a connection between two requests", IDLE_SECONDS as usize, "seconds, with the head of the second; then it is closed"),
    ("a client that takes nothing", STALL_SECONDS as usize, "seconds; then its WebSocket is dropped"),
    (
        "events that a client without a cursor may be behind",
        MAX_LAG as usize,
        "then it gets the newest and is told how many it missed",
    ),
    ("clients of a liveops listener", LISTENER_CLIENTS, "by default; a further one is closed with 1013"),
    ("requests at once to the bridge of an attached event server", BRIDGE_REQUESTS, "a further one is answered 503"),
    ("frames of a liveops replay", liveops::MAX_REPLAY, "then more is true"),
    ("sessions that a client subscribes to", MAX_SUBSCRIPTIONS, "further ones are passed over"),
    ("message from a trader client", trader::MAX_RECEIVED, "bytes; a longer one is passed over"),
    ("live agents on the register", MAX_AGENTS, "a further one is refused with 409"),
    ("capabilities of an agent", MAX_CAPABILITIES, "each up to 64 bytes"),
    ("changes of an agent's trust", MAX_TRUST_HISTORY, "older ones are in the log"),
    ("open tasks", MAX_TASKS, "a further one is refused with 409"),
    ("description of a task", tasks::MAX_DESCRIPTION, "bytes"),
    ("result of a task", tasks::MAX_RESULT, "bytes of JSON, and as much of figures"),
    ("dependencies of a task", MAX_DEPENDENCIES, ""),
    ("content of a message", messages::MAX_CONTENT, "bytes"),
    ("messages in an inbox", MAX_WAITING, "past it the oldest is dropped and counted"),
    ("value of the memory", memory::MAX_VALUE, "bytes of JSON"),
    ("namespace of the memory", memory::MAX_NAMESPACE, "bytes"),
    ("key of the memory", memory::MAX_KEY, "bytes"),
    ("results of a search", memory::MAX_RESULTS, ""),
    ("nodes of a graph", topology::MAX_NODES, "further ones are refused, or counted where the deck works the graph out"),
    ("edges of a graph", topology::MAX_EDGES, "likewise"),
    ("providers", providers::MAX_CONFIGURED, "from the file and by API together"),
    ("sessions at work", sessions::MAX_RUNNING, "a message to a further one is refused with 503"),
    ("drivers of sessions", MAX_DRIVERS, "in the settings"),
    ("message to a session", sessions::MAX_MESSAGE, "bytes"),
    ("open requests of a session", MAX_OPEN, "a further one is denied"),
    ("a request waits for a person", PERMISSION_SECONDS as usize, "seconds by default; then it is denied"),
    ("feeds of the paper engine", trading::MAX_FEEDS, "in the settings"),
    ("file of settings", MAX_FILE as usize, "bytes"),
];
