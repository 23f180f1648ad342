//! What views derive from the state, or keep, whatever its type: in one kind of signal.
//!
//! A memo or a signal is compiled once for each type that it holds, and the browser downloads every
//! copy. Here all hold the same: a value behind a pointer, and how it is compared with another.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use leptos::prelude::*;

use crate::app::html::effect;

type Value = Arc<dyn Any + Send + Sync>;

/// A value of some type, and whether another of that type is the same.
#[derive(Clone)]
struct Held {
    value: Value,
    same: fn(&Value, &Value) -> bool,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.value, &other.value) || (self.same)(&self.value, &other.value)
    }
}

fn hold<T: PartialEq + Send + Sync + 'static>(value: T) -> Held {
    Held { value: Arc::new(value), same: |one, other| one.downcast_ref::<T>() == other.downcast_ref::<T>() }
}

fn held<T: Send + Sync + 'static>(held: Held) -> Arc<T> {
    held.value.downcast().expect("a derived value is read as what it was made as")
}

/// Something derived from the state: whoever reads it follows it, and only when it is another. Copy.
pub struct Derived<T> {
    memo: Memo<Held>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Derived<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Derived<T> {}

impl<T> fmt::Debug for Derived<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}

impl<T: PartialEq + Send + Sync + 'static> Derived<T> {
    /// Derives it now and whenever a signal changes that this reads.
    pub fn new(derive: impl Fn() -> T + Send + Sync + 'static) -> Self {
        Self { memo: boxed(Box::new(move || hold(derive()))), of: PhantomData }
    }

    /// A copy of what it is; follows it.
    pub fn get(self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Reads what it is, and follows it.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        let held: Arc<T> = held(self.memo.get());
        read(&held)
    }

    /// What it is now.
    pub fn peek(self) -> Arc<T> {
        held(self.memo.get_untracked())
    }

    /// What it is now, unless its owner is gone.
    pub fn try_peek(self) -> Option<Arc<T>> {
        self.memo.try_get_untracked().map(held)
    }
}

fn boxed(derive: Box<dyn Fn() -> Held + Send + Sync>) -> Memo<Held> {
    Memo::new(move |_| derive())
}

/// Something that a view keeps: whoever reads it follows it. Copy.
pub struct Kept<T> {
    signal: RwSignal<Held>,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kept<T> {}

impl<T> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Kept<T> {
    /// Begins with this.
    pub fn new(value: T) -> Self {
        Self { signal: RwSignal::new(hold(value)), of: PhantomData }
    }

    /// Derives it now and whenever a signal changes that this reads, and tells whoever reads it only
    /// where it is another. A [`Derived`] has all of them ask: for what each frame may change, and
    /// seldom does, and what many read, that is most of the work.
    pub fn following(derive: impl Fn() -> T + 'static) -> Self {
        let kept = Self::new(untrack(&derive));
        effect(move || {
            let value = derive();
            if kept.signal.with_untracked(|held| held.value.downcast_ref::<T>() != Some(&value)) {
                kept.set(value);
            }
        });
        kept
    }

    /// A copy of what it is; follows it.
    pub fn get(self) -> T {
        self.with(T::clone)
    }

    /// Reads what it is, and follows it.
    pub fn with<R>(self, read: impl FnOnce(&T) -> R) -> R {
        let held: Arc<T> = held(self.signal.get());
        read(&held)
    }

    /// What it is now.
    pub fn peek(self) -> Arc<T> {
        held(self.signal.get_untracked())
    }

    /// Takes another value, unless its owner is gone.
    pub fn set(self, value: T) {
        let _gone = self.signal.try_set(hold(value));
    }

    /// Changes the value, unless its owner is gone.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        let Some(now) = self.signal.try_get_untracked() else { return };
        let now: Arc<T> = held(now);
        let mut value = T::clone(&now);
        change(&mut value);
        self.set(value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn what_is_derived_follows_and_is_made_anew_only_where_it_is_another() {
        let owner = Owner::new();
        owner.set();
        let kept = Kept::new(vec![1, 2, 3]);
        let made = Arc::new(AtomicUsize::new(0));
        let many = Derived::new(move || kept.with(Vec::len));
        let counted = Arc::clone(&made);
        let words = Derived::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            many.with(|many| format!("{many} of them"))
        });
        assert_eq!(*words.peek(), "3 of them");
        kept.set(vec![4, 5, 6]);
        assert_eq!((words.peek().as_str(), made.load(Ordering::Relaxed)), ("3 of them", 1));
        kept.update(|kept| kept.push(7));
        assert_eq!((words.peek().as_str(), made.load(Ordering::Relaxed)), ("4 of them", 2));
        assert_eq!(*kept.peek(), [4, 5, 6, 7]);
    }
}
