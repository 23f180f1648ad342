//! There is no such page.

use crate::app::html::{Element, a, h1, p, section};

/// What an unknown address shows.
pub fn missing_page() -> Element {
    section()
        .class("welcome")
        .child(h1().child("There is nothing here."))
        .child(p().class("lead").child("The address may be mistyped. ").child(a("/").child("Back to the overview")))
}
