//! The made-up swarm as a page plays it: a chunk of code of its own, fetched before it is needed.

use crate::demo::Scenario;
use crate::event::{Draft, Timestamp};

/// Tells the made-up swarm's next event, at the play's own time; where a time is named, the play leaps
/// to it first, on or back.
pub type Next = Box<dyn FnMut(Option<Timestamp>) -> Draft + Send + Sync>;

/// Begins the play of a swarm: its seed, how many agents, when.
type Begin = fn(u64, usize, Timestamp) -> Next;

cut! {
    /// The play behind its cut.
    demo: Begin = begin_play;
}

/// Fetches the play's code; whether it is here now.
pub async fn fetch() -> bool {
    demo::fetch().await
}

/// Begins the play, where its code is here.
pub fn begin(seed: u64, agents: usize, start: Timestamp) -> Option<Next> {
    demo::here().map(|begin| begin(seed, agents, start))
}

fn begin_play(seed: u64, agents: usize, start: Timestamp) -> Next {
    let mut scenario = Scenario::new(seed, agents, start);
    Box::new(move |leap| {
        if let Some(now) = leap {
            scenario.skip_to(now);
        }
        scenario.next_event()
    })
}
