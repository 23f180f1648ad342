//! Forms that ask a service for something.
//!
//! Without a script a form is sent and the page comes back; with one the answer shows in the form,
//! and what it changed arrives live like everything else. The past and the demo ask for nothing.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use wasm_bindgen::JsCast as _;

use crate::app::act::{Act, Deed, Outcome, act};
use crate::app::components::derived::Derived;
use crate::app::html::{self, Element, Node, effect, flag, form, input, output, submit, text};
use crate::app::route::{Address, focus_main};
use crate::client::Live;

/// Hears that something is asked for, and `false` where nothing came of it.
type Heard = Arc<dyn Fn(bool) + Send + Sync>;

/// A form for one deed, with its fields: their names are those of [`act`]'s parameters.
pub fn deed(what: Deed, about: impl Into<String>, fields: Vec<Node>) -> Element {
    boxed("deed", what, about.into(), fields, None)
}

/// A form of one button, with somebody who hears that it is asked for, and `false` where nothing came
/// of it.
pub fn deed_heard(what: Deed, about: String, fields: Vec<Node>, heard: impl Fn(bool) + Send + Sync + 'static) -> Element {
    boxed("deed one", what, about, fields, Some(Arc::new(heard)))
}

fn boxed(class: &'static str, what: Deed, about: String, fields: Vec<Node>, heard: Option<Heard>) -> Element {
    let (live, address) = (expect_context::<Live>(), expect_context::<Address>());
    let said = RwSignal::new(String::new());
    form()
        .class(class)
        .attr("method", "post")
        .attr("action", Act::url())
        .on("submit", move |event| {
            event.prevent_default();
            if let Some(form) = event.target().and_then(|form| form.dyn_into::<web_sys::HtmlFormElement>().ok()) {
                send(form, said, live, address, heard.clone());
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
    fields.push(sender().class("quiet").child(label).into());
    boxed("deed one", what, about.into(), fields, None)
}

/// The button that sends a deed's form; nobody can press it in the past.
pub fn sender() -> Element {
    let live = expect_context::<Live>();
    submit().attr("disabled", flag(move || live.past().is_some()))
}

/// Why nothing can be asked for from what is on show; none where something can.
pub fn barred(live: Live) -> Option<&'static str> {
    if live.is_past() {
        return Some("This is the past: nothing is done here.");
    }
    live.is_demo().then_some("This is the demo: nothing real is asked for.")
}

/// Which world is on show: of which log, made up or not, now or the past. It is looked at anew with
/// these turns. What was asked for in one world is not told in another.
pub fn world(live: Live, turns: RwSignal<u64>) -> Derived<String> {
    Derived::new(move || {
        turns.track();
        let demo = if live.demo().is_some() { " demo" } else { "" };
        let past = if live.past().is_some() { " past" } else { "" };
        [&live.position().0, demo, past].concat()
    })
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

/// Does something whenever another world is on show.
pub fn with_another(world: Derived<String>, run: impl Fn() + 'static) {
    let mut before = world.peek();
    effect(move || {
        world.with(|_| ());
        let now = world.peek();
        if now != before {
            before = now;
            run();
        }
    });
}

fn nothing_has_focus() -> bool {
    document().active_element().is_none_or(|active| active.tag_name().eq_ignore_ascii_case("body"))
}

fn send(form: web_sys::HtmlFormElement, said: RwSignal<String>, live: Live, address: Address, heard: Option<Heard>) {
    let Ok(data) = web_sys::FormData::new_with_form(&form) else { return };
    if let Some(why) = barred(live) {
        return said.set(why.to_owned());
    }
    let tell = move |asked: bool| heard.iter().for_each(|heard| heard(asked));
    tell(true);
    let read = move |name: &str| data.get(name).as_string().unwrap_or_default();
    let asked = act(read("what"), read("about"), read("name"), read("text"), read("choice"));
    said.set("…".to_owned());
    leptos::task::spawn_local(async move {
        let outcome = asked.await.unwrap_or_else(|error| Outcome { refused: error.to_string(), ..Outcome::default() });
        // The row that the form stood in may be gone by now.
        let _gone = said.try_set(outcome.refused.clone());
        if !outcome.refused.is_empty() {
            return tell(false);
        }
        form.reset();
        if !outcome.to.is_empty() {
            address.go(&outcome.to);
        }
        // Who pressed a button that is no longer there goes on reading from the page's beginning,
        // unless what came in its place took the focus.
        if !form.is_connected() && nothing_has_focus() {
            focus_main();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Boot;
    use crate::swarm::SwarmState;

    #[test]
    fn the_past_is_another_world_and_asks_for_nothing() {
        let owner = Owner::new();
        owner.set();
        let live = Live::new(Boot::empty());
        let world = world(live, RwSignal::new(0));
        let before = world.get();
        assert_eq!(barred(live), None);
        live.show_past(SwarmState::default());
        assert!(barred(live).is_some_and(|why| why.starts_with("This is the past")));
        assert!(world.get() != before);
        live.leave_past(crate::event::Timestamp(1));
        assert_eq!((barred(live), world.get()), (None, before));
    }
}
