//! How this page is connected, and what that costs it: measured here, in this browser.

use leptos::prelude::*;

use crate::app::api::server_version;
use crate::app::components::age::{age, clock};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, bytes, count, rate};
use crate::app::html::{
    Element, Node, Row, button, code, dd, div, dl, dt, effect, either, flag, h1, h2, li, p, progress, rows, rows_drawn, section,
    small, span, table, tbody, td, text, th, thead, time, tr, ul, when,
};
use crate::client::link::{Phase, Return};
use crate::client::meter::{BUCKETS, Delays, Loss, Meter, Samples};
use crate::client::{Live, copy};
use crate::event::Timestamp;

/// What a frame may cost for sixty of them to fit in a second beside everything else, in milliseconds.
const FRAME_GOAL: f64 = 8.0;
/// How soon an event should be on the screen, in milliseconds.
const PIXEL_GOAL: f64 = 50.0;

/// The page of the connection.
pub fn connection_page() -> Node {
    let live = expect_context::<Live>();
    let frames = frames_drawn(live);
    vec![
        div()
            .class("page-head")
            .child(h1().child("Connection"))
            .child(p().class("muted").child("Measured by this page, in this browser."))
            .into(),
        tiles(live, frames).into(),
        div()
            .class("grid halves")
            .child(histogram(
                live,
                "From event to pixel",
                "pixel",
                |meter| &meter.delay,
                PIXEL_GOAL,
                "Unknown where events seem to arrive before they happened: then two clocks differ.",
            ))
            .child(histogram(
                live,
                "Main-thread work per frame",
                "work",
                |meter| &meter.work,
                FRAME_GOAL,
                "Messages read, events folded, views made anew, the map, style and layout; not what keys and pointers set off.",
            ))
            .into(),
        div().class("grid halves").child(particulars(live)).child(counts(live)).into(),
        losses(live).into(),
    ]
    .into()
}

/// Frames that the browser drew in the last whole second, while this page is on show; none before.
fn frames_drawn(live: Live) -> RwSignal<u64> {
    let (shown, counted) = (RwSignal::new(0), RwSignal::new(0));
    fn again(counted: RwSignal<u64>) {
        request_animation_frame(move || {
            // The page may be gone by now.
            if counted.try_update(|count| *count += 1).is_some() {
                again(counted);
            }
        });
    }
    let mut seconds = 0;
    effect(move || {
        live.measured.track();
        let frames = counted.get_untracked();
        counted.set(0);
        match seconds {
            0 => again(counted),
            // The first second had begun before this page.
            1 => {}
            _ => shown.set(frames),
        }
        seconds += 1;
    });
    shown
}

fn or_unknown(value: Option<String>) -> String {
    value.unwrap_or_else(|| UNKNOWN.to_owned())
}

fn ms(value: f64) -> String {
    [&rate(value), " ms"].concat()
}

/// The end of a bucket, in the unit that makes it short.
fn edge(end: f64) -> String {
    let (number, unit) = if end < 1_000.0 { (end, " ms") } else { (end / 1_000.0, " s") };
    [&(number as u64).to_string(), unit].concat()
}

fn tiles(live: Live, frames: RwSignal<u64>) -> Element {
    let delay = move |read: fn(&Delays) -> f64| move || live.meter(|meter| meter.delay.short().map(|it| ms(read(&it))));
    let work = move || live.meter(|meter| meter.work.short().map(|it| ms(it.p95)));
    let events = move || live.meter(|meter| meter.per_second().map(|it| [&rate(it[0]), " / s"].concat()));
    let drawn = move || (frames.get() > 0).then(|| [&count(frames.get()), " / s"].concat());
    ul().class("figures")
        .label("In short")
        .child(tile(
            "pixel-p50",
            "Event to pixel, median",
            delay(|it| it.p50),
            "from the event's own time to the frame that shows it",
        ))
        .child(tile("pixel-p99", "Event to pixel, 99 %", delay(|it| it.p99), "goal: 50 ms"))
        .child(tile("pixel-max", "Event to pixel, longest", delay(|it| it.max), "of the newest 2,000 events"))
        .child(tile("throughput", "Throughput", events, "mean of the last 10 s"))
        .child(tile("frames", "Frames", drawn, "drawn by the browser"))
        .child(tile("work-p95", "Work per frame, 95 %", work, "goal: 8 ms of the main thread"))
}

fn tile(
    id: &'static str,
    name: &'static str,
    value: impl Fn() -> Option<String> + Send + Sync + 'static,
    hint: &'static str,
) -> Element {
    li().class("card")
        .child(span().class("name").child(name))
        .child(span().class("value").id(id).child(text(move || or_unknown(value()))))
        .child(small().class("muted").child(hint))
}

/// How many samples fell into which bucket.
fn histogram(
    live: Live,
    title: &'static str,
    id: &'static str,
    of: fn(&Meter) -> &Samples,
    goal: f64,
    hint: &'static str,
) -> Element {
    let total = move || live.meter(|meter| of(meter).buckets().iter().sum::<u64>());
    let bucket = move |place: usize| {
        let many = move || live.meter(|meter| of(meter).buckets()[place]);
        let end = BUCKETS.get(place).copied();
        let name = match end {
            Some(end) => ["≤ ", &edge(end)].concat(),
            None => ["> ", &edge(BUCKETS[BUCKETS.len() - 1])].concat(),
        };
        let within = end.is_some_and(|end| end <= goal);
        let share = move || {
            let total = total();
            if total == 0 { "0".to_owned() } else { ((many() * 1_000).div_ceil(total)).to_string() }
        };
        let bar = progress().attr("max", "1000").attr("value", text(share)).label(name.clone());
        tr().class(if within { "within" } else { "over" })
            .child(th().attr("scope", "row").class("number").child(name))
            .child(td().class("bar-cell").child(bar))
            .child(td().class("number").child(text(move || count(many()))))
    };
    let head = ["Took", "Share", "Count"].map(|name| th().attr("scope", "col").child(name));
    let said = text(move || {
        let short = live.meter(|meter| of(meter).short());
        or_unknown(short.map(|it| {
            ["median ", &ms(it.p50), ", 95 % ", &ms(it.p95), ", 99 % ", &ms(it.p99), ", longest ", &ms(it.max)].concat()
        }))
    });
    section()
        .class("card histogram")
        .id(["histogram-", id].concat())
        .label(title)
        .child(h2().child(title).child(span().class("muted").child(text(move || count(total()))).child(" samples")))
        .child(table().child(thead().child(tr().children(head))).child(tbody().children((0..=BUCKETS.len()).map(bucket))))
        .child(p().class("muted").child(said))
        .child(p().child(small().class("muted").child(hint)))
}

fn fact(name: &'static str, value: impl Into<Node>) -> [Element; 2] {
    [dt().child(name), dd().child(value)]
}

/// Where this page stands in the log, over what, and who speaks.
fn particulars(live: Live) -> Element {
    let state = text(move || match live.phase() {
        _ if live.demo().is_some() => "playing the demo",
        _ if !live.awake.get() => UNKNOWN,
        Phase::Connecting => "connecting",
        Phase::Live { .. } => "live",
        Phase::Reconnecting { .. } => "reconnecting",
    });
    let transport = text(move || match live.phase() {
        Phase::Live { transport } => transport.name(),
        _ => UNKNOWN,
    });
    let since = move |read: fn(&Meter) -> Option<f64>| {
        text(move || or_unknown(live.meter(|meter| read(meter).map(|at| ago(meter.now - at)))))
    };
    let every = text(move || or_unknown(live.meter(|meter| meter.heartbeat_ms.map(|ms| ["every ", &age(ms)].concat()))));
    let cursor = move || {
        live.measured.track();
        let (epoch, seq) = live.position();
        (!epoch.bytes().all(|digit| digit == b'0')).then(|| [&epoch, "-", &seq.to_string()].concat())
    };
    let epoch = text(move || or_unknown(cursor().and_then(|cursor| Some(cursor.split_once('-')?.0.to_owned()))));
    let put = move |_| {
        if let Some(cursor) = untrack(cursor) {
            copy(&cursor);
        }
    };
    let server = RwSignal::new(String::new());
    let mut asked = false;
    effect(move || {
        // Asked anew on each return: another server may have come.
        if live.is_live() && !std::mem::replace(&mut asked, true) {
            leptos::task::spawn_local(async move {
                let _gone = server.try_set(server_version().await.unwrap_or_default());
            });
        }
        asked = live.is_live();
    });
    let own = env!("CARGO_PKG_VERSION");
    let differs = flag(move || server.with(|server| !server.is_empty() && server != own));
    let newer = when(differs, || span().class("refused").child(" The server is another one: reload the page."));
    section().class("card").label("Particulars").child(h2().child("Particulars")).child(
        dl().class("particulars")
            .children(fact("Connection", span().id("state").child(state)))
            .children(fact("Over", span().id("transport").child(transport)))
            .children(fact(
                "Cursor",
                Node::Several(vec![
                    code().id("cursor").child(text(move || or_unknown(cursor()))).into(),
                    button().class("quiet").label("Copy the cursor").on("click", put).child("Copy").into(),
                ]),
            ))
            .children(fact("Epoch of the log", code().id("epoch").child(epoch)))
            .children(fact("Last message", span().id("heard").child(since(|meter| meter.heard))))
            .children(fact(
                "Last heartbeat",
                Node::Several(vec![
                    span().id("heartbeat").child(since(|meter| meter.heartbeat)).into(),
                    span().class("muted").child(", ").child(every).into(),
                ]),
            ))
            .children(fact("This browser's clock", span().id("clock").child(text(move || told_clock(live)))))
            .children(fact("This page", span().id("version").child(own)))
            .children(fact(
                "Server",
                Node::Several(vec![
                    span()
                        .id("server-version")
                        .child(text(move || if server.with(String::is_empty) { UNKNOWN.to_owned() } else { server.get() }))
                        .into(),
                    newer,
                ]),
            )),
    )
}

/// How this browser's clock stands to the server's, once one knows.
fn told_clock(live: Live) -> String {
    let behind = live.behind.get();
    if behind == 0 {
        return if live.is_live() { "within 2 s of the server's".to_owned() } else { UNKNOWN.to_owned() };
    }
    let side = if behind > 0 { " s behind the server's" } else { " s ahead of the server's" };
    [&count(behind.unsigned_abs() / 1_000), side, "; times here are the server's"].concat()
}

/// How long ago, in words; a clock that was set back says nothing else.
fn ago(ms: f64) -> String {
    match age(ms.max(0.0) as u64).as_str() {
        "now" => "just now".to_owned(),
        other => [other, " ago"].concat(),
    }
}

/// What this page did since it began.
fn counts(live: Live) -> Element {
    let total = move |read: fn(&Meter) -> u64| text(move || count(live.meter(read)));
    let mean = move |place: usize| move || live.meter(|meter| meter.per_second().map(|it| it[place]));
    let carried = text(move || or_unknown(mean(2)().map(|it| [&bytes(it), " / s"].concat())));
    let messages = text(move || or_unknown(mean(1)().map(|it| [&rate(it), " / s"].concat())));
    let rows = text(move || {
        live.measured.track();
        count(if live.awake.get() { rows_drawn() } else { 0 })
    });
    section().class("card").label("Since this page began").child(h2().child("Since this page began")).child(
        dl().class("particulars")
            .children(fact("Events folded in", span().id("folded").child(total(|meter| meter.total.events))))
            .children(fact(
                "Messages",
                Node::Several(vec![
                    total(|meter| meter.total.messages).into(),
                    span().class("muted").child(", ").child(messages).into(),
                ]),
            ))
            .children(fact(
                "Received",
                Node::Several(vec![
                    text(move || bytes(live.meter(|meter| meter.total.bytes) as f64)).into(),
                    span().class("muted").child(", ").child(carried).into(),
                ]),
            ))
            .children(fact("Frames with news", total(|meter| meter.total.frames)))
            .children(fact("Rows drawn", span().id("rows-drawn").child(rows)))
            .children(fact("Losses of the connection", span().id("losses").child(total(|meter| meter.losses)))),
    )
}

/// The losses of the connection, newest first, and what each return brought.
fn losses(live: Live) -> Element {
    let any = flag(move || live.meter(|meter| !meter.lost.is_empty()));
    let listed = move || {
        let row = |loss: &Loss| {
            let key = [loss.at.to_string(), loss.back.is_some().to_string(), went(loss)].concat();
            Row::new(key, loss.clone(), loss_row)
        };
        live.meter(|meter| meter.lost.iter().rev().map(row).collect())
    };
    let whole = move || {
        let head = ["Lost", "Why", "Away for", "On return"].map(|name| th().attr("scope", "col").child(name));
        div()
            .class("scroll")
            .attr("tabindex", "0")
            .attr("role", "region")
            .label("Losses")
            .child(table().child(thead().child(tr().children(head))).child(tbody().child(rows(listed))))
    };
    section().class("card").label("Losses of the connection").child(h2().child("Losses of the connection")).child(either(
        any,
        whole,
        || p().class("calm").child("None since this page began."),
    ))
}

fn went(loss: &Loss) -> String {
    match (loss.back, loss.went) {
        (None, _) => "not back yet".to_owned(),
        (_, None) => "back".to_owned(),
        (_, Some(Return { other_log: true, .. })) => "another log: its whole state".to_owned(),
        (_, Some(Return { lost: 0, caught_up, .. })) => ["resumed: ", &count(caught_up), " caught up, none lost"].concat(),
        (_, Some(Return { lost, .. })) => ["whole state: ", &count(lost), " no longer kept"].concat(),
    }
}

fn loss_row(loss: Loss) -> Node {
    let at = Timestamp(loss.at as i64);
    let away = loss.back.map(|back| match (back - loss.at).max(0.0) {
        short if short < 1_000.0 => ms(short),
        long => age(long as u64),
    });
    tr().child(th().attr("scope", "row").child(time().attr("datetime", at.to_string()).child(clock(at))))
        .child(td().child(visible_line(&loss.cause)))
        .child(td().class("number").child(or_unknown(away)))
        .child(td().child(went(&loss)))
        .into()
}
