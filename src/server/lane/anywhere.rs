//! Where a busy lane runs on systems that do not let a thread choose: wherever they put it.

/// The processors that lanes keep: none.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept;

/// A thread's hold on nothing.
#[derive(Debug)]
pub(super) struct Hold;

impl Hold {
    pub(super) fn new(Kept: Kept) -> Self {
        Self
    }

    pub(super) fn wait(&mut self) {}

    pub(super) fn work(&mut self) {}
}
