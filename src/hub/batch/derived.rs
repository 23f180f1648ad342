//! What readers made of a batch, kept for the next reader as long as a budget has room.
//!
//! Two kinds: which events each filter lets through, which is small and asked for often; and forms,
//! such as another format's bytes. All batches of the ring draw on one [`Budget`] for each kind.
//! At its bound the oldest batches are closed and keep nothing any more: whoever still needs
//! something of theirs makes it for himself.

use std::any::{Any, TypeId};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What a filter's entry takes, in bytes: its place in a list that grows by doubling.
const MATCH: usize = 40;
/// What a form takes beside its contents, in bytes: its place in such a list, and two allocations.
const FORM: usize = 160;

/// A batch in another form.
pub trait Form: Send + Sync + 'static {
    /// About how many bytes of memory it takes.
    fn bytes(&self) -> usize;
}

/// How many bytes the batches of one ring may keep of one kind.
#[derive(Debug)]
pub(in crate::hub) struct Budget {
    most: usize,
    used: AtomicUsize,
}

impl Budget {
    /// A budget of so many bytes.
    pub(in crate::hub) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, used: AtomicUsize::new(0) })
    }

    /// How many bytes are kept.
    pub(in crate::hub) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether more than half of it is used: then the oldest gives way, so that the newest has room.
    pub(in crate::hub) fn is_tight(&self) -> bool {
        self.used() > self.most / 2
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.most;
        if !taken {
            self.give(bytes);
        }
        taken
    }

    fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The share of one batch in a budget; without a budget, as for a page of the log on its way to one
/// reader, everything is kept and nothing counted.
#[derive(Debug, Default)]
struct Share {
    budget: Option<Arc<Budget>>,
    bytes: usize,
    closed: bool,
}

impl Share {
    fn take(&mut self, bytes: usize) -> bool {
        let taken = !self.closed && self.budget.as_ref().is_none_or(|budget| budget.take(bytes));
        if taken {
            self.bytes += bytes;
        }
        taken
    }

    fn close(&mut self) {
        self.closed = true;
        if let Some(budget) = &self.budget {
            budget.give(std::mem::take(&mut self.bytes));
        }
    }
}

/// The events that each filter lets through, by index; none where it lets nothing through, as most
/// filters do of most batches.
#[derive(Debug, Default)]
pub(super) struct Matches {
    kept: Mutex<KeptMatches>,
}

#[derive(Debug, Default)]
struct KeptMatches {
    /// By filter, in order.
    found: Vec<(u64, Option<Arc<[u32]>>)>,
    share: Share,
}

impl Matches {
    pub(super) fn within(budget: &Arc<Budget>) -> Self {
        let share = Share { budget: Some(Arc::clone(budget)), ..Share::default() };
        Self { kept: Mutex::new(KeptMatches { share, ..KeptMatches::default() }) }
    }

    /// What a filter lets through, found by the first that asks.
    pub(super) fn of(&self, filter: u64, find: impl FnOnce() -> Vec<u32>) -> Option<Arc<[u32]>> {
        let shared = |found: Vec<u32>| (!found.is_empty()).then(|| found.into());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.share.closed {
            drop(kept);
            return shared(find());
        }
        match kept.found.binary_search_by_key(&filter, |(id, _)| *id) {
            Ok(place) => kept.found[place].1.clone(),
            Err(place) => {
                let found: Option<Arc<[u32]>> = shared(find());
                if kept.share.take(MATCH + found.as_ref().map_or(0, |found| 32 + size_of_val(&found[..]))) {
                    kept.found.insert(place, (filter, found.clone()));
                }
                found
            }
        }
    }

    /// Keeps nothing from here on.
    pub(super) fn close(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.share.close();
        kept.found = Vec::new();
    }
}

/// What a form is known by: its type, and what tells it from others of this type.
type Key = (TypeId, u64, u64);

/// The forms that were made.
#[derive(Debug, Default)]
pub(super) struct Forms {
    kept: Mutex<KeptForms>,
}

#[derive(Debug, Default)]
struct KeptForms {
    /// By key, in order; each an `Arc<OnceLock<Arc<T>>>` of its type.
    made: Vec<(Key, Arc<dyn Any + Send + Sync>)>,
    share: Share,
}

impl Forms {
    pub(super) fn within(budget: &Arc<Budget>) -> Self {
        let share = Share { budget: Some(Arc::clone(budget)), ..Share::default() };
        Self { kept: Mutex::new(KeptForms { share, ..KeptForms::default() }) }
    }

    /// The form of this type and name, made by the first that asks; others that ask meanwhile wait
    /// for it, and nobody else does.
    pub(super) fn of<T: Form>(&self, name: (u64, u64), make: impl FnOnce() -> T) -> Arc<T> {
        let key = (TypeId::of::<T>(), name.0, name.1);
        let Some(place) = self.place::<T>(key) else { return Arc::new(make()) };
        let mut first = false;
        let form = place.get_or_init(|| {
            first = true;
            Arc::new(make())
        });
        if first {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if !kept.share.take(FORM + form.bytes()) {
                kept.made.retain(|(known, _)| *known != key);
            }
        }
        Arc::clone(form)
    }

    fn place<T: Form>(&self, key: Key) -> Option<Arc<OnceLock<Arc<T>>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.share.closed {
            return None;
        }
        match kept.made.binary_search_by_key(&key, |(known, _)| *known) {
            Ok(place) => Arc::clone(&kept.made[place].1).downcast().ok(),
            Err(place) => {
                let made = Arc::<OnceLock<Arc<T>>>::default();
                kept.made.insert(place, (key, Arc::clone(&made) as Arc<dyn Any + Send + Sync>));
                Some(made)
            }
        }
    }

    /// Keeps nothing from here on.
    pub(super) fn close(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.share.close();
        kept.made = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(String);

    impl Form for Text {
        fn bytes(&self) -> usize {
            self.0.len()
        }
    }

    #[test]
    fn a_form_is_made_once_and_counted() {
        let budget = Budget::new(1_000);
        let forms = Forms::within(&budget);
        let first = forms.of((0, 0), || Text("a".repeat(100)));
        assert!(Arc::ptr_eq(&first, &forms.of((0, 0), || panic!("it is made already"))));
        assert!(!Arc::ptr_eq(&first, &forms.of((0, 1), || Text("b".repeat(100)))));
        assert_eq!(budget.used(), 2 * (FORM + 100));
        forms.close();
        assert_eq!((budget.used(), forms.of((0, 0), || Text("c".into())).0.as_str()), (0, "c"));
        assert_eq!(budget.used(), 0, "what is closed keeps nothing");
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let budget = Budget::new(500);
        let forms = Forms::within(&budget);
        for n in 0..3 {
            assert_eq!(forms.of((0, 0), || Text(format!("{n}{}", "x".repeat(600)))).0[..1], n.to_string());
        }
        assert_eq!(budget.used(), 0);
        let matches = Matches::within(&budget);
        for filter in 0..100 {
            assert_eq!(matches.of(filter, || vec![1, 2]).as_deref(), Some(&[1, 2][..]));
            assert!(budget.used() <= 500);
        }
        assert_eq!(matches.of(0, || panic!("it is kept")).as_deref(), Some(&[1, 2][..]));
        matches.close();
        assert_eq!((budget.used(), matches.of(0, Vec::new)), (0, None));
    }

    #[test]
    fn without_a_budget_everything_is_kept() {
        let forms = Forms::default();
        let first = forms.of((0, 0), || Text("x".repeat(10_000)));
        assert!(Arc::ptr_eq(&first, &forms.of((0, 0), || panic!("it is made already"))));
    }
}
