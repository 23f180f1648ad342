//! How the deck tests itself: a run on demand, its progress, and the runs before.

use serde_json::Value;

use super::super::sessions::took;
use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::form::deed_button;
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{count, rate};
use crate::app::html::{
    Element, Node, Row, b, code, details, div, either, flag, h2, li, p, progress, rows, section, span, summary, ul,
};
use crate::client::Live;
use crate::event::wire::{At, parse};
use crate::swarm::bounds::order;
use crate::swarm::selfchecks::{MAX_RUNS, Run, RunState};
use crate::swarm::{SwarmState, Touched};

/// How many runs are shown; of the others the state keeps up to [`MAX_RUNS`].
const RUNS: usize = 12;

/// A check as the deck reports it.
struct Check {
    name: String,
    ok: bool,
    detail: String,
    took: Option<u64>,
}

/// The self-checks.
pub(super) fn checks(live: Live) -> Node {
    let any = flag(move || live.read(Touched::SELFCHECKS, |state| !state.selfchecks.by_id.is_empty()));
    let runs = move || live.read(Touched::SELFCHECKS, newest);
    let list = move || ul().class("lines runs").child(rows(runs));
    let nothing = || {
        p().class("calm small").child("No run yet. A run writes and reads the log, asks the providers, and says what it found.")
    };
    let kept = ["the newest ", &count(RUNS as u64), " of up to ", &count(MAX_RUNS as u64), " kept"].concat();
    section()
        .class("card")
        .attr("aria-labelledby", "checks-title")
        .child(
            div()
                .class("head-line")
                .child(h2().id("checks-title").child("Self-checks"))
                .child(span().class("muted small").child(kept))
                .child(deed_button("Run now", Deed::Check, "", Vec::new())),
        )
        .child(either(any, list, nothing))
        .into()
}

fn newest(state: &SwarmState) -> Vec<Row> {
    let runs: Vec<(&String, &Run)> = state.selfchecks.by_id.iter().collect();
    let places = order(runs.iter().map(|(_, run)| u64::MAX - run.by.seq));
    let row = |(id, run): (&String, &Run)| Row::new([id, " ", &run.by.seq.to_string()].concat(), run.clone(), run_row);
    places.into_iter().take(RUNS).map(|place| row(runs[place])).collect()
}

fn run_row(run: Run) -> Node {
    let (mark, class) = match run.state {
        RunState::Running => ("● ", "glyph working"),
        RunState::Completed => ("✓ ", "glyph done"),
        RunState::Failed => ("✕ ", "glyph failing"),
    };
    let share = run.progress.filter(|_| run.state == RunState::Running).map(|share| {
        span()
            .class("share")
            .child(progress().attr("max", "100").attr("value", rate(share)).label("Progress"))
            .child(span().class("number").child([&rate(share), " %"].concat()))
    });
    let lasted = (run.state != RunState::Running).then(|| span().class("muted").child(took(run.by.ts.since(run.started))));
    let at = run.by.ts;
    li().child(span().class(class).hidden_from_readers().child(mark))
        .child(span().class(["state c-", run.state.as_str()].concat()).child(run.state.as_str()))
        .child(span().class("grow").child(run.message.as_ref().map(|message| visible_line(message))))
        .child(share)
        .child(lasted)
        .child(ago(move || at))
        .child((!run.checks.is_empty()).then(|| found(&run.checks)))
        .into()
}

/// What a run found, check by check.
fn found(checks: &[String]) -> Element {
    let read: Vec<Option<Check>> = checks.iter().map(|check| read(check)).collect();
    let failed = read.iter().flatten().filter(|check| !check.ok).count();
    let line = |(check, raw): (&Option<Check>, &String)| match check {
        Some(check) => li()
            .child(span().class(if check.ok { "glyph done" } else { "glyph failing" }).hidden_from_readers().child(if check.ok {
                "✓"
            } else {
                "✕"
            }))
            .child(span().class("unseen").child(if check.ok { "passed " } else { "failed " }))
            .child(b().child(visible_line(&check.name)))
            .child(span().class("grow muted").child(visible_line(&check.detail)))
            .child(check.took.map(|ms| span().class("number muted").child(took(ms)))),
        None => li().child(code().class("grow").child(visible_line(raw))),
    };
    // What failed is what one came for.
    details()
        .attr("open", failed > 0)
        .child(summary().child("Checks"))
        .child(ul().class("lines").children(read.iter().zip(checks).map(line)))
}

/// A check in the deck's form; none where a reporter has another.
fn read(text: &str) -> Option<Check> {
    let value = parse(text, &At::Root("")).ok()?;
    let told = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(Check {
        name: told("name")?,
        ok: value.get("ok").and_then(Value::as_bool)?,
        detail: told("detail").unwrap_or_default(),
        took: value.get("took_ms").and_then(Value::as_f64).map(|ms| ms.round() as u64),
    })
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_check_is_read_where_it_is_one() {
        let check = read(r#"{"name":"log","ok":false,"detail":"a gap","took_ms":2.4}"#).unwrap();
        assert_eq!((check.name.as_str(), check.ok, check.detail.as_str(), check.took), ("log", false, "a gap", Some(2)));
        for other in ["", "\"log\"", r#"{"name":"log"}"#, r#"{"name":"log","ok":tr…"#] {
            assert!(read(other).is_none(), "{other}");
        }
    }
}
