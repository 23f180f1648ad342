//! The server from outside: the real binary, real sockets, a real disk.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cli;
mod config;
mod conformance;
mod crash;
mod daemon;
mod debug;
mod dialect_cli;
mod dialects;
mod guard;
mod indexer;
mod ingest;
mod memory;
mod mesh;
mod messages;
mod providers;
mod registry;
mod selfcheck;
mod sessions;
mod soak;
mod stream;
mod support;
mod tasks;
mod timeline;
mod topology;
mod trading;
