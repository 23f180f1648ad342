//! What stands around every page: navigation, connection, banner, footer.

use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use web_sys::Event;

use super::hostile::visible_line;
use super::number::{UNKNOWN, count, rate};
use super::pace::paced;
use super::reader::has_command_key;
use crate::app::api::{StopDemo, stop_demo};
use crate::app::hands::{Hands, Tool};
use crate::app::html::{
    Element, Node, a, b, button, dd, details, div, dl, dt, flag, footer, form, header, li, nav, path, span, strong, submit,
    summary, svg, text, ul, when,
};
use crate::app::route::{Address, Page};
use crate::client::link::Phase;
use crate::client::{DemoWhy, Live, browser_now};
use crate::event::Timestamp;
use crate::swarm::{Attention, Touched, rates::MEAN_SECONDS, status};

/// The pages, in the order of the navigation.
pub const PAGES: &[(&str, &str, &str)] = &[
    ("/", "Overview", "M3 3h8v8H3zM13 3h8v5h-8zM13 10h8v11h-8zM3 13h8v8H3z"),
    ("/agents", "Agents", "M12 3a4 4 0 1 1 0 8a4 4 0 1 1 0-8zM4 21c0-5 4-7 8-7s8 2 8 7z"),
    ("/tasks", "Tasks", "M3 4h5v16H3zM10 4h5v11h-5zM17 4h4v7h-4z"),
    (
        "/topology",
        "Topology",
        "M12 2a3 3 0 1 1 0 6a3 3 0 1 1 0-6zM5 16a3 3 0 1 1 0 6a3 3 0 1 1 0-6zM19 16a3 3 0 1 1 0 6a3 3 0 1 1 0-6zM11 8h2v4h6v4h-2v-2H7v2H5v-4h6z",
    ),
    ("/messages", "Messages", "M3 4h18v12H9l-6 5z"),
    (
        "/memory",
        "Memory",
        "M4 5c0-2 16-2 16 0v3c0 2-16 2-16 0zM4 11c0 2 16 2 16 0v3c0 2-16 2-16 0zM4 17c0 2 16 2 16 0v2c0 2-16 2-16 0z",
    ),
    ("/sessions", "Sessions", "M3 4h18v16H3zM5 8l4 4l-4 4l1.4 1.4L11.8 12L6.4 6.6zM12 15h6v2h-6z"),
    ("/approvals", "Approvals", "M12 2l9 4v6c0 5-4 9-9 10c-5-1-9-5-9-10V6zM10.5 15.5l6-6L15 8l-4.5 4.5L8.5 10.5L7 12z"),
    ("/providers", "Providers", "M4 3h16v7H4zM4 13h16v8H4zM7 6h2v2H7zM7 16h2v2H7z"),
    ("/trading", "Trading", "M3 20V4h2v11l5-6l4 3l5-7l2 1l-6.5 9l-4-3L5 18h16v2z"),
    ("/activity", "Activity", "M2 13h5l3-9l4 16l3-7h5v-2h-6l-2 4L10 1L6 11H2z"),
    (
        "/connection",
        "Connection",
        "M12 3a9 9 0 0 1 9 9h-2.5A6.5 6.5 0 0 0 5.5 12H3a9 9 0 0 1 9-9zM12 8a4 4 0 0 1 4 4h-2.5a1.5 1.5 0 0 0-3 0H8a4 4 0 0 1 4-4zM10.8 13h2.4v8h-2.4z",
    ),
];

/// The ways around.
pub fn navigation() -> Element {
    let live = expect_context::<Live>();
    let address = expect_context::<Address>();
    let waiting = move || live.read(Touched::SESSIONS, |state| state.sessions.open_requests().count() as u64);
    let here = move |path: &str| if path == "/" { address.page() == Page::Overview } else { address.path().starts_with(path) };
    let links = PAGES.iter().map(|(to, name, icon)| {
        let waiting_here = when(flag(move || *to == "/approvals" && waiting() > 0), move || {
            span().class("count").child(text(move || count(waiting()))).child(span().class("unseen").child(" waiting for you"))
        });
        let link = a(*to)
            .attr("aria-current", text(move || if here(to) { "page" } else { "false" }))
            .child(svg("0 0 24 24").hidden_from_readers().child(path(*icon)))
            .child(span().child(*name))
            .child(waiting_here);
        li().child(link)
    });
    nav().class("rail").label("Pages").child(brand()).child(ul().children(links))
}

fn brand() -> Element {
    let dot = |(x, y)| Element::new("circle").attr("cx", x).attr("cy", y).attr("r", "2.6");
    let sign = svg("0 0 32 32")
        .hidden_from_readers()
        .child(path("M16 2l12 7v14l-12 7L4 23V9z").class("cell"))
        .children([("16", "10"), ("10.5", "20"), ("21.5", "20")].map(dot));
    a("/").class("brand").label("Swarmdeck, overview").child(sign).child(span().child("Swarmdeck"))
}

/// What finds anything, the connection, keys and settings.
pub fn bar() -> Element {
    let hands = expect_context::<Hands>();
    let live = expect_context::<Live>();
    let keys = text(move || if live.awake.get() && has_command_key() { "⌘ K" } else { "Ctrl K" });
    let find = button()
        .class("tool find")
        .attr("aria-keyshortcuts", "Control+K Meta+K")
        .on("click", move |_| hands.open(Tool::Palette))
        .child(icon("M10 3a7 7 0 1 1 0 14a7 7 0 1 1 0-14zM10 5a5 5 0 1 0 0 10a5 5 0 1 0 0-10zM15 16.4l1.4-1.4L21.5 20L20 21.5z"))
        .child(span().child("Find anything"))
        .child(Element::new("kbd").hidden_from_readers().child(keys));
    let tool = |name: &'static str, tool: Tool, drawing: &'static str| {
        button().class("tool quiet").label(name).attr("title", name).on("click", move |_| hands.open(tool)).child(icon(drawing))
    };
    header()
        .class("bar")
        .child(find)
        .child(connection())
        .child(tool(
            "Keys",
            Tool::Help,
            "M3 5h18v14H3zM5 7v10h14V7zM6.5 8.5h2v2h-2zM11 8.5h2v2h-2zM15.5 8.5h2v2h-2zM6.5 11.7h2v2h-2zM11 11.7h2v2h-2zM15.5 11.7h2v2h-2zM8 14.8h8v1.4H8z",
        ))
        .child(tool(
            "Settings",
            Tool::Settings,
            "M3 6h9v2H3zM16 6h5v2h-5zM13 4h2v6h-2zM3 11h3v2H3zM10 11h11v2H10zM7 9h2v6H7zM3 16h9v2H3zM16 16h5v2h-5zM13 14h2v6h-2z",
        ))
}

fn icon(drawing: &'static str) -> Element {
    svg("0 0 24 24").hidden_from_readers().child(path(drawing).attr("fill-rule", "evenodd"))
}

/// How the page stands with its server: `class`, word.
fn stands(live: &Live) -> (&'static str, &'static str) {
    if live.demo().is_some() {
        return ("is-demo", "Demo");
    }
    match live.phase() {
        _ if !live.awake.get() => ("is-static", "As rendered"),
        Phase::Connecting => ("is-connecting", "Connecting"),
        Phase::Live { .. } => ("is-live", "Live"),
        Phase::Reconnecting { .. } => ("is-reconnecting", "Reconnecting"),
    }
}

/// The newest event's place in the log.
fn newest(live: Live) -> Node {
    text(move || count(live.read(Touched::ACTIVITY, |state| state.seq))).into()
}

/// The connection in a word, with its particulars inside.
fn connection() -> Element {
    let live = expect_context::<Live>();
    let transport = text(move || match live.phase() {
        Phase::Live { transport } => transport.name(),
        _ => UNKNOWN,
    });
    let delay = move |p99: bool| {
        text(move || {
            let delays = live.delays();
            delays.map_or_else(|| UNKNOWN.to_owned(), |it| [&rate(if p99 { it.p99 } else { it.p50 }), " ms"].concat())
        })
    };
    let samples = text(move || count(live.delays().map_or(0, |it| it.samples as u64)));
    let word = summary()
        .child(span().class(text(move || ["dot ", stands(&live).0].concat())).hidden_from_readers())
        .child(span().id("connection").attr("role", "status").child(text(move || stands(&live).1)));
    let particulars = dl()
        .child(dt().child("Over"))
        .child(dd().child(transport))
        .child(dt().child("Newest event"))
        .child(dd().id("newest").child(newest(live)))
        .child(dt().child("Event to screen, median"))
        .child(dd().id("delay-p50").child(delay(false)))
        .child(dt().child("Event to screen, 99 %"))
        .child(dd().id("delay-p99").child(delay(true)))
        .child(dt().child("Measured on"))
        .child(dd().id("delay-samples").child(samples));
    details().class("connection").child(word).child(particulars)
}

/// What a person must know about the data on show: that it is made up, old, or back.
pub fn banners() -> Element {
    let address = expect_context::<Address>();
    // What a form without a script was refused with.
    let refused = Memo::new(move |_| visible_line(&address.parameter("refused").unwrap_or_default()));
    let live = expect_context::<Live>();
    div()
        .class("banners")
        .child(when(flag(move || refused.with(|text| !text.is_empty())), move || {
            div()
                .class("banner away")
                .attr("role", "alert")
                .child(strong().child("Not done."))
                .child(span().child(text(move || refused.get())))
        }))
        .child(when(flag(move || live.past().is_some()), move || past(live, address)))
        .child(when(flag(move || live.past_fault.with(|fault| !fault.is_empty())), move || not_shown(live)))
        .child(when(flag(move || live.demo().is_some()), move || made_up(live)))
        .child(when(flag(move || lost(&live)), move || away(live)))
        .child(when(flag(move || live.is_live() && live.returned().is_some()), move || back(live)))
        .child(when(flag(move || live.swarm_demo.get()), move || swarm_demo(live)))
}

fn note(class: &'static str, title: &'static str) -> Element {
    div().class(class).attr("role", "note").child(strong().child(title))
}

/// What is on show is the past.
fn past(live: Live, address: Address) -> Element {
    let place = text(move || count(live.past().unwrap_or(0)));
    let then = text(move || {
        let then = live.now.get().to_string();
        [then.get(..10).unwrap_or_default(), " ", then.get(11..19).unwrap_or_default(), " UTC"].concat()
    });
    let since = move || live.head.get().saturating_sub(live.past().unwrap_or(0));
    let newer = flag(move || live.awake.get() && since() > 0);
    let to_now = a(text(move || address.with_at(None))).class("button").on("click", move |event: Event| {
        event.prevent_default();
        live.leave_past(browser_now());
        address.go(&untrack(|| address.with_at(None)));
    });
    note("banner history", "History.")
        .id("history")
        .child(
            span()
                .child("The swarm as it was after event ")
                .child(b().child(place))
                .child(", ")
                .child(b().child(then))
                .child("."),
        )
        .child(when(newer, move || span().class("muted").child(text(move || count(since()))).child(" events since.")))
        .child(to_now.child("Back to live"))
}

/// An instant that was asked for cannot be shown.
fn not_shown(live: Live) -> Element {
    note("banner away", "Not that instant.").child(span().child(text(move || live.past_fault.get())))
}

fn made_up(live: Live) -> Element {
    let why = text(move || match live.demo() {
        Some(DemoWhy::Asked) => "Nothing here is real; it plays in this page only.".to_owned(),
        _ => ["Nothing here is real: ", &cause(&live)].concat(),
    });
    let end = move || button().class("quiet").on("click", move |_| live.end_demo()).child("End the demo");
    note("banner made-up", "Demo data.")
        .child(span().child(why))
        .child(retry(live))
        .child(when(flag(move || live.demo() == Some(DemoWhy::Asked)), end))
}

fn away(live: Live) -> Element {
    let shown = span().child(text(move || cause(&live))).child(" Shown is the state at event ").child(newest(live)).child(".");
    let play = move |_| live.begin_demo(DemoWhy::Asked, 1, browser_now());
    note("banner away", "Not live.")
        .child(shown)
        .child(retry(live))
        .child(button().class("quiet").on("click", play).child("Play the demo"))
}

fn back(live: Live) -> Element {
    let dismiss = button().class("quiet").label("Dismiss").on("click", move |_| live.dismiss()).child("✕");
    div().class("banner back").attr("role", "status").id("returned").child(text(move || returned(&live))).child(dismiss)
}

/// The server's own demo swarm writes to this log.
fn swarm_demo(live: Live) -> Element {
    let stop = move |event: Event| {
        event.prevent_default();
        leptos::task::spawn_local(async move {
            if let Ok(runs) = stop_demo().await {
                live.swarm_demo.set(runs);
            }
        });
    };
    note("banner made-up", "The demo swarm runs.").child(span().child("Its events go to this log, under the source demo.")).child(
        form()
            .attr("method", "post")
            .attr("action", StopDemo::url())
            .child(submit().class("quiet").on("click", stop).child("Stop it")),
    )
}

/// Whether real data is on show and the server is away.
fn lost(live: &Live) -> bool {
    live.demo().is_none() && matches!(live.phase(), Phase::Reconnecting { .. }) && live.has_data()
}

fn cause(live: &Live) -> String {
    match live.phase() {
        Phase::Reconnecting { cause, .. } => [&cause, "."].concat(),
        Phase::Connecting => "the server has not answered yet.".to_owned(),
        Phase::Live { .. } => "the log is empty.".to_owned(),
    }
}

fn returned(live: &Live) -> String {
    let Some(it) = live.returned() else { return String::new() };
    match it.lost {
        _ if it.other_log => "The server has another log now; this is its state.".to_owned(),
        0 => ["Resumed: ", &count(it.caught_up), " events caught up, none lost."].concat(),
        lost => ["Resumed from the whole state: ", &count(lost), " events are no longer kept."].concat(),
    }
}

/// When the next attempt is, and a button to have it now.
fn retry(live: Live) -> Node {
    let left = move || match live.phase() {
        // In the past the clock stands.
        Phase::Reconnecting { retry_at, .. } if live.past().is_none() => {
            let now = live.now.get();
            // The attempt is timed by the browser's clock as it is.
            let now = Timestamp(now.0 - live.behind.get());
            Some(((retry_at - now.0 as f64) / 1_000.0).ceil().max(0.0) as u64)
        }
        _ => None,
    };
    when(flag(move || left().is_some()), move || {
        let seconds = text(move || left().unwrap_or(0).to_string());
        let now = move |_| live.retry.update(|count| *count += 1);
        vec![
            span().class("muted").child("Next attempt in ").child(seconds).child(" s.").into(),
            button().class("quiet").on("click", now).child("Retry now").into(),
        ]
    })
}

/// The swarm in one line, on every page.
pub fn foot() -> Element {
    let live = expect_context::<Live>();
    // Sums over all seconds and all agents: not for every frame.
    let turn = paced(live, Touched::ACTIVITY);
    let rate_now = move || {
        turn.track();
        let (now, known) = (live.now.get(), live.known());
        // While the server is away nobody knows.
        if known < now { UNKNOWN.to_owned() } else { live.peek(|state| rate(state.rates.per_second(now, MEAN_SECONDS).events)) }
    };
    let working = move || {
        turn.track();
        let by = live.peek(|state| status::agents_by_attention(state, live.known()));
        count(by[Attention::Working as usize])
    };
    footer()
        .class("foot")
        .child(span().child(b().child(newest(live))).child(" events"))
        .child(span().child(b().child(text(rate_now))).child(" / s"))
        .child(span().child(b().child(text(working))).child(" working"))
        .child(span().class("push").child(a("/api/docs").attr("rel", "external").child("Reference")))
}
