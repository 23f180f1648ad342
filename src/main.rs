//! The binary: parse the command line, run one command.

use std::process::ExitCode;

use clap::Parser as _;
use swarmdeck::cli::Cli;

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
