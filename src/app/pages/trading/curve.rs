//! What the account was worth, as a curve: the lowest and highest of each stretch, and its last.

use leptos::prelude::*;

use crate::app::components::chart::hundredth;
use crate::app::components::number::signed;
use crate::app::html::{Node, div, either, flag, p, span, svg, text};
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::Touched;
use crate::swarm::trades::Stretch;

/// The drawing in its own coordinates.
const WIDE: f64 = 600.0;
const HIGH: f64 = 160.0;
/// Room above and below, so that the line is never cut.
const MARGIN: f64 = 4.0;

/// The curve with its scale, and what it says in words.
pub(super) fn curve(live: Live) -> Node {
    let stretches = Memo::new(move |_| live.read(Touched::TRADES, |state| state.trades.curve.stretches.clone()));
    let any = flag(move || stretches.with(|stretches| stretches.len() > 1));
    let told = move |read: fn(&[Stretch]) -> String| text(move || stretches.with(|stretches| read(stretches)));
    let shown = move || {
        div()
            .class("equity")
            .child(
                svg("0 0 600 160")
                    .class("equity-curve")
                    .attr("preserveAspectRatio", "none")
                    .attr("role", "img")
                    .label(told(words))
                    .drawing(told(draw)),
            )
            .child(span().class("scale high number").child(told(|it| signed(range(it).1))))
            .child(span().class("scale low number").child(told(|it| signed(range(it).0))))
            .child(p().class("muted small").child(told(words)))
    };
    let nothing = || p().class("calm small").child("It begins with the first trade of a run.");
    either(any, shown, nothing)
}

/// The lowest and the highest worth.
fn range(stretches: &[Stretch]) -> (f64, f64) {
    let low = stretches.iter().map(|it| it.low).fold(f64::INFINITY, f64::min);
    let high = stretches.iter().map(|it| it.high).fold(f64::NEG_INFINITY, f64::max);
    if low <= high { (low, high) } else { (0.0, 0.0) }
}

/// The curve in words, for those who do not see it.
fn words(stretches: &[Stretch]) -> String {
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else { return String::new() };
    let (low, high) = range(stretches);
    let at = |ts: Timestamp| ts.to_string().get(..16).unwrap_or_default().replace('T', " ");
    [
        &signed(last.last),
        " now, from ",
        &signed(first.low),
        "; lowest ",
        &signed(low),
        ", highest ",
        &signed(high),
        "; ",
        &at(first.from),
        " to ",
        &at(last.from),
        " UTC by the clock of the trades.",
    ]
    .concat()
}

fn draw(stretches: &[Stretch]) -> String {
    let (low, high) = range(stretches);
    let span = if high > low { high - low } else { 1.0 };
    let step = WIDE / (stretches.len().max(2) - 1) as f64;
    let y = |worth: f64| MARGIN + (HIGH - 2.0 * MARGIN) * (1.0 - (worth - low) / span);
    let (mut there, mut line) = (String::new(), String::new());
    let put = |out: &mut String, place: usize, worth: f64| {
        out.push(if out.is_empty() { 'M' } else { 'L' });
        out.push_str(&hundredth(place as f64 * step));
        out.push(' ');
        out.push_str(&hundredth(y(worth)));
    };
    for (place, it) in stretches.iter().enumerate() {
        put(&mut there, place, it.high);
        put(&mut line, place, it.last);
    }
    for (place, it) in stretches.iter().enumerate().rev() {
        put(&mut there, place, it.low);
    }
    let began = stretches.first().map_or(0.0, |it| y(it.low));
    let base = ["M0 ", &hundredth(began), "H600"].concat();
    [
        "<path class=\"began\" d=\"",
        &base,
        "\"/><path class=\"envelope\" d=\"",
        &there,
        "Z\"/><path class=\"line\" d=\"",
        &line,
        "\"/>",
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_goes_round_the_line() {
        let at = |n: i64, low: f64, high: f64, last: f64| Stretch { from: Timestamp(n), low, high, last };
        let curve = [at(0, 10.0, 10.0, 10.0), at(1, 8.0, 12.0, 9.0)];
        let drawn = draw(&curve);
        assert!(drawn.contains("d=\"M0 80L600 4L600 156L0 80Z\""), "{drawn}");
        assert!(drawn.contains("d=\"M0 80L600 118\""), "{drawn}");
        assert!(words(&curve).starts_with("9.00 now, from 10.00; lowest 8.00, highest 12.00; 1970-01-01 00:00 to"));
        assert_eq!((words(&[]).as_str(), range(&[])), ("", (0.0, 0.0)));
    }
}
