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

/// What has no shape of its own: joiners, marks of direction, fillers, and tags, in which whole
/// sentences can hide. Variation selectors, which choose an emoji's shape, stay.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn shown(text: &str, lines: bool) -> String {
    let hides = |c: char| (c.is_control() && !(lines && matches!(c, '\n' | '\t'))) || is_unseen(c);
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
        for shift in [20, 16, 12, 8, 4, 0] {
            if shift > 12 && code >> shift == 0 {
                continue;
            }
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
        assert_eq!(visible("a\u{e0041}\u{ad}\u{2028}❤\u{fe0f}"), "a⟨U+E0041⟩⟨U+00AD⟩⟨U+2028⟩❤\u{fe0f}");
    }
}
