//! How much happens and how long it takes, over a window that one chooses.

use leptos::prelude::*;

use super::{Overview, card};
use crate::app::components::chart::sparkline;
use crate::app::components::chip::chip;
use crate::app::components::derived::Derived;
use crate::app::components::narrow::asked;
use crate::app::components::number::{UNKNOWN, rate};
use crate::app::html::{Element, a, b, div, li, span, text, ul};
use crate::swarm::rates::{MEAN_SECONDS, Measure, Point, Span};

/// A series: its name, what it is of, and where its events are.
type Line = (&'static str, Measure, &'static str);

/// What is counted by the second; all are drawn on one scale.
const COUNTS: [Line; 5] = [
    ("Events", Measure::Events, "/activity"),
    ("Messages", Measure::Messages, "/activity?types=message.*"),
    ("Memory operations", Measure::Memory, "/activity?types=memory.*"),
    ("Tasks completed", Measure::Completed, "/activity?types=task.completed"),
    ("Failures", Measure::Failures, "/activity?types=task.failed,session.failed,selfcheck.failed"),
];

/// What takes time; each on a scale of its own.
const TIMES: [Line; 2] = [
    ("Memory operation", Measure::MemoryLatency, "/activity?types=memory.*"),
    ("Task, by its own account", Measure::TaskTime, "/tasks?view=list&state=completed"),
];

/// The windows: the word in the address, its name, and what it is for who hears it.
const WINDOWS: [(&str, &str, &str, Span); 3] = [
    ("", "1 m", "the last minute, by the second", Span::Minute),
    ("5m", "5 m", "five minutes, by five seconds", Span::FiveMinutes),
    ("1h", "1 h", "the last hour, by the minute", Span::Hour),
];

type Series = Derived<Vec<Option<Point>>>;

fn window(page: Overview) -> Derived<usize> {
    let address = page.address;
    Derived::new(move || {
        let word = asked(address, "window").unwrap_or_default();
        WINDOWS.iter().position(|(known, ..)| *known == word).unwrap_or(0)
    })
}

/// The windows to choose from.
fn chips(page: Overview, window: Derived<usize>) -> Element {
    let address = page.address;
    let chips = WINDOWS.iter().enumerate().map(|(place, (word, name, ..))| {
        let to = text(move || address.with(&[("window", word)]));
        li().child(chip(to, move || window.get() == place).child(*name))
    });
    ul().class("chips small").label("Window").children(chips)
}

/// Throughput.
pub(super) fn counts(page: Overview) -> Element {
    let window = window(page);
    let all = COUNTS.map(|(_, measure, _)| series(page, window, measure));
    // One scale for all, so that a tall line is more than a low one.
    let top = Derived::new(move || all.iter().map(|series| most(*series)).fold(1.0, f64::max));
    let lines = COUNTS.iter().zip(all).map(|((name, measure, way), series)| {
        let now = text(move || now(page, *measure).map_or_else(|| UNKNOWN.to_owned(), rate));
        let words = span().class("rate-words").child(span().child(b().child(now)).child(" / s")).child(range(series, " / s"));
        let told = move || told(name, window, series, " a second");
        line(name, way, sparkline(series, move || top.get(), told), words)
    });
    let scale = text(move || ["one scale, 0–", &rate(top.get()), " / s"].concat());
    let title = vec!["Throughput".into(), span().class("muted").child(scale).into(), chips(page, window).into()];
    card("card rates", "rates-title", title).children(lines)
}

/// Latency.
pub(super) fn times(page: Overview) -> Element {
    let window = window(page);
    let lines = TIMES.iter().map(|(name, measure, way)| {
        let series = series(page, window, *measure);
        let newest = text(move || {
            series
                .with(|points| points.iter().rev().flatten().next().map(|it| took(it.mean)))
                .unwrap_or_else(|| UNKNOWN.to_owned())
        });
        let words =
            span().class("rate-words").child(span().child(b().child(newest)).child(" mean")).child(range_of(series, took));
        let told = move || told(name, window, series, " milliseconds");
        line(name, way, sparkline(series, move || most(series), told), words)
    });
    let title = vec!["Latency".into(), span().class("muted").child("each on its own scale").into()];
    card("card rates times", "times-title", title).children(lines).child(to_screen(page))
}

/// From an event's time to the screen, as this page measured it.
fn to_screen(page: Overview) -> Element {
    let delay = move |p99: bool| {
        text(move || {
            let delays = page.live.delays();
            delays.map_or_else(|| UNKNOWN.to_owned(), |it| took(if p99 { it.p99 } else { it.p50 }))
        })
    };
    let words = span()
        .class("rate-words")
        .child(span().child(b().child(delay(false))).child(" median"))
        .child(span().class("muted").child("99 % within ").child(delay(true)));
    div().class("rate").child(span().class("rate-name").child("Event to this screen")).child(words)
}

fn line(name: &'static str, way: &'static str, drawing: Element, words: Element) -> Element {
    div().class("rate").child(a(way).child(span().class("rate-name").child(name)).child(words).child(drawing))
}

fn series(page: Overview, window: Derived<usize>, measure: Measure) -> Series {
    Derived::new(move || {
        // Once a second: the newest second is over then.
        let (now, known) = (page.live.now.get(), page.live.known());
        let span = WINDOWS[window.get()].3;
        page.live.peek(|state| state.rates.known(now, known, span, measure))
    })
}

fn most(series: Series) -> f64 {
    series.with(|points| points.iter().flatten().map(|point| point.most).fold(0.0, f64::max))
}

fn least(series: Series) -> Option<f64> {
    series.with(|points| points.iter().flatten().map(|point| point.least).reduce(f64::min))
}

/// The mean over the last seconds, whatever the window; none while the server is away.
fn now(page: Overview, measure: Measure) -> Option<f64> {
    let now = page.live.now.get();
    if page.live.known() < now {
        return None;
    }
    let points = page.live.peek(|state| state.rates.series(now, Span::Minute, measure));
    let sum: f64 = points.iter().rev().take(MEAN_SECONDS as usize).flatten().map(|point| point.mean).sum();
    Some(sum / MEAN_SECONDS as f64)
}

/// From the least to the most of the window.
fn range(series: Series, unit: &'static str) -> Element {
    let words = text(move || match least(series) {
        Some(least) => [&rate(least), "–", &rate(most(series)), unit].concat(),
        None => UNKNOWN.to_owned(),
    });
    span().class("muted").child(words)
}

fn range_of(series: Series, say: fn(f64) -> String) -> Element {
    let words = text(move || match least(series) {
        Some(least) => [&say(least), " – ", &say(most(series))].concat(),
        None => "none in this window".to_owned(),
    });
    span().class("muted").child(words)
}

/// A series for who does not see it.
fn told(name: &str, window: Derived<usize>, series: Series, unit: &str) -> String {
    let span = WINDOWS[window.get()].2;
    match (least(series), series.with(|points| points.iter().rev().flatten().next().copied())) {
        (Some(least), Some(newest)) => {
            let [least, most, newest] = [least, most(series), newest.mean].map(rate);
            [name, " over ", span, ": newest ", &newest, ", least ", &least, ", most ", &most, unit].concat()
        }
        _ => [name, " over ", span, ": nothing is known"].concat(),
    }
}

/// A time that something took.
fn took(ms: f64) -> String {
    if ms < 1_000.0 { [&rate(ms), " ms"].concat() } else { [&rate(ms / 1_000.0), " s"].concat() }
}
