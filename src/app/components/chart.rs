//! Sparklines: a series with its spikes, and a curve of scores.
//!
//! A drawing tells little without its scale: who draws one says its text beside it.

use std::sync::Arc;

use super::derived::Derived;
use crate::app::html::{Element, Text, escape, svg, text};
use crate::swarm::rates::Point;

/// Where zero and the top of the scale are in a drawing of 100 by 28.
const ZERO: f64 = 26.0;
const HIGH: f64 = 24.0;
/// What is not zero rises at least so far.
const LEAST: f64 = 1.5;

/// A series from old to new, with a gap where nothing is known: a band from the least to the most
/// of each point, and a line through the means. `top` is the scale's upper end; siblings share it.
pub fn sparkline(
    points: Derived<Vec<Option<Point>>>,
    top: impl Fn() -> f64 + Send + Sync + 'static,
    words: impl Fn() -> String + Send + Sync + 'static,
) -> Element {
    boxed(points, Arc::new(top), text(words))
}

fn boxed(points: Derived<Vec<Option<Point>>>, top: Arc<dyn Fn() -> f64 + Send + Sync>, words: Text) -> Element {
    plot(text(move || points.with(|points| series(points, top())))).attr("role", "img").label(words)
}

fn plot(drawing: Text) -> Element {
    svg("0 0 100 28").class("spark").attr("preserveAspectRatio", "none").drawing(drawing)
}

/// Scores from 0 to 1, oldest first, as a small curve; decoration beside the text that tells it.
pub fn curve(scores: impl Fn() -> Vec<f64> + Send + Sync + 'static) -> Element {
    let scores = move || scores().into_iter().map(|mean| Some(Point { least: mean, mean, most: mean })).collect::<Vec<_>>();
    plot(text(move || series(&scores(), 1.0))).hidden_from_readers()
}

/// The band and the line of a series.
fn series(points: &[Option<Point>], top: f64) -> String {
    let step = 100.0 / (points.len().max(2) - 1) as f64;
    let (mut band, mut line) = (String::new(), String::new());
    let mut begin = 0;
    while begin < points.len() {
        let known = points[begin..].iter().map_while(|point| *point);
        let run: Vec<(f64, Point)> = known.enumerate().map(|(place, point)| ((begin + place) as f64 * step, point)).collect();
        stretch(&run, top, step, &mut band, &mut line);
        begin += run.len().max(1);
    }
    ["<path class=\"area\" d=\"", &band, "\"/><path class=\"line\" d=\"", &line, "\"/>"].concat()
}

/// One stretch without a gap.
fn stretch(run: &[(f64, Point)], top: f64, step: f64, band: &mut String, line: &mut String) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    // One point alone is as wide as the way to the next.
    let alone = [(first.0 - step / 2.0, first.1), (first.0 + step / 2.0, first.1)];
    let run = if first.0 == last.0 { &alone[..] } else { run };
    let height = |value: f64| {
        let part = if top > 0.0 { HIGH * (value / top).min(1.0) } else { 0.0 };
        ZERO - if value > 0.0 { part.max(LEAST) } else { 0.0 }
    };
    for (place, (x, point)) in run.iter().enumerate() {
        let mark = if place == 0 { 'M' } else { 'L' };
        spot(band, mark, *x, height(point.most));
        spot(line, mark, *x, height(point.mean));
    }
    for (x, point) in run.iter().rev() {
        spot(band, 'L', *x, height(point.least));
    }
    band.push('Z');
}

fn spot(out: &mut String, mark: char, x: f64, y: f64) {
    out.push(mark);
    out.push_str(&hundredth(x));
    out.push(' ');
    out.push_str(&hundredth(y));
}

/// Appends attributes to a drawing's element that is being written, escaped.
pub fn attributes(out: &mut String, pairs: &[(&str, &str)]) {
    for (name, value) in pairs {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        escape(value, out);
        out.push('"');
    }
}

/// A coordinate with at most two decimals: both sides write the same text.
pub fn hundredth(number: f64) -> String {
    let hundredths = (number * 100.0).round() as i64;
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, part) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    let digits = match (part / 10, part % 10) {
        (0, 0) => String::new(),
        (tenths, 0) => [".", &tenths.to_string()].concat(),
        (tenths, rest) => [".", &tenths.to_string(), &rest.to_string()].concat(),
    };
    [sign, &whole.to_string(), &digits].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_short() {
        let written = [0.0, 26.0, 24.5, 33.333, 0.004, 0.05, -0.85, -12.0].map(hundredth);
        assert_eq!(written, ["0", "26", "24.5", "33.33", "0", "0.05", "-0.85", "-12"]);
    }

    fn point(least: f64, mean: f64, most: f64) -> Option<Point> {
        Some(Point { least, mean, most })
    }

    #[test]
    fn a_series_spans_the_window_and_the_scale() {
        let drawn = series(&[point(0.0, 0.0, 0.0), point(1.0, 2.0, 4.0), point(2.0, 2.0, 2.0)], 4.0);
        assert!(drawn.contains("d=\"M0 26L50 2L100 14L100 14L50 20L0 26Z\""), "{drawn}");
        assert!(drawn.contains("d=\"M0 26L50 14L100 14\""), "{drawn}");
    }

    #[test]
    fn what_is_unknown_is_a_gap_and_what_is_small_is_seen() {
        let drawn = series(&[point(0.0, 1.0, 1.0), point(0.0, 1.0, 1.0), None, point(0.0, 0.0, 0.0), None], 1_000.0);
        assert!(drawn.contains("d=\"M0 24.5L25 24.5M62.5 26L87.5 26\""), "{drawn}");
        assert_eq!(series(&[], 1.0), "<path class=\"area\" d=\"\"/><path class=\"line\" d=\"\"/>");
    }
}
