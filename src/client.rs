//! The browser's side of the stream: from a socket to signals.
//!
//! [`Live`] holds the swarm as this page knows it and says what changed; [`link`] decides when to
//! connect, how long to wait and when the demo may play; [`socket`] is the only place that touches
//! browser sockets. On the server `Live` holds the state that a page is rendered from, and nothing
//! here runs.

pub mod boot;
pub mod link;
mod live;
pub mod meter;
mod platform;
mod play;
mod runner;
mod socket;

pub use boot::Boot;
pub use live::{DemoWhy, Live};
pub use platform::{ask, copy, now as browser_now, preference, remember};
pub use runner::start;
