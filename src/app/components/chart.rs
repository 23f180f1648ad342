//! Sparklines over fixed windows.

use leptos::prelude::*;

use crate::app::html::{Element, svg, text};
use crate::event::wire::to_text;

/// One minute, second by second, oldest first. The scale goes from zero to the largest value shown,
/// which the text beside it names.
pub fn sparkline(values: Memo<Vec<u64>>, label: &'static str) -> Element {
    let drawing = text(move || {
        values.with(|values| {
            ["<path class=\"area\" d=\"", &area(values), "\"/><path class=\"line\" d=\"", &line(values), "\"/>"].concat()
        })
    });
    svg("0 0 100 28").class("spark").attr("preserveAspectRatio", "none").attr("role", "img").label(label).drawing(drawing)
}

fn points(values: &[u64]) -> Vec<(f64, f64)> {
    let top = values.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = 100.0 / (values.len().max(2) - 1) as f64;
    values.iter().enumerate().map(|(index, value)| (index as f64 * step, 26.0 - 24.0 * *value as f64 / top)).collect()
}

fn line(values: &[u64]) -> String {
    let mut out = String::new();
    for (index, (x, y)) in points(values).into_iter().enumerate() {
        out.push(if index == 0 { 'M' } else { 'L' });
        out.push_str(&hundredth(x));
        out.push(' ');
        out.push_str(&hundredth(y));
    }
    out
}

fn area(values: &[u64]) -> String {
    if values.is_empty() { String::new() } else { [&line(values), "L100 28L0 28Z"].concat() }
}

/// A coordinate with at most two decimals: both sides write the same text.
pub fn hundredth(number: f64) -> String {
    to_text(&((number * 100.0).round() / 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_spans_the_window_and_the_scale() {
        assert_eq!(line(&[0, 2, 1]), "M0 26L50 2L100 14");
        assert_eq!(line(&[0, 0]), "M0 26L100 26");
        assert_eq!(area(&[]), "");
    }
}
