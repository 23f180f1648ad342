//! Pieces of views. They take data or signals and never fetch.

pub mod about;
pub mod age;
pub mod badge;
pub mod chart;
pub mod chip;
pub mod derived;
pub mod event_row;
pub mod form;
pub mod frame;
pub mod graph;
pub mod hostile;
pub mod lanes;
pub mod letters;
pub mod narrow;
pub mod number;
pub mod pace;
pub mod reader;
pub mod timeline;
pub mod welcome;
pub mod window;
