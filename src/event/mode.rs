//! Modes: the ways of working that agents are bound to, and where they left them.

use super::table::{About, domain};

domain! {
    /// Modes: the ways of working that agents are bound to, and where they left them.
    ModeEvent = "mode" about About::Anything;

    /// An agent did what its mode does not allow.
    Violation = "violation" ModeViolation {
        /// The mode, such as plan or review.
        mode: Option<String>,
        /// The rule that was broken.
        rule: Option<String>,
        /// What happened, in a sentence.
        message: Option<String>,
        /// The agent's id.
        agent: Option<String>,
        /// The task it was at.
        task: Option<String>,
    }
}
