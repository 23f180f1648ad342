//! One agent in the list: as a row of the table, or as a card.

use crate::app::components::about::About;
use crate::app::components::chart::curve;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, bytes, count, rate, share};
use crate::app::components::window::{cell, line, name_cell};
use crate::app::html::{Element, Node, Text, a, dd, div, dl, dt, li, p, span, text};
use crate::app::route::encode;
use crate::swarm::Attention;
use crate::swarm::agents::Agent;

/// A number of an agent, or none where nobody reported it.
type Number = fn(&Agent) -> Option<String>;

const DONE: Number = |agent| Some([&count(agent.completed), " / ", &count(agent.completed + agent.failed)].concat());
const MESSAGES: Number = |agent| Some(count(agent.sent + agent.received));
pub(in crate::app::pages) const CPU: Number = |agent| agent.cpu.map(|cpu| [&rate(cpu), " %"].concat());
pub(in crate::app::pages) const MEMORY: Number = |agent| agent.memory.map(bytes);

/// A link to one of the pages about an agent.
fn way(before: &'static str, id: &str) -> Element {
    a([before, &encode(id)].concat())
}

/// Trust with its history: the score, a curve, and what the curve tells in words.
fn trust(about: About) -> Vec<Node> {
    let history = move || about.read(Agent::trust_scores).unwrap_or_default();
    let words = text(move || {
        let words = |agent: &Agent| match agent.trust_history.front() {
            Some(first) => {
                let many = agent.trust_history.len() as u64;
                let changes = if many == 1 { " change ago" } else { " changes ago" };
                [", was ", &share(first.score - first.delta), " ", &count(many), changes].concat()
            }
            None => String::new(),
        };
        about.read(words).unwrap_or_default()
    });
    vec![about.fact(|agent| agent.trust.map(share)).into(), span().class("unseen").child(words).into(), curve(history).into()]
}

/// Whether what was measured of somebody who stands like this is of now: who is lost or at its end
/// measures nothing any more.
pub(super) fn measures(attention: Attention) -> bool {
    !matches!(attention, Attention::Lost | Attention::Done)
}

/// What was measured, as long as it is of now.
pub(in crate::app::pages) fn measured(about: About, read: Number) -> Text {
    text(move || {
        let told = if measures(about.attention()) { about.read(read).flatten() } else { None };
        told.unwrap_or_else(|| UNKNOWN.to_owned())
    })
}

/// The class of what was measured: who is silent measured it a while ago.
fn aged(about: About) -> Text {
    text(move || if about.attention() == Attention::Stale { "number muted" } else { "number" })
}

fn name(about: About) -> Element {
    way("/agents/", &about.id()).child(about.fact(|agent| Some(visible_line(&agent.name))))
}

/// What a standing rests on, for whoever points at it.
fn evidence(about: About) -> Text {
    about.stands(|it| {
        [&visible_line(&it.why), " (", &visible_line(&it.evidence.kind), ", event ", &it.evidence.seq.to_string(), ")"].concat()
    })
}

pub(super) fn agent_row(id: String) -> Node {
    let about = About::new(id);
    let id = about.id();
    let number = |number: Number| cell().class(aged(about)).child(measured(about, number));
    let kind = span().class("muted").child(about.fact(|agent| agent.agent_type.as_deref().map(visible_line)));
    let linked = |to, read| cell().class("number").child(way(to, &id).child(about.fact(read)));
    line()
        .child(cell().child(about.badge()))
        .child(name_cell().child(name(about)).child(kind))
        .child(cell().class("why").attr("title", evidence(about)).child(about.why()))
        .child(cell().child(about.since()))
        .child(linked("/tasks?view=list&agent=", DONE))
        .child(linked("/messages?agent=", MESSAGES))
        .child(number(CPU))
        .child(number(MEMORY))
        .child(cell().class("number trust").children(trust(about)))
        .child(cell().child(about.fact(|agent| agent.health.map(|health| health.as_str().to_owned()))))
        .into()
}

pub(super) fn agent_card(id: String) -> Node {
    let about = About::new(id);
    let id = about.id();
    let class = text(move || ["agent-card ", about.attention().slug()].concat());
    let fact = |name: &'static str, value: Node| div().child(dt().child(name)).child(dd().child(value));
    let number = |name, number: Number| fact(name, span().class(aged(about)).child(measured(about, number)).into());
    let facts = dl()
        .child(number("CPU", CPU))
        .child(number("Memory", MEMORY))
        .child(fact("Done", way("/tasks?view=list&agent=", &id).child(about.fact(DONE)).into()))
        .child(fact("Messages", way("/messages?agent=", &id).child(about.fact(MESSAGES)).into()))
        .child(fact("Trust", trust(about).into()).class("trust"));
    let kind = text(move || {
        let kind =
            about.read(|agent| agent.agent_type.as_deref().map(visible_line)).flatten().unwrap_or_else(|| UNKNOWN.to_owned());
        match about.read(|agent| agent.health.map(|health| health.as_str())).flatten() {
            Some(health) => [&kind, ", ", health].concat(),
            None => kind,
        }
    });
    li().class(class)
        .attr("data-row", "")
        .child(div().class("card-head").child(about.badge()).child(about.since()))
        .child(div().class("card-name").child(name(about)).child(span().class("muted").child(kind)))
        .child(p().class("why").attr("title", evidence(about)).child(about.why()))
        .child(facts)
        .into()
}
