//! The filter as a person writes it: the field, its terms as chips, what is wrong and where, and how
//! to write one. The text is the address's `q`, as over the API and on the command line.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::Event;

use super::feed::fault;
use crate::app::components::chip::chip;
use crate::app::components::hostile::visible_line;
use crate::app::html::{
    Element, Node, Row, a, code, dd, details, div, dl, dt, flag, form, input, label, li, p, part, rows, span, submit, summary,
    text, ul, when,
};
use crate::app::route::{Address, typed};
use crate::event::Query;
use crate::event::catalogue::DOMAINS;

/// What can be written, and what it finds.
const HELP: &[(&str, &str)] = &[
    ("npm test", "has both words somewhere in its text; capitals do not matter"),
    ("\"npm test\"", "has the two words together"),
    ("type:task.*", "is of this kind; type:task.failed is one type alone"),
    ("agent:planner", "is about the agent, from it, or names it"),
    ("task:t-17", "is about the task, or names it"),
    ("session:s1", "is about the session"),
    ("entity:memory:notes", "is about this and nothing else"),
    ("source:ci", "was reported by ci"),
    ("status:failing", "says so of what it is about: needs-you, failing, working, waiting, idle, done, lost"),
    ("after:1204 before:2000", "lies between two places of the log; times do too: after:2026-01-27T10:21Z"),
    ("-source:demo", "the minus turns any term round"),
    ("source:ci,api type:task.*", "of one field either will do, different fields must all hold; v* is all that begins with v"),
];

/// The address with another filter.
fn with(address: Address, q: &str) -> String {
    address.with(&[("q", q), ("types", "")])
}

/// The filter of the page.
pub fn filter(address: Address, asked: Memo<String>) -> Element {
    let written = move || asked.get();
    let field = input()
        .attr("type", "search")
        .attr("name", "q")
        .id("filter")
        .attr("data-filter", "")
        .attr("placeholder", "agent:planner type:task.* -source:demo \"npm test\"")
        .attr("autocomplete", "off")
        .attr("autocapitalize", "off")
        .attr("spellcheck", "false")
        .attr("maxlength", "1024")
        .attr("aria-describedby", "filter-fault")
        .attr("aria-invalid", text(move || if fault(&written()).is_some() { "true" } else { "false" }))
        .attr("value", text(written));
    let go = move |event: Event| {
        event.prevent_default();
        let form = event.target().and_then(|form| form.dyn_into::<web_sys::Element>().ok());
        if let Some(field) = form.and_then(|form| form.query_selector("#filter").ok()).flatten() {
            let written = field.unchecked_into::<web_sys::HtmlInputElement>().value();
            address.go(&untrack(|| with(address, written.trim())));
        }
    };
    // Who empties the field by its cross wants no filter; nothing is sent by that.
    let emptied = move |event: Event| {
        if typed(&event).is_empty() && !asked.with_untracked(String::is_empty) {
            address.go(&untrack(|| with(address, "")));
        }
    };
    let line = div()
        .class("line-of-filter")
        .child(label().class("grow").child(span().child("Filter")).child(field.on("search", emptied)))
        .child(submit().child("Filter"));
    form()
        .class("card filter")
        .attr("method", "get")
        .attr("action", "/activity")
        .attr("role", "search")
        .on("submit", go)
        .child(line)
        .child(div().id("filter-fault").child(wrong(asked)))
        .child(div().class("narrow").child(domains(address, asked)).child(help(address)))
        .child(terms(address, asked))
}

/// What is wrong, and where in the text.
fn wrong(asked: Memo<String>) -> Node {
    part(move || {
        let text = asked.get();
        let Some(fault) = fault(&text) else { return Node::Nothing };
        let piece = |from: usize, many: usize| visible_line(&text.chars().skip(from).take(many).collect::<String>());
        let marked = code()
            .child(piece(0, fault.at))
            .child(Element::new("mark").child(piece(fault.at, fault.length)))
            .child(piece(fault.at + fault.length, usize::MAX));
        let said = fault.to_string();
        div()
            .class("refused")
            .child(p().attr("role", "alert").child(visible_line(&said)).child(". Everything is shown."))
            .child(p().child(marked))
            .into()
    })
}

/// The domains: one press narrows to one of them.
fn domains(address: Address, asked: Memo<String>) -> Element {
    let parsed = move || asked.with(|asked| asked.parse::<Query>().unwrap_or_default());
    let to = move |kind: &str| {
        let others = parsed().beside("type");
        with(address, [&others, " ", kind].concat().trim())
    };
    let all = chip(text(move || to("")), move || {
        let query = parsed();
        query.beside("type") == query.to_string()
    });
    let each = DOMAINS.iter().map(move |domain| {
        let term = ["type:", domain.name, ".*"].concat();
        let (wanted, only) = (term.clone(), term);
        let link = chip(text(move || to(&wanted)), move || parsed().terms().iter().any(|(text, _)| *text == only));
        li().child(link.child(span().class(["kind d-", domain.name].concat()).child(domain.name)))
    });
    ul().class("chips").label("By domain").child(li().child(all.child("all"))).children(each)
}

/// The terms, each with a way to take it away.
fn terms(address: Address, asked: Memo<String>) -> Node {
    let any = flag(move || !asked.with(String::is_empty));
    when(any, move || {
        let list = rows(move || {
            let query = asked.with(|asked| asked.parse::<Query>().unwrap_or_default());
            let here = address.with(&[]);
            let term = |(text, others): (String, String)| {
                let to = with(address, &others);
                Row::new([&here, " ", &text].concat(), (text, to), term_chip)
            };
            query.terms().into_iter().map(term).collect()
        });
        let clear = a(text(move || with(address, ""))).child("Clear the filter");
        div().class("terms").child(ul().class("chips").label("Terms of the filter").child(list)).child(clear)
    })
}

fn term_chip((term, to): (String, String)) -> Node {
    let shown = visible_line(&term);
    let name = ["Take away ", &shown].concat();
    li().child(a(to).label(name).child(code().child(shown)).child(span().hidden_from_readers().child("✕"))).into()
}

/// How to write one.
fn help(address: Address) -> Element {
    let row = |(example, meaning): &(&'static str, &'static str)| {
        let example: &'static str = example;
        let link = a(text(move || with(address, example))).child(code().child(example));
        [dt().child(link), dd().child(*meaning)]
    };
    details()
        .class("help")
        .child(summary().child("How to write a filter"))
        .child(p().class("muted").child("An event fits when all of these hold. The API and the command line read the same text."))
        .child(dl().children(HELP.iter().flat_map(row)))
}
