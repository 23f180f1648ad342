//! The server from outside: the real binary, real sockets, a real disk.

#![allow(clippy::unwrap_used, reason = "tests")]

mod cli;
mod crash;
mod guard;
mod indexer;
mod ingest;
mod stream;
mod support;
