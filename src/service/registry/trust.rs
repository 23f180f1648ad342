//! The arithmetic of trust: pure functions of scores, outcomes and time.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where trust begins, and what it fades to.
pub const START: f64 = 0.5;
/// A change is published once it adds up to this.
pub const STEP: f64 = 0.01;
/// The share of its distance from [`START`] that a score keeps in a minute: it fades by 1 %.
pub const KEPT_A_MINUTE: f64 = 0.99;
/// How long a peer's earlier reports count, in milliseconds: an hour.
pub const MEMORY_MS: u64 = 3_600_000;

/// What trust is earned with, or lost by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what was asked.
    Success,
    /// It did not.
    Failure,
    /// It did not answer in time.
    Timeout,
    /// Its signature does not fit.
    BadSignature,
    /// It asked too often.
    RateLimit,
    /// It gave a sign of life; the registry's own to count.
    Heartbeat,
    /// It was called.
    Invocation,
    /// It renewed its description; the registry's own to count.
    ProfileUpdate,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Success,
        Self::Failure,
        Self::Timeout,
        Self::BadSignature,
        Self::RateLimit,
        Self::Heartbeat,
        Self::Invocation,
        Self::ProfileUpdate,
    ];

    /// What it is worth, the first time.
    pub fn weight(self) -> f64 {
        match self {
            Self::Success | Self::ProfileUpdate => 0.05,
            Self::Failure => -0.10,
            Self::Timeout => -0.05,
            Self::BadSignature => -0.20,
            Self::RateLimit => -0.02,
            Self::Heartbeat => 0.000_01,
            Self::Invocation => 0.01,
        }
    }

    /// Its spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Timeout => "timeout",
            Self::BadSignature => "bad_signature",
            Self::RateLimit => "rate_limit",
            Self::Heartbeat => "heartbeat",
            Self::Invocation => "invocation",
            Self::ProfileUpdate => "profile_update",
        }
    }

    /// Whether peers may report it; the rest is the registry's own to count.
    pub fn is_reported(self) -> bool {
        !matches!(self, Self::Heartbeat | Self::ProfileUpdate)
    }
}

/// What an outcome is worth after `before` reports of the same peer within the hour: the first
/// counts whole, each further one half as much as the one before it.
pub fn damped(outcome: Outcome, before: usize) -> f64 {
    outcome.weight() * 0.5_f64.powi(i32::try_from(before).unwrap_or(i32::MAX))
}

/// A score after a time without outcomes.
pub fn faded(score: f64, elapsed_ms: u64) -> f64 {
    START + (score - START) * KEPT_A_MINUTE.powf(elapsed_ms as f64 / 60_000.0)
}

/// A score after a change, within 0 and 1.
pub fn moved(score: f64, change: f64) -> f64 {
    (score + change).clamp(0.0, 1.0)
}

/// Whether a score is far enough from the published one to be published. A step of exactly the
/// bound counts, whatever the last bits of the numbers are.
pub fn is_due(score: f64, published: f64) -> bool {
    (score - published).abs() >= STEP - 1e-9
}

/// A score as it is published: to the millionth.
pub fn rounded(score: f64) -> f64 {
    (score * 1e6).round() / 1e6
}

/// A share of successes, counted as if one success and one failure had been seen before (Laplace's
/// rule of succession): a half where nothing is known, and never certain.
pub fn share(successes: u64, failures: u64) -> f64 {
    rounded((successes + 1) as f64 / (successes + failures + 2) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn outcomes_have_their_weights_and_fade_with_repetition() {
        for (outcome, before, expected) in [
            (Outcome::Success, 0, 0.05),
            (Outcome::Success, 1, 0.025),
            (Outcome::Success, 3, 0.00625),
            (Outcome::Failure, 0, -0.10),
            (Outcome::Failure, 2, -0.025),
            (Outcome::Timeout, 0, -0.05),
            (Outcome::BadSignature, 0, -0.20),
            (Outcome::RateLimit, 0, -0.02),
            (Outcome::Heartbeat, 0, 0.000_01),
            (Outcome::Invocation, 0, 0.01),
            (Outcome::ProfileUpdate, 0, 0.05),
        ] {
            assert!(close(damped(outcome, before), expected), "{outcome:?} {before}");
        }
        assert!(damped(Outcome::Success, 5_000).abs() < 1e-12);
    }

    #[test]
    fn a_score_fades_toward_the_middle() {
        for (score, minutes, expected) in [
            (0.5, 600.0, 0.5),
            (1.0, 0.0, 1.0),
            (1.0, 1.0, 0.995),
            (0.0, 1.0, 0.005),
            (1.0, 2.0, 0.990_05),
            (0.6, 0.5, 0.5 + 0.1 * 0.99_f64.sqrt()),
            (1.0, 100_000.0, 0.5),
        ] {
            assert!(close(faded(score, (minutes * 60_000.0) as u64), expected), "{score} after {minutes}");
        }
        // In two steps as in one: it is a function of time, not of how often one looks.
        assert!(close(faded(faded(0.9, 12_345), 54_321), faded(0.9, 66_666)));
    }

    #[test]
    fn a_score_stays_within_its_bounds_and_is_told_when_it_moved() {
        assert_eq!((moved(0.98, 0.05), moved(0.05, -0.1)), (1.0, 0.0));
        assert!(is_due(0.51, 0.5) && is_due(0.49, 0.5) && is_due(0.3 + 0.01, 0.3));
        assert!(!is_due(0.509_9, 0.5));
    }

    #[test]
    fn what_is_not_known_is_a_half() {
        assert_eq!((share(0, 0), share(1, 0), share(0, 2)), (0.5, 0.666_667, 0.25));
    }

    #[test]
    fn words_are_spelled_alike() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
    }
}
