//! Which page an address names, and how the page moves between them.
//!
//! The deck has few pages and no nesting; the address is all the view's state. Links are plain
//! anchors: without a script the server renders the next page, with one this module does.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::chunks::{self, Chunk};
use super::html::effect;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// `/`
    Overview,
    /// `/agents`
    Agents,
    /// `/agents/{id}`
    Agent(String),
    /// `/tasks`
    Tasks,
    /// `/topology`
    Topology,
    /// `/messages`
    Messages,
    /// `/memory`
    Memory,
    /// `/sessions`
    Sessions,
    /// `/sessions/{id}`
    Session(String),
    /// `/approvals`
    Approvals,
    /// `/providers`
    Providers,
    /// `/trading`
    Trading,
    /// `/activity`
    Activity,
    /// `/connection`
    Connection,
    /// Any other address.
    Missing,
}

impl Page {
    /// The pages without a part of their own in the address: path, page, title.
    const PLAIN: &'static [(&'static str, Self, &'static str)] = &[
        ("/", Self::Overview, "Overview"),
        ("/agents", Self::Agents, "Agents"),
        ("/tasks", Self::Tasks, "Tasks"),
        ("/topology", Self::Topology, "Topology"),
        ("/messages", Self::Messages, "Messages"),
        ("/memory", Self::Memory, "Memory"),
        ("/sessions", Self::Sessions, "Sessions"),
        ("/approvals", Self::Approvals, "Approvals"),
        ("/providers", Self::Providers, "Providers"),
        ("/trading", Self::Trading, "Trading"),
        ("/activity", Self::Activity, "Activity"),
        ("/connection", Self::Connection, "Connection"),
    ];

    /// The patterns of all addresses that have a page, for the server's router.
    pub fn patterns() -> impl Iterator<Item = &'static str> {
        Self::PLAIN.iter().map(|(path, ..)| *path).chain(["/agents/{id}", "/sessions/{id}"])
    }

    /// The page at a path.
    pub fn at(path: &str) -> Self {
        if let Some((_, page, _)) = Self::PLAIN.iter().find(|(plain, ..)| *plain == path) {
            return page.clone();
        }
        let under = |folder: &str| path.strip_prefix(folder).filter(|id| !id.is_empty() && !id.contains('/'));
        if let Some(id) = under("/agents/") {
            return Self::Agent(decode(id, false));
        }
        under("/sessions/").map_or(Self::Missing, |id| Self::Session(decode(id, false)))
    }

    /// The page at an address with its parameters.
    pub fn of(address: &str) -> Self {
        Self::at(address.split(['?', '#']).next().unwrap_or_default())
    }

    /// The document's title.
    pub fn title(&self) -> String {
        let plain = Self::PLAIN.iter().find(|(_, page, _)| page == self).map(|(.., title)| *title);
        let name = match self {
            Self::Agent(id) | Self::Session(id) => id,
            _ => plain.unwrap_or("Not found"),
        };
        [name, " · Swarmdeck"].concat()
    }
}

/// A segment of an address.
pub fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(half), 16).unwrap_or('0').to_ascii_uppercase());
            }
        }
    }
    out
}

/// The text of a segment, or of a parameter, in which a plus is a space. What is no UTF-8 becomes
/// the replacement character.
pub fn decode(text: &str, parameter: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => {
                let mut ahead = rest.clone();
                match (digit(ahead.next()), digit(ahead.next())) {
                    (Some(high), Some(low)) => {
                        bytes.push((high * 16 + low) as u8);
                        rest = ahead;
                    }
                    _ => bytes.push(byte),
                }
            }
            b'+' if parameter => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where a form was sent from, as the server was told.
#[derive(Debug, Clone)]
pub struct Came(pub String);

/// What a person has typed into the field that an event is about.
pub fn typed(event: &web_sys::Event) -> String {
    let field = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlInputElement>().ok());
    field.map(|field| field.value()).unwrap_or_default()
}

/// The address of the page on show, without its origin.
#[derive(Debug, Clone, Copy)]
pub struct Address(RwSignal<String>);

/// An address as the server was asked for it.
#[derive(Debug, Clone)]
pub struct Asked(pub String);

impl Address {
    /// The address that the server was asked for, or that the browser shows.
    pub fn first() -> Self {
        let asked = use_context::<Asked>().map(|asked| asked.0);
        Self(RwSignal::new(asked.unwrap_or_else(|| "/".to_owned())))
    }

    /// The page.
    pub fn page(self) -> Page {
        self.0.with(|address| Page::of(address))
    }

    /// The path.
    pub fn path(self) -> String {
        self.0.with(|address| address.split(['?', '#']).next().unwrap_or_default().to_owned())
    }

    /// The path whose page can be drawn: it follows the address as soon as that page's code is here.
    pub fn drawable(self) -> RwSignal<String> {
        let drawable = RwSignal::new(untrack(|| self.path()));
        let path = Memo::new(move |_| self.path());
        effect(move || {
            let to = path.get();
            if drawable.with_untracked(|shown| *shown == to) {
                return;
            }
            let chunk = Chunk::of(&Page::at(&to));
            if chunks::is_here(chunk) {
                return drawable.set(to);
            }
            leptos::task::spawn_local(async move {
                // Where it does not arrive, the page says so itself.
                let _here = chunks::fetch(chunk).await;
                if path.with_untracked(|now| *now == to) {
                    drawable.set(to);
                }
            });
        });
        drawable
    }

    /// The place of the past that is asked for; none where it is now.
    pub fn at(self) -> Option<u64> {
        self.parameter("at").and_then(|at| at.parse().ok())
    }

    /// The address with another place of the past, or of now.
    pub fn with_at(self, at: Option<u64>) -> String {
        self.0.with(|address| at_place(address, at))
    }

    /// Takes another address for this page; the way back leads to the one on show.
    pub fn push(self, to: &str) {
        if let Ok(history) = window().history() {
            let _refused = history.push_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(to));
        }
        self.0.set(to.to_owned());
    }

    /// Takes another address for this page, in place of the one on show: the way back leads past it.
    pub fn replace(self, to: &str) {
        if let Ok(history) = window().history() {
            let _refused = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(to));
        }
        self.0.set(to.to_owned());
    }

    /// A parameter, decoded.
    pub fn parameter(self, name: &str) -> Option<String> {
        self.0.with(|address| parameter(address, name))
    }

    /// The address on show with some parameters otherwise; an empty value leaves one out.
    pub fn with(self, changes: &[(&str, &str)]) -> String {
        self.0.with(|address| {
            let address = address.split('#').next().unwrap_or_default();
            let (path, query) = address.split_once('?').unwrap_or((address, ""));
            let (mut out, mut before) = (path.to_owned(), '?');
            let mut add = |pair: &[&str]| {
                out.push(before);
                pair.iter().for_each(|part| out.push_str(part));
                before = '&';
            };
            let changed = |key: &str| key == "refused" || changes.iter().any(|(name, _)| *name == key);
            for pair in query.split('&').filter(|pair| !pair.is_empty() && !changed(pair.split('=').next().unwrap_or_default())) {
                add(&[pair]);
            }
            for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
                add(&[name, "=", &encode(value)]);
            }
            out
        })
    }

    /// Goes to another address of this page's server.
    pub fn go(self, to: &str) {
        if let Ok(history) = window().history() {
            let _refused = history.push_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(to));
        }
        self.0.set(to.to_owned());
        match to.split_once('#').and_then(|(_, id)| document().get_element_by_id(id)) {
            Some(element) => element.scroll_into_view(),
            None => window().scroll_to_with_x_and_y(0.0, 0.0),
        }
    }

    /// From now on links and the browser's own buttons move between pages without a reload.
    pub fn follow(self) {
        let clicked = window_event_listener(leptos::ev::click, move |event| {
            let plain = event.button() == 0 && !(event.meta_key() || event.ctrl_key() || event.shift_key() || event.alt_key());
            if event.default_prevented() || !plain {
                return;
            }
            let Some(to) = event.target().and_then(|target| link(target.unchecked_ref())) else { return };
            event.prevent_default();
            // Who looks at the past stays in it from page to page.
            let at = untrack(|| self.at()).filter(|_| !to.contains("at="));
            self.go(&if at.is_some() { at_place(&to, at) } else { to });
            focus_main();
        });
        let moved = window_event_listener(leptos::ev::popstate, move |_| self.0.set(shown()));
        on_cleanup(move || {
            clicked.remove();
            moved.remove();
        });
    }
}

/// A parameter of an address, decoded.
pub fn parameter(address: &str, name: &str) -> Option<String> {
    let query = address.split('#').next()?.split_once('?')?.1;
    let found = query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name));
    found.map(|(_, value)| decode(value, true))
}

/// An address with a place of the past, or without one.
pub fn at_place(address: &str, at: Option<u64>) -> String {
    let (rest, mark) = address.split_once('#').map_or((address, ""), |(rest, mark)| (rest, mark));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut out = path.to_owned();
    let mut joint = '?';
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("at=")) {
        out.push(joint);
        out.push_str(pair);
        joint = '&';
    }
    if let Some(at) = at {
        out.push(joint);
        out.push_str("at=");
        out.push_str(&at.to_string());
    }
    if !mark.is_empty() {
        out.push('#');
        out.push_str(mark);
    }
    out
}

/// The address of the link that was clicked, where it leads to a page of the deck.
fn link(clicked: &web_sys::Element) -> Option<String> {
    let anchor = clicked.closest("a[href]").ok()??;
    let href = anchor.get_attribute("href")?;
    let inside = href.starts_with('/') && !anchor.has_attribute("target") && Page::of(&href) != Page::Missing;
    inside.then_some(href)
}

/// A new page is read from its beginning.
pub fn focus_main() {
    if let Some(main) = document().get_element_by_id("main") {
        let _no_focus = main.unchecked_into::<web_sys::HtmlElement>().focus();
    }
}

/// What the browser shows.
pub fn shown() -> String {
    let location = window().location();
    [location.pathname(), location.search(), location.hash()].map(Result::unwrap_or_default).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_pages() {
        assert_eq!(Page::at("/"), Page::Overview);
        assert_eq!(Page::at("/agents"), Page::Agents);
        assert_eq!(Page::at("/agents/"), Page::Missing);
        assert_eq!(Page::at("/agents/c++"), Page::Agent("c++".into()));
        assert_eq!(Page::at("/agents/a%20b%2F%C3%BC"), Page::Agent("a b/ü".into()));
        assert_eq!(Page::at("/agents/a/b"), Page::Missing);
        assert_eq!(Page::at("/api/docs"), Page::Missing);
        assert_eq!(Page::at("/sessions/s%2F1"), Page::Session("s/1".into()));
        assert_eq!(Page::at("/trading").title(), "Trading · Swarmdeck");
    }

    #[test]
    fn ids_of_any_kind_make_addresses() {
        assert_eq!(encode("a b/ü?"), "a%20b%2F%C3%BC%3F");
        for text in ["", "plain", "a b/ü?%&=+#", "🐝"] {
            assert_eq!(decode(&encode(text), true), text);
        }
        assert_eq!(decode("100%+%zz%f", true), "100% %zz%f");
    }

    #[test]
    fn the_past_is_one_parameter_among_others() {
        assert_eq!(at_place("/tasks", Some(7)), "/tasks?at=7");
        assert_eq!(at_place("/tasks?at=3&q=a#failed", Some(7)), "/tasks?q=a&at=7#failed");
        assert_eq!(at_place("/tasks?at=3#failed", None), "/tasks#failed");
    }

    #[test]
    fn parameters_are_decoded() {
        let owner = Owner::new();
        owner.with(|| {
            provide_context(Asked("/activity?types=task.*%2Cagent.*&x=1#top".into()));
            let address = Address::first();
            assert_eq!(address.page(), Page::Activity);
            assert_eq!(address.parameter("types").as_deref(), Some("task.*,agent.*"));
            assert_eq!(address.parameter("y"), None);
            assert_eq!(address.with(&[]), "/activity?types=task.*%2Cagent.*&x=1");
            assert_eq!(address.with(&[("x", ""), ("q", "a b")]), "/activity?types=task.*%2Cagent.*&q=a%20b");
            assert_eq!(address.with(&[("types", ""), ("x", "")]), "/activity");
        });
    }
}
