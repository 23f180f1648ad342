//! Pieces of views. They take data or signals and never fetch.

pub mod age;
pub mod badge;
pub mod chart;
pub mod event_row;
pub mod frame;
pub mod graph;
pub mod number;
pub mod welcome;
