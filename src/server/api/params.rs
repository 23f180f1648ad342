//! The parameters of a service's addresses: each is taken by name, and one that is left over is
//! unknown.

use std::str::FromStr;

use crate::event::wire::{At, Wire};
use crate::event::{DEFAULT_SOURCE, MAX_SOURCE, OWN_SOURCES};
use crate::server::problem::Problem;
use crate::server::query::pairs;
use crate::service::Refusal;

/// Who asks, `api` where nobody is named.
///
/// # Errors
/// It is empty, too long, or the deck's own name.
pub(super) fn reporter(source: Option<String>) -> Result<String, Refusal> {
    let source = source.unwrap_or_else(|| DEFAULT_SOURCE.to_owned());
    match source.len() {
        0 => return Err(Refusal::invalid("source: empty")),
        length if length > MAX_SOURCE => {
            return Err(Refusal::invalid(format!("source: {length} bytes, over the limit of {MAX_SOURCE}")));
        }
        _ => {}
    }
    if OWN_SOURCES.contains(&source.as_str()) {
        return Err(Refusal::invalid(format!("source: {source:?} is the deck's own name")));
    }
    Ok(source)
}

/// The parameters of one request.
#[derive(Debug)]
pub(super) struct Params {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
}

impl Params {
    /// Reads a query string.
    ///
    /// # Errors
    /// It is not encoded as one.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut given = pairs(query)?;
        // The guard's.
        given.retain(|(name, _)| name != "token");
        Ok(Self { given, known: Vec::new() })
    }

    /// Takes a parameter out; of one that is given twice, the last counts.
    pub(super) fn take(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let mut found = None;
        self.given.retain(|(given, value)| {
            let hit = given == name;
            if hit {
                found = Some(value.clone());
            }
            !hit
        });
        found.filter(|value| !value.is_empty())
    }

    /// Takes a whole number up to `most`.
    ///
    /// # Errors
    /// It is none, or over the bound.
    pub(super) fn number<T: FromStr + PartialOrd + std::fmt::Display>(
        &mut self,
        name: &'static str,
        usual: T,
        most: T,
    ) -> Result<T, Problem> {
        let Some(text) = self.take(name) else { return Ok(usual) };
        match text.parse::<T>() {
            Ok(number) if number <= most => Ok(number),
            Ok(number) => Err(Problem::parameter(format!("{name}: {number} is over {most}"))),
            Err(_) => Err(Problem::parameter(format!("{name}: {text:?} is no whole number from 0"))),
        }
    }

    /// Takes a word of a closed list.
    ///
    /// # Errors
    /// It is not in the list.
    pub(super) fn word<T: Wire>(&mut self, name: &'static str) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        T::read(text.into(), &At::Root(name)).map(Some).map_err(|fault| Problem::parameter(fault.to_string()))
    }

    /// Takes `true` or `false`, also spelled 1 and 0.
    ///
    /// # Errors
    /// It is neither.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Problem> {
        match self.take(name).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(other) => Err(Problem::parameter(format!("{name}: {other:?} is neither true nor false"))),
        }
    }

    /// Takes `order`: whether the largest comes first.
    ///
    /// # Errors
    /// It is neither asc nor desc.
    pub(super) fn descending(&mut self) -> Result<bool, Problem> {
        match self.take("order").as_deref() {
            None | Some("asc") => Ok(false),
            Some("desc") => Ok(true),
            Some(other) => Err(Problem::parameter(format!("order: {other:?} is neither asc nor desc"))),
        }
    }

    /// Nothing may be left: a misspelt parameter fails instead of being passed over.
    ///
    /// # Errors
    /// Names the first that is unknown, and those that are known.
    pub(super) fn end(self) -> Result<(), Problem> {
        match self.given.first() {
            None => Ok(()),
            Some((name, _)) if self.known.is_empty() => {
                Err(Problem::parameter(format!("{name}: unknown parameter; none is known")))
            }
            Some((name, _)) => Err(Problem::parameter(format!("{name}: unknown parameter; known are {}", self.known.join(", ")))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::agent::Health;

    #[test]
    fn what_is_left_is_unknown() {
        let mut params = Params::read(Some("skip=3&limt=5&token=x&health_status=offline")).unwrap();
        assert_eq!(params.number("skip", 0_usize, 100).unwrap(), 3);
        assert_eq!(params.number("limit", 10_usize, 100).unwrap(), 10);
        assert_eq!(params.word::<Health>("health_status").unwrap(), Some(Health::Offline));
        assert_eq!(params.end().unwrap_err().detail(), "limt: unknown parameter; known are skip, limit, health_status");
        let mut params = Params::read(Some("limit=101&order=up&blocked=maybe&skip=-1")).unwrap();
        assert_eq!(params.number("limit", 10_usize, 100).unwrap_err().detail(), "limit: 101 is over 100");
        assert_eq!(params.number("skip", 0_usize, 100).unwrap_err().detail(), "skip: \"-1\" is no whole number from 0");
        assert!(params.descending().is_err() && params.flag("blocked").is_err());
    }
}
