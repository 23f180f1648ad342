//! The elements that views use, by their names.

use super::{Element, Value};

macro_rules! tags {
    ($($name:ident)+) => {
        $(#[doc = concat!("A `<", stringify!($name), ">`.")]
        pub fn $name() -> Element {
            Element::new(stringify!($name))
        })+
    };
}

tags! {
    article aside b canvas code dd details div dl dt em fieldset figure footer form h1 h2 h3 header
    input label legend li main nav noscript ol option output p pre progress section select small span
    strong summary table tbody td textarea th thead time tr ul
}

/// A link.
pub fn a(href: impl Into<Value>) -> Element {
    Element::new("a").attr("href", href)
}

/// A button that sends nothing: what it does is its listener's.
pub fn button() -> Element {
    Element::new("button").attr("type", "button")
}

/// A button that sends its form.
pub fn submit() -> Element {
    Element::new("button").attr("type", "submit")
}

/// A drawing of this size in its own coordinates; decoration unless it is given a role.
pub fn svg(view_box: impl Into<Value>) -> Element {
    Element::new("svg").attr("viewBox", view_box)
}

/// A path in a drawing.
pub fn path(d: impl Into<Value>) -> Element {
    Element::new("path").attr("d", d)
}
