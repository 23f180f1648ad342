//! Moving through the rows of a page's main list.
//!
//! A row is what is marked as one (`data-row`); on pages that mark none, a row of the first table or
//! an entry of the first list. What has the focus is the first link or button in it, so that Enter
//! opens it as it does everywhere.

use leptos::prelude::document;
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement};

/// What rows are, the first of these that a page has.
const ROWS: [&str; 4] = ["main [data-row]", "main tbody > tr", "main ol > li", "main ul:not(.chips) > li"];
/// What of a row takes the focus.
const STOPS: &str = "a[href], button:not([disabled]), summary, [tabindex='0']";

fn all() -> Vec<HtmlElement> {
    let found = |selector: &&str| {
        let rows = document().query_selector_all(selector).ok()?;
        let stop = |row: Element| {
            let stop = if row.matches(STOPS).is_ok_and(|is| is) { Some(row) } else { row.query_selector(STOPS).ok().flatten() };
            stop.map(|stop| stop.unchecked_into::<HtmlElement>())
        };
        let stops = (0..rows.length()).filter_map(|place| stop(rows.item(place)?.unchecked_into()));
        let stops: Vec<HtmlElement> = stops.filter(|stop| stop.offset_parent().is_some()).collect();
        (!stops.is_empty()).then_some(stops)
    };
    ROWS.iter().find_map(found).unwrap_or_default()
}

/// Whether the page has rows.
pub(super) fn any() -> bool {
    !all().is_empty()
}

/// Puts the focus on the next row or the one before; on the first where none has it.
pub(super) fn step(down: bool) -> bool {
    let rows = all();
    let active = document().active_element();
    let row_of = |stop: &HtmlElement| stop.closest("[data-row], tr, li").ok().flatten();
    let here = active.and_then(|active| rows.iter().position(|stop| row_of(stop).is_some_and(|row| row.contains(Some(&active)))));
    let next = match (here, down) {
        (None, _) => 0,
        (Some(here), true) => here + 1,
        (Some(here), false) => here.saturating_sub(1),
    };
    let Some(stop) = rows.get(next.min(rows.len().saturating_sub(1))) else { return false };
    let _no_focus = stop.focus();
    true
}
