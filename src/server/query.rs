//! The parameters of streams and pages of the log. An unknown one is an error that names it: a
//! typo fails loudly instead of matching nothing.

use axum::http::HeaderMap;

use super::limits::{DEFAULT_PAGE, MAX_PAGE, MAX_RUN};
use super::problem::Problem;
use crate::event::{Cursor, Epoch, Filter};
use crate::hub::{Edge, Hub, Lag};

/// What a stream is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamQuery {
    /// Where to begin; now where absent.
    pub after: Option<Cursor>,
    /// Which events.
    pub filter: Filter,
    /// Whether the folded state comes first.
    pub snapshot: bool,
    /// Over SSE: whether events go without their `event:` line. A browser's `EventSource` hears only
    /// names that it was told, and senders make up types of their own.
    pub plain: bool,
    /// What happens to a reader that falls behind.
    pub lag: Lag,
}

/// What a page of the log is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// Events after this.
    pub after: Option<Cursor>,
    /// Events before the one after this cursor's seq, exclusive.
    pub before: Option<Cursor>,
    /// How many.
    pub limit: usize,
    /// Which events.
    pub filter: Filter,
}

const FILTER_NAMES: &str = "types, filter, entity, source, session, q";

/// The pairs of a query string, decoded.
pub fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let query = query.unwrap_or_default();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Decodes percent-encoding and `+`.
fn decode(text: &str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
                    return Err(Problem::parameter(format!("{text:?} has a % that two hexadecimal digits do not follow")));
                };
                bytes.push((high * 16 + low) as u8);
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::parameter(format!("{text:?} is not UTF-8")))
}

pub(super) fn cursor(name: &str, value: &str) -> Result<Cursor, Problem> {
    value.parse().map_err(|error| Problem::parameter(format!("{name}: {error}")))
}

/// A place of this log: a seq, or a cursor of its own.
pub(super) fn place(name: &str, value: &str, hub: &Hub) -> Result<u64, Problem> {
    if let Ok(seq) = value.parse() {
        return Ok(seq);
    }
    match cursor(name, value)? {
        Cursor::After { epoch, .. } if epoch != hub.epoch() => {
            Err(Problem::parameter(format!("{name}: {value} is of another log")))
        }
        Cursor::After { seq, .. } => Ok(seq),
        Cursor::Beginning => Ok(0),
    }
}

/// An instant: a seq, a cursor, or a time.
pub(super) fn edge(name: &str, value: &str, hub: &Hub) -> Result<Edge, Problem> {
    let edge = Edge::read(value).or_else(|| place(name, value, hub).ok().map(Edge::Seq));
    let fault = || Problem::parameter(format!("{name}: {value:?} is neither a seq nor a time: write 1204 or 2026-01-27T10:21Z"));
    edge.ok_or_else(fault)
}

pub(super) fn flag(name: &str, value: &str) -> Result<bool, Problem> {
    match value {
        "" | "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(Problem::parameter(format!("{name}: {value:?} is neither 1 nor 0"))),
    }
}

pub(super) fn number(name: &str, value: &str, most: u64) -> Result<u64, Problem> {
    match value.parse::<u64>() {
        Ok(0) => Err(Problem::parameter(format!("{name}: 0 is under 1"))),
        Ok(number) if number <= most => Ok(number),
        Ok(number) => Err(Problem::parameter(format!("{name}: {number} is over {most}"))),
        Err(_) => Err(Problem::parameter(format!("{name}: {value:?} is no whole number"))),
    }
}

pub(super) fn filter(into: &mut Filter, name: &str, value: &str) -> Result<bool, Problem> {
    into.add(name, value).map_err(|fault| Problem::parameter(fault.to_string()))
}

/// The cursor before which the events up to and with a seq or a cursor stand.
fn until(value: &str) -> Result<Cursor, Problem> {
    let read = value.parse::<u64>().map(|seq| Cursor::After { epoch: Epoch(0), seq }).or_else(|_| cursor("until", value))?;
    Ok(match read {
        Cursor::Beginning => Cursor::After { epoch: Epoch(0), seq: 1 },
        Cursor::After { epoch, seq } => Cursor::After { epoch, seq: seq.saturating_add(1) },
    })
}

impl StreamQuery {
    /// Reads a query string; `Last-Event-ID`, which a browser sends when it comes back, wins over `after`.
    ///
    /// # Errors
    /// The first parameter that is unknown or does not fit.
    pub fn read(query: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut read = Self::default();
        let (mut drop_oldest, mut max_lag) = (false, None);
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "after" => read.after = Some(cursor("after", &value)?),
                "plain" => read.plain = flag("plain", &value)?,
                "snapshot" => read.snapshot = flag("snapshot", &value)?,
                "on_lag" => {
                    drop_oldest = match value.as_str() {
                        "drop_oldest" => true,
                        "log" => false,
                        _ => return Err(Problem::parameter(format!("on_lag: {value:?} is neither drop_oldest nor log"))),
                    };
                }
                "max_lag" => max_lag = Some(number("max_lag", &value, u64::MAX)?),
                "token" => {}
                _ if filter(&mut read.filter, &name, &value)? => {}
                _ => {
                    let known = format!("after, snapshot, plain, on_lag, max_lag, {FILTER_NAMES}");
                    return Err(Problem::parameter(format!("{name}: unknown parameter; known are {known}")));
                }
            }
        }
        if let Some(id) = headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty()) {
            read.after = Some(cursor("Last-Event-ID", id)?);
        }
        read.lag = match (drop_oldest, max_lag) {
            (true, most) => Lag::DropOldest(most.unwrap_or(1_000)),
            (false, None) => Lag::Log,
            (false, Some(_)) => return Err(Problem::parameter("max_lag: goes with on_lag=drop_oldest")),
        };
        Ok(read)
    }
}

impl PageQuery {
    /// Reads a query string.
    ///
    /// # Errors
    /// The first parameter that is unknown or does not fit.
    pub fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut read = Self { after: None, before: None, limit: DEFAULT_PAGE, filter: Filter::everything() };
        let pairs = pairs(query)?;
        // Whoever names both ends folds the run, and may have it in fewer pages.
        let run = pairs.iter().any(|(name, _)| name == "until") && pairs.iter().any(|(name, _)| name == "after");
        for (name, value) in pairs {
            match name.as_str() {
                "after" => read.after = Some(cursor("after", &value)?),
                "before" => read.before = Some(cursor("before", &value)?),
                "until" => read.before = Some(until(&value)?),
                "limit" => read.limit = number("limit", &value, if run { MAX_RUN } else { MAX_PAGE } as u64)? as usize,
                "token" => {}
                _ if filter(&mut read.filter, &name, &value)? => {}
                _ => {
                    let known = format!("after, before, until, limit, {FILTER_NAMES}");
                    return Err(Problem::parameter(format!("{name}: unknown parameter; known are {known}")));
                }
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(query: &str) -> String {
        StreamQuery::read(Some(query), &HeaderMap::new()).unwrap_err().detail().to_owned()
    }

    #[test]
    fn unknown_and_unfit_parameters_are_named() {
        assert!(detail("tpyes=task.*").starts_with("tpyes: unknown parameter"));
        assert!(detail("after=12").starts_with("after: \"12\" is no cursor"));
        assert!(detail("types=ta*").starts_with("types: \"ta*\" is no type pattern"));
        assert_eq!(detail("on_lag=drop"), "on_lag: \"drop\" is neither drop_oldest nor log");
        assert_eq!(detail("max_lag=0"), "max_lag: 0 is under 1");
        assert_eq!(detail("max_lag=5"), "max_lag: goes with on_lag=drop_oldest");
        assert!(detail("source=%zz").contains('%'));
        let page = PageQuery::read(Some("limit=1001")).unwrap_err();
        assert_eq!(page.detail(), "limit: 1001 is over 1000");
    }

    #[test]
    fn last_event_id_wins_over_after() {
        let headers = HeaderMap::from_iter([("last-event-id".parse().unwrap(), "00000000000000aa-7".parse().unwrap())]);
        let read = StreamQuery::read(Some("after=0&types=task.*%2Cagent.*&source=a+b"), &headers).unwrap();
        assert_eq!(read.after, Some("00000000000000aa-7".parse().unwrap()));
        assert_eq!(read.filter.to_string(), "types=agent.*,task.*&source=a b");
    }
}
