//! Our own protocol, which is agentos' too: `POST /api/events`.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{Said, Way};
use crate::cli::client::Client;
use crate::cli::dialect::fresh;

pub(super) struct Own<'a> {
    client: &'a Client,
    source: &'a str,
}

impl<'a> Own<'a> {
    pub(super) fn new(client: &'a Client, source: &'a str) -> Self {
        Self { client, source }
    }
}

impl Way for Own<'_> {
    fn send(&mut self, said: &Said) -> anyhow::Result<String> {
        let mut event = json!({"type": said.kind, "source": self.source, "payload": said.payload});
        for (key, value) in [("entity", &said.entity), ("id", &said.id), ("ts", &said.ts)] {
            if let Some(value) = value {
                event[key] = value.as_str().into();
            }
        }
        self.raw(&event.to_string())
    }

    /// The place of the event in the log.
    fn raw(&mut self, text: &str) -> anyhow::Result<String> {
        let event: Value = serde_json::from_str(text).context("not JSON")?;
        Ok(self.client.send_one(&event.to_string())?.last_seq.to_string())
    }

    fn sample(&self) -> anyhow::Result<(Vec<Said>, &'static str)> {
        Ok((classic()?, ""))
    }
}

/// The classic sequence: a task from start to end, a provider that is ready, a self-check.
pub(super) fn classic() -> anyhow::Result<Vec<Said>> {
    let task = Some(format!("task:{}", fresh("task_")?));
    let provider = Some(format!("provider:{}", fresh("sample_")?));
    let check = Some(format!("selfcheck:{}", fresh("check_")?));
    let mut sequence = vec![Said::new("task.started", task.clone(), json!({"title": "Sample task"}))];
    for (progress, message) in [(0, "Begun"), (25, "Reading"), (50, "Half way"), (75, "Writing"), (100, "Done")] {
        sequence.push(Said::new("task.progress", task.clone(), json!({"progress": progress, "message": message})));
    }
    sequence.push(Said::new("task.completed", task, json!({"result": "A sample, nothing was done"})));
    let ready = json!({"state": "READY", "endpoint": "http://localhost:11434"});
    sequence.push(Said::new("provider.status_changed", provider, ready));
    sequence.push(Said::new("selfcheck.started", check.clone(), json!({})));
    sequence.push(Said::new("selfcheck.progress", check.clone(), json!({"progress": 50, "message": "Sample check"})));
    sequence.push(Said::new("selfcheck.completed", check, json!({"summary": "A sample, nothing was checked"})));
    Ok(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Draft;
    use crate::event::wire::At;

    #[test]
    fn the_classic_sequence_fits_the_catalogue_and_is_new_each_time() {
        let sequence = classic().unwrap();
        for said in &sequence {
            let event = json!({"type": said.kind, "entity": said.entity, "payload": said.payload});
            Draft::read(event, &At::Root("event")).unwrap();
        }
        let progress: Vec<u64> = sequence.iter().filter_map(|said| said.payload.get("progress")?.as_u64()).collect();
        assert_eq!((sequence.len(), progress), (11, vec![0, 25, 50, 75, 100, 50]));
        for (one, other) in sequence.iter().zip(classic().unwrap()) {
            assert_ne!(one.entity, other.entity);
        }
    }
}
