//! What a log looks like from afar: how much happened when, and where it is worth a look.
//!
//! Times are those at which the hub took events in, which run in order of their places; an event's
//! own `ts` is its sender's.

use super::table::{record, words};
use super::{Cursor, Event, Timestamp};

words! {
    /// What makes an instant worth a look.
    pub enum MarkKind {
        /// Something says that it fails: an event that `status:failing` finds.
        Error = "error",
        /// A person is asked for permission: an event that `status:needs-you` finds.
        Approval = "approval",
        /// The deck did not run, so that nothing could be recorded.
        Gap = "gap",
    }
}

record! {
    /// A stretch of time, from its start and up to the start of the next.
    pub struct Bucket {
        /// The first event at or after its start; past the newest event where there is none.
        seq: u64,
        /// Its start.
        time: Timestamp,
        /// How many events came.
        events: u64,
        /// How many of them are marks of the kind `error`.
        errors: u64,
        /// How many of them are marks of the kind `approval`.
        approvals: u64,
        /// How many gaps are open in it, at least in part.
        gaps: u64,
    }
}

record! {
    /// A session's time: from its first event to the end of its last turn.
    pub struct SessionSpan {
        /// Its id.
        session: String,
        /// Its title.
        title: Option<String>,
        /// The agent that works in it.
        agent: Option<String>,
        /// Its first event.
        from_seq: u64,
        /// When that came.
        from: Timestamp,
        /// The event that ended it; absent while it is open.
        to_seq: Option<u64>,
        /// When that came.
        to: Option<Timestamp>,
    }
}

record! {
    /// An instant worth a look.
    pub struct Mark {
        /// The event.
        seq: u64,
        /// When it came.
        time: Timestamp,
        /// What it is.
        kind: MarkKind,
    }
}

record! {
    /// A time in which the deck did not run. After a crash it is counted from the newest event that
    /// was kept, as nothing later is known.
    pub struct Lapse {
        /// The last event before it; 0 where there was none.
        seq: u64,
        /// When it began.
        from: Timestamp,
        /// When it ended.
        to: Timestamp,
    }
}

record! {
    /// A part of a log from afar.
    pub struct Timeline {
        /// The oldest event that the log keeps; one past the newest where it keeps none.
        first: u64,
        /// The newest event of the log.
        head: u64,
        /// The cursor after it.
        cursor: Cursor,
        /// Where the part begins.
        from: Timestamp,
        /// Where it ends.
        to: Timestamp,
        /// The length of a bucket in milliseconds; the last one may be cut short by `to`.
        bucket_ms: u64,
        /// The buckets, in order, also where nothing happened.
        buckets: Vec<Bucket>,
        /// Sessions that were open in the part, the newest of them, in order of their beginning.
        sessions: Vec<SessionSpan>,
        /// How many more there were.
        sessions_left_out: u64,
        /// Errors and approvals in the part, in order; where there are too many, some of each kind,
        /// spread over the part.
        marks: Vec<Mark>,
        /// How many more there were.
        marks_left_out: u64,
        /// Gaps that reach into the part, the newest of them, in order.
        gaps: Vec<Lapse>,
        /// How many more there were.
        gaps_left_out: u64,
    }
}

record! {
    /// What a page goes to an instant by, beside the state that it begins with.
    pub struct Way {
        /// The state's place.
        seq: u64,
        /// The cursor after the last of the events.
        next: String,
        /// The events after the state, in order, to a little after the instant.
        events: Vec<Event>,
    }
}
