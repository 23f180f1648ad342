//! Pieces of views. They take data or signals and never fetch.

pub mod about;
pub mod age;
pub mod badge;
pub mod chart;
pub mod chip;
pub mod event_row;
pub mod form;
pub mod frame;
pub mod graph;
pub mod hostile;
pub mod number;
pub mod pace;
pub mod reader;
pub mod welcome;
