//! `swarmdeck tail`: the log as it grows.

use std::io::Write as _;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::Target;
use super::client::{Client, SendError};
use crate::event::Query;
use crate::event::control::{Control, Frame};
use crate::swarm::activity::words;

/// The longest wait before the next attempt.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  swarmdeck tail --types 'task.*' --json\n  swarmdeck tail --after 0 -q 'agent:planner status:failing \"npm test\"'"
)]
pub(super) struct Tail {
    #[command(flatten)]
    target: Target,
    /// Types: task.*, task.progress, separated by commas
    #[arg(long)]
    types: Option<String>,
    /// What events are about: task:abc, agent:*
    #[arg(long)]
    entity: Option<String>,
    /// Who reports them
    #[arg(long)]
    source: Option<String>,
    /// Sessions
    #[arg(long)]
    session: Option<String>,
    /// A filter in one text: agent:planner type:task.* status:failing -source:demo "npm test"
    #[arg(short, long, value_name = "TEXT")]
    query: Option<String>,
    /// Begin after this cursor; 0 is the beginning; now where absent
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Whole events as NDJSON
    #[arg(long)]
    json: bool,
    /// End after so many events
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'*' | b':' | b',') {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

impl Tail {
    pub(super) fn run(self) -> anyhow::Result<()> {
        if let Some(text) = &self.query {
            // Said here with a mark under the fault, and not only by the server.
            if let Err(fault) = text.parse::<Query>() {
                bail!("-q: {fault}\n  {text}\n  {:at$}{}", "", "^".repeat(fault.length), at = fault.at);
            }
        }
        let client = Client::new(&self.target)?;
        let fields = [
            ("types", &self.types),
            ("entity", &self.entity),
            ("source", &self.source),
            ("session", &self.session),
            ("q", &self.query),
            ("after", &self.after),
        ];
        let query: Vec<String> =
            fields.iter().filter_map(|(name, value)| Some(format!("{name}={}", encoded(value.as_deref()?)))).collect();
        let query = query.join("&");
        let mut cursor: Option<String> = None;
        let mut wait = Duration::from_millis(250);
        let mut left = self.count.unwrap_or(u64::MAX);
        loop {
            let cause = match client.follow(&query, cursor.as_deref()) {
                Err(SendError::Refused(why)) => bail!(why),
                Err(SendError::Away(why)) => why,
                Ok(events) => {
                    let mut cause = "the server ended the stream".to_owned();
                    for event in events {
                        let event = match event {
                            Ok(event) => event,
                            Err(error) => {
                                cause = error.to_string();
                                break;
                            }
                        };
                        wait = Duration::from_millis(250);
                        if event.name.starts_with("stream.") {
                            self.said(&event.data);
                        } else {
                            self.print(&event.data)?;
                            left -= 1;
                        }
                        // What was printed is behind us, wherever the connection breaks.
                        cursor = event.id.or(cursor);
                        if left == 0 {
                            return Ok(());
                        }
                    }
                    cause
                }
            };
            eprintln!("swarmdeck: {cause}; next attempt in {:.1} s", wait.as_secs_f64());
            std::thread::sleep(wait);
            wait = (wait * 2).min(LONGEST);
        }
    }

    fn print(&self, data: &str) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            writeln!(out, "{data}")?;
            return Ok(());
        }
        if let Ok(Frame::Event { event, .. }) = Frame::parse(data) {
            let about = event.entity.as_ref().map(ToString::to_string).unwrap_or_default();
            let words: String = words(&event).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            writeln!(out, "{:>8}  {}  {:<26} {:<24} {words}", event.seq, event.ts, event.kind(), about)?;
        }
        Ok(())
    }

    /// A word about the stream that the reader must know.
    fn said(&self, data: &str) {
        if let Ok(Frame::Control(Control::Gap(gap))) = Frame::parse(data) {
            eprintln!("swarmdeck: events {} to {} are gone ({})", gap.from, gap.to, gap.reason);
        }
    }
}
