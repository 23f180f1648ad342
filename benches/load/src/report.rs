//! What a person reads of the results: on the terminal and in `docs/BENCHMARKS.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::goals::{Judged, judge, number};
use crate::peers::{FLOOR, FLOOR_TEN, Peer};
use crate::row::{Results, Spread};
use crate::suite::DIALECTS;

/// Rows of cells, the first of them the head.
struct Table(Vec<Vec<String>>);

impl Table {
    fn new(head: &[&str]) -> Self {
        Self(vec![head.iter().map(|cell| (*cell).to_owned()).collect()])
    }

    fn markdown(&self) -> String {
        let mut out = String::new();
        for (index, row) in self.0.iter().enumerate() {
            let _ = writeln!(out, "| {} |", row.join(" | "));
            if index == 0 {
                let _ = writeln!(out, "|{}", "---|".repeat(row.len()));
            }
        }
        out
    }

    fn text(&self) -> String {
        let columns = self.0.first().map_or(0, Vec::len);
        let width =
            |column: usize| self.0.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        for row in &self.0 {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        out
    }
}

/// What stands above the tables.
#[derive(Debug)]
pub struct About {
    /// When, where, of what version: a line each.
    pub lines: Vec<String>,
    /// The peers, those that are missing among them.
    pub peers: Vec<Peer>,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
}

/// Everything, as text or as Markdown.
pub fn report(results: &Results, about: &About, markdown: bool) -> String {
    let mut out = String::new();
    let heading = |out: &mut String, text: &str| {
        let _ = if markdown {
            writeln!(out, "\n## {text}\n")
        } else {
            writeln!(out, "\n{text}\n{}", "─".repeat(text.chars().count()))
        };
    };
    for line in &about.lines {
        let _ = writeln!(out, "{}{line}", if markdown { "- " } else { "" });
    }
    for peer in &about.peers {
        let told = match &peer.found {
            Ok(version) => version.clone(),
            Err(reason) => format!("{}: not measured, {reason}", peer.who),
        };
        let _ = writeln!(out, "{}{told}", if markdown { "- " } else { "  " });
    }
    for note in &about.notes {
        let _ = writeln!(out, "{}{note}", if markdown { "- " } else { "✗ " });
    }
    let mut show = |title: &str, table: &Table| {
        if table.0.len() > 1 {
            heading(&mut out, title);
            out.push_str(&if markdown { table.markdown() } else { table.text() });
        }
    };
    let judged = judge(results);
    show("Goals", &goals(&judged));
    show("Goals that are not met, and why", &unmet(&judged));
    for (scene, title) in [
        ("paced-500", "500 clients, 100,000 deliveries/s, one event at a time"),
        ("paced-1000", "1,000 clients, 100,000 deliveries/s, one event at a time"),
        ("saturated-500", "500 clients, as much as the server takes (200 events on their way, handed over in tens)"),
        ("saturated-1000", "1,000 clients, as much as the server takes"),
        ("sustained-500", "500 clients, 90 % of that by the clock"),
        ("sustained-1000", "1,000 clients, 90 % of that by the clock"),
        ("filtered-1000", "1,000 clients with 20 filters, 500 events/s"),
    ] {
        show(title, &fanout(results, scene));
    }
    show("Ratios", &ratio_table(results));
    for (scenes, title) in [
        (&["memory", "idle", "connects"][..], "Connections"),
        (&["filtered-nothing"], "Filters that match nothing"),
        (&["fsync", "ingest-batches", "ingest-single"], "Durable ingest, and the disk alone (32 KB appended and synced)"),
        (&["start", "replay", "storm"], "The log"),
        (&["stalled", "retention"], "Slow readers, and retention"),
        (&["micro"], "One event"),
    ] {
        show(title, &others(results, scenes));
    }
    out
}

fn spread(value: Option<Spread>) -> String {
    match value {
        None => "—".to_owned(),
        Some(Spread { median, low, high }) if low == high => number(median),
        Some(Spread { median, low, high }) => format!("{} ({}–{})", number(median), number(low), number(high)),
    }
}

fn unmet(judged: &[Judged]) -> Table {
    let mut table = Table::new(&["what", "why"]);
    for goal in judged.iter().filter(|goal| goal.met == Some(false)) {
        table.0.push(vec![goal.what.clone(), goal.why.to_owned()]);
    }
    table
}

fn goals(judged: &[Judged]) -> Table {
    let mut table = Table::new(&["what", "goal", "reached", "met"]);
    for goal in judged {
        let met = match goal.met {
            Some(true) => "met",
            Some(false) => "NOT met",
            None => "—",
        };
        let reached = goal.reached.map_or_else(|| "—".to_owned(), number);
        table.0.push(vec![goal.what.clone(), goal.goal.clone(), reached, met.to_owned()]);
    }
    table
}

fn fanout(results: &Results, scene: &str) -> Table {
    let head =
        ["who", "deliveries/s", "CPU µs", "user", "system", "p50 ms", "p99", "p99.9", "max", "KB/conn.", "lost", "disordered"];
    let names = [
        "deliveries_per_s",
        "cpu_us",
        "cpu_user_us",
        "cpu_system_us",
        "p50_ms",
        "p99_ms",
        "p999_ms",
        "max_ms",
        "connection_kb",
        "lost",
        "disordered",
    ];
    let mut table = Table::new(&head);
    for who in results.who(scene) {
        let figures = names.iter().map(|name| spread(results.get(scene, who, name)));
        table.0.push(std::iter::once(who.to_owned()).chain(figures).collect());
    }
    table
}

fn others(results: &Results, scenes: &[&str]) -> Table {
    let mut table = Table::new(&["scene", "who", "figure", "value"]);
    for scene in scenes {
        for who in results.who(scene) {
            for (name, value) in results.figures(scene, who) {
                table.0.push(vec![(*scene).to_owned(), who.to_owned(), name, spread(Some(value))]);
            }
        }
    }
    table
}

/// Our cost of a delivery as a share of others', and of our own other ways.
pub fn ratios(results: &Results) -> BTreeMap<String, f64> {
    let cost = |scene: &str, who: &str| results.get(scene, who, "cpu_us").map(|spread| spread.median).filter(|cost| *cost > 0.0);
    let mut ratios = BTreeMap::new();
    for scene in ["paced-500", "paced-1000", "saturated-500", "saturated-1000"] {
        let Some(ours) = cost(scene, "swarmdeck") else { continue };
        let floor = if scene.starts_with("paced") { FLOOR } else { FLOOR_TEN };
        for who in results.who(scene) {
            let Some(theirs) = cost(scene, who) else { continue };
            if who == floor || !who.starts_with("swarmdeck") && !who.starts_with(FLOOR) {
                ratios.insert(format!("{scene}: swarmdeck / {who}"), ours / theirs);
            } else if DIALECTS.iter().any(|(name, _)| who.ends_with(name)) {
                ratios.insert(format!("{scene}: {who} / swarmdeck"), theirs / ours);
            }
        }
    }
    ratios
}

fn ratio_table(results: &Results) -> Table {
    let mut table = Table::new(&["CPU of a delivery", "ratio"]);
    for (name, ratio) in ratios(results) {
        table.0.push(vec![name, format!("{ratio:.2}")]);
    }
    table
}
