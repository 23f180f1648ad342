//! What is used seldom by all pages, as a chunk of code of its own: it is fetched once the page lives.

use super::{around, help, palette, sheet};
use crate::app::html::Node;

/// One of the tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// Keys, words said aloud, what calls a person: nothing that opens.
    Around,
    /// Anything by its name.
    Palette,
    /// The keys.
    Help,
    /// The settings.
    Settings,
}

/// Draws a tool.
#[cfg(all(feature = "split", target_family = "wasm"))]
type Draw = fn(Tool) -> Node;

fn draw_tool(tool: Tool) -> Node {
    match tool {
        Tool::Around => around::around(),
        Tool::Palette => palette::palette(),
        Tool::Help => help::help(),
        Tool::Settings => sheet::sheet(),
    }
}

pub use place::{draw, fetch};

#[cfg(not(all(feature = "split", target_family = "wasm")))]
mod place {
    use super::{Node, Tool, draw_tool};

    /// Fetches the code; whether it is here now.
    pub async fn fetch() -> bool {
        true
    }

    /// Draws a tool whose code is here.
    pub fn draw(tool: Tool) -> Node {
        draw_tool(tool)
    }
}

/// The code as a release carries it.
#[cfg(all(feature = "split", target_family = "wasm"))]
#[allow(unsafe_code, reason = "what cuts the code declares the functions at the cut as foreign ones")]
mod place {
    use std::cell::Cell;

    use leptos::wasm_split::{SplitLoaderError, wasm_split};

    use super::{Draw, Node, Tool};

    thread_local! {
        static HERE: Cell<Option<Draw>> = const { Cell::new(None) };
    }

    #[wasm_split(tools, wasm_split_path = leptos::wasm_split, fallible)]
    fn tools() -> Result<Draw, SplitLoaderError> {
        Ok(super::draw_tool as Draw)
    }

    /// Fetches the code; whether it is here now.
    pub async fn fetch() -> bool {
        if let Ok(draw) = tools().await {
            HERE.set(Some(draw));
        }
        HERE.get().is_some()
    }

    /// Draws a tool whose code is here.
    pub fn draw(tool: Tool) -> Node {
        HERE.get().map_or(Node::Nothing, |draw| draw(tool))
    }
}
