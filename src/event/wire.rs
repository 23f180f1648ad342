//! How a Rust value stands on the wire, and how a fault in it is named.
//!
//! Every type of the event model implements [`Wire`]: it says its [`Shape`] (which feeds
//! validation, the JSON Schema and the reference page), reads itself from JSON and writes itself
//! back. The tables in `event/*.rs` and `swarm/*.rs` are turned into implementations by
//! [`record!`](crate::event::table) and its sisters; nobody writes one by hand but here.
//!
//! Reading goes through [`serde_json::Value`] and small shared functions, not through a derived
//! visitor for each struct: the browser downloads this code.

mod fault;
mod values;

use std::fmt::Write as _;

use serde_json::{Map, Value};

use self::fault::describe;
pub use self::fault::{At, Fault};

use super::pack::{Packer, Unpacker};

/// A JSON object whose keys the catalogue does not know.
pub type Object = Map<String, Value>;

/// What a value looks like on the wire. One description for validation, schema and reference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A string.
    Text,
    /// A string out of a closed list.
    Word(&'static [&'static str]),
    /// A finite number.
    Number,
    /// A whole number, possibly negative.
    Integer,
    /// A whole number from 0.
    Count,
    /// `true` or `false`.
    Flag,
    /// A point in time, see [`Timestamp`](super::Timestamp).
    Time,
    /// A reference `{kind, id}` to what an event is about.
    Reference,
    /// Any JSON value.
    Any,
    /// A JSON object with keys of the sender's choosing.
    Open,
    /// A list of one shape.
    List(&'static Self),
    /// An object of names to values of one shape.
    Table(&'static Self),
    /// An object with these fields.
    Record(&'static [Field]),
}

/// One field of a record: a row in the catalogue's tables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// The key on the wire.
    pub key: &'static str,
    /// What it means, in a sentence.
    pub doc: &'static str,
    /// What it looks like.
    pub shape: Shape,
    /// Whether a record without it is refused.
    pub required: bool,
    /// Smallest and largest value, both allowed, of a number.
    pub range: Option<(f64, f64)>,
}

/// A value that can be read from and written to the wire.
pub trait Wire: Sized {
    /// What it looks like.
    const SHAPE: Shape;
    /// Whether its key must be there.
    const REQUIRED: bool = true;

    /// Takes on what a JSON value says, or says what is wrong with that at `at`; it is of no use then.
    ///
    /// It stands as a [`blank`](Self::blank) before. Filled in place, a record is a call for each
    /// field and nothing is moved about between them: of what is compiled for reading, a third.
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault>;
    /// Reads one, or says what is wrong at `at`.
    fn read(value: Value, at: &At<'_>) -> Result<Self, Fault> {
        let mut read = Self::blank();
        read.fill(value, at)?;
        Ok(read)
    }
    /// Appends its JSON text.
    fn write(&self, out: &mut String);
    /// Appends its packed form.
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.json(self);
    }
    /// Takes on what was packed. It stands as a [`blank`](Self::blank) before, and where nothing fits.
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        from.json(self);
    }
    /// What stands for a missing key, and for a value that could not be read until its fault is told.
    fn blank() -> Self;
    /// Whether its key is left out when written.
    fn is_missing(&self) -> bool {
        false
    }
}

/// A place for any value: what all places share is compiled once.
trait Fill {
    fn take_on(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault>;
}

impl<T: Wire> Fill for T {
    fn take_on(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        self.fill(value, at)
    }
}

/// What takes on one element of a list.
type TakeItem<'a> = &'a mut dyn FnMut(Value, &At<'_>) -> Result<(), Fault>;
/// What takes on one entry of an object, by its key.
type TakeEntry<'a> = &'a mut dyn FnMut(&str, Value, &At<'_>) -> Result<(), Fault>;

/// Takes on the elements of a list one after the other.
///
/// # Errors
/// It is no list, or the first fault in it.
pub fn each_item(value: Value, at: &At<'_>, take: TakeItem<'_>) -> Result<(), Fault> {
    let Value::Array(items) = value else { return Err(at.mismatch("a list", &value)) };
    for (index, item) in items.into_iter().enumerate() {
        take(item, &At::Index(at, index))?;
    }
    Ok(())
}

/// Takes on the entries of an object one after the other.
///
/// # Errors
/// It is no object, or the first fault in it.
pub fn each_entry(value: Value, at: &At<'_>, take: TakeEntry<'_>) -> Result<(), Fault> {
    for (key, entry) in object(value, at)? {
        take(&key, entry, &At::Key(at, &key))?;
    }
    Ok(())
}

/// Reads a whole JSON text as one value.
pub fn from_text<T: Wire>(text: &str) -> Result<T, Fault> {
    let root = At::Root("");
    T::read(parse(text, &root)?, &root)
}

/// Parses JSON; a syntax error becomes a fault that names line and column.
pub fn parse(text: &str, at: &At<'_>) -> Result<Value, Fault> {
    serde_json::from_str(text).map_err(|e| {
        let place = if matches!(at, At::Root("")) { "JSON".to_owned() } else { at.to_string() };
        Fault { path: place, problem: format!("not valid JSON: {e}") }
    })
}

/// The JSON text of a value.
pub fn to_text<T: Wire>(value: &T) -> String {
    let mut out = String::new();
    value.write(&mut out);
    out
}

/// Reads the fields of an object one after the other, in the order of its table.
///
/// A fault does not end the reading: it is kept, its blank stays, and [`end`] tells it.
/// What is compiled for each record is then a row of calls without a way out of each, which halves
/// the code of the largest part of the browser's download.
///
/// [`end`]: Reader::end
#[derive(Debug)]
pub struct Reader<'a> {
    object: Object,
    at: &'a At<'a>,
    fields: std::slice::Iter<'a, Field>,
    fault: Option<Fault>,
}

impl<'a> Reader<'a> {
    /// A reader of the object `value`.
    pub fn new(value: Value, at: &'a At<'a>, fields: &'a [Field]) -> Self {
        let (object, fault) = match object(value, at) {
            Ok(object) => (object, None),
            Err(fault) => (Object::new(), Some(fault)),
        };
        Self { object, at, fields: fields.iter(), fault }
    }

    /// The next field, in the place where it belongs.
    pub fn fill<T: Wire>(&mut self, place: &mut T) {
        self.fill_any(place);
    }

    fn fill_any(&mut self, place: &mut dyn Fill) {
        let Some((key, value)) = self.find() else { return };
        if let Err(fault) = place.take_on(value, &At::Key(self.at, key)) {
            self.fail(fault);
        }
    }

    /// The next field's value, checked for presence and range.
    fn find(&mut self) -> Option<(&'a str, Value)> {
        let field = self.fields.next()?;
        let here = At::Key(self.at, field.key);
        let value = match self.object.remove(field.key) {
            None | Some(Value::Null) => {
                if field.required {
                    self.fail(here.fault("missing"));
                }
                return None;
            }
            Some(value) => value,
        };
        if let (Some((low, high)), Some(number)) = (field.range, value.as_f64()) {
            let bound = if number < low { Some((" is under ", low)) } else { (number > high).then_some((" is over ", high)) };
            if let Some((word, bound)) = bound {
                self.fail(here.fault([&to_text(&value), word, &to_text(&bound)].concat()));
            }
        }
        Some((field.key, value))
    }

    fn fail(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// What the table does not know.
    pub fn rest(&mut self) -> Object {
        std::mem::take(&mut self.object)
    }

    /// The first fault, if there was one.
    pub fn end(self) -> Result<(), Fault> {
        self.fault.map_or(Ok(()), Err)
    }
}

/// Writes the fields of a record one after the other, in the order of its table.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut String,
    start: usize,
    fields: std::slice::Iter<'a, Field>,
}

impl<'a> Writer<'a> {
    /// A writer of a record that begins here.
    pub fn new(out: &'a mut String, fields: &'a [Field]) -> Self {
        let start = out.len();
        Self { out, start, fields: fields.iter() }
    }

    /// The next field; a missing one is left out.
    pub fn field<T: Wire>(&mut self, value: &T) {
        if let Some(field) = self.fields.next()
            && !value.is_missing()
        {
            put_key(self.out, self.start, field.key);
            value.write(self.out);
        }
    }

    /// What the table does not know.
    pub fn rest(&mut self, rest: &Object) {
        put_rest(self.out, self.start, rest);
    }

    /// The end of the record.
    pub fn end(self) {
        close(self.out, self.start);
    }
}

/// Takes one key of an envelope out of it.
pub fn take<T: Wire>(object: &mut Object, key: &str, at: &At<'_>) -> Result<T, Fault> {
    let here = At::Key(at, key);
    match object.remove(key) {
        None | Some(Value::Null) if T::REQUIRED => Err(here.fault("missing")),
        None | Some(Value::Null) => Ok(T::blank()),
        Some(value) => T::read(value, &here),
    }
}

/// Expects an object.
pub fn object(value: Value, at: &At<'_>) -> Result<Object, Fault> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(at.mismatch("an object", &other)),
    }
}

/// Appends `"key":value` to the object that began at `start`; leaves a missing value out.
pub fn put<T: Wire>(out: &mut String, start: usize, key: &str, value: &T) {
    if !value.is_missing() {
        put_key(out, start, key);
        value.write(out);
    }
}

/// Appends the keys of an open object after the known ones.
pub fn put_rest(out: &mut String, start: usize, rest: &Object) {
    for (key, value) in rest {
        put_key(out, start, key);
        value.write(out);
    }
}

/// Closes the object that began at `start`, also where nothing was put into it.
pub fn close(out: &mut String, start: usize) {
    if out.len() == start {
        out.push('{');
    }
    out.push('}');
}

fn put_key(out: &mut String, start: usize, key: &str) {
    out.push(if out.len() == start { '{' } else { ',' });
    write_text(out, key);
    out.push(':');
}

/// Appends a JSON string. `<` is escaped so that the text may stand inside a `<script>` data block.
pub fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (index, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            b'<' => "\\u003c",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(&text[plain..index]);
        plain = index + 1;
        if escape.is_empty() {
            let _infallible = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Reads a word of a closed list; gives its position in the list.
pub fn read_word(value: &Value, words: &[&str], at: &At<'_>) -> Result<usize, Fault> {
    let Value::String(text) = value else { return Err(at.mismatch("a word", value)) };
    words
        .iter()
        .position(|word| word == text)
        .ok_or_else(|| at.fault(format!("{} is not one of {}", describe(value), words.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_read_back_as_they_were() {
        for text in ["", "plain", "\"quoted\\\"", "tab\tline\nend\r", "\u{0}\u{1f}", "</script>", "ümläut 🐝", "\u{2028}"] {
            let written = to_text(&text.to_owned());
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text, "{written}");
            assert!(!written.contains('<'), "{written}");
        }
    }

    #[test]
    fn empty_and_nested_objects_are_closed() {
        for value in [json!({}), json!({"a": {}}), json!([{}, {"b": []}]), json!({"a": {"b": {"c": 1.5}}, "d": null})] {
            assert_eq!(serde_json::from_str::<Value>(&to_text(&value)).unwrap(), value);
        }
    }

    #[test]
    fn places_are_spelled_out() {
        let root = At::Root("events");
        let third = At::Index(&root, 3);
        let payload = At::Key(&third, "payload");
        assert_eq!(At::Key(&payload, "progress").to_string(), "events[3].payload.progress");
        assert_eq!(At::Key(&At::Root(""), "type").to_string(), "type");
    }

    #[test]
    fn whole_doubles_are_written_as_integers() {
        assert_eq!(to_text(&42.0), "42");
        assert_eq!(to_text(&-0.5), "-0.5");
        assert_eq!(to_text(&1e300), "1e+300");
    }
}
