//! From the text to its terms, and what is wrong with a text and where.

use std::str::FromStr;

use super::{Bound, Field, MAX_QUERY, MAX_TERMS, Query, STANDINGS, Term};
use crate::event::Timestamp;

/// The fields by name, for errors and for whoever offers them.
pub const FIELDS: &[&str] = &["agent", "task", "session", "entity", "source", "type", "status", "after", "before"];
const KINDS: &[Field] = &[
    Field::Agent,
    Field::Task,
    Field::Session,
    Field::Entity,
    Field::Source,
    Field::Type,
    Field::Status,
    Field::After,
    Field::Before,
];

/// What is wrong with a text, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("character {}: {problem}", at + 1)]
pub struct NoQuery {
    /// Where the fault begins, in characters from 0.
    pub at: usize,
    /// How many characters it spans.
    pub length: usize,
    /// What is wrong.
    pub problem: String,
}

/// The name of a field; none for plain text.
pub(super) fn name(field: Field) -> Option<&'static str> {
    KINDS.iter().position(|kind| *kind == field).map(|place| FIELDS[place])
}

/// Whether a text has the look of a field's name.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

impl FromStr for Query {
    type Err = NoQuery;

    fn from_str(text: &str) -> Result<Self, NoQuery> {
        if text.len() > MAX_QUERY {
            let problem = ["the text is longer than ", &MAX_QUERY.to_string(), " bytes"].concat();
            return Err(NoQuery { at: 0, length: text.chars().count(), problem });
        }
        let mut reader = Reader { chars: text.chars().collect(), at: 0, terms: Vec::new() };
        reader.read()?;
        let mut terms = reader.terms;
        terms.sort_unstable();
        terms.dedup();
        Ok(Self { terms })
    }
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    terms: Vec<Term>,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    /// Whether a term ends here.
    fn ends(&self) -> bool {
        self.peek().is_none_or(char::is_whitespace)
    }

    fn fault<T>(&self, from: usize, problem: &[&str]) -> Result<T, NoQuery> {
        Err(NoQuery { at: from, length: (self.at - from).max(1), problem: problem.concat() })
    }

    fn read(&mut self) -> Result<(), NoQuery> {
        loop {
            while self.peek().is_some_and(char::is_whitespace) {
                self.at += 1;
            }
            if self.peek().is_none() {
                return Ok(());
            }
            self.term()?;
        }
    }

    fn term(&mut self) -> Result<(), NoQuery> {
        let from = self.at;
        let not = self.peek() == Some('-');
        self.at += usize::from(not);
        let field = if self.peek() == Some('"') { Field::Text } else { self.field(from)? };
        if field == Field::Text {
            let (text, _) = self.value(field)?;
            if text.is_empty() {
                return self.fault(from, &["nothing to search for"]);
            }
            return self.push(from, Term::new(field, not, text, false, None));
        }
        loop {
            let begin = self.at;
            let (text, prefix) = self.value(field)?;
            let term = self.checked(field, not, text, prefix, begin)?;
            self.push(from, term)?;
            if self.peek() != Some(',') {
                return Ok(());
            }
            self.at += 1;
        }
    }

    fn push(&mut self, from: usize, term: Term) -> Result<(), NoQuery> {
        if self.terms.len() == MAX_TERMS {
            return self.fault(from, &["more than ", &MAX_TERMS.to_string(), " terms"]);
        }
        self.terms.push(term);
        Ok(())
    }

    /// The field that a term names, with its colon read; text where it names none.
    fn field(&mut self, from: usize) -> Result<Field, NoQuery> {
        let rest = &self.chars[self.at..];
        let end = rest.iter().position(|c| !c.is_ascii_lowercase() && *c != '_').unwrap_or(rest.len());
        if end == 0 || rest.get(end) != Some(&':') {
            return Ok(Field::Text);
        }
        let named: String = rest[..end].iter().collect();
        match FIELDS.iter().position(|field| *field == named) {
            Some(place) => {
                self.at += end + 1;
                Ok(KINDS[place])
            }
            None => {
                self.at += end;
                let known = FIELDS.join(", ");
                self.fault(from, &["unknown field \"", &named, "\"; known are ", &known, "; text with a colon stands in quotes"])
            }
        }
    }

    /// One value, and whether a `*` ends it.
    fn value(&mut self, field: Field) -> Result<(String, bool), NoQuery> {
        let from = self.at;
        let mut text = String::new();
        if self.peek() == Some('"') {
            self.at += 1;
            loop {
                match self.peek() {
                    None => return self.fault(from, &["a quote that does not end"]),
                    Some('"') => break,
                    Some('\\') if matches!(self.chars.get(self.at + 1), Some('"' | '\\')) => {
                        text.push(self.chars[self.at + 1]);
                        self.at += 2;
                    }
                    Some(c) => {
                        text.push(c);
                        self.at += 1;
                    }
                }
            }
            self.at += 1;
            let prefix = field != Field::Text && self.peek() == Some('*');
            self.at += usize::from(prefix);
            if !self.ends() && (field == Field::Text || self.peek() != Some(',')) {
                return self.fault(self.at, &["a blank is missing after the quote"]);
            }
            return Ok((text, prefix));
        }
        while let Some(c) = self.peek() {
            if c.is_whitespace() || (c == ',' && field != Field::Text) {
                break;
            }
            text.push(c);
            self.at += 1;
        }
        let prefix = field != Field::Text && text.ends_with('*');
        if prefix {
            text.pop();
        }
        Ok((text, prefix))
    }

    /// A term whose value makes sense for its field.
    fn checked(&self, field: Field, not: bool, text: String, prefix: bool, from: usize) -> Result<Term, NoQuery> {
        let named = name(field).unwrap_or_default();
        if text.is_empty() && !prefix {
            return self.fault(from, &["nothing stands after ", named, ":"]);
        }
        match field {
            Field::Type => {
                let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
                if !text.bytes().all(fits) || !(prefix || text.contains('.')) {
                    return self.fault(from, &["\"", &text, "\" is no type: write task.progress or task.*"]);
                }
            }
            Field::Entity => {
                if text.split_once(':').is_none_or(|(kind, id)| kind.is_empty() || (id.is_empty() && !prefix)) {
                    return self.fault(from, &["\"", &text, "\" is no entity: write task:abc or agent:*"]);
                }
            }
            Field::Status => {
                if prefix || !STANDINGS.contains(&text.as_str()) {
                    return self.fault(from, &["\"", &text, "\" is no standing; they are ", &STANDINGS.join(", ")]);
                }
            }
            Field::After | Field::Before => {
                let Some(read) = Bound::read(&text).filter(|_| !prefix) else {
                    let problem = "\" is neither a seq nor a time: write 1204 or 2026-01-27T10:21Z";
                    return self.fault(from, &["\"", &text, problem]);
                };
                return Ok(Term::new(field, not, read.shown(), false, Some(read)));
            }
            _ => {}
        }
        Ok(Term::new(field, not, text, prefix, None))
    }
}

impl Bound {
    /// Reads `1204`, `2026-01-27`, `2026-01-27T10:21`, or a whole time.
    pub fn read(text: &str) -> Option<Self> {
        if let Ok(seq) = text.parse::<u64>() {
            return Some(Self::Seq(seq));
        }
        let missing = match text.len() {
            10 => "T00:00:00Z",
            16 => ":00Z",
            19 => "Z",
            17 if text.ends_with('Z') => return Timestamp::parse(&[&text[..16], ":00Z"].concat()).ok().map(Self::Time),
            _ => "",
        };
        Timestamp::parse(&[text, missing].concat()).ok().map(Self::Time)
    }

    fn shown(self) -> String {
        match self {
            Self::Seq(seq) => seq.to_string(),
            Self::Time(time) => time.to_string(),
        }
    }
}
