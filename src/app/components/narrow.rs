//! What narrows a list, all of it in the address: fields, switches, headings that sort.
//!
//! Typing narrows at once, without a new entry in the browser's history for each letter; sending
//! the form makes one. Without a script the form asks the server for the same address.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlFormElement;

use super::form::hidden;
use super::hostile::visible_line;
use super::window::column;
use crate::app::html::{self, Element, Node, Text, a, flag, form, input, span, submit, text, ul, when};
use crate::app::html::{li, select};
use crate::app::route::Address;

/// A parameter that says something.
pub fn asked(address: Address, name: &str) -> Option<String> {
    address.parameter(name).filter(|value| !value.trim().is_empty())
}

/// Whether a text has another in it, whatever the case of its Latin letters.
pub fn has(text: &str, wanted: &str) -> bool {
    let (text, wanted) = (text.as_bytes(), wanted.as_bytes());
    wanted.is_empty() || text.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
}

/// A link to the address on show with parameters otherwise.
pub fn turn(address: Address, changes: &'static [(&'static str, &'static str)]) -> Text {
    text(move || address.with(changes))
}

/// A form whose fields `names` are parameters; `kept` are parameters that it leaves as they are.
pub fn search(
    action: &'static str,
    address: Address,
    names: &'static [&'static str],
    kept: &'static [&'static str],
    fields: Vec<Node>,
) -> Element {
    let typed = move |form: &HtmlFormElement| {
        let data = web_sys::FormData::new_with_form(form).ok()?;
        let values: Vec<String> = names.iter().map(|name| data.get(name).as_string().unwrap_or_default()).collect();
        let changes: Vec<(&str, &str)> = names.iter().copied().zip(values.iter().map(String::as_str)).collect();
        Some(untrack(|| address.with(&changes)))
    };
    let own = |event: &web_sys::Event| event.current_target().and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
    let kept = kept.iter().map(|name| hidden(name, text(move || address.parameter(name).unwrap_or_default())));
    form()
        .class("narrow")
        .attr("method", "get")
        .attr("action", action)
        .attr("role", "search")
        .on("submit", move |event| {
            event.prevent_default();
            // What was typed narrows already.
            if let Some(to) = own(&event).as_ref().and_then(typed).filter(|to| *to != untrack(|| address.with(&[]))) {
                address.go(&to);
            }
        })
        .on("input", move |event| {
            if let Some(to) = own(&event).as_ref().and_then(typed) {
                address.replace(&to);
            }
        })
        .children(kept)
        .children(fields)
        .child(submit().class("quiet").child("Filter"))
}

/// A line to type into, for a parameter.
pub fn field(address: Address, label: &'static str, name: &'static str, placeholder: &'static str) -> Node {
    let line = input()
        .attr("type", "search")
        .attr("name", name)
        .attr("placeholder", placeholder)
        .attr("autocomplete", "off")
        .attr("value", text(move || address.parameter(name).unwrap_or_default()));
    html::label().child(span().child(label)).child(line).into()
}

/// One of several words to choose, for a parameter; the first word stands for all of them.
pub fn one_of(address: Address, label: &'static str, name: &'static str, all: &'static str, words: &[&'static str]) -> Node {
    let option = |value: &'static str, word: &'static str| {
        let chosen = flag(move || asked(address, name).unwrap_or_default() == value);
        html::option().attr("value", value).attr("selected", chosen).child(word)
    };
    let options = words.iter().map(|word| option(word, word));
    let choice = select().attr("name", name).child(option("", all)).children(options);
    html::label().child(span().child(label)).child(choice).into()
}

/// The parameters that narrow, each with a way to take it off: for a list that is left with nothing.
pub fn taken(address: Address, names: &'static [(&'static str, &'static str)]) -> Element {
    let chips = names.iter().map(|(name, word)| {
        when(flag(move || asked(address, name).is_some()), move || {
            let value = text(move || visible_line(&asked(address, name).unwrap_or_default()));
            let off = a(text(move || address.with(&[(name, "")])))
                .child(span().class("muted").child(*word))
                .child(value)
                .child(span().hidden_from_readers().child("✕"))
                .child(span().class("unseen").child(" take this off"));
            li().child(off)
        })
    });
    ul().class("chips").label("What narrows the list").children(chips)
}

/// A heading that sorts by its column: `key` is what the address says then, with a minus in front
/// for the other way round. `first` is the way that the heading begins with.
pub fn heading(address: Address, word: &'static str, key: &'static str, first: Direction) -> Element {
    let stands = move || Sorted::of(address, key);
    let way = text(move || {
        let down = match stands() {
            Some(direction) => direction == Direction::Up,
            None => first == Direction::Down,
        };
        address.with(&[("sort", &[if down { "-" } else { "" }, key].concat())])
    });
    let told = text(move || match stands() {
        Some(Direction::Up) => "ascending",
        Some(Direction::Down) => "descending",
        None => "none",
    });
    let sign = text(move || match stands() {
        Some(Direction::Up) => " ▲",
        Some(Direction::Down) => " ▼",
        None => "",
    });
    column()
        .attr("aria-sort", told)
        .class(["c-", key].concat())
        .child(a(way).child(word).child(span().hidden_from_readers().child(sign)))
}

/// Which way a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The least first.
    Up,
    /// The most first.
    Down,
}

/// How a list is sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorted {
    /// By what.
    pub key: String,
    /// Which way.
    pub direction: Direction,
}

impl Sorted {
    /// What the address asks for; none where the list stands in its own order.
    pub fn asked(address: Address) -> Option<Self> {
        let word = asked(address, "sort")?;
        Some(match word.strip_prefix('-') {
            Some(key) => Self { key: key.to_owned(), direction: Direction::Down },
            None => Self { key: word, direction: Direction::Up },
        })
    }

    fn of(address: Address, key: &str) -> Option<Direction> {
        Self::asked(address).filter(|sorted| sorted.key == key).map(|sorted| sorted.direction)
    }

    /// The place of a value among others, where more is more; what is unknown comes last either way.
    pub fn place(&self, value: Option<f64>) -> u64 {
        // The bits of numbers that are not negative are in their order.
        let Some(bits) = value.map(|value| value.max(0.0).to_bits()) else { return u64::MAX };
        if self.direction == Direction::Up { bits } else { u64::MAX - 1 - bits }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_whatever_their_case() {
        assert!(has("Index the Documents", "docu") && has("grüße", "üß") && has("x", ""));
        assert!(!has("Index", "indexes") && !has("", "a"));
    }

    #[test]
    fn what_is_unknown_is_last_either_way() {
        for direction in [Direction::Up, Direction::Down] {
            let sorted = Sorted { key: String::new(), direction };
            let places = [Some(0.0), Some(0.5), Some(2.0), Some(1e9), None].map(|value| sorted.place(value));
            let rising = places[..4].windows(2).all(|two| two[0] < two[1]);
            assert_eq!(rising, direction == Direction::Up);
            assert!(places[..4].iter().all(|place| *place < places[4]));
        }
    }
}
