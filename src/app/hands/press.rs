//! From a press of a key to what is done.

use std::cell::Cell;

use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Element, HtmlElement, HtmlInputElement, KeyboardEvent};

use super::keys::{self, Does, LEADER};
use super::settings::Choice;
use super::{Hands, Tool, dialog, rows};
use crate::app::route::{Address, focus_main, shown};

/// How long after the leader a letter may come, in milliseconds.
const LEADER_MS: f64 = 1_500.0;
/// What a page's filter is, the first of these that it has.
const FILTERS: [&str; 3] = ["main [data-filter]", "main [role=search] input:not([type=hidden])", "main input[type=search]"];

thread_local! {
    /// When the leader was pressed.
    static LED: Cell<Option<f64>> = const { Cell::new(None) };
}

/// Listens to keys as long as the owner stands.
pub(super) fn listen(hands: Hands, address: Address) {
    let listener = window_event_listener(leptos::ev::keydown, move |event| {
        if !event.default_prevented() && !event.is_composing() && pressed(hands, address, &event) {
            event.prevent_default();
        }
    });
    on_cleanup(move || listener.remove());
}

/// Whether the press was meant for the deck and something was done.
fn pressed(hands: Hands, address: Address, event: &KeyboardEvent) -> bool {
    let key = event.key();
    if (event.ctrl_key() || event.meta_key()) && !event.alt_key() && !event.shift_key() && key.eq_ignore_ascii_case("k") {
        return perform(hands, address, Does::Find);
    }
    let with_others = event.ctrl_key() || event.meta_key() || event.alt_key();
    if with_others || dialog::on_show(dialog::ANY).is_some() {
        return false;
    }
    let key = match key.as_str() {
        "Escape" => "Esc",
        " " => "Space",
        other => other,
    };
    if key == "Esc" {
        return perform(hands, address, Does::Close);
    }
    let off = hands.chosen.with_untracked(|chosen| chosen.is(Choice::Keys, "off"));
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    if off || target.is_some_and(|target| is_theirs(&target, key)) {
        return false;
    }
    let now = event.time_stamp();
    if LED.take().is_some_and(|led| now - led < LEADER_MS) {
        let led = keys::pressed(&[LEADER, " ", key].concat());
        return led.is_some_and(|does| perform(hands, address, does));
    }
    if key == LEADER {
        LED.set(Some(now));
        return true;
    }
    let Some(does) = keys::pressed(key) else { return false };
    let again = matches!(does, Does::Next | Does::Previous | Does::Earlier | Does::Later);
    (again || !event.repeat()) && perform(hands, address, does)
}

/// Whether a key belongs to what has the focus: fields take all, buttons and the like the Space. What
/// is in a dialog that has just closed may have it still, and takes nothing.
fn is_theirs(target: &Element, key: &str) -> bool {
    let is = |selector: &str| target.closest(selector).is_ok_and(|found| found.is_some());
    if is("dialog:not([open])") {
        return false;
    }
    is("input, textarea, select, [contenteditable]:not([contenteditable=false])")
        || (key == "Space" && is("button, summary, a[href], [role=button], [role=slider]"))
}

/// Does it: as the page on show has it, or as it is everywhere. Whether anything was done.
pub(super) fn perform(hands: Hands, address: Address, does: Does) -> bool {
    if let Some(run) = hands.handler(does) {
        run();
        return true;
    }
    match does {
        Does::Find => toggle(hands),
        Does::Help => hands.open(Tool::Help),
        Does::Settings => hands.open(Tool::Settings),
        Does::Filter => return focus_filter(),
        Does::Next => return rows::step(true),
        Does::Previous => return rows::step(false),
        Does::Close => return fold(),
        Does::Link => copy_link(hands),
        Does::Live => return leave_past(address),
        Does::Go(path) => {
            address.go(path);
            focus_main();
        }
        Does::Open | Does::Pause | Does::Allow | Does::Deny | Does::Earlier | Does::Later => return false,
    }
    true
}

/// Whether a key would do something on the page on show.
pub(super) fn does_something(hands: Hands, does: Does) -> bool {
    if hands.handler(does).is_some() {
        return true;
    }
    match does {
        Does::Filter => filter().is_some(),
        Does::Next | Does::Previous | Does::Open => rows::any(),
        Does::Live => at(&shown(), None) != shown(),
        Does::Pause | Does::Allow | Does::Deny | Does::Earlier | Does::Later => false,
        _ => true,
    }
}

fn toggle(hands: Hands) {
    let was_open = dialog::on_show(dialog::PALETTE).is_some();
    dialog::close();
    if !was_open {
        hands.open(Tool::Palette);
    }
}

fn filter() -> Option<HtmlElement> {
    let find = |selector: &&str| document().query_selector(selector).ok().flatten();
    FILTERS.iter().find_map(find).map(|found| found.unchecked_into())
}

fn focus_filter() -> bool {
    let Some(field) = filter() else { return false };
    let _no_focus = field.focus();
    if let Some(field) = field.dyn_ref::<HtmlInputElement>() {
        field.select();
    }
    true
}

/// Closes what is folded out over the page.
fn fold() -> bool {
    let open = document().query_selector(".bar details[open]").ok().flatten();
    let summary = open.as_ref().and_then(|open| open.query_selector("summary").ok().flatten());
    let Some((open, summary)) = open.zip(summary) else { return false };
    let _gone = open.remove_attribute("open");
    let _no_focus = summary.unchecked_into::<HtmlElement>().focus();
    true
}

fn leave_past(address: Address) -> bool {
    let here = shown();
    let live = at(&here, None);
    let leaves = live != here;
    if leaves {
        address.go(&live);
    }
    leaves
}

/// Puts a link to the page as it is now on the clipboard.
fn copy_link(hands: Hands) {
    if hands.live.is_demo() {
        return hands.tell("The demo is in no log: there is nothing to link to.");
    }
    let seq = hands.live.peek(|state| state.seq);
    let link = [window().location().origin().unwrap_or_default(), at(&shown(), Some(seq))].concat();
    // Without a secure address there is no clipboard: the link is then shown.
    let clipboard = js_sys::Reflect::get(&window().navigator(), &JsValue::from_str("clipboard"));
    if clipboard.is_ok_and(|clipboard| clipboard.is_object()) {
        crate::client::copy(&link);
        hands.tell(["Copied: this page at event ", &crate::app::components::number::count(seq), "."].concat());
    } else {
        hands.tell(["This page at event ", &seq.to_string(), ": ", &link].concat());
    }
}

/// An address at an instant, or without one.
fn at(address: &str, seq: Option<u64>) -> String {
    let (before, fragment) = address.split_once('#').map_or((address, None), |(before, after)| (before, Some(after)));
    let (path, query) = before.split_once('?').unwrap_or((before, ""));
    let others = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("at="));
    let mut pairs: Vec<String> = others.map(str::to_owned).collect();
    pairs.extend(seq.map(|seq| ["at=", &seq.to_string()].concat()));
    let mut out = path.to_owned();
    if !pairs.is_empty() {
        out.push('?');
        out.push_str(&pairs.join("&"));
    }
    if let Some(fragment) = fragment {
        out.push('#');
        out.push_str(fragment);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::at;

    #[test]
    fn an_address_names_an_instant() {
        assert_eq!(at("/", Some(7)), "/?at=7");
        assert_eq!(at("/agents?status=idle&at=3#top", Some(7)), "/agents?status=idle&at=7#top");
        assert_eq!(at("/agents?at=3", None), "/agents");
        assert_eq!(at("/tasks?state=failed&at=3&x=1", None), "/tasks?state=failed&x=1");
        assert_eq!(at("/tasks?what=1", None), "/tasks?what=1");
    }
}
