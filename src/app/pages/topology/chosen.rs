//! The chosen node: how it stands, whom it is connected with, and what can be done with it.

use leptos::prelude::*;

use super::stage::Stage;
use crate::app::components::badge::badge;
use crate::app::components::derived::Derived;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{count, share};
use crate::app::html::{Element, Node, Row, a, button, div, flag, h2, li, p, part, rows, section, span, text, ul, when};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::bounds::order;
use crate::swarm::graph::{EdgeKind, Graph, Link};
use crate::swarm::{Touched, status};

/// How many connections are named; the rest is summed up.
const NAMED: usize = 8;

/// The part of the page about the chosen node, as long as there is one.
pub fn chosen_node(live: Live, graph: Derived<Graph>, chosen: Memo<String>, stage: Stage) -> Node {
    let any = flag(move || !chosen.with(String::is_empty));
    when(any, move || part(move || about(live, graph, chosen.get(), stage)))
}

fn about(live: Live, graph: Derived<Graph>, id: String, stage: Stage) -> Element {
    let place = |graph: &Graph, id: &str| graph.find(id).map(|at| graph.places[at].clone());
    let (here, named) = (id.clone(), id.clone());
    let is_here = Memo::new(move |_| graph.with(|graph| graph.find(&here).is_some()));
    let name =
        text(move || graph.with(|graph| place(graph, &named)).map_or_else(|| visible_line(&named), |it| visible_line(&it.name)));
    let (asked, told) = (id.clone(), id.clone());
    let attention = Derived::new(move || graph.with(|graph| place(graph, &asked)).and_then(|it| it.attention));
    let why = text(move || {
        let now = live.known();
        live.read(Touched::AGENTS, |state| {
            state.agents.by_id.get(&told).map(|agent| visible_line(&status::agent(agent, now).why)).unwrap_or_default()
        })
    });
    let stands = part(move || attention.with(|attention| attention.map_or(Node::Nothing, |attention| badge(move || attention))));
    let close = button().class("quiet tiny push").label("Close").on("click", move |_| stage.choose("")).child("✕");
    let (listed, more) = (id.clone(), id.clone());
    let connections = rows(move || graph.with(|graph| connections(graph, &listed, stage)));
    let rest = Memo::new(move |_| graph.with(|graph| of(graph, &more).count().saturating_sub(NAMED) as u64));
    let left = when(flag(move || rest.get() > 0), move || {
        p().class("muted").child(text(move || [&count(rest.get()), " more connections"].concat()))
    });
    let gone = when(flag(move || !is_here.get()), || p().class("muted").child("It is not on the map, or not any more."));
    section()
        .class("card chosen")
        .attr("aria-labelledby", "chosen-title")
        .child(div().class("chosen-head").child(h2().id("chosen-title").child(name)).child(close))
        .child(p().class("standing").child(stands).child(span().class("muted").child(why)))
        .child(gone)
        .child(ul().class("lines connections").label("Its connections").child(connections))
        .child(left)
        .child(actions(live, is_here, id, stage))
}

fn actions(live: Live, is_here: Memo<bool>, id: String, stage: Stage) -> Element {
    let at = encode(&id);
    let (pressed, words) = (id.clone(), id.clone());
    let awake = live.awake;
    let pin = button()
        .class("quiet")
        .attr("aria-pressed", text(move || if stage.is_pinned(&pressed) { "true" } else { "false" }))
        .on("click", move |_| stage.toggle_pin(&id))
        .child(text(move || if stage.is_pinned(&words) { "Unpin" } else { "Pin here" }));
    let pins = div().class(text(move || if awake.get() && is_here.get() { "pins" } else { "pins asleep" })).child(pin);
    div()
        .class("chosen-ways")
        .child(a(["/agents/", &at].concat()).child("Agent"))
        .child(a(["/messages?agent=", &at].concat()).child("Messages"))
        .child(pins)
}

/// The lines at a node.
fn of<'a>(graph: &'a Graph, id: &str) -> impl Iterator<Item = &'a Link> + use<'a> {
    let me = graph.find(id);
    graph.links.iter().filter(move |link| Some(link.from) == me || Some(link.to) == me)
}

/// The connections of a node, the busiest first.
fn connections(graph: &Graph, id: &str, stage: Stage) -> Vec<Row> {
    let Some(me) = graph.find(id) else { return Vec::new() };
    let links: Vec<&Link> = of(graph, id).collect();
    let row = |place: usize| {
        let link = links[place];
        let out = link.from == me;
        let other = &graph.places[if out { link.to } else { link.from }];
        let health = link.health.map(share).unwrap_or_default();
        let key = [&other.id, " ", link.kind.slug(), " ", &link.traffic.to_string(), " ", &health].concat();
        let told = Connection {
            arrow: if out { "→" } else { "←" },
            id: other.id.clone(),
            name: other.name.clone(),
            kind: words(link.kind, out),
            traffic: link.traffic,
            health,
            stage,
        };
        Row::new(key, told, connection)
    };
    order(links.iter().map(|link| u64::MAX - link.traffic)).into_iter().take(NAMED).map(row).collect()
}

/// What connects the chosen node with another, from where it stands.
fn words(kind: EdgeKind, out: bool) -> &'static str {
    match (kind, out) {
        (EdgeKind::Parent, true) => "started",
        (EdgeKind::Handoff, false) => "got tasks from",
        (kind, _) => kind.words(),
    }
}

struct Connection {
    arrow: &'static str,
    id: String,
    name: String,
    kind: &'static str,
    traffic: u64,
    health: String,
    stage: Stage,
}

fn connection(it: Connection) -> Node {
    let Connection { arrow, id, name, kind, traffic, health, stage } = it;
    let health = (!health.is_empty()).then(|| span().class("muted").child(["health ", &health].concat()));
    let busy = (traffic > 0).then(|| span().class("number").attr("title", "messages and tasks").child(count(traffic)));
    li().child(span().class("muted").child(arrow))
        .child(button().class("quiet tiny clipped grow").on("click", move |_| stage.choose(&id)).child(visible_line(&name)))
        .child(span().class("muted").child(kind))
        .child(health)
        .child(busy)
        .into()
}
