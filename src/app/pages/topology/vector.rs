//! The map as SVG: an element for each node and line, changed only where it changed.

use web_sys::Element as Dom;

use super::map::Map;
use crate::app::components::graph::{dimmed, link_class, link_way, markup, moved_to, node_words, stands};

/// Under this scale a node has no name, and under the other no sign.
const NAMES: f64 = 0.58;
const SIGNS: f64 = 0.4;

/// Draws the map.
pub fn draw(svg: &Dom, map: &Map) {
    if map.reshaped {
        svg.set_inner_html(&markup(&map.graph, &map.spots, &map.lit));
    } else if map.changed {
        change(svg, map);
    }
    mark(svg, map);
    set(svg, "viewBox", &map.view.view_box(map.size));
    let class = match map.view.scale {
        scale if scale < SIGNS => "graph far",
        scale if scale < NAMES => "graph apart",
        _ => "graph",
    };
    set(svg, "class", class);
}

/// Sets an attribute that has another value.
fn set(element: &Dom, name: &str, value: &str) {
    if element.get_attribute(name).as_deref() != Some(value) {
        let _refused = element.set_attribute(name, value);
    }
}

fn change(svg: &Dom, map: &Map) {
    let Some(lines) = svg.first_element_child() else { return };
    let (mut line, mut node) = (lines.first_element_child(), nodes(svg));
    for link in &map.graph.links {
        let Some(element) = line else { break };
        set(&element, "class", &link_class(link, dimmed(&map.lit, &[link.from, link.to])));
        set(&element, "d", &link_way(map.graph.form, link, &map.spots));
        line = element.next_element_sibling();
    }
    for (at, (place, spot)) in map.graph.places.iter().zip(&map.spots).enumerate() {
        let Some(element) = node else { break };
        let (slug, glyph, _) = stands(place.attention);
        let class = ["place ", slug, dimmed(&map.lit, &[at])].concat();
        let marks = element.class_list();
        if !marks.contains(slug) || marks.contains("dim") == map.lit.get(at).copied().unwrap_or(true) {
            set(&element, "class", &class);
            // Title, circle, sign and name.
            for (name, words) in [("title", &node_words(place)), (".mark", &glyph.to_owned())] {
                if let Ok(Some(part)) = element.query_selector(name) {
                    part.set_text_content(Some(words));
                }
            }
        }
        set(&element, "transform", &moved_to(*spot));
        node = element.next_element_sibling();
    }
}

fn nodes(svg: &Dom) -> Option<Dom> {
    svg.last_element_child()?.first_element_child()
}

/// Marks what is chosen, pinned, or under the pointer.
fn mark(svg: &Dom, map: &Map) {
    let mut node = nodes(svg);
    let mut at = 0;
    while let Some(element) = node {
        for (name, is) in [
            ("data-chosen", map.chosen == Some(at)),
            ("data-over", map.hovered == Some(at)),
            ("data-pinned", at < map.graph.places.len() && map.is_pinned(at)),
        ] {
            if is != element.has_attribute(name) {
                let _refused = element.toggle_attribute_with_force(name, is);
            }
        }
        node = element.next_element_sibling();
        at += 1;
    }
}
