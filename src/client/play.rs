//! The made-up swarm as a page plays it: a chunk of code of its own, fetched before it is needed.

use crate::demo::Scenario;
use crate::event::{Draft, Timestamp};

/// Tells the made-up swarm's next event, at the play's own time; where a time is named, the play leaps
/// to it first, on or back.
pub type Next = Box<dyn FnMut(Option<Timestamp>) -> Draft + Send + Sync>;

/// Begins the play of a swarm, from a seed, at a time.
#[cfg(all(feature = "split", target_family = "wasm"))]
type Begin = fn(u64, usize, Timestamp) -> Next;

fn begin_play(seed: u64, agents: usize, start: Timestamp) -> Next {
    let mut scenario = Scenario::new(seed, agents, start);
    Box::new(move |leap| {
        if let Some(now) = leap {
            scenario.skip_to(now);
        }
        scenario.next_event()
    })
}

pub use place::{begin, fetch};

#[cfg(not(all(feature = "split", target_family = "wasm")))]
mod place {
    use super::{Next, Timestamp, begin_play};

    /// Fetches the play's code; whether it is here now.
    pub async fn fetch() -> bool {
        true
    }

    /// Begins the play, where its code is here.
    pub fn begin(seed: u64, agents: usize, start: Timestamp) -> Option<Next> {
        Some(begin_play(seed, agents, start))
    }
}

/// The code as a release carries it.
#[cfg(all(feature = "split", target_family = "wasm"))]
#[allow(unsafe_code, reason = "what cuts the code declares the functions at the cut as foreign ones")]
mod place {
    use std::cell::Cell;

    use leptos::wasm_split::{SplitLoaderError, wasm_split};

    use super::{Begin, Next, Timestamp};

    thread_local! {
        static HERE: Cell<Option<Begin>> = const { Cell::new(None) };
    }

    #[wasm_split(demo, wasm_split_path = leptos::wasm_split, fallible)]
    fn demo() -> Result<Begin, SplitLoaderError> {
        Ok(super::begin_play as Begin)
    }

    /// Fetches the play's code; whether it is here now.
    pub async fn fetch() -> bool {
        if let Ok(begin) = demo().await {
            HERE.set(Some(begin));
        }
        HERE.get().is_some()
    }

    /// Begins the play, where its code is here.
    pub fn begin(seed: u64, agents: usize, start: Timestamp) -> Option<Next> {
        HERE.get().map(|begin| begin(seed, agents, start))
    }
}
