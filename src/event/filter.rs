//! Which events a reader wants.
//!
//! Lists are OR, fields are AND, an empty field asks nothing. A filter is compiled once and
//! evaluated without allocation; two filters that ask the same are equal and have the same
//! canonical text, so that subscribers can share one evaluation.

use std::fmt;

use super::query::Query;
use super::wire::{At, Fault};

/// How many patterns one filter may have over all its fields.
pub const MAX_PATTERNS: usize = 64;
/// How long one pattern may be, in bytes.
pub const MAX_PATTERN: usize = 400;

/// What a filter looks at: the head of an event.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The event's type.
    pub kind: &'a str,
    /// Who reported it.
    pub source: &'a str,
    /// What it is about: kind and id.
    pub entity: Option<(&'a str, &'a str)>,
}

/// A compiled filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter {
    types: Vec<TypePattern>,
    entities: Vec<EntityPattern>,
    sources: Vec<String>,
    sessions: Vec<String>,
    query: Query,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum TypePattern {
    /// `*`
    Any,
    /// `task.*`, kept with its dot
    Under(String),
    /// `task.progress`
    Exact(String),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum EntityPattern {
    /// `agent:*`
    Kind(String),
    /// `agent:planner`
    One(String, String),
}

impl Filter {
    /// The names of its fields as parameters, `filter` being short for `types`; `q` is a [`Query`].
    pub const FIELDS: &'static [&'static str] = &["types", "filter", "entity", "source", "session", "q"];

    /// A filter that lets everything through.
    pub fn everything() -> Self {
        Self::default()
    }

    /// A filter on events about these entities.
    pub fn about<I: IntoIterator<Item = (String, String)>>(entities: I) -> Self {
        let mut filter = Self::default();
        for (kind, id) in entities {
            put(&mut filter.entities, EntityPattern::One(kind, id));
        }
        filter
    }

    /// Adds the patterns of one parameter, separated by commas; of `q`, the whole text. `false` where the name is none of
    /// [`FIELDS`](Self::FIELDS).
    ///
    /// # Errors
    /// A pattern that is malformed, too long, or one too many.
    pub fn add(&mut self, field: &str, patterns: &str) -> Result<bool, Fault> {
        let at = At::Root(field);
        if field == "q" {
            self.query = patterns.parse::<Query>().map_err(|fault| at.fault(fault.to_string()))?;
            return Ok(true);
        }
        for pattern in patterns.split(',').map(str::trim).filter(|pattern| !pattern.is_empty()) {
            if pattern.len() > MAX_PATTERN {
                return Err(at.fault(format!("a pattern is longer than {MAX_PATTERN} bytes")));
            }
            match field {
                "types" | "filter" => put(&mut self.types, type_pattern(pattern, &at)?),
                "entity" => put(&mut self.entities, entity_pattern(pattern, &at)?),
                "source" => put(&mut self.sources, pattern.to_owned()),
                "session" => put(&mut self.sessions, pattern.to_owned()),
                _ => return Ok(false),
            }
        }
        if !Self::FIELDS.contains(&field) {
            return Ok(false);
        }
        if self.types.len() + self.entities.len() + self.sources.len() + self.sessions.len() > MAX_PATTERNS {
            return Err(at.fault(format!("a filter has at most {MAX_PATTERNS} patterns")));
        }
        Ok(true)
    }

    /// Whether it asks nothing.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an event with this head is wanted. Of a text (`q`) only what the head tells is asked.
    pub fn matches(&self, subject: Subject<'_>) -> bool {
        self.wants(subject, "")
    }

    /// Whether an event is wanted, by its head and its JSON.
    pub fn wants(&self, subject: Subject<'_>, json: &str) -> bool {
        let types = self.types.is_empty()
            || self.types.iter().any(|pattern| match pattern {
                TypePattern::Any => true,
                TypePattern::Under(prefix) => subject.kind.starts_with(prefix.as_str()),
                TypePattern::Exact(kind) => subject.kind == kind,
            });
        let about = |wanted: &EntityPattern| match (wanted, subject.entity) {
            (_, None) => false,
            (EntityPattern::Kind(kind), Some((k, _))) => kind == k,
            (EntityPattern::One(kind, id), Some((k, i))) => id == i && kind == k,
        };
        types
            && (self.entities.is_empty() || self.entities.iter().any(about))
            && (self.sources.is_empty() || self.sources.iter().any(|source| source == subject.source))
            && (self.sessions.is_empty()
                || matches!(subject.entity, Some(("session", id)) if self.sessions.iter().any(|session| session == id)))
            && (self.query.is_empty() || self.query.matches(subject, json))
    }

    /// The text of its `q`.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The entities it is limited to, where it names each by kind and id: what an index can look up.
    pub fn only_entities(&self) -> Option<Vec<(&str, &str)>> {
        let sessions = self.sessions.iter().map(|id| ("session", id.as_str()));
        if self.entities.is_empty() {
            return if self.sessions.is_empty() { self.query.only_entities() } else { Some(sessions.collect()) };
        }
        self.entities
            .iter()
            .map(|pattern| match pattern {
                EntityPattern::One(kind, id) => Some((kind.as_str(), id.as_str())),
                EntityPattern::Kind(_) => None,
            })
            .collect()
    }
}

/// Adds a pattern at its place in order, once.
fn put<T: Ord>(patterns: &mut Vec<T>, pattern: T) {
    if let Err(place) = patterns.binary_search(&pattern) {
        patterns.insert(place, pattern);
    }
}

fn type_pattern(pattern: &str, at: &At<'_>) -> Result<TypePattern, Fault> {
    let (stem, pattern_of): (&str, fn(String) -> TypePattern) = match pattern {
        "*" => return Ok(TypePattern::Any),
        _ => match pattern.strip_suffix('*') {
            Some(prefix) => (prefix, TypePattern::Under),
            None => (pattern, TypePattern::Exact),
        },
    };
    let dotted = !matches!(pattern.strip_suffix('*'), Some(prefix) if !prefix.ends_with('.'));
    let plain = stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-'));
    if !dotted || !plain {
        return Err(at.fault(format!("{pattern:?} is no type pattern: task.progress, task.* or *")));
    }
    Ok(pattern_of(stem.to_owned()))
}

fn entity_pattern(pattern: &str, at: &At<'_>) -> Result<EntityPattern, Fault> {
    match pattern.split_once(':') {
        Some((kind, "*")) if !kind.is_empty() => Ok(EntityPattern::Kind(kind.to_owned())),
        Some((kind, id)) if !kind.is_empty() && !id.is_empty() => Ok(EntityPattern::One(kind.to_owned(), id.to_owned())),
        _ => Err(at.fault(format!("{pattern:?} is no entity: task:abc or agent:*"))),
    }
}

/// Its canonical text: parameters in a fixed order, patterns sorted.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types = self.types.iter().map(|pattern| match pattern {
            TypePattern::Any => "*".to_owned(),
            TypePattern::Under(prefix) => format!("{prefix}*"),
            TypePattern::Exact(kind) => kind.clone(),
        });
        let entities = self.entities.iter().map(|pattern| match pattern {
            EntityPattern::Kind(kind) => format!("{kind}:*"),
            EntityPattern::One(kind, id) => format!("{kind}:{id}"),
        });
        let query = (!self.query.is_empty()).then(|| self.query.to_string());
        let fields: [(&str, Vec<String>); 5] = [
            ("types", types.collect()),
            ("entity", entities.collect()),
            ("source", self.sources.clone()),
            ("session", self.sessions.clone()),
            ("q", query.into_iter().collect()),
        ];
        let shown: Vec<String> = fields
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| format!("{name}={}", list.join(",")))
            .collect();
        f.write_str(&shown.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filter(fields: &[(&str, &str)]) -> Filter {
        let mut filter = Filter::everything();
        for (name, patterns) in fields {
            assert!(filter.add(name, patterns).unwrap(), "{name}");
        }
        filter
    }

    fn subject<'a>(kind: &'a str, source: &'a str, entity: Option<(&'a str, &'a str)>) -> Subject<'a> {
        Subject { kind, source, entity }
    }

    #[test]
    fn lists_are_or_and_fields_are_and() {
        let wanted = filter(&[("types", "task.*,agent.registered"), ("source", "ci")]);
        assert!(wanted.matches(subject("task.progress", "ci", None)));
        assert!(wanted.matches(subject("agent.registered", "ci", None)));
        assert!(!wanted.matches(subject("agent.removed", "ci", None)));
        assert!(!wanted.matches(subject("task.progress", "laptop", None)));
        assert!(!wanted.matches(subject("tasks.progress", "ci", None)));
    }

    #[test]
    fn entities_and_sessions() {
        assert!(filter(&[("entity", "agent:*")]).matches(subject("x.y", "s", Some(("agent", "a:b")))));
        assert!(filter(&[("entity", "agent:a:b")]).matches(subject("x.y", "s", Some(("agent", "a:b")))));
        assert!(!filter(&[("entity", "agent:a")]).matches(subject("x.y", "s", None)));
        assert!(filter(&[("session", "s1")]).matches(subject("session.completed", "s", Some(("session", "s1")))));
        assert!(!filter(&[("session", "s1")]).matches(subject("session.completed", "s", Some(("agent", "s1")))));
    }

    #[test]
    fn faults_name_field_and_pattern() {
        let mut filter = Filter::everything();
        assert_eq!(
            filter.add("types", "ta*").unwrap_err().to_string(),
            "types: \"ta*\" is no type pattern: task.progress, task.* or *"
        );
        assert_eq!(filter.add("entity", "agent").unwrap_err().path, "entity");
        assert_eq!(filter.add("colour", "red"), Ok(false));
        let many = (0..=MAX_PATTERNS).map(|n| format!("s{n}")).collect::<Vec<_>>().join(",");
        assert!(filter.add("source", &many).unwrap_err().problem.contains("at most"));
    }

    fn patterns() -> impl Strategy<Value = Vec<(&'static str, String)>> {
        let one = prop_oneof![
            "(agent|task|x)\\.(\\*|[a-c]{1,2})".prop_map(|p| ("types", p)),
            "(agent|task):(\\*|[a-c]{1,2})".prop_map(|p| ("entity", p)),
            "[a-c]{1,2}".prop_map(|p| ("source", p)),
            "[a-c]{1,2}".prop_map(|p| ("session", p)),
        ];
        proptest::collection::vec(one, 0..6)
    }

    proptest! {
        /// What a filter says, read literally, event by event.
        #[test]
        fn agrees_with_its_definition(
            patterns in patterns(),
            kind in "(agent|task|x)\\.[a-c]{1,2}", source in "[a-c]{1,2}",
            entity in proptest::option::of(("(agent|task|session)", "[a-c]{1,2}")),
        ) {
            let mut built = Filter::everything();
            for (field, pattern) in &patterns {
                built.add(field, pattern).unwrap();
            }
            let glob = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
                Some(prefix) => text.starts_with(prefix),
                None => pattern == text,
            };
            let about = entity.as_ref().map(|(kind, id)| format!("{kind}:{id}"));
            let field = |name: &str, hit: &dyn Fn(&str) -> bool| {
                let mut asked = patterns.iter().filter(|(field, _)| *field == name).peekable();
                asked.peek().is_none() || asked.any(|(_, pattern)| hit(pattern))
            };
            let expected = field("types", &|p| glob(p, &kind))
                && field("entity", &|p| about.as_ref().is_some_and(|a| glob(p, a)))
                && field("source", &|p| p == source)
                && field("session", &|p| about.as_ref().is_some_and(|a| *a == format!("session:{p}")));
            let entity = entity.as_ref().map(|(kind, id)| (kind.as_str(), id.as_str()));
            prop_assert_eq!(built.matches(Subject { kind: &kind, source: &source, entity }), expected);
        }

        #[test]
        fn the_order_of_patterns_does_not_matter(patterns in patterns()) {
            let build = |list: &mut dyn Iterator<Item = &(&'static str, String)>| {
                let mut built = Filter::everything();
                for (field, pattern) in list {
                    built.add(field, pattern).unwrap();
                }
                built
            };
            let (there, back) = (build(&mut patterns.iter()), build(&mut patterns.iter().rev()));
            prop_assert_eq!(&there, &back);
            prop_assert_eq!(there.to_string(), back.to_string());
        }
    }
}
