//! What part of a drawing is seen: its middle, and how large.

use crate::app::components::graph::Extent;
use crate::swarm::graph::Spot;

/// How small and how large nodes can be made.
const SMALLEST: f64 = 0.04;
const LARGEST: f64 = 4.0;
/// What shows everything does not blow up a few nodes.
const FITTING: f64 = 1.25;

/// A part of a drawing, as a window of pixels shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct View {
    /// The middle of the window, in the drawing's pixels.
    pub middle: Spot,
    /// Pixels of the window for each of the drawing's.
    pub scale: f64,
}

impl View {
    /// All of it, in a window of this size.
    pub fn fitting(extent: Extent, (wide, high): (f64, f64)) -> Self {
        let scale = (wide / extent.wide).min(high / extent.high).clamp(SMALLEST, FITTING);
        let middle = Spot { x: extent.x + extent.wide / 2.0, y: extent.y + extent.high / 2.0 };
        Self { middle, scale }
    }

    /// Where in the window a spot of the drawing is.
    pub fn seen(self, spot: Spot, (wide, high): (f64, f64)) -> Spot {
        Spot { x: (spot.x - self.middle.x) * self.scale + wide / 2.0, y: (spot.y - self.middle.y) * self.scale + high / 2.0 }
    }

    /// What spot of the drawing is there in the window.
    pub fn meant(self, at: Spot, (wide, high): (f64, f64)) -> Spot {
        Spot { x: (at.x - wide / 2.0) / self.scale + self.middle.x, y: (at.y - high / 2.0) / self.scale + self.middle.y }
    }

    /// Moved by so many pixels of the window.
    #[must_use]
    pub fn moved(self, dx: f64, dy: f64) -> Self {
        let middle = Spot { x: self.middle.x + dx / self.scale, y: self.middle.y + dy / self.scale };
        Self { middle, ..self }
    }

    /// So many times as large; what is at this place of the window stays there.
    #[must_use]
    pub fn zoomed(self, times: f64, at: Spot, size: (f64, f64)) -> Self {
        let kept = self.meant(at, size);
        let scale = (self.scale * times).clamp(SMALLEST, LARGEST);
        let nearer = self.scale / scale;
        let middle = Spot { x: kept.x + (self.middle.x - kept.x) * nearer, y: kept.y + (self.middle.y - kept.y) * nearer };
        Self { middle, scale }
    }

    /// On the way to another view; 0 is here and 1 is there.
    #[must_use]
    pub fn toward(self, other: Self, part: f64) -> Self {
        Self { middle: between(self.middle, other.middle, part), scale: self.scale + (other.scale - self.scale) * part }
    }

    /// As the `viewBox` of a drawing that fills the window.
    pub fn view_box(self, (wide, high): (f64, f64)) -> String {
        let (wide, high) = (wide / self.scale, high / self.scale);
        Extent { x: self.middle.x - wide / 2.0, y: self.middle.y - high / 2.0, wide, high }.view_box()
    }
}

/// On the way from one spot to another.
pub fn between(from: Spot, to: Spot, part: f64) -> Spot {
    Spot { x: from.x + (to.x - from.x) * part, y: from.y + (to.y - from.y) * part }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (f64, f64) = (800.0, 500.0);

    #[test]
    fn what_is_seen_is_what_is_meant() {
        let view = View { middle: Spot { x: 30.0, y: -7.0 }, scale: 0.5 };
        let spot = Spot { x: 110.0, y: 13.0 };
        assert_eq!(view.seen(spot, SIZE), Spot { x: 440.0, y: 260.0 });
        assert_eq!(view.meant(view.seen(spot, SIZE), SIZE), spot);
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let view = View { middle: Spot { x: 30.0, y: -7.0 }, scale: 0.5 };
        let at = Spot { x: 120.0, y: 400.0 };
        let meant = view.meant(at, SIZE);
        for times in [2.0, 0.3, 1e9, 1e-9] {
            let seen = view.zoomed(times, at, SIZE).seen(meant, SIZE);
            assert!((seen.x - at.x).abs() < 1e-6 && (seen.y - at.y).abs() < 1e-6, "{times}: {seen:?}");
        }
    }

    #[test]
    fn everything_fits_and_a_little_is_not_blown_up() {
        let wide = View::fitting(Extent { x: 0.0, y: 0.0, wide: 8_000.0, high: 100.0 }, SIZE);
        assert_eq!((wide.scale, wide.middle), (0.1, Spot { x: 4_000.0, y: 50.0 }));
        assert_eq!(View::fitting(Extent { x: 0.0, y: 0.0, wide: 10.0, high: 10.0 }, SIZE).scale, FITTING);
    }
}
