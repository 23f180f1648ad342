//! The dialects: the wire formats of five other systems, as pure functions.
//!
//! A client written for one of them connects to a deck unchanged. Each file turns events into that
//! system's frames, and what its clients send into drafts and answers. No I/O, clock or randomness:
//! times and ids come in as arguments; the server moves the bytes.
//!
//! An event alone does not always hold all that a frame names: a `task:update` wants the
//! description that only `task.created` told. What an event leaves out is looked up in the folded
//! [`SwarmState`](crate::swarm::SwarmState); what it says is never taken from there. The state is
//! the one at the event or after it: of a batch, all events are encoded with the batch's last.
//!
//! `docs/DIALECTS.md` tells each from its client's side.

pub mod agentos;
pub mod liveops;
pub mod mesh;
pub mod sessions;
pub mod trader;

use serde_json::Value;

/// The largest whole number that a double holds exactly, 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number as clients expect it: a whole one without a fraction.
fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < EXACT { Value::from(number as i64) } else { Value::from(number) }
}

#[cfg(test)]
mod tests;
