//! The newest events in words.

use std::collections::VecDeque;

use super::bounds::{clip, push_newest};
use crate::event::agent::AgentEvent;
use crate::event::memory::MemoryEvent;
use crate::event::message::MessageEvent;
use crate::event::provider::ProviderEvent;
use crate::event::selfcheck::SelfcheckEvent;
use crate::event::session::SessionEvent;
use crate::event::table::{record, words};
use crate::event::task::{TaskEvent, TaskRoute};
use crate::event::topology::TopologyEvent;
use crate::event::trade::TradeEvent;
use crate::event::wire::to_text;
use crate::event::{Body, Entity, Event, Timestamp};

/// How many events are kept in words.
pub const MAX_ROWS: usize = 200;
/// How long a line of words may be, in bytes.
pub const MAX_WORDS: usize = 240;
/// How long the id of a part may be, in bytes.
const MAX_PART: usize = 128;

words! {
    /// How something came out.
    pub enum Outcome {
        /// As it should.
        Well = "well",
        /// It failed.
        Badly = "badly",
        /// It was refused, called off, or lapsed.
        Off = "off",
    }
}

record! {
    /// One event in words.
    pub struct Row {
        /// Its place in the log.
        seq: u64,
        /// When it happened.
        ts: Timestamp,
        /// Its type.
        kind as "type": String,
        /// Who reported it.
        source: String,
        /// What it is about.
        entity: Option<Entity>,
        /// What it says.
        words: String,
        /// The call, request or turn inside of what it is about that it tells of.
        part: Option<String>,
        /// How what it tells of came out, where it tells that.
        outcome: Option<Outcome>,
    }
}

record! {
    /// The newest events, oldest first.
    #[derive(Default)]
    pub struct Activity {
        /// The rows.
        rows: VecDeque<Row>,
    }
}

impl Row {
    /// An event in words.
    pub fn of(event: &Event) -> Self {
        Self {
            seq: event.seq,
            ts: event.when(),
            kind: event.kind().to_owned(),
            source: event.source.clone(),
            entity: event.entity.clone(),
            words: clip(&words(event), MAX_WORDS),
            part: part(&event.body).map(|part| clip(part, MAX_PART)),
            outcome: outcome(&event.body),
        }
    }
}

impl Activity {
    pub(super) fn fold(&mut self, event: &Event) {
        push_newest(&mut self.rows, Row::of(event), MAX_ROWS);
    }
}

fn part(body: &Body) -> Option<&str> {
    let Body::Session(body) = body else { return None };
    match body {
        SessionEvent::ToolStarted(it) => Some(&it.tool_use_id),
        SessionEvent::ToolFinished(it) => Some(&it.tool_use_id),
        SessionEvent::PermissionRequested(it) => Some(&it.request_id),
        SessionEvent::PermissionDecided(it) => Some(&it.request_id),
        SessionEvent::PermissionExpired(it) => Some(&it.request_id),
        SessionEvent::TextDelta(it) => it.turn_id.as_deref(),
        SessionEvent::TextCompleted(it) => it.turn_id.as_deref(),
        _ => None,
    }
}

fn outcome(body: &Body) -> Option<Outcome> {
    let fine = |fine: bool, otherwise: Outcome| if fine { Outcome::Well } else { otherwise };
    Some(match body {
        Body::Task(TaskEvent::Completed(_))
        | Body::Message(MessageEvent::Delivered(_))
        | Body::Selfcheck(SelfcheckEvent::Completed(_))
        | Body::Session(SessionEvent::TextCompleted(_) | SessionEvent::Completed(_)) => Outcome::Well,
        Body::Task(TaskEvent::Failed(_))
        | Body::Selfcheck(SelfcheckEvent::Failed(_))
        | Body::Session(SessionEvent::Failed(_)) => Outcome::Badly,
        Body::Task(TaskEvent::Cancelled(_)) | Body::Session(SessionEvent::PermissionExpired(_) | SessionEvent::Aborted(_)) => {
            Outcome::Off
        }
        Body::Session(SessionEvent::ToolFinished(it)) => fine(!it.is_error, Outcome::Badly),
        Body::Session(SessionEvent::PermissionDecided(it)) => fine(it.allowed, Outcome::Off),
        _ => return None,
    })
}

/// What an event says, in a line.
pub fn words(event: &Event) -> String {
    match &event.body {
        Body::Agent(body) => agent(body),
        Body::Task(body) => task(body),
        Body::Message(MessageEvent::Sent(it)) => {
            let to = if it.to == "*" { "all" } else { &it.to };
            join(&[&it.from, " → ", to, ": ", &it.content])
        }
        Body::Message(MessageEvent::Delivered(it)) => join(&["delivered to ", &it.agent]),
        Body::Memory(body) => memory(body),
        Body::Topology(TopologyEvent::Changed(it)) => {
            let size = [it.nodes.len().to_string(), it.edges.len().to_string()];
            let why = after(": ", it.reason.as_deref());
            join(&[it.topology.as_str(), ", ", &size[0], " nodes, ", &size[1], " edges", &why])
        }
        Body::Provider(body) => match body {
            ProviderEvent::StatusChanged(it) => {
                join(&[it.state.as_str(), " at ", &it.endpoint, &after(": ", it.last_error.as_deref())])
            }
            ProviderEvent::Configured(it) => join(&["to be probed as ", it.kind.as_str(), " at ", &it.endpoint]),
            ProviderEvent::Removed(it) => join(&["removed", &after(": ", it.reason.as_deref())]),
        },
        Body::Selfcheck(body) => match body {
            SelfcheckEvent::Started(_) => "self-check started".to_owned(),
            SelfcheckEvent::Progress(it) => join(&[&percent(it.progress), " ", &it.message]),
            SelfcheckEvent::Completed(it) => it.summary.clone(),
            SelfcheckEvent::Failed(it) => it.error.clone(),
        },
        Body::Session(body) => session(body),
        Body::Config(crate::event::config::ConfigEvent::Changed(it)) => join(&["configuration changed: ", &it.change_type]),
        Body::Trade(body) => trade(body),
        Body::Mode(crate::event::mode::ModeEvent::Violation(it)) => {
            let (by, mode) = (after(" by ", it.agent.as_deref()), after(" in mode ", it.mode.as_deref()));
            join(&["violation", &by, &mode, &after(" of ", it.rule.as_deref()), &after(": ", it.message.as_deref())])
        }
        Body::Custom(custom) => to_text(&custom.payload),
    }
}

fn agent(body: &AgentEvent) -> String {
    match body {
        AgentEvent::Registered(it) => join(&[&it.name, " registered as ", &it.agent_type]),
        AgentEvent::Updated(_) => "description updated".to_owned(),
        AgentEvent::StatusChanged(it) => {
            join(&[it.status.as_str(), &after(" on ", it.task.as_deref()), &after(": ", it.reason.as_deref())])
        }
        AgentEvent::HealthChanged(it) => {
            join(&[it.status.as_str(), ", was ", it.previous.as_str(), &after(": ", it.reason.as_deref())])
        }
        AgentEvent::TrustChanged(it) => join(&["trust ", &to_text(&it.previous), " → ", &to_text(&it.score), ": ", &it.reason]),
        AgentEvent::Removed(it) => join(&["removed", &after(": ", it.reason.as_deref())]),
    }
}

fn task(body: &TaskEvent) -> String {
    match body {
        TaskEvent::Created(it) => it.description.clone(),
        TaskEvent::Assigned(it) => join(&["assigned to ", &it.agent]),
        TaskEvent::Started(it) => join(&["started", &after(" by ", it.agent.as_deref()), &after(": ", it.title.as_deref())]),
        TaskEvent::Progress(it) => join(&[&percent(it.progress), &after(" ", it.message.as_deref())]),
        TaskEvent::Completed(it) => join(&["completed", &after(": ", it.result.as_ref().map(to_text).as_deref())]),
        TaskEvent::Failed(it) => join(&["failed: ", &it.error]),
        TaskEvent::Cancelled(it) => join(&["cancelled", &after(": ", it.reason.as_deref())]),
        TaskEvent::Retried(it) => join(&["attempt ", &it.attempt.to_string(), &after(": ", it.reason.as_deref())]),
        TaskEvent::Routed(it) => route("routed", it),
        TaskEvent::RouteVerified(it) => route("route verified", it),
        TaskEvent::Rerouted(it) => route("rerouted", it),
        TaskEvent::RouteOverridden(it) => route("route overridden", it),
    }
}

fn memory(body: &MemoryEvent) -> String {
    let verb = match body {
        MemoryEvent::Stored(_) => "stored ",
        MemoryEvent::Retrieved(_) => "retrieved ",
        MemoryEvent::Searched(_) => "searched ",
        MemoryEvent::Updated(_) => "updated ",
        MemoryEvent::Deleted(_) => "deleted ",
    };
    let it = body.operation();
    let found = it.result_count.map(|count| count.to_string());
    let hit = match it.cache_hit {
        Some(true) => ", cache hit",
        Some(false) => ", cache miss",
        None => "",
    };
    let (key, query) = (after("/", it.key.as_deref()), after(" for ", it.query.as_deref()));
    join(&[verb, &it.namespace, &key, &query, &after(", found ", found.as_deref()), hit])
}

fn session(body: &SessionEvent) -> String {
    match body {
        SessionEvent::Started(it) => {
            join(&["session started", &after(" by ", it.agent.as_deref()), &after(": ", it.title.as_deref())])
        }
        SessionEvent::Prompted(it) => join(&[&it.by, ": ", &it.text]),
        SessionEvent::Updated(it) => {
            join(&["session updated", &after(": ", it.title.as_deref()), &after(", permission ", it.permission_mode.as_deref())])
        }
        SessionEvent::Removed(_) => "session removed".to_owned(),
        SessionEvent::TextDelta(it) => it.delta.clone(),
        SessionEvent::TextCompleted(it) => it.text.clone(),
        SessionEvent::ToolStarted(it) => {
            join(&[it.display_name.as_deref().unwrap_or(&it.tool_name), " ", it.intent.as_deref().unwrap_or(&to_text(&it.input))])
        }
        SessionEvent::ToolFinished(it) => {
            join(&[&it.tool_name, if it.is_error { " failed: " } else { " answered: " }, &to_text(&it.result)])
        }
        SessionEvent::PermissionRequested(it) => {
            join(&["asks to run ", &it.tool_name, &after(": ", it.command.as_deref().or(it.description.as_deref()))])
        }
        SessionEvent::PermissionDecided(it) => join(&[if it.allowed { "allowed by " } else { "denied by " }, &it.by]),
        SessionEvent::PermissionExpired(_) => "request expired unanswered".to_owned(),
        SessionEvent::Completed(_) => "session completed".to_owned(),
        SessionEvent::Failed(it) => join(&["session failed: ", &it.error]),
        SessionEvent::Aborted(it) => join(&["session aborted by ", &it.by]),
    }
}

fn route(what: &str, it: &TaskRoute) -> String {
    join(&[what, &after(" to ", it.agent.as_deref()), &after(" by ", it.by.as_deref()), &after(": ", it.reason.as_deref())])
}

fn trade(body: &TradeEvent) -> String {
    match body {
        TradeEvent::AnalysisStarted(it) => join(&["looking at ", &it.mint]),
        TradeEvent::SafetyChecked(it) => {
            let risks = it.result.risks.join(", ");
            join(&[if it.result.is_safe { "safe" } else { "unsafe" }, if risks.is_empty() { "" } else { ": " }, &risks])
        }
        TradeEvent::SmartMoneyChecked(it) => join(&[&it.count.to_string(), " smart wallets"]),
        TradeEvent::Decided(it) => {
            join(&[if it.decision.should_trade { "trade: " } else { "no trade: " }, &it.decision.reasons.join("; ")])
        }
        TradeEvent::Executed(it) => join(&[it.side.as_str(), " ", &to_text(&it.amount), " of ", &it.mint]),
        TradeEvent::BuybackTriggered(it) => {
            join(&["buyback of ", &to_text(&it.amount), " from a profit of ", &to_text(&it.profit)])
        }
        TradeEvent::PriceChanged(it) => join(&[&it.mint, " at ", &to_text(&it.price)]),
        TradeEvent::BreakerTripped(it) => join(&["buying is stopped: ", &it.reason]),
        TradeEvent::RunStarted(it) => join(&["paper run on feed ", &it.feed, " with ", &to_text(&it.balance)]),
        TradeEvent::RunEnded(it) => join(&["paper run ended: ", &it.reason]),
    }
}

fn percent(share: f64) -> String {
    join(&[&to_text(&((share * 10.0).round() / 10.0)), " %"])
}

fn after(before: &str, text: Option<&str>) -> String {
    text.map(|text| join(&[before, text])).unwrap_or_default()
}

/// Joins parts; smaller in the browser than the formatting machinery.
fn join(parts: &[&str]) -> String {
    parts.concat()
}
