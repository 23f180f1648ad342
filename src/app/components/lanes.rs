//! Time as a picture: an axis on which idle gaps are folded, and lanes of marks on it.
//!
//! Positions are in percent of the width, so that nothing is measured and nothing distorted. A
//! drawing is one text of SVG; names in it are escaped.

use super::age::age;
use super::chart::{attributes, hundredth};
use super::reader::time_of_day;
use crate::app::html::escape;
use crate::event::Timestamp;

/// How much of the width a folded gap keeps.
const FOLD: f64 = 3.0;
/// The least way between two labels of the axis.
const APART: f64 = 12.0;
/// What the axis may count in, in seconds.
const STEPS: [i64; 12] = [10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200];

/// A stretch of the axis.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    from: i64,
    to: i64,
    x: f64,
    wide: f64,
    folded: bool,
}

/// An axis of time, in milliseconds since 1970, from 0 to 100.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Axis {
    pieces: Vec<Piece>,
}

impl Axis {
    /// An axis from one time to another. Where nothing is busy for longer than `fold`, time is
    /// folded to a narrow stretch.
    pub fn new(from: Timestamp, to: Timestamp, busy: &[(Timestamp, Timestamp)], fold: u64) -> Self {
        let (from, to) = (from.0, to.0.max(from.0 + 1));
        let keys = busy.iter().map(|(begin, _)| begin.0.max(0).cast_unsigned());
        let order = crate::swarm::bounds::order(keys);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut add = |from: i64, to: i64, folded: bool| {
            if to > from {
                pieces.push(Piece { from, to, x: 0.0, wide: 0.0, folded });
            }
        };
        // What is drawn so far reaches to `at`; since `idle` nothing is busy.
        let (mut at, mut idle) = (from, from);
        let ends = order.into_iter().map(|place| busy[place]).chain([(Timestamp(to), Timestamp(to))]);
        for (begin, end) in ends {
            let (begin, end) = (begin.0.clamp(from, to), end.0.clamp(from, to));
            if (begin - idle).max(0).cast_unsigned() > fold {
                add(at, idle, false);
                add(idle, begin, true);
                at = begin;
            }
            idle = idle.max(end);
        }
        add(at, to, false);
        place(&mut pieces);
        Self { pieces }
    }

    /// Where a time is, from 0 to 100.
    pub fn x(&self, at: Timestamp) -> f64 {
        let piece = self.pieces.iter().find(|piece| at.0 < piece.to).or(self.pieces.last());
        piece.map_or(0.0, |piece| {
            let part = (at.0.clamp(piece.from, piece.to) - piece.from) as f64 / (piece.to - piece.from) as f64;
            piece.x + part * piece.wide
        })
    }

    /// The middles of what is folded.
    pub fn breaks(&self) -> impl Iterator<Item = f64> {
        self.pieces.iter().filter(|piece| piece.folded).map(|piece| piece.x + piece.wide / 2.0)
    }

    /// Times to name, with their places: round ones, and the one with which time goes on behind a fold.
    fn ticks(&self) -> Vec<(f64, Timestamp)> {
        let open: i64 = self.pieces.iter().filter(|piece| !piece.folded).map(|piece| piece.to - piece.from).sum();
        let step = 1_000 * STEPS.into_iter().find(|step| open / (step * 1_000) <= 8).unwrap_or(86_400);
        let mut ticks: Vec<(f64, Timestamp)> = Vec::new();
        let mut add = |x: f64, at: i64| {
            // A label at the edge would be cut.
            let apart = ticks.last().is_none_or(|(before, _)| x - before >= APART);
            if apart && x <= 100.0 - APART * 0.75 {
                ticks.push((x, Timestamp(at)));
            }
        };
        for piece in self.pieces.iter().filter(|piece| !piece.folded) {
            if piece.x > 0.0 {
                add(piece.x, piece.from);
            }
            let mut at = (piece.from + step - 1).div_euclid(step) * step;
            while at < piece.to {
                add(self.x(Timestamp(at)), at);
                at += step;
            }
        }
        ticks
    }
}

/// Gives each piece its part of the width: the same to each fold, the rest by time.
fn place(pieces: &mut [Piece]) {
    let folds = pieces.iter().filter(|piece| piece.folded).count() as f64;
    let open: i64 = pieces.iter().filter(|piece| !piece.folded).map(|piece| piece.to - piece.from).sum();
    // Many gaps together leave at least half of the width to what happened.
    let fold = if open == 0 { 100.0 / folds.max(1.0) } else { FOLD.min(50.0 / folds.max(1.0)) };
    let rest = 100.0 - fold * folds;
    let mut x = 0.0;
    for piece in pieces {
        piece.x = x;
        piece.wide = if piece.folded { fold } else { rest * (piece.to - piece.from) as f64 / open as f64 };
        x += piece.wide;
    }
}

/// A mark in a lane.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
    /// What it is: `t-` and the state of a task, or `blocked`.
    pub class: String,
    /// What is said of it before the time at which it begins.
    pub said: String,
    /// Where it leads.
    pub href: String,
    /// How many it stands for.
    pub many: u64,
}

impl Mark {
    /// What it says to whoever points at it. Only what is drawn says it: a reader's times are dear.
    pub fn title(&self) -> String {
        let took = match self.to.since(self.from) {
            took @ 0..1_000 => [&took.to_string(), " ms"].concat(),
            took => age(took),
        };
        [&self.said, " ", &time_of_day(self.from), " for ", &took].concat()
    }
}

/// Appends an element of a drawing, with its attributes.
fn element(out: &mut String, name: &str, pairs: &[(&str, &str)]) {
    out.push('<');
    out.push_str(name);
    attributes(out, pairs);
    out.push('>');
}

fn percent(x: f64) -> String {
    [&hundredth(x), "%"].concat()
}

fn folds(out: &mut String, axis: &Axis) {
    for x in axis.breaks() {
        let x = percent(x);
        element(out, "line", &[("class", "fold"), ("x1", &x), ("x2", &x), ("y1", "0"), ("y2", "100%")]);
        out.push_str("</line>");
    }
}

/// The most marks of one lane that lie under each other; further ones lie over the last.
const DEEP: usize = 3;
/// Where the marks of a lane begin and end, in pixels from above.
const ABOVE: f64 = 5.0;
const BELOW: f64 = 27.0;

/// How far down each mark lies, so that what went on at the same time is seen beside each other,
/// and how deep the lane is.
fn depths(marks: &[&Mark]) -> (Vec<usize>, usize) {
    let mut ends: Vec<Timestamp> = Vec::new();
    let mut depths = vec![0; marks.len()];
    for place in crate::swarm::bounds::order(marks.iter().map(|mark| mark.from.0.max(0).cast_unsigned())) {
        let free = ends.iter().position(|end| *end <= marks[place].from).unwrap_or(ends.len()).min(DEEP - 1);
        match ends.get_mut(free) {
            Some(end) => *end = (*end).max(marks[place].to),
            None => ends.push(marks[place].to),
        }
        depths[place] = free;
    }
    (depths, ends.len().max(1))
}

/// A lane: what is folded, and its marks. What is blocked on a person is hatched and lies above.
pub fn lane(axis: &Axis, marks: &[Mark]) -> String {
    let mut out = String::new();
    folds(&mut out, axis);
    let (blocked, plain): (Vec<&Mark>, Vec<&Mark>) = marks.iter().partition(|mark| mark.class == "blocked");
    let (depths, deep) = depths(&plain);
    let high = (BELOW - ABOVE) / deep as f64;
    for (mark, depth) in plain.into_iter().zip(depths) {
        bar(&mut out, axis, mark, ABOVE + high * depth as f64, high - 3.0, "currentColor");
    }
    for mark in blocked {
        bar(&mut out, axis, mark, 2.0, 7.0, "url(#hatch)");
    }
    out
}

fn bar(out: &mut String, axis: &Axis, mark: &Mark, y: f64, high: f64, fill: &str) {
    let (x, end) = (axis.x(mark.from), axis.x(mark.to));
    element(out, "a", &[("href", &mark.href), ("tabindex", "-1")]);
    element(out, "title", &[]);
    escape(&mark.title(), out);
    out.push_str("</title>");
    let (class, x, wide) = (["bar ", &mark.class].concat(), percent(x), percent((end - x).max(0.0)));
    let (y, high) = (hundredth(y), hundredth(high));
    let pairs: [(&str, &str); 7] =
        [("class", &class), ("fill", fill), ("x", &x), ("width", &wide), ("y", &y), ("height", &high), ("rx", "2")];
    element(out, "rect", &pairs);
    out.push_str("</rect></a>");
}

/// The axis with its times, and the hatch that lanes fill with.
pub fn scale(axis: &Axis) -> String {
    let mut out = String::from(
        "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect class=\"hatch-ground\" width=\"6\" height=\"6\"></rect><rect class=\"hatch\" width=\"3\" height=\"6\"></rect></pattern></defs>",
    );
    for x in axis.breaks() {
        let x = percent(x);
        element(&mut out, "text", &[("class", "fold"), ("x", &x), ("y", "15")]);
        out.push_str("≈</text>");
    }
    for (x, at) in axis.ticks() {
        let x = percent(x);
        element(&mut out, "line", &[("class", "tick"), ("x1", &x), ("x2", &x), ("y1", "6"), ("y2", "100%")]);
        out.push_str("</line>");
        element(&mut out, "text", &[("x", &x), ("dx", "4"), ("y", "15")]);
        out.push_str(&time_of_day(at));
        out.push_str("</text>");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn times(pairs: &[(i64, i64)]) -> Vec<(Timestamp, Timestamp)> {
        pairs.iter().map(|(from, to)| (Timestamp(*from), Timestamp(*to))).collect()
    }

    fn axis(busy: &[(i64, i64)]) -> Axis {
        Axis::new(Timestamp(0), Timestamp(HOUR), &times(busy), 300_000)
    }

    #[test]
    fn time_without_gaps_is_even() {
        let axis = axis(&[(0, HOUR)]);
        assert_eq!([0, HOUR / 4, HOUR].map(|at| axis.x(Timestamp(at)).round()), [0.0, 25.0, 100.0]);
        assert_eq!(axis.breaks().count(), 0);
        assert!(axis.ticks().len() >= 4);
    }

    #[test]
    fn long_gaps_are_folded_and_short_ones_are_not() {
        let axis = axis(&[(HOUR / 2, HOUR / 2 + 60_000), (HOUR / 2 + 120_000, HOUR / 2 + 180_000), (HOUR - 60_000, HOUR)]);
        assert_eq!(axis.breaks().count(), 2);
        let widths: Vec<(bool, f64)> = axis.pieces.iter().map(|piece| (piece.folded, piece.wide.round())).collect();
        assert_eq!(widths, [(true, 3.0), (false, 71.0), (true, 3.0), (false, 24.0)]);
        let mut last = -1.0;
        for at in (0..=HOUR).step_by(10_000) {
            let x = axis.x(Timestamp(at));
            assert!(x >= last && (0.0..=100.0).contains(&x), "{at}: {x} after {last}");
            last = x;
        }
    }

    #[test]
    fn an_axis_is_whole_whatever_is_on_it() {
        for busy in [&[][..], &[(-5, -1)], &[(HOUR * 2, HOUR * 3)], &[(10, 5)], &[(0, 0), (HOUR, HOUR)], &[(7, 7); 50]] {
            let axis = axis(busy);
            let whole: f64 = axis.pieces.iter().map(|piece| piece.wide).sum();
            assert!((whole - 100.0).abs() < 1e-6, "{busy:?}: {axis:?}");
            assert!(axis.ticks().iter().all(|(x, _)| (0.0..100.0).contains(x)));
        }
        let gaps: Vec<(i64, i64)> = (0..100).map(|n| (n * HOUR, n * HOUR + 60_000)).collect();
        let axis = Axis::new(Timestamp(0), Timestamp(100 * HOUR), &times(&gaps), 300_000);
        assert!(axis.pieces.iter().filter(|piece| !piece.folded).map(|piece| piece.wide).sum::<f64>() > 49.0);
    }

    #[test]
    fn what_went_on_at_once_lies_under_each_other() {
        let mark = |from: i64, to: i64| Mark {
            from: Timestamp(from),
            to: Timestamp(to),
            class: "t-running".into(),
            said: String::new(),
            href: String::new(),
            many: 1,
        };
        let marks = [mark(10, 20), mark(0, 15), mark(15, 30), mark(20, 25), mark(16, 17), mark(16, 18), mark(40, 41)];
        let (depths, deep) = depths(&marks.iter().collect::<Vec<_>>());
        assert_eq!((depths, deep), (vec![1, 0, 0, 1, 2, 2, 0], 3));
        assert_eq!(super::depths(&[]).1, 1);
    }

    #[test]
    fn names_are_text() {
        let mark = Mark {
            from: Timestamp(0),
            to: Timestamp(HOUR),
            class: "t-running".into(),
            said: "<script>\"'&".into(),
            href: "/tasks?q=\"><script>".into(),
            many: 1,
        };
        let drawn = lane(&axis(&[(0, HOUR)]), &[mark]);
        assert!(!drawn.contains("<script") && drawn.contains("&lt;script&gt;"), "{drawn}");
    }
}
