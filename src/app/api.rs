//! What the page asks the server for: pages of the log, and actions. They share the event types.

use bytes::Bytes;
use leptos::prelude::*;
use leptos::server_fn::codec::Post;
use leptos::server_fn::{ContentType, Decodes, Encodes, Format, FormatType, ServerFnError};

use crate::event::table::record;
use crate::event::wire::{Wire, from_text, to_text};
use crate::event::{Event, Fault, Timestamp};

record! {
    /// A part of the log.
    pub struct LogPart {
        /// The events, oldest first.
        events: Vec<Event>,
        /// The cursor to go on before.
        previous: String,
        /// Whether nothing older is kept.
        exhausted: bool,
        /// The oldest event that is kept.
        first: u64,
    }
}

record! {
    /// One write of a key of the shared memory.
    pub struct KeyWrite {
        /// Its place in the log, which is the value's version.
        seq: u64,
        /// When it was done.
        ts: Timestamp,
        /// Its type.
        kind as "type": String,
        /// Who did it.
        source: String,
        /// The value's JSON, cut where it is long; empty of a deletion.
        value: String,
        /// Whether it left a value.
        has_value: bool,
        /// Whether the value is cut, and how long it is in bytes.
        cut: bool,
        /// How long the value is in bytes.
        bytes: u64,
    }
}

record! {
    /// A part of the writes of a key.
    #[derive(Default)]
    pub struct KeyWrites {
        /// The writes, newest first.
        writes: Vec<KeyWrite>,
        /// What to go on before; 0 where there is nothing more.
        next: u64,
        /// Why nothing is told; empty where something is.
        refused: String,
    }
}

/// Answers travel in the event model's own wire format, like everything else.
#[derive(Debug)]
pub struct WireEncoding;

impl ContentType for WireEncoding {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for WireEncoding {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Wire> Encodes<T> for WireEncoding {
    type Error = Fault;

    fn encode(output: &T) -> Result<Bytes, Fault> {
        Ok(to_text(output).into())
    }
}

impl<T: Wire> Decodes<T> for WireEncoding {
    type Error = Fault;

    fn decode(bytes: Bytes) -> Result<T, Fault> {
        from_text(&String::from_utf8_lossy(&bytes))
    }
}

/// How every answer travels.
pub(super) type Answer = Post<WireEncoding>;

/// The newest events before a cursor; before now where it is empty. `q` is a filter as a person writes it.
#[server(prefix = "/api/page", endpoint = "log", output = Answer)]
pub async fn log_page(before: String, q: String, limit: u32) -> Result<LogPart, ServerFnError> {
    use crate::event::Filter;
    use crate::server::{history, limits, query::PageQuery};

    let mut filter = Filter::everything();
    filter.add("q", &q)?;
    let before = if before.is_empty() { None } else { Some(before.parse()?) };
    let limit = (limit as usize).clamp(1, limits::MAX_PAGE);
    let hub = server::hub()?;
    server::part(&hub, history::page(&hub, PageQuery { after: None, before, limit, filter }).await)
}

/// What is known of one agent, its tasks, sessions and messages: the newest events about them before a
/// cursor, and what was known of it there; before now where it is empty.
#[server(prefix = "/api/page", endpoint = "agent", output = Answer)]
pub async fn agent_history(id: String, limit: u32, #[server(default)] before: String) -> Result<LogPart, ServerFnError> {
    use crate::event::Cursor;
    use crate::server::{history, limits, query::PageQuery};

    let hub = server::hub()?;
    let before = if before.is_empty() { None } else { Some(before.parse()?) };
    let then = match before {
        Some(Cursor::After { seq, .. }) => hub.state_at(seq.saturating_sub(1)).await.ok(),
        _ => None,
    };
    let filter = server::about_agent(then.as_ref().unwrap_or(&hub.state()), &id);
    let limit = (limit as usize).clamp(1, limits::MAX_PAGE);
    server::part(&hub, history::page(&hub, PageQuery { after: None, before, limit, filter }).await)
}

/// The newest messages before a cursor that fit what is asked for; an empty text asks nothing. What
/// lies further back than some thousands of messages is found by going on before `previous`.
#[server(prefix = "/api/page", endpoint = "messages", output = Answer)]
pub async fn older_messages(
    before: String,
    #[server(default)] agent: String,
    #[server(default)] with: String,
    #[server(default)] kind: String,
    #[server(default)] words: String,
    #[server(default)] thread: String,
) -> Result<LogPart, ServerFnError> {
    use crate::app::pages::messages::Wanted;

    let wanted = Wanted { agent, with, kind, words, thread };
    server::messages(&server::hub()?, before.parse()?, &wanted).await
}

/// The writes of a key before a place in the log; the newest where that is 0.
#[server(prefix = "/api/page", endpoint = "key-history", output = Answer)]
pub async fn key_history(namespace: String, key: String, before: u64) -> Result<KeyWrites, ServerFnError> {
    use crate::swarm::bounds::clip;

    /// How many writes, and how much of each value, in bytes.
    const WRITES: usize = 20;
    const VALUE: usize = 4_000;

    let before = if before == 0 { u64::MAX } else { before };
    let told = server::app()?.services.memory.history(&namespace, &key, before, WRITES).await;
    let told = match told {
        Ok(told) => told,
        Err(refusal) => return Ok(KeyWrites { refused: refusal.detail, ..KeyWrites::default() }),
    };
    let write = |it: crate::service::memory::Write| {
        let value = it.value.unwrap_or_default();
        KeyWrite {
            seq: it.seq,
            ts: it.ts,
            has_value: it.kind != "memory.deleted",
            kind: it.kind,
            source: it.source,
            cut: value.len() > VALUE,
            bytes: value.len() as u64,
            value: clip(&value, VALUE),
        }
    };
    Ok(KeyWrites { writes: told.writes.into_iter().map(write).collect(), next: told.next.unwrap_or(0), refused: String::new() })
}

/// One event as the log has it, for reading: JSON with line breaks; empty where it is not kept.
#[server(prefix = "/api/page", endpoint = "event", output = Answer)]
pub async fn one_event(seq: u64) -> Result<String, ServerFnError> {
    use crate::hub::Read;

    let page = server::hub()?
        .read(Read { after: seq.saturating_sub(1), before: seq.saturating_add(1), limit: 1, ..Read::default() })
        .await?;
    let pretty = |json: &str| serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(json)?);
    Ok(page.events.first().map(|stored| pretty(&stored.json)).transpose()?.unwrap_or_default())
}

/// Sends a first event from the page; its place in the log.
#[server(prefix = "/api/page", endpoint = "first-event", output = Answer)]
pub async fn send_first_event() -> Result<u64, ServerFnError> {
    use crate::event::agent::AgentRegistered;
    use crate::event::{Draft, Entity};

    let registered = AgentRegistered {
        name: "Hello".to_owned(),
        agent_type: "visitor".to_owned(),
        parent: None,
        endpoint: None,
        version: None,
        capabilities: Vec::new(),
        host: None,
        extra: serde_json::Map::new(),
    };
    let appended = server::hub()?.append(vec![Draft::new("webui", Entity::new("agent", "hello"), registered)]).await?;
    server::back();
    Ok(appended.seqs[0])
}

/// Starts the demo swarm on the server; whether it runs now.
/// Its events go to the real log under the source `demo`.
#[server(prefix = "/api/page", endpoint = "start-demo", output = Answer)]
pub async fn start_demo(agents: u32, rate: u32) -> Result<bool, ServerFnError> {
    server::app()?.demo.start(agents, rate);
    server::back();
    Ok(server::app()?.demo.is_running())
}

/// Stops the demo swarm on the server; whether it runs now.
#[server(prefix = "/api/page", endpoint = "stop-demo", output = Answer)]
pub async fn stop_demo() -> Result<bool, ServerFnError> {
    server::app()?.demo.stop();
    server::back();
    Ok(server::app()?.demo.is_running())
}

/// The server's version.
#[server(prefix = "/api/page", endpoint = "version", output = Answer)]
pub async fn server_version() -> Result<String, ServerFnError> {
    Ok(env!("CARGO_PKG_VERSION").to_owned())
}

/// What the last refused event was told, for whoever tries a first one; empty where none was refused.
#[server(prefix = "/api/page", endpoint = "refusal", output = Answer)]
pub async fn last_refusal() -> Result<String, ServerFnError> {
    Ok(server::app()?.gauges.last_refusal.lock().ok().and_then(|last| last.clone()).unwrap_or_default())
}

#[cfg(feature = "ssr")]
mod server {
    use super::{LogPart, ServerFnError};
    use crate::app::pages::messages::Wanted;
    use crate::event::message::MessageEvent;
    use crate::event::{Body, Cursor, Event, Filter, wire};
    use crate::hub::Hub;
    use crate::server::AppState;
    use crate::server::history::{self, LogPage};
    use crate::server::problem::Problem;
    use crate::server::query::PageQuery;
    use crate::swarm::SwarmState;
    use leptos::prelude::use_context;

    /// How many entities of one agent are looked up: itself and the newest of the rest.
    const MAX_RELATED: usize = 64;

    pub(super) fn app() -> Result<AppState, ServerFnError> {
        use_context::<AppState>().ok_or_else(|| ServerFnError::new("no server behind this page"))
    }

    /// A form sent without a script comes back to the overview.
    pub(super) fn back() {
        leptos_axum::redirect("/");
    }

    pub(super) fn hub() -> Result<Hub, ServerFnError> {
        Ok(app()?.hub.clone())
    }

    pub(super) fn part(hub: &Hub, read: Result<LogPage, Problem>) -> Result<LogPart, ServerFnError> {
        let read = read.map_err(|problem| ServerFnError::new(problem.detail().to_owned()))?;
        let events = read.page.events.iter().map(|stored| wire::from_text(&stored.json)).collect::<Result<_, _>>()?;
        Ok(LogPart { events, previous: read.previous.to_string(), exhausted: read.page.exhausted, first: hub.first() })
    }

    /// How many messages one answer looks through, how many it brings, and how many it reads at a time.
    const LOOKED_AT: usize = 20_000;
    const BROUGHT: usize = 60;
    const READ: usize = 1_000;

    /// The newest messages before a cursor that are wanted.
    pub(super) async fn messages(hub: &Hub, before: Cursor, wanted: &Wanted) -> Result<LogPart, ServerFnError> {
        let mut found = Vec::new();
        let mut before = before;
        for _ in 0..LOOKED_AT / READ {
            let mut filter = Filter::everything();
            filter.add("types", "message.sent")?;
            let mut read =
                part(hub, history::page(hub, PageQuery { after: None, before: Some(before), limit: READ, filter }).await)?;
            let fits = |event: &Event| matches!(&event.body, Body::Message(MessageEvent::Sent(it)) if wanted.wants_sent(it));
            for event in std::mem::take(&mut read.events).into_iter().rev().filter(fits) {
                found.push(event);
                if found.len() >= BROUGHT {
                    break;
                }
            }
            let is_full = found.len() >= BROUGHT;
            if is_full || read.exhausted {
                found.reverse();
                return Ok(LogPart { events: found, exhausted: read.exhausted && !is_full, ..read });
            }
            before = read.previous.parse()?;
        }
        found.reverse();
        Ok(LogPart { events: found, previous: before.to_string(), exhausted: false, first: hub.first() })
    }

    /// The agent itself, its tasks, its sessions and its newest messages.
    pub(super) fn about_agent(state: &SwarmState, id: &str) -> Filter {
        let mine = |agent: &Option<String>| agent.as_deref() == Some(id);
        let mut related: Vec<(u64, &str, &str)> = Vec::new();
        related.extend(
            state.tasks.by_id.values().filter(|task| mine(&task.agent)).map(|task| (task.heard.seq, "task", task.id.as_str())),
        );
        related.extend(
            state.sessions.by_id.values().filter(|it| mine(&it.agent)).map(|it| (it.heard.seq, "session", it.id.as_str())),
        );
        let messages = state.messages.recent.iter().filter(|message| message.from == id || message.to == id);
        related.extend(messages.map(|message| (message.seq, "message", message.id.as_str())));
        related.sort_unstable_by_key(|(seq, ..)| std::cmp::Reverse(*seq));
        let related = related.into_iter().map(|(_, kind, id)| (kind.to_owned(), id.to_owned()));
        Filter::about([("agent".to_owned(), id.to_owned())].into_iter().chain(related).take(MAX_RELATED))
    }
}
