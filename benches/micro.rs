//! What one event costs: reading and checking it, and folding it into the state.
//!
//! `cargo bench --features ssr` prints nanoseconds an event, and writes `target/bench/micro.json` for
//! the tables of `make bench`. `micro count CASE ROUNDS` runs one case so often and nothing else:
//! `scripts/bench-micro` counts instructions with it, the difference between two counts of rounds
//! being what an event takes.
//!
//! The events are those of the seeded play: every type of the catalogue, in sizes as they come.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use mimalloc::MiMalloc;
use serde_json::Value;
use swarmdeck::demo::Scenario;
use swarmdeck::event::wire::{At, to_text};
use swarmdeck::event::{Draft, Event, Timestamp};
use swarmdeck::swarm::SwarmState;

/// That of the server.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Events of the play; a round of reading or writing has each once.
const EVENTS: u64 = 1_000;
/// How often a round of folding goes through them, so that the copy of the state that it begins with
/// counts little.
const PASSES: u64 = 10;
/// How many of them go into one array, as senders in a hurry put them.
const BATCH: usize = 100;
/// How long a case is repeated for one figure.
const SPAN: Duration = Duration::from_millis(300);
/// Of how many figures the lowest counts: the others were disturbed.
const TRIES: usize = 7;

/// What is measured.
struct Case {
    name: &'static str,
    /// Events of a round.
    events: u64,
    round: Box<dyn Fn()>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let cases = cases();
    if let [command, name, rounds] = &words[..] {
        if command != "count" {
            return Err("usage: micro [count CASE ROUNDS]".into());
        }
        let case = cases.iter().find(|case| case.name == name).ok_or("no case is called that")?;
        for _ in 0..rounds.parse::<usize>()? {
            (case.round)();
        }
        return Ok(());
    }
    let mut file = serde_json::Map::new();
    for case in &cases {
        let nanos = (0..TRIES).map(|_| measure(case)).fold(f64::INFINITY, f64::min);
        println!("{:14} {nanos:8.0} ns an event", case.name);
        file.insert(case.name.to_owned(), serde_json::json!({ "ns": nanos.round(), "events_per_round": case.events }));
    }
    std::fs::create_dir_all("target/bench")?;
    std::fs::write("target/bench/micro.json", Value::Object(file).to_string())?;
    Ok(())
}

/// Nanoseconds an event.
fn measure(case: &Case) -> f64 {
    let (began, mut rounds) = (Instant::now(), 0);
    while began.elapsed() < SPAN {
        (case.round)();
        rounds += 1;
    }
    began.elapsed().as_nanos() as f64 / (rounds * case.events) as f64
}

fn cases() -> Vec<Case> {
    let mut scenario = Scenario::new(1, 60, Timestamp(1_769_509_293_000));
    let events: Vec<Event> = (1..=EVENTS)
        .map(|seq| {
            let draft = scenario.next_event();
            let now = draft.ts.unwrap_or_default();
            draft.into_event(seq, now)
        })
        .collect();
    let singles: Vec<String> = events.iter().map(to_text).collect();
    let arrays: Vec<String> = singles.chunks(BATCH).map(|batch| format!("[{}]", batch.join(","))).collect();
    // Folding begins where a deck has been at work for a while.
    let mut state = SwarmState::default();
    for event in &events {
        state.fold(event);
    }
    let again = |pass: u64| events.iter().cloned().map(move |event| Event { seq: event.seq + pass * EVENTS, ..event });
    let later: Vec<Event> = (1..=PASSES).flat_map(again).collect();
    let case = |name, events, round| Case { name, events, round };
    vec![
        case("parse", EVENTS, Box::new(move || arrays.iter().for_each(|text| read_array(text)))),
        case("parse-single", EVENTS, Box::new(move || singles.iter().for_each(|text| read_single(text)))),
        case("reduce", EVENTS * PASSES, Box::new(move || fold(state.clone(), &later))),
        case("write", EVENTS, Box::new(move || events.iter().for_each(|event| drop(black_box(to_text(event)))))),
    ]
}

/// As `POST /api/events` reads an array.
fn read_array(text: &str) {
    let values: Vec<Value> = serde_json::from_str(black_box(text)).unwrap_or_default();
    let whole = At::Root("events");
    for (index, value) in values.into_iter().enumerate() {
        let read = Draft::read(value, &At::Index(&whole, index));
        assert!(black_box(read).is_ok());
    }
}

/// As it reads one event.
fn read_single(text: &str) {
    let value = serde_json::from_str(black_box(text)).unwrap_or_default();
    assert!(black_box(Draft::read(value, &At::Root(""))).is_ok());
}

fn fold(mut state: SwarmState, events: &[Event]) {
    for event in events {
        black_box(state.fold(black_box(event)));
    }
    black_box(&state);
}
