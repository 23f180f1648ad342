//! Which messages are wanted, as the address says it.

use crate::app::components::letters::small;
use crate::app::html::Words;
use crate::app::route::{Address, encode};
use crate::event::message::MessageSent;
use crate::swarm::messages::Message;

/// The parameters of the address that narrow the messages.
pub const NARROWS: [&str; 5] = ["agent", "with", "type", "q", "thread"];

/// Which messages are wanted; what is empty asks nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wanted {
    /// Sent by this agent or to it.
    pub agent: String,
    /// Between that agent and this one; of this one, where no other is named.
    pub with: String,
    /// Of this kind.
    pub kind: String,
    /// With these words in them, whatever the case of letters.
    pub words: String,
    /// Of this exchange, by its correlation id.
    pub thread: String,
}

impl Wanted {
    /// What the address asks for.
    pub fn asked(address: Address) -> Self {
        let [agent, with, kind, words, thread] = NARROWS.map(|name| address.parameter(name).unwrap_or_default());
        Self { agent, with, kind, words: small(words.trim()), thread }
    }

    /// Whether everything is wanted.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// The two agents whose conversation is asked for.
    pub fn pair(&self) -> Option<(&str, &str)> {
        (!self.agent.is_empty() && !self.with.is_empty()).then_some((&self.agent, &self.with))
    }

    /// Whether the reducer's message is wanted.
    pub fn wants(&self, it: &Message) -> bool {
        self.fits(&it.from, &it.to, it.message_type.as_str(), &it.content, it.correlation.as_deref())
    }

    /// Whether the log's message is wanted.
    pub fn wants_sent(&self, it: &MessageSent) -> bool {
        self.fits(&it.from, &it.to, it.message_type.as_str(), &it.content, it.correlation_id.as_deref())
    }

    fn fits(&self, from: &str, to: &str, kind: &str, content: &str, thread: Option<&str>) -> bool {
        let of = |id: &str| id.is_empty() || from == id || to == id;
        // What one tells itself is not told to the other.
        let between = self.pair().is_none_or(|(one, other)| one == other || from != to);
        of(&self.agent)
            && of(&self.with)
            && between
            && (self.kind.is_empty() || self.kind == kind)
            && (self.thread.is_empty() || thread == Some(&self.thread))
            && (self.words.is_empty() || small(content).contains(&self.words))
    }

    /// The same in words, for whoever reads what is shown.
    pub fn said(&self) -> String {
        let part = |before: &str, value: &str| if value.is_empty() { String::new() } else { [before, value].concat() };
        let agents = match self.pair() {
            Some((one, other)) => ["between ", one, " and ", other].concat(),
            None => [part("of ", &self.agent), part("of ", &self.with)].concat(),
        };
        let quoted = if self.words.is_empty() { String::new() } else { ["with “", &self.words, "”"].concat() };
        let parts = [agents, part("of kind ", &self.kind), quoted, part("of exchange ", &self.thread)];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
    }
}

/// The address of the conversation of two agents.
pub fn way_to(one: &str, other: &str) -> Words {
    ["/messages?agent=", &encode(one), "&with=", &encode(other)].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(agent: &str, with: &str) -> Wanted {
        Wanted { agent: agent.into(), with: with.into(), ..Wanted::default() }
    }

    #[test]
    fn a_pair_is_both_ways_and_nothing_else() {
        let pair = wanted("ada", "bob");
        let fits = |from, to| pair.fits(from, to, "query", "", None);
        assert!(fits("ada", "bob") && fits("bob", "ada"));
        assert!(!fits("ada", "cy") && !fits("cy", "bob") && !fits("ada", "ada") && !fits("ada", "*"));
        assert!(wanted("ada", "").fits("ada", "*", "broadcast", "", None));
        assert!(wanted("", "").is_everything());
    }

    #[test]
    fn kind_words_and_exchange_narrow_further() {
        let all = Wanted { kind: "query".into(), words: "well".into(), thread: "c1".into(), ..wanted("ada", "") };
        assert!(all.fits("ada", "bob", "query", "WELL?", Some("c1")));
        assert!(!all.fits("ada", "bob", "task", "WELL?", Some("c1")));
        assert!(!all.fits("ada", "bob", "query", "moon", Some("c1")));
        assert!(!all.fits("ada", "bob", "query", "WELL?", None));
        assert_eq!(all.said(), "of ada, of kind query, with “well”, of exchange c1");
        assert_eq!(wanted("a", "b").said(), "between a and b");
    }
}
