//! The timeline as a drawing: how much happened when, and where it is worth a look.
//!
//! Lanes from top to bottom: errors, approvals, density, sessions; gaps across all. A mark's lane
//! tells its kind, its colour only says it again.

use crate::app::components::chart::hundredth;
use crate::event::Timestamp;
use crate::event::timeline::Timeline;

/// The drawing's size in its own units; it is stretched to the page's width.
pub const WIDTH: f64 = 1_000.0;
/// Likewise.
pub const HEIGHT: f64 = 48.0;
/// Where density begins and ends.
const TOP: f64 = 14.0;
const BOTTOM: f64 = 40.0;

/// The whole as SVG.
pub fn draw(timeline: &Timeline) -> String {
    let mut out = String::with_capacity(8_192);
    out.push_str("<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 6L6 0\"/></pattern></defs>");
    let most = timeline.buckets.iter().map(|bucket| bucket.events).max().unwrap_or(0).max(1) as f64;
    for (index, bucket) in timeline.buckets.iter().enumerate() {
        if bucket.events == 0 {
            continue;
        }
        let (left, right) = (x_of_bucket(timeline, index), x_of_bucket(timeline, index + 1));
        // The square root: one burst does not make all else a flat line.
        let high = (bucket.events as f64 / most).sqrt() * (BOTTOM - TOP);
        bar(&mut out, "on-density", left, BOTTOM - high, (right - left - 0.4).max(0.6), high);
        if bucket.errors > 0 {
            bar(&mut out, "on-errors", left, 0.0, (right - left).max(2.0), 5.0);
        }
        if bucket.approvals > 0 {
            bar(&mut out, "on-approvals", left, 7.0, (right - left).max(2.0), 5.0);
        }
    }
    for (index, span) in timeline.sessions.iter().enumerate() {
        let (left, right) = (x_of(timeline, span.from), span.to.map_or(WIDTH, |to| x_of(timeline, to)));
        // Several at once lie in turn on three lines.
        bar(&mut out, "on-session", left, BOTTOM + 1.0 + (index % 3) as f64 * 2.4, (right - left).max(1.5), 1.6);
    }
    for gap in &timeline.gaps {
        let (left, right) = (x_of(timeline, gap.from), x_of(timeline, gap.to));
        bar(&mut out, "on-gap", left, 0.0, (right - left).max(2.0), HEIGHT);
    }
    out
}

fn bar(out: &mut String, class: &str, x: f64, y: f64, width: f64, height: f64) {
    out.push_str("<rect class=\"");
    out.push_str(class);
    for (name, value) in [("\" x=\"", x), ("\" y=\"", y), ("\" width=\"", width), ("\" height=\"", height)] {
        out.push_str(name);
        out.push_str(&hundredth(value));
    }
    out.push_str("\"/>");
}

fn length(timeline: &Timeline) -> f64 {
    ((timeline.to.0 - timeline.from.0).max(1)) as f64
}

fn x_of_bucket(timeline: &Timeline, index: usize) -> f64 {
    ((index as u64 * timeline.bucket_ms) as f64 / length(timeline) * WIDTH).min(WIDTH)
}

/// Where an instant stands.
fn x_of(timeline: &Timeline, time: Timestamp) -> f64 {
    ((time.0 - timeline.from.0) as f64 / length(timeline) * WIDTH).clamp(0.0, WIDTH)
}

/// The event that stands at a share of the width, from 0 to 1: the last one that had come then.
pub fn place_at(timeline: &Timeline, share: f64) -> u64 {
    let within = share.clamp(0.0, 1.0) * length(timeline) / timeline.bucket_ms.max(1) as f64;
    let index = (within as usize).min(timeline.buckets.len().saturating_sub(1));
    let Some(bucket) = timeline.buckets.get(index) else { return timeline.head };
    let part = ((within - index as f64) * bucket.events as f64).round() as u64;
    (bucket.seq + part.min(bucket.events)).saturating_sub(1).clamp(timeline.first.max(1).min(timeline.head), timeline.head)
}

/// The share of the width, from 0 to 1, at which an event stands.
pub fn share_of(timeline: &Timeline, seq: u64) -> f64 {
    let index = timeline.buckets.partition_point(|bucket| bucket.seq <= seq).saturating_sub(1);
    let Some(bucket) = timeline.buckets.get(index) else { return 1.0 };
    let part = if bucket.events == 0 { 0.0 } else { (seq.saturating_sub(bucket.seq) + 1) as f64 / bucket.events as f64 };
    let at = index as f64 + part.min(1.0);
    (at * timeline.bucket_ms as f64 / length(timeline)).clamp(0.0, 1.0)
}

/// When an event came, about.
pub fn time_of(timeline: &Timeline, seq: u64) -> Timestamp {
    Timestamp(timeline.from.0 + (share_of(timeline, seq) * length(timeline)) as i64)
}

/// What is drawn, counted: events, errors, approvals.
pub fn sums(timeline: &Timeline) -> [u64; 3] {
    timeline.buckets.iter().fold([0; 3], |[events, errors, approvals], bucket| {
        [events + bucket.events, errors + bucket.errors, approvals + bucket.approvals]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::timeline::Bucket;
    use crate::event::wire::Wire as _;

    fn timeline() -> Timeline {
        let bucket = |seq, time, events| Bucket { seq, time: Timestamp(time), events, errors: 1, approvals: 0, gaps: 0 };
        Timeline {
            first: 1,
            head: 30,
            from: Timestamp(1_000),
            to: Timestamp(3_999),
            bucket_ms: 1_000,
            buckets: vec![bucket(1, 1_000, 10), bucket(11, 2_000, 0), bucket(11, 3_000, 20)],
            ..Timeline::blank()
        }
    }

    #[test]
    fn places_and_shares_agree() {
        let timeline = timeline();
        for seq in 1..=30 {
            assert_eq!(place_at(&timeline, share_of(&timeline, seq)), seq, "{seq}");
        }
        assert_eq!(place_at(&timeline, 0.5), 10, "in the quiet time the last event is the one before it");
        assert_eq!((place_at(&timeline, -1.0), place_at(&timeline, 2.0)), (1, 30));
    }

    #[test]
    fn what_happened_is_drawn() {
        let drawn = draw(&timeline());
        assert_eq!(drawn.matches("class=\"on-density\"").count(), 2);
        assert_eq!(drawn.matches("class=\"on-errors\"").count(), 2);
        assert_eq!(sums(&timeline()), [30, 3, 0]);
    }
}
