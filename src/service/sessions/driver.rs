//! What runs an agent: one interface over subprocesses, chat endpoints and scripts.
//!
//! A driver is told messages and answers, and says what its agent does. It knows no log, no state
//! and no HTTP server. [`Driver::next`] can be given up at any time without losing anything.

mod claude;
mod command;
mod events;
mod lines;
mod openai;
pub(super) mod scripted;
mod sse;

use std::future::pending;
use std::time::Duration;

use serde_json::Value;

use super::conversation::Said as Spoken;
use super::settings::Spec;
use crate::event::wire::Object;

/// What an agent does, in the words of every driver.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AgentEvent {
    /// A piece of text.
    TextDelta { turn: Option<String>, text: String },
    /// A text is whole; it replaces its pieces.
    TextComplete { turn: Option<String>, text: String, intermediate: bool },
    /// A tool is called.
    ToolStart { id: String, tool: String, input: Value, intent: Option<String>, display: Option<String>, turn: Option<String> },
    /// A tool answered.
    ToolResult { id: String, tool: String, result: Value, is_error: bool, turn: Option<String> },
    /// A person is asked.
    Permission(Ask),
    /// The agent no longer asks.
    Withdrawn { request: String },
    /// The turn is over.
    Complete,
    /// The turn went wrong and is over.
    Error(String),
}

/// What a person is asked, under the agent's own name for the request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ask {
    pub(super) request: String,
    pub(super) tool: String,
    pub(super) command: Option<String>,
    pub(super) description: Option<String>,
    pub(super) input: Option<Object>,
}

/// What comes out of a driver.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// The agent does something.
    Event(AgentEvent),
    /// The driver is gone: it ended well, or with these words. It says nothing further.
    End(Result<(), String>),
}

/// A running driver.
pub(super) enum Driver {
    Command(Box<command::Subprocess>),
    OpenAi(Box<openai::Chat>),
    Scripted(scripted::Play),
}

impl Driver {
    /// Starts one for a session; a program does not get the environment variables `keys`.
    ///
    /// # Errors
    /// Its program cannot be started, or its key is missing.
    pub(super) fn start(spec: &Spec, session: &str, workspace: Option<&str>, keys: &[String]) -> Result<Self, String> {
        Ok(match spec {
            Spec::Command(config) => Self::Command(Box::new(command::Subprocess::start(config, session, workspace, keys)?)),
            Spec::OpenAi(config) => Self::OpenAi(Box::new(openai::Chat::start(config)?)),
            Spec::Scripted(script) => Self::Scripted(scripted::Play::new(script)),
        })
    }

    /// Whether it wants to be told the whole conversation with every message.
    pub(super) fn wants_conversation(&self) -> bool {
        matches!(self, Self::OpenAi(_))
    }

    /// Whether it ended and cannot take a message.
    pub(super) fn is_over(&mut self) -> bool {
        match self {
            Self::Command(it) => it.is_over(),
            Self::OpenAi(_) | Self::Scripted(_) => false,
        }
    }

    /// What its agent does next. Safe to give up and to ask again.
    pub(super) async fn next(&mut self) -> Said {
        match self {
            Self::Command(it) => it.next().await,
            Self::OpenAi(it) => it.next().await,
            Self::Scripted(it) => it.next().await,
        }
    }

    /// Begins a turn with a person's message; `conversation` ends with it where it is wanted.
    ///
    /// # Errors
    /// It takes no messages.
    pub(super) fn message(&mut self, text: &str, conversation: Vec<Spoken>) -> Result<(), String> {
        match self {
            Self::Command(it) => it.message(text),
            Self::OpenAi(it) => {
                it.message(conversation);
                Ok(())
            }
            Self::Scripted(it) => {
                it.message();
                Ok(())
            }
        }
    }

    /// Answers a request, by the agent's name for it.
    ///
    /// # Errors
    /// It takes no answers.
    pub(super) fn answer(&mut self, request: &str, allowed: bool, always: bool, reason: Option<&str>) -> Result<(), String> {
        match self {
            Self::Command(it) => it.answer(request, allowed, always, reason),
            Self::OpenAi(_) => Ok(()),
            Self::Scripted(it) => {
                it.answer(request, allowed);
                Ok(())
            }
        }
    }

    /// Ends it: a subprocess and all that it started within `grace` or by force, a request at once.
    pub(super) async fn stop(self, grace: Duration) {
        if let Self::Command(mut it) = self {
            it.stop(grace).await;
        }
    }
}

/// What a driver says next; nothing ever where there is none.
pub(super) async fn next(driver: &mut Option<Driver>) -> Said {
    match driver {
        Some(driver) => driver.next().await,
        None => pending().await,
    }
}
