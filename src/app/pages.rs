//! The pages; each wires context and URL to components.

pub mod activity;
pub mod agent;
pub mod agents;
pub mod missing;
pub mod overview;
pub mod tasks;
pub mod topology;
