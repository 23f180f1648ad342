//! The folded state, twice: one that everybody reads, and one that the sequencer folds into.
//!
//! When a group of events is committed the two change places, and the one that was read until then
//! catches up with that group before the next. Each event is folded twice, which takes less than a
//! microsecond; a copy of a large swarm takes milliseconds. Readers never wait for a fold, and what
//! they hold never changes. Only where somebody still holds the second one is the first one copied.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use super::Counters;
use crate::event::Event;
use crate::swarm::SwarmState;

/// The state that everybody reads: that at the newest published event.
#[derive(Debug)]
pub(crate) struct Published(Mutex<Arc<SwarmState>>);

impl Published {
    pub(super) fn new(state: SwarmState) -> Self {
        Self(Mutex::new(Arc::new(state)))
    }

    /// The state as it stands now.
    pub(super) fn get(&self) -> Arc<SwarmState> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace(&self, state: Arc<SwarmState>) -> Arc<SwarmState> {
        std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), state)
    }
}

/// The state that only the sequencer changes.
#[derive(Debug, Default)]
pub(super) struct Spare {
    state: Option<Arc<SwarmState>>,
    /// The events that the published state is ahead of it: the last group.
    behind: Vec<Event>,
}

impl Spare {
    /// A state equal to the published one, to be folded into and then [published](Self::publish).
    /// One that is let go of instead, as its events could not be stored, is copied anew next time.
    pub(super) fn take(&mut self, published: &Published, counters: &Counters) -> Ahead {
        let behind = std::mem::take(&mut self.behind);
        if let Some(mut spare) = self.state.take()
            && let Some(state) = Arc::get_mut(&mut spare)
        {
            for event in &behind {
                state.fold(event);
            }
            return Ahead(spare);
        }
        counters.state_copies.fetch_add(1, Ordering::Relaxed);
        Ahead(Arc::new(SwarmState::clone(&published.get())))
    }

    /// Puts a state in the place of the published one, which is `events` behind it and is the spare
    /// one from now on.
    pub(super) fn publish(&mut self, ahead: Ahead, events: Vec<Event>, published: &Published) {
        self.state = Some(published.replace(ahead.0));
        self.behind = events;
    }
}

/// A state that nobody reads yet.
#[derive(Debug)]
pub(super) struct Ahead(Arc<SwarmState>);

impl Ahead {
    /// Folds further events in.
    pub(super) fn fold(&mut self, events: &[Event]) {
        // It is in one hand, so nothing is copied here.
        let state = Arc::make_mut(&mut self.0);
        for event in events {
            state.fold(event);
        }
    }

    /// The state as it is.
    pub(super) fn state(&self) -> &SwarmState {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::demo::Scenario;
    use crate::event::Timestamp;
    use crate::swarm::hash;

    const NOW: Timestamp = Timestamp(1_769_509_293_000);

    /// What becomes of a group of events.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        /// It is published.
        Publish(usize),
        /// It is folded in two parts, as where something is decided in between, and published.
        Decide(usize, usize),
        /// It is folded, and the log does not take it.
        Refuse(usize),
        /// A reader takes the state, and lets go of it so many steps later.
        Hold(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..20_usize).prop_map(Step::Publish),
            (0..20_usize, 0..20_usize).prop_map(|(first, second)| Step::Decide(first, second)),
            (0..20_usize).prop_map(Step::Refuse),
            (0..4_usize).prop_map(Step::Hold),
        ]
    }

    proptest! {
        /// The published state is that of one fold, whoever holds what.
        #[test]
        fn it_is_the_fold_of_what_was_published(steps in proptest::collection::vec(step(), 1..40)) {
            let (published, counters, mut spare) = (Published::new(SwarmState::default()), Counters::default(), Spare::default());
            let (mut scenario, mut whole) = (Scenario::new(5, 12, NOW), SwarmState::default());
            let mut held: Vec<(usize, String, Arc<SwarmState>)> = Vec::new();
            for (at, step) in steps.into_iter().enumerate() {
                held.retain(|(until, before, state)| {
                    assert_eq!(&hash(state), before, "what is held does not change");
                    *until > at
                });
                let mut group = |count: usize| -> Vec<Event> {
                    (1..=count as u64).map(|n| scenario.next_event().into_event(whole.seq + n, NOW)).collect()
                };
                match step {
                    Step::Publish(count) | Step::Decide(count, _) => {
                        let second = if let Step::Decide(_, second) = step { second } else { 0 };
                        let events = group(count + second);
                        let mut ahead = spare.take(&published, &counters);
                        ahead.fold(&events[..count]);
                        prop_assert_eq!(ahead.state().seq, whole.seq + count as u64);
                        ahead.fold(&events[count..]);
                        for event in &events {
                            whole.fold(event);
                        }
                        spare.publish(ahead, events, &published);
                    }
                    Step::Refuse(count) => spare.take(&published, &counters).fold(&group(count)),
                    Step::Hold(steps) => held.push((at + steps, hash(&published.get()), published.get())),
                }
                prop_assert_eq!(hash(&published.get()), hash(&whole));
            }
        }
    }

    #[test]
    fn only_a_state_that_is_held_for_two_groups_is_copied() {
        let (published, counters, mut spare) = (Published::new(SwarmState::default()), Counters::default(), Spare::default());
        let mut scenario = Scenario::new(5, 12, NOW);
        let mut next = 0;
        let mut publish = || {
            next += 1;
            let events = vec![scenario.next_event().into_event(next, NOW)];
            let mut ahead = spare.take(&published, &counters);
            ahead.fold(&events);
            spare.publish(ahead, events, &published);
            counters.state_copies.load(Ordering::Relaxed)
        };
        assert_eq!((0..100).map(|_| publish()).max(), Some(1), "the first makes the second state");
        let held = published.get();
        assert_eq!((publish(), publish(), publish()), (1, 2, 2));
        assert_eq!((held.seq, Arc::strong_count(&held)), (100, 1));
    }
}
