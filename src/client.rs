//! The browser's side of the stream: from a socket to signals.
//!
//! [`Live`] holds the swarm as this page knows it and says what changed; [`link`] decides when to
//! connect, how long to wait and when the demo may play; [`socket`] is the only place that touches
//! browser sockets; [`shared`] decides which tab of a browser has one, and how the others ride on it. On the server `Live` holds the state that a page is rendered from, and nothing
//! here runs.

pub mod boot;
mod channel;
pub mod link;
mod live;
pub mod meter;
mod platform;
mod play;
mod runner;
mod shared;
mod socket;

pub use boot::Boot;
pub use live::{DemoWhy, Live, Tap};
pub use platform::{ask, ask_bytes, copy, now as browser_now, precise, preference, remember};
pub use runner::{in_frame, start};
