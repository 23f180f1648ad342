//! A chat endpoint that speaks OpenAI's `POST …/chat/completions` with `stream: true`: OpenAI
//! itself, Ollama, vLLM, llama.cpp and others.
//!
//! Each turn sends the conversation and streams the answer. The request ends where the driver is
//! dropped. No tools are offered, so none are called.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::sse::Sse;
use super::{AgentEvent, Said, Spoken};
use crate::service::http;
use crate::service::sessions::fresh_id;
use crate::service::sessions::settings::OpenAiConfig;

/// The longest answer, in bytes; a longer one ends the turn with an error.
const MAX_ANSWER: usize = 1 << 20;
/// How much of an error's body is told, in bytes.
const MAX_WORDS: usize = 500;

/// A chat.
pub(in crate::service::sessions) struct Chat {
    config: OpenAiConfig,
    key: Option<String>,
    state: State,
    /// When the endpoint has been silent for too long.
    deadline: Instant,
    queue: VecDeque<AgentEvent>,
}

type Asking = Pin<Box<dyn Future<Output = Result<Response, String>> + Send>>;

enum State {
    Idle,
    Asking(Asking),
    Streaming(Box<Answer>),
}

/// An answer as it comes in.
struct Answer {
    response: Response,
    sse: Sse,
    turn: String,
    text: String,
    /// The endpoint said why it stopped.
    finished: bool,
}

impl Chat {
    /// # Errors
    /// The environment variable that is to hold the key is not set.
    pub(super) fn start(config: &OpenAiConfig) -> Result<Self, String> {
        let key = match &config.key_env {
            None => None,
            Some(name) => Some(
                std::env::var(name)
                    .map_err(|_| format!("the environment variable {name}, which is to hold the key, is not set"))?,
            ),
        };
        Ok(Self { config: config.clone(), key, state: State::Idle, deadline: Instant::now(), queue: VecDeque::new() })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.config.timeout)
    }

    /// Sends the conversation.
    pub(super) fn message(&mut self, conversation: Vec<Spoken>) {
        let url = format!("{}/chat/completions", self.config.url.trim_end_matches('/'));
        let system = self.config.system.iter().map(|text| json!({"role": "system", "content": text}));
        let said = conversation
            .iter()
            .map(|said| json!({"role": if said.by_person { "user" } else { "assistant" }, "content": said.text}));
        let messages: Vec<Value> = system.chain(said).collect();
        let body = json!({"model": self.config.model, "messages": messages, "stream": true});
        let request = url.parse().map_err(|error| format!("{url}: {error}")).map(|address| {
            let request = http::client(&address).post(address).header("accept", "text/event-stream").json(&body);
            match &self.key {
                Some(key) => request.bearer_auth(key),
                None => request,
            }
        });
        let asking = async move {
            let request = request?;
            let mut response = request.send().await.map_err(|error| format!("{url}: {}", causes(&error)))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let mut words = Vec::new();
            while let Ok(Some(bytes)) = response.chunk().await {
                words.extend_from_slice(&bytes);
                if words.len() > MAX_WORDS {
                    break;
                }
            }
            words.truncate(MAX_WORDS);
            Err(format!("{url} answered {status}: {}", String::from_utf8_lossy(&words).trim()))
        };
        self.deadline = Instant::now() + self.patience();
        self.state = State::Asking(Box::pin(asking));
    }

    pub(super) async fn next(&mut self) -> Said {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Said::Event(event);
            }
            let step = match &mut self.state {
                State::Idle => pending().await,
                State::Asking(asking) => match timeout_at(self.deadline, asking).await {
                    Ok(Ok(response)) => {
                        let turn = fresh_id("turn");
                        let answer = Answer { response, sse: Sse::default(), turn, text: String::new(), finished: false };
                        self.state = State::Streaming(Box::new(answer));
                        Ok(())
                    }
                    Ok(Err(problem)) => Err(problem),
                    Err(_late) => Err(self.silent()),
                },
                State::Streaming(answer) => match timeout_at(self.deadline, answer.response.chunk()).await {
                    Ok(Ok(Some(bytes))) => self.read(&bytes),
                    Ok(Ok(None)) if answer.finished => {
                        self.end();
                        Ok(())
                    }
                    Ok(Ok(None)) => Err("the endpoint ended its answer early".to_owned()),
                    Ok(Err(error)) => Err(format!("the answer broke off: {}", causes(&error))),
                    Err(_late) => Err(self.silent()),
                },
            };
            self.deadline = Instant::now() + self.patience();
            if let Err(problem) = step {
                self.state = State::Idle;
                self.queue.push_back(AgentEvent::Error(problem));
            }
        }
    }

    fn silent(&self) -> String {
        format!("{} was silent for {} seconds", self.config.url, self.config.timeout)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), String> {
        let State::Streaming(answer) = &mut self.state else { return Ok(()) };
        for data in answer.sse.feed(bytes).map_err(|error| error.to_string())? {
            match read(&data)? {
                Chunk::Done => {
                    self.end();
                    return Ok(());
                }
                Chunk::Text { text, finished } => {
                    answer.finished |= finished;
                    answer.text.push_str(&text);
                    if answer.text.len() > MAX_ANSWER {
                        return Err(format!("the answer is longer than {MAX_ANSWER} bytes"));
                    }
                    if !text.is_empty() {
                        self.queue.push_back(AgentEvent::TextDelta { turn: Some(answer.turn.clone()), text });
                    }
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) {
        if let State::Streaming(answer) = std::mem::replace(&mut self.state, State::Idle) {
            let Answer { turn, text, .. } = *answer;
            if !text.is_empty() {
                self.queue.push_back(AgentEvent::TextComplete { turn: Some(turn), text, intermediate: false });
            }
            self.queue.push_back(AgentEvent::Complete);
        }
    }
}

/// What one event of the stream says.
#[derive(Debug, PartialEq)]
enum Chunk {
    Text { text: String, finished: bool },
    Done,
}

fn read(data: &str) -> Result<Chunk, String> {
    if data.trim() == "[DONE]" {
        return Ok(Chunk::Done);
    }
    let value: Value = serde_json::from_str(data).map_err(|error| format!("the answer cannot be read: {error}"))?;
    let error = &value["error"];
    if !error.is_null() {
        let words = error["message"].as_str().or(error.as_str()).map_or_else(|| error.to_string(), str::to_owned);
        return Err(words);
    }
    // An event without choices tells how much was used.
    let choice = &value["choices"][0];
    let text = choice["delta"]["content"].as_str().unwrap_or_default().to_owned();
    Ok(Chunk::Text { text, finished: choice["finish_reason"].is_string() })
}

/// An error with what caused it: the outermost alone says little.
fn causes(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_read() {
        let text = |text: &str, finished| Ok(Chunk::Text { text: text.to_owned(), finished });
        for (data, told) in [
            (
                r#"{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
                text("", false),
            ),
            (r#"{"choices":[{"delta":{"content":"é🐝\n"}}]}"#, text("é🐝\n", false)),
            (r#"{"choices":[{"delta":{"reasoning_content":"hm"}}]}"#, text("", false)),
            (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, text("", true)),
            (r#"{"choices":[],"usage":{"total_tokens":3}}"#, text("", false)),
            ("[DONE]", Ok(Chunk::Done)),
            (r#"{"error":{"message":"overloaded","code":503}}"#, Err("overloaded".to_owned())),
            (r#"{"error":"no such model"}"#, Err("no such model".to_owned())),
        ] {
            assert_eq!(read(data), told, "{data}");
        }
        assert!(read("{").unwrap_err().starts_with("the answer cannot be read"));
    }
}
