//! What every stream says, whatever carries it: the first frames and the last.

use super::AppState;
use super::limits::RETRY_MS;
use crate::event::Cursor;
use crate::event::control::{Bye, Control, Hello, snapshot_json};
use crate::event::wire::to_text;
use crate::hub::{Hub, Subscription, now};

/// A frame on its way.
pub(super) struct Opening {
    /// How far a reader has come with it.
    pub(super) cursor: Cursor,
    /// Its type.
    pub(super) name: &'static str,
    /// Its JSON.
    pub(super) json: String,
}

/// The first frames of a stream: the hello, the gap where it begins with one, and the snapshot
/// where it is asked for.
pub(super) fn opening(app: &AppState, subscription: &mut Subscription, snapshot: bool) -> Vec<Opening> {
    let hello = Control::Hello(Hello {
        epoch: app.hub.epoch().to_string(),
        head: app.hub.head(),
        cursor: subscription.began(),
        resumed: subscription.resumed(),
        heartbeat_ms: app.heartbeats.every.as_millis() as u64,
    });
    let mut frames = vec![Opening { cursor: subscription.began(), name: hello.name(), json: hello.to_json(now()) }];
    // With the hello, so that nobody takes its cursor for a seamless one.
    if let Some(gap) = subscription.take_gap() {
        let gap = Control::Gap(gap);
        frames.push(Opening { cursor: subscription.began(), name: gap.name(), json: gap.to_json(now()) });
    }
    if snapshot {
        // The subscription stands before the state is taken: what comes between is in both, and
        // passed over here.
        let state = app.hub.state();
        subscription.skip_to(state.seq);
        let json = snapshot_json(state.seq, &to_text(state.as_ref()), now());
        frames.push(Opening { cursor: app.hub.cursor(state.seq), name: "stream.snapshot", json });
    }
    frames
}

/// How long this client is to wait before it comes back: spread, so that not all come at once.
pub(super) fn retry_ms(hub: &Hub) -> u64 {
    let spread = hub.head().wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ now().0.cast_unsigned().wrapping_mul(0xbf58_476d_1ce4_e5b9);
    RETRY_MS / 4 + (spread >> 33) % (RETRY_MS * 3 / 4)
}

/// The last frame of a stream.
pub(super) fn bye(hub: &Hub) -> Control {
    Control::Bye(Bye { code: 1001, reason: "the server is stopping".to_owned(), retry_ms: retry_ms(hub) })
}
