//! Everything that is measured, in its order.

use std::io;

use crate::clock::{now, seconds};
use crate::deck::{self, Deck, Durability};
use crate::event::Shape;
use crate::peers::{self, FLOOR, FLOOR_TEN, Running};
use crate::process::machine;
use crate::publisher::{Entrance, Pace};
use crate::row::{Results, Row};
use crate::scene::fanout::{Load, Target, measure};
use crate::scene::{Plan, filtered, idle, ingest, replay, retention, stalled, start, storm};

/// Deliveries a second where events come one at a time.
const PACED: f64 = 100_000.0;
/// Events on their way where a server gets as many as it takes.
const WINDOW: u64 = 200;
/// How many events are handed over together then.
const GROUP: u64 = 10;
/// Which share of what a server took is sent by the clock, to see how late events are near its limit.
const NEAR: f64 = 0.9;

/// Which share of the machine other programs may have while something is measured. The system's own
/// threads, for disk and network, are among them.
const DISTURBED: f64 = 0.08;

/// The dialects, each with the events that it has a name for.
pub const DIALECTS: &[(&str, Shape)] = &[
    ("sse", Shape::Message),
    ("liveops", Shape::Message),
    ("agentos", Shape::Message),
    ("mesh", Shape::Trust),
    ("sessions", Shape::Delta),
    ("trader", Shape::Trade),
];

/// The parts that a run has; `ONLY` names some of them.
pub const PARTS: &[&str] =
    &["floor", "fanout", "dialects", "peers", "filtered", "ingest", "start", "replay", "storm", "idle", "stalled", "retention"];

/// What a run brought, and what went wrong in it.
#[derive(Debug)]
pub struct Suite<'a> {
    plan: &'a Plan,
    /// The figures so far.
    pub results: Results,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
}

impl<'a> Suite<'a> {
    /// Nothing measured yet.
    pub fn new(plan: &'a Plan) -> Self {
        Self { plan, results: Results::default(), notes: Vec::new() }
    }

    /// Measures one part, and notes where other programs had a share of the machine meanwhile.
    pub fn part(&mut self, name: &str) {
        let (began, before) = (now(), machine());
        self.measure(name);
        let (Ok(before), Ok(after)) = (before, machine()) else { return };
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        let others = (after.0 - before.0) - (after.1 - before.1);
        let share = others / (seconds(began, now()) * cores);
        if share > DISTURBED {
            let percent = (share * 100.0).round();
            self.notes.push(format!("{name} was disturbed: other programs had {percent} % of the processors meanwhile"));
        }
    }

    fn measure(&mut self, name: &str) {
        let plan = self.plan;
        match name {
            "floor" => self.floor(),
            "fanout" => self.fanout(),
            "dialects" => self.dialects(),
            "peers" => self.peers(),
            "filtered" => {
                self.keep("filtered", filtered::twenty(plan));
                self.keep("filtered-nothing", filtered::nothing(plan));
            }
            "ingest" => {
                self.keep("fsync", ingest::fsync(plan, &plan.work));
                self.keep("ingest-batches", ingest::durable(plan, "ingest-batches", 8, 100));
                self.keep("ingest-single", ingest::durable(plan, "ingest-single", 64, 1));
            }
            "start" => {
                let started = start::fill(plan).and_then(|()| start::start(plan));
                self.keep("start", started);
            }
            "replay" => {
                let replayed = start::fill(plan).and_then(|()| replay::replay(plan));
                self.keep("replay", replayed);
            }
            "storm" => self.keep("storm", storm::storm(plan)),
            "idle" => {
                self.keep("connects", idle::connects(plan));
                self.keep("idle", idle::idle(plan));
            }
            "stalled" => self.keep("stalled", stalled::stalled(plan)),
            "retention" => {
                let retained = start::fill(plan).and_then(|()| retention::retention(plan));
                self.keep("retention", retained);
            }
            other => self.notes.push(format!("{other}: no part is called that; there are {}", PARTS.join(", "))),
        }
    }

    fn keep(&mut self, scene: &str, measured: io::Result<Row>) {
        match measured {
            Ok(row) => {
                eprintln!("{}", row.json());
                self.results.add(row);
            }
            Err(error) => {
                let note = format!("{scene} was not measured: {error}");
                eprintln!("✗ {note}");
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
            }
        }
    }

    /// One at a time and as many as it takes, with so many subscribers.
    fn both(&mut self, target: &Target<'_>, clients: usize) {
        self.paced(target, clients);
        self.saturated(target, clients);
    }

    fn paced(&mut self, target: &Target<'_>, clients: usize) {
        let scene = format!("paced-{clients}");
        let pace = Pace::Rate(PACED / clients as f64);
        let load = Load { scene: &scene, clients, pace, group: 1, seconds: self.plan.seconds() };
        self.keep(&format!("{scene}, {}", target.who), measure(target, &load));
    }

    fn saturated(&mut self, target: &Target<'_>, clients: usize) {
        let scene = format!("saturated-{clients}");
        let load = Load { scene: &scene, clients, pace: Pace::Window(WINDOW), group: GROUP, seconds: self.plan.seconds() * 0.6 };
        self.keep(&format!("{scene}, {}", target.who), measure(target, &load));
    }

    fn floor(&mut self) {
        for (who, group) in [(FLOOR, 1), (FLOOR_TEN, GROUP)] {
            let running = match peers::floor(self.plan, group) {
                Ok(running) => running,
                Err(error) => return self.keep(who, Err(error)),
            };
            let target = running.target(who);
            for clients in self.crowds() {
                if group == 1 {
                    self.both(&target, clients);
                } else {
                    self.saturated(&target, clients);
                }
            }
        }
    }

    fn crowds(&self) -> [usize; 2] {
        [500, 1_000]
    }

    fn deck(&mut self, durability: Durability) -> Option<Deck> {
        match Deck::fresh(&self.plan.binary, &self.plan.work, durability, &[]) {
            Ok(deck) => Some(deck),
            Err(error) => {
                self.keep("swarmdeck", Err(error));
                None
            }
        }
    }

    fn fanout(&mut self) {
        for clients in self.crowds() {
            // A server of its own for each crowd: what one leaves in memory is not the next one's.
            let Some(deck) = self.deck(Durability::Crash) else { return };
            self.both(&ours("swarmdeck", &deck, Shape::Message), clients);
            let scene = format!("saturated-{clients}");
            if let Some(most) = self.results.get(&scene, "swarmdeck", "deliveries_per_s") {
                let pace = Pace::Rate(NEAR * most.median / clients as f64);
                let scene = format!("sustained-{clients}");
                let load = Load { scene: &scene, clients, pace, group: GROUP, seconds: self.plan.seconds() };
                let measured = measure(&ours("swarmdeck", &deck, Shape::Message), &load);
                self.keep(&scene, measured);
            }
            drop(deck);
            let Some(deck) = self.deck(Durability::Power) else { return };
            self.paced(&ours("swarmdeck, fsync", &deck, Shape::Message), clients);
        }
    }

    fn dialects(&mut self) {
        for (name, shape) in DIALECTS {
            let Some(deck) = self.deck(Durability::Crash) else { return };
            let Some(dial) = deck::dialect(name) else { continue };
            let who = format!("swarmdeck {name}");
            let target = Target { dial, ..ours(&who, &deck, *shape) };
            self.both(&target, 500);
        }
    }

    fn peers(&mut self) {
        for peer in peers::found(self.plan) {
            if peer.found.is_err() {
                continue;
            }
            let running = match peers::start(self.plan, &peer.who) {
                Ok(running) => running,
                Err(error) => {
                    self.keep(&peer.who, Err(error));
                    continue;
                }
            };
            let target = running.target(&peer.who);
            self.keep(&format!("memory, {}", peer.who), idle::memory(&target, self.plan.pick(1_000, 5_000)));
            self.both(&target, 500);
            if !self.plan.quick {
                self.both(&target, 1_000);
            }
        }
    }
}

impl Running {
    fn target<'a>(&'a self, who: &'a str) -> Target<'a> {
        let dial = self.dial.clone();
        Target { who, server: &self.server, dial, entrance: self.entrance, port: self.port, shape: Shape::Message }
    }
}

fn ours<'a>(who: &'a str, deck: &'a Deck, shape: Shape) -> Target<'a> {
    Target { who, server: &deck.server, dial: deck::events(""), entrance: Entrance::Deck, port: deck::PORT, shape }
}
