//! How the reader writes numbers and times.
//!
//! A server does not know: what it renders is neutral, and so is the page until it lives. Then the
//! browser is asked once how its reader groups digits and what a time looks like; everything that
//! was written neutrally follows. Numbers are put together here, not in the browser: there are
//! thousands a second.

use std::cell::{Cell, RefCell};

use js_sys::{Array, Function, Intl, Object, Reflect};
use leptos::prelude::{ArcTrigger, Notify as _, Track as _};
use wasm_bindgen::JsValue;

use crate::event::Timestamp;

/// How a locale writes numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    /// The digit zero; the others follow it.
    zero: char,
    /// Between groups of digits; none where there are no groups.
    group: Option<char>,
    /// Before what is smaller than one.
    point: char,
    /// How many digits the groups have that are not the last, which has three.
    size: usize,
    /// How many digits a number has at least that is grouped.
    least: usize,
}

/// What belongs to no reader: thin spaces between thousands.
const NEUTRAL: Digits = Digits { zero: '0', group: Some('\u{202f}'), point: '.', size: 3, least: 4 };

impl Digits {
    /// From how a locale writes 0, 1234 and 12345678.9.
    fn of(nothing: &str, four: &str, eight: &str) -> Self {
        let zero = nothing.chars().next().unwrap_or('0');
        let is_digit = |c: char| (zero..=char::from_u32(u32::from(zero) + 9).unwrap_or(zero)).contains(&c);
        let marks: Vec<(usize, char)> = eight.chars().enumerate().filter(|(_, c)| !is_digit(*c)).collect();
        let Some(((_, point), groups)) = marks.split_last() else { return NEUTRAL };
        let size = groups.split_last().and_then(|(last, before)| before.last().map(|before| last.0 - before.0 - 1));
        let least = if four.chars().all(is_digit) { 5 } else { 4 };
        Self { zero, group: groups.first().map(|(_, group)| *group), point: *point, size: size.unwrap_or(3).max(1), least }
    }

    /// A number from its digits before and after the point.
    fn write(self, whole: &str, part: &str) -> String {
        let digit = |c: char| char::from_u32(u32::from(self.zero) + (u32::from(c) - u32::from('0'))).unwrap_or(c);
        let mut out = String::with_capacity(whole.len() * 2 + part.len() + 2);
        let many = whole.len();
        for (index, c) in whole.chars().enumerate() {
            let left = many - index;
            let bound = left == 3 || (left > 3 && (left - 3).is_multiple_of(self.size));
            if let Some(group) = self.group.filter(|_| bound && index > 0 && many >= self.least) {
                out.push(group);
            }
            out.push(digit(c));
        }
        if !part.is_empty() {
            out.push(self.point);
            out.extend(part.chars().map(digit));
        }
        out
    }
}

thread_local! {
    /// None until the page lives; on a server for ever.
    static DIGITS: Cell<Option<Digits>> = const { Cell::new(None) };
    /// Writes a time of day.
    static CLOCK: RefCell<Option<Function>> = const { RefCell::new(None) };
    /// What was written follows.
    static CHANGED: ArcTrigger = ArcTrigger::new();
}

/// Asks the browser. From now on numbers and times are the reader's; times in UTC where that is wanted.
pub fn settle(utc: bool) {
    let say = Intl::NumberFormat::new(&Array::new(), &Object::new()).format();
    let said = |number: f64| called(&say, number).unwrap_or_default();
    DIGITS.set(Some(Digits::of(&said(0.0), &said(1_234.0), &said(12_345_678.9))));
    let options = Object::new();
    let set = |name: &str, value: &str| Reflect::set(&options, &name.into(), &value.into());
    for part in ["hour", "minute", "second"] {
        let _set = set(part, "2-digit");
    }
    if utc {
        let _set = set("timeZone", "UTC");
    }
    CLOCK.set(Some(Intl::DateTimeFormat::new(&Array::new(), &options).format()));
    CHANGED.with(ArcTrigger::notify);
}

fn called(say: &Function, number: f64) -> Option<String> {
    say.call1(&JsValue::UNDEFINED, &number.into()).ok()?.as_string()
}

/// A number from its decimal digits before and after the point.
pub fn number(whole: &str, part: &str) -> String {
    let digits = DIGITS.get().unwrap_or_else(|| {
        later();
        NEUTRAL
    });
    digits.write(whole, part)
}

/// A time of day: the reader's, or hours, minutes and seconds in UTC while there is no reader.
pub fn time_of_day(at: Timestamp) -> String {
    later();
    let told = CLOCK.with_borrow(|clock| clock.as_ref().and_then(|clock| called(clock, at.0 as f64)));
    told.unwrap_or_else(|| super::age::time_of_day(at))
}

/// What is being written is written anew when the reader changes. A server has none.
fn later() {
    if cfg!(target_family = "wasm") {
        CHANGED.with(ArcTrigger::track);
    }
}

/// Whether this browser is on a machine whose keyboards have ⌘ in place of Ctrl.
pub fn has_command_key() -> bool {
    let platform = leptos::prelude::window().navigator().platform();
    platform.is_ok_and(|name| name.starts_with("Mac") || name.starts_with("iP"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_differ() {
        let write = |zero, four, eight| {
            let digits = Digits::of(zero, four, eight);
            [("1234567", "5"), ("1234", ""), ("999", "25")].map(|(whole, part)| digits.write(whole, part))
        };
        assert_eq!(write("0", "1,234", "12,345,678.9"), ["1,234,567.5", "1,234", "999.25"]);
        assert_eq!(write("0", "1.234", "12.345.678,9"), ["1.234.567,5", "1.234", "999,25"]);
        assert_eq!(write("0", "1234", "12.345.678,9"), ["1.234.567,5", "1234", "999,25"]);
        assert_eq!(write("0", "1,234", "1,23,45,678.9"), ["12,34,567.5", "1,234", "999.25"]);
        assert_eq!(write("٠", "١٬٢٣٤", "١٢٬٣٤٥٬٦٧٨٫٩"), ["١٬٢٣٤٬٥٦٧٫٥", "١٬٢٣٤", "٩٩٩٫٢٥"]);
        assert_eq!(write("0", "1234", "12345678.9"), ["1234567.5", "1234", "999.25"]);
        assert_eq!(write("", "", ""), ["1\u{202f}234\u{202f}567.5", "1\u{202f}234", "999.25"]);
    }
}
