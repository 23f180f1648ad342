//! How the probing of providers goes: what the log does not tell, asked of the server now and then.

use leptos::prelude::*;

use crate::app::html::effect;
use crate::client::{Live, ask};
use crate::event::Timestamp;
use crate::event::table::record;
use crate::event::wire::from_text;

/// Seconds between two looks.
const LOOK_SECONDS: i64 = 5;

record! {
    /// All providers, as far as they are read here.
    pub struct Told {
        /// One by one.
        providers: Vec<Asked>,
    }
}

record! {
    /// What is told of a provider.
    pub struct Asked {
        /// Its name.
        name: String,
        /// How its probing goes; none where it is not probed.
        probing: Option<Probing>,
    }
}

record! {
    /// How a provider's probing goes.
    pub struct Probing {
        /// What the newest probe found.
        newest: Option<Probe>,
        /// When the next is due.
        next_at: Option<Timestamp>,
        /// How many in a row failed.
        failures: u64,
    }
}

record! {
    /// What a probe found.
    pub struct Probe {
        /// How long the answer took, in milliseconds.
        latency_ms: Option<f64>,
    }
}

/// Asks how it goes as long as the page is on show and events arrive.
pub(super) fn follow(live: Live, told: RwSignal<Vec<Asked>>) {
    let last = StoredValue::new(i64::MIN);
    effect(move || {
        let now = live.now.get().0 / 1_000;
        let idle = !live.is_live() || live.demo().is_some() || live.past().is_some();
        if idle {
            // What was told is old when there is something to ask again.
            last.set_value(i64::MIN);
            return told.set(Vec::new());
        }
        if now.saturating_sub(last.get_value()) < LOOK_SECONDS {
            return;
        }
        last.set_value(now);
        leptos::task::spawn_local(async move {
            // What does not arrive stays as it was.
            if let Some(Ok(it)) = ask("/api/providers").await.ok().map(|text| from_text::<Told>(&text)) {
                let _gone = told.try_set(it.providers);
            }
        });
    });
}
