//! The swarm drawn as a graph.

use leptos::prelude::*;

use super::chart::hundredth;
use crate::app::reactive::{Item, rows, text};
use crate::swarm::Attention;
use crate::swarm::graph::{EdgeKind, Graph, Link, Place};

/// Pixels per layer and per column that a drawing wants at the least.
const LAYER: f64 = 120.0;
const COLUMN: f64 = 92.0;

/// A graph as SVG. Small drawings have no names.
#[component]
pub fn GraphView(#[prop(into)] graph: Signal<Graph>, #[prop(optional)] small: bool) -> impl IntoView {
    let size = Memo::new(move |_| graph.with(|graph| size(graph, small)));
    let view_box = text(move || ["0 0 ", &hundredth(size.get().0), " ", &hundredth(size.get().1)].concat());
    view! {
        <svg class="graph" class:small=small viewBox=view_box role="img" aria-label="The swarm as a graph; the list has the same nodes">
            <g class="links">
                {rows(move || graph.with(|graph| graph.links.iter().map(|link| edge_item(graph, link, size.get())).collect()))}
            </g>
            <g class="places">
                {rows(move || graph.with(|graph| graph.places.iter().map(|place| node_item(place, size.get(), small)).collect()))}
            </g>
        </svg>
    }
}

fn size(graph: &Graph, small: bool) -> (f64, f64) {
    if small {
        return (320.0, 180.0);
    }
    let widest = graph.places.len() as f64 / (graph.layers.max(1) as f64).sqrt();
    let wide = (widest * COLUMN).clamp(720.0, 2_400.0);
    let high = if graph.layers > 1 { (graph.layers as f64 * LAYER).max(360.0) } else { wide * 0.6 };
    (wide.round(), high.round())
}

fn spot(place: &Place, (wide, high): (f64, f64)) -> (f64, f64) {
    (place.x * (wide - 40.0) + 20.0, place.y * (high - 40.0) + 20.0)
}

/// The ends of a line, its class and its width.
type Line = (String, String, String, String, String, String);

/// An edge is drawn anew when it moved or carries another magnitude of traffic, and else stays.
fn edge_item(graph: &Graph, link: &Link, size: (f64, f64)) -> Item {
    let ((x1, y1), (x2, y2)) = (spot(&graph.places[link.from], size), spot(&graph.places[link.to], size));
    let kind = match link.kind {
        EdgeKind::Reported => "reported",
        EdgeKind::Parent => "parent",
        EdgeKind::Messages => "messages",
    };
    let health = match link.health {
        Some(health) if health < 0.5 => " ailing",
        Some(health) if health < 0.9 => " slow",
        _ => "",
    };
    // One line that is ten times as busy is not ten times as wide: a step for each doubling.
    let width = hundredth(1.0 + 0.25 * f64::from((1 + link.messages).ilog2()));
    let class = ["link ", kind, health].concat();
    let line: Line = (hundredth(x1), hundredth(y1), hundredth(x2), hundredth(y2), class, width);
    let key = [line.0.as_str(), &line.1, &line.2, &line.3, &line.4, &line.5].join(" ");
    Item::new(key, line, |(x1, y1, x2, y2, class, width)| {
        view! { <line class=class x1=x1 y1=y1 x2=x2 y2=y2 stroke-width=width /> }.into_any()
    })
}

/// A node is drawn anew when it moved or stands otherwise, and else stays.
fn node_item(place: &Place, size: (f64, f64), small: bool) -> Item {
    let (x, y) = spot(place, size);
    let standing = place.attention.map_or("", Attention::as_str);
    let key = [&place.id, " ", &place.name, " ", standing, " ", &hundredth(x), " ", &hundredth(y)].concat();
    Item::new(key, (place.clone(), size, small), |(place, size, small)| node(&place, size, small))
}

fn node(place: &Place, size: (f64, f64), small: bool) -> AnyView {
    let (x, y) = spot(place, size);
    let radius = if small { "5" } else { "13" };
    let (slug, glyph, word) =
        place.attention.map_or(("plain", "", "not an agent"), |it: Attention| (it.slug(), it.glyph(), it.as_str()));
    let title = [&place.name, ", ", &place.kind, ": ", word].concat();
    let name: String = place.name.chars().take(14).collect();
    view! {
        <a href=["/agents/", &crate::app::route::encode(&place.id)].concat() class=["place ", slug].concat() tabindex="-1">
            <title>{title}</title>
            <circle cx=hundredth(x) cy=hundredth(y) r=radius />
            {(!small)
                .then(|| {
                    view! {
                        <text class="mark" x=hundredth(x) y=hundredth(y + 4.0)>
                            {glyph}
                        </text>
                        <text class="name" x=hundredth(x) y=hundredth(y + 29.0)>
                            {name}
                        </text>
                    }
                })}
        </a>
    }
    .into_any()
}
