//! The rows of a list in the document: those that stay, those that come, those that go.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use leptos::prelude::{Owner, document, untrack};
use wasm_bindgen::JsCast as _;

use super::place::{At, Place};
use super::{Inside, Shown, follow, show};
use crate::app::html::{Later, Row, Rows};

thread_local! {
    static DRAWN: Cell<u64> = const { Cell::new(0) };
}

/// How many rows of lists were drawn since the page began.
pub fn rows_drawn() -> u64 {
    DRAWN.get()
}

/// The rows of a list.
#[derive(Default)]
pub(super) struct List {
    pub(super) rows: Vec<Placed>,
    /// Owners of rows that are gone. They are used again: the owner above would else remember
    /// every row that ever was.
    spare: Vec<Owner>,
}

pub(super) struct Placed {
    key: String,
    owner: Owner,
    pub(super) shown: Shown,
}

/// How many new rows are drawn in a frame of a list that is drawn by and by.
const STEP: usize = 4;

/// A list with what it needs to become another.
struct Filling {
    list: Rc<RefCell<List>>,
    /// The mark behind it.
    end: Rc<OnceCell<web_sys::Node>>,
    drawing: bool,
    /// Rows outlive a run of the effect, and so must what they own.
    above: Owner,
    later: Option<Later>,
    /// What is drawn in the next frame.
    rest: RefCell<Vec<Row>>,
    due: Cell<bool>,
}

pub(super) fn show_rows(rows: Rows, place: &Place) -> Shown {
    let Rows { read, later } = rows;
    let (list, end) = (Rc::new(RefCell::new(List::default())), Rc::new(OnceCell::new()));
    let filling = Rc::new(Filling {
        list: Rc::clone(&list),
        end: Rc::clone(&end),
        drawing: place.drawing,
        above: Owner::new(),
        later,
        rest: RefCell::default(),
        due: Cell::new(false),
    });
    let mut first = Some(place.clone());
    let effect = follow(Box::new(move || {
        let wanted = read();
        match first.take() {
            Some(place) => {
                let mut list = filling.list.borrow_mut();
                for row in wanted {
                    let placed = list.draw(row, &filling.above, &place);
                    list.rows.push(placed);
                }
            }
            None => fill(&filling, wanted),
        }
    }));
    let end = end.get_or_init(|| place.end()).clone();
    Shown::Rows { rows: Inside(list), end, _effect: effect }
}

/// Makes a list have the rows that are wanted; not all at once where it is drawn by and by.
fn fill(filling: &Rc<Filling>, wanted: Vec<Row>) {
    let Some(place) = Place::at_mark(&filling.end, filling.drawing) else { return };
    // Nothing that is drawn or taken out below comes back to this list: effects of others wait for
    // their turn, and listeners only set signals.
    let mut list = filling.list.borrow_mut();
    let Some(later) = &filling.later else { return list.become_(wanted, &filling.above, &place) };
    let there: Vec<&str> = list.rows.iter().map(|placed| placed.key.as_str()).collect();
    let (now, rest) = step(&there, wanted);
    list.become_(now, &filling.above, &place);
    let is_whole = rest.is_empty();
    filling.rest.replace(rest);
    if !is_whole && !filling.due.replace(true) {
        let next = Rc::downgrade(filling);
        later(Box::new(move || {
            let Some(filling) = next.upgrade() else { return };
            filling.due.set(false);
            let rest = filling.rest.take();
            // Others may have been wanted meanwhile, and few enough.
            if !rest.is_empty() {
                fill(&filling, rest);
            }
        }));
    }
}

/// A step from the rows that are there to those wanted: what the list becomes now, with so few new rows,
/// and what it shall become then; nothing where that is all.
fn step(there: &[&str], wanted: Vec<Row>) -> (Vec<Row>, Vec<Row>) {
    let is_new = |row: &Row| !there.contains(&row.key.as_str());
    let over = wanted.iter().enumerate().filter(|(_, row)| is_new(row)).nth(STEP).map(|(place, _)| place);
    let Some(place) = over else { return (wanted, Vec::new()) };
    let long = wanted.len().max(there.len());
    let mut now = wanted;
    let later = now.split_off(place);
    let rest = now.iter().map(|row| Row::drawn(&row.key)).chain(later).collect();
    // What was there before gives way as far as something came.
    let former: Vec<Row> = there.iter().filter(|key| now.iter().all(|row| row.key != **key)).map(|key| Row::drawn(key)).collect();
    let room = long.saturating_sub(now.len());
    now.extend(former.into_iter().take(room));
    (now, rest)
}

impl List {
    fn draw(&mut self, row: Row, above: &Owner, place: &Place) -> Placed {
        DRAWN.set(DRAWN.get() + 1);
        let owner = self.spare.pop().unwrap_or_else(|| above.with(Owner::new));
        // What a row reads while it is drawn is not what the list depends on.
        let shown = owner.with(|| untrack(|| show((row.draw)(), place)));
        Placed { key: row.key, owner, shown }
    }

    /// Makes the rows be those wanted, before the end: what goes is taken out, what comes is drawn,
    /// what stays is moved only where its order among those that stay changed.
    fn become_(&mut self, wanted: Vec<Row>, above: &Owner, end: &Place) {
        if wanted.len() == self.rows.len() && wanted.iter().zip(&self.rows).all(|(new, old)| new.key == old.key) {
            return;
        }
        let focus = Focus::keep();
        let mut old: Vec<Option<Placed>> = self.rows.drain(..).map(Some).collect();
        let mut kept: Vec<Option<usize>> = Vec::with_capacity(wanted.len());
        let mut staying: Vec<Option<Placed>> = Vec::with_capacity(wanted.len());
        let mut after = 0;
        for row in &wanted {
            // Most rows keep their order: each is looked for behind the one before it first.
            let is_it = |at: &usize| old[*at].as_ref().is_some_and(|placed| placed.key == row.key);
            let found = (after..old.len()).chain(0..after).find(is_it);
            staying.push(found.and_then(|at| old[at].take()));
            kept.push(found);
            after = found.map_or(after, |at| at + 1);
        }
        for placed in old.into_iter().flatten() {
            placed.shown.remove();
            drop(placed.shown);
            placed.owner.cleanup();
            self.spare.push(placed.owner);
        }
        let in_order = longest_rising(&kept);
        // From the last to the first, so that the next sibling is always known.
        let mut next = end.clone();
        let mut nodes = Vec::new();
        for (index, row) in wanted.into_iter().enumerate().rev() {
            let placed = match staying[index].take() {
                Some(placed) => {
                    if !in_order[index] {
                        nodes.clear();
                        placed.shown.nodes(&mut nodes);
                        nodes.iter().for_each(|node| next.put(node));
                    }
                    placed
                }
                None => self.draw(row, above, &next),
            };
            nodes.clear();
            placed.shown.nodes(&mut nodes);
            if let Some(first) = nodes.first() {
                next.at = At::Make(Some(first.clone()));
            }
            self.rows.push(placed);
        }
        self.rows.reverse();
        focus.restore();
    }
}

/// Which entries belong to a longest run of rising numbers; those without a number do not.
fn longest_rising(numbers: &[Option<usize>]) -> Vec<bool> {
    // The last entry of the best run of each length so far, and the entry before each entry.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; numbers.len()];
    for (index, number) in numbers.iter().enumerate() {
        let Some(number) = number else { continue };
        let length = ends.partition_point(|end| numbers[*end] < Some(*number));
        before[index] = length.checked_sub(1).map(|shorter| ends[shorter]);
        if length == ends.len() {
            ends.push(index);
        } else {
            ends[length] = index;
        }
    }
    let mut member = vec![false; numbers.len()];
    let mut at = ends.last().copied();
    while let Some(index) = at {
        member[index] = true;
        at = before[index];
    }
    member
}

/// What has the focus keeps it when its row is moved: the document takes it away.
struct Focus(Option<web_sys::HtmlElement>);

impl Focus {
    fn keep() -> Self {
        Self(document().active_element().and_then(|active| active.dyn_into().ok()))
    }

    fn restore(self) {
        let Some(active) = self.0.filter(|active| active.is_connected()) else { return };
        if document().active_element().as_ref() != Some(active.as_ref()) {
            let options = web_sys::FocusOptions::new();
            options.set_prevent_scroll(true);
            let _no_focus = active.focus_with_options(&options);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, STEP, longest_rising, step};

    fn keys(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.key.as_str()).collect()
    }

    #[test]
    fn a_list_that_is_drawn_by_and_by_becomes_what_is_wanted() {
        let cases = [
            ("a b c d e f", "g h i j k l m n"),
            ("a b c d e f g h i", "c x b"),
            ("", "a b c d e f g h i j k"),
            ("a b c", ""),
            ("a b c d e f", "z a y b x c w d v e u f t"),
        ];
        for (from, to) in cases {
            let mut there: Vec<String> = from.split_whitespace().map(str::to_owned).collect();
            let long = there.len().max(to.split_whitespace().count());
            let mut wanted: Vec<Row> = to.split_whitespace().map(Row::drawn).collect();
            for steps in 0.. {
                assert!(steps < 6, "{there:?}");
                let (now, rest) = step(&there.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
                let new = now.iter().filter(|row| !there.contains(&row.key)).count();
                assert!(new <= STEP && now.len() <= long, "{now:?}");
                there = now.iter().map(|row| row.key.clone()).collect();
                wanted = rest;
                if wanted.is_empty() {
                    break;
                }
                assert_eq!(new, STEP, "each step is as large as may be");
                assert_eq!(keys(&wanted), to.split_whitespace().collect::<Vec<_>>());
            }
            assert_eq!(there, to.split_whitespace().collect::<Vec<_>>());
        }
    }

    #[test]
    fn few_rows_move() {
        let moved = |numbers: &[usize]| {
            let kept: Vec<Option<usize>> = numbers.iter().copied().map(Some).collect();
            longest_rising(&kept).into_iter().filter(|stays| !stays).count()
        };
        assert_eq!(moved(&[0, 1, 2, 3]), 0);
        assert_eq!(moved(&[1, 2, 3, 0]), 1);
        assert_eq!(moved(&[3, 0, 1, 2]), 1);
        assert_eq!(moved(&[3, 2, 1, 0]), 3);
        assert_eq!(longest_rising(&[None, Some(4), None, Some(5)]), [false, true, false, true]);
        assert!(longest_rising(&[]).is_empty());
    }
}
