//! The timeline under every page, with all its ways: drag, click, keys, buttons, typed time.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use super::drawing::{HEIGHT, WIDTH, draw, place_at, share_of, sums, time_of};
use super::player::{Player, told};
use super::stretch::read;
use crate::app::components::number::count;
use crate::app::hands::Hands;
use crate::app::hands::keys::Does;
use crate::app::html::{
    Element, Node, button, div, effect, flag, form, input, label, option, output, p, select, span, svg, text, when,
};
use crate::app::route::{Address, encode, typed};
use crate::client::Live;
use crate::event::Timestamp;
use crate::event::timeline::Timeline;
use crate::event::wire::Wire as _;

/// How often the timeline is asked for again, in milliseconds.
const AGAIN_MS: u64 = 4_000;
/// How many steps the slider has.
const STEPS: f64 = 2_000.0;
/// The speeds of a play.
const SPEEDS: [(&str, f64); 7] = [("0.5", 0.5), ("1", 1.0), ("2", 2.0), ("5", 5.0), ("10", 10.0), ("30", 30.0), ("60", 60.0)];
/// How far back the timeline reaches: what is shown, and milliseconds.
const REACHES: [(&str, i64); 5] =
    [("all", 0), ("24 h", 86_400_000), ("6 h", 21_600_000), ("1 h", 3_600_000), ("10 min", 600_000)];

/// The timeline with its controls.
pub fn scrubber(live: Live, address: Address) -> Node {
    let player = Player::new(live, address);
    player.run();
    effect(move || player.follow());
    let reach = RwSignal::new(0_i64);
    let timeline = RwSignal::new(Timeline::blank());
    keep_current(live, reach, timeline);
    let hands = expect_context::<Hands>();
    hands.handle(Does::Earlier, move || player.step(-1));
    hands.handle(Does::Later, move || player.step(1));
    hands.handle(Does::Live, move || player.now());
    let figure = div().class("strip").child(picture(timeline)).child(needle(player, timeline)).child(slider(player, timeline));
    div()
        .class("scrubber")
        .attr("role", "group")
        .label("History of the swarm")
        .child(controls(player, reach))
        .child(figure)
        .child(summary(player, timeline))
        .into()
}

/// Asks for the timeline when the page begins, when its reach changes, and again as the log grows.
fn keep_current(live: Live, reach: RwSignal<i64>, timeline: RwSignal<Timeline>) {
    let asked = StoredValue::new((u64::MAX, -1_i64));
    let ask = move || {
        let (head, reach) = (live.head.get_untracked(), reach.get_untracked());
        if asked.get_value() == (head, reach) || document().hidden() || !untrack(|| live.is_live()) {
            return;
        }
        asked.set_value((head, reach));
        leptos::task::spawn_local(async move {
            let mut path = "/api/timeline?buckets=240".to_owned();
            if reach > 0 {
                let from = Timestamp(crate::client::browser_now().0 - reach);
                path = [&path, "&from=", &encode(&from.to_string())].concat();
            }
            match read::<Timeline>(&path).await {
                Ok(seen) => drop(timeline.try_set(seen)),
                // It is asked again.
                Err(_) => drop(asked.try_set_value((u64::MAX, -1))),
            }
        });
    };
    effect(move || {
        reach.track();
        live.phase();
        ask();
    });
    if let Ok(again) = set_interval_with_handle(ask, std::time::Duration::from_millis(AGAIN_MS)) {
        on_cleanup(move || again.clear());
    }
}

fn picture(timeline: RwSignal<Timeline>) -> Element {
    let view_box = ["0 0 ", &WIDTH.to_string(), " ", &HEIGHT.to_string()].concat();
    svg(view_box).attr("preserveAspectRatio", "none").hidden_from_readers().drawing(text(move || timeline.with(draw)))
}

/// The line at the instant on show.
fn needle(player: Player, timeline: RwSignal<Timeline>) -> Element {
    let line = move || {
        let x = timeline.with(|timeline| share_of(timeline, player.place())) * WIDTH;
        let x = crate::app::components::chart::hundredth(x);
        ["<path d=\"M", &x, " 0V48\"/>"].concat()
    };
    svg("0 0 1000 48").class("needle").attr("preserveAspectRatio", "none").hidden_from_readers().drawing(text(line))
}

/// A slider over the picture: it brings dragging, clicking, arrow keys and its name for readers.
fn slider(player: Player, timeline: RwSignal<Timeline>) -> Element {
    let value = move || {
        let share = timeline.with(|timeline| share_of(timeline, player.calm_place()));
        ((share * STEPS).round() as u64).to_string()
    };
    let said = move || {
        timeline.with(|timeline| {
            let place = player.calm_place();
            ["event ", &count(place), ", ", &told(time_of(timeline, place))].concat()
        })
    };
    let go = move |event: web_sys::Event| {
        let Ok(step) = typed(&event).parse::<u32>().map(f64::from) else { return };
        let to = timeline.with_untracked(|timeline| place_at(timeline, step / STEPS));
        if step >= STEPS { player.now() } else { player.seek(to) }
    };
    input()
        .attr("type", "range")
        .attr("min", "0")
        .attr("max", STEPS.to_string())
        .attr("step", "1")
        .label("Instant on show")
        .attr("aria-valuetext", text(said))
        .attr("value", text(value))
        .on("input", go)
}

fn tool(name: &'static str, sign: &'static str, act: impl FnMut(web_sys::Event) + Send + 'static) -> Element {
    button().class("quiet tool").label(name).attr("title", name).on("click", act).child(sign)
}

fn controls(player: Player, reach: RwSignal<i64>) -> Element {
    let play = button()
        .class("quiet tool play")
        .label(text(move || if player.playing.get() { "Stop playing" } else { "Play from here" }))
        .attr("aria-pressed", text(move || player.playing.get().to_string()))
        .on("click", move |_| player.toggle())
        .child(text(move || if player.playing.get() { "❚❚" } else { "▶" }));
    let speed = pick("Speed", SPEEDS.map(|(word, speed)| ([word, "×"].concat(), speed == 1.0)), move |index| {
        player.speed.set(SPEEDS[index].1);
    });
    let reaches = pick("Reach", REACHES.map(|(word, ms)| (word.to_owned(), ms == 0)), move |index| reach.set(REACHES[index].1));
    let field = input()
        .attr("type", "text")
        .attr("name", "instant")
        .attr("placeholder", "14:03 or event 1204")
        .attr("autocomplete", "off");
    let typed = move |event: web_sys::Event| {
        event.prevent_default();
        let form = event.target().and_then(|form| form.dyn_into::<web_sys::Element>().ok());
        let field = form.and_then(|form| form.query_selector("input").ok().flatten());
        if let Some(field) = field {
            player.typed(&field.unchecked_into::<web_sys::HtmlInputElement>().value());
        }
    };
    let to_now = button()
        .class("quiet tool now")
        .attr("disabled", flag(move || player.here_is_now()))
        .on("click", move |_| player.now())
        .child("Live");
    div()
        .class("controls")
        .child(tool("Error before", "‹ ✕", move |_| player.mark("error", false)))
        .child(tool("One event back", "‹", move |_| player.step(-1)))
        .child(play)
        .child(tool("One event on", "›", move |_| player.step(1)))
        .child(tool("Next error", "✕ ›", move |_| player.mark("error", true)))
        .child(tool("Approval before", "‹ ◆", move |_| player.mark("approval", false)))
        .child(tool("Next approval", "◆ ›", move |_| player.mark("approval", true)))
        .child(speed)
        .child(
            form().class("instant").on("submit", typed).child(label().child(span().class("unseen").child("Go to")).child(field)),
        )
        .child(reaches)
        .child(to_now)
}

/// One of several to choose, by its place in the list.
fn pick<const N: usize>(name: &'static str, words: [(String, bool); N], act: impl Fn(usize) + Send + Sync + 'static) -> Element {
    let options = words
        .into_iter()
        .enumerate()
        .map(|(index, (word, chosen))| option().attr("value", index.to_string()).attr("selected", chosen).child(word));
    let chosen = move |event: web_sys::Event| {
        let select = event.target().and_then(|target| target.dyn_into::<web_sys::HtmlSelectElement>().ok());
        if let Some(select) = select {
            act(usize::try_from(select.selected_index()).unwrap_or(0));
        }
    };
    label().child(span().class("unseen").child(name)).child(select().on("change", chosen).children(options))
}

/// The same in words, and what went wrong.
fn summary(player: Player, timeline: RwSignal<Timeline>) -> Element {
    let words = move || {
        timeline.with(|timeline| {
            let [events, errors, approvals] = sums(timeline);
            let part = |number: u64, one: &str, many: &str| {
                if number == 0 {
                    String::new()
                } else {
                    [" · ", &count(number), " ", if number == 1 { one } else { many }].concat()
                }
            };
            [
                &count(events),
                " events",
                &part(errors, "error", "errors"),
                &part(approvals, "approval", "approvals"),
                &part(timeline.sessions.len() as u64 + timeline.sessions_left_out, "session", "sessions"),
                &part(timeline.gaps.len() as u64 + timeline.gaps_left_out, "gap", "gaps"),
            ]
            .concat()
        })
    };
    let from = text(move || timeline.with(|timeline| told(timeline.from)));
    let fault = flag(move || player.fault.with(|fault| !fault.is_empty()));
    let took = flag(move || player.took.get().is_some() && player.live_is_past());
    p().class("sums")
        .child(span().child(from))
        .child(span().child(text(words)))
        .child(when(took, move || {
            span()
                .class("took")
                .child(text(move || ["found in ", &count(player.took.get().unwrap_or(0.0) as u64), " ms"].concat()))
        }))
        .child(when(fault, move || output().class("refused").attr("role", "status").child(text(move || player.fault.get()))))
}
