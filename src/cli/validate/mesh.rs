//! Whether mesh clients are served: the registry over HTTP, and its stream of events.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Instant;

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use super::Checks;
use crate::cli::client::{Client, SseEvent, said};
use crate::cli::dialect::{PATIENCE, brief, fresh};

/// Where agents are registered.
const AGENTS: &str = "/api/v1/agents";
/// How many events may wait to be looked at; then the server waits.
const QUEUE: usize = 256;

pub(super) fn run(client: &Client, checks: &mut Checks) {
    let Some(stream) = checks.found("connect", connect(client)) else { return };
    let id = match fresh("validate-") {
        Ok(id) => id,
        Err(error) => {
            checks.check("register", Err(error));
            return;
        }
    };
    let probe = Probe { client, stream, id };
    if !checks.check("register", probe.register()) {
        // It may be registered all the same: what the check began it ends.
        let _gone = probe.ask("DELETE", &format!("/{}", probe.id), None);
        return;
    }
    checks.check("registered twice", probe.again());
    checks.check("heartbeat", probe.heartbeat());
    checks.check("trust", probe.trust());
    checks.check("remove", probe.remove());
}

/// Opens the stream and reads it on a thread of its own: reading has no time-out, waiting has.
fn connect(client: &Client) -> anyhow::Result<(Receiver<SseEvent>, String)> {
    let mut events = client.stream("/api/v1/events", None)?;
    let (sender, receiver) = sync_channel(QUEUE);
    // It ends with its stream, with its listener, or with the program.
    std::thread::spawn(move || {
        while let Some(Ok(event)) = events.next() {
            if sender.send(event).is_err() {
                return;
            }
        }
    });
    Ok((receiver, "the stream of events is open".to_owned()))
}

/// An agent that is registered for the check alone.
struct Probe<'a> {
    client: &'a Client,
    stream: Receiver<SseEvent>,
    id: String,
}

impl Probe<'_> {
    fn ask(&self, method: &str, rest: &str, body: Option<&Value>) -> anyhow::Result<(u16, Value)> {
        self.client.ask(method, &format!("{AGENTS}{rest}"), body.map(Value::to_string).as_deref())
    }

    /// The data of an answer that must be a success.
    fn data(&self, method: &str, rest: &str, body: Option<&Value>, wanted: u16) -> anyhow::Result<Value> {
        let (status, answer) = self.ask(method, rest, body)?;
        ensure!(status == wanted, "{method} {AGENTS}{rest} is answered {status}, not {wanted}: {}", said(&answer));
        ensure!(answer["success"] == true && !answer["timestamp"].is_null(), "it is no answer of mesh: {}", brief(&answer));
        Ok(answer["data"].clone())
    }

    /// Waits until the stream tells something of the agent; its data.
    fn hears(&self, name: &str) -> anyhow::Result<Value> {
        let began = Instant::now();
        loop {
            match self.stream.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) {
                Ok(event) => {
                    let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
                    if event.name == name && data["agent_id"] == self.id.as_str() {
                        return Ok(data);
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("no {name} of {} on the stream within {PATIENCE:?}", self.id),
                Err(RecvTimeoutError::Disconnected) => bail!("no {name}: the stream ended"),
            }
        }
    }

    fn card(&self) -> Value {
        json!({"id": self.id, "name": "Validate", "version": "1.0.0", "endpoint": "http://localhost:9",
               "skills": [{"name": "probe"}]})
    }

    fn register(&self) -> anyhow::Result<String> {
        let data = self.data("POST", "", Some(&self.card()), 201)?;
        ensure!(data["agent_id"] == self.id.as_str() && !data["registered_at"].is_null(), "the data is {}", brief(&data));
        self.hears("agent_registered")?;
        Ok(format!("agent_registered of {} came", self.id))
    }

    fn again(&self) -> anyhow::Result<String> {
        let (status, answer) = self.ask("POST", "", Some(&self.card()))?;
        let told = &answer["error"];
        let words = format!("Agent ID '{}' already exists", self.id);
        ensure!(status == 400 && answer["success"] == false, "it is answered {status}: {}", brief(&answer));
        ensure!(told["message"] == words.as_str() && told["code"] == "BAD_REQUEST", "the error is {told}");
        Ok(words)
    }

    /// With a status that no agent begins with, so that it is a change.
    fn heartbeat(&self) -> anyhow::Result<String> {
        let path = format!("/{}/heartbeat", self.id);
        let data = self.data("POST", &path, Some(&json!({"status": "unhealthy"})), 200)?;
        ensure!(data["status"] == "unhealthy" && !data["next_check"].is_null(), "the data is {}", brief(&data));
        let change = self.hears("agent_health_changed")?;
        ensure!(change["status"] == "unhealthy" && change["old_status"].is_string(), "the change is {change}");
        let (status, _) = self.ask("POST", &path, Some(&json!({"status": "no-such-status"})))?;
        ensure!(status == 422, "an unknown status is answered {status}, not 422");
        Ok(format!("agent_health_changed from {} to unhealthy came", change["old_status"].as_str().unwrap_or_default()))
    }

    fn trust(&self) -> anyhow::Result<String> {
        let data = self.data("GET", &format!("/{}/trust", self.id), None, 200)?;
        let score = data["trust_score"].as_f64().filter(|score| (0.0..=1.0).contains(score));
        let Some(score) = score else { bail!("trust_score is no number from 0 to 1: {}", brief(&data)) };
        ensure!(data["breakdown"].is_object(), "there is no breakdown: {}", brief(&data));
        Ok(format!("{score}"))
    }

    fn remove(&self) -> anyhow::Result<String> {
        let path = format!("/{}", self.id);
        let (status, answer) = self.ask("DELETE", &path, None)?;
        ensure!((200..300).contains(&status), "DELETE is answered {status}: {}", said(&answer));
        let (status, answer) = self.ask("GET", &path, None)?;
        ensure!(
            status == 404 && answer["error"]["code"] == "NOT_FOUND",
            "afterwards GET is answered {status}: {}",
            brief(&answer)
        );
        Ok(format!("{} is gone", self.id))
    }
}
