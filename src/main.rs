//! The binary: parse the command line, run one command.

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;
use swarmdeck::cli::Cli;

/// The server makes and drops small things on many threads: beside the system's own allocator a
/// delivery of one event takes a sixth less of the processor.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    // `cargo leptos watch` starts the binary bare, and means the server.
    let bare = std::env::args_os().len() == 1 && std::env::var_os("LEPTOS_WATCH").is_some();
    let cli = if bare { Cli::parse_from(["swarmdeck", "serve"]) } else { Cli::parse() };
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            // `{:#}`: the error and its causes in one line.
            eprintln!("swarmdeck: {error:#}");
            ExitCode::FAILURE
        }
    }
}
