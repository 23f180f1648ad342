//! A line that says how far long work has come.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Rewrites one line on a terminal, at most ten times a second; silent elsewhere.
#[derive(Debug)]
pub(super) struct Progress {
    began: Instant,
    shown: Option<Instant>,
    terminal: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), shown: None, terminal: std::io::stderr().is_terminal() }
    }

    pub(super) fn show(&mut self, done: u64, what: &str) {
        let due = self.shown.is_none_or(|shown| shown.elapsed() >= Duration::from_millis(100));
        if self.terminal && due {
            self.shown = Some(Instant::now());
            eprint!("\r\x1b[K{done} {what}, {:.0} / s", self.rate(done));
            let _ignored = std::io::stderr().flush();
        }
    }

    pub(super) fn rate(&self, done: u64) -> f64 {
        done as f64 / self.began.elapsed().as_secs_f64().max(0.001)
    }

    pub(super) fn end(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
