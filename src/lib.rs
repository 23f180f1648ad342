//! Swarmdeck: a live operations deck for swarms of AI agents.
pub mod demo;
pub mod event;
pub mod swarm;
