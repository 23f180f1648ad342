//! How collections stay bounded: the oldest that ended go first, texts are cut where they are long.

use std::collections::{BTreeMap, VecDeque};

/// Drops entries once a map has grown an eighth past `cap`, down to `cap`: first those that ended,
/// among them those longest unchanged. Returns how many went.
///
/// `rank` says of an entry whether it still goes on and the seq of its last change. Waiting for an
/// eighth keeps the cost per event constant.
pub fn prune<T>(map: &mut BTreeMap<String, T>, cap: usize, rank: impl Fn(&T) -> (bool, u64)) -> u64 {
    if map.len() <= cap + cap / 8 {
        return 0;
    }
    let mut ranked: Vec<((bool, u64), String)> = map.iter().map(|(id, entry)| (rank(entry), id.clone())).collect();
    ranked.sort_unstable();
    let surplus = map.len() - cap;
    for (_, id) in &ranked[..surplus] {
        map.remove(id);
    }
    surplus as u64
}

/// Appends to a list of the newest `cap`.
pub fn push_newest<T>(list: &mut VecDeque<T>, entry: T, cap: usize) {
    list.push_back(entry);
    while list.len() > cap {
        list.pop_front();
    }
}

/// The text, cut to `max` bytes at a character's edge; an ellipsis marks the cut.
pub fn clip(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut end = max;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_long_ago_goes_first() {
        let mut map: BTreeMap<String, (bool, u64)> = (0..18).map(|n| (format!("{n:02}"), (n % 2 == 0, n))).collect();
        assert_eq!(prune(&mut map, 16, |entry| *entry), 0);
        map.insert("18".into(), (true, 18));
        assert_eq!(prune(&mut map, 16, |entry| *entry), 3);
        assert!(["01", "03", "05"].iter().all(|gone| !map.contains_key(*gone)));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(clip("short", 5), "short");
        assert_eq!(clip("grüße", 3), "gr…");
    }
}
