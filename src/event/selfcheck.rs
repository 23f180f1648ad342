//! Self-checks: runs in which a system tests itself.

use super::table::{About, domain};
use serde_json::Value;

domain! {
    /// Self-checks: runs in which a system tests itself.
    SelfcheckEvent = "selfcheck" about About::Its("selfcheck");

    /// A run began.
    Started = "started" SelfcheckStarted {}

    /// A run came forward.
    Progress = "progress" SelfcheckProgress {
        /// Share done, in percent.
        progress: f64 => (0.0, 100.0),
        /// What is being checked.
        message: String,
    }

    /// A run ended well.
    Completed = "completed" SelfcheckCompleted {
        /// The outcome in a sentence.
        summary: String,
        /// The checks one by one, in the reporter's form.
        checks: Vec<Value>,
    }

    /// A run ended badly.
    Failed = "failed" SelfcheckFailed {
        /// What failed.
        error: String,
        /// The checks one by one, in the reporter's form.
        checks: Vec<Value>,
    }
}
