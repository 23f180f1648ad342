//! What clients of sessions do: they give an agent at work a message, or break it off.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{Said, Way};
use crate::app::route::encode;
use crate::cli::client::{Client, said as words};
use crate::cli::dialect::Talk;

/// The workspace of a session that names none.
const WORKSPACE: &str = "swarmdeck";

pub(super) struct Sessions<'a> {
    client: &'a Client,
    /// The session that was begun here.
    begun: Option<String>,
}

impl<'a> Sessions<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client, begun: None }
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.client.ask("POST", path, Some(&body.to_string()))?;
        if !(200..300).contains(&status) {
            bail!("{status}: {}", words(&answer));
        }
        Ok(answer)
    }

    /// The session that is named, else the one begun here before, else a new one of which the
    /// payload's other fields speak.
    fn session(&mut self, said: &Said) -> anyhow::Result<String> {
        if said.entity.is_some() {
            return said.about("session").map(str::to_owned);
        }
        if let Some(begun) = &self.begun {
            return Ok(begun.clone());
        }
        let mut wanted = said.payload.clone();
        wanted.remove("message");
        wanted.entry("workspaceId").or_insert_with(|| WORKSPACE.into());
        let session = self.post("/api/sessions", &wanted.into()).context("cannot begin a session")?;
        let id = session["id"].as_str().with_context(|| format!("the new session has no id: {session}"))?.to_owned();
        self.begun = Some(id.clone());
        Ok(id)
    }
}

impl Way for Sessions<'_> {
    fn send(&mut self, said: &Said) -> anyhow::Result<String> {
        said.plain("sessions")?;
        match said.kind.as_str() {
            "message" => {
                let message = said.payload.get("message").and_then(Value::as_str).context("--payload: message is missing")?;
                let message = json!({"message": message});
                let id = self.session(said)?;
                self.post(&format!("/api/sessions/{}/messages", encode(&id)), &message)?;
                Ok(format!("session {id} took the message"))
            }
            "abort" => {
                let id = said.about("session")?;
                self.post(&format!("/api/sessions/{}/abort", encode(id)), &json!({}))?;
                Ok(format!("session {id} was broken off"))
            }
            other => bail!("sessions has no way to say {other}; TYPE is message or abort, and --raw sends a permission_response"),
        }
    }

    /// Over the WebSocket, which answers nothing.
    fn raw(&mut self, text: &str) -> anyhow::Result<String> {
        let mut talk = Talk::open(self.client, "/ws")?;
        let first = talk.hear("connected")?;
        anyhow::ensure!(first["type"] == "connected", "the first frame is not connected: {first}");
        talk.say(text)?;
        talk.end();
        Ok("sent; the dialect has no answers".to_owned())
    }

    fn sample(&self) -> anyhow::Result<(Vec<Said>, &'static str)> {
        let message = Said::new("message", None, json!({"message": "Say hello, and nothing more"}));
        Ok((vec![message], "; sessions has no names for tasks, providers and self-checks, so a new session got a message"))
    }
}
