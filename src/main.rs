//! The binary: parse the command line, run one command.

use std::process::ExitCode;

use clap::Parser as _;
use swarmdeck::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => code,
        Err(error) => {
            // `{:#}`: the error and its causes in one line.
            eprintln!("swarmdeck: {error:#}");
            ExitCode::FAILURE
        }
    }
}
