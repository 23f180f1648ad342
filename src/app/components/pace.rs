//! Calm: what is summed up or sorted over many things is made anew a few times a second at most,
//! however much happens. What one row says of one thing follows each frame all the same.

use std::time::Duration;

use leptos::prelude::*;

use crate::app::html::effect;
use crate::client::Live;
use crate::swarm::Touched;

/// The least time between two turns.
const REST: Duration = Duration::from_millis(250);

/// Whether a turn was just taken, and whether one was asked for since.
#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    resting: bool,
    asked: bool,
}

/// Counts turns: one at once when these parts of the state change after a rest, and one after each
/// rest in which they did. Between now and the past one goes at once: neither is shown for the other.
pub fn paced(live: Live, parts: Touched) -> RwSignal<u64> {
    let (turn, rest) = (RwSignal::new(0), StoredValue::new(Rest::default()));
    let mut before = None;
    effect(move || {
        let is_past = live.past().is_some();
        live.read(parts, |_| ());
        let Some(was_past) = before.replace(is_past) else { return };
        if was_past != is_past {
            turn.update(|count| *count += 1);
            return;
        }
        if rest.get_value().resting {
            rest.set_value(Rest { resting: true, asked: true });
        } else {
            take(turn, rest);
        }
    });
    turn
}

fn take(turn: RwSignal<u64>, rest: StoredValue<Rest>) {
    // The page may be gone by now.
    if turn.try_update(|count| *count += 1).is_none() {
        return;
    }
    rest.try_update_value(|rest| *rest = Rest { resting: true, asked: false });
    let over = move || match rest.try_get_value() {
        Some(Rest { asked: true, .. }) => take(turn, rest),
        _ => drop(rest.try_set_value(Rest::default())),
    };
    set_timeout(over, REST);
}
