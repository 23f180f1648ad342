//! What trader clients do: they move the paper engine by hand.

use anyhow::bail;
use serde_json::{Value, json};

use super::{Said, Way};
use crate::cli::client::{Client, said as words};
use crate::cli::dialect::Talk;

/// What the engine can be asked for.
const ACTIONS: [&str; 4] = ["scan", "buy", "sell", "buyback"];

pub(super) struct Trader {
    talk: Talk,
}

impl Trader {
    pub(super) fn open(client: &Client) -> anyhow::Result<Self> {
        Ok(Self { talk: Talk::open(client, "/ws/trader")? })
    }
}

/// Whether an acknowledgement says that nothing was done.
fn refused(ack: &Value) -> bool {
    let told = |key: &str| ack.get(key).or_else(|| ack["data"].get(key)).cloned().unwrap_or_default();
    told("success") == false || told("error").is_string()
}

impl Way for Trader {
    fn send(&mut self, said: &Said) -> anyhow::Result<String> {
        said.plain("trader")?;
        if !ACTIONS.contains(&said.kind.as_str()) {
            bail!("trader has no way to say {}; TYPE is one of {}", said.kind, ACTIONS.join(", "));
        }
        let mut frame = Value::Object(said.payload.clone());
        frame["type"] = "SIMULATE".into();
        frame["action"] = said.kind.as_str().into();
        self.raw(&frame.to_string())
    }

    /// The acknowledgement, as it came. Anything but `SIMULATE` gets none and is an error here.
    fn raw(&mut self, text: &str) -> anyhow::Result<String> {
        self.talk.say(text)?;
        let ack = self.talk.hear_type("SIMULATE_ACK")?;
        if refused(&ack) {
            bail!("refused: {}", words(if ack["data"].is_object() { &ack["data"] } else { &ack }));
        }
        Ok(ack.to_string())
    }

    fn sample(&self) -> anyhow::Result<(Vec<Said>, &'static str)> {
        let steps = ["scan", "buy", "sell"].map(|action| Said::new(action, None, json!({})));
        Ok((steps.into(), "; trader has no names for tasks, providers and self-checks, so a token was bought and sold"))
    }
}
