//! What the page asks the server for: pages of the log, and actions. They share the event types.

use bytes::Bytes;
use leptos::prelude::*;
use leptos::server_fn::codec::Post;
use leptos::server_fn::{ContentType, Decodes, Encodes, Format, FormatType, ServerFnError};

use crate::event::table::record;
use crate::event::wire::{Wire, from_text, to_text};
use crate::event::{Event, Fault};

record! {
    /// A part of the log.
    pub struct LogPart {
        /// The events, oldest first.
        events: Vec<Event>,
        /// The cursor to go on before.
        previous: String,
        /// Whether nothing older is kept.
        exhausted: bool,
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

/// The newest events before a cursor; before now where it is empty. `types` is a filter's.
#[server(prefix = "/api/page", endpoint = "log", output = Answer)]
pub async fn log_page(before: String, types: String, limit: u32) -> Result<LogPart, ServerFnError> {
    use crate::event::Filter;
    use crate::server::{history, limits, query::PageQuery};

    let mut filter = Filter::everything();
    filter.add("types", &types)?;
    let before = if before.is_empty() { None } else { Some(before.parse()?) };
    let limit = (limit as usize).clamp(1, limits::MAX_PAGE);
    let hub = server::hub()?;
    server::part(history::page(&hub, PageQuery { after: None, before, limit, filter }).await)
}

/// What is known of one agent, its tasks, sessions and messages: the newest events about them.
#[server(prefix = "/api/page", endpoint = "agent", output = Answer)]
pub async fn agent_history(id: String, limit: u32) -> Result<LogPart, ServerFnError> {
    use crate::server::{history, limits, query::PageQuery};

    let hub = server::hub()?;
    let filter = server::about_agent(&hub.state(), &id);
    let limit = (limit as usize).clamp(1, limits::MAX_PAGE);
    server::part(history::page(&hub, PageQuery { after: None, before: None, limit, filter }).await)
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

/// What the last refused event was told, for whoever tries a first one; empty where none was refused.
#[server(prefix = "/api/page", endpoint = "refusal", output = Answer)]
pub async fn last_refusal() -> Result<String, ServerFnError> {
    Ok(server::app()?.gauges.last_refusal.lock().ok().and_then(|last| last.clone()).unwrap_or_default())
}

#[cfg(feature = "ssr")]
mod server {
    use super::{LogPart, ServerFnError};
    use crate::event::{Filter, wire};
    use crate::hub::Hub;
    use crate::server::AppState;
    use crate::server::history::LogPage;
    use crate::server::problem::Problem;
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
        Ok(app()?.hub)
    }

    pub(super) fn part(read: Result<LogPage, Problem>) -> Result<LogPart, ServerFnError> {
        let read = read.map_err(|problem| ServerFnError::new(problem.detail().to_owned()))?;
        let events = read.page.events.iter().map(|stored| wire::from_text(&stored.json)).collect::<Result<_, _>>()?;
        Ok(LogPart { events, previous: read.previous.to_string(), exhausted: read.page.exhausted })
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
