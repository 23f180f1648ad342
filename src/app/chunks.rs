//! The page's code in chunks: what every page needs comes first, what draws a page when it is on
//! its way to be shown, and the rest when the browser has nothing else to do.
//!
//! The cutter makes a file of what each set of chunks has in common, hundreds of them;
//! `scripts/join-chunks.mjs` makes a few of them again.

use super::html::{Node, a, h1, p, section};
use super::pages::activity::activity_page;
use super::pages::agent::agent_page;
use super::pages::agents::agents_page;
use super::pages::approvals::approvals_page;
use super::pages::connection::connection_page;
use super::pages::memory::memory_page;
use super::pages::messages::messages_page;
use super::pages::missing::missing_page;
use super::pages::overview::overview_page;
use super::pages::providers::providers_page;
use super::pages::sessions::{session_page, sessions_page};
use super::pages::tasks::tasks_page;
use super::pages::topology::topology_page;
use super::pages::trading::trading_page;
use super::route::{Page, shown};

/// Draws the pages of one chunk.
type Draw = fn(Page) -> Node;

/// For each chunk its pages and what draws them.
macro_rules! chunks {
    ($($(#[$about:meta])* $chunk:ident, $name:ident: $page:pat => $draw:expr;)*) => {
        /// A chunk of the page's code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Chunk {
            $($(#[$about])* $chunk,)*
        }

        impl Chunk {
            /// All chunks, in the order of [`Chunk`].
            pub const ALL: &[Self] = &[$(Self::$chunk),*];

            /// The chunk that draws a page.
            #[allow(unused_variables, reason = "what a page holds is for what draws it")]
            pub fn of(page: &Page) -> Self {
                match page {
                    $($page => Self::$chunk,)*
                }
            }

            /// Its name, as in the list of files that a release is cut into.
            pub fn name(self) -> &'static str {
                [$(stringify!($name)),*][self as usize]
            }
        }

        /// What draws the pages, a function for each chunk.
        mod drawn {
            use super::*;

            $(pub(super) fn $name(page: Page) -> Node {
                match page {
                    $page => $draw,
                    _ => Node::Nothing,
                }
            })*
        }

        $(cut! {
            $(#[$about])*
            $name: Draw = drawn::$name;
        })*

        fn here(chunk: Chunk) -> Option<Draw> {
            match chunk {
                $(Chunk::$chunk => $name::here(),)*
            }
        }

        /// Fetches a chunk; whether it is here now.
        pub async fn fetch(chunk: Chunk) -> bool {
            match chunk {
                $(Chunk::$chunk => $name::fetch().await,)*
            }
        }
    };
}

chunks! {
    /// The overview, and what stands where no page is.
    Overview, overview: page @ (Page::Overview | Page::Missing) => match page {
        Page::Overview => overview_page(),
        _ => missing_page().into(),
    };
    /// The agents.
    Agents, agents: Page::Agents => agents_page();
    /// One agent.
    Agent, agent: Page::Agent(id) => agent_page(id);
    /// The tasks.
    Tasks, tasks: Page::Tasks => tasks_page();
    /// Topology.
    Topology, topology: Page::Topology => topology_page();
    /// Messages.
    Messages, messages: Page::Messages => messages_page();
    /// Memory.
    Memory, memory: Page::Memory => memory_page();
    /// The sessions.
    Sessions, sessions: Page::Sessions => sessions_page();
    /// One session.
    Session, session: Page::Session(id) => session_page(id);
    /// What waits for a person.
    Approvals, approvals: Page::Approvals => approvals_page();
    /// Providers and self-checks.
    Providers, providers: Page::Providers => providers_page();
    /// Paper trading.
    Trading, trading: Page::Trading => trading_page();
    /// Activity.
    Activity, activity: Page::Activity => activity_page();
    /// Connection.
    Connection, connection: Page::Connection => connection_page();
}

/// Whether a chunk's code is here.
pub fn is_here(chunk: Chunk) -> bool {
    here(chunk).is_some()
}

/// Draws a page; says so where its chunk is not here.
pub fn draw(page: Page) -> Node {
    here(Chunk::of(&page)).map_or_else(not_here, |draw| draw(page))
}

/// Fetches what is not here once the page lives, so that the way to another page is short and does
/// not depend on the server. What does not arrive is fetched when it is needed.
pub fn fetch_rest() {
    leptos::task::spawn_local(async {
        for chunk in Chunk::ALL {
            fetch(*chunk).await;
        }
    });
}

/// What stands where a page's code did not arrive.
fn not_here() -> Node {
    let again = a(shown()).attr("rel", "external").attr("target", "_self").child("Try again");
    section()
        .class("empty")
        .child(h1().child("Not here yet"))
        .child(p().child("The server did not send what draws this page. ").child(again))
        .into()
}
