//! Who sits in a lane, by what they are told.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::RandomState;
use std::io::IoSlice;
use std::sync::Arc;

use super::Round;
use super::seat::Seat;
use super::voice::{AnyVoice, Spoken};
use crate::hub::Hub;

/// The seats of a lane, by their voices. All of them have everything up to where a round begins.
#[derive(Debug, Default)]
pub(super) struct Company {
    groups: HashMap<u64, Group>,
    /// Makes keys of voices.
    hasher: RandomState,
}

/// Seats with one voice.
#[derive(Debug)]
struct Group {
    voice: Arc<dyn AnyVoice>,
    seats: Vec<Arc<Seat>>,
}

impl Company {
    /// Takes in who stands where the round begins; gives back who is further, for a later round. Who
    /// is in the middle of it goes on alone.
    pub(super) fn take_in(&mut self, boarding: Vec<Arc<Seat>>, round: &Round) -> Vec<Arc<Seat>> {
        let mut later = Vec::new();
        for seat in boarding {
            match seat.standing() {
                None => {}
                Some((at, voice)) if at == round.from => self.join(voice, vec![seat], at),
                Some((at, _)) if at >= round.to => later.push(seat),
                Some((at, _)) => seat.leave_at(at),
            }
        }
        later
    }

    /// Whether a seat that waits stands at this place or behind it; else it has its socket back.
    pub(super) fn waits(seat: &Seat, place: u64) -> bool {
        match seat.standing() {
            Some((at, _)) if at < place => {
                seat.leave_at(at);
                false
            }
            Some(_) => true,
            None => false,
        }
    }

    /// Seats that have everything up to `at` join those with the same voice.
    fn join(&mut self, voice: Arc<dyn AnyVoice>, mut seats: Vec<Arc<Seat>>, at: u64) {
        match self.groups.entry(voice.key(&self.hasher)) {
            Entry::Vacant(place) => {
                place.insert(Group { voice, seats });
            }
            Entry::Occupied(mut group) if group.get().voice.is(voice.as_any()) => group.get_mut().seats.append(&mut seats),
            // Two voices with one key, by a rare chance: one of them goes on alone.
            Entry::Occupied(_) => seats.iter().for_each(|seat| seat.leave_at(at)),
        }
    }

    /// Has every voice speak, and writes what it said to its seats.
    pub(super) fn give(&mut self, hub: &Hub, round: &Round) {
        let mut changed = Vec::new();
        for (key, group) in &mut self.groups {
            let spoken = group.voice.speak_all(hub, &round.runs);
            // Most filters let most batches pass by.
            if spoken.length == 0 && spoken.then.is_none() {
                continue;
            }
            group.give(&spoken, round);
            if spoken.then.is_some() || group.seats.is_empty() {
                changed.push((*key, spoken.then));
            }
        }
        // All go before any joins: one may have now the voice that another had before.
        let remove = |(key, then)| self.groups.remove(&key).filter(|group| !group.seats.is_empty()).zip(then);
        let moved: Vec<(Group, Arc<dyn AnyVoice>)> = changed.into_iter().filter_map(remove).collect();
        for (group, voice) in moved {
            self.join(voice, group.seats, round.to);
        }
    }

    /// Everybody has his socket back, and everything up to `at`.
    pub(super) fn leave_all(&mut self, at: u64) {
        for group in self.groups.drain().map(|(_, group)| group) {
            group.seats.iter().filter(|seat| seat.is_taken()).for_each(|seat| seat.leave_at(at));
        }
    }

    /// How many may have left before it is worth to look who did.
    pub(super) fn many_left(&self) -> usize {
        64 + self.groups.values().map(|group| group.seats.len()).sum::<usize>() / 2
    }

    /// Forgets who left.
    pub(super) fn clear(&mut self) {
        self.groups.retain(|_, group| {
            group.seats.retain(|seat| seat.is_taken());
            !group.seats.is_empty()
        });
    }
}

impl Group {
    /// Writes to all seats; who leaves is gone from the list.
    fn give(&mut self, spoken: &Spoken, round: &Round) {
        let slices: Vec<IoSlice<'_>> = spoken.pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut index = 0;
        while let Some(seat) = self.seats.get(index) {
            if seat.write(spoken, &slices, round.from, round.to) {
                index += 1;
            } else {
                self.seats.swap_remove(index);
            }
        }
    }
}
