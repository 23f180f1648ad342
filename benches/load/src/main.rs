//! The load generator of `make bench`.
//!
//! - `swarmdeck-load run` measures everything and writes the tables;
//! - `swarmdeck-load check` measures ratios and compares them with the committed baselines;
//! - `swarmdeck-load floor PORT GROUP` is the bare loop over sockets that servers are measured against;
//! - `swarmdeck-load hold COUNT` holds idle connections for another of these processes.
//!
//! In reading order: [`event`] is what is sent, [`client`] and [`crowd`] receive it, [`publisher`]
//! sends it, [`scene`] has what is done, [`suite`] in which order, [`goals`] and [`report`] what is
//! said of it. Nothing here is part of the server, and it knows the server only over sockets.

mod baseline;
mod client;
mod clock;
mod crowd;
mod deck;
mod event;
mod floor;
mod frame;
mod goals;
mod histogram;
mod peers;
mod process;
mod publisher;
mod report;
mod row;
mod scene;
mod suite;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use report::About;
use row::{Results, Row};
use scene::Plan;
use suite::{PARTS, Suite};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["run"] => run(),
        ["check"] => check(),
        ["floor", port, group] => match (port.parse(), group.parse()) {
            (Ok(port), Ok(group)) => floor::serve(port, group),
            _ => Err(io::Error::other("floor PORT GROUP: both are whole numbers")),
        },
        ["hold", count] => match count.parse() {
            Ok(count) => scene::idle::hold(count),
            Err(_) => Err(io::Error::other("hold COUNT: it is a whole number")),
        },
        _ => Err(io::Error::other("it knows run, check, floor PORT GROUP and hold COUNT; see scripts/bench")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("swarmdeck-load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty() && value != "0")
}

fn plan() -> io::Result<Plan> {
    let root = env::current_dir()?;
    let work = root.join("target/bench");
    fs::create_dir_all(&work)?;
    let binary = set("SWARMDECK_BIN").map_or_else(|| root.join("target/release/swarmdeck"), PathBuf::from);
    if !binary.exists() {
        return Err(io::Error::other(format!("{} is not there: make build", binary.display())));
    }
    let quick = set("QUICK").is_some();
    let events = set("EVENTS").and_then(|text| text.parse().ok()).unwrap_or(if quick { 300_000 } else { 10_000_000 });
    Ok(Plan { binary, work, root, quick, events })
}

/// Measures everything, or the parts that `ONLY` names, so often as `RUNS` says.
fn run() -> io::Result<()> {
    let plan = plan()?;
    let runs = set("RUNS").and_then(|text| text.parse().ok()).unwrap_or(if plan.quick { 1 } else { 5 });
    let only = set("ONLY").unwrap_or_default();
    let parts: Vec<&str> = if only.is_empty() { PARTS.to_vec() } else { only.split(',').collect() };
    let mut suite = Suite::new(&plan);
    for run in 1..=runs {
        for part in &parts {
            eprintln!("▸ run {run} of {runs}: {part}");
            suite.part(part);
        }
    }
    micro(&plan, &mut suite.results);
    let name = if plan.quick { "quick.json" } else { "results.json" };
    let path = plan.work.join(name);
    // A run of some parts renews these and leaves the others.
    if !only.is_empty()
        && let Ok(earlier) = fs::read_to_string(&path)
    {
        suite.results.keep_others(&serde_json::from_str(&earlier)?);
    }
    let about = about(&plan, suite.results.runs(), suite.notes);
    println!("{}", report::report(&suite.results, &about, false));
    let peers: Vec<Value> = about
        .peers
        .iter()
        .map(|peer| json!({"who": peer.who, "version": peer.found.as_ref().ok(), "missing": peer.found.as_ref().err()}))
        .collect();
    let goals: Vec<Value> = goals::judge(&suite.results)
        .into_iter()
        .map(|goal| json!({"what": goal.what, "goal": goal.goal, "reached": goal.reached, "met": goal.met}))
        .collect();
    let file = json!({"about": about.lines, "notes": about.notes, "peers": peers, "goals": goals, "rows": suite.results.json()});
    fs::write(&path, serde_json::to_string_pretty(&file)? + "\n")?;
    println!("\n{}", path.display());
    if !plan.quick {
        write_page(&plan.root.join("docs/BENCHMARKS.md"), &suite.results, &about)?;
    }
    Ok(())
}

/// Measures what the baselines hold and says what moved; `WRITE` makes new ones.
fn check() -> io::Result<()> {
    let plan = plan()?;
    let mut suite = Suite::new(&plan);
    for _ in 0..plan.pick(2, 3) {
        for part in ["floor", "fanout", "dialects"] {
            suite.part(part);
        }
    }
    micro(&plan, &mut suite.results);
    let path = plan.root.join("benches/baseline.json");
    if set("WRITE").is_some() {
        baseline::write(&suite.results, &path)?;
        println!("{}", path.display());
        return Ok(());
    }
    let moved = baseline::compare(&suite.results, &path)?;
    println!("{moved} figures moved");
    Ok(())
}

/// Takes what the micro-benchmarks wrote, where they ran.
fn micro(plan: &Plan, results: &mut Results) {
    let text = fs::read_to_string(plan.work.join("micro.json")).unwrap_or_default();
    let Ok(file) = serde_json::from_str::<Value>(&text) else { return };
    for (who, figures) in file.as_object().into_iter().flatten() {
        let mut row = Row::new("micro", who);
        for (name, value) in figures.as_object().into_iter().flatten() {
            if let Some(value) = value.as_f64().filter(|_| name != "events_per_round") {
                row = row.with(name, value);
            }
        }
        results.add(row);
    }
}

fn about(plan: &Plan, (least, most): (usize, usize), notes: Vec<String>) -> About {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let find = |path: &str, key: &str| {
        let text = read(path);
        let line = text.lines().find(|line| line.starts_with(key)).and_then(|line| line.split_once(':'));
        line.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    // Parts may have been measured at other times than the rest.
    let runs = if least == most { most.to_string() } else { format!("{least} to {most}") };
    let lines = vec![
        set("BENCH_DATE").unwrap_or_else(|| "date unknown".to_owned()),
        format!("swarmdeck {}", set("BENCH_VERSION").unwrap_or_else(|| "of unknown version".to_owned())),
        format!(
            "{cores} cores of {}, {}, Linux {}",
            find("/proc/cpuinfo", "model name"),
            find("/proc/meminfo", "MemTotal"),
            read("/proc/sys/kernel/osrelease").trim()
        ),
        format!(
            "runs: {runs}; the median stands first, lowest and highest in brackets; seconds of one measurement: {}; events of the large log: {}",
            plan.seconds(),
            plan.events
        ),
    ];
    About { lines, peers: peers::found(plan), notes }
}

/// The page: an introduction that stays, and the tables after it.
fn write_page(path: &Path, results: &Results, about: &About) -> io::Result<()> {
    let introduction = include_str!("page.md");
    fs::write(path, format!("{introduction}\n{}", report::report(results, about, true)))
}
