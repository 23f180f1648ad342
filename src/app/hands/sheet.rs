//! The settings as a dialog.

use leptos::prelude::*;

use super::settings::{SETTINGS, Setting};
use super::{Hands, dialog};
use crate::app::html::{Element, Node, div, fieldset, flag, input, label, p, span};

/// The dialog of all settings. Each takes effect at once.
pub(super) fn sheet() -> Node {
    let hands = expect_context::<Hands>();
    let fields = SETTINGS.iter().enumerate().map(|(place, setting)| field(hands, place, setting).into());
    let mut inside = vec![dialog::head("Settings")];
    inside.extend(fields);
    inside.push(p().class("muted hint").child("Kept in this browser only.").into());
    dialog::dialog(hands, "sheet settings", "Settings", inside)
}

fn field(hands: Hands, place: usize, setting: &'static Setting) -> Element {
    let words = setting.words.iter().enumerate().map(|(word, (kept, shown))| {
        let radio = input()
            .attr("type", "radio")
            .attr("name", ["set-", setting.key].concat())
            .attr("value", *kept)
            .attr("checked", flag(move || hands.chosen.with(|chosen| chosen.place(place) == word)))
            .on("change", move |_| hands.choose(place, word));
        label().child(radio).child(span().child(*shown))
    });
    let hint = (!setting.hint.is_empty()).then(|| span().class("muted hint").child(setting.hint));
    fieldset().child(Element::new("legend").child(setting.name).child(hint)).child(div().class("segments").children(words))
}
