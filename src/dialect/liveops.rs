//! The liveops dialect: channels of frames that two generations of clients read.
//!
//! [`frames()`] turns an event into a frame, [`Client`] is one connection's side of the
//! conversation, [`publish`] makes events of what clients publish over the socket, and [`bridge()`]
//! of what they publish over HTTP. [`settled`] completes what a client published with what the deck
//! has not heard yet.
//!
//! The module knows no socket and no clock. How often to ping, when to close and which frames a slow
//! client misses is the server's.

mod bridge;
mod client;
mod frames;
pub mod publish;
mod settle;

pub use bridge::{BRIDGE_NOT_FOUND, BRIDGE_OK, BridgeError, bridge};
pub use client::{Answer, Client, Replay, error, metrics, missed, shutdown};
pub use frames::{Frame, frames};
pub use settle::settled;

/// The source of what liveops clients publish.
pub const SOURCE: &str = "liveops";
/// How many frames a replay without `since` holds: the newest that the client wants.
pub const REPLAY_LAST: usize = 100;
/// How many frames one replay holds at most, the oldest first.
///
/// `"more":true` says that the log was not read to its end, and a client goes on with `"after"` as
/// the answer tells it. The server stops short of this where frames are large or few among what it
/// must read.
pub const MAX_REPLAY: usize = 1_000;
/// Largest event that a client may publish, in bytes of our JSON: the deck's bound for any event.
/// A larger one is answered with an error frame.
pub const MAX_EVENT: usize = 64 << 10;
/// How a connection over the bound is closed: code and reason.
pub const CLOSE_FULL: (u16, &str) = (1013, "Max connections reached");
/// How connections are closed when the server stops, after [`shutdown`]'s frame: code and reason.
pub const CLOSE_STOPPING: (u16, &str) = (1001, "Server shutting down");

/// The payload key under which a published event keeps what our catalogue has no place for: an
/// object of the dialect's own fields, which stand in its frame again. `false` there says that an
/// event has no frame of its own, because it only completes the published one after it.
pub(crate) const EXTRA: &str = "liveops";

/// What a client can subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// `agents`: `agent:status`.
    Agents,
    /// `tasks`: `task:update`.
    Tasks,
    /// `messages`: `message:sent`.
    Messages,
    /// `memory`: `memory:operation`.
    Memory,
    /// `topology`: `topology:change`.
    Topology,
    /// `metrics`: `metrics:update`, every second.
    Metrics,
    /// A channel of a publisher's own: nobody can subscribe to it, and who never subscribed to
    /// anything hears it.
    Other,
}

impl Channel {
    /// Those that a client can subscribe to, with their names and the one event of each.
    const TABLE: [(Self, &'static str, &'static str); 6] = [
        (Self::Agents, "agents", "agent:status"),
        (Self::Tasks, "tasks", "task:update"),
        (Self::Messages, "messages", "message:sent"),
        (Self::Memory, "memory", "memory:operation"),
        (Self::Topology, "topology", "topology:change"),
        (Self::Metrics, "metrics", "metrics:update"),
    ];

    /// The channel of this name, among those that a client can subscribe to.
    pub fn named(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// Its name; empty for a publisher's own.
    pub fn as_str(self) -> &'static str {
        Self::TABLE.get(self as usize).map_or("", |row| row.1)
    }

    /// The name of its events; empty for a publisher's own.
    pub fn event(self) -> &'static str {
        Self::TABLE.get(self as usize).map_or("", |row| row.2)
    }
}

#[cfg(test)]
mod tests;
