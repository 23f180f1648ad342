//! The keys, in one table: what help lists, the palette offers and a press looks up.
//!
//! A key names what it does, not who does it. [`Hands::handle`](super::Hands::handle) joins whoever
//! does it on the page on show; for the rest there is a way that holds on every page. A key that
//! nobody handles is the browser's.

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Opens the palette.
    Find,
    /// Lists the keys.
    Help,
    /// Opens the settings.
    Settings,
    /// Puts the cursor into the page's filter.
    Filter,
    /// Goes to the next row of the page's main list.
    Next,
    /// Goes to the row before.
    Previous,
    /// Opens what has the focus: the browser does.
    Open,
    /// Closes what is open.
    Close,
    /// Copies a link to this instant.
    Link,
    /// Leaves the past.
    Live,
    /// Holds what moves, or lets it go.
    Pause,
    /// Allows the request that has the focus, once.
    Allow,
    /// Denies the request that has the focus.
    Deny,
    /// Goes back in time.
    Earlier,
    /// Goes forward in time.
    Later,
    /// Goes to the page at this path.
    Go(&'static str),
}

/// What keys are listed under.
pub const GROUPS: [&str; 3] = ["Anywhere", "On the page", "Pages"];

/// A key, or one key after another.
#[derive(Debug)]
pub struct Key {
    /// The ways to press it, each as a [`KeyboardEvent`](web_sys::KeyboardEvent) names its key.
    pub presses: &'static [&'static str],
    /// What it does, in words.
    pub name: &'static str,
    /// Where it is listed, of [`GROUPS`].
    pub group: usize,
    /// What it does.
    pub does: Does,
}

impl Key {
    const fn new(group: usize, presses: &'static [&'static str], name: &'static str, does: Does) -> Self {
        Self { presses, name, group, does }
    }
}

/// How the palette is opened, also where single keys are off and while one types.
pub const FIND: &str = "Ctrl K";
/// The key after which a letter names a page.
pub const LEADER: &str = "g";

/// All keys.
pub const KEYS: &[Key] = &[
    Key::new(0, &[FIND], "Find anything", Does::Find),
    Key::new(0, &["?"], "List these keys", Does::Help),
    Key::new(0, &[","], "Settings", Does::Settings),
    Key::new(0, &["."], "Copy a link to this instant", Does::Link),
    Key::new(0, &["l"], "Back to live", Does::Live),
    Key::new(0, &["["], "Back in time", Does::Earlier),
    Key::new(0, &["]"], "Forward in time", Does::Later),
    Key::new(0, &["Esc"], "Close", Does::Close),
    Key::new(1, &["/"], "Filter", Does::Filter),
    Key::new(1, &["j"], "Next row", Does::Next),
    Key::new(1, &["k"], "Row before", Does::Previous),
    Key::new(1, &["Enter"], "Open the row", Does::Open),
    Key::new(1, &["Space"], "Pause, and go on", Does::Pause),
    Key::new(1, &["a"], "Allow the request in focus, once", Does::Allow),
    Key::new(1, &["d"], "Deny the request in focus", Does::Deny),
    Key::new(2, &["g o", "1"], "Overview", Does::Go("/")),
    Key::new(2, &["g a", "2"], "Agents", Does::Go("/agents")),
    Key::new(2, &["g t", "3"], "Tasks", Does::Go("/tasks")),
    Key::new(2, &["g n", "4"], "Topology", Does::Go("/topology")),
    Key::new(2, &["g m", "5"], "Messages", Does::Go("/messages")),
    Key::new(2, &["g e", "6"], "Memory", Does::Go("/memory")),
    Key::new(2, &["g s", "7"], "Sessions", Does::Go("/sessions")),
    Key::new(2, &["g i", "8"], "Approvals", Does::Go("/approvals")),
    Key::new(2, &["g p", "9"], "Providers", Does::Go("/providers")),
    Key::new(2, &["g r"], "Trading", Does::Go("/trading")),
    Key::new(2, &["g f"], "Activity", Does::Go("/activity")),
    Key::new(2, &["g c"], "Connection", Does::Go("/connection")),
];

/// What a press does, where it is in the table.
pub fn pressed(press: &str) -> Option<Does> {
    KEYS.iter().find(|key| key.presses.contains(&press)).map(|key| key.does)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::components::frame::PAGES;

    #[test]
    fn every_page_has_a_key_and_no_key_two_meanings() {
        for (path, name, _) in PAGES {
            let key = KEYS.iter().find(|key| key.does == Does::Go(path));
            assert_eq!(key.map(|key| key.name), Some(*name), "{path}");
        }
        let all: Vec<&str> = KEYS.iter().flat_map(|key| key.presses.iter().copied()).collect();
        for press in &all {
            assert_eq!(all.iter().filter(|other| *other == press).count(), 1, "{press}");
            assert_ne!(*press, LEADER);
        }
        assert_eq!(pressed("g a"), Some(Does::Go("/agents")));
        assert_eq!(pressed("x"), None);
    }
}
