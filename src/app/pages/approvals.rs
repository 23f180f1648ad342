//! One inbox for all that waits on a person.

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::{ago, until};
use crate::app::components::form::{deed_button, hidden};
use crate::app::components::hostile::{visible, visible_line};
use crate::app::html::{Node, Row, a, code, div, either, flag, h1, h2, li, p, pre, rows, section, span, ul};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::sessions::{Request, Session};
use crate::swarm::{SwarmState, Touched};

/// A request as it is shown.
#[derive(Clone)]
struct Asked {
    id: String,
    session: String,
    title: String,
    agent: Option<String>,
    request: Request,
}

impl Asked {
    fn of(session: &Session, id: &str, request: &Request) -> Self {
        Self {
            id: id.to_owned(),
            session: session.id.clone(),
            title: session.title.clone().unwrap_or_else(|| session.id.clone()),
            agent: session.agent.clone(),
            request: request.clone(),
        }
    }
}

/// The requests, the oldest first: it has waited longest.
fn waiting(state: &SwarmState) -> Vec<Row> {
    let mut asked: Vec<Asked> =
        state.sessions.open_requests().map(|(session, id, request)| Asked::of(session, id, request)).collect();
    let places = crate::swarm::bounds::order(asked.iter().map(|asked| asked.request.by.seq));
    let mut asked: Vec<Option<Asked>> = asked.drain(..).map(Some).collect();
    let in_order = places.into_iter().filter_map(|place| asked[place].take());
    in_order.map(|asked| Row::new([&asked.session, " ", &asked.id].concat(), asked, card)).collect()
}

/// The page of all open requests.
pub fn approvals_page() -> Node {
    let live = expect_context::<Live>();
    let any = flag(move || live.read(Touched::SESSIONS, |state| state.sessions.open_requests().next().is_some()));
    let list = move || ul().class("approvals").child(rows(move || live.read(Touched::SESSIONS, waiting)));
    let nothing = || {
        section()
            .class("nothing")
            .child(p().child("Nothing waits for you. Requests of sessions appear here, with what they would run."))
    };
    vec![div().class("page-head").child(h1().child("Approvals")).into(), either(any, list, nothing)].into()
}

/// The requests of one session.
pub fn of_session(id: String) -> Node {
    let live = expect_context::<Live>();
    rows(move || {
        live.read(Touched::SESSIONS, |state| {
            let Some(session) = state.sessions.by_id.get(&id) else { return Vec::new() };
            session.open.iter().map(|(request, it)| Row::new(request.clone(), Asked::of(session, request, it), card)).collect()
        })
    })
}

fn card(asked: Asked) -> Node {
    let Asked { id, session, title, agent, request } = asked;
    let who = agent.map(|agent| a(["/agents/", &encode(&agent)].concat()).child(visible_line(&agent)));
    let answer = |label, choice: &'static str| {
        let more = vec![hidden("name", session.clone()).into(), hidden("choice", choice).into()];
        deed_button(label, Deed::Answer, id.clone(), more)
    };
    li().class("card approval")
        .child(
            h2().child(span().class("glyph needs-you").hidden_from_readers().child("◆ "))
                .child(visible_line(&request.tool_name))
                .child(span().class("muted").child(" in "))
                .child(a(["/sessions/", &encode(&session)].concat()).child(visible_line(&title))),
        )
        .child(request.command.map(|command| pre().attr("tabindex", "0").child(code().child(visible(&command)))))
        .child(request.description.map(|text| p().child(visible(&text))))
        .child(
            p().class("foot-line")
                .child(who)
                .child(span().child("waits ").child(ago(move || request.by.ts)))
                .child(span().child(until(request.expires_at)).child(", and is then denied")),
        )
        .child(
            div()
                .class("choices")
                .child(answer("Allow once", "allow"))
                .child(answer("Always in this session", "always"))
                .child(answer("Deny", "deny")),
        )
        .into()
}
