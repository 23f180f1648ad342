//! The filter as a person writes it: one line of text, the same in an address, in the palette, over
//! the API and on the command line.
//!
//! `agent:planner type:task.* status:failing -source:demo "npm test"`: values of one field are
//! alternatives (`type:task.*,agent.registered`, or the field again), different fields must all
//! hold, `-` turns a term round, and words without a field are searched for.
//!
//! | term | an event fits that |
//! |---|---|
//! | `agent:x` | is about the agent, is reported by it, or names it under `agent`, `from` or `to` |
//! | `task:x` | is about the task, or names it under `task` |
//! | `session:x` | is about the session |
//! | `entity:kind:x` | is about this and nothing else |
//! | `source:x` | is reported by it |
//! | `type:task.*` | is of this type |
//! | `status:failing` | itself says this standing of what it is about, see [`standing`] |
//! | `after:`, `before:` | lies after or before a place in the log (`after:1204`); or at or after, or before, a time by its own `ts` (`after:2026-01-27T10:21Z`) |
//! | `word`, `"two words"` | has the text in its type, source, entity's id, or a value of its payload |
//!
//! A value may end in `*`, stands in quotes where it has blanks, and is then taken as it is. Text is
//! found whatever the case of its letters. Lists of agents, tasks and sessions are asked with the
//! same text: see [`Thing`].

mod parse;
mod scan;
mod status;

pub use parse::{FIELDS, NoQuery};
pub use scan::{begin, field};
pub use status::{STANDINGS, standing};

use std::fmt::{self, Write as _};

use super::filter::Subject;
use super::{Timestamp, wire};
use scan::{any_value, contains, fold};

/// The longest text, in bytes.
pub const MAX_QUERY: usize = 1_024;
/// The most terms of one text.
pub const MAX_TERMS: usize = 64;

/// What a term asks about, in the order in which terms are kept and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Field {
    Agent,
    Task,
    Session,
    Entity,
    Source,
    Type,
    Status,
    After,
    Before,
    Text,
}

/// Where a range of the log begins or ends, as a person writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    /// A place: digits alone.
    Seq(u64),
    /// A time, of which seconds, time of day and zone may be left out; the zone is UTC then.
    Time(Timestamp),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Term {
    field: Field,
    not: bool,
    /// What is asked for, as written.
    text: String,
    /// Whether more may follow.
    prefix: bool,
    /// The text in the form that it is compared in: in JSON's escapes, or in small letters.
    needle: String,
    bound: Option<Bound>,
}

/// A filter that a person wrote, ready to be asked. Two that ask the same are equal and have the
/// same text, by [`Display`](fmt::Display).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    terms: Vec<Term>,
}

/// An agent, a task or a session in a list, for the same text that filters events.
///
/// `type:`, `source:`, `after:` and `before:` ask about events: a list of things passes them over,
/// and [`Query::asks_of_events`] says that it does.
#[derive(Debug, Clone, Copy)]
pub struct Thing<'a> {
    /// `agent`, `task`, `session`, …
    pub kind: &'a str,
    /// Its id.
    pub id: &'a str,
    /// The agent that it belongs to, where it does.
    pub agent: Option<&'a str>,
    /// The task that it works on, where it does.
    pub task: Option<&'a str>,
    /// How it stands: one of [`STANDINGS`].
    pub standing: &'a str,
    /// What is written about it: its name, its title, what it says of itself.
    pub texts: &'a [&'a str],
}

impl Query {
    /// Whether it asks nothing.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether an event fits, by its head and by its JSON as the deck writes it. Of an event whose
    /// JSON is not at hand (`""`) only the head is looked at.
    pub fn matches(&self, subject: Subject<'_>, json: &str) -> bool {
        self.all(|term| term.fits(&subject, json))
    }

    /// Whether something in a list fits.
    pub fn fits(&self, thing: &Thing<'_>) -> bool {
        self.all(|term| match term.field {
            Field::Agent => term.names("agent", thing.kind, thing.id) || thing.agent.is_some_and(|agent| term.is(agent)),
            Field::Task => term.names("task", thing.kind, thing.id) || thing.task.is_some_and(|task| term.is(task)),
            Field::Session => term.names("session", thing.kind, thing.id),
            Field::Entity => term.is_entity(thing.kind, thing.id),
            Field::Status => term.text == thing.standing,
            Field::Text => contains(thing.id, &term.needle) || thing.texts.iter().any(|text| contains(text, &term.needle)),
            // Passed over, whichever way round.
            Field::Source | Field::Type | Field::After | Field::Before => !term.not,
        })
    }

    /// Whether a part of it says nothing about things in a list.
    pub fn asks_of_events(&self) -> bool {
        let of_events = |term: &Term| matches!(term.field, Field::Source | Field::Type | Field::After | Field::Before);
        self.terms.iter().any(of_events)
    }

    /// Whether the head of an event is not enough to tell.
    pub fn needs_json(&self) -> bool {
        let of_head = |term: &Term| matches!(term.field, Field::Session | Field::Entity | Field::Source | Field::Type);
        !self.terms.iter().all(of_head)
    }

    /// The part of the log that it is limited to: after the first place and before the second.
    pub fn range(&self) -> (u64, u64) {
        let (mut after, mut before) = (0, u64::MAX);
        for term in self.terms.iter().filter(|term| !term.not) {
            match (term.field, term.bound) {
                (Field::After, Some(Bound::Seq(seq))) => after = after.max(seq),
                (Field::Before, Some(Bound::Seq(seq))) => before = before.min(seq),
                _ => {}
            }
        }
        (after, before)
    }

    /// The entities it is limited to, where it names each in full: what an index can look up.
    pub fn only_entities(&self) -> Option<Vec<(&str, &str)>> {
        let named = |field| {
            let terms = || self.terms.iter().filter(move |term| term.field == field && !term.not);
            (terms().next().is_some() && terms().all(|term| !term.prefix)).then(terms)
        };
        if let Some(terms) = named(Field::Session) {
            return Some(terms.map(|term| ("session", term.text.as_str())).collect());
        }
        named(Field::Entity)?.map(|term| term.text.split_once(':')).collect()
    }

    /// Its terms, each by itself: its text, and the text of all the others.
    pub fn terms(&self) -> Vec<(String, String)> {
        let text = |terms: Vec<Term>| Self { terms }.to_string();
        let mut out = Vec::with_capacity(self.terms.len());
        for place in 0..self.terms.len() {
            let mut others = self.terms.clone();
            let one = others.remove(place);
            out.push((text(vec![one]), text(others)));
        }
        out
    }

    /// The text of what it asks beside one field.
    pub fn beside(&self, field: &str) -> String {
        let mut others = self.clone();
        others.terms.retain(|term| parse::name(term.field) != Some(field));
        others.to_string()
    }

    /// Alternatives of one field hold together, everything else each by itself.
    fn all(&self, hit: impl Fn(&Term) -> bool) -> bool {
        let mut at = 0;
        while let Some(term) = self.terms.get(at) {
            let alternatives = !matches!(term.field, Field::After | Field::Before | Field::Text);
            let mut found = false;
            loop {
                found |= hit(&self.terms[at]);
                at += 1;
                let more = self.terms.get(at).is_some_and(|next| next.field == term.field && next.not == term.not);
                if !more || !alternatives {
                    break;
                }
            }
            if found == term.not {
                return false;
            }
        }
        true
    }
}

impl Term {
    fn new(field: Field, not: bool, text: String, prefix: bool, bound: Option<Bound>) -> Self {
        let needle = match field {
            Field::Text => text.chars().map(fold).collect(),
            Field::Agent | Field::Task => {
                let mut quoted = String::new();
                wire::write_text(&mut quoted, &text);
                quoted[1..quoted.len() - 1].to_owned()
            }
            _ => String::new(),
        };
        Self { field, not, text, prefix, needle, bound }
    }

    fn is(&self, text: &str) -> bool {
        if self.prefix { text.starts_with(self.text.as_str()) } else { text == self.text }
    }

    fn names(&self, wanted: &str, kind: &str, id: &str) -> bool {
        kind == wanted && self.is(id)
    }

    fn is_entity(&self, kind: &str, id: &str) -> bool {
        let (wanted, text) = self.text.split_once(':').unwrap_or_default();
        wanted == kind && if self.prefix { id.starts_with(text) } else { id == text }
    }

    /// Whether the payload has the value under one of some keys.
    fn in_payload(&self, json: &str, keys: &[&str]) -> bool {
        let Some(payload) = field(json, "payload") else { return false };
        keys.iter().filter_map(|key| field(payload, key)).any(|value| {
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            value.is_some_and(|value| if self.prefix { value.starts_with(&self.needle) } else { value == self.needle })
        })
    }

    fn fits(&self, subject: &Subject<'_>, json: &str) -> bool {
        let (kind, id) = subject.entity.unwrap_or_default();
        match self.field {
            Field::Agent => {
                self.names("agent", kind, id) || self.is(subject.source) || self.in_payload(json, &["agent", "from", "to"])
            }
            Field::Task => self.names("task", kind, id) || self.in_payload(json, &["task"]),
            Field::Session => self.names("session", kind, id),
            Field::Entity => self.is_entity(kind, id),
            Field::Source => self.is(subject.source),
            Field::Type => self.is(subject.kind),
            Field::Status => standing(subject.kind, json) == Some(self.text.as_str()),
            Field::After | Field::Before => self.bound.is_some_and(|bound| self.within(bound, json)),
            Field::Text => {
                let found = |text: &str| contains(text, &self.needle);
                found(subject.kind)
                    || found(subject.source)
                    || found(id)
                    || field(json, "payload").is_some_and(|payload| any_value(payload, &mut |value| found(value)))
            }
        }
    }

    fn within(&self, bound: Bound, json: &str) -> bool {
        let after = self.field == Field::After;
        match bound {
            Bound::Seq(place) => {
                let seq = field(json, "seq").and_then(|seq| seq.parse::<u64>().ok());
                seq.is_some_and(|seq| if after { seq > place } else { seq < place })
            }
            Bound::Time(time) => {
                let ts = field(json, "ts").and_then(|ts| Timestamp::parse(ts.trim_matches('"')).ok());
                ts.is_some_and(|ts| if after { ts >= time } else { ts < time })
            }
        }
    }

    /// Appends its value so that it reads back.
    fn show(&self, out: &mut String) {
        let text = self.text.as_str();
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '"' && (c != ',' || self.field == Field::Text);
        let field_like = || text.split_once(':').is_some_and(|(name, _)| parse::is_name(name));
        let bare = !text.is_empty()
            && text.chars().all(plain)
            && (self.field != Field::Text || !(text.starts_with('-') || field_like()))
            && (self.field == Field::Text || !text.ends_with('*'))
            || self.prefix && text.is_empty();
        if bare {
            out.push_str(text);
        } else {
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\') {
                    out.push('\\');
                }
                out.push(c);
            }
            out.push('"');
        }
        if self.prefix {
            out.push('*');
        }
    }
}

/// Its one text: terms in a fixed order, each once.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for (index, term) in self.terms.iter().enumerate() {
            let before = index.checked_sub(1).map(|before| &self.terms[before]);
            let goes_on = before.is_some_and(|before| before.field == term.field && before.not == term.not);
            let name = parse::name(term.field);
            if goes_on && !matches!(term.field, Field::After | Field::Before | Field::Text) {
                out.push(',');
            } else {
                if index > 0 {
                    out.push(' ');
                }
                if term.not {
                    out.push('-');
                }
                if let Some(name) = name {
                    let _infallible = write!(out, "{name}:");
                }
            }
            term.show(&mut out);
        }
        f.write_str(&out)
    }
}

#[cfg(test)]
mod tests;
