//! Text from agents, with what would not show or would mislead made visible.

/// Makes control characters, and those that turn the direction of writing, visible by their code.
/// Line breaks and tabs stay: the text stands in an element that keeps them.
pub fn visible(text: &str) -> String {
    shown(text, true)
}

/// The same for a text that stands in one line: breaks and tabs are made visible too.
pub fn visible_line(text: &str) -> String {
    shown(text, false)
}

fn shown(text: &str, lines: bool) -> String {
    let hides = |c: char| {
        (c.is_control() && !(lines && matches!(c, '\n' | '\t')))
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(hides) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if !hides(character) {
            out.push(character);
            continue;
        }
        out.push_str("⟨U+");
        let code = u32::from(character);
        for shift in [12, 8, 4, 0] {
            out.push(char::from_digit(code >> shift & 15, 16).unwrap_or('0').to_ascii_uppercase());
        }
        out.push('⟩');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_line};

    #[test]
    fn what_would_not_show_is_made_visible() {
        assert_eq!(visible("rm -rf x\u{202e}y\r\n\tz"), "rm -rf x⟨U+202E⟩y⟨U+000D⟩\n\tz");
        assert_eq!(visible_line("a\nb"), "a⟨U+000A⟩b");
    }
}
