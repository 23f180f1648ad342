//! The page's code in chunks: what every page needs comes first, what draws a page when it is on
//! its way to be shown, and the rest when the browser has nothing else to do.
//!
//! A release is built with the feature `split` and cut at the functions below; each returns what
//! draws its pages. Everywhere else (server, tests, `cargo leptos watch`) the same functions are
//! called directly, and there is nothing to fetch.

use super::html::Node;
use super::pages::activity::activity_page;
use super::pages::agent::agent_page;
use super::pages::agents::agents_page;
use super::pages::approvals::approvals_page;
use super::pages::memory::memory_page;
use super::pages::messages::messages_page;
use super::pages::missing::missing_page;
use super::pages::overview::overview_page;
use super::pages::providers::providers_page;
use super::pages::sessions::{session_page, sessions_page};
use super::pages::tasks::tasks_page;
use super::pages::topology::topology_page;
use super::pages::trading::trading_page;
use super::route::Page;

/// Draws the pages of one chunk.
#[cfg(all(feature = "split", target_family = "wasm"))]
type Draw = fn(Page) -> Node;

/// A chunk of the page's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// The overview.
    Overview,
    /// Agents and tasks.
    Work,
    /// Topology.
    Flow,
    /// Activity.
    Activity,
    /// What services keep: messages, memory, sessions, approvals, providers, trading.
    Services,
}

impl Chunk {
    /// All chunks, in the order of [`Chunk`].
    pub const ALL: [Self; 5] = [Self::Overview, Self::Work, Self::Flow, Self::Activity, Self::Services];

    /// The chunk that draws a page.
    pub fn of(page: &Page) -> Self {
        match page {
            Page::Overview | Page::Missing => Self::Overview,
            Page::Agents | Page::Agent(_) | Page::Tasks => Self::Work,
            Page::Topology => Self::Flow,
            Page::Activity => Self::Activity,
            Page::Messages
            | Page::Memory
            | Page::Sessions
            | Page::Session(_)
            | Page::Approvals
            | Page::Providers
            | Page::Trading => Self::Services,
        }
    }

    /// Its name, as in the list of files that a release is cut into.
    pub fn name(self) -> &'static str {
        ["overview", "work", "flow", "activity", "services"][self as usize]
    }
}

fn draw_overview(page: Page) -> Node {
    match page {
        Page::Overview => overview_page(),
        _ => missing_page().into(),
    }
}

fn draw_work(page: Page) -> Node {
    match page {
        Page::Agents => agents_page(),
        Page::Agent(id) => agent_page(id),
        Page::Tasks => tasks_page(),
        _ => Node::Nothing,
    }
}

fn draw_flow(page: Page) -> Node {
    match page {
        Page::Topology => topology_page(),
        _ => Node::Nothing,
    }
}

fn draw_activity(page: Page) -> Node {
    match page {
        Page::Activity => activity_page(),
        _ => Node::Nothing,
    }
}

fn draw_services(page: Page) -> Node {
    match page {
        Page::Messages => messages_page(),
        Page::Memory => memory_page(),
        Page::Sessions => sessions_page(),
        Page::Session(id) => session_page(id),
        Page::Approvals => approvals_page(),
        Page::Providers => providers_page(),
        Page::Trading => trading_page(),
        _ => Node::Nothing,
    }
}

pub use place::{draw, fetch, is_here};

/// Fetches what is not here once the page lives, so that the way to another page is short and does
/// not depend on the server. What does not arrive is fetched when it is needed.
pub fn fetch_rest() {
    leptos::task::spawn_local(async {
        for chunk in Chunk::ALL {
            fetch(chunk).await;
        }
    });
}

/// The whole code in one piece.
#[cfg(not(all(feature = "split", target_family = "wasm")))]
mod place {
    use super::{Chunk, Node, Page, draw_activity, draw_flow, draw_overview, draw_services, draw_work};

    /// Whether a chunk's code is here.
    pub fn is_here(_chunk: Chunk) -> bool {
        true
    }

    /// Fetches a chunk; whether it is here now.
    pub async fn fetch(_chunk: Chunk) -> bool {
        true
    }

    /// Draws a page whose chunk is here.
    pub fn draw(page: Page) -> Node {
        match Chunk::of(&page) {
            Chunk::Overview => draw_overview(page),
            Chunk::Work => draw_work(page),
            Chunk::Flow => draw_flow(page),
            Chunk::Activity => draw_activity(page),
            Chunk::Services => draw_services(page),
        }
    }
}

/// The code as a release carries it.
#[cfg(all(feature = "split", target_family = "wasm"))]
#[allow(unsafe_code, reason = "what cuts the code declares the functions at the cut as foreign ones")]
mod place {
    use std::cell::Cell;

    use leptos::wasm_split::{SplitLoaderError, wasm_split};

    use super::{Chunk, Draw, Node, Page};
    use crate::app::html::{a, h1, p, section};
    use crate::app::route::shown;

    thread_local! {
        static HERE: Cell<[Option<Draw>; Chunk::ALL.len()]> = const { Cell::new([None; Chunk::ALL.len()]) };
    }

    #[wasm_split(overview, wasm_split_path = leptos::wasm_split, fallible)]
    fn overview() -> Result<Draw, SplitLoaderError> {
        Ok(super::draw_overview as Draw)
    }

    #[wasm_split(work, wasm_split_path = leptos::wasm_split, fallible)]
    fn work() -> Result<Draw, SplitLoaderError> {
        Ok(super::draw_work as Draw)
    }

    #[wasm_split(flow, wasm_split_path = leptos::wasm_split, fallible)]
    fn flow() -> Result<Draw, SplitLoaderError> {
        Ok(super::draw_flow as Draw)
    }

    #[wasm_split(activity, wasm_split_path = leptos::wasm_split, fallible)]
    fn activity() -> Result<Draw, SplitLoaderError> {
        Ok(super::draw_activity as Draw)
    }

    #[wasm_split(services, wasm_split_path = leptos::wasm_split, fallible)]
    fn services() -> Result<Draw, SplitLoaderError> {
        Ok(super::draw_services as Draw)
    }

    /// Whether a chunk's code is here.
    pub fn is_here(chunk: Chunk) -> bool {
        HERE.get()[chunk as usize].is_some()
    }

    /// Fetches a chunk; whether it is here now.
    pub async fn fetch(chunk: Chunk) -> bool {
        let fetched = match chunk {
            Chunk::Overview => overview().await,
            Chunk::Work => work().await,
            Chunk::Flow => flow().await,
            Chunk::Activity => activity().await,
            Chunk::Services => services().await,
        };
        let Ok(draw) = fetched else { return false };
        let mut here = HERE.get();
        here[chunk as usize] = Some(draw);
        HERE.set(here);
        true
    }

    /// Draws a page; says so where its chunk is not here.
    pub fn draw(page: Page) -> Node {
        HERE.get()[Chunk::of(&page) as usize].map_or_else(not_here, |draw| draw(page))
    }

    fn not_here() -> Node {
        let again = a(shown()).attr("rel", "external").attr("target", "_self").child("Try again");
        section()
            .class("empty")
            .child(h1().child("Not here yet"))
            .child(p().child("The server did not send what draws this page. ").child(again))
            .into()
    }
}
