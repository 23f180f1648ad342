//! A long list of which only a window stands in the document.
//!
//! The list scrolls in a box of its own. Its rows are of one height, which the style sheet gives
//! and the script measures; what is above and below the window is one empty element each, so that
//! the box scrolls as far as the list is long. The box can have the focus, for the arrow and page
//! keys; whoever goes from row to row with Tab finds the next ones drawn. Without a script the
//! first [`FIRST`] rows stand there.
//!
//! The module knows nothing of what rows show. It neither sorts nor filters.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use crate::app::html::{Element, Row, div, effect, rows, table, tbody, td, text, th, thead, tr, ul};
use crate::client::{Live, in_frame};

/// How many rows stand there before a script has measured, and where none runs.
pub const FIRST: usize = 40;
/// How many lines are drawn beyond those that are seen, on each side. A window moves by as many.
const SPARE: usize = 8;
/// How often rows that change all the time are measured, and say how many there are of them.
const MEASURED: Duration = Duration::from_secs(1);

/// What a list is in the document.
#[derive(Debug)]
pub enum Shape {
    /// A `ul` of this class; where its style sets rows side by side, a line has several.
    List(&'static str),
    /// A `table` of this class, with its row of headings.
    Table(&'static str, Element),
}

/// A row of a table. It says what it is: a style sheet that lays rows out by themselves has browsers
/// forget it.
pub fn line() -> Element {
    tr().attr("role", "row")
}

/// A cell of a row.
pub fn cell() -> Element {
    td().attr("role", "cell")
}

/// The cell that names its row.
pub fn name_cell() -> Element {
    th().attr("role", "rowheader").attr("scope", "row")
}

/// What heads a column.
pub fn column() -> Element {
    th().attr("role", "columnheader").attr("scope", "col")
}

/// A list that is too long to stand in the document.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Its name.
    pub label: &'static str,
    /// How many rows it has.
    pub total: Memo<usize>,
    /// What it is a list of. When that changes, it is read from its beginning again.
    pub about: Memo<String>,
}

/// The list, as rows from one place to before another, which may be beyond the end.
pub fn window(of: Window, shape: Shape, read: impl Fn(usize, usize) -> Vec<Row> + Send + Sync + 'static) -> Element {
    boxed(of, shape, Arc::new(read))
}

fn boxed(of: Window, shape: Shape, read: Arc<dyn Fn(usize, usize) -> Vec<Row> + Send + Sync>) -> Element {
    let live = expect_context::<Live>();
    let span = RwSignal::new((0, FIRST));
    let seen: Looked = StoredValue::new(None);
    // Raised when rows were drawn: then they can be measured and numbered.
    let drawn = RwSignal::new(0_u64);
    let shown = rows(move || {
        let (from, to) = span.get();
        drawn.update(|count| *count += 1);
        read(from, to)
    });
    let list = match shape {
        Shape::List(class) => ul().class(class).attr("data-rows", "posinset").label(of.label).child(shown),
        Shape::Table(class, head) => table()
            .class(class)
            .attr("role", "table")
            .attr("aria-rowcount", text(move || (of.total.get() + 1).to_string()))
            .child(thead().attr("role", "rowgroup").child(head.attr("aria-rowindex", "1")))
            .child(tbody().attr("role", "rowgroup").attr("data-rows", "rowindex").child(shown)),
    };
    div()
        .class("window")
        .attr("tabindex", "0")
        .attr("role", "region")
        .label(of.label)
        .on("scroll", move |event| {
            if let Some(scrolled) = event.target().and_then(|target| target.dyn_into().ok()) {
                look(&scrolled, of.total, span, seen);
            }
        })
        .child(div().class("gap"))
        .child(list)
        .child(div().class("gap"))
        .ready(move |element| follow(live, element.unchecked_into(), of, span, drawn, seen))
}

/// What was measured last. The document is not asked for it in each frame: it would have to be laid out
/// for the answer, and again for the frame.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// How the rows stand; none where there were none to measure.
    lines: Option<Lines>,
    /// How far the box is scrolled, and how high it is, in pixels.
    top: f64,
    high: f64,
}

type Looked = StoredValue<Option<Seen>>;

/// Keeps the window where the box is looked at.
fn follow(live: Live, element: HtmlElement, of: Window, span: RwSignal<(usize, usize)>, drawn: RwSignal<u64>, seen: Looked) {
    let (resized, rewound) = (element.clone(), element.clone());
    let listening = window_event_listener(leptos::ev::resize, move |_| look(&resized, of.total, span, seen));
    on_cleanup(move || listening.remove());
    // Whether the rows were measured lately: in a list that grows all the time they would be in each frame.
    let rests = Rc::new(Cell::new(false));
    effect(move || {
        // Asked for, not only tracked: what nobody asks a memo for it does not follow.
        of.total.get();
        drawn.track();
        let (element, rests) = (element.clone(), Rc::clone(&rests));
        let settled = move || {
            let known = seen.try_get_value().flatten().is_some_and(|seen| seen.lines.is_some());
            if known && rests.get() {
                settle(&element, of.total, span, seen);
                return number(&element, of.total, span, false);
            }
            look(&element, of.total, span, seen);
            number(&element, of.total, span, true);
            if !rests.replace(true) {
                let again = move || {
                    rests.set(false);
                    look(&element, of.total, span, seen);
                    number(&element, of.total, span, true);
                };
                set_timeout(again, MEASURED);
            }
        };
        in_frame(live, Box::new(settled));
    });
    let mut before: Option<String> = None;
    effect(move || {
        let about = of.about.get();
        if before.as_ref().is_some_and(|before| *before != about) {
            rewound.set_scroll_top(0);
        }
        before = Some(about);
    });
}

/// How the rows stand in the document: the height of a line and the rows in one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Lines {
    pitch: f64,
    across: usize,
}

impl Lines {
    /// Those of the rows that are drawn; none where there are none to measure.
    fn measure(list: &web_sys::Element) -> Option<Self> {
        let first = list.first_element_child()?;
        let top = |row: &web_sys::Element| row.get_bounding_client_rect().top();
        let (begin, mut across, mut next) = (top(&first), 1, first.next_element_sibling());
        while let Some(row) = next {
            let pitch = top(&row) - begin;
            if pitch > 0.5 {
                return Some(Self { pitch, across });
            }
            across += 1;
            next = row.next_element_sibling();
        }
        let pitch = first.get_bounding_client_rect().height();
        (pitch > 0.5).then_some(Self { pitch, across })
    }

    /// The lines that so many rows fill.
    fn of(self, rows: usize) -> usize {
        rows.div_ceil(self.across)
    }

    /// Which rows of `total` stand in the document when `seen` pixels from `top` are looked at.
    fn span(self, total: usize, top: f64, seen: f64) -> (usize, usize) {
        let line = |pixels: f64| (pixels / self.pitch).max(0.0) as usize;
        // What was looked at may be gone: then the end is.
        let first = line(top).min(self.of(total).saturating_sub(1));
        let from = (first / SPARE * SPARE).saturating_sub(SPARE);
        let to = (first + line(seen)) / SPARE * SPARE + 2 * SPARE;
        (from * self.across, (to * self.across).min(total))
    }
}

/// Where a window goes of which no row is left, because the list became short: to rows that can be
/// measured again.
fn rewound(total: usize, now: (usize, usize)) -> Option<(usize, usize)> {
    (now.0 > 0 && total > 0).then_some((0, FIRST))
}

/// Measures, and moves the window there.
fn look(element: &HtmlElement, total: Memo<usize>, span: RwSignal<(usize, usize)>, seen: Looked) {
    let Ok(Some(list)) = element.query_selector("[data-rows]") else { return };
    let (top, high) = (f64::from(element.scroll_top()), f64::from(element.client_height()));
    let _gone = seen.try_set_value(Some(Seen { lines: Lines::measure(&list), top, high }));
    settle(element, total, span, seen);
}

/// Moves the window to where the box was looked at, and makes room for the rest of the list.
fn settle(element: &HtmlElement, total: Memo<usize>, span: RwSignal<(usize, usize)>, seen: Looked) {
    // The page may be gone by now.
    let (Some(total), Some(now)) = (total.try_get_untracked(), span.try_get_untracked()) else { return };
    let Some(Some(Seen { lines, top, high })) = seen.try_get_value() else { return };
    let Some(lines) = lines else {
        if let Some(to) = rewound(total, now) {
            let _gone = span.try_set(to);
        }
        return room(element, 0.0, 0.0);
    };
    let to = lines.span(total, top, high);
    if to != now {
        keep_focus(element);
        let _gone = span.try_set(to);
    }
    let below = lines.of(total).saturating_sub(lines.of(to.1));
    room(element, (to.0 / lines.across) as f64 * lines.pitch, below as f64 * lines.pitch);
}

/// The heights of what is empty above and below.
fn room(element: &HtmlElement, above: f64, below: f64) {
    let gaps = [element.first_element_child(), element.last_element_child()];
    for (gap, pixels) in gaps.into_iter().flatten().zip([above, below]) {
        let height = [&(pixels.round() as u64).to_string(), "px"].concat();
        let style = gap.unchecked_into::<HtmlElement>().style();
        if style.get_property_value("height").as_ref() != Ok(&height) {
            let _refused = style.set_property("height", &height);
        }
    }
}

/// Whoever is in a row that the window leaves goes on in the box.
fn keep_focus(element: &HtmlElement) {
    let inside = |active: &web_sys::Element| element.contains(Some(active));
    if !document().active_element().as_ref().is_some_and(inside) {
        return;
    }
    let element = element.clone();
    request_animation_frame(move || {
        if document().active_element().is_none_or(|active| active.tag_name() == "BODY") {
            let options = web_sys::FocusOptions::new();
            options.set_prevent_scroll(true);
            let _no_focus = element.focus_with_options(&options);
        }
    });
}

/// Says of each row which of how many it is: the document alone does not tell any more. Of how many is
/// said by new rows, and by all of them where they are `resized`.
fn number(element: &HtmlElement, total: Memo<usize>, span: RwSignal<(usize, usize)>, resized: bool) {
    let (Some(total), Some((from, _))) = (total.try_get_untracked(), span.try_get_untracked()) else { return };
    let Ok(Some(list)) = element.query_selector("[data-rows]") else { return };
    let is_table = list.tag_name() == "TBODY";
    let say = |row: &web_sys::Element, name: &str, number: usize| {
        let number = number.to_string();
        if row.get_attribute(name).as_ref() != Some(&number) {
            let _refused = row.set_attribute(name, &number);
        }
    };
    let (mut next, mut place) = (list.first_element_child(), from + 1);
    while let Some(row) = next {
        if is_table {
            // The headings are the first row.
            say(&row, "aria-rowindex", place + 1);
        } else {
            say(&row, "aria-posinset", place);
            if resized || !row.has_attribute("aria-setsize") {
                say(&row, "aria-setsize", total);
            }
        }
        place += 1;
        next = row.next_element_sibling();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_around_what_is_looked_at() {
        let lines = Lines { pitch: 40.0, across: 1 };
        assert_eq!(lines.span(1_000, 0.0, 400.0), (0, 24));
        assert_eq!(lines.span(1_000, 4_000.0, 400.0), (88, 120));
        assert_eq!(lines.span(1_000, 1e9, 400.0), (984, 1_000));
        assert_eq!(lines.span(5, 0.0, 400.0), (0, 5));
        assert_eq!(lines.span(0, 120.0, 400.0), (0, 0));
    }

    #[test]
    fn a_list_that_became_short_is_drawn_from_its_beginning() {
        let end = Lines { pitch: 40.0, across: 1 }.span(1_000, 1e9, 400.0);
        assert_eq!(rewound(5, end), Some((0, FIRST)));
        // Nothing is drawn where nothing is, and what stands at its beginning stays.
        assert_eq!((rewound(0, end), rewound(5, (0, FIRST))), (None, None));
    }

    #[test]
    fn a_window_of_cards_begins_and_ends_with_a_line() {
        let lines = Lines { pitch: 100.0, across: 3 };
        assert_eq!(lines.span(1_000, 2_000.0, 500.0), (24, 120));
        assert_eq!((lines.of(0), lines.of(3), lines.of(4)), (0, 1, 2));
    }

    #[test]
    fn what_is_looked_at_is_always_in_the_window() {
        for across in 1..4 {
            let lines = Lines { pitch: 36.0, across };
            for top in (0..20_000).step_by(7) {
                let (from, to) = lines.span(1_000, f64::from(top), 700.0);
                let (first, last) = (top as usize / 36 * across, (((top as usize + 700) / 36 + 1) * across).min(1_000));
                assert!(from <= first.min(999) && to >= last, "{top}: {from}..{to} of {first}..{last}");
                assert!(to - from <= 48 * across, "{from}..{to}");
            }
        }
    }
}
