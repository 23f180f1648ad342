//! The swarm as a map: a drawing to look around in, and the same nodes as a list.
//!
//! The address holds what is searched for and which node is chosen. Below [`CANVAS_FROM`] nodes, and
//! [`CANVAS_FROM_ALL`] nodes and lines, the drawing is SVG, which the server draws too; from there on it is a canvas, which only a script can
//! draw, and the list alone is there without one.

mod canvas;
mod chosen;
mod map;
mod stage;
mod vector;
mod view;

use std::time::Duration;

use leptos::prelude::*;

use crate::app::components::badge::badge;
use crate::app::components::derived::Derived;
use crate::app::components::graph::whole;
use crate::app::components::hostile::visible_line;
use crate::app::components::letters::small;
use crate::app::components::number::{UNKNOWN, count};
use crate::app::components::pace::{paced_every, slow_clock};
use crate::app::components::window::{Shape, Window, window};
use crate::app::html::{
    Element, Node, Row, a, button, canvas as canvas_element, div, either, flag, form, h1, h2, input, label, li, noscript, p,
    part, path, rows, section, span, submit, svg, text, ul, when,
};
use crate::app::route::{Address, encode, typed};
use crate::client::Live;
use crate::swarm::graph::{EdgeKind, Form, Graph, Place, graph};
use crate::swarm::{Attention, Touched};
use chosen::chosen_node;
use stage::{DRAWING, Stage};

/// From so many nodes on the map is drawn on a canvas, and from so many nodes and lines together.
const CANVAS_FROM: usize = 200;
const CANVAS_FROM_ALL: usize = 700;
/// How long the graph stays as it is, whatever happens.
const REST: Duration = Duration::from_secs(1);

/// What the page shows. Copy.
#[derive(Debug, Clone, Copy)]
struct Shown {
    live: Live,
    address: Address,
    graph: Derived<Graph>,
    /// What is searched for, and the id of the chosen node; empty where none is.
    query: Memo<String>,
    chosen: Memo<String>,
    /// Which nodes the search leaves lit; empty where nothing is searched for.
    lit: Derived<Vec<bool>>,
    stage: Stage,
}

impl Shown {
    fn new() -> Self {
        let live = expect_context::<Live>();
        let address = expect_context::<Address>();
        let pace = paced_every(live, Touched::AGENTS.and(Touched::TOPOLOGY).and(Touched::MESSAGES), REST);
        let clock = slow_clock(live);
        let drawn = Derived::new(move || {
            clock.track();
            pace.track();
            let now = untrack(|| live.known());
            live.peek(|state| graph(state, now))
        });
        let query = Memo::new(move |_| address.parameter("q").unwrap_or_default());
        let chosen = Memo::new(move |_| address.parameter("node").unwrap_or_default());
        let lit = Derived::new(move || query.with(|query| drawn.with(|graph| lit(graph, query))));
        let stage = Stage::new(live, drawn, lit, chosen, address);
        Self { live, address, graph: drawn, query, chosen, lit, stage }
    }

    /// How many nodes are listed.
    fn many(self) -> usize {
        let all = self.graph.with(|graph| graph.places.len());
        self.lit.with(|lit| if lit.is_empty() { all } else { lit.iter().filter(|lit| **lit).count() })
    }

    fn listed(self, from: usize, to: usize) -> Vec<Row> {
        self.graph.with(|graph| {
            let is_lit = |at: usize| self.lit.with(|lit| lit.get(at).copied().unwrap_or(true));
            let wanted = graph.places.iter().enumerate().filter(|(at, _)| is_lit(*at)).map(|(_, place)| place);
            let row = |place: &Place| Row::new(place.id.clone(), (self, place.id.clone(), place.name.clone()), node_row);
            wanted.skip(from).take(to.saturating_sub(from)).map(row).collect()
        })
    }
}

/// Which nodes have all words in their name, id, kind or standing; nothing where there are no words.
fn lit(graph: &Graph, query: &str) -> Vec<bool> {
    let words: Vec<String> = query.split_whitespace().map(small).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let has = |place: &Place, word: &str| {
        let standing = place.attention.map_or("", Attention::as_str);
        [&place.name, &place.id, &place.kind, standing].into_iter().any(|text| small(text).contains(word))
    };
    graph.places.iter().map(|place| words.iter().all(|word| has(place, word))).collect()
}

/// The page of the topology.
pub fn topology_page() -> Node {
    let shown = Shown::new();
    let drawn = shown.graph;
    let any = flag(move || drawn.with(|drawn| !drawn.places.is_empty()));
    let all = move || {
        div()
            .class("grid topology")
            .child(map_card(shown))
            .child(div().class("beside").child(chosen_node(shown.live, drawn, shown.chosen, shown.stage)).child(nodes(shown)))
    };
    vec![head(shown).into(), either(any, all, nothing)].into()
}

fn nothing() -> Element {
    let way = a("/").child("How to send a first event");
    section().class("nothing").child(p().child("Nobody is connected yet. ").child(way))
}

fn head(shown: Shown) -> Element {
    let drawn = shown.graph;
    let kind = text(move || drawn.with(|drawn| drawn.kind.map_or(UNKNOWN, |kind| kind.as_str())));
    let form = text(move || match drawn.with(|drawn| drawn.form) {
        Form::Tree => "drawn as a hierarchy",
        Form::Mesh => "drawn as a mesh",
    });
    let many = text(move || count(drawn.with(|drawn| (drawn.places.len() + drawn.left_out) as u64)));
    let lines = text(move || count(drawn.with(|drawn| drawn.links.len() as u64)));
    let why = text(move || drawn.with(|drawn| drawn.reason.as_deref().map(visible_line).unwrap_or_default()));
    let summary = p()
        .class("muted")
        .child(kind)
        .child(" · ")
        .child(form)
        .child(" · ")
        .child(many)
        .child(" nodes · ")
        .child(lines)
        .child(" connections");
    div().class("page-head").child(h1().child("Topology")).child(summary).child(p().class("muted reason").child(why))
}

fn map_card(shown: Shown) -> Element {
    let stage = shown.stage;
    section()
        .class("card map-card")
        .attr("aria-labelledby", "map-title")
        .child(h2().class("unseen").id("map-title").child("Map"))
        .child(div().class("map-tools").child(search(shown)).child(tools(shown)))
        .child(
            div()
                .class("map")
                .attr("tabindex", "0")
                .attr("role", "group")
                .label("Map of the swarm. Arrows move it, plus and minus zoom, 0 shows all, Shift with arrows moves the chosen node. The list of nodes has the same.")
                .on("keydown", move |event| stage.key(event))
                .on("wheel", move |event| stage.wheel(event))
                .on("pointerdown", move |event| stage.down(event))
                .on("pointermove", move |event| stage.moved(event))
                .on("pointerup", move |event| stage.up(event))
                .on("pointercancel", move |event| stage.up(event))
                .on("click", move |event| stage.click(event))
                .on("dragstart", |event| event.prevent_default())
                .child(drawing(shown)),
        )
        .child(legend(shown))
}

/// Whether so much is too much for an element each.
fn is_large(places: usize, links: usize) -> bool {
    places >= CANVAS_FROM || places + links >= CANVAS_FROM_ALL
}

fn drawing(shown: Shown) -> Node {
    let (stage, drawn) = (shown.stage, shown.graph);
    // What was large stays on its canvas: lines come and go.
    let was_large = Memo::new(move |before: Option<&bool>| {
        let bound = if before == Some(&true) { 2 } else { 1 };
        drawn.with(|drawn| is_large(drawn.places.len() * bound, drawn.links.len() * bound))
    });
    let large = flag(move || was_large.get());
    let on_canvas = move || -> Vec<Node> {
        let without =
            noscript().child(p().child("A swarm of this size is drawn by the page's script. The list has the same nodes."));
        let canvas = canvas_element().id(DRAWING).hidden_from_readers().ready(move |_| stage.renewed());
        vec![canvas.into(), without.into()]
    };
    let in_vectors = move || {
        // In the browser the stage draws; what the server drew stands there until then.
        let (view_box, markup) = if is_server() { whole(&drawn.peek()) } else { ("0 0 640 360".to_owned(), String::new()) };
        svg(text(move || view_box.clone()))
            .id(DRAWING)
            .class("graph")
            .hidden_from_readers()
            .drawing(text(move || markup.clone()))
            .ready(move |_| stage.renewed())
    };
    either(large, on_canvas, in_vectors)
}

/// The ways around without dragging, which only a live page has.
fn tools(shown: Shown) -> Element {
    let (stage, awake) = (shown.stage, shown.live.awake);
    let tool = |sign: &'static str, name: &'static str, act: fn(Stage)| {
        button().label(name).attr("title", name).on("click", move |_| act(stage)).child(sign)
    };
    div()
        .class(text(move || if awake.get() { "tools" } else { "tools asleep" }))
        .attr("role", "group")
        .label("Look around")
        .child(tool("−", "Zoom out", Stage::further))
        .child(tool("+", "Zoom in", Stage::nearer))
        .child(tool("Fit", "Fit all", Stage::fit))
        .child(tool("←", "Move left", |stage| stage.pan(-1.0, 0.0)))
        .child(tool("↑", "Move up", |stage| stage.pan(0.0, -1.0)))
        .child(tool("↓", "Move down", |stage| stage.pan(0.0, 1.0)))
        .child(tool("→", "Move right", |stage| stage.pan(1.0, 0.0)))
}

fn search(shown: Shown) -> Element {
    let address = shown.address;
    let look = move |event: web_sys::Event| address.replace(&untrack(|| address.with(&[("q", &typed(&event))])));
    let field = input()
        .attr("type", "search")
        .attr("name", "q")
        .attr("placeholder", "name, kind, standing")
        .attr("autocomplete", "off")
        .attr("value", text(move || shown.query.get()))
        .on("input", look);
    let searches = flag(move || !shown.query.with(String::is_empty));
    let found = text(move || [&count(shown.many() as u64), " found"].concat());
    form()
        .class("map-search")
        .attr("method", "get")
        .attr("action", "/topology")
        .attr("role", "search")
        .on("submit", |event| event.prevent_default())
        .child(label().child(span().class("unseen").child("Find a node")).child(field))
        .child(noscript().child(submit().class("quiet").child("Find")))
        .child(span().class("muted").attr("role", "status").child(when(searches, move || span().child(found.clone()))))
}

fn legend(shown: Shown) -> Element {
    let line = |class: &'static str, words: &'static str| {
        li().child(svg("0 0 30 6").hidden_from_readers().child(path("M0 3L30 3").class(class))).child(words)
    };
    let kinds = EdgeKind::ALL.map(|kind| match kind {
        EdgeKind::Parent => line("link parent w1", kind.words()),
        EdgeKind::Reported => line("link reported w1", kind.words()),
        EdgeKind::Handoff => line("link handoff w1", kind.words()),
        EdgeKind::Messages => line("link messages w1", kind.words()),
    });
    let more = [
        line("link parent w4", "more traffic"),
        line("link parent w1 slow", "slow"),
        line("link parent w1 ailing", "poor health"),
    ];
    let counts = Derived::new(move || {
        let mut counts = vec![0_u64; Attention::ALL.len()];
        shown.graph.with(|graph| {
            graph.places.iter().filter_map(|place| place.attention).for_each(|attention| counts[attention as usize] += 1);
        });
        counts
    });
    let standings = rows(move || {
        let present = |attention: &&Attention| counts.with(|counts| counts[**attention as usize] > 0);
        let row = |attention: &Attention| Row::new(attention.as_str(), (*attention, counts), standing);
        Attention::ALL.iter().filter(present).map(row).collect()
    });
    div()
        .class("legends")
        .child(ul().class("legend").label("How the nodes stand").child(standings))
        .child(ul().class("legend").label("Connections").children(kinds).children(more))
}

fn standing((attention, counts): (Attention, Derived<Vec<u64>>)) -> Node {
    li().child(badge(move || attention))
        .child(span().class("number").child(text(move || count(counts.with(|counts| counts[attention as usize])))))
        .into()
}

/// The same nodes as a list.
fn nodes(shown: Shown) -> Element {
    let drawn = shown.graph;
    let total = Memo::new(move |_| shown.many());
    let left_out = move || drawn.with(|drawn| drawn.left_out as u64);
    let none = flag(move || total.get() == 0);
    let clear = move || {
        let all = a(text(move || shown.address.with(&[("q", "")]))).child("Show all");
        p().class("muted").child("No node has these words. ").child(all)
    };
    section()
        .class("card")
        .child(h2().child("Nodes ").child(span().class("muted").child(text(move || count(total.get() as u64)))))
        .child(window(Window { label: "Nodes", total, about: shown.query }, Shape::List("lines nodes"), move |from, to| {
            shown.listed(from, to)
        }))
        .child(when(none, clear))
        .child(when(flag(move || left_out() > 0), move || {
            p().class("muted").child(text(move || [&count(left_out()), " more are neither drawn nor listed."].concat()))
        }))
}

fn node_row((shown, id, name): (Shown, String, String)) -> Node {
    let (drawn, stage) = (shown.graph, shown.stage);
    let (me, chosen) = (id.clone(), id.clone());
    let stands = Derived::new(move || {
        drawn.with(|graph| graph.find(&me).and_then(|at| graph.places.get(at)).map(|it| (it.attention, it.kind.clone())))
    });
    let attention = part(move || {
        let attention = stands.with(|stands| stands.as_ref().and_then(|(attention, _)| *attention));
        attention.map_or_else(|| span().class("badge plain").child("no agent").into(), |attention| badge(move || attention))
    });
    let kind = text(move || stands.with(|stands| stands.as_ref().map(|(_, kind)| visible_line(kind)).unwrap_or_default()));
    let shows = ["Show ", &visible_line(&name), " on the map"].concat();
    let link = a(["/agents/", &encode(&id)].concat()).child(visible_line(&name));
    li().attr("data-chosen", flag(move || shown.chosen.with(|it| *it == chosen)))
        .child(attention)
        .child(span().class("grow clipped").child(link))
        .child(span().class("muted clipped").child(kind))
        .child(button().class("quiet tiny").label(shows).on("click", move |_| stage.choose(&id)).child("Show"))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_dims_what_has_not_all_words() {
        let place = |id: &str, kind: &str, attention| Place {
            id: id.to_owned(),
            name: id.to_uppercase(),
            kind: kind.to_owned(),
            attention,
            parent: None,
        };
        let places = vec![
            place("ada", "coder", Some(Attention::Failing)),
            place("bob", "coder", Some(Attention::Idle)),
            place("x", "", None),
        ];
        let graph = Graph { places, ..Graph::default() };
        assert!(lit(&graph, "  ").is_empty());
        assert_eq!(lit(&graph, "CODER"), [true, true, false]);
        assert_eq!(lit(&graph, "coder fail"), [true, false, false]);
        assert_eq!(lit(&graph, "nobody"), [false; 3]);
    }
}
