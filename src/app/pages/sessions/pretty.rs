//! JSON as people read it, also where it was cut in the middle.

/// How deep lines are indented at most: what is nested deeper stays at this depth.
const MAX_DEPTH: usize = 12;
/// How short an object or list has to be to stay in one line, in bytes.
const SHORT: usize = 48;

/// JSON with line breaks; any other text as it is. Works on the signs alone, so that a text whose
/// end is missing is laid out as far as it goes.
pub fn pretty(text: &str) -> String {
    if !text.starts_with(['{', '[']) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    let (mut depth, mut quoted, mut escaped, mut until) = (0_usize, false, false, 0_usize);
    for (at, sign) in text.char_indices() {
        if quoted {
            out.push(sign);
            quoted = escaped || sign != '"';
            escaped = !escaped && sign == '\\';
            continue;
        }
        let in_line = at < until;
        match sign {
            '"' => {
                quoted = true;
                out.push(sign);
            }
            '{' | '[' => {
                out.push(sign);
                if !in_line {
                    match short_end(&text[at..]) {
                        Some(length) => until = at + length,
                        None => {
                            depth += 1;
                            line(&mut out, depth);
                        }
                    }
                }
            }
            '}' | ']' => {
                if !in_line {
                    depth = depth.saturating_sub(1);
                    line(&mut out, depth);
                }
                out.push(sign);
            }
            ',' if in_line => out.push_str(", "),
            ',' => {
                out.push(sign);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            ' ' | '\n' | '\r' | '\t' => {}
            other => out.push(other),
        }
    }
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    (0..depth.min(MAX_DEPTH)).for_each(|_| out.push_str("  "));
}

/// The length up to and with the bracket that closes the first one, where that is short.
fn short_end(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_i32, false, false);
    for (at, sign) in text.char_indices() {
        if at >= SHORT {
            return None;
        }
        match sign {
            _ if quoted => {
                quoted = escaped || sign != '"';
                escaped = !escaped && sign == '\\';
            }
            '"' => quoted = true,
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn what_is_short_stays_in_one_line() {
        assert_eq!(pretty("{\"path\":\".\",\"deep\":[1,2]}"), "{\"path\": \".\", \"deep\": [1, 2]}");
        assert_eq!(pretty("[]"), "[]");
        assert_eq!(pretty("plain, {text}"), "plain, {text}");
    }

    #[test]
    fn what_is_long_has_a_line_for_each() {
        let long = "x".repeat(60);
        let json = ["{\"a\":\"", &long, "\",\"b\":{\"c\":[1,2],\"d\":\"{,}\\\"\"}}"].concat();
        let told = ["{\n  \"a\": \"", &long, "\",\n  \"b\": {\"c\": [1, 2], \"d\": \"{,}\\\"\"}\n}"].concat();
        assert_eq!(pretty(&json), told);
    }

    #[test]
    fn what_is_cut_is_laid_out_as_far_as_it_goes() {
        let long = "y".repeat(60);
        assert_eq!(pretty(&["{\"a\":[\"", &long].concat()), ["{\n  \"a\": [\n    \"", &long].concat());
        assert_eq!(pretty(&"[".repeat(200)).matches('[').count(), 200);
        assert_eq!(pretty("}}}]").len(), 4);
    }
}
