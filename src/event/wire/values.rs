//! How plain values, and those that hold others, stand on the wire.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use serde_json::Value;

use super::{At, Fault, Object, Shape, Wire, close, each_entry, each_item, object, put_key, put_rest, write_text};
use crate::event::pack::{Packer, Unpacker};

impl Wire for String {
    const SHAPE: Shape = Shape::Text;
    fn blank() -> Self {
        Self::new()
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        match value {
            Value::String(text) => *self = text,
            other => return Err(at.mismatch("text", &other)),
        }
        Ok(())
    }
    fn write(&self, out: &mut String) {
        write_text(out, self);
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.text(self);
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        self.push_str(from.text());
    }
}

impl Wire for bool {
    const SHAPE: Shape = Shape::Flag;
    fn blank() -> Self {
        false
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        *self = value.as_bool().ok_or_else(|| at.mismatch("true or false", &value))?;
        Ok(())
    }
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.number(u64::from(*self));
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        *self = from.number() == 1;
    }
}

/// The largest whole number that a double holds exactly, 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Wire for f64 {
    const SHAPE: Shape = Shape::Number;
    fn blank() -> Self {
        0.0
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        *self = value.as_f64().filter(|number| number.is_finite()).ok_or_else(|| at.mismatch("a number", &value))?;
        Ok(())
    }
    /// Whole numbers are written without a fraction, the rest in the shortest form that reads back.
    fn write(&self, out: &mut String) {
        let _infallible = if !self.is_finite() {
            write!(out, "0")
        } else if self.fract() == 0.0 && self.abs() < EXACT {
            write!(out, "{}", *self as i64)
        } else {
            write!(out, "{}", Value::from(*self))
        };
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.double(*self);
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        *self = from.double();
    }
}

impl Wire for u64 {
    const SHAPE: Shape = Shape::Count;
    fn blank() -> Self {
        0
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        let whole = |n: f64| (n.fract() == 0.0 && (0.0..EXACT).contains(&n)).then_some(n as Self);
        let read = value.as_u64().or_else(|| value.as_f64().and_then(whole));
        *self = read.ok_or_else(|| at.mismatch("a whole number from 0", &value))?;
        Ok(())
    }
    fn write(&self, out: &mut String) {
        let _infallible = write!(out, "{self}");
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.number(*self);
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        *self = from.number();
    }
}

impl Wire for i64 {
    const SHAPE: Shape = Shape::Integer;
    fn blank() -> Self {
        0
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        let whole = |n: f64| (n.fract() == 0.0 && n.abs() < EXACT).then_some(n as Self);
        let read = value.as_i64().or_else(|| value.as_f64().and_then(whole));
        *self = read.ok_or_else(|| at.mismatch("a whole number", &value))?;
        Ok(())
    }
    fn write(&self, out: &mut String) {
        let _infallible = write!(out, "{self}");
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.signed(*self);
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        *self = from.signed();
    }
}

impl Wire for Value {
    const SHAPE: Shape = Shape::Any;
    fn blank() -> Self {
        Self::Null
    }
    fn fill(&mut self, value: Value, _: &At<'_>) -> Result<(), Fault> {
        *self = value;
        Ok(())
    }
    fn write(&self, out: &mut String) {
        match self {
            Self::String(text) => write_text(out, text),
            Self::Array(items) => write_list(out, items.iter()),
            Self::Object(entries) => entries.write(out),
            Self::Number(number) if number.is_f64() => {
                number.as_f64().unwrap_or_default().write(out);
            }
            scalar => {
                let _infallible = write!(out, "{scalar}");
            }
        }
    }
}

impl Wire for Object {
    const SHAPE: Shape = Shape::Open;
    fn blank() -> Self {
        Self::new()
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        *self = object(value, at)?;
        Ok(())
    }
    fn write(&self, out: &mut String) {
        let start = out.len();
        put_rest(out, start, self);
        close(out, start);
    }
}

impl<T: Wire> Wire for Option<T> {
    const SHAPE: Shape = T::SHAPE;
    const REQUIRED: bool = false;
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        self.insert(T::blank()).fill(value, at)
    }
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.number(u64::from(self.is_some()));
        if let Some(value) = self {
            value.pack(out);
        }
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        if from.number() == 1 {
            self.insert(T::blank()).unpack(from);
        }
    }
    fn blank() -> Self {
        None
    }
    fn is_missing(&self) -> bool {
        self.is_none()
    }
}

impl<T: Wire> Wire for Box<T> {
    const SHAPE: Shape = T::SHAPE;
    fn blank() -> Self {
        Self::new(T::blank())
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        (**self).fill(value, at)
    }
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        (**self).pack(out);
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        (**self).unpack(from);
    }
}

/// A list may be left out: it is then empty, and an empty one is not written.
macro_rules! list {
    ($list:ident, $push:ident, $last:ident) => {
        impl<T: Wire> Wire for $list<T> {
            const SHAPE: Shape = Shape::List(&T::SHAPE);
            const REQUIRED: bool = false;
            fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
                each_item(value, at, &mut |item, at| {
                    self.$push(T::blank());
                    self.$last().map_or(Ok(()), |last| last.fill(item, at))
                })
            }
            fn write(&self, out: &mut String) {
                write_list(out, self.iter());
            }
            fn pack<'a>(&'a self, out: &mut Packer<'a>) {
                out.number(self.len() as u64);
                self.iter().for_each(|item| item.pack(out));
            }
            fn unpack(&mut self, from: &mut Unpacker<'_>) {
                from.each(&mut |from| {
                    self.$push(T::blank());
                    if let Some(last) = self.$last() {
                        last.unpack(from);
                    }
                });
            }
            fn blank() -> Self {
                Self::new()
            }
            fn is_missing(&self) -> bool {
                self.is_empty()
            }
        }
    };
}

list!(Vec, push, last_mut);
list!(VecDeque, push_back, back_mut);

impl<T: Wire> Wire for BTreeMap<String, T> {
    const SHAPE: Shape = Shape::Table(&T::SHAPE);
    const REQUIRED: bool = false;
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        each_entry(value, at, &mut |key, entry, at| self.entry(key.to_owned()).or_insert_with(T::blank).fill(entry, at))
    }
    fn write(&self, out: &mut String) {
        let start = out.len();
        for (key, value) in self {
            put_key(out, start, key);
            value.write(out);
        }
        close(out, start);
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.number(self.len() as u64);
        for (key, value) in self {
            out.text(key);
            value.pack(out);
        }
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        from.each(&mut |from| {
            let key = from.text().to_owned();
            self.entry(key).or_insert_with(T::blank).unpack(from);
        });
    }
    fn blank() -> Self {
        Self::new()
    }
    fn is_missing(&self) -> bool {
        self.is_empty()
    }
}

fn write_list<'a, T: Wire + 'a>(out: &mut String, items: impl Iterator<Item = &'a T>) {
    out.push('[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        item.write(out);
    }
    out.push(']');
}
