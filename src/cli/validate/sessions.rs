//! Whether clients of sessions are served: text as it comes, tools, and permissions.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use serde_json::{Value, json};

use super::Checks;
use crate::app::route::encode;
use crate::cli::client::{Client, said};
use crate::cli::dialect::{Talk, brief};

/// The driver that the check may set to work: a script, which does nothing.
const DRIVER: &str = "tour";
/// How long its play may take.
const PLAY: Duration = Duration::from_secs(60);

pub(super) fn run(client: &Client, checks: &mut Checks) {
    let Some(mut talk) = checks.found("connect", connect(client)) else { return };
    checks.check("errors", errors(client));
    let wanted = json!({"workspaceId": "swarmdeck-validate", "permissionMode": "ask", "driver": DRIVER});
    let session = match client.ask("POST", "/api/sessions", Some(&wanted.to_string())) {
        Ok((201, session)) => session,
        // Without the script, a message would set a real agent to work.
        Ok((status, answer)) => {
            let why = format!("no session of the driver {DRIVER:?} can be had here: {status} {}", said(&answer));
            return checks.skip("stream", &why);
        }
        Err(error) => {
            checks.check("create", Err(error));
            return;
        }
    };
    let Some(id) = session["id"].as_str().filter(|id| !id.is_empty()) else {
        checks.check("create", Err(anyhow::anyhow!("the session has no id: {}", brief(&session))));
        return;
    };
    checks.check("create", Ok(format!("session {id}")));
    checks.check("stream", stream(client, &mut talk, id));
}

fn connect(client: &Client) -> anyhow::Result<(Talk, String)> {
    let mut talk = Talk::open(client, "/ws")?;
    let first = talk.hear("connected")?;
    ensure!(first["type"] == "connected" && first["timestamp"].is_number(), "the first frame is {}", brief(&first));
    Ok((talk, "connected".to_owned()))
}

fn errors(client: &Client) -> anyhow::Result<String> {
    let (status, answer) = client.ask("GET", "/api/sessions/swarmdeck-no-such-session", None)?;
    ensure!(
        status == 404 && answer["error"] == "Session not found",
        "an unknown session is answered {status} {}",
        brief(&answer)
    );
    let (status, answer) = client.ask("POST", "/api/sessions", Some(r#"{"workspaceId":["no text"]}"#))?;
    ensure!(status == 400 && answer["error"] == "Bad Request", "a bad body is answered {status} {}", brief(&answer));
    Ok("an unknown session is 404, a bad body 400".to_owned())
}

/// What came of a session, frame by frame.
#[derive(Debug, Default)]
struct Heard {
    deltas: usize,
    /// The pieces since the last whole text.
    text: String,
    tools: usize,
    permissions: usize,
}

impl Heard {
    /// Takes a frame in. The pieces must be the whole, exactly.
    fn take(&mut self, frame: &Value) -> anyhow::Result<()> {
        match frame["type"].as_str().unwrap_or_default() {
            "text_delta" => {
                let Some(delta) = frame["delta"].as_str() else { bail!("text_delta has no delta: {}", brief(frame)) };
                self.deltas += 1;
                self.text.push_str(delta);
            }
            "text_complete" => {
                let whole = frame["text"].as_str().unwrap_or_default();
                let pieces = std::mem::take(&mut self.text);
                ensure!(pieces.is_empty() || pieces == whole, "the pieces are {pieces:?}, the whole is {whole:?}");
            }
            "tool_start" => self.tools += 1,
            "error" => bail!("the session failed: {}", frame["error"].as_str().unwrap_or_default()),
            _ => {}
        }
        Ok(())
    }
}

/// Subscribes, sends a message, says yes to what is asked, and listens to the end.
fn stream(client: &Client, talk: &mut Talk, id: &str) -> anyhow::Result<String> {
    talk.say(&json!({"type": "subscribe", "sessionId": id}).to_string())?;
    let path = format!("/api/sessions/{}/messages", encode(id));
    let (status, answer) = client.ask("POST", &path, Some(&json!({"message": "Show what you can do"}).to_string()))?;
    ensure!(status == 202 && answer["accepted"] == true, "the message is answered {status} {}", brief(&answer));
    let began = Instant::now();
    let mut heard = Heard::default();
    while began.elapsed() < PLAY {
        let frame = talk.hear("next frame of the session")?;
        if frame["type"] == "config_changed" {
            continue;
        }
        ensure!(frame["sessionId"] == id, "a frame of another session came: {}", brief(&frame));
        heard.take(&frame)?;
        if frame["type"] == "permission_request" {
            heard.permissions += 1;
            let request = &frame["request"]["requestId"];
            ensure!(request.is_string(), "the request has no id: {}", brief(&frame));
            talk.say(&json!({"type": "permission_response", "requestId": request, "allowed": true}).to_string())?;
        }
        if frame["type"] == "complete" {
            ensure!(heard.deltas > 0, "it completed without a piece of text");
            let Heard { deltas, tools, permissions, .. } = heard;
            return Ok(format!(
                "{deltas} pieces of text that are the whole, {tools} tools, {permissions} permissions given, complete"
            ));
        }
    }
    bail!("not complete within {PLAY:?}")
}
