//! The running scores of trust, between what is published of them.
//!
//! What is published is folded; the ledger holds what is less than a step from it, the signs of
//! life, and who reported when within the hour. It is in memory only: a restart takes the scores up
//! where they were last published, forgets what had not added up to a step, and of earlier reports
//! knows those that the folded history names.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::trust::{self, MEMORY_MS, Outcome, START};
use crate::event::agent::AgentTrustChanged;
use crate::event::wire::Object;
use crate::event::{CORE, Draft, Entity, Timestamp};
use crate::swarm::SwarmState;
use crate::swarm::agents::Agent;

/// How many reports of the last hour are remembered for one agent. Past it the oldest is forgotten,
/// and its peer counts as if it had not reported.
const MAX_REPORTS: usize = 256;

/// One agent's account.
#[derive(Debug)]
struct Account {
    /// The score as it was published; where the folded one differs, somebody else set it.
    published: Option<f64>,
    /// The exact score.
    score: f64,
    /// When it was exact.
    at: Timestamp,
    /// Signs of life that are not in it.
    beats: u32,
    /// Who reported when, oldest first.
    reports: VecDeque<(String, Timestamp)>,
}

impl Account {
    fn of(agent: &Agent, now: Timestamp) -> Self {
        let reports = agent.trust_history.iter().filter_map(|change| {
            let own = (change.reason == Outcome::ProfileUpdate.as_str()).then(|| agent.id.clone());
            Some((change.by.clone().or(own)?, change.ts))
        });
        Self { published: agent.trust, score: START, at: now, beats: 0, reports: reports.collect() }.reset(agent, now)
    }

    /// Takes the score up where it was last published.
    fn reset(mut self, agent: &Agent, now: Timestamp) -> Self {
        let published = agent.trust_history.back().map_or(now, |change| change.ts);
        (self.published, self.score, self.at, self.beats) = (agent.trust, agent.trust.unwrap_or(START), published, 0);
        self
    }

    fn score(&self, now: Timestamp) -> f64 {
        let beats = f64::from(self.beats) * Outcome::Heartbeat.weight();
        trust::moved(trust::faded(self.score, now.since(self.at)), beats)
    }

    /// How often a peer reported within the hour; what is older is forgotten.
    fn reported(&mut self, peer: &str, now: Timestamp) -> usize {
        self.reports.retain(|(_, at)| now.since(*at) < MEMORY_MS);
        self.reports.iter().filter(|(by, _)| by == peer).count()
    }
}

/// The accounts of all agents.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: Mutex<HashMap<String, Account>>,
}

impl Ledger {
    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An agent's score at `now`.
    pub(super) fn score(&self, agent: &Agent, now: Timestamp) -> f64 {
        let accounts = self.accounts();
        let known = accounts.get(&agent.id).filter(|account| account.published == agent.trust);
        trust::rounded(known.map_or_else(|| Account::of(agent, now).score(now), |account| account.score(now)))
    }

    /// Counts a sign of life; whether the score is now due to be published.
    pub(super) fn beat(&self, agent: &Agent, now: Timestamp) -> bool {
        let mut accounts = self.accounts();
        let account = accounts.entry(agent.id.clone()).or_insert_with(|| Account::of(agent, now));
        account.beats = account.beats.saturating_add(1);
        trust::is_due(account.score(now), account.published.unwrap_or(START))
    }

    /// Counts an outcome; the event where the score is due to be published.
    ///
    /// Only called from rules that the hub runs one after the other, so that the published scores
    /// stand in the log in the order in which they came about.
    pub(super) fn apply(&self, agent: &Agent, peer: Option<&str>, outcome: Outcome, now: Timestamp) -> Option<Draft> {
        let mut accounts = self.accounts();
        let account = Self::current(&mut accounts, agent, now);
        let before = peer.map_or(0, |peer| account.reported(peer, now));
        account.score = trust::moved(account.score(now), trust::damped(outcome, before));
        (account.at, account.beats) = (now, 0);
        if let Some(peer) = peer {
            account.reports.push_back((peer.to_owned(), now));
            if account.reports.len() > MAX_REPORTS {
                account.reports.pop_front();
            }
        }
        publish(account, agent, outcome.as_str(), peer.filter(|peer| *peer != agent.id))
    }

    /// Publishes what fading and signs of life have added up to. The same about its callers holds.
    pub(super) fn settle(&self, agent: &Agent, reason: &str, now: Timestamp) -> Option<Draft> {
        let mut accounts = self.accounts();
        let account = Self::current(&mut accounts, agent, now);
        account.score = account.score(now);
        (account.at, account.beats) = (now, 0);
        publish(account, agent, reason, None)
    }

    fn current<'a>(accounts: &'a mut HashMap<String, Account>, agent: &Agent, now: Timestamp) -> &'a mut Account {
        let account = match accounts.remove(&agent.id) {
            // Somebody else set it, or what was published was not taken.
            Some(account) if account.published != agent.trust => account.reset(agent, now),
            Some(account) => account,
            None => Account::of(agent, now),
        };
        accounts.entry(agent.id.clone()).or_insert(account)
    }

    /// Whether an agent's score has faded by a step. Scores that others set are theirs to change.
    pub(super) fn has_faded(&self, agent: &Agent, now: Timestamp) -> bool {
        agent.trust_source.as_deref() == Some(CORE)
            && agent.trust.is_some_and(|published| trust::is_due(self.score(agent, now), published))
    }

    /// Forgets the accounts of agents that are gone.
    pub(super) fn keep_only(&self, state: &SwarmState) {
        self.accounts().retain(|id, _| state.agents.by_id.get(id).is_some_and(|agent| !agent.removed));
    }
}

fn publish(account: &mut Account, agent: &Agent, reason: &str, by: Option<&str>) -> Option<Draft> {
    let previous = account.published.unwrap_or(START);
    if !trust::is_due(account.score, previous) {
        return None;
    }
    account.score = trust::rounded(account.score);
    account.published = Some(account.score);
    let changed = AgentTrustChanged {
        score: account.score,
        previous,
        delta: trust::rounded(account.score - previous),
        reason: reason.to_owned(),
        by: by.map(str::to_owned),
        extra: Object::new(),
    };
    Some(Draft::new(CORE, Entity::new("agent", &agent.id), changed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::wire::At;

    /// The fold of a registration and what the ledger says after it.
    struct Deck {
        state: SwarmState,
        ledger: Ledger,
        now: Timestamp,
    }

    impl Deck {
        fn new() -> Self {
            let mut deck = Self { state: SwarmState::default(), ledger: Ledger::default(), now: Timestamp(1_000_000) };
            let registered = serde_json::json!({"type": "agent.registered", "entity": "agent:a",
                "payload": {"name": "A", "agent_type": "t"}});
            deck.fold(Draft::read(registered, &At::Root("")).unwrap());
            deck
        }

        fn fold(&mut self, draft: Draft) {
            let event = draft.into_event(self.state.seq + 1, self.now);
            self.state.fold(&event);
        }

        fn agent(&self) -> &Agent {
            &self.state.agents.by_id["a"]
        }

        /// Applies and folds; whether it was published.
        fn report(&mut self, peer: &str, outcome: Outcome) -> bool {
            let draft = self.ledger.apply(self.agent(), Some(peer), outcome, self.now);
            let published = draft.is_some();
            draft.into_iter().for_each(|draft| self.fold(draft));
            published
        }
    }

    #[test]
    fn the_same_peer_counts_less_and_less_within_an_hour() {
        let mut deck = Deck::new();
        assert!(deck.report("b", Outcome::Success));
        assert_eq!(deck.agent().trust, Some(0.55));
        assert!(deck.report("b", Outcome::Success));
        assert_eq!(deck.agent().trust, Some(0.575));
        assert!(deck.report("b", Outcome::Success));
        assert!(!deck.report("b", Outcome::Success), "an eighth of it is less than a step");
        assert_eq!(deck.agent().trust_history.len(), 3);
        assert!(deck.report("c", Outcome::Success), "another peer counts whole");
        deck.now.0 += MEMORY_MS.cast_signed();
        let faded = deck.ledger.score(deck.agent(), deck.now);
        assert!(deck.report("b", Outcome::Failure));
        assert!((deck.agent().trust.unwrap() - (faded - 0.1)).abs() < 2e-6, "after an hour it counts whole again");
    }

    #[test]
    fn signs_of_life_add_up() {
        let mut deck = Deck::new();
        let agent = deck.agent().clone();
        let due: Vec<bool> = (0..1_000).map(|_| deck.ledger.beat(&agent, deck.now)).collect();
        assert_eq!(due.iter().position(|due| *due), Some(999));
        let draft = deck.ledger.settle(&agent, "heartbeats", deck.now).unwrap();
        deck.fold(draft);
        assert_eq!(deck.agent().trust, Some(0.51));
    }

    #[test]
    fn a_restart_goes_on_from_what_was_published() {
        let mut deck = Deck::new();
        deck.report("b", Outcome::BadSignature);
        deck.ledger = Ledger::default();
        assert_eq!(deck.ledger.score(deck.agent(), deck.now), 0.3);
        deck.report("b", Outcome::BadSignature);
        assert_eq!(deck.agent().trust, Some(0.2), "the earlier report is known from the history");
        deck.now.0 += 10 * 60_000;
        assert!(deck.ledger.has_faded(deck.agent(), deck.now));
        let draft = deck.ledger.settle(deck.agent(), "decay", deck.now).unwrap();
        deck.fold(draft);
        assert!((deck.agent().trust.unwrap() - trust::faded(0.2, 600_000)).abs() < 2e-6);
    }

    #[test]
    fn what_others_set_is_taken_up_and_left_alone() {
        let mut deck = Deck::new();
        deck.report("b", Outcome::Success);
        let set = |source: &str| {
            let set = serde_json::json!({"type": "agent.trust_changed", "entity": "agent:a", "source": source,
                "payload": {"score": 0.9, "previous": 0.55, "delta": 0.35, "reason": "audit"}});
            Draft::read(set, &At::Root("")).unwrap()
        };
        deck.fold(set("a"));
        assert_eq!(deck.agent().trust, Some(0.55), "nobody sets his own");
        deck.fold(set("auditor"));
        deck.now.0 += 3_600_000;
        assert!(!deck.ledger.has_faded(deck.agent(), deck.now));
        let faded = trust::faded(0.9, 3_600_000);
        assert!((deck.ledger.score(deck.agent(), deck.now) - faded).abs() < 2e-6);
        deck.report("c", Outcome::Failure);
        assert!((deck.agent().trust.unwrap() - (faded - 0.1)).abs() < 2e-6);
    }
}
