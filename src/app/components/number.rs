//! Numbers for people: as the reader writes them once the page lives, and neutral before.

use super::reader;

/// A count.
pub fn count(number: u64) -> String {
    reader::number(&number.to_string(), "")
}

/// A share from 0 to 1 with two decimals.
pub fn share(number: f64) -> String {
    let hundredths = (number.clamp(0.0, 1.0) * 100.0).round() as u64;
    let part = [(hundredths / 10 % 10).to_string(), (hundredths % 10).to_string()].concat();
    reader::number(&(hundredths / 100).to_string(), &part)
}

/// A rate or share with one decimal where it is small.
pub fn rate(number: f64) -> String {
    if number >= 100.0 || number == number.trunc() { count(number.round() as u64) } else { tenths(number) }
}

fn tenths(number: f64) -> String {
    let tenths = (number * 10.0).round() as u64;
    reader::number(&(tenths / 10).to_string(), &(tenths % 10).to_string())
}

/// A sum, possibly negative, with as many decimals as tell something.
pub fn signed(number: f64) -> String {
    let size = number.abs();
    let decimals: i32 = if size == 0.0 || size >= 100.0 { 2 } else { (2 - size.log10().floor() as i32).clamp(2, 6) };
    let scale = 10_f64.powi(decimals);
    let scaled = (size * scale).round();
    let whole = (scaled / scale).trunc();
    let digits = ((scaled - whole * scale) as u64).to_string();
    let zeros = "000000".get(..(decimals as usize).saturating_sub(digits.len())).unwrap_or_default();
    let sign = if number < 0.0 && scaled > 0.0 { "−" } else { "" };
    [sign, &reader::number(&(whole as u64).to_string(), &[zeros, &digits].concat())].concat()
}

/// Bytes in the unit that fits.
pub fn bytes(number: f64) -> String {
    let mut number = number;
    for unit in ["B", "KB", "MB", "GB"] {
        if number < 1_024.0 {
            return [&rate(number), " ", unit].concat();
        }
        number /= 1_024.0;
    }
    [&rate(number), " TB"].concat()
}

/// What is shown for what is not known.
pub const UNKNOWN: &str = "—";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([count(7), count(1_204), count(1_234_567)], ["7", "1\u{202f}204", "1\u{202f}234\u{202f}567"]);
        assert_eq!([rate(0.0), rate(0.25), rate(99.96), rate(481.4)], ["0", "0.3", "100.0", "481"]);
        assert_eq!(
            [signed(0.0), signed(-12.345), signed(0.001_25), signed(1_234.5)],
            ["0.00", "−12.35", "0.00125", "1\u{202f}234.50"]
        );
        assert_eq!([bytes(12.0), bytes(1_536.0), bytes(3e9)], ["12 B", "1.5 KB", "2.8 GB"]);
    }
}
