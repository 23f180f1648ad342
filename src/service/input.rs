//! What services check of everything they are given: ids, lengths, words.

use serde_json::Value;

use super::Refusal;
use crate::event::wire::{At, Wire};
use crate::event::{Draft, MAX_ENTITY_ID, wire};

/// What a rule makes of a command: the events that follow and what to tell, or why not.
pub(super) type Decided<T> = Result<(Vec<Draft>, T), Refusal>;

/// An id that an event can name: 1 to 256 bytes without control characters, and not `*`, which
/// means all.
///
/// # Errors
/// Names the field and what does not fit.
pub(super) fn id(field: &str, id: &str) -> Result<(), Refusal> {
    if id == "*" {
        return Err(Refusal::invalid(format!("{field}: * means all and is no id")));
    }
    if id.chars().any(char::is_control) {
        return Err(Refusal::invalid(format!("{field}: a control character is in it")));
    }
    text(field, id, MAX_ENTITY_ID)
}

/// A text that says something and is no longer than `max` bytes.
///
/// # Errors
/// Names the field and what does not fit.
pub(super) fn text(field: &str, text: &str, max: usize) -> Result<(), Refusal> {
    match text.len() {
        0 => Err(Refusal::invalid(format!("{field}: empty"))),
        length if length > max => Err(Refusal::too_large(format!("{field}: {length} bytes, over the limit of {max}"))),
        _ => Ok(()),
    }
}

/// The same for a text that may be left out.
///
/// # Errors
/// Names the field and what does not fit.
pub(super) fn optional(field: &str, said: Option<&str>, max: usize) -> Result<(), Refusal> {
    said.map_or(Ok(()), |said| text(field, said, max))
}

/// A word of a closed list.
///
/// # Errors
/// Names the field, the word and the list.
pub(super) fn word<T: Wire>(field: &str, word: &str) -> Result<T, Refusal> {
    Ok(T::read(Value::from(word), &At::Root(field))?)
}

/// A value that is no longer than `max` bytes of JSON.
///
/// # Errors
/// Names the field and its size.
pub(super) fn json(field: &str, value: Option<&Value>, max: usize) -> Result<(), Refusal> {
    let length = value.map_or(0, |value| wire::to_text(value).len());
    if length > max {
        return Err(Refusal::too_large(format!("{field}: {length} bytes of JSON, over the limit of {max}")));
    }
    Ok(())
}

/// An id that nobody has: `kind-` and 16 hexadecimal digits by chance.
///
/// # Errors
/// The system gives no randomness.
pub(super) fn fresh(kind: &str) -> Result<String, Refusal> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Refusal::unavailable(format!("no randomness for an id: {error}")))?;
    Ok(format!("{kind}-{:016x}", u64::from_be_bytes(bytes)))
}
