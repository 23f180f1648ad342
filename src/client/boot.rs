//! What a rendered page tells the browser: the state it was rendered from, and where the log stood.

use crate::event::table::record;
use crate::event::{Epoch, Timestamp};
use crate::swarm::SwarmState;

record! {
    /// The beginning of a page.
    pub struct Boot {
        /// The log's identity.
        epoch: String,
        /// The server's time at rendering; ages and staleness are as of then until the page lives.
        now: Timestamp,
        /// The address by which the page was asked for, such as http://localhost:3000.
        address: String,
        /// Whether the server's demo swarm was running.
        demo_running: bool,
        /// What runs sessions, by name.
        drivers: Vec<String>,
        /// The paper engine's feeds, by name.
        feeds: Vec<String>,
        /// The place of the past that was asked for and is shown; absent where it is now.
        at: Option<u64>,
        /// Why a place that was asked for is not shown; empty where nothing is wrong.
        at_fault: String,
        /// The newest event of the log.
        head: u64,
        /// The state, without what only the deck itself keeps.
        state: SwarmState,
    }
}

impl Boot {
    /// The beginning of a page that no server rendered.
    pub fn empty() -> Self {
        Self {
            epoch: Epoch(0).to_string(),
            now: Timestamp(0),
            address: String::new(),
            demo_running: false,
            drivers: Vec::new(),
            feeds: Vec::new(),
            at: None,
            at_fault: String::new(),
            head: 0,
            state: SwarmState::default(),
        }
    }
}
