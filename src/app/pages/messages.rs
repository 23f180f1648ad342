//! What agents tell each other.

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::form::{area, choice, deed, field};
use crate::app::components::hostile::visible;
use crate::app::components::number::{bytes, count};
use crate::app::html::{
    Node, Row, a, b, details, div, either, flag, h1, h2, li, ol, p, rows, section, span, submit, summary, table, tbody, td, text,
    th, thead, tr,
};
use crate::app::route::{Address, encode};
use crate::client::Live;
use crate::event::message::MessageType;
use crate::swarm::bounds::order;
use crate::swarm::messages::{Message, Pair};
use crate::swarm::{SwarmState, Touched};

/// How many messages are shown; older ones are in the log.
const SHOWN: usize = 100;
/// How many pairs are shown, the busiest first.
const PAIRS: usize = 20;

/// The page of messages. `?agent=` shows those of one agent.
pub fn messages_page() -> Node {
    let live = expect_context::<Live>();
    let address = expect_context::<Address>();
    let wanted = Memo::new(move |_| address.parameter("agent").unwrap_or_default());
    let list = move || live.read(Touched::MESSAGES, |state| wanted.with(|agent| newest(state, agent)));
    let any = flag(move || live.read(Touched::MESSAGES, |state| state.messages.total > 0));
    let total = text(move || {
        live.read(Touched::MESSAGES, |state| {
            [&count(state.messages.total), " messages, ", &bytes(state.messages.bytes as f64)].concat()
        })
    });
    let only = text(move || wanted.with(|agent| if agent.is_empty() { String::new() } else { ["of ", agent].concat() }));
    let everything = flag(move || !wanted.with(String::is_empty));
    let whole = move || -> Vec<Node> {
        vec![
            ol().class("conversation card").label("Messages, newest first").child(rows(list)).into(),
            section()
                .class("card scroll")
                .attr("tabindex", "0")
                .attr("aria-labelledby", "pairs-title")
                .child(h2().id("pairs-title").child("Who talks to whom"))
                .child(pairs(live))
                .into(),
        ]
    };
    let nothing =
        || section().class("nothing").child(p().child("No message yet. Agents send them by POST /api/messages, or from here."));
    vec![
        div()
            .class("page-head")
            .child(h1().child("Messages"))
            .child(
                p().class("standing")
                    .child(b().child(total))
                    .child(span().child(only))
                    .child(crate::app::html::when(everything, || a("/messages").child("show all"))),
            )
            .into(),
        details().class("card").child(summary().child("Send one")).child(send()).into(),
        either(any, whole, nothing),
    ]
    .into()
}

fn send() -> crate::app::html::Element {
    let kinds = MessageType::ALL.iter().map(|kind| kind.as_str().to_owned());
    let fields = vec![
        field("From", "name", "webui"),
        field("To", "about", "an agent's id, or * for all"),
        choice("Kind", "choice", kinds),
        area("Content", "text", ""),
        submit().child("Send").into(),
    ];
    deed(Deed::Tell, "", fields)
}

fn newest(state: &SwarmState, agent: &str) -> Vec<Row> {
    let mine = |message: &&Message| agent.is_empty() || message.from == agent || message.to == agent;
    let row = |message: &Message| Row::new(message.seq.to_string(), message.clone(), line);
    state.messages.recent.iter().rev().filter(mine).take(SHOWN).map(row).collect()
}

fn name(id: &str) -> Node {
    if id == "*" {
        return b().child("all").into();
    }
    a(["/agents/", &encode(id)].concat()).child(id.to_owned()).into()
}

fn line(message: Message) -> Node {
    let kind = ["state m-", message.message_type.as_str()].concat();
    li().child(
        p().class("foot-line")
            .child(name(&message.from))
            .child(span().child("→"))
            .child(name(&message.to))
            .child(span().class(kind).child(message.message_type.as_str()))
            .child(span().class("muted").child(bytes(message.size as f64)))
            .child(ago(move || message.ts)),
    )
    .child(p().class("prose").child(visible(&message.content)))
    .into()
}

fn pairs(live: Live) -> Node {
    let listed = move || {
        live.read(Touched::MESSAGES, |state| {
            let pairs: Vec<&Pair> = state.messages.pairs.values().collect();
            let places = order(pairs.iter().map(|pair| u64::MAX - pair.count));
            let row = |place: usize| {
                Row::new(
                    [&pairs[place].from, "→", &pairs[place].to, " ", &pairs[place].count.to_string()].concat(),
                    pairs[place].clone(),
                    pair_row,
                )
            };
            places.into_iter().take(PAIRS).map(row).collect()
        })
    };
    let head = ["From", "To", "Messages", "Bytes", "Errors"].map(|name| th().attr("scope", "col").child(name));
    table().child(thead().child(tr().children(head))).child(tbody().child(rows(listed))).into()
}

fn pair_row(pair: Pair) -> Node {
    let number = |number: u64| td().class("number").child(count(number));
    tr().child(td().child(name(&pair.from)))
        .child(td().child(name(&pair.to)))
        .child(number(pair.count))
        .child(td().class("number").child(bytes(pair.bytes as f64)))
        .child(number(pair.errors))
        .into()
}
