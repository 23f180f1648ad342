//! The swarm drawn as a graph.
//!
//! A drawing is one text of SVG: hundreds of lines and circles change together, when somebody
//! comes, goes or stands otherwise, and between that not at all. Names in it are escaped.

use leptos::prelude::*;

use super::chart::hundredth;
use crate::app::html::{Element, escape, svg, text};
use crate::app::route::encode;
use crate::swarm::Attention;
use crate::swarm::graph::{EdgeKind, Graph, Link, Place};

/// Pixels per layer and per column of a drawing.
const LAYER: f64 = 110.0;
const COLUMN: f64 = 76.0;
/// Room for a name at the edge, in pixels.
const MARGIN: f64 = 46.0;

/// A graph as SVG. Small drawings have no names.
pub fn graph_view(graph: Memo<Graph>, small: bool) -> Element {
    let view_box = text(move || {
        let (wide, high) = graph.with(|graph| size(graph, small));
        ["0 0 ", &hundredth(wide), " ", &hundredth(high)].concat()
    });
    let width = text(move || if small { "100%".to_owned() } else { hundredth(graph.with(|graph| size(graph, small)).0) });
    svg(view_box)
        .class(if small { "graph small" } else { "graph" })
        .attr("width", width)
        .attr("role", "group")
        .label("The swarm as a graph; the list of agents has the same nodes")
        .drawing(text(move || graph.with(|graph| draw(graph, small))))
}

fn size(graph: &Graph, small: bool) -> (f64, f64) {
    if small {
        return (360.0, 190.0);
    }
    let wide = (graph.columns * COLUMN).clamp(560.0, 4_000.0);
    let high = if graph.layers > 1.0 { (graph.layers * LAYER).max(320.0) } else { wide * 0.75 };
    (wide.round() + 2.0 * MARGIN, high.round())
}

fn draw(graph: &Graph, small: bool) -> String {
    let (wide, high) = size(graph, small);
    let margin = if small { 10.0 } else { MARGIN };
    let spot = |place: &Place| (margin + place.x * (wide - 2.0 * margin), place.y * high);
    let mut out = String::with_capacity(160 * (graph.links.len() + graph.places.len()));
    for link in &graph.links {
        line(&mut out, link, spot(&graph.places[link.from]), spot(&graph.places[link.to]));
    }
    for place in &graph.places {
        node(&mut out, place, spot(place), small);
    }
    out
}

/// Appends an element's attributes.
fn attributes(out: &mut String, pairs: &[(&str, &str)]) {
    for (name, value) in pairs {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape(value, out);
        out.push('"');
    }
}

fn line(out: &mut String, link: &Link, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    let kind = match link.kind {
        EdgeKind::Reported => "link reported",
        EdgeKind::Parent => "link parent",
        EdgeKind::Messages => "link messages",
    };
    let health = match link.health {
        Some(health) if health < 0.5 => " ailing",
        Some(health) if health < 0.9 => " slow",
        _ => "",
    };
    // One line that is ten times as busy is not ten times as wide: a step for each doubling.
    let width = hundredth(1.0 + 0.25 * f64::from((1 + link.messages).ilog2()));
    out.push_str("<line");
    let class = [kind, health].concat();
    let ends = [x1, y1, x2, y2].map(hundredth);
    attributes(
        out,
        &[("class", &class), ("x1", &ends[0]), ("y1", &ends[1]), ("x2", &ends[2]), ("y2", &ends[3]), ("stroke-width", &width)],
    );
    out.push_str("/>");
}

fn node(out: &mut String, place: &Place, (x, y): (f64, f64), small: bool) {
    let (slug, glyph, word) =
        place.attention.map_or(("plain", "", "not an agent"), |it: Attention| (it.slug(), it.glyph(), it.as_str()));
    out.push_str("<a");
    let (href, class) = (["/agents/", &encode(&place.id)].concat(), ["place ", slug].concat());
    attributes(out, &[("href", &href), ("class", &class), ("tabindex", "-1")]);
    out.push_str("><title>");
    escape(&[&place.name, ", ", &place.kind, ": ", word].concat(), out);
    out.push_str("</title><circle");
    let center = hundredth(x);
    attributes(out, &[("cx", &center), ("cy", &hundredth(y)), ("r", if small { "5" } else { "13" })]);
    out.push_str("/>");
    if !small {
        let name: String = place.name.chars().take(12).collect();
        for (class, below, words) in [("mark", 4.0, glyph), ("name", 28.0, &name)] {
            out.push_str("<text");
            attributes(out, &[("class", class), ("x", &center), ("y", &hundredth(y + below))]);
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

    #[test]
    fn names_are_text() {
        let place = Place {
            id: "\"><script>".into(),
            name: "<img src=x onerror='x'>".into(),
            kind: "a&b".into(),
            attention: Some(Attention::Idle),
            x: 0.5,
            y: 0.5,
        };
        let graph = Graph { places: vec![place], columns: 1.0, layers: 1.0, ..Graph::default() };
        for small in [true, false] {
            let drawn = draw(&graph, small);
            assert!(!drawn.contains("<img") && !drawn.contains("<script") && !drawn.contains("onerror='"), "{drawn}");
            assert!(drawn.contains("a&amp;b"), "{drawn}");
        }
    }
}
