//! The macros that turn a table into types: [`words!`], [`record!`] and [`domain!`].
//!
//! A table is written once, in `event/*.rs` for what comes from outside and in `swarm/*.rs` for
//! what is folded from it. The macros make of it the Rust type, its reading and writing, and the
//! description that validation, the JSON Schema and the reference page read.

use super::wire::Field;

/// One type of event: a row of a [`Domain`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kind {
    /// Its name, `<domain>.<action>`.
    pub name: &'static str,
    /// What happened, in a sentence.
    pub doc: &'static str,
    /// The payload's fields.
    pub fields: &'static [Field],
}

/// What an event of a domain says it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// An entity of this kind must be named.
    Its(&'static str),
    /// Any entity, or none.
    Anything,
}

/// A family of event types: one table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Domain {
    /// The part of the type before the dot.
    pub name: &'static str,
    /// What the family is, in a sentence.
    pub doc: &'static str,
    /// What its events are about.
    pub about: About,
    /// Its types.
    pub kinds: &'static [Kind],
}

/// Declares a closed list of words as a `Copy` enum in the order of the list.
macro_rules! words {
    ($(#[doc = $doc:literal])+ pub enum $name:ident { $($(#[doc = $word_doc:literal])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $word_doc])* #[doc = concat!("On the wire `", $word, "`.")] $variant),+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// Their spelling on the wire, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Its spelling on the wire.
            pub fn as_str(self) -> &'static str {
                Self::WORDS[self as usize]
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::event::wire::Wire for $name {
            const SHAPE: $crate::event::wire::Shape = $crate::event::wire::Shape::Word(Self::WORDS);
            fn blank() -> Self {
                Self::ALL[0]
            }
            fn fill(&mut self, value: serde_json::Value, at: &$crate::event::wire::At<'_>) -> Result<(), $crate::event::wire::Fault> {
                *self = Self::ALL[$crate::event::wire::read_word(&value, Self::WORDS, at)?];
                Ok(())
            }
            fn write(&self, out: &mut String) {
                $crate::event::wire::write_text(out, self.as_str());
            }
            fn pack<'a>(&'a self, out: &mut $crate::event::pack::Packer<'a>) {
                out.number(*self as u64);
            }
            fn unpack(&mut self, from: &mut $crate::event::pack::Unpacker<'_>) {
                match Self::ALL.get(from.number() as usize) {
                    Some(word) => *self = *word,
                    None => from.fail(),
                }
            }
        }
    };
}

/// Declares an object with fixed fields; keys it does not know are passed over when read.
///
/// `field: Type`, optionally `field as "key": Type` where the key is no Rust name, and
/// `=> (low, high)` where a number has bounds.
macro_rules! record {
    ($(#[doc = $doc:literal])+ $(#[derive($derive:ident)])? pub struct $name:ident {
        $($(#[doc = $field_doc:literal])+ $field:ident $(as $key:literal)? : $ty:ty $(=> $range:expr)?),* $(,)?
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq $(, $derive)?)]
        pub struct $name { $($(#[doc = $field_doc])+ pub $field: $ty),* }

        impl $name {
            /// Its table.
            pub const FIELDS: &'static [$crate::event::wire::Field] =
                $crate::event::table::fields!($($(#[doc = $field_doc])+ $field $(as $key)? : $ty $(=> $range)?),*);
        }

        impl $crate::event::wire::Wire for $name {
            const SHAPE: $crate::event::wire::Shape = $crate::event::wire::Shape::Record(Self::FIELDS);
            fn fill(&mut self, value: serde_json::Value, at: &$crate::event::wire::At<'_>) -> Result<(), $crate::event::wire::Fault> {
                let mut reader = $crate::event::wire::Reader::new(value, at, Self::FIELDS);
                $(reader.fill(&mut self.$field);)*
                reader.end()
            }
            fn blank() -> Self {
                Self { $($field: $crate::event::wire::Wire::blank()),* }
            }
            fn write(&self, out: &mut String) {
                let mut writer = $crate::event::wire::Writer::new(out, Self::FIELDS);
                $(writer.field(&self.$field);)*
                writer.end();
            }
            fn pack<'a>(&'a self, out: &mut $crate::event::pack::Packer<'a>) {
                const { assert!(Self::FIELDS.len() <= $crate::event::pack::MAX_FIELDS) };
                out.fields(&[$(!$crate::event::wire::Wire::is_missing(&self.$field)),*]);
                $(if !$crate::event::wire::Wire::is_missing(&self.$field) {
                    $crate::event::wire::Wire::pack(&self.$field, out);
                })*
            }
            fn unpack(&mut self, from: &mut $crate::event::pack::Unpacker<'_>) {
                let mut are_there = from.number();
                $(from.field(&mut are_there, &mut self.$field);)*
            }
        }
    };
}

/// Declares one family of event types: a payload for each and an enum over them.
macro_rules! domain {
    ($(#[doc = $doc:literal])+ $events:ident = $domain:literal about $about:expr;
     $($(#[doc = $kind_doc:literal])+ $variant:ident = $action:literal $payload:ident { $($fields:tt)* })+) => {
        $(
            $crate::event::table::payload! { $(#[doc = $kind_doc])+ pub struct $payload { $($fields)* } }

            impl From<$payload> for $crate::event::Body {
                fn from(payload: $payload) -> Self {
                    $events::$variant(payload).into()
                }
            }
        )+
        $crate::event::table::family! {
            $(#[doc = $doc])+ $events = $domain about $about;
            $($(#[doc = $kind_doc])+ $variant = $action $payload)+
        }
    };
}

/// Declares what an event carries. Keys that the table does not know are kept in `extra`, so that
/// nothing a sender said is lost.
macro_rules! payload {
    ($(#[doc = $doc:literal])+ pub struct $name:ident {
        $($(#[doc = $field_doc:literal])+ $field:ident $(as $key:literal)? : $ty:ty $(=> $range:expr)?),* $(,)?
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $field_doc])+ pub $field: $ty,)*
            /// What else the sender said, as it was sent.
            pub extra: $crate::event::wire::Object,
        }

        impl $name {
            /// Its table.
            pub const FIELDS: &'static [$crate::event::wire::Field] =
                $crate::event::table::fields!($($(#[doc = $field_doc])+ $field $(as $key)? : $ty $(=> $range)?),*);
        }

        impl $crate::event::wire::Wire for $name {
            const SHAPE: $crate::event::wire::Shape = $crate::event::wire::Shape::Record(Self::FIELDS);
            fn fill(&mut self, value: serde_json::Value, at: &$crate::event::wire::At<'_>) -> Result<(), $crate::event::wire::Fault> {
                let mut reader = $crate::event::wire::Reader::new(value, at, Self::FIELDS);
                $(reader.fill(&mut self.$field);)*
                self.extra = reader.rest();
                reader.end()
            }
            fn blank() -> Self {
                Self { $($field: $crate::event::wire::Wire::blank(),)* extra: $crate::event::wire::Object::new() }
            }
            fn write(&self, out: &mut String) {
                let mut writer = $crate::event::wire::Writer::new(out, Self::FIELDS);
                $(writer.field(&self.$field);)*
                writer.rest(&self.extra);
                writer.end();
            }
            fn pack<'a>(&'a self, out: &mut $crate::event::pack::Packer<'a>) {
                const { assert!(Self::FIELDS.len() < $crate::event::pack::MAX_FIELDS) };
                out.fields(&[$(!$crate::event::wire::Wire::is_missing(&self.$field),)* !self.extra.is_empty()]);
                $(if !$crate::event::wire::Wire::is_missing(&self.$field) {
                    $crate::event::wire::Wire::pack(&self.$field, out);
                })*
                if !self.extra.is_empty() {
                    $crate::event::wire::Wire::pack(&self.extra, out);
                }
            }
            fn unpack(&mut self, from: &mut $crate::event::pack::Unpacker<'_>) {
                let mut are_there = from.number();
                $(from.field(&mut are_there, &mut self.$field);)*
                from.field(&mut are_there, &mut self.extra);
            }
        }
    };
}

/// Declares the enum over the payloads of one family.
macro_rules! family {
    ($(#[doc = $doc:literal])+ $events:ident = $domain:literal about $about:expr;
     $($(#[doc = $kind_doc:literal])+ $variant:ident = $action:literal $payload:ident)+) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub enum $events { $($(#[doc = $kind_doc])+ $variant($payload)),+ }

        impl $events {
            /// The family's table.
            pub const DOMAIN: $crate::event::table::Domain = $crate::event::table::Domain {
                name: $domain,
                doc: $crate::event::table::text!($($doc)+),
                about: $about,
                kinds: &[$($crate::event::table::Kind {
                    name: concat!($domain, ".", $action),
                    doc: $crate::event::table::text!($($kind_doc)+),
                    fields: $payload::FIELDS,
                }),+],
            };

            /// Its full type name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => concat!($domain, ".", $action)),+ }
            }

            /// A blank event of this type; `None` where it is not in the table.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $(concat!($domain, ".", $action) => Some(Self::$variant($crate::event::wire::Wire::blank())),)+
                    _ => None,
                }
            }

            /// Takes on a payload.
            pub(crate) fn fill(&mut self, payload: serde_json::Value, at: &$crate::event::wire::At<'_>)
                -> Result<(), $crate::event::wire::Fault>
            {
                match self { $(Self::$variant(it) => $crate::event::wire::Wire::fill(it, payload, at)),+ }
            }

            /// Appends the payload's JSON.
            pub(crate) fn write(&self, out: &mut String) {
                match self { $(Self::$variant(payload) => $crate::event::wire::Wire::write(payload, out)),+ }
            }

            /// Appends the payload's packed form.
            pub(crate) fn pack<'a>(&'a self, out: &mut $crate::event::pack::Packer<'a>) {
                match self { $(Self::$variant(payload) => $crate::event::wire::Wire::pack(payload, out)),+ }
            }

            /// Takes on a packed payload.
            pub(crate) fn unpack(&mut self, from: &mut $crate::event::pack::Unpacker<'_>) {
                match self { $(Self::$variant(payload) => $crate::event::wire::Wire::unpack(payload, from)),+ }
            }
        }
    };
}

/// The rows of a table.
macro_rules! fields {
    ($($(#[doc = $doc:literal])+ $field:ident $(as $key:literal)? : $ty:ty $(=> $range:expr)?),* $(,)?) => {
        &[$($crate::event::wire::Field {
            key: $crate::event::table::key!($field $($key)?),
            doc: $crate::event::table::text!($($doc)+),
            // As with the words: reading needs no description of the shape, the reference does.
            shape: if cfg!(feature = "ssr") { <$ty as $crate::event::wire::Wire>::SHAPE } else { $crate::event::wire::Shape::Any },
            required: <$ty as $crate::event::wire::Wire>::REQUIRED,
            range: $crate::event::table::range!($($range)?),
        }),*]
    };
}

macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}

macro_rules! range {
    () => {
        None
    };
    ($range:expr) => {
        Some($range)
    };
}

/// Keeps a type off the wire that stands in a record: it is not written, and blank where one is read.
macro_rules! unwritten {
    ($name:ident) => {
        impl $crate::event::wire::Wire for $name {
            const SHAPE: $crate::event::wire::Shape = $crate::event::wire::Shape::Any;
            const REQUIRED: bool = false;

            fn fill(&mut self, _: serde_json::Value, _: &$crate::event::wire::At<'_>) -> Result<(), $crate::event::wire::Fault> {
                Ok(())
            }

            fn write(&self, _: &mut String) {}

            fn blank() -> Self {
                Self::default()
            }

            fn is_missing(&self) -> bool {
                true
            }
        }
    };
}

/// The lines of a doc comment as one text.
macro_rules! text {
    ($($line:literal)+) => {
        // Only a server shows the reference: the browser does not carry its words.
        if cfg!(feature = "ssr") { concat!($($line),+) } else { "" }
    };
}

pub(crate) use {domain, family, fields, key, payload, range, record, text, unwritten, words};
