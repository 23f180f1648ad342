//! A dialog over the page. The browser keeps the focus in it, closes it with Esc and gives the focus
//! back.

use leptos::prelude::{Set as _, document};
use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use super::Hands;
use crate::app::html::{Element, Node, button, div, h2};

/// A dialog that is open as long as it is in the document.
pub(super) fn dialog(hands: Hands, class: &'static str, label: &'static str, inside: Vec<Node>) -> Node {
    Element::new("dialog")
        .class(class)
        .label(label)
        .on("close", move |_| {
            // It is told later: by then another may be open, which stays.
            if on_show(ANY).is_none() {
                hands.open.set(None);
            }
        })
        .on("click", |event| {
            // What lies around it counts as the dialog itself.
            let on_itself = event.target().is_some_and(|target| target.dyn_ref::<HtmlDialogElement>().is_some());
            if on_itself {
                close();
            }
        })
        .child(div().class("inside").children(inside))
        .ready(|element| {
            let _refused = element.unchecked_into::<HtmlDialogElement>().show_modal();
        })
        .into()
}

/// The name of a dialog, and a way out for whoever points.
pub(super) fn head(name: &'static str) -> Node {
    let out = button().class("quiet").label("Close").on("click", |_| close()).child("✕");
    div().class("dialog-head").child(h2().child(name)).child(out).into()
}

/// Closes the dialog that is open.
pub(super) fn close() {
    if let Some(open) = on_show(ANY) {
        open.close();
    }
}

/// Any dialog.
pub(super) const ANY: &str = "dialog[open]";
/// The palette.
pub(super) const PALETTE: &str = "dialog.palette[open]";

/// The dialog that is open. The document knows at once; what is said of a closing comes later.
pub(super) fn on_show(which: &str) -> Option<HtmlDialogElement> {
    document().query_selector(which).ok().flatten().map(JsCast::unchecked_into)
}
