//! The swarm as a graph, with the same nodes as a list.

use leptos::prelude::*;

use crate::app::components::badge::badge;
use crate::app::components::graph::graph_view;
use crate::app::components::number::{UNKNOWN, count};
use crate::app::html::{Element, Node, Row, a, div, either, flag, h1, h2, li, p, rows, section, span, text, ul, when};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::graph::{Graph, Place};
use crate::swarm::{Attention, Touched, graph};

/// The page of the topology.
pub fn topology_page() -> Node {
    let live = expect_context::<Live>();
    let drawn = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS.and(Touched::TOPOLOGY).and(Touched::MESSAGES), |state| graph::graph(state, now))
    });
    let kind = text(move || drawn.with(|drawn| drawn.kind.map_or(UNKNOWN, |kind| kind.as_str())));
    let nodes = text(move || count(drawn.with(|drawn| (drawn.places.len() + drawn.left_out) as u64)));
    let edges = text(move || count(drawn.with(|drawn| drawn.links.len() as u64)));
    let summary = p().class("muted").child(kind).child(" · ").child(nodes).child(" nodes · ").child(edges).child(" edges");
    let any = flag(move || drawn.with(|drawn| !drawn.places.is_empty()));
    vec![
        div().class("page-head").child(h1().child("Topology")).child(summary).into(),
        either(any, move || div().class("grid topology").child(canvas(drawn)).child(nodes_list(drawn)), nothing),
    ]
    .into()
}

fn nothing() -> Element {
    let way = a("/").child("How to send a first event");
    section().class("nothing").child(p().child("Nobody is connected yet. ").child(way))
}

fn canvas(drawn: Memo<Graph>) -> Element {
    let legend =
        [("l-parent", "started by"), ("l-reported", "reported"), ("l-messages", "messages only"), ("l-ailing", "poor health")];
    section()
        .class("card canvas")
        .attr("tabindex", "0")
        .attr("role", "region")
        .label("Graph")
        .child(graph_view(drawn, false))
        .child(ul().class("legend").label("Legend").children(legend.map(|(class, words)| li().class(class).child(words))))
}

fn nodes_list(drawn: Memo<Graph>) -> Element {
    let left_out = move || drawn.with(|drawn| drawn.left_out);
    let listed = rows(move || drawn.with(|drawn| drawn.places.iter().map(node_row).collect()));
    section()
        .class("card")
        .attr("aria-labelledby", "nodes-title")
        .child(h2().id("nodes-title").child("Nodes"))
        .child(ul().class("lines nodes").attr("tabindex", "0").attr("aria-labelledby", "nodes-title").child(listed))
        .child(when(flag(move || left_out() > 0), move || {
            p().class("muted").child(text(move || left_out().to_string())).child(" more are not drawn")
        }))
}

fn node_row(place: &Place) -> Row {
    let key = [place.id.as_str(), place.attention.map_or("", Attention::as_str)].join(" ");
    Row::new(key, place.clone(), |place| {
        li().child(place.attention.map(|attention| badge(move || attention)))
            .child(span().class("grow").child(a(["/agents/", &encode(&place.id)].concat()).child(place.name)))
            .child(span().class("muted").child(place.kind))
            .into()
    })
}
