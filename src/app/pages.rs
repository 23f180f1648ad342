//! The pages; each wires context and URL to components.

pub mod activity;
pub mod agent;
pub mod agents;
pub mod approvals;
pub mod connection;
pub mod memory;
pub mod messages;
pub mod missing;
pub mod overview;
pub mod providers;
pub mod sessions;
pub mod tasks;
pub mod topology;
pub mod trading;
