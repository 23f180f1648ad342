//! What agents depend on, and how the deck tests itself.

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::ago;
use crate::app::components::form::{choice, deed, deed_button, field};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, rate};
use crate::app::html::{
    Element, Node, Row, code, details, div, either, flag, h1, h2, li, p, progress, rows, section, span, submit, summary, table,
    tbody, td, th, thead, tr, ul,
};
use crate::client::Live;
use crate::swarm::bounds::order;
use crate::swarm::providers::Provider;
use crate::swarm::selfchecks::{Run, RunState};
use crate::swarm::{SwarmState, Touched};

/// How many runs of self-checks are shown.
const RUNS: usize = 12;

/// The page of providers and self-checks.
pub fn providers_page() -> Node {
    let live = expect_context::<Live>();
    let any = flag(move || live.read(Touched::PROVIDERS, |state| !state.providers.by_id.is_empty()));
    let listed = move || {
        live.read(Touched::PROVIDERS, |state| {
            state
                .providers
                .by_id
                .iter()
                .map(|(id, it)| Row::new([id, " ", &it.by.seq.to_string()].concat(), (id.clone(), it.clone()), provider_row))
                .collect()
        })
    };
    let whole = move || {
        let head = ["Provider", "State", "Answers in", "Endpoint", "Since", ""].map(|name| th().attr("scope", "col").child(name));
        div()
            .class("card scroll")
            .attr("tabindex", "0")
            .attr("role", "region")
            .label("Providers")
            .child(table().child(thead().child(tr().children(head))).child(tbody().child(rows(listed))))
    };
    let nothing = || section().class("nothing").child(p().child("No provider is watched. Add one here, or in swarmdeck.toml."));
    vec![
        div().class("page-head").child(h1().child("Providers")).into(),
        details().class("card").child(summary().child("Watch one")).child(add()).into(),
        either(any, whole, nothing),
        checks(live),
    ]
    .into()
}

fn add() -> Element {
    let kinds = ["ollama", "openai", "http"].map(str::to_owned);
    let fields = vec![
        field("Name", "name", "local-models"),
        choice("Kind", "choice", kinds),
        field("Address", "text", "http://127.0.0.1:11434"),
        submit().child("Watch").into(),
    ];
    deed(Deed::AddProvider, "", fields)
}

fn provider_row((id, it): (String, Provider)) -> Node {
    let latency = it.latency_ms.map_or_else(|| UNKNOWN.to_owned(), |ms| [&rate(ms), " ms"].concat());
    let error = it.last_error.map(|error| p().class("note").child(visible_line(&error)));
    tr().child(th().attr("scope", "row").child(id.clone()))
        .child(td().child(span().class(["pill p-", it.state.as_str()].concat()).child(it.state.as_str().to_ascii_lowercase())))
        .child(td().class("number").child(latency))
        .child(td().child(visible_line(&it.endpoint)).child(error))
        .child(td().child(ago(move || it.by.ts)))
        .child(td().child(deed_button("Probe now", Deed::Probe, id.clone(), Vec::new())).child(deed_button(
            "Remove",
            Deed::RemoveProvider,
            id,
            Vec::new(),
        )))
        .into()
}

fn checks(live: Live) -> Node {
    let runs = move || live.read(Touched::SELFCHECKS, newest);
    section()
        .class("card")
        .attr("aria-labelledby", "checks-title")
        .child(h2().id("checks-title").child("Self-checks"))
        .child(deed_button("Run now", Deed::Check, "", Vec::new()))
        .child(ul().class("lines runs").child(rows(runs)))
        .into()
}

fn newest(state: &SwarmState) -> Vec<Row> {
    let runs: Vec<(&String, &Run)> = state.selfchecks.by_id.iter().collect();
    let places = order(runs.iter().map(|(_, run)| u64::MAX - run.by.seq));
    let row = |(id, run): (&String, &Run)| Row::new([id, " ", &run.by.seq.to_string()].concat(), run.clone(), run_row);
    places.into_iter().take(RUNS).map(|place| row(runs[place])).collect()
}

fn run_row(run: Run) -> Node {
    let share = run
        .progress
        .filter(|_| run.state == RunState::Running)
        .map(|share| progress().attr("max", "100").attr("value", rate(share)).label("Progress"));
    li().child(span().class(["state c-", run.state.as_str()].concat()).child(run.state.as_str()))
        .child(span().class("grow").child(run.message.map(|message| visible_line(&message))))
        .child(share)
        .child((!run.checks.is_empty()).then(|| {
            details()
                .child(summary().child("Checks"))
                .child(ul().children(run.checks.iter().map(|check| li().child(code().child(visible_line(check))))))
        }))
        .child(ago(move || run.by.ts))
        .into()
}
