//! The packed form of a value: what a state is kept and sent in where it is read whole.
//!
//! It is about a seventh of the JSON's bytes and read in a fraction of the time: fields stand in the order
//! of their table without keys, numbers take as many bytes as they need, and a text that was there
//! before is told by its number. The form says nothing of itself: writer and reader have the same
//! tables, which the number of the state's form vouches for. What does not say how it is packed stands
//! in it as its JSON.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::wire::{At, Fault, Wire, from_text, to_text};

/// How many fields a packed record has at most: which of them are there is one number.
pub const MAX_FIELDS: usize = 64;

/// How many bytes there is room for at first: less than a state of any size takes.
const ROOM: usize = 1 << 16;

/// How texts are spread over a table while they are packed: in a fifth of the time of what withstands
/// chosen texts. Who chooses them so makes packing slow, and by the bounds of a state not very.
type Spread = BuildHasherDefault<Fnv>;

/// FNV-1a over eight bytes at a time.
#[derive(Debug, Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        self.add(rest.iter().fold(rest.len() as u64, |all, byte| all << 8 | u64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Fnv {
    fn add(&mut self, word: u64) {
        // The lower half decides on the place: what the upper half knows goes there too.
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

/// Packs values one after the other.
#[derive(Debug, Default)]
pub struct Packer<'a> {
    out: Vec<u8>,
    /// The texts so far, by their number.
    texts: HashMap<&'a str, u64, Spread>,
    /// The last time that was packed, in unix milliseconds: times are told from one to the next.
    time: i64,
}

/// A value's packed form.
pub fn pack<T: Wire>(value: &T) -> Vec<u8> {
    let mut packer = Packer { out: Vec::with_capacity(ROOM), ..Packer::default() };
    value.pack(&mut packer);
    packer.out
}

/// Reads a value from its packed form.
///
/// # Errors
/// It is not whole, or not of this form.
pub fn unpack<T: Wire>(bytes: &[u8]) -> Result<T, Fault> {
    let mut from = Unpacker { bytes, texts: Vec::new(), time: 0, is_broken: false };
    let mut value = T::blank();
    value.unpack(&mut from);
    if from.is_broken || !from.bytes.is_empty() {
        return Err(At::Root("packed").fault("not whole, or of another form"));
    }
    Ok(value)
}

/// A part with its length before it, to be taken off again by [`split`].
pub fn framed(part: &[u8], rest: &[u8]) -> Vec<u8> {
    [&(part.len() as u64).to_le_bytes(), part, rest].concat()
}

/// The part that [`framed`] put first, and the rest.
pub fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
}

impl<'a> Packer<'a> {
    /// A whole number: seven bits in a byte, the least first.
    pub fn number(&mut self, mut number: u64) {
        while number > 0x7f {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    /// A whole number that may be negative.
    pub fn signed(&mut self, number: i64) {
        self.number((number << 1 ^ number >> 63) as u64);
    }

    /// Any number, to the last bit.
    pub fn double(&mut self, number: f64) {
        // What is round ends in zeros, which stand in front this way.
        self.number(number.to_bits().swap_bytes());
    }

    /// A time in unix milliseconds.
    pub fn time(&mut self, ms: i64) {
        self.signed(ms.wrapping_sub(self.time));
        self.time = ms;
    }

    /// A text: its number, or its length and its bytes where it comes for the first time.
    pub fn text(&mut self, text: &'a str) {
        let next = self.texts.len() as u64;
        match self.texts.entry(text) {
            std::collections::hash_map::Entry::Occupied(known) => {
                let known = *known.get();
                self.number(known << 1);
            }
            std::collections::hash_map::Entry::Vacant(new) => {
                new.insert(next);
                self.bytes(text);
            }
        }
    }

    fn bytes(&mut self, text: &str) {
        self.number((text.len() as u64) << 1 | 1);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Which fields of a record follow.
    pub fn fields(&mut self, are_there: &[bool]) {
        self.number(are_there.iter().rev().fold(0, |all, is_there| all << 1 | u64::from(*is_there)));
    }

    /// A value as its JSON.
    pub fn json<T: Wire>(&mut self, value: &T) {
        self.bytes(&to_text(value));
    }
}

/// Reads packed values one after the other. Past the end, and past what cannot be, everything is
/// blank: that is told at the end.
#[derive(Debug)]
pub struct Unpacker<'a> {
    bytes: &'a [u8],
    /// The texts so far.
    texts: Vec<&'a str>,
    /// The last time.
    time: i64,
    is_broken: bool,
}

/// A place for any packed value: what all places share is compiled once.
trait Unpack {
    fn take_from(&mut self, from: &mut Unpacker<'_>);
}

impl<T: Wire> Unpack for T {
    fn take_from(&mut self, from: &mut Unpacker<'_>) {
        self.unpack(from);
    }
}

impl<'a> Unpacker<'a> {
    /// What [`Packer::number`] wrote.
    pub fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        while let Some((byte, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return number;
            }
            if shift > 63 {
                break;
            }
        }
        self.fail();
        0
    }

    /// What [`Packer::signed`] wrote.
    pub fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1) as i64 ^ -((number & 1) as i64)
    }

    /// What [`Packer::double`] wrote.
    pub fn double(&mut self) -> f64 {
        f64::from_bits(self.number().swap_bytes())
    }

    /// What [`Packer::time`] wrote.
    pub fn time(&mut self) -> i64 {
        self.time = self.time.wrapping_add(self.signed());
        self.time
    }

    /// What [`Packer::text`] wrote.
    pub fn text(&mut self) -> &'a str {
        let number = self.number();
        if number & 1 == 1 {
            let text = self.bytes(number >> 1);
            self.texts.push(text);
            return text;
        }
        let Some(text) = self.texts.get((number >> 1) as usize) else {
            self.fail();
            return "";
        };
        text
    }

    fn bytes(&mut self, length: u64) -> &'a str {
        let parts = usize::try_from(length).ok().and_then(|length| self.bytes.split_at_checked(length));
        let Some((text, rest)) = parts.and_then(|(text, rest)| Some((std::str::from_utf8(text).ok()?, rest))) else {
            self.fail();
            return "";
        };
        self.bytes = rest;
        text
    }

    /// The next field of a record, where `are_there` has it.
    pub fn field<T: Wire>(&mut self, are_there: &mut u64, place: &mut T) {
        self.field_any(are_there, place);
    }

    fn field_any(&mut self, are_there: &mut u64, place: &mut dyn Unpack) {
        if *are_there & 1 == 1 {
            place.take_from(self);
        }
        *are_there >>= 1;
    }

    /// As many values as were packed.
    pub fn each(&mut self, take: &mut dyn FnMut(&mut Self)) {
        for _ in 0..self.number() {
            if self.is_broken {
                return;
            }
            take(self);
        }
    }

    /// What [`Packer::json`] wrote.
    pub fn json<T: Wire>(&mut self, place: &mut T) {
        let length = self.number() >> 1;
        match from_text(self.bytes(length)) {
            Ok(value) => *place = value,
            Err(_) => self.fail(),
        }
    }

    /// This is not what was packed.
    pub fn fail(&mut self) {
        self.bytes = &[];
        self.is_broken = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Scenario;
    use crate::event::{Event, Timestamp};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn comes_back<T: Wire + PartialEq + std::fmt::Debug>(value: &T) {
        assert_eq!(unpack::<T>(&pack(value)).as_ref(), Ok(value));
    }

    proptest! {
        #[test]
        fn numbers_and_texts_come_back(
            counts: Vec<u64>, whole: Vec<i64>, doubles in proptest::collection::vec(proptest::num::f64::NORMAL, 0..9),
            texts in proptest::collection::vec("[a-c]{0,2}", 0..20), map: BTreeMap<String, bool>,
        ) {
            comes_back(&counts);
            comes_back(&doubles);
            comes_back(&whole.iter().map(|ms| Timestamp(*ms)).collect::<Vec<_>>());
            comes_back(&whole);
            comes_back(&texts);
            comes_back(&map);
        }

        /// Whatever stands there, it ends.
        #[test]
        fn what_was_never_packed_is_refused_or_read(bytes: Vec<u8>) {
            let _either = unpack::<crate::event::timeline::Way>(&bytes);
            let _either = unpack::<Vec<String>>(&bytes);
        }
    }

    #[test]
    fn what_may_be_absent_and_what_is_open_comes_back() {
        comes_back(&vec![None, Some("a".to_owned()), Some(String::new())]);
        comes_back(&json!({"a": [1, null, {"b": "c"}]}));
        comes_back(&vec![Value::Null, json!("text")]);
    }

    #[test]
    fn events_come_back() {
        let mut play = Scenario::new(5, 40, Timestamp(1_769_509_293_000));
        let now = Timestamp(1_769_509_999_000);
        let mut events: Vec<Event> = (1..=5_000).map(|seq| play.next_event().into_event(seq, now)).collect();
        for text in [
            r#"{"seq":5001,"type":"task.progress","ts":5,"source":"a","entity":"task:t","payload":{"progress":7,"mood":"good"},"id":"k"}"#,
            r#"{"seq":5002,"type":"own.kind","ts":9,"source":"a","payload":{"any":[1,{"thing":null}]},"ahead_ms":40}"#,
        ] {
            events.push(from_text(text).unwrap());
        }
        let json: usize = events.iter().map(|event| event.to_json().len()).sum();
        let packed = pack(&events);
        assert!(packed.len() * 3 < json, "{} of {json} bytes", packed.len());
        assert_eq!(unpack::<Vec<Event>>(&packed), Ok(events));
    }

    #[test]
    fn what_is_not_whole_is_told() {
        let packed = pack(&vec!["one".to_owned(), "two".to_owned(), "one".to_owned()]);
        for length in 0..packed.len() {
            assert!(unpack::<Vec<String>>(&packed[..length]).is_err(), "{length}");
        }
        assert!(unpack::<Vec<String>>(&[packed.as_slice(), &[0]].concat()).is_err());
        assert_eq!(split(&framed(b"ab", b"c")), Some((&b"ab"[..], &b"c"[..])));
        assert_eq!(split(&framed(b"ab", b"")[..9]), None);
    }
}
