//! A script: agent events that play in order, with pauses. For tests, for the demo, and for whoever
//! tries sessions for the first time.
//!
//! A file of NDJSON in the `events` format, with two further keys: `after_ms`, the pause before the
//! event, at most a minute; and `if`, `"allowed"` or `"denied"`, by which an event plays only where
//! that was the last answer. After a request the script waits for its answer. A message plays it on
//! up to the next `complete` or `error`; after its last event it begins anew. Empty lines and lines
//! that begin with `#` are passed over.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::events::{Line, read_object};
use super::{AgentEvent, Said};

/// The longest pause, in milliseconds.
const MAX_PAUSE_MS: u64 = 60_000;
/// The most events of a script.
const MAX_STEPS: usize = 10_000;

/// One event of a script.
#[derive(Debug)]
struct Step {
    after: Duration,
    /// By which answer it plays; by any where absent.
    only_if: Option<bool>,
    event: AgentEvent,
}

/// A script, checked.
#[derive(Debug)]
pub(in crate::service::sessions) struct Script {
    steps: Vec<Step>,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first line that does not fit, by its number.
    pub(in crate::service::sessions) fn read(text: &str) -> Result<Self, String> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
        let steps: Vec<Step> = lines
            .map(|(number, line)| step(line).map_err(|problem| format!("line {}: {problem}", number + 1)))
            .collect::<Result<_, _>>()?;
        match steps.len() {
            0 => Err("no event in it".to_owned()),
            many if many > MAX_STEPS => Err(format!("{many} events are over {MAX_STEPS}")),
            _ => Ok(Self { steps }),
        }
    }
}

fn step(line: &str) -> Result<Step, String> {
    let mut object = match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return Err("no object".to_owned()),
        Err(error) => return Err(format!("not JSON: {error}")),
    };
    let after = match object.remove("after_ms") {
        None => 0,
        Some(value) => value
            .as_u64()
            .filter(|pause| *pause <= MAX_PAUSE_MS)
            .ok_or(format!("after_ms: {value} is no whole number from 0 to {MAX_PAUSE_MS}"))?,
    };
    let only_if = match object.remove("if") {
        None => None,
        Some(value) if value == "allowed" => Some(true),
        Some(value) if value == "denied" => Some(false),
        Some(value) => return Err(format!("if: {value} is neither allowed nor denied")),
    };
    match read_object(object) {
        Line::Event(event) => Ok(Step { after: Duration::from_millis(after), only_if, event }),
        Line::Unknown => Err("its type is none of the events format".to_owned()),
        Line::Malformed(problem) => Err(problem),
    }
}

/// A script at play.
pub(in crate::service::sessions) struct Play {
    script: Arc<Script>,
    at: usize,
    playing: bool,
    due: Option<Instant>,
    /// The request that waits for its answer.
    asks: Option<String>,
    /// The last answer.
    allowed: Option<bool>,
}

impl Play {
    pub(super) fn new(script: &Arc<Script>) -> Self {
        Self { script: Arc::clone(script), at: 0, playing: false, due: None, asks: None, allowed: None }
    }

    pub(super) fn message(&mut self) {
        self.playing = true;
    }

    pub(super) fn answer(&mut self, request: &str, allowed: bool) {
        if self.asks.as_deref() == Some(request) {
            (self.asks, self.allowed) = (None, Some(allowed));
        }
    }

    pub(super) async fn next(&mut self) -> Said {
        loop {
            if !self.playing || self.asks.is_some() {
                pending::<()>().await;
            }
            let Some(step) = self.script.steps.get(self.at) else {
                (self.at, self.playing, self.allowed) = (0, false, None);
                return Said::Event(AgentEvent::Complete);
            };
            if step.only_if.is_some() && step.only_if != self.allowed {
                self.at += 1;
                continue;
            }
            sleep_until(*self.due.get_or_insert_with(|| Instant::now() + step.after)).await;
            let event = step.event.clone();
            (self.at, self.due) = (self.at + 1, None);
            match &event {
                AgentEvent::Permission(ask) => self.asks = Some(ask.request.clone()),
                AgentEvent::Withdrawn { .. } => self.asks = None,
                AgentEvent::Complete | AgentEvent::Error(_) => {
                    self.playing = false;
                    if self.at == self.script.steps.len() {
                        (self.at, self.allowed) = (0, None);
                    }
                }
                _ => {}
            }
            return Said::Event(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r#"
# A comment
{"type":"text_delta","delta":"a"}
{"type":"permission_request","requestId":"r","toolName":"Bash"}
{"type":"text_delta","delta":"yes","if":"allowed"}
{"type":"text_delta","delta":"no","if":"denied","after_ms":1}
{"type":"complete"}
{"type":"error","error":"e"}
"#;

    async fn turn(play: &mut Play, allowed: bool) -> String {
        let mut told = String::new();
        play.message();
        loop {
            match play.next().await {
                Said::Event(AgentEvent::TextDelta { text, .. }) => told.push_str(&text),
                Said::Event(AgentEvent::Permission(ask)) => play.answer(&ask.request, allowed),
                Said::Event(AgentEvent::Error(error)) => return told + &error,
                _ => return told,
            }
        }
    }

    #[tokio::test]
    async fn an_answer_chooses_what_follows() {
        let mut play = Play::new(&Arc::new(Script::read(SCRIPT).unwrap()));
        assert_eq!(turn(&mut play, true).await, "ayes");
        assert_eq!(turn(&mut play, true).await, "e");
        assert_eq!(turn(&mut play, false).await, "ano", "it begins anew");
    }

    #[test]
    fn faults_are_named() {
        for (script, problem) in [
            ("", "no event in it"),
            ("\n{\"type\":\"complete\"}\nx", "line 3: not JSON"),
            ("{\"type\":\"dance\"}", "line 1: its type is none"),
            ("{\"type\":\"complete\",\"after_ms\":-1}", "line 1: after_ms: -1 is no whole number from 0 to 60000"),
            ("{\"type\":\"complete\",\"if\":\"maybe\"}", "line 1: if: \"maybe\" is neither"),
            ("{\"type\":\"text_delta\"}", "line 1: text_delta without delta"),
        ] {
            let told = Script::read(script).map(|_| ()).unwrap_err();
            assert!(told.starts_with(problem), "{script}: {told}");
        }
    }
}
