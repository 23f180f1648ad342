//! Why a service does not do what it is asked for.

use crate::event::Fault;
use crate::hub::{AppendError, DecideError, LogError};

/// The kind of a refusal: what the asker can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// What it is about is not there.
    Missing,
    /// It does not fit how things stand, and may later.
    Conflict,
    /// What was asked for does not fit its form.
    Invalid,
    /// It is over a bound.
    TooLarge,
    /// The asker may not.
    Denied,
    /// The log, or what the service depends on, does not answer.
    Unavailable,
}

/// A refusal, in words that name what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// Its kind.
    pub reason: Reason,
    /// The words, without a final dot.
    pub detail: String,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// There is no such thing.
    pub fn missing(detail: impl Into<String>) -> Self {
        Self::new(Reason::Missing, detail)
    }

    /// Not as things stand.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(Reason::Conflict, detail)
    }

    /// Not in this form.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Reason::Invalid, detail)
    }

    /// Over a bound.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(Reason::TooLarge, detail)
    }

    /// Not by this asker.
    pub fn denied(detail: impl Into<String>) -> Self {
        Self::new(Reason::Denied, detail)
    }

    /// Not now.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(Reason::Unavailable, detail)
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<LogError> for Refusal {
    fn from(error: LogError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl From<DecideError<Self>> for Refusal {
    fn from(error: DecideError<Self>) -> Self {
        match error {
            DecideError::Refused(refusal) => refusal,
            DecideError::Append(error) => error.into(),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::invalid(fault.to_string())
    }
}
