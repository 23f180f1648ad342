//! The catalogue: every domain and type of event that Swarmdeck knows.
//!
//! A type that is not in it is a [`Custom`] event: kept, shown, and folded into nothing.

use super::agent::AgentEvent;
use super::config::ConfigEvent;
use super::memory::MemoryEvent;
use super::message::MessageEvent;
use super::mode::ModeEvent;
use super::pack::{Packer, Unpacker};
use super::provider::ProviderEvent;
use super::selfcheck::SelfcheckEvent;
use super::session::SessionEvent;
use super::table::{Domain, Kind};
use super::task::TaskEvent;
use super::topology::TopologyEvent;
use super::trade::TradeEvent;
use super::wire::{At, Fault, Field, Object, Shape, Wire};
use serde_json::Value;

/// The fields around a payload.
pub const ENVELOPE: &[Field] = &[
    Field {
        key: "seq",
        doc: "Its place in the log, given by the hub: from 1, without gaps.",
        shape: Shape::Count,
        required: true,
        range: None,
    },
    Field {
        key: "type",
        doc: "What happened: <domain>.<action>, in lower case.",
        shape: Shape::Text,
        required: true,
        range: None,
    },
    Field {
        key: "ts",
        doc: "When it happened, by the sender's clock; the hub's where the sender names none.",
        shape: Shape::Time,
        required: true,
        range: None,
    },
    Field {
        key: "source",
        doc: "Who reports it: the reporter's name. core and webui are the deck's own.",
        shape: Shape::Text,
        required: false,
        range: None,
    },
    Field { key: "entity", doc: "What it is about.", shape: Shape::Reference, required: false, range: None },
    Field { key: "payload", doc: "What the type says of it.", shape: Shape::Open, required: false, range: None },
    Field {
        key: "id",
        doc: "The sender's idempotency key: a pair of source and id is stored once.",
        shape: Shape::Text,
        required: false,
        range: None,
    },
    Field {
        key: "ahead_ms",
        doc: "By how much ts was ahead of the hub's clock, where that was over five minutes.",
        shape: Shape::Count,
        required: false,
        range: None,
    },
];

/// An event of a type that the catalogue does not know.
#[derive(Debug, Clone, PartialEq)]
pub struct Custom {
    /// Its type.
    pub name: String,
    /// What it says.
    pub payload: Object,
}

macro_rules! catalogue {
    ($($variant:ident($events:ident)),+ $(,)?) => {
        /// An event's type and what it says.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Body {
            $(#[doc = concat!("See [`", stringify!($events), "`].")] $variant($events),)+
            /// A type of the sender's own.
            Custom(Custom),
        }

        /// The tables of all domains.
        pub const DOMAINS: &[Domain] = &[$($events::DOMAIN),+];

        impl Body {
            /// An event of a type of one's own, with an empty payload.
            pub fn custom(name: &str) -> Self {
                Self::Custom(Custom { name: name.to_owned(), payload: Object::new() })
            }

            /// Its type.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$variant(event) => event.name(),)+
                    Self::Custom(custom) => &custom.name,
                }
            }

            /// The table it belongs to; none for a custom type.
            pub fn domain(&self) -> Option<&'static Domain> {
                let name = match self {
                    $(Self::$variant(_) => $events::DOMAIN.name,)+
                    Self::Custom(_) => return None,
                };
                DOMAINS.iter().find(|domain| domain.name == name)
            }

            /// An event of a type that says nothing yet.
            fn blank(name: &str) -> Self {
                if !is_known(name) {
                    return Self::custom(name);
                }
                let domain = name.split('.').next().unwrap_or_default();
                let blank = None$(.or_else(|| if domain == $events::DOMAIN.name { $events::named(name).map(Self::$variant) } else { None }))+;
                blank.expect("a known type is in its domain's table")
            }

            /// Reads a payload by the table of its type.
            ///
            /// # Errors
            /// A known type whose payload does not fit.
            pub fn read(name: &str, payload: Object, at: &At<'_>) -> Result<Self, Fault> {
                let mut body = Self::blank(name);
                body.fill(Value::Object(payload), at)?;
                Ok(body)
            }

            fn fill(&mut self, payload: Value, at: &At<'_>) -> Result<(), Fault> {
                match self {
                    $(Self::$variant(event) => event.fill(payload, at),)+
                    Self::Custom(custom) => custom.payload.fill(payload, at),
                }
            }

            /// Appends the payload's JSON.
            pub fn write(&self, out: &mut String) {
                match self {
                    $(Self::$variant(event) => event.write(out),)+
                    Self::Custom(custom) => custom.payload.write(out),
                }
            }

            /// Appends the packed form: the type, and the payload by its table.
            pub fn pack<'a>(&'a self, out: &mut Packer<'a>) {
                out.text(self.name());
                match self {
                    $(Self::$variant(event) => event.pack(out),)+
                    Self::Custom(custom) => custom.payload.pack(out),
                }
            }

            /// Reads what was packed.
            pub fn unpack(from: &mut Unpacker<'_>) -> Self {
                let mut body = Self::blank(from.text());
                match &mut body {
                    $(Self::$variant(event) => event.unpack(from),)+
                    Self::Custom(custom) => custom.payload.unpack(from),
                }
                body
            }
        }

        $(impl From<$events> for Body {
            fn from(event: $events) -> Self {
                Self::$variant(event)
            }
        })+
    };
}

catalogue! {
    Agent(AgentEvent),
    Task(TaskEvent),
    Message(MessageEvent),
    Memory(MemoryEvent),
    Topology(TopologyEvent),
    Provider(ProviderEvent),
    Selfcheck(SelfcheckEvent),
    Session(SessionEvent),
    Config(ConfigEvent),
    Trade(TradeEvent),
    Mode(ModeEvent),
}

/// The row of a known type.
pub fn kind(name: &str) -> Option<&'static Kind> {
    let domain = name.split('.').next()?;
    DOMAINS.iter().find(|table| table.name == domain)?.kinds.iter().find(|kind| kind.name == name)
}

/// Whether the catalogue knows a type.
pub fn is_known(name: &str) -> bool {
    kind(name).is_some()
}
