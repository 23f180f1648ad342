//! Swarmdeck: a live operations deck for swarms of AI agents.
pub mod demo;
pub mod event;
#[cfg(feature = "ssr")]
pub mod hub;
pub mod swarm;
