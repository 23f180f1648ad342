//! Everything that happens, as it happens.

mod feed;
mod filter;
mod pane;
mod rows;
mod run;
mod tree;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use crate::app::components::number::count;
use crate::app::hands::{Hands, keys::Does};
use crate::app::html::{
    Element, Node, a, button, details, div, either, flag, h1, li, noscript, p, part, section, span, summary, text, ul, when,
};
use crate::app::route::{Address, encode};
use crate::client::Live;
use crate::swarm::Touched;
use feed::Feed;
use run::KEPT;

/// The filter that the address asks for. `types` is the older way to name types alone.
fn asked(address: Address) -> String {
    let types = || {
        let types = address.parameter("types").filter(|types| !types.trim().is_empty())?;
        Some(["type:", &types.split_whitespace().collect::<String>()].concat())
    };
    address.parameter("q").or_else(types).unwrap_or_default().trim().to_owned()
}

/// The feed of events: filtered by the address, held while somebody looks, older ones from the log.
pub fn activity_page() -> Node {
    let live = expect_context::<Live>();
    let address = expect_context::<Address>();
    let asked = Memo::new(move |_| asked(address));
    let single = Memo::new(move |_| address.parameter("rows").as_deref() == Some("all"));
    let feed = Feed::new(live, asked, single);
    let paused = feed.paused;
    expect_context::<Hands>().handle(Does::Pause, move || feed.toggle());
    let pause = button()
        .id("pause")
        .attr("aria-pressed", text(move || if paused.get() { "true" } else { "false" }))
        .attr("aria-keyshortcuts", "Space")
        .on("click", move |_| feed.toggle())
        .child(text(move || if paused.get() { "▶ Resume" } else { "❚❚ Pause" }));
    let held = when(flag(move || paused.get()), move || {
        span().id("held").attr("role", "status").child(text(move || count(feed.new.get()))).child(" new, held")
    });
    let any = flag(move || feed.total() > 0);
    let tools = div().class("tools push").child(pause).child(held).child(reading(address, single)).child(export(live, asked));
    vec![
        div().class("page-head").child(h1().child("Activity")).child(tools).into(),
        filter::filter(address, asked).into(),
        standing(live, feed).into(),
        either(any, move || shown(feed), move || nothing(live, feed, address)),
        end(live, feed, address).into(),
    ]
    .into()
}

/// One row for each thing, or one for each event.
fn reading(address: Address, single: Memo<bool>) -> Element {
    let way = |name: &'static str, hint: &'static str, value: &'static str, wanted: bool| {
        let link = a(text(move || address.with(&[("rows", value)])))
            .attr("title", hint)
            .attr("aria-current", text(move || if single.get() == wanted { "true" } else { "false" }));
        li().child(link.child(name))
    };
    ul().class("chips either")
        .label("Rows")
        .child(way("Merged", "What tells of one task, call or request stands in one row", "", false))
        .child(way("Every event", "Each event has a row of its own", "all", true))
}

/// The same events as a file.
fn export(live: Live, asked: Memo<String>) -> Node {
    when(flag(move || live.demo().is_none()), move || {
        let file = |name: &'static str, format: &'static str, hint: &'static str| {
            let to = text(move || {
                let q = asked.with(|asked| if feed::fault(asked).is_some() { String::new() } else { encode(asked) });
                let filter = if q.is_empty() { String::new() } else { ["&q=", &q].concat() };
                let until = live.past().map(|at| ["&until=", &at.to_string()].concat()).unwrap_or_default();
                ["/api/export?format=", format, &filter, &until].concat()
            });
            li().child(a(to).attr("download", "").child(name).child(span().class("muted").child(hint)))
        };
        details()
            .class("menu")
            .child(summary().child("Export"))
            .child(ul().child(file("NDJSON", "ndjson", "as the log has them")).child(file("CSV", "csv", "for a spreadsheet")))
    })
}

/// How much of what there is stands here, and what does not.
fn standing(live: Live, feed: Feed) -> Element {
    let thinned = move || feed.every.get() > 1;
    let sampled = when(flag(thinned), move || {
        let every = text(move || ["Showing 1 of ", &count(feed.every.get()), "."].concat());
        let all = when(flag(move || feed.holds()), move || {
            button().class("quiet").on("click", move |_| feed.show_all()).child("Show every row")
        });
        span()
            .class("sampled")
            .attr("role", "status")
            .child("Too fast to read. ")
            .child(span().class("strong").child(every))
            .child(" Nothing is lost: the rest is kept. ")
            .child(all)
    });
    let bad = flag(move || !feed.problem.with(String::is_empty));
    div()
        .class("standing-of-feed")
        .child(span().id("loaded").child(text(move || loaded(live, feed))))
        .child(sampled)
        .child(when(flag(move || feed.fetching.get()), || span().class("muted").child("Fetching …")))
        .child(when(bad, move || {
            span().class("refused").attr("role", "status").child("Not fetched: ").child(text(move || feed.problem.get()))
        }))
        .child(when(flag(move || live.demo().is_some()), || {
            span().class("muted").child("The demo is in no log: its newest events only.")
        }))
}

/// What part of the log stands here, in words.
fn loaded(live: Live, feed: Feed) -> String {
    let filtered = feed.text.with(|asked| !asked.is_empty() && feed::fault(asked).is_none());
    let oldest = feed.oldest.get();
    feed.run(|run| {
        let looked = run.seen - run.reached.min(run.seen);
        let total = if oldest > 0 { (run.seen + 1).saturating_sub(oldest) } else { looked };
        let of = if oldest > 0 || run.whole { [" of ", &count(total)].concat() } else { String::new() };
        let kept = live.demo().is_none();
        match (filtered, run.whole) {
            (false, true) if kept => ["All ", &count(run.fit), " loaded."].concat(),
            // With rows that went, what is here is no longer one count.
            (false, _) => [&count(run.fit.min(looked)), &of, " loaded."].concat(),
            (true, _) if run.dropped => [&count(run.len() as u64), " rows fit the filter."].concat(),
            (true, _) => {
                let hidden = count(looked.saturating_sub(run.fit));
                [&count(run.fit), " fit, ", &hidden, " hidden; ", &count(looked), &of, " looked through."].concat()
            }
        }
    })
}

/// The rows with the event that is open, and a way back to the newest.
fn shown(feed: Feed) -> Element {
    let waits = flag(move || !feed.paused.get() && feed.holds() && feed.new.get() > 0);
    let newest = when(waits, move || {
        let back = move |_| {
            feed.to_newest();
            let list = document().query_selector(".feed-box .window").ok().flatten();
            if let Some(list) = list.map(|list| list.unchecked_into::<web_sys::HtmlElement>()) {
                list.set_scroll_top(0);
                let _no_focus = list.focus();
            }
        };
        button().class("newer").on("click", back).child("▲ ").child(text(move || count(feed.new.get()))).child(" new")
    });
    let class = text(move || if feed.open.get() > 0 { "feed-split open" } else { "feed-split" });
    div().class(class).child(div().class("card feed-box").child(newest).child(rows::list(feed))).child(pane::pane(feed))
}

fn nothing(live: Live, feed: Feed, address: Address) -> Element {
    let quiet = Memo::new(move |_| live.read(Touched::ACTIVITY, |state| state.seq) == 0);
    section().class("nothing").child(part(move || match (quiet.get(), feed.text.with(String::is_empty)) {
        (true, _) => p().child("Nothing has happened yet. ").child(a("/").child("How to send a first event")),
        (_, true) => p().child("Nothing among the newest events."),
        (_, false) => {
            let hidden = text(move || feed.run(|run| count(run.seen - run.reached.min(run.seen))));
            let of = text(move || if feed.run(|run| run.whole) { " events, all that there are" } else { " newest events" });
            let clear = a(text(move || address.with(&[("q", ""), ("types", "")]))).child("Clear the filter");
            p().child("No event fits. The filter hides the ").child(hidden).child(of).child(". ").child(clear)
        }
    }))
}

/// Where the rows end.
fn end(live: Live, feed: Feed, address: Address) -> Element {
    let more = when(flag(move || feed.has_older()), move || {
        let busy = flag(move || feed.fetching.get());
        button().class("quiet").attr("disabled", busy).on("click", move |_| feed.older()).child("Load older events")
    });
    let begins = flag(move || feed.run(|run| run.whole && !run.is_empty()) && live.demo().is_none());
    let full = when(flag(move || feed.run(|run| run.len() >= KEPT && !run.whole)), move || {
        let before = move || feed.run(|run| run.line(run.len().saturating_sub(1)).map_or(0, |line| line.first.seq)).to_string();
        let to = text(move || {
            let q = [&feed.text.get(), " before:", &before()].concat();
            address.with(&[("q", q.trim()), ("types", "")])
        });
        p().class("muted")
            .child("The page keeps ")
            .child(count(KEPT as u64))
            .child(" rows. ")
            .child(a(to).child("Go on before event ").child(text(before)))
    });
    let still = p().class("muted").child("Without a script these are the newest that fit. The export has all of them.");
    div()
        .class("feed-end")
        .child(more)
        .child(full)
        .child(when(begins, || p().class("muted").child("That is the beginning of what is kept.")))
        .child(noscript().child(still))
}
