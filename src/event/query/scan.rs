//! Looking into an event's JSON without reading it: no value is built, nothing is copied.
//!
//! The text is the deck's own writing, which has each key once and escapes only what it must. On a
//! text that is no JSON these functions find nothing, or something; they do not fail.

/// Where the string that begins at `from`, with its quote, ends: after its closing quote.
fn string_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Where a number or a word that begins at `from` ends.
fn word_end(text: &str, from: usize) -> usize {
    let stop = |b: &u8| matches!(b, b',' | b'}' | b']' | b':' | b' ' | b'"');
    text.as_bytes()[from..].iter().position(stop).map_or(text.len(), |length| from + length.max(1))
}

/// The value of a key of a JSON object, as it is written; none where the object has no such key. The
/// key is one without escapes.
pub fn field<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let rest = object.get(begin(object, key)?..)?;
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                at = string_end(rest, at);
                continue;
            }
            b'{' | b'[' => depth += 1,
            // A value ends with the comma after it, or with the object.
            b',' | b'}' | b']' if depth == 0 => return rest.get(..at),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the value of a key of a JSON object begins.
pub fn begin(object: &str, key: &str) -> Option<usize> {
    let bytes = object.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let end = string_end(object, at);
                if depth == 1 && bytes.get(end) == Some(&b':') && object.get(at + 1..end - 1) == Some(key) {
                    return Some(end + 1);
                }
                at = end;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Whether one of the values in a JSON text is wanted: strings without their quotes, in their
/// escapes, numbers and words as they are; keys are no values.
pub(super) fn any_value(json: &str, wanted: &mut dyn FnMut(&str) -> bool) -> bool {
    let bytes = json.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at = match bytes[at] {
            b'"' => {
                let end = string_end(json, at);
                let value = json.get(at + 1..end.saturating_sub(1)).unwrap_or_default();
                if bytes.get(end) != Some(&b':') && wanted(value) {
                    return true;
                }
                end
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' => at + 1,
            _ => {
                let end = word_end(json, at);
                if json.get(at..end).is_some_and(&mut *wanted) {
                    return true;
                }
                end
            }
        };
    }
    false
}

/// Whether a text has a needle in it, which is in small letters. Escapes are read as what they
/// stand for.
pub(super) fn contains(text: &str, needle: &str) -> bool {
    let mut needle = needle.chars();
    let Some(first) = needle.next() else { return true };
    let mut text = Plain(text.chars());
    while let Some(c) = text.next() {
        if fold(c) == first {
            let mut rest = Plain(text.0.clone());
            if needle.clone().all(|wanted| rest.next().map(fold) == Some(wanted)) {
                return true;
            }
        }
    }
    false
}

/// The characters that a JSON string stands for. A text that is no JSON and has a backslash loses
/// it where an escape could stand.
struct Plain<'a>(std::str::Chars<'a>);

impl Iterator for Plain<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.0.next()? {
            '\\' => match self.0.next()? {
                'n' => Some('\n'),
                'r' => Some('\r'),
                't' => Some('\t'),
                'u' => {
                    let code = self.0.as_str().get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                    let code = code.and_then(char::from_u32)?;
                    let _digits = self.0.nth(3);
                    Some(code)
                }
                other => Some(other),
            },
            plain => Some(plain),
        }
    }
}

/// The small letter of a letter: of the Latin, Greek and Cyrillic alphabets as far as their capitals
/// and small letters stand in rows. Other characters stay. The full tables of Unicode are larger
/// than this whole module, and the browser would download them.
pub(super) fn fold(c: char) -> char {
    let code = c as u32;
    let small = match code {
        0x41..=0x5a | 0xc0..=0xd6 | 0xd8..=0xde | 0x391..=0x3a1 | 0x3a3..=0x3ab | 0x410..=0x42f => code + 32,
        0x400..=0x40f => code + 80,
        // Capitals are the even ones, but for two stretches where they are the odd ones.
        0x100..=0x12f | 0x132..=0x137 | 0x14a..=0x177 | 0x460..=0x481 | 0x48a..=0x4bf => code | 1,
        0x139..=0x148 | 0x179..=0x17e if code % 2 == 1 => code + 1,
        _ => return c,
    };
    char::from_u32(small).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_at_their_depth() {
        let json = r#"{"seq":42,"a":{"b":"x\"}","seq":1},"list":[1,{"c":2}],"b":"y"}"#;
        assert_eq!(field(json, "seq"), Some("42"));
        assert_eq!(field(json, "b"), Some("\"y\""));
        assert_eq!(field(json, "list"), Some(r#"[1,{"c":2}]"#));
        assert_eq!(field(field(json, "a").unwrap(), "b"), Some(r#""x\"}""#));
        assert_eq!(field(json, "c"), None);
        for garbage in ["", "{", "\"", "{\"a", "{\"a\":", "\\", "{\"a\":\"\\"] {
            assert_eq!(field(garbage, "a"), None, "{garbage}");
        }
    }

    #[test]
    fn values_are_seen_and_keys_are_not() {
        let json = r#"{"key":"va\"lue","n":-1.5,"flag":true,"none":null,"list":["a",["b"]]}"#;
        let mut seen = Vec::new();
        assert!(!any_value(json, &mut |value| {
            seen.push(value.to_owned());
            false
        }));
        assert_eq!(seen, [r#"va\"lue"#, "-1.5", "true", "null", "a", "b"]);
    }

    #[test]
    fn text_is_found_whatever_its_case_and_escapes() {
        for (text, needle) in [
            ("Run NPM test", "npm t"),
            ("GRÜSSE aus ÄÖ", "grüsse aus äö"),
            ("ПРИВЕТ Ёж", "привет ёж"),
            ("ΑΘΗΝΑ", "αθηνα"),
            ("Łódź ŻÓŁW", "łódź żółw"),
            (r"line\nfeed", "line\nfeed"),
            (r#"say \"hi\""#, "\"HI\"".to_lowercase().as_str()),
            (r"\u003cscript>", "<script"),
            ("aab", "ab"),
        ] {
            assert!(contains(text, needle), "{text} {needle}");
        }
        assert!(!contains(r"a\\nb", "\n"), "an escaped backslash is no line feed");
        assert!(!contains("ab", "abc"));
    }
}
