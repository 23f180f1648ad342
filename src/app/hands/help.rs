//! The keys, listed from their table.

use leptos::prelude::*;

use super::keys::{GROUPS, KEYS, Key};
use super::settings::Choice;
use super::{Hands, dialog, press};
use crate::app::components::reader::has_command_key;
use crate::app::html::{Element, Node, dd, div, dl, dt, flag, p, section, span, when};

/// The dialog of all keys. What does nothing on the page on show says so.
pub(super) fn help() -> Node {
    let hands = expect_context::<Hands>();
    let groups = GROUPS.iter().enumerate().map(|(group, name)| {
        let keys = KEYS.iter().filter(|key| key.group == group).map(|key| line(hands, key));
        section().label(*name).child(Element::new("h3").child(*name)).child(dl().children(keys)).into()
    });
    let off = when(flag(move || hands.is(Choice::Keys, "off")), || {
        p().class("muted").child("Single keys are off; Ctrl K works, and the settings have them.")
    });
    let inside = vec![dialog::head("Keys"), off, div().class("key-groups").children(groups.collect::<Vec<Node>>()).into()];
    dialog::dialog(hands, "sheet help", "Keys", inside)
}

fn line(hands: Hands, key: &'static Key) -> Element {
    let mut presses: Vec<Node> = Vec::new();
    for press in key.presses {
        if !presses.is_empty() {
            presses.push(span().class("muted").child(" or ").into());
        }
        presses.push(caps(press));
    }
    let idle = !press::does_something(hands, key.does);
    let name = dt().child(key.name).child(idle.then(|| span().class("muted").child(" · not here")));
    div().class(if idle { "idle-key" } else { "" }).child(name).child(dd().children(presses))
}

/// A press as the keys look.
pub(super) fn caps(press: &'static str) -> Node {
    let cap = |key: &'static str| {
        let key = if key == "Ctrl" && has_command_key() { "⌘" } else { key };
        Element::new("kbd").child(key).into()
    };
    Node::Several(press.split(' ').map(cap).collect())
}
