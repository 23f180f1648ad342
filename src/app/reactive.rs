//! Reactive pieces with one type each.
//!
//! Every closure has a type of its own, and a framework that is generic over closures is compiled
//! once for each: the browser downloads that. Boxed here, all texts of all pages are one type.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

/// A text that follows the state.
pub fn text<T: Into<String>>(read: impl Fn() -> T + Send + Sync + 'static) -> Signal<String> {
    boxed_text(Arc::new(move || read().into()))
}

fn boxed_text(read: Arc<dyn Fn() -> String + Send + Sync>) -> Signal<String> {
    Signal::derive(move || read())
}

/// A yes or no that follows the state.
pub fn flag(read: impl Fn() -> bool + Send + Sync + 'static) -> Signal<bool> {
    boxed_flag(Arc::new(read))
}

fn boxed_flag(read: Arc<dyn Fn() -> bool + Send + Sync>) -> Signal<bool> {
    Signal::derive(move || read())
}

/// A view that stands as long as `when` says so, and `otherwise` in its place.
#[component]
pub fn When(#[prop(into)] when: Signal<bool>, children: ChildrenFn, #[prop(optional, into)] otherwise: ViewFn) -> AnyView {
    let shown = Memo::new(move |_| when.get());
    (move || if shown.get() { children() } else { otherwise.run() }).into_any()
}

/// The value of `aria-current` on one of several links.
pub fn current(read: impl Fn() -> bool + Send + Sync + 'static) -> Signal<String> {
    text(move || if read() { "true" } else { "false" })
}

/// One row of a list: its key, and how it is drawn when it first appears.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "a drawing has no text")]
pub struct Item {
    key: String,
    draw: Arc<dyn Fn() -> AnyView + Send + Sync>,
}

impl Item {
    /// A row for some data. The same key keeps the row as it was drawn.
    pub fn new<T: Clone + Send + Sync + 'static>(key: String, data: T, draw: fn(T) -> AnyView) -> Self {
        Self { key, draw: Arc::new(move || draw(data.clone())) }
    }
}

/// A list that follows the state, row by row.
pub fn rows(items: impl Fn() -> Vec<Item> + Send + Sync + 'static) -> AnyView {
    boxed_rows(Arc::new(items))
}

/// What has the focus keeps it while rows come in before it: the list may move it in the document,
/// and what is moved loses its focus.
fn keep_focus() {
    if is_server() {
        return;
    }
    let Some(active) = document().active_element().filter(|active| active.closest("li, tr").ok().flatten().is_some()) else {
        return;
    };
    queue_microtask(move || {
        let lost = document().active_element().is_none_or(|now| now.tag_name() == "BODY");
        if lost && active.is_connected() {
            let options = web_sys::FocusOptions::new();
            options.set_prevent_scroll(true);
            let _no_focus = active.unchecked_into::<web_sys::HtmlElement>().focus_with_options(&options);
        }
    });
}

fn boxed_rows(items: Arc<dyn Fn() -> Vec<Item> + Send + Sync>) -> AnyView {
    let items = move || {
        keep_focus();
        items()
    };
    view! { <For each=items key=|item: &Item| item.key.clone() children=|item: Item| (item.draw)() /> }.into_any()
}
