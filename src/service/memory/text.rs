//! Words: what of a value can be searched for, and what a person's words ask the index for.

use serde_json::Value;

use super::MAX_QUERY;
use crate::service::Refusal;

/// How many words a search may have.
const MAX_WORDS: usize = 32;

/// What can be searched for in a value: its texts, numbers and the keys of its objects, in order.
pub(super) fn of_value(value: &Value) -> String {
    let mut out = String::new();
    add(&mut out, value);
    out
}

fn add(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => word(out, if *flag { "true" } else { "false" }),
        Value::Number(number) => word(out, &number.to_string()),
        Value::String(text) => word(out, text),
        Value::Array(items) => items.iter().for_each(|item| add(out, item)),
        Value::Object(entries) => entries.iter().for_each(|(key, item)| {
            word(out, key);
            add(out, item);
        }),
    }
}

fn word(out: &mut String, text: &str) {
    if !out.is_empty() && !text.is_empty() {
        out.push(' ');
    }
    out.push_str(text);
}

/// A search in the language of FTS5: every word must be there, in any order; a word that ends in
/// `*` stands for all that begin with it.
///
/// Each word is quoted, so that nothing in it is an operator and no syntax error can come of it.
///
/// # Errors
/// No word, too many of them, or too long a text.
pub(super) fn expression(query: &str) -> Result<String, Refusal> {
    if query.len() > MAX_QUERY {
        return Err(Refusal::invalid(format!("query: {} bytes, over the limit of {MAX_QUERY}", query.len())));
    }
    let mut expression = String::with_capacity(query.len() + 16);
    let mut count = 0;
    // FTS5 reads up to the first NUL: one inside quotes would leave them open.
    for word in query.split(|c: char| c.is_whitespace() || c.is_control()) {
        let (stem, prefix) = match word.strip_suffix('*') {
            Some(stem) => (stem.trim_end_matches('*'), true),
            None => (word, false),
        };
        if !stem.chars().any(char::is_alphanumeric) {
            continue;
        }
        count += 1;
        if count > 1 {
            expression.push(' ');
        }
        expression.push('"');
        expression.push_str(&stem.replace('"', "\"\""));
        expression.push('"');
        if prefix {
            expression.push('*');
        }
    }
    match count {
        0 => Err(Refusal::invalid("query: there is no word in it")),
        1..=MAX_WORDS => Ok(expression),
        _ => Err(Refusal::invalid(format!("query: {count} words, over the limit of {MAX_WORDS}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_quoted() {
        assert_eq!(expression("rust  OR near(x").unwrap(), r#""rust" "OR" "near(x""#);
        assert_eq!(expression("say \"hi\"").unwrap(), r#""say" """hi""""#);
        assert_eq!(expression("swarm* a\0b").unwrap(), r#""swarm"* "a" "b""#);
        assert_eq!(expression("a -- * ** : b").unwrap(), r#""a" "b""#);
        for nothing in ["", " \t", "*", "\"\" -", "\0"] {
            assert_eq!(expression(nothing).unwrap_err().detail, "query: there is no word in it");
        }
        assert!(expression(&"w ".repeat(33)).unwrap_err().detail.contains("33 words"));
        assert!(expression(&"w".repeat(1_001)).unwrap_err().detail.contains("1001 bytes"));
    }

    #[test]
    fn all_of_a_value_is_found() {
        let value = json!({"title": "A plan", "steps": [{"do": "dig", "n": 3}, null, true], "": ""});
        assert_eq!(of_value(&value).split(' ').count(), 9);
        assert_eq!(of_value(&json!("x")), "x");
        assert_eq!(of_value(&json!(["a", "", "b"])), "a b");
    }
}
