//! A link among several of which one is chosen.

use crate::app::html::{Element, Value, a, text};

/// One of the links; `chosen` says whether it leads to what is on show.
pub fn chip(href: impl Into<Value>, chosen: impl Fn() -> bool + Send + Sync + 'static) -> Element {
    a(href).attr("aria-current", text(move || if chosen() { "true" } else { "false" }))
}
