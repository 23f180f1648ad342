//! Letters, for finding words whatever their case.

/// A text in small letters. What is ASCII is most of what is searched; for the rest the browser has
/// the tables that a page need not download.
pub fn small(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    #[cfg(target_family = "wasm")]
    return js_sys::JsString::from(text).to_lower_case().into();
    #[cfg(not(target_family = "wasm"))]
    return text.to_lowercase();
}

#[cfg(test)]
mod tests {
    use super::small;

    #[test]
    fn every_letter_is_small() {
        assert_eq!((small("NPM Test").as_str(), small("ÄRGER").as_str()), ("npm test", "ärger"));
    }
}
