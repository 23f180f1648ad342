//! The commands: one binary, one command at a time.

mod client;
mod config;
mod daemon;
mod demo;
mod dialect;
mod emit;
mod event_server;
mod process;
mod progress;
mod replay;
mod runtime;
mod serve;
mod tail;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A live operations deck for swarms of AI agents.
#[derive(Debug, Parser)]
#[command(name = "swarmdeck", version, about, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keep events and serve the dashboard
    Serve(serve::Serve),
    /// Serve clients of liveops on a port of their own
    EventServer(event_server::EventServer),
    /// Run the deck in the background
    Daemon(daemon::Daemon),
    /// Send one event, or NDJSON from standard input
    Emit(emit::Emit),
    /// Follow the log
    Tail(tail::Tail),
    /// Send a file of events again, at its own pace or faster
    Replay(replay::Replay),
    /// Check a running server, step by step
    Validate(validate::Validate),
    /// Send a made-up swarm to a server as if it were real
    Demo(demo::Demo),
}

/// Where a server is, for the commands that talk to one.
#[derive(Debug, Clone, clap::Args)]
pub struct Target {
    /// The server
    #[arg(long, env = "SWARMDECK_URL", default_value = "http://127.0.0.1:3000")]
    url: String,
    /// The server's token, where it wants one
    #[arg(long, env = "SWARMDECK_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Cli {
    /// Runs the command; its exit code where it came to an end.
    ///
    /// # Errors
    /// What went wrong, in words for whoever typed it.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::EventServer(command) => return command.run(),
            Command::Daemon(command) => return command.run(),
            Command::Serve(command) => command.run(),
            Command::Emit(command) => command.run(),
            Command::Tail(command) => command.run(),
            Command::Replay(command) => command.run(),
            Command::Validate(command) => command.run(),
            Command::Demo(command) => command.run(),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}
