//! What agents depend on, and how the deck tests itself.

mod checks;
mod probing;

use leptos::prelude::*;

use crate::app::act::Deed;
use crate::app::components::age::{age, ago};
use crate::app::components::chart::hundredth;
use crate::app::components::chip::chip;
use crate::app::components::form::{choice, deed, deed_button, field, sender};
use crate::app::components::hostile::visible_line;
use crate::app::components::number::{UNKNOWN, count, rate};
use crate::app::html::{
    Element, Node, Row, Text, a, b, details, div, either, flag, h1, li, p, rows, section, span, summary, svg, table, tbody, td,
    text, th, thead, tr, ul, when,
};
use crate::app::route::Address;
use crate::client::Live;
use crate::event::Timestamp;
use crate::event::provider::{Origin, ProviderState};
use crate::swarm::Touched;
use crate::swarm::providers::{MAX_REPORTS, Provider, Report};
use probing::{Asked, Probing, follow};

/// The parts of the table that can be chosen, by the address: word, name, what is in it.
type Part = (&'static str, &'static str, fn(&Provider) -> bool);

const PARTS: [Part; 4] = [
    ("", "All", |_| true),
    ("well", "Well", |it| matches!(it.state, ProviderState::Ready | ProviderState::Running)),
    ("ill", "Not well", |it| matches!(it.state, ProviderState::Degraded | ProviderState::Error)),
    ("other", "Stopped or unknown", |it| matches!(it.state, ProviderState::Stopped | ProviderState::Unknown)),
];

/// What the page reads: the state, and how the probing goes as far as the server told.
#[derive(Clone, Copy)]
struct View {
    live: Live,
    address: Address,
    asked: RwSignal<Vec<Asked>>,
}

impl View {
    fn part(self) -> Part {
        let word = self.address.parameter("state").unwrap_or_default();
        *PARTS.iter().find(|(part, ..)| *part == word).unwrap_or(&PARTS[0])
    }

    fn count(self, fits: fn(&Provider) -> bool) -> u64 {
        self.live.read(Touched::PROVIDERS, |state| state.providers.by_id.values().filter(|it| fits(it)).count() as u64)
    }

    /// How the probing of one goes, as far as that is known: not while the server is away, of the
    /// past, or in the demo.
    fn probing(self, name: &str) -> Option<Probing> {
        if !self.live.is_live() || self.live.demo().is_some() || self.live.past().is_some() {
            return None;
        }
        self.asked.with(|all| all.iter().find(|it| it.name == name)?.probing.clone())
    }
}

/// The page of providers and self-checks.
pub fn providers_page() -> Node {
    let live = expect_context::<Live>();
    let view = View { live, address: expect_context::<Address>(), asked: RwSignal::new(Vec::new()) };
    follow(view.live, view.asked);
    let any = flag(move || view.count(|_| true) > 0);
    let some = flag(move || view.count(view.part().2) > 0);
    let hidden = move || {
        section()
            .class("nothing")
            .child(
                p().child("No provider is of this kind. ").child(text(move || count(view.count(|_| true)))).child(" are hidden."),
            )
            .child(p().child(a("/providers").child("Show all")))
    };
    let known = move || -> Node { vec![chips(view).into(), either(some.clone(), move || whole(view), hidden)].into() };
    let nothing = || {
        section()
            .class("nothing")
            .child(p().class("lead").child("No provider is watched."))
            .child(p().child("Add one here, or in swarmdeck.toml: it is then asked at once, and again and again."))
    };
    let standing = text(move || match (view.count(PARTS[1].2), view.count(|_| true)) {
        (_, 0) => String::new(),
        (well, all) => [&count(well), " of ", &count(all), " well"].concat(),
    });
    vec![
        div().class("page-head").child(h1().child("Providers")).child(p().class("standing muted").child(standing)).into(),
        details().class("card starter").child(summary().child("Watch one")).child(add()).into(),
        either(any, known, nothing),
        checks::checks(live),
    ]
    .into()
}

fn add() -> Element {
    let kinds = ["ollama", "openai", "http"].map(str::to_owned);
    let fields = vec![
        field("Name", "name", "local-models"),
        choice("Kind", "choice", kinds),
        field("Address", "text", "http://127.0.0.1:11434"),
        sender().class("primary").child("Watch").into(),
    ];
    deed(Deed::AddProvider, "", fields)
}

fn chips(view: View) -> Element {
    let one = |(word, name, fits): &Part| {
        let (word, fits) = (*word, *fits);
        let to = if word.is_empty() { "/providers".to_owned() } else { ["/providers?state=", word].concat() };
        li().child(chip(to, move || view.part().0 == word).child(*name).child(b().child(text(move || count(view.count(fits))))))
    };
    ul().class("chips").label("Show").children(PARTS.iter().map(one))
}

fn whole(view: View) -> Element {
    let listed = move || {
        let fits = view.part().2;
        let row = |(id, it): (&String, &Provider)| {
            let told = it.configured.as_ref().map_or(0, |configured| configured.by.seq);
            let key = [id, " ", &it.by.seq.to_string(), " ", &told.to_string()].concat();
            Row::new(key, (view, id.clone(), it.clone()), provider_row)
        };
        view.live.read(Touched::PROVIDERS, |state| state.providers.by_id.iter().filter(|(_, it)| fits(it)).map(row).collect())
    };
    let head = ["Provider", "State", "Answers in", "Lately", "Next probe", "Since", ""];
    let head = head.map(|name| th().attr("scope", "col").child(name));
    div()
        .class("card scroll")
        .attr("tabindex", "0")
        .attr("role", "region")
        .label("Providers")
        .child(table().class("providers").child(thead().child(tr().children(head))).child(tbody().child(rows(listed))))
}

fn glyph(state: ProviderState) -> &'static str {
    match state {
        ProviderState::Ready => "✓",
        ProviderState::Running => "●",
        ProviderState::Degraded => "◔",
        ProviderState::Stopped => "■",
        ProviderState::Error => "✕",
        ProviderState::Unknown => "○",
    }
}

fn word(state: ProviderState) -> String {
    state.as_str().to_ascii_lowercase()
}

fn provider_row((view, id, it): (View, String, Provider)) -> Node {
    let (since, probed) = (it.since(), it.configured.is_some());
    let pill = span()
        .class(["pill p-", it.state.as_str()].concat())
        .child(span().class("glyph").hidden_from_readers().child(glyph(it.state)))
        .child(span().child(word(it.state)));
    let error = it.last_error.as_ref().map(|error| p().class("note failing").child(visible_line(error)));
    let whence = match &it.configured {
        Some(configured) if configured.origin == Origin::File => "set up in swarmdeck.toml",
        Some(_) => "set up here",
        None => "reported by others, not probed",
    };
    let remove = deed_button("Remove", Deed::RemoveProvider, id.clone(), Vec::new());
    let probe = probed.then(|| deed_button("Probe now", Deed::Probe, id.clone(), Vec::new()));
    tr().attr("data-row", id.clone())
        .child(
            th().attr("scope", "row")
                .child(visible_line(&id))
                .child(p().class("note muted").child(visible_line(&it.endpoint)))
                .child(p().class("note muted").child(whence)),
        )
        .child(td().child(pill).child(error))
        .child(td().class("number").child(latency(view, &id, &it)))
        .child(td().class("lately").child(lately(&it)))
        .child(td().class("number").child(next(view, &id)))
        .child(td().child(ago(move || since)))
        .child(td().class("deeds").child(probe).child(remove))
        .into()
}

/// How long the newest answer took: the newest probe's where the server told of one, else the
/// newest report's.
fn latency(view: View, id: &str, it: &Provider) -> Text {
    let (id, reported) = (id.to_owned(), it.latency_ms);
    text(move || {
        let ms = view.probing(&id).and_then(|it| it.newest?.latency_ms).or(reported);
        ms.map_or_else(|| UNKNOWN.to_owned(), |ms| [&rate(ms), " ms"].concat())
    })
}

/// When the next probe is due, and how many failed in a row before it.
fn next(view: View, id: &str) -> Node {
    let (id, name) = (id.to_owned(), id.to_owned());
    let due = text(move || match view.probing(&id).and_then(|it| it.next_at) {
        Some(next) => match next.since(view.live.now.get()) {
            0 => "now".to_owned(),
            left => ["in ", &age(left)].concat(),
        },
        None => UNKNOWN.to_owned(),
    });
    let failures = move || view.probing(&name).map_or(0, |probing| probing.failures);
    let many = failures.clone();
    let failed = when(flag(move || failures() > 0), move || {
        let many = many.clone();
        p().class("note").child(text(move || [&count(many()), " failed in a row"].concat()))
    });
    vec![Node::from(due), failed].into()
}

/// The newest reports: how they went, and how long their answers took, in a drawing and in words.
fn lately(it: &Provider) -> Node {
    let highest = it.reports.iter().filter_map(|report| report.latency_ms).map(|ms| ms.round() as u64).max();
    let drawn = bars(it, highest.unwrap_or(0).max(1) as f64);
    let drawing = svg("0 0 120 24").class("bars").hidden_from_readers().drawing(text(move || drawn.clone()));
    let reports = if it.reports.len() == 1 { " report" } else { " reports" };
    let many = [&count(it.reports.len() as u64), reports].concat();
    let words = match highest {
        Some(highest) => [&many, ", at most ", &count(highest), " ms"].concat(),
        None => [&many, ", no latency"].concat(),
    };
    let line = |report: &Report| {
        let ts: Timestamp = report.ts;
        let ms = report.latency_ms.map_or_else(|| UNKNOWN.to_owned(), |ms| [&rate(ms), " ms"].concat());
        li().child(span().class("glyph").hidden_from_readers().child(glyph(report.state)))
            .child(span().class("grow").child(word(report.state)))
            .child(span().class("number").child(ms))
            .child(ago(move || ts))
    };
    if it.reports.is_empty() {
        return span().class("muted").child("no report yet").into();
    }
    details()
        .class("reports")
        .child(summary().child(drawing).child(span().class("note muted").child(words)))
        .child(ul().class("lines").children(it.reports.iter().rev().map(line)))
        .into()
}

/// A bar for each report, newest to the right: as high as its answer took long, in the hue of its state.
fn bars(it: &Provider, highest: f64) -> String {
    let mut out = String::new();
    let skipped = MAX_REPORTS.saturating_sub(it.reports.len());
    for (place, report) in it.reports.iter().enumerate() {
        let high = 3.0 + report.latency_ms.map_or(0.0, |ms| 21.0 * (ms / highest).min(1.0));
        let at =
            [&hundredth((skipped + place) as f64 * 4.0), "\" y=\"", &hundredth(24.0 - high), "\" height=\"", &hundredth(high)];
        out.push_str(&["<rect class=\"p-", report.state.as_str(), "\" width=\"3\" x=\"", &at.concat(), "\"/>"].concat());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::link::{Phase, Transport};
    use crate::client::{Boot, DemoWhy};
    use crate::swarm::SwarmState;

    #[test]
    fn how_probing_goes_is_known_of_now_alone() {
        let owner = Owner::new();
        owner.set();
        provide_context(Address::first());
        let (live, now) = (Live::new(Boot::empty()), Timestamp(1_769_509_293_000));
        let told = Probing { newest: None, next_at: Some(now), failures: 3 };
        let asked = RwSignal::new(vec![Asked { name: "p".to_owned(), probing: Some(told) }]);
        let view = View { live, address: expect_context::<Address>(), asked };
        let failures = || view.probing("p").map(|probing| probing.failures);
        assert_eq!(failures(), None, "nobody is connected yet");
        live.stand(Phase::Live { transport: Transport::WebSocket }, None);
        assert_eq!(failures(), Some(3));
        live.show_past(SwarmState::default());
        assert_eq!(failures(), None, "the past");
        live.leave_past(now);
        assert_eq!(failures(), Some(3));
        live.begin_demo(DemoWhy::Asked, 1, now);
        assert_eq!(failures(), None, "the demo");
    }
}
