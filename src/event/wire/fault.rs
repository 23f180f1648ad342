//! What is wrong with an input, and where.

use std::fmt;

use serde_json::Value;

/// What is wrong with an input, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Fault {
    /// The place, such as `events[3].payload.progress`.
    pub path: String,
    /// The problem, such as `140 is over 100`.
    pub problem: String,
}

/// A place inside an input, kept on the stack and spelled out only when something is wrong there.
#[derive(Debug, Clone, Copy)]
pub enum At<'a> {
    /// The input as a whole, under this name; empty for "the input itself".
    Root(&'a str),
    /// A field of an object.
    Key(&'a Self, &'a str),
    /// An element of a list.
    Index(&'a Self, usize),
}

impl At<'_> {
    /// A fault at this place.
    pub fn fault(&self, problem: impl Into<String>) -> Fault {
        Fault { path: self.to_string(), problem: problem.into() }
    }

    /// A fault that says what stands there instead of what was expected.
    pub fn mismatch(&self, expected: &str, found: &Value) -> Fault {
        self.fault(format!("expected {expected}, found {}", describe(found)))
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root(name) => f.write_str(name),
            At::Key(At::Root(""), key) => f.write_str(key),
            At::Key(parent, key) => write!(f, "{parent}.{key}"),
            At::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// Names a JSON value for an error text: short, and never the whole of a long string.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::String(_) => "a long text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
