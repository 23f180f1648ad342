//! A map from ids to entries, in order of their ids.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Index;

use serde_json::Value;

use crate::event::pack::{Packer, Unpacker};
use crate::event::wire::{At, Fault, Shape, Wire, close, each_entry, put};

/// Entries by id.
///
/// An ordered index of positions beside a plain list of entries: the tree is compiled once for all
/// kinds of entries, which the browser's download feels.
#[derive(Clone)]
pub struct Table<T> {
    index: BTreeMap<String, u64>,
    entries: Vec<Option<T>>,
    free: Vec<u64>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { index: BTreeMap::new(), entries: Vec::new(), free: Vec::new() }
    }
}

impl<T> Table<T> {
    /// How many entries.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether there is an entry under this id.
    pub fn contains_key(&self, id: &str) -> bool {
        self.index.contains_key(id)
    }

    /// The entry under this id.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.entries[*self.index.get(id)? as usize].as_ref()
    }

    /// The entry under this id.
    pub fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.entries[*self.index.get(id)? as usize].as_mut()
    }

    /// Puts an entry under an id, in place of one that was there.
    pub fn insert(&mut self, id: &str, entry: T) {
        if let Some(place) = self.index.get(id) {
            self.entries[*place as usize] = Some(entry);
            return;
        }
        let place = self.free.pop().unwrap_or(self.entries.len() as u64);
        match self.entries.get_mut(place as usize) {
            Some(slot) => *slot = Some(entry),
            None => self.entries.push(Some(entry)),
        }
        self.index.insert(id.to_owned(), place);
    }

    /// The entry under an id, made where there is none.
    pub fn entry(&mut self, id: &str, make: impl FnOnce() -> T) -> &mut T {
        if !self.index.contains_key(id) {
            self.insert(id, make());
        }
        self.get_mut(id).expect("it was inserted")
    }

    /// The entries, in no order that says anything.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().flatten()
    }

    /// Takes an entry away.
    pub fn remove(&mut self, id: &str) -> Option<T> {
        let place = self.index.remove(id)?;
        self.free.push(place);
        self.entries[place as usize].take()
    }

    /// Takes all entries away.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Ids and entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.index.iter().filter_map(|(id, place)| Some((id, self.entries[*place as usize].as_ref()?)))
    }

    /// The ids, in order.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.index.keys()
    }

    /// The entries, in order of their ids.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.iter().map(|(_, entry)| entry)
    }
}

impl<T> Index<&str> for Table<T> {
    type Output = T;

    fn index(&self, id: &str) -> &T {
        self.get(id).expect("no entry under this id")
    }
}

/// What stands where inside is of no account.
impl<T: PartialEq> PartialEq for Table<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other.iter()).all(|(mine, theirs)| mine == theirs)
    }
}

impl<T: fmt::Debug> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T: Wire> Wire for Table<T> {
    const SHAPE: Shape = Shape::Table(&T::SHAPE);
    const REQUIRED: bool = false;

    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        each_entry(value, at, &mut |id, entry, at| self.entry(id, T::blank).fill(entry, at))
    }

    fn write(&self, out: &mut String) {
        let start = out.len();
        for (id, entry) in self.iter() {
            put(out, start, id, entry);
        }
        close(out, start);
    }

    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.number(self.len() as u64);
        for (id, entry) in self.iter() {
            out.text(id);
            entry.pack(out);
        }
    }

    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        from.each(&mut |from| {
            let id = from.text().to_owned();
            // What was packed has each id once.
            self.index.insert(id, self.entries.len() as u64);
            self.entries.push(Some(T::blank()));
            if let Some(Some(entry)) = self.entries.last_mut() {
                entry.unpack(from);
            }
        });
    }

    fn blank() -> Self {
        Self::default()
    }

    fn is_missing(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// It does what an ordered map does.
        #[test]
        fn agrees_with_a_map(steps in proptest::collection::vec(("[a-d]{1,2}", any::<bool>(), any::<u64>()), 0..60)) {
            let mut table = Table::default();
            let mut map = BTreeMap::new();
            for (id, insert, value) in steps {
                if insert {
                    table.insert(&id, value);
                    map.insert(id, value);
                } else {
                    prop_assert_eq!(table.remove(&id), map.remove(&id));
                }
                prop_assert!(table.iter().eq(map.iter()));
                prop_assert_eq!(table.len(), map.len());
            }
        }
    }
}
