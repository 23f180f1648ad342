//! How collections stay bounded: the oldest that ended go first, texts are cut where they are long.

use std::collections::VecDeque;

use super::table::Table;

/// The positions of entries in the order of their keys; equal keys stay in the order they came.
/// One sort for every list: its code is the browser's to download.
pub fn order(keys: impl Iterator<Item = u64>) -> Vec<usize> {
    let mut keyed: Vec<(u64, u64)> = keys.zip(0..).collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, place)| place as usize).collect()
}

/// Drops entries once a table has grown an eighth past `cap`, down to `cap`: first those that
/// ended, among them those longest unchanged. Returns how many went.
///
/// `rank` says of an entry whether it still goes on and the seq of its last change. Waiting for an
/// eighth keeps the cost per event constant.
pub fn prune<T>(table: &mut Table<T>, cap: usize, rank: impl Fn(&T) -> (bool, u64)) -> u64 {
    if table.len() <= cap + cap / 8 {
        return 0;
    }
    let keys = table.values().map(|entry| {
        let (goes_on, seq) = rank(entry);
        u64::from(goes_on) << 63 | seq
    });
    let surplus = table.len() - cap;
    let going: Vec<usize> = order(keys).into_iter().take(surplus).collect();
    let ids: Vec<String> = table.keys().cloned().collect();
    for place in going {
        table.remove(&ids[place]);
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
        let mut map = Table::default();
        (0..18_u64).for_each(|n| map.insert(&format!("{n:02}"), (n % 2 == 0, n)));
        assert_eq!(prune(&mut map, 16, |entry| *entry), 0);
        map.insert("18", (true, 18));
        assert_eq!(prune(&mut map, 16, |entry| *entry), 3);
        assert!(["01", "03", "05"].iter().all(|gone| !map.contains_key(gone)));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(clip("short", 5), "short");
        assert_eq!(clip("grüße", 3), "gr…");
    }
}
