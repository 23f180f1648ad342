//! A made-up swarm: seeded, endless, and alike for every seed.
//!
//! The browser plays it under a watermark while there is no server; `swarmdeck demo` sends it to a
//! server as if it were real; tests fold it. It knows no clock and no randomness but its seed.

mod cast;
mod random;
mod scenes;

use std::collections::VecDeque;

use crate::event::{Body, Draft, Entity, Timestamp};
use crate::swarm::{SwarmState, hash};
use random::Random;

/// The source that its events name.
pub const SOURCE: &str = "demo";
/// How many agents a scenario may have.
pub const MAX_AGENTS: usize = 2_000;

/// The play: who is on stage, and what comes next.
#[derive(Debug, Clone)]
pub struct Scenario {
    random: Random,
    now: Timestamp,
    /// Milliseconds from one event to the next, on average.
    pace_ms: u64,
    agents: Vec<cast::Player>,
    tasks: Vec<cast::Job>,
    talks: Vec<cast::Talk>,
    /// Who was asked, and by whom.
    questions: Vec<(String, String)>,
    /// What was decided and is not told yet.
    told: VecDeque<(Entity, Body)>,
    serial: u64,
}

impl Scenario {
    /// A swarm of `agents` (2 to [`MAX_AGENTS`]) that comes on stage at `start`.
    pub fn new(seed: u64, agents: usize, start: Timestamp) -> Self {
        let mut random = Random::new(seed);
        let agents = cast::company(&mut random, agents.clamp(2, MAX_AGENTS));
        let mut scenario = Self {
            random,
            now: start,
            pace_ms: 25,
            agents,
            tasks: Vec::new(),
            talks: Vec::new(),
            questions: Vec::new(),
            told: VecDeque::new(),
            serial: 0,
        };
        scenario.open();
        scenario
    }

    /// Moves its own time, forward or back, without anything happening meanwhile.
    pub fn skip_to(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// The next event, at the scenario's own time.
    pub fn next_event(&mut self) -> Draft {
        while self.told.is_empty() {
            self.act();
        }
        self.now.0 += (self.random.below(2 * self.pace_ms) + 1) as i64;
        let (entity, body) = self.told.pop_front().expect("a scene tells something");
        Draft::new(SOURCE, entity, body).at(self.now)
    }

    fn tell(&mut self, kind: &str, id: impl Into<String>, body: impl Into<Body>) {
        self.told.push_back((Entity::new(kind, id), body.into()));
    }

    fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

/// The hash of the state after the first `count` events of the play with this seed and 60 agents.
pub fn hash_of(seed: u64, count: u64) -> String {
    let mut scenario = Scenario::new(seed, 60, Timestamp(1_769_509_293_000));
    let mut state = SwarmState::default();
    for seq in 1..=count {
        let draft = scenario.next_event();
        let now = draft.ts.unwrap_or_default();
        state.fold(&draft.into_event(seq, now));
    }
    hash(&state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::catalogue::DOMAINS;
    use crate::event::wire::At;
    use crate::swarm::Attention;
    use std::collections::BTreeSet;

    #[test]
    fn the_play_tells_every_type_and_tells_it_rightly() {
        let mut scenario = Scenario::new(1, 30, Timestamp(0));
        let mut told = BTreeSet::new();
        for _ in 0..60_000 {
            let draft = scenario.next_event();
            told.insert(draft.body.name().to_owned());
            let again = Draft::read(serde_json::from_str(&draft.to_json()).unwrap(), &At::Root("event"));
            assert_eq!(again.as_ref(), Ok(&draft));
        }
        // What sets a deck up is not played: a deck that takes the play in would probe what is made up.
        let set_up = ["provider.configured", "provider.removed"];
        let all = DOMAINS.iter().flat_map(|domain| domain.kinds).map(|kind| kind.name.to_owned());
        let all: BTreeSet<String> = all.filter(|name| !set_up.contains(&name.as_str())).collect();
        assert_eq!(told, all);
    }

    #[test]
    fn the_play_shows_most_standings() {
        let mut scenario = Scenario::new(3, 60, Timestamp(0));
        let mut state = SwarmState::default();
        let mut seen = BTreeSet::new();
        for seq in 1..=20_000 {
            let draft = scenario.next_event();
            let now = draft.ts.unwrap();
            state.fold(&draft.into_event(seq, now));
            if seq % 500 == 0 {
                seen.extend(state.agents.by_id.values().map(|agent| crate::swarm::status::agent(agent, now).attention));
            }
        }
        for attention in [Attention::NeedsYou, Attention::Failing, Attention::Working, Attention::Waiting, Attention::Idle] {
            assert!(seen.contains(&attention), "{attention}");
        }
    }

    #[test]
    fn one_seed_one_play() {
        let play = |seed| {
            let mut scenario = Scenario::new(seed, 20, Timestamp(0));
            (0..500).map(|_| scenario.next_event().to_json()).collect::<Vec<_>>()
        };
        assert_eq!(play(5), play(5));
        assert_ne!(play(5), play(6));
    }
}
