//! What is said of tasks, checked.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{MAX_DEPENDENCIES, MAX_DESCRIPTION, MAX_RESULT};
use crate::event::MAX_ENTITY_ID;
use crate::event::wire::Object;
use crate::service::{Refusal, input};

/// A task that is put up.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    /// Its id, at most 256 bytes; one is made where it is absent.
    #[serde(default)]
    pub id: Option<String>,
    /// What is to be done, at most 4096 bytes.
    pub description: String,
    /// Urgency; a larger number comes first, and absent is 0.
    #[serde(default)]
    pub priority: Option<i64>,
    /// The task it is a part of.
    #[serde(default)]
    pub parent: Option<String>,
    /// At most 64 tasks that must be completed before it can begin.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// The agent that is to do it.
    #[serde(default)]
    pub agent: Option<String>,
}

impl NewTask {
    /// A task of this description.
    pub fn new(description: impl Into<String>) -> Self {
        Self { description: description.into(), ..Self::default() }
    }

    pub(super) fn check(&self, id: &str) -> Result<(), Refusal> {
        input::id("id", id)?;
        input::text("description", &self.description, MAX_DESCRIPTION)?;
        input::optional("parent", self.parent.as_deref(), MAX_ENTITY_ID)?;
        if self.depends_on.len() > MAX_DEPENDENCIES {
            let count = self.depends_on.len();
            return Err(Refusal::too_large(format!("depends_on: {count} tasks, over the limit of {MAX_DEPENDENCIES}")));
        }
        for (index, on) in self.depends_on.iter().enumerate() {
            if on == id {
                return Err(Refusal::invalid(format!("depends_on[{index}]: a task cannot wait for itself")));
            }
            if self.depends_on[..index].contains(on) {
                return Err(Refusal::invalid(format!("depends_on[{index}]: {on:?} is named twice")));
            }
        }
        Ok(())
    }
}

/// How a task ended well.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    /// How long it took, in milliseconds.
    pub duration_ms: Option<f64>,
    /// What came of it, at most 24 KiB of JSON.
    pub result: Option<Value>,
    /// Figures about it, at most 24 KiB of JSON.
    pub stats: Option<Object>,
}

impl Completion {
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.duration_ms.is_some_and(|duration| !(0.0..=1e15).contains(&duration)) {
            return Err(Refusal::invalid("duration_ms: not between 0 and 1e15"));
        }
        input::json("result", self.result.as_ref(), MAX_RESULT)?;
        let stats = self.stats.clone().map(Value::Object);
        input::json("stats", stats.as_ref(), MAX_RESULT)
    }
}
