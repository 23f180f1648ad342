//! JSON as a tree that is folded in: what is folded is not in the document, however large it is.

use leptos::prelude::*;
use serde_json::Value;

use crate::app::components::hostile::{visible, visible_line};
use crate::app::components::number::{bytes, count};
use crate::app::html::{Element, Node, button, details, div, flag, li, part, span, summary, text, ul, when};
use crate::event::wire::to_text;

/// How many entries of one object or list are drawn at once.
const PAGE: usize = 100;
/// How much of a text is drawn at once, in bytes.
const TEXT: usize = 2_000;
/// How much of a text is drawn at most.
const MOST_TEXT: usize = 100_000;
/// An object or list of so many entries is unfolded from the beginning, near the root.
const FEW: usize = 12;
/// How near.
const NEAR: usize = 3;

/// A value as a tree.
pub fn tree(value: Value) -> Element {
    match value {
        Value::Object(_) | Value::Array(_) => entries(value, 0).class("json"),
        other => div().class("json").child(leaf(other)),
    }
}

fn many(value: &Value) -> usize {
    match value {
        Value::Object(object) => object.len(),
        Value::Array(list) => list.len(),
        _ => 0,
    }
}

/// What is in an object or list, so many at first.
fn entries(value: Value, depth: usize) -> Element {
    let total = many(&value);
    let shown = RwSignal::new(PAGE as u64);
    let pages = part(move || {
        let most = shown.get() as usize;
        let mut drawn: Vec<Node> = Vec::new();
        match &value {
            Value::Object(object) => {
                for (key, value) in object.iter().take(most) {
                    drawn.push(entry(visible_line(key), value.clone(), depth));
                }
            }
            Value::Array(list) => {
                for (place, value) in list.iter().take(most).enumerate() {
                    drawn.push(entry(place.to_string(), value.clone(), depth));
                }
            }
            _ => {}
        }
        Node::Several(drawn)
    });
    let rest = move || total.saturating_sub(shown.get() as usize);
    let more = when(flag(move || rest() > 0), move || {
        let label = text(move || [&count(rest().min(PAGE) as u64), " more of ", &count(rest() as u64)].concat());
        li().child(button().class("quiet").on("click", move |_| shown.update(|shown| *shown += PAGE as u64)).child(label))
    });
    ul().child(pages).child(more)
}

fn entry(key: String, value: Value, depth: usize) -> Node {
    let total = many(&value);
    let key = span().class("key").child(key);
    if total == 0 {
        return li().child(key).child(leaf(value)).into();
    }
    let open = RwSignal::new(depth + 1 < NEAR && total <= FEW);
    let marks = if value.is_array() { ("[", "]") } else { ("{", "}") };
    let size = [marks.0, &count(total as u64), marks.1].concat();
    // A listener of the tree's own: the browser's toggle comes late, and after the first drawing.
    let toggle = move |event: web_sys::Event| {
        event.prevent_default();
        open.update(|open| *open = !*open);
    };
    let inside = move || entries(value.clone(), depth + 1);
    let folded = details()
        .attr("open", flag(move || open.get()))
        .child(summary().on("click", toggle).child(key).child(span().class("size").child(size)))
        .child(when(flag(move || open.get()), inside));
    li().child(folded).into()
}

fn leaf(value: Value) -> Node {
    let Value::String(words) = value else {
        let class = if value.is_number() { "figure" } else { "word" };
        return span()
            .class(class)
            .child(if many(&value) == 0 && value.is_array() { "[]".to_owned() } else { to_text(&value) })
            .into();
    };
    if words.len() <= TEXT {
        return span().class("text").child(visible(&words)).into();
    }
    let size = bytes(words.len() as f64);
    let shown = RwSignal::new(TEXT as u64);
    let most = words.len().min(MOST_TEXT) as u64;
    let cut = text(move || {
        let mut end = (shown.get() as usize).min(words.len());
        while !words.is_char_boundary(end) {
            end -= 1;
        }
        visible(&words[..end])
    });
    let more = when(flag(move || shown.get() < most), move || {
        button().class("quiet").on("click", move |_| shown.update(|shown| *shown = (*shown * 10).min(most))).child("Show more")
    });
    let note = span().class("size").child([" … of ", &size].concat());
    vec![span().class("text").child(cut).into(), note.into(), more].into()
}
