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
type Draw = fn(Tool) -> Node;

cut! {
    /// The tools behind their cut.
    tools: Draw = draw_tool;
}

/// Fetches the code; whether it is here now.
pub async fn fetch() -> bool {
    tools::fetch().await
}

/// Draws a tool, where its code is here.
pub fn draw(tool: Tool) -> Node {
    tools::here().map_or(Node::Nothing, |draw| draw(tool))
}

fn draw_tool(tool: Tool) -> Node {
    match tool {
        Tool::Around => around::around(),
        Tool::Palette => palette::palette(),
        Tool::Help => help::help(),
        Tool::Settings => sheet::sheet(),
    }
}
