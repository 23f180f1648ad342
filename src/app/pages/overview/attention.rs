//! What needs a person first: who asks, who fails, who is silent or gone.

use leptos::prelude::*;

use super::{Overview, card};
use crate::app::components::age::ago;
use crate::app::components::badge::badge;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::count;
use crate::app::html::{Element, Row, a, code, flag, li, p, rows, span, text, ul, when};
use crate::app::route::encode;
use crate::event::Timestamp;
use crate::swarm::agents::Agent;
use crate::swarm::bounds::order;
use crate::swarm::{Attention, Evidence, SwarmState, Touched, status};

/// How many agents and requests are named.
const NAMED: usize = 6;

/// An agent that needs attention: who, how it stands and why, by what evidence.
#[derive(Clone)]
struct Case {
    id: String,
    name: String,
    attention: Attention,
    why: String,
    evidence: Evidence,
}

fn cases(state: &SwarmState, now: Timestamp) -> Vec<Case> {
    // Words are made for those who are named only.
    let mut found: Vec<(&Agent, u64)> = Vec::new();
    for agent in state.agents.by_id.values() {
        let (attention, evidence) = status::rests_on(agent, now);
        if (Attention::Failing..=Attention::Lost).contains(&attention) {
            found.push((agent, (attention as u64) << 56 | evidence.seq));
        }
    }
    let named = order(found.iter().map(|(_, urgency)| *urgency)).into_iter().take(NAMED);
    named.map(|place| case(found[place].0, now)).collect()
}

fn case(agent: &Agent, now: Timestamp) -> Case {
    let it = status::agent(agent, now);
    Case {
        id: agent.id.clone(),
        name: visible_line(&agent.name),
        attention: it.attention,
        why: visible_line(&it.why),
        evidence: it.evidence,
    }
}

fn case_line(case: &Case) -> Row {
    Row::new([&case.id, " ", &case.evidence.seq.to_string(), " ", &case.why].concat(), case.clone(), |case| {
        let (attention, since) = (case.attention, case.evidence.ts);
        li().child(badge(move || attention))
            .child(a(["/agents/", &encode(&case.id)].concat()).child(case.name))
            .child(span().class("why").child(case.why))
            .child(ago(move || since))
            .into()
    })
}

/// What a person is asked: in which session, request, who asks, what would run, since when.
#[derive(Clone)]
struct Ask {
    session: String,
    request: String,
    agent: String,
    what: String,
    since: Timestamp,
}

fn asks(state: &SwarmState) -> Vec<Ask> {
    let asks = state.sessions.open_requests().map(|(session, request, it)| Ask {
        session: session.id.clone(),
        request: request.to_owned(),
        agent: session.agent.clone().unwrap_or_else(|| session.id.clone()),
        what: it.command.clone().or_else(|| it.description.clone()).unwrap_or_else(|| it.tool_name.clone()),
        since: it.by.ts,
    });
    asks.take(NAMED).collect()
}

fn request_line(ask: &Ask) -> Row {
    // Two sessions may name their requests alike.
    Row::new([&ask.session, " ", &ask.request].concat(), ask.clone(), |ask| {
        let since = ask.since;
        li().child(badge(move || Attention::NeedsYou))
            .child(a(["/agents/", &encode(&ask.agent)].concat()).child(visible_line(&ask.agent)))
            .child(code().child(visible_line(&ask.what)))
            .child(a("/approvals").class("answer").child("Answer"))
            .child(ago(move || since))
            .into()
    })
}

/// Who needs a person, most urgent first.
pub(super) fn needs_attention(page: Overview) -> Element {
    let (live, counts) = (page.live, page.counts);
    // All that stand worse than working.
    let many = move || counts.with(|counts| counts[..Attention::Working as usize].iter().sum::<u64>());
    let listed = move || {
        let now = live.known();
        page.agents.track();
        live.peek(|state| cases(state, now).iter().map(case_line).collect())
    };
    let asked = move || live.read(Touched::SESSIONS, |state| state.sessions.open_requests().next().is_some());
    let requests = move || {
        let lines = rows(move || live.read(Touched::SESSIONS, |state| asks(state).iter().map(request_line).collect()));
        ul().class("requests").attr("tabindex", "0").label("Open requests").child(lines)
    };
    let others = move || p().class("muted").child(a("/agents").child(text(move || count(many()))).child(" agents in all"));
    card("card attention", "attention-title", "Needs attention")
        .child(when(flag(asked), requests))
        .child(when(flag(move || many() == 0 && !asked()), || p().class("calm").child("Nothing needs you.")))
        .child(ul().class("cases").child(rows(listed)))
        .child(when(flag(move || many() > NAMED as u64), others))
}
