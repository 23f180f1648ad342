//! The swarm as a drawing: SVG for swarms that are small enough to have an element for each node.
//!
//! A drawing is one text of SVG: hundreds of lines and circles come together. Names in it are escaped.

use leptos::prelude::document;

use super::chart::attributes;
use super::chart::hundredth;
use super::derived::Derived;
use super::hostile::visible_line;
use crate::app::html::{Element, effect, escape, svg, text};
use crate::app::route::encode;
use crate::swarm::Attention;
use crate::swarm::bounds::clip;
use crate::swarm::graph::{EdgeKind, Force, Form, Graph, Link, Place, Spot, layered, ring};

/// The radius of a node, in a drawing's pixels.
pub const RADIUS: f64 = 13.0;
/// Room around the outermost nodes.
const MARGIN: f64 = 46.0;
/// A drawing of a few nodes is not blown up: it has so much room at least.
const LEAST: (f64, f64) = (640.0, 360.0);
/// The size of a small drawing, and how many nodes it has at most.
const SMALL: (f64, f64) = (360.0, 190.0);
pub const SMALL_NODES: usize = 200;
/// The element that holds the nodes of a small drawing.
const SMALL_PLACES: &str = "small-places";
/// How much of a name stands under a node, in bytes.
const NAME: usize = 11;

/// What a drawing covers, in its own pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// The left end.
    pub x: f64,
    /// The upper end.
    pub y: f64,
    /// From left to right.
    pub wide: f64,
    /// From top to bottom.
    pub high: f64,
}

impl Extent {
    /// What these nodes need with their names.
    pub fn of(spots: &[Spot]) -> Self {
        let Some(first) = spots.first() else { return Self { x: 0.0, y: 0.0, wide: LEAST.0, high: LEAST.1 } };
        let (mut least, mut most) = (*first, *first);
        for spot in spots {
            least = Spot { x: least.x.min(spot.x), y: least.y.min(spot.y) };
            most = Spot { x: most.x.max(spot.x), y: most.y.max(spot.y) };
        }
        let (wide, high) = (most.x - least.x + 2.0 * MARGIN, most.y - least.y + 2.0 * MARGIN);
        let aside = ((LEAST.0 - wide).max(0.0) / 2.0, (LEAST.1 - high).max(0.0) / 2.0);
        Self {
            x: least.x - MARGIN - aside.0,
            y: least.y - MARGIN - aside.1,
            wide: wide + 2.0 * aside.0,
            high: high + 2.0 * aside.1,
        }
    }

    /// As the `viewBox` of a drawing.
    pub fn view_box(self) -> String {
        let [x, y, wide, high] = [self.x, self.y, self.wide, self.high].map(|number| hundredth(number.round()));
        [&x, " ", &y, " ", &wide, " ", &high].concat()
    }
}

/// Where the nodes stand in the first picture of a graph; the same on both sides.
pub fn first_spots(graph: &Graph) -> Vec<Spot> {
    if graph.form == Form::Tree {
        return layered(&graph.parents());
    }
    Force::first(graph).spots().to_vec()
}

/// A graph as a small SVG: without names, and of [`SMALL_NODES`] at most. Lines and nodes are drawn
/// anew when others come; a node that stands otherwise changes where it is.
pub fn small_graph(graph: Derived<Graph>) -> Element {
    let lines = Derived::new(move || graph.with(|graph| small_lines(graph, &small_spots(graph))));
    let shape = Derived::new(move || {
        graph.with(|graph| {
            let unchanging = |place: &Place| Place { attention: None, ..place.clone() };
            (graph.places.iter().take(SMALL_NODES).map(unchanging).collect::<Vec<_>>(), small_spots(graph))
        })
    });
    let nodes = text(move || shape.with(|(_, spots)| small_nodes(&graph.peek(), spots)));
    effect(move || {
        graph.with(|graph| {
            if let Some(drawn) = document().get_element_by_id(SMALL_PLACES) {
                restand(&drawn, graph);
            }
        });
    });
    let (wide, high) = SMALL;
    svg(Extent { x: 0.0, y: 0.0, wide, high }.view_box())
        .class("graph small")
        .attr("role", "group")
        .label("The swarm as a graph; the list of agents has the same nodes")
        .child(Element::new("g").drawing(text(move || lines.get())))
        .child(Element::new("g").id(SMALL_PLACES).drawing(nodes))
}

/// Changes the nodes of a small drawing that stand otherwise than they are drawn.
fn restand(drawn: &web_sys::Element, graph: &Graph) {
    let mut node = drawn.first_element_child();
    for place in &graph.places {
        let Some(element) = node else { break };
        let class = small_class(place);
        if element.get_attribute("class").as_deref() != Some(&class) {
            let _refused = element.set_attribute("class", &class);
            if let Some(title) = element.first_element_child() {
                title.set_text_content(Some(&node_words(place)));
            }
        }
        node = element.next_element_sibling();
    }
}

fn small_class(place: &Place) -> String {
    ["place ", stands(place.attention).0].concat()
}

/// The first picture of a graph: its view box and its markup.
pub fn whole(graph: &Graph) -> (String, String) {
    let spots = first_spots(graph);
    (Extent::of(&spots).view_box(), markup(graph, &spots, &[]))
}

fn small_spots(graph: &Graph) -> Vec<Spot> {
    let (wide, high) = SMALL;
    let many = graph.places.len().min(SMALL_NODES);
    // A parent that is not drawn is none.
    let parents: Vec<Option<usize>> =
        graph.places[..many].iter().map(|place| place.parent.filter(|parent| *parent < many)).collect();
    let mut spots = if graph.form == Form::Tree { layered(&parents) } else { ring(many) };
    let (mut least, mut most) = (Spot { x: f64::MAX, y: f64::MAX }, Spot { x: f64::MIN, y: f64::MIN });
    for spot in &spots {
        least = Spot { x: least.x.min(spot.x), y: least.y.min(spot.y) };
        most = Spot { x: most.x.max(spot.x), y: most.y.max(spot.y) };
    }
    // A drawing of this size is filled: distances say nothing in it.
    let within = |at: f64, least: f64, most: f64, room: f64| {
        if most - least < 1.0 { room / 2.0 } else { 12.0 + (at - least) / (most - least) * (room - 24.0) }
    };
    for spot in &mut spots {
        *spot = Spot { x: within(spot.x, least.x, most.x, wide), y: within(spot.y, least.y, most.y, high) };
    }
    spots
}

/// The lines of a small drawing: one path for those that look alike.
fn small_lines(graph: &Graph, spots: &[Spot]) -> String {
    let mut paths: Vec<(String, String)> = Vec::new();
    for link in graph.links.iter().filter(|link| link.from < spots.len() && link.to < spots.len()) {
        let (class, way) = (link_class(link, ""), link_way(graph.form, link, spots));
        match paths.iter_mut().find(|(known, _)| *known == class) {
            Some((_, ways)) => ways.push_str(&way),
            None => paths.push((class, way)),
        }
    }
    let mut out = String::new();
    for (class, ways) in &paths {
        out.push_str("<path");
        attributes(&mut out, &[("class", class), ("d", ways)]);
        out.push_str("/>");
    }
    out
}

fn small_nodes(graph: &Graph, spots: &[Spot]) -> String {
    let mut out = String::with_capacity(160 * spots.len());
    for (place, spot) in graph.places.iter().zip(spots) {
        node(&mut out, place, *spot, None);
    }
    out
}

/// A graph with its nodes at these spots. `lit` says which nodes are not dimmed; where it is empty, all.
pub fn markup(graph: &Graph, spots: &[Spot], lit: &[bool]) -> String {
    let mut out = String::with_capacity(200 * (graph.links.len() + graph.places.len()));
    out.push_str("<g class=\"links\">");
    for link in &graph.links {
        line(&mut out, graph.form, link, spots, dimmed(lit, &[link.from, link.to]));
    }
    out.push_str("</g><g class=\"places\">");
    for (at, (place, spot)) in graph.places.iter().zip(spots).enumerate() {
        node(&mut out, place, *spot, Some(dimmed(lit, &[at])));
    }
    out.push_str("</g>");
    out
}

/// ` dim`, where one of these is dimmed.
pub fn dimmed(lit: &[bool], nodes: &[usize]) -> &'static str {
    if lit.is_empty() || nodes.iter().all(|at| lit[*at]) { "" } else { " dim" }
}

/// The classes of a line.
pub fn link_class(link: &Link, dim: &str) -> String {
    let step = char::from(b'0' + link.step()).to_string();
    ["link ", link.kind.slug(), " w", &step, " ", link.trouble(), dim].concat()
}

/// The way of a line: in a hierarchy whoever is below hangs from a curve.
pub fn link_way(form: Form, link: &Link, spots: &[Spot]) -> String {
    let (from, to) = (spots[link.from], spots[link.to]);
    let [x1, y1, x2, y2] = [from.x, from.y, to.x, to.y].map(|number| hundredth((number * 10.0).round() / 10.0));
    if form == Form::Tree && link.kind == EdgeKind::Parent {
        let middle = hundredth(f64::midpoint(from.y, to.y).round());
        return ["M", &x1, " ", &y1, "C", &x1, " ", &middle, " ", &x2, " ", &middle, " ", &x2, " ", &y2].concat();
    }
    ["M", &x1, " ", &y1, "L", &x2, " ", &y2].concat()
}

/// How a node stands: class, sign, word.
pub fn stands(attention: Option<Attention>) -> (&'static str, &'static str, &'static str) {
    attention.map_or(("plain", "·", "not an agent"), |it| (it.slug(), it.glyph(), it.as_str()))
}

/// A node in words.
pub fn node_words(place: &Place) -> String {
    [&visible_line(&place.name), ", ", &visible_line(&place.kind), ": ", stands(place.attention).2].concat()
}

/// A name as it stands under a node.
pub fn short_name(name: &str) -> String {
    visible_line(&clip(name, NAME))
}

fn line(out: &mut String, form: Form, link: &Link, spots: &[Spot], dim: &str) {
    out.push_str("<path");
    attributes(out, &[("class", &link_class(link, dim)), ("d", &link_way(form, link, spots))]);
    out.push_str("/>");
}

/// The place of a node as an element's `transform`.
pub fn moved_to(spot: Spot) -> String {
    let [x, y] = [spot.x, spot.y].map(|number| hundredth((number * 10.0).round() / 10.0));
    ["translate(", &x, " ", &y, ")"].concat()
}

/// A node; without `dim` a small one, which has neither sign nor name.
fn node(out: &mut String, place: &Place, spot: Spot, dim: Option<&str>) {
    let (slug, glyph, _) = stands(place.attention);
    let (href, class) = (["/agents/", &encode(&place.id)].concat(), ["place ", slug, dim.unwrap_or_default()].concat());
    out.push_str("<a");
    attributes(out, &[("class", &class), ("href", &href), ("tabindex", "-1"), ("transform", &moved_to(spot))]);
    out.push_str("><title>");
    escape(&node_words(place), out);
    out.push_str("</title><circle");
    attributes(out, &[("r", if dim.is_some() { "13" } else { "5" })]);
    out.push_str("/>");
    if dim.is_some() {
        for (class, below, words) in [("mark", "4", glyph), ("name", "29", &short_name(&place.name))] {
            out.push_str("<text");
            attributes(out, &[("class", class), ("y", below)]);
            out.push('>');
            escape(words, out);
            out.push_str("</text>");
        }
    }
    out.push_str("</a>");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: &str, name: &str, kind: &str) -> Place {
        Place { id: id.into(), name: name.into(), kind: kind.into(), attention: Some(Attention::Idle), parent: None }
    }

    #[test]
    fn names_are_text() {
        let graph = Graph { places: vec![place("\"><script>", "<img src=x onerror='x'>", "a&b\u{202e}")], ..Graph::default() };
        for drawn in [whole(&graph).1, small_nodes(&graph, &small_spots(&graph))] {
            assert!(!drawn.contains("<img") && !drawn.contains("<script") && !drawn.contains("onerror='"), "{drawn}");
            assert!(drawn.contains("a&amp;b⟨U+202E⟩"), "{drawn}");
        }
    }

    #[test]
    fn a_small_drawing_stops_and_stays_in_its_box() {
        let mut places: Vec<Place> = (0..300).map(|n| place(&format!("{n:03}"), "n", "k")).collect();
        places[0].parent = Some(299);
        let graph = Graph { places, ..Graph::default() };
        let drawn = small_nodes(&graph, &small_spots(&graph));
        assert_eq!(drawn.matches("<circle").count(), SMALL_NODES);
        assert!(!drawn.contains("NaN") && !drawn.contains("translate(-"));
    }

    #[test]
    fn lines_of_a_small_drawing_that_look_alike_are_one_path() {
        let link = |to: usize, traffic: u64| Link { from: 0, to, kind: EdgeKind::Messages, health: None, traffic };
        let places = (0..6).map(|n| place(&n.to_string(), "n", "k")).collect();
        let links = vec![link(1, 0), link(2, 9_000), link(3, 0), link(4, 1), link(9, 0)];
        let graph = Graph { places, links, form: Form::Mesh, ..Graph::default() };
        let drawn = small_lines(&graph, &small_spots(&graph));
        assert_eq!((drawn.matches("<path").count(), drawn.matches('M').count()), (2, 4), "{drawn}");
    }

    #[test]
    fn few_nodes_are_not_blown_up() {
        assert_eq!(Extent::of(&[]).view_box(), "0 0 640 360");
        let one = Extent::of(&[Spot { x: 10.0, y: 20.0 }]);
        assert_eq!((one.x + one.wide / 2.0, one.y + one.high / 2.0, one.wide), (10.0, 20.0, 640.0));
    }
}
