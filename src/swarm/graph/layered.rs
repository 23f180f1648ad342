//! The layout of a hierarchy: whoever stands below stands under.
//!
//! A node and all below it take a box of their own. Boxes of siblings stand side by side; where they
//! are many they go on in a further row, so that a swarm of a thousand has the shape of a screen and
//! not of a tape. Leaves of one parent stand in a block.

use super::Spot;

/// The room of one node, in pixels.
const WIDE: f64 = 92.0;
const HIGH: f64 = 68.0;
/// From a parent down to its children, and from the top of a node's room to its middle.
const DOWN: f64 = 104.0;
const MIDDLE: f64 = 26.0;
/// Between boxes.
const GAP: f64 = 26.0;
/// So many leaves stand in one row at least, and boxes side by side take so much room at least,
/// before they go on below.
const ROW: f64 = 3.0;
const SHELF: f64 = 1_500.0;
/// How much wider than high boxes and blocks become.
const BOXES_RATIO: f64 = 2.0;
const LEAVES_RATIO: f64 = 1.4;

#[derive(Clone, Copy, Default)]
struct Size {
    wide: f64,
    high: f64,
}

/// Where everybody stands, by the parents of all, which must not go round in circles.
pub fn layered(parents: &[Option<usize>]) -> Vec<Spot> {
    // The last entry is above all roots.
    let above = parents.len();
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); above + 1];
    for (me, parent) in parents.iter().enumerate() {
        children[parent.unwrap_or(above)].push(me);
    }
    // Parents before children, without recursion: a chain may be as long as the list.
    let mut from_top = vec![above];
    let mut next = 0;
    while let Some(me) = from_top.get(next) {
        let below = children[*me].clone();
        from_top.extend(below);
        next += 1;
    }
    let mut sizes = vec![Size { wide: WIDE, high: HIGH }; above + 1];
    // Where each stands in the box of its parent.
    let mut inside = vec![Spot::default(); above + 1];
    for me in from_top.iter().rev().copied().filter(|me| !children[*me].is_empty()) {
        let packed = pack(&children, me, &sizes, &mut inside);
        sizes[me] = Size { wide: packed.wide.max(WIDE), high: DOWN + packed.high };
        let aside = (sizes[me].wide - packed.wide) / 2.0;
        children[me].iter().for_each(|child| inside[*child].x += aside);
    }
    let mut corners = vec![Spot::default(); above + 1];
    for me in &from_top {
        let corner = corners[*me];
        let down = if *me == above { 0.0 } else { DOWN };
        for child in &children[*me] {
            corners[*child] = Spot { x: corner.x + inside[*child].x, y: corner.y + down + inside[*child].y };
        }
    }
    let spot = |me: usize| Spot { x: corners[me].x + sizes[me].wide / 2.0, y: corners[me].y + MIDDLE };
    (0..above).map(spot).collect()
}

/// Puts the boxes of all children beside and below each other; leaves last, as one block.
fn pack(children: &[Vec<usize>], me: usize, sizes: &[Size], inside: &mut [Spot]) -> Size {
    let (leaves, boxes): (Vec<usize>, Vec<usize>) = children[me].iter().partition(|child| children[**child].is_empty());
    let block = block(leaves.len() as f64);
    let room = |size: Size| (size.wide + GAP) * (size.high + GAP);
    let area: f64 = boxes.iter().map(|child| room(sizes[*child])).sum::<f64>() + room(block);
    let limit = (area * BOXES_RATIO).sqrt().max(SHELF);
    let (mut at, mut row, mut wide) = (Spot::default(), 0.0_f64, 0.0_f64);
    // What stands in each row, to move all of it to the middle: the box, or none for the block.
    let mut placed: Vec<(Option<usize>, Spot, f64)> = Vec::new();
    let all = boxes.iter().map(|child| (Some(*child), sizes[*child]));
    for (child, size) in all.chain((!leaves.is_empty()).then_some((None, block))) {
        if at.x > 0.0 && at.x + size.wide > limit {
            at = Spot { x: 0.0, y: at.y + row + GAP };
            row = 0.0;
        }
        placed.push((child, at, at.x + size.wide));
        at.x += size.wide + GAP;
        row = row.max(size.high);
        wide = wide.max(at.x - GAP);
    }
    let end_of = |y: f64| placed.iter().filter(|(_, spot, _)| spot.y == y).fold(0.0_f64, |end, (.., to)| end.max(*to));
    let mut ends = (f64::NAN, 0.0);
    for (child, spot, _) in &placed {
        if ends.0 != spot.y {
            ends = (spot.y, end_of(spot.y));
        }
        let corner = Spot { x: spot.x + (wide - ends.1) / 2.0, y: spot.y };
        match child {
            Some(child) => inside[*child] = corner,
            None => stand(&leaves, block, corner, inside),
        }
    }
    Size { wide, high: at.y + row }
}

/// The size of a block of so many leaves.
fn block(many: f64) -> Size {
    let most = (many * HIGH * LEAVES_RATIO / WIDE).sqrt().max(ROW).floor();
    let rows = (many / most).ceil().max(1.0);
    Size { wide: (many / rows).ceil() * WIDE, high: rows * HIGH }
}

/// Stands leaves in their block, the last row in its middle.
fn stand(leaves: &[usize], block: Size, corner: Spot, inside: &mut [Spot]) {
    let columns = ((block.wide / WIDE).round() as usize).max(1);
    for (row, line) in leaves.chunks(columns).enumerate() {
        let aside = (columns - line.len()) as f64 * WIDE / 2.0;
        for (column, leaf) in line.iter().enumerate() {
            inside[*leaf] = Spot { x: corner.x + aside + column as f64 * WIDE, y: corner.y + row as f64 * HIGH };
        }
    }
}

/// Places on a circle, from the top: for a mesh in small.
pub fn ring(count: usize) -> Vec<Spot> {
    let radius = (count as f64 * WIDE / std::f64::consts::TAU).max(WIDE);
    let (cos, sin) = turn(std::f64::consts::TAU / count.max(1) as f64);
    let (mut x, mut y) = (0.0, if count == 1 { 0.0 } else { -1.0 });
    let spots = (0..count).map(|_| {
        let spot = Spot { x: radius * x, y: radius * y };
        (x, y) = (x * cos - y * sin, x * sin + y * cos);
        spot
    });
    spots.collect()
}

/// Cosine and sine of an angle up to a full turn, by their series on an eighth of it: the same to
/// the last bit on every machine, which a library's are not, and both sides draw alike.
pub(super) fn turn(angle: f64) -> (f64, f64) {
    let part = angle / 8.0;
    let square = part * part;
    let mut cos = 1.0 - square / 2.0 * (1.0 - square / 12.0 * (1.0 - square / 30.0 * (1.0 - square / 56.0)));
    let mut sin = part * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))));
    for _ in 0..3 {
        (cos, sin) = (cos * cos - sin * sin, 2.0 * cos * sin);
    }
    (cos, sin)
}
