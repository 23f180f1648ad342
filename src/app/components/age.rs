//! Times: absolute and in UTC as the server renders them; ages, and the reader's own times, once the
//! page lives.

use std::sync::Arc;

use leptos::prelude::*;

use super::reader;
use crate::app::html::{Node, Text, text, time};
use crate::client::Live;
use crate::event::Timestamp;

/// A time of day: in UTC as both sides first render it, then as the reader writes it, in the zone
/// that is set.
pub fn clock(at: Timestamp) -> Text {
    text(move || reader::time_of_day(at))
}

/// How long ago something was. Both sides first render the time of day in UTC; the page turns it
/// into an age when it lives, and keeps it current.
pub fn ago(at: impl Fn() -> Timestamp + Send + Sync + 'static) -> Node {
    boxed(Arc::new(at))
}

fn boxed(at: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Node {
    let live = expect_context::<Live>();
    let (exact, title) = (Arc::clone(&at), Arc::clone(&at));
    // The page wakes once: no age waits for that any more when it has.
    let awake = move || live.awake.get_untracked() || live.awake.get();
    time()
        .class("age")
        .attr("datetime", text(move || exact().to_string()))
        .attr("title", text(move || title().to_string()))
        .child(text(move || if awake() { age(live.now.get().since(at())) } else { time_of_day(at()) }))
        .into()
}

/// How long it is until something. Both sides first render the time of day in UTC.
pub fn until(at: Timestamp) -> Node {
    let live = expect_context::<Live>();
    let shown = move || {
        if !live.awake.get() {
            return ["lapses at ", &time_of_day(at)].concat();
        }
        match at.since(live.now.get()) {
            0 => "lapsed".to_owned(),
            left => ["lapses in ", &age(left)].concat(),
        }
    };
    time().attr("datetime", at.to_string()).child(text(shown)).into()
}

/// An age in its largest unit.
pub fn age(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0 => "now".to_owned(),
        1..60 => unit(seconds, " s"),
        60..3_600 => unit(seconds / 60, " m"),
        3_600..86_400 => unit(seconds / 3_600, " h"),
        _ => unit(seconds / 86_400, " d"),
    }
}

fn unit(number: u64, unit: &str) -> String {
    [&number.to_string(), unit].concat()
}

/// Hours, minutes and seconds, UTC.
pub fn time_of_day(at: Timestamp) -> String {
    at.to_string().get(11..19).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_one_unit() {
        let shown: Vec<String> = [999, 1_000, 59_999, 60_000, 3_600_000, 90_000_000].map(age).into();
        assert_eq!(shown, ["now", "1 s", "59 s", "1 m", "1 h", "1 d"]);
        assert_eq!(time_of_day(Timestamp(1_769_509_293_123)), "10:21:33");
    }
}
