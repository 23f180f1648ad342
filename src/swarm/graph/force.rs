//! The layout of a mesh: lines pull, nodes that come close push, and it cools down.
//!
//! Everybody begins where their id says, so that the same swarm is the same picture. It goes step by
//! step: whoever draws it decides how many steps a frame has time for. Who was there stays where they
//! were when others come; who comes begins beside those they are connected with.
//!
//! There is nothing but sums, products and roots in it: both sides come to the same place.

use super::{Graph, Spot};
use crate::swarm::bounds::order;

/// How far apart connected nodes want to be, in pixels.
const LENGTH: f64 = 96.0;
/// Nodes further apart than this leave each other alone.
const REACH: f64 = 2.6 * LENGTH;
/// How strongly everybody is drawn to the middle.
const GRAVITY: f64 = 0.035;
/// How far a node moves in one step: at first, when up to half are new or somebody was moved, when
/// few are new, and when it is over.
const HOT: f64 = 1.4 * LENGTH;
const WARM: f64 = 0.35 * LENGTH;
const MILD: f64 = 0.05 * LENGTH;
const COLD: f64 = 0.6;
/// What is left of that after a step.
const COOLING: f64 = 0.97;
/// How many pairs of nodes a first picture may cost: about a hundredth of a second.
const FIRST: usize = 1_500_000;

/// A layout on its way.
#[derive(Debug, Clone, Default)]
pub struct Force {
    spots: Vec<Spot>,
    /// How far a node may still move in a step.
    heat: f64,
    /// How many lines each node has.
    degrees: Vec<f64>,
}

impl Force {
    /// Begins the layout of a graph. `known` says where a node stood before, if it did.
    pub fn begin(graph: &Graph, known: impl Fn(&str) -> Option<Spot>) -> Self {
        let mut degrees = vec![0.0; graph.places.len()];
        for link in &graph.links {
            degrees[link.from] += 1.0;
            degrees[link.to] += 1.0;
        }
        let before: Vec<Option<Spot>> = graph.places.iter().map(|place| known(&place.id)).collect();
        let stayed = before.iter().flatten().count();
        let side = (graph.places.len() as f64).sqrt() * LENGTH;
        let seeded = |id: &str| {
            let (x, y) = seed(id);
            Spot { x: (x - 0.5) * side, y: (y - 0.5) * side }
        };
        let mut spots: Vec<Spot> =
            graph.places.iter().zip(&before).map(|(place, known)| known.unwrap_or_else(|| seeded(&place.id))).collect();
        if stayed > 0 {
            beside(graph, &before, &mut spots);
        }
        // Where half of them or more are known, the picture is: only what is new finds its place.
        let heat = if stayed == spots.len() && stayed > 0 {
            0.0
        } else if stayed * 2 >= spots.len() {
            // The fewer are new, the less do the others move, and the sooner it is over.
            (HOT * (spots.len() - stayed) as f64 / spots.len() as f64).clamp(MILD, WARM)
        } else {
            HOT
        };
        Self { spots, heat, degrees }
    }

    /// The first picture of a graph: as far on its way as that may cost. It goes on from there.
    pub fn first(graph: &Graph) -> Self {
        let mut force = Self::begin(graph, |_| None);
        let nodes = graph.places.len();
        for _ in 0..(FIRST / (nodes * nodes).max(1)).max(1) {
            if force.is_settled() {
                break;
            }
            force.step(graph, &|_| None);
        }
        force
    }

    /// Where everybody stands by now.
    pub fn spots(&self) -> &[Spot] {
        &self.spots
    }

    /// Whether it is over.
    pub fn is_settled(&self) -> bool {
        self.heat < COLD || self.spots.len() < 2
    }

    /// How far a node may still move in a step.
    pub fn heat(&self) -> f64 {
        self.heat
    }

    /// Goes on where another layout of the same nodes was, that was not over.
    pub fn keep_warm(&mut self, heat: f64) {
        self.heat = self.heat.max(heat);
    }

    /// Warms it up again, a little: somebody was moved by hand.
    pub fn stir(&mut self) {
        self.heat = self.heat.max(WARM);
    }

    /// One step. `held` says of a node where it is held.
    pub fn step(&mut self, graph: &Graph, held: &dyn Fn(usize) -> Option<Spot>) {
        let mut push = self.apart();
        for link in &graph.links {
            let (from, to) = (self.spots[link.from], self.spots[link.to]);
            let (dx, dy) = (to.x - from.x, to.y - from.y);
            let far = (dx * dx + dy * dy).sqrt();
            // Who has many lines is not torn to where they come from.
            let busy = self.degrees[link.from].max(self.degrees[link.to]).sqrt();
            let pull = far / (LENGTH * busy.max(1.0));
            for (at, sign) in [(link.from, 1.0), (link.to, -1.0)] {
                push[at].x += sign * dx * pull;
                push[at].y += sign * dy * pull;
            }
        }
        for (at, spot) in self.spots.iter_mut().enumerate() {
            let (dx, dy) = (push[at].x - spot.x * GRAVITY, push[at].y - spot.y * GRAVITY);
            let far = (dx * dx + dy * dy).sqrt();
            let share = if far > self.heat { self.heat / far } else { 1.0 };
            match held(at) {
                Some(place) => *spot = place,
                None => *spot = Spot { x: spot.x + dx * share, y: spot.y + dy * share },
            }
        }
        self.heat *= COOLING;
    }

    /// How much nodes near each other push each other away. Only cells that touch are compared.
    fn apart(&self) -> Vec<Spot> {
        let least = self
            .spots
            .iter()
            .fold(Spot { x: f64::MAX, y: f64::MAX }, |least, spot| Spot { x: least.x.min(spot.x), y: least.y.min(spot.y) });
        let cell = |spot: &Spot| (((spot.x - least.x) / REACH) as u64, ((spot.y - least.y) / REACH) as u64);
        let key = |spot: &Spot| {
            let (column, row) = cell(spot);
            row << 32 | column
        };
        let sorted = order(self.spots.iter().map(key));
        let keys: Vec<u64> = sorted.iter().map(|at| key(&self.spots[*at])).collect();
        let mut push = vec![Spot::default(); self.spots.len()];
        for (place, at) in sorted.iter().enumerate() {
            let (column, row) = cell(&self.spots[*at]);
            // The rest of its own cell and the next one, then the three below.
            let ahead = keys[place..].partition_point(|key| *key <= row << 32 | (column + 1));
            self.push_apart(*at, &sorted[place + 1..place + ahead], &mut push);
            let low = keys.partition_point(|key| *key < (row + 1) << 32 | column.saturating_sub(1));
            let high = keys.partition_point(|key| *key <= (row + 1) << 32 | (column + 1));
            self.push_apart(*at, &sorted[low..high], &mut push);
        }
        push
    }

    fn push_apart(&self, at: usize, others: &[usize], push: &mut [Spot]) {
        let me = self.spots[at];
        for other in others {
            let it = self.spots[*other];
            let (mut dx, mut dy) = (me.x - it.x, me.y - it.y);
            let mut square = dx * dx + dy * dy;
            if square > REACH * REACH {
                continue;
            }
            if square < 1.0 {
                // On the same spot: each has a direction of its own.
                (dx, dy) = (1.0 + (at % 7) as f64, 1.0 + (other % 5) as f64);
                square = dx * dx + dy * dy;
            }
            let share = LENGTH * LENGTH / square;
            push[at].x += dx * share;
            push[at].y += dy * share;
            push[*other].x -= dx * share;
            push[*other].y -= dy * share;
        }
    }
}

/// Puts those who are new in the middle of those they are connected with, a little aside.
fn beside(graph: &Graph, before: &[Option<Spot>], spots: &mut [Spot]) {
    let mut sums = vec![(Spot::default(), 0.0_f64); spots.len()];
    for link in &graph.links {
        for (new, old) in [(link.from, link.to), (link.to, link.from)] {
            if let (None, Some(spot)) = (before[new], before[old]) {
                let (sum, many) = &mut sums[new];
                *many += 1.0;
                *sum = Spot { x: sum.x + spot.x, y: sum.y + spot.y };
            }
        }
    }
    for (at, (sum, many)) in sums.into_iter().enumerate().filter(|(_, (_, many))| *many > 0.0) {
        let (x, y) = seed(&graph.places[at].id);
        spots[at] = Spot { x: sum.x / many + (x - 0.5) * LENGTH, y: sum.y / many + (y - 0.5) * LENGTH };
    }
}

/// Two numbers from 0 to 1 that an id always has.
fn seed(id: &str) -> (f64, f64) {
    let mut hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // Ids that differ in their last letter only must not stand in a line.
    hash = (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^= hash >> 32;
    let part = |bits: u64| (bits & 0xffff) as f64 / 65_536.0;
    (part(hash), part(hash >> 16))
}
