//! What is measured. A scene sets something up, does one thing, and gives a row of figures.

pub mod fanout;
pub mod filtered;
pub mod idle;
pub mod ingest;
pub mod replay;
pub mod retention;
pub mod stalled;
pub mod start;
pub mod storm;

use std::path::PathBuf;

/// How thorough a run is, and where it works.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server's binary.
    pub binary: PathBuf,
    /// Where logs and output go.
    pub work: PathBuf,
    /// Where the project stands.
    pub root: PathBuf,
    /// Two minutes instead of an hour.
    pub quick: bool,
    /// How many events the large log has.
    pub events: u64,
}

impl Plan {
    /// Seconds of one measurement of fan-out.
    pub fn seconds(&self) -> f64 {
        if self.quick { 1.5 } else { 5.0 }
    }

    /// One of two values: the first when it is to be quick.
    pub fn pick<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }
}
