//! Finding by a few letters: how well a name fits what was typed.

use crate::swarm::bounds::order;

/// No fit is better than this.
const BEST: u64 = 1_000;

/// The places of what fits, the best first, those alike in the order given. Each has a name, a note
/// beside it and a favour. Where nothing was typed, everything fits alike. All texts are in small
/// letters: what small letters are, the browser knows.
pub(super) fn find<'a>(typed: &str, names: impl Iterator<Item = (&'a str, &'a str, u64)>) -> Vec<usize> {
    let words: Vec<Vec<char>> = typed.split_whitespace().map(letters).collect();
    let mut places = Vec::new();
    let mut misfits = Vec::new();
    for (place, (name, note, favour)) in names.enumerate() {
        if let Some(fit) = fit(&words, name, note) {
            places.push(place);
            misfits.push(2 * BEST - fit - favour.min(BEST));
        }
    }
    order(misfits.into_iter()).into_iter().map(|at| places[at]).collect()
}

fn letters(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// How well a name fits: each word that was typed must, in the name or in the note beside it.
fn fit(words: &[Vec<char>], name: &str, note: &str) -> Option<u64> {
    let (name, note) = (letters(name), letters(note));
    let mut sum = 0;
    for word in words {
        sum += one(word, &name).or_else(|| one(word, &note).map(|fit| fit / 4))?;
    }
    Some(sum / words.len().max(1) as u64)
}

/// From the best: it begins the name, begins a word of it, stands in it, its letters do in order.
fn one(word: &[char], name: &[char]) -> Option<u64> {
    // Tables of all letters there are would be downloaded for this: beyond ASCII all count as such.
    let starts = |at: usize| at == 0 || (name[at - 1].is_ascii() && !name[at - 1].is_ascii_alphanumeric());
    // Of names that fit alike, the shorter one is meant.
    let length = name.len().min(100) as u64;
    let mut inside = None;
    for at in 0..=name.len().saturating_sub(word.len()) {
        if name[at..].starts_with(word) {
            if starts(at) {
                return Some(if at == 0 { BEST } else { BEST * 3 / 4 } - length);
            }
            inside = inside.or(Some(BEST / 2 - length));
        }
    }
    inside.or_else(|| scattered(word, name).map(|gaps| (BEST / 4).saturating_sub(length + 4 * gaps)))
}

/// How many letters stand between those of a word that are found in their order.
fn scattered(word: &[char], name: &[char]) -> Option<u64> {
    let mut rest = word.iter();
    let mut wanted = rest.next()?;
    let (mut first, mut gaps) = (None, 0);
    for (at, letter) in name.iter().enumerate() {
        if letter == wanted {
            first = first.or(Some(at));
            match rest.next() {
                Some(next) => wanted = next,
                None => return Some(gaps),
            }
        } else if first.is_some() {
            gaps += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(typed: &str, names: &[&'a str]) -> Vec<&'a str> {
        find(typed, names.iter().map(|name| (*name, "", 0))).into_iter().map(|place| names[place]).collect()
    }

    #[test]
    fn the_best_fit_comes_first() {
        let names = ["catalogue agents", "tag-1", "agents", "theme: dark", "agile", "über"];
        assert_eq!(found("ag", &names), ["agile", "agents", "catalogue agents", "tag-1"]);
        assert_eq!(found("agents", &names), ["agents", "catalogue agents"]);
        assert_eq!(found("thdk", &names), ["theme: dark"]);
        assert_eq!(found("dark theme", &names), ["theme: dark"]);
        assert_eq!(found("ü", &names), ["über"]);
        assert_eq!(found("zz", &names), [""; 0]);
        assert_eq!(found("", &names), names);
        assert_eq!(found("longer than any of the names there are", &names), [""; 0]);
    }

    #[test]
    fn notes_count_less_and_favours_more() {
        let names = [("planner", "agent", 0), ("agent-7", "", 0), ("agents", "", 50)];
        assert_eq!(find("agent", names.into_iter()), [2, 1, 0]);
    }
}
