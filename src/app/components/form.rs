//! Forms that ask a service for something.
//!
//! Without a script a form is sent and the page comes back; with one the answer shows in the form,
//! and what it changed arrives live like everything else.

use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use wasm_bindgen::JsCast as _;

use crate::app::act::{Act, Deed, Outcome, act};
use crate::app::html::{self, Element, Node, form, input, output, submit, text};
use crate::app::route::{Address, focus_main};
use crate::client::Live;

/// A form for one deed, with its fields: their names are those of [`act`]'s parameters.
pub fn deed(what: Deed, about: impl Into<String>, fields: Vec<Node>) -> Element {
    boxed("deed", what, about.into(), fields)
}

fn boxed(class: &'static str, what: Deed, about: String, fields: Vec<Node>) -> Element {
    let (live, address) = (expect_context::<Live>(), expect_context::<Address>());
    let said = RwSignal::new(String::new());
    form()
        .class(class)
        .attr("method", "post")
        .attr("action", Act::url())
        .on("submit", move |event| {
            event.prevent_default();
            if let Some(form) = event.target().and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok()) {
                send(form, said, live, address);
            }
        })
        .child(hidden("what", what.as_str().to_owned()))
        .child((!about.is_empty()).then(|| hidden("about", about)))
        .children(fields)
        .child(output().class("said").attr("role", "status").child(text(move || said.get())))
}

/// A button that does one thing; what it needs to know goes along as hidden fields.
pub fn deed_button(label: &'static str, what: Deed, about: impl Into<String>, more: Vec<Node>) -> Element {
    let mut fields = more;
    fields.push(submit().class("quiet").child(label).into());
    boxed("deed one", what, about.into(), fields)
}

/// A value that goes along with a form.
pub fn hidden(name: &'static str, value: impl Into<html::Value>) -> Element {
    input().attr("type", "hidden").attr("name", name).attr("value", value)
}

/// A line to type into, with its name beside it.
pub fn field(label: &'static str, name: &'static str, placeholder: &'static str) -> Node {
    let line = input().attr("type", "text").attr("name", name).attr("placeholder", placeholder).attr("autocomplete", "off");
    html::label().child(html::span().child(label)).child(line).into()
}

/// A text of several lines to type.
pub fn area(label: &'static str, name: &'static str, placeholder: &'static str) -> Node {
    let text = html::textarea().attr("name", name).attr("rows", "3").attr("placeholder", placeholder);
    html::label().class("wide").child(html::span().child(label)).child(text).into()
}

/// One of several words to choose: the first is chosen.
pub fn choice(label: &'static str, name: &'static str, words: impl IntoIterator<Item = String>) -> Node {
    let options = words.into_iter().map(|word| html::option().attr("value", word.clone()).child(word));
    html::label().child(html::span().child(label)).child(html::select().attr("name", name).children(options)).into()
}

fn send(form: web_sys::HtmlFormElement, said: RwSignal<String>, live: Live, address: Address) {
    let Ok(data) = web_sys::FormData::new_with_form(&form) else { return };
    if live.is_demo() {
        return said.set("This is the demo: nothing real is asked for.".to_owned());
    }
    let read = move |name: &str| data.get(name).as_string().unwrap_or_default();
    let asked = act(read("what"), read("about"), read("name"), read("text"), read("choice"));
    said.set("…".to_owned());
    leptos::task::spawn_local(async move {
        let outcome = asked.await.unwrap_or_else(|error| Outcome { refused: error.to_string(), ..Outcome::default() });
        // The row that the form stood in may be gone by now.
        let _gone = said.try_set(outcome.refused.clone());
        if !outcome.refused.is_empty() {
            return;
        }
        form.reset();
        if !outcome.to.is_empty() {
            address.go(&outcome.to);
        }
        // Who pressed a button that is no longer there goes on reading from the page's beginning.
        if !form.is_connected() {
            focus_main();
        }
    });
}
