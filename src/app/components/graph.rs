//! The swarm drawn as a graph.

use leptos::prelude::*;

use super::chart::hundredth;
use crate::swarm::Attention;
use crate::swarm::graph::{EdgeKind, Graph, Link, Place};

/// Pixels per layer and per column that a drawing wants at the least.
const LAYER: f64 = 120.0;
const COLUMN: f64 = 92.0;

/// A graph as SVG. Small drawings have no names.
#[component]
pub fn GraphView(#[prop(into)] graph: Signal<Graph>, #[prop(optional)] small: bool) -> impl IntoView {
    let size = Memo::new(move |_| graph.with(|graph| size(graph, small)));
    let view_box = move || format!("0 0 {} {}", size.get().0, size.get().1);
    view! {
        <svg class="graph" class:small=small viewBox=view_box role="img" aria-label="The swarm as a graph; the list has the same nodes">
            <g class="links">
                {move || graph.with(|graph| graph.links.iter().map(|link| edge(graph, link, size.get())).collect_view())}
            </g>
            <g class="places">
                {move || graph.with(|graph| graph.places.iter().map(|place| node(place, size.get(), small)).collect_view())}
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
    (hundredth(place.x * (wide - 40.0) + 20.0), hundredth(place.y * (high - 40.0) + 20.0))
}

fn edge(graph: &Graph, link: &Link, size: (f64, f64)) -> impl IntoView + use<> {
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
    // Traffic by its magnitude: one line ten times as busy is not ten times as wide.
    let width = hundredth(1.0 + (1.0 + link.messages as f64).log10());
    view! { <line class=["link ", kind, health].concat() x1=x1 y1=y1 x2=x2 y2=y2 stroke-width=width /> }
}

fn node(place: &Place, size: (f64, f64), small: bool) -> impl IntoView + use<> {
    let (x, y) = spot(place, size);
    let radius = if small { 5 } else { 13 };
    let (slug, glyph, word) =
        place.attention.map_or(("plain", "", "not an agent"), |it: Attention| (it.slug(), it.glyph(), it.as_str()));
    let title = [&place.name, ", ", &place.kind, ": ", word].concat();
    let name: String = place.name.chars().take(14).collect();
    view! {
        <a href=["/agents/", &crate::app::pages::agents::encode(&place.id)].concat() class=["place ", slug].concat() tabindex="-1">
            <title>{title}</title>
            <circle cx=x cy=y r=radius />
            {(!small)
                .then(|| {
                    view! {
                        <text class="mark" x=x y=y + 4.0>
                            {glyph}
                        </text>
                        <text class="name" x=x y=y + 29.0>
                            {name}
                        </text>
                    }
                })}
        </a>
    }
}
