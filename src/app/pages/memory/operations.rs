//! What was done to the memory of late: how often, how fast, and how often a cache answered.

use leptos::prelude::*;

use crate::app::components::age::ago;
use crate::app::components::derived::Derived;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count, rate};
use crate::app::html::{Element, Node, Row, a, div, h2, p, rows, section, span, table, tbody, td, text, th, thead, tr};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::SwarmState;
use crate::swarm::bounds::order;
use crate::swarm::memory::{Operation, Recent};

/// How many operations are shown; the rest is in the log.
const SHOWN: usize = 40;

/// One kind of operation in figures.
#[derive(Debug, Clone, PartialEq)]
struct Figures {
    operation: Operation,
    /// How many there ever were.
    all: u64,
    /// How many of the newest are of this kind; the rest is told of these.
    newest: u64,
    /// In milliseconds.
    median: Option<f64>,
    p95: Option<f64>,
    /// How often a cache was asked, and how often it answered.
    asked: u64,
    hits: u64,
}

impl Figures {
    fn of(state: &SwarmState, operation: Operation) -> Self {
        let of_kind = || state.memory.recent.iter().filter(|it| it.operation == operation);
        let times: Vec<f64> = of_kind().map(|it| it.latency_ms).collect();
        // To the microsecond: whole numbers are sorted.
        let sorted = order(times.iter().map(|ms| (ms * 1_000.0) as u64));
        let part = |share: f64| {
            let place = (sorted.len() as f64 * share) as usize;
            sorted.get(place.min(sorted.len().saturating_sub(1))).map(|at| times[*at])
        };
        Self {
            operation,
            all: state.memory.by_operation.get(operation.as_str()).copied().unwrap_or(0),
            newest: times.len() as u64,
            median: part(0.5),
            p95: part(0.95),
            asked: of_kind().filter(|it| it.cache_hit.is_some()).count() as u64,
            hits: of_kind().filter(|it| it.cache_hit == Some(true)).count() as u64,
        }
    }

    fn row(&self) -> Row {
        let shown = [
            count(self.all),
            count(self.newest),
            milliseconds(self.median),
            milliseconds(self.p95),
            percent(self.hits, self.asked),
        ];
        let word = self.operation.as_str();
        Row::new([word, " ", &shown.concat()].concat(), (word, shown), |(word, shown)| {
            tr().child(th().attr("scope", "row").child(word))
                .children(shown.map(|shown| td().class("number").child(shown)))
                .into()
        })
    }
}

/// All of the memory in a sentence.
pub fn in_all(state: &SwarmState) -> String {
    let it = &state.memory;
    let operations: u64 = it.by_operation.values().sum();
    let mean = (operations > 0).then(|| it.latency_ms / operations.max(1) as f64);
    let share = percent(it.hits, it.hits + it.misses);
    [&count(operations), " operations · ", &milliseconds(mean), " on average · ", &share, " from the cache"].concat()
}

fn milliseconds(ms: Option<f64>) -> String {
    ms.map_or_else(|| UNKNOWN.to_owned(), |ms| [&rate(ms), " ms"].concat())
}

/// A share of what was asked; nothing asked is not known.
fn percent(of: u64, asked: u64) -> String {
    if asked == 0 { UNKNOWN.to_owned() } else { [&rate(of as f64 * 100.0 / asked as f64), " %"].concat() }
}

/// The operations as a part of the page.
pub fn operations(live: Live, pace: RwSignal<u64>) -> Element {
    let figures = Derived::new(move || {
        pace.track();
        live.peek(|state| Operation::ALL.iter().map(|it| Figures::of(state, *it)).filter(|it| it.all > 0).collect::<Vec<_>>())
    });
    let newest = text(move || count(figures.with(|figures| figures.iter().map(|it| it.newest).sum::<u64>())));
    let heads = ["Operation", "All", "Of the newest", "Median", "95 %", "From the cache"]
        .map(|name| th().attr("scope", "col").child(name));
    let by_kind = table()
        .class("kinds")
        .child(thead().child(tr().children(heads)))
        .child(tbody().child(rows(move || figures.with(|figures| figures.iter().map(Figures::row).collect()))));
    let recent = move || {
        pace.track();
        live.peek(|state| {
            state.memory.recent.iter().rev().take(SHOWN).map(|it| Row::new(it.seq.to_string(), it.clone(), operation)).collect()
        })
    };
    let heads = ["Operation", "Namespace", "Key or words", "Found", "Cache", "Took", "By", "When"]
        .map(|name| th().attr("scope", "col").child(name));
    section()
        .class("card operations")
        .attr("aria-labelledby", "operations-title")
        .child(h2().id("operations-title").child("Newest operations"))
        .child(scrolls("Operations by kind").child(by_kind))
        .child(p().class("muted").child("Times and shares are those of the newest ").child(newest).child(" operations."))
        .child(
            scrolls("Operations, newest first")
                .child(table().child(thead().child(tr().children(heads))).child(tbody().child(rows(recent)))),
        )
}

fn scrolls(name: &'static str) -> Element {
    div().class("scroll").attr("tabindex", "0").attr("role", "group").label(name)
}

fn operation(it: Recent) -> Node {
    let space = visible_line(&it.namespace);
    let space = if it.namespace == "*" {
        span().child("all").into()
    } else {
        Node::from(a(["/memory?space=", &encode(&it.namespace)].concat()).child(space))
    };
    let about = match (&it.key, &it.query) {
        (Some(key), _) => {
            let way = ["/memory?space=", &encode(&it.namespace), "&key=", &encode(key)].concat();
            Node::from(a(way).child(visible_line(key)))
        }
        (None, Some(query)) => ["“", &visible_line(query), "”"].concat().into(),
        (None, None) => UNKNOWN.into(),
    };
    let cache = match it.cache_hit {
        Some(true) => "hit",
        Some(false) => "miss",
        None => UNKNOWN,
    };
    let found = it.result_count.map_or_else(|| UNKNOWN.to_owned(), count);
    let (took, ts) = (milliseconds(Some(it.latency_ms)), it.ts);
    tr().child(td().child(it.operation.as_str()))
        .child(td().class("clipped").child(space))
        .child(td().class("clipped about").child(about))
        .child(td().class("number").child(found))
        .child(td().class(["cache ", cache].concat()).child(cache))
        .child(td().class("number").child(took))
        .child(td().class("clipped muted").child(visible_line(&it.source)))
        .child(td().class("number").child(ago(move || ts)))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    #[test]
    fn figures_are_those_of_the_newest() {
        let mut state = SwarmState::default();
        for (seq, latency_ms) in [4.0, 1.0, 90.0, 2.0].into_iter().enumerate() {
            state.memory.recent.push_back(Recent {
                seq: seq as u64,
                ts: Timestamp(0),
                operation: Operation::Retrieve,
                namespace: "n".into(),
                key: None,
                query: None,
                result_count: None,
                cache_hit: (seq > 0).then_some(seq % 2 == 0),
                latency_ms,
                source: "s".into(),
            });
        }
        state.memory.by_operation.insert("retrieve".into(), 40);
        let it = Figures::of(&state, Operation::Retrieve);
        assert_eq!((it.all, it.newest, it.median, it.p95, it.asked, it.hits), (40, 4, Some(4.0), Some(90.0), 3, 1));
        let none = Figures::of(&state, Operation::Search);
        assert_eq!((none.median, none.p95, percent(none.hits, none.asked)), (None, None, UNKNOWN.to_owned()));
        assert_eq!(in_all(&SwarmState::default()), "0 operations · — on average · — from the cache");
    }
}
