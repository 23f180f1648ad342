//! A point in time: UTC, whole milliseconds since 1970.
//!
//! No clock is read here; whoever has one passes it in.

use std::fmt;

use serde_json::Value;

use super::pack::{Packer, Unpacker};
use super::wire::{At, Fault, Shape, Wire};

/// Milliseconds since 1970-01-01T00:00:00Z; on the wire `2026-01-27T10:21:33.123Z`.
///
/// Reads RFC 3339 with any fraction of a second (finer than milliseconds is cut) and any offset,
/// or a number of unix milliseconds. Years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

/// First and last millisecond that four digits of year can spell.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

impl Timestamp {
    /// Milliseconds from `earlier` to this; 0 where `earlier` is later.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Reads RFC 3339; the error says what is missing.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "is not a time like 2026-01-27T10:21:33.123Z";
        let bytes = text.as_bytes();
        if bytes.len() < 20 || !text.is_ascii() {
            return Err(FORM);
        }
        let digits = |from: usize, to: usize| -> Result<i64, &'static str> {
            let part = &bytes[from..to];
            if !part.iter().all(u8::is_ascii_digit) {
                return Err(FORM);
            }
            Ok(part.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
        };
        if bytes[4] != b'-'
            || bytes[7] != b'-'
            || !matches!(bytes[10], b'T' | b't' | b' ')
            || bytes[13] != b':'
            || bytes[16] != b':'
        {
            return Err(FORM);
        }
        let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
        let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
        if year < 1 || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return Err("names a day that does not exist");
        }
        // A leap second is read as the last millisecond before the next minute begins anew.
        if hour > 23 || minute > 59 || second > 60 {
            return Err("names a time of day that does not exist");
        }
        let mut rest = 19;
        let mut millis = 0;
        if bytes[rest] == b'.' {
            let start = rest + 1;
            rest = start;
            while rest < bytes.len() && bytes[rest].is_ascii_digit() {
                rest += 1;
            }
            if rest == start {
                return Err(FORM);
            }
            for place in 0..3 {
                let digit = if start + place < rest { i64::from(bytes[start + place] - b'0') } else { 0 };
                millis = millis * 10 + digit;
            }
        }
        let offset_minutes = match &bytes[rest..] {
            b"Z" | b"z" => 0,
            [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
                let (h, m) = (digits(rest + 1, rest + 3)?, digits(rest + 4, rest + 6)?);
                if h > 23 || m > 59 {
                    return Err("has an offset that does not exist");
                }
                (h * 60 + m) * if *sign == b'-' { -1 } else { 1 }
            }
            _ => return Err("does not say its zone: end it with Z or an offset such as +00:00"),
        };
        let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + (minute - offset_minutes) * 60 + second;
        let ms = seconds * 1_000 + millis;
        if RANGE.contains(&ms) { Ok(Self(ms)) } else { Err("is outside the years 1 to 9999") }
    }
}

/// Days since 1970-01-01 of a day in the proleptic Gregorian calendar.
///
/// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`], from the same source.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.clamp(*RANGE.start(), *RANGE.end());
        let (days, of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second, milli) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60, of_day % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl Wire for Timestamp {
    const SHAPE: Shape = Shape::Time;
    fn blank() -> Self {
        Self(0)
    }
    fn fill(&mut self, value: Value, at: &At<'_>) -> Result<(), Fault> {
        *self = match &value {
            Value::String(text) => Self::parse(text).map_err(|problem| {
                let shown: String = text.chars().take(40).collect();
                at.fault(format!("{shown:?} {problem}"))
            })?,
            Value::Number(_) => match i64::read(value, at)? {
                ms if RANGE.contains(&ms) => Self(ms),
                ms => return Err(at.fault(format!("{ms} is outside the years 1 to 9999 in unix milliseconds"))),
            },
            other => return Err(at.mismatch("a time", other)),
        };
        Ok(())
    }
    fn write(&self, out: &mut String) {
        use std::fmt::Write as _;
        let _infallible = write!(out, "\"{self}\"");
    }
    fn pack<'a>(&'a self, out: &mut Packer<'a>) {
        out.time(self.0);
    }
    fn unpack(&mut self, from: &mut Unpacker<'_>) {
        self.0 = from.time();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_senders_write() {
        let known = Timestamp(1_769_509_293_123);
        for text in [
            "2026-01-27T10:21:33.123Z",
            "2026-01-27T10:21:33.123456Z",
            "2026-01-27T10:21:33.123+00:00",
            "2026-01-27T10:21:33.123456+00:00",
            "2026-01-27T12:21:33.123+02:00",
            "2026-01-27 04:51:33.123999-05:30",
        ] {
            assert_eq!(Timestamp::parse(text), Ok(known), "{text}");
        }
        assert_eq!(known.to_string(), "2026-01-27T10:21:33.123Z");
        assert_eq!(Timestamp::parse("2024-02-29T00:00:00Z").unwrap().to_string(), "2024-02-29T00:00:00.000Z");
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "yesterday",
            "2026-01-27",
            "2026-01-27T10:21:33",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-27T25:00:00Z",
            "2026-01-27T10:21:33.Z",
            "2026-01-27T10:21:33+1:00",
            "0000-01-01T00:00:00Z",
            "2026-01-27T10:21:3éZ",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_time_reads_back(ms in RANGE) {
            prop_assert_eq!(Timestamp::parse(&Timestamp(ms).to_string()), Ok(Timestamp(ms)));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            let _any = Timestamp::parse(&text);
        }
    }
}
