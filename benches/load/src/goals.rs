//! What is to be reached, beside what was.

use crate::peers::{FLOOR, FLOOR_TEN};
use crate::row::Results;
use crate::suite::DIALECTS;

/// One figure of the results.
#[derive(Debug, Clone)]
struct Figure {
    scene: String,
    who: String,
    name: &'static str,
}

fn figure(scene: impl Into<String>, who: impl Into<String>, name: &'static str) -> Figure {
    Figure { scene: scene.into(), who: who.into(), name }
}

#[derive(Debug, Clone)]
enum Limit {
    Most(f64),
    Least(f64),
    /// So many times another figure, and so much more.
    Share(Figure, f64, f64),
    /// The peers' lowest figure.
    LowestPeer,
    /// The peers' highest figure.
    HighestPeer,
}

#[derive(Debug, Clone)]
struct Goal {
    what: String,
    figure: Figure,
    limit: Limit,
}

/// One goal, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What is to be reached.
    pub what: String,
    /// The bound, in words.
    pub goal: String,
    /// What was reached; none where it was not measured.
    pub reached: Option<f64>,
    /// Whether it is within the bound.
    pub met: Option<bool>,
    /// Why it is not, where that is known.
    pub why: &'static str,
}

/// Why a goal is not met, by the scene of its figure, who it is of, and the beginning of its name. The
/// first that fits counts.
const REASONS: &[(&str, &str, &str, &str)] = &[
    (
        "paced",
        "swarmdeck",
        "cpu",
        "an event costs 0.3 ms before anybody reads it (taken in, checked, stored, folded and answered on three threads), which no peer does; and its writes find their sockets cold, because the lane wakes on either processor while the floor's one thread shares one with the reader. io_uring takes a tenth less for a write, which is not enough for unsafe code",
    ),
    (
        "saturated",
        "swarmdeck sse",
        "cpu",
        "a saturated delivery is bytes copied, three fifths of the lane's time, and an event of a stream has a fifth more of them: its place, its name and its line ends",
    ),
    ("paced", "swarmdeck", "p99", "the floor's own is above it: 1,000 writes of one event take so long beside the reader"),
    (
        "sustained",
        "swarmdeck",
        "p99",
        "nine tenths of what this server takes fill both processors, the reader's work included: what makes one of them wait is made up for slowly",
    ),
    (
        "ingest",
        "swarmdeck",
        "ack",
        "senders that wait for each other's commits wait for the disk too: the slow commits are those that meet the checkpoint's own flush of the log's file",
    ),
    (
        "filtered-nothing",
        "swarmdeck",
        "client_event",
        "a lane asks the filter once a batch, for all its readers; the figure is the difference of two runs and moves by a tenth of a microsecond between them",
    ),
];

fn reason(figure: &Figure) -> &'static str {
    let fits = |(scene, who, name, _): &&(&str, &str, &str, &str)| {
        figure.scene.starts_with(scene) && figure.who.starts_with(who) && figure.name.starts_with(name)
    };
    REASONS.iter().find(fits).map_or("not looked into yet", |(.., why)| why)
}

const US: &str = "cpu_us";

fn goals() -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |what: &str, figure: Figure, limit: Limit| goals.push(Goal { what: what.to_owned(), figure, limit });
    for clients in [500, 1_000] {
        let paced = format!("paced-{clients}");
        let of = |text: &str| format!("{clients} clients, {text}");
        let here = |name| figure(&paced, "swarmdeck", name);
        goal(
            &of("one event at a time: CPU µs a delivery, beside the floor"),
            here(US),
            Limit::Share(figure(&paced, FLOOR, US), 1.0, 0.0),
        );
        goal(&of("one event at a time: CPU µs a delivery, beside the best peer"), here(US), Limit::LowestPeer);
        goal(&of("one event at a time: p99 ms"), here("p99_ms"), Limit::Most(5.0));
        goal(
            &of("one event at a time, fsync: p99 ms"),
            figure(&paced, "swarmdeck, fsync", "p99_ms"),
            Limit::Share(figure("fsync", "disk", "p99_ms"), 1.0, 5.0),
        );
        goal(&of("one event at a time: lost"), here("lost"), Limit::Most(0.0));
        let saturated = format!("saturated-{clients}");
        let here = |name| figure(&saturated, "swarmdeck", name);
        goal(&of("saturated: deliveries/s"), here("deliveries_per_s"), Limit::Least(3e6));
        goal(&of("saturated: deliveries/s, beside the best peer"), here("deliveries_per_s"), Limit::HighestPeer);
        goal(
            &of("saturated: CPU µs a delivery, beside the floor's ten a write"),
            here(US),
            Limit::Share(figure(&saturated, FLOOR_TEN, US), 1.3, 0.0),
        );
        goal(&of("saturated: lost"), here("lost"), Limit::Most(0.0));
        goal(
            &of("at 90 % of that by the clock: p99 ms"),
            figure(format!("sustained-{clients}"), "swarmdeck", "p99_ms"),
            Limit::Most(60.0),
        );
    }
    for (name, _) in DIALECTS {
        let factor = if *name == "sse" { 1.3 } else { 1.5 };
        for (scene, text) in [("paced-500", "one event at a time"), ("saturated-500", "saturated")] {
            let who = format!("swarmdeck {name}");
            let limit = Limit::Share(figure(scene, "swarmdeck", US), factor, 0.0);
            goal(&format!("{name}, {text}: CPU µs a delivery, beside our WebSocket"), figure(scene, who, US), limit);
        }
    }
    let mut ours =
        |what: &str, scene: &str, name: &'static str, limit: Limit| goal(what, figure(scene, "swarmdeck", name), limit);
    ours("1,000 clients, 20 filters: evaluations an event", "filtered-1000", "evaluations_per_event", Limit::Most(20.0));
    ours("a filter that matches nothing: CPU µs an event and client", "filtered-nothing", "client_event_us", Limit::Most(0.05));
    let acknowledged = || Limit::Share(figure("fsync", "disk", "p99_ms"), 2.0, 5.0);
    ours("durable, batches of 100: events/s", "ingest-batches", "events_per_s", Limit::Least(120e3));
    ours("durable, batches of 100: acknowledgement p99 ms", "ingest-batches", "ack_p99_ms", acknowledged());
    ours("durable, single, 64 senders: events/s", "ingest-single", "events_per_s", Limit::Least(15e3));
    ours("durable, single, 64 senders: acknowledgement p99 ms", "ingest-single", "ack_p99_ms", acknowledged());
    ours("replay to one client: events/s", "replay", "events_per_s", Limit::Least(700e3));
    ours("replay: first event p99 ms", "replay", "first_p99_ms", Limit::Most(5.0));
    ours("replay: lost", "replay", "lost", Limit::Most(0.0));
    ours("1,000 come back with 200 missed each: seconds", "storm", "seconds", Limit::Most(2.0));
    ours("meanwhile those that stayed: p99 ms", "storm", "live_p99_ms", Limit::Most(20.0));
    ours("1,000 come back: lost", "storm", "lost", Limit::Most(0.0));
    ours("idle connection: KB resident", "idle", "connection_kb", Limit::Most(8.0));
    ours("heartbeats of 19,000: % of a core", "idle", "heartbeat_core_percent", Limit::Most(5.0));
    ours("connects/s", "connects", "connects_per_s", Limit::Least(5_000.0));
    ours("50 of 1,000 stall: p99 of the others, with by without", "stalled", "p99_ratio", Limit::Most(1.1));
    ours("50 of 1,000 stall: KB for each", "stalled", "stalled_kb", Limit::Most(64.0));
    ours("50 of 1,000 stall: how many are whole again", "stalled", "resumed", Limit::Least(50.0));
    ours("50 of 1,000 stall: lost without a word", "stalled", "lost", Limit::Most(0.0));
    ours("start on the large log: seconds", "start", "seconds", Limit::Most(1.0));
    ours("start on the large log: MB resident", "start", "resident_mb", Limit::Most(256.0));
    ours("retention at work: longest stall of a writer beyond the disk's, ms", "retention", "stall_ms", Limit::Most(20.0));
    for (what, who, limit) in [("parsing and validation", "parse", 2_000.0), ("reducer", "reduce", 1_000.0)] {
        goal(&format!("{what}: ns an event"), figure("micro", who, "ns"), Limit::Most(limit));
    }
    goals
}

/// All goals beside the results, by their medians.
pub fn judge(results: &Results) -> Vec<Judged> {
    goals().into_iter().map(|goal| judged(goal, results)).collect()
}

fn judged(goal: Goal, results: &Results) -> Judged {
    let find = |figure: &Figure| results.get(&figure.scene, &figure.who, figure.name).map(|spread| spread.median);
    let reached = find(&goal.figure);
    let peers = |best: fn(f64, f64) -> f64| {
        let scene = &goal.figure.scene;
        let others = results.who(scene).into_iter().filter(|who| !who.starts_with("swarmdeck") && !who.starts_with(FLOOR));
        others
            .filter_map(|who| Some((results.get(scene, who, goal.figure.name)?.median, who)))
            .reduce(|one, other| if best(one.0, other.0) == one.0 { one } else { other })
    };
    // The bound, whether it is the most, and whose figure it is.
    let bound = match &goal.limit {
        Limit::Most(most) => Some((*most, true, String::new())),
        Limit::Least(least) => Some((*least, false, String::new())),
        Limit::Share(other, factor, more) => find(other).map(|value| {
            let times = if *factor == 1.0 { String::new() } else { format!("{factor} × ") };
            let plus = if *more == 0.0 { String::new() } else { format!(" + {more}") };
            (value * factor + more, true, format!(" ({times}{}{plus})", other.who))
        }),
        Limit::LowestPeer => peers(f64::min).map(|(value, who)| (value, true, format!(" ({who})"))),
        Limit::HighestPeer => peers(f64::max).map(|(value, who)| (value, false, format!(" ({who})"))),
    };
    let goal_text = match &bound {
        Some((bound, most, whose)) => format!("{} {}{whose}", if *most { "≤" } else { "≥" }, number(*bound)),
        None => "—".to_owned(),
    };
    let met = bound.and_then(|(bound, most, _)| reached.map(|reached| if most { reached <= bound } else { reached >= bound }));
    let why = if met == Some(false) { reason(&goal.figure) } else { "" };
    Judged { what: goal.what, goal: goal_text, reached, met, why }
}

/// A figure as tables show it.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1e6 {
        format!("{:.2} M", value / 1e6)
    } else if size >= 1e4 {
        format!("{:.1} k", value / 1e3)
    } else if value.fract() == 0.0 || size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        let digits = format!("{value:.3}");
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Row;

    fn row(scene: &str, who: &str, name: &str, value: f64) -> Row {
        Row::new(scene, who).with(name, value)
    }

    #[test]
    fn goals_are_judged_beside_the_floor_and_the_best_peer() {
        let mut results = Results::default();
        results.add(row("paced-500", "swarmdeck", US, 2.0));
        results.add(row("paced-500", FLOOR, US, 2.1));
        results.add(row("paced-500", "Bun", US, 1.9));
        results.add(row("paced-500", "Node ws", US, 5.0));
        let judged = judge(&results);
        let of =
            |text: &str| judged.iter().find(|goal| goal.what.starts_with("500 ") && goal.what.contains(text)).expect("a goal");
        assert_eq!(of("beside the floor").met, Some(true));
        assert_eq!((of("best peer").met, of("best peer").goal.as_str()), (Some(false), "≤ 1.9 (Bun)"));
        assert_eq!(of("p99").met, None);
    }
}
