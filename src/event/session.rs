//! Sessions: an agent at work, with its text, its tools and what it asks a person.

use super::Timestamp;
use super::table::{About, domain};
use super::wire::Object;
use serde_json::Value;

domain! {
    /// Sessions: an agent at work, with its text, its tools and what it asks a person.
    SessionEvent = "session" about About::Its("session");

    /// A session began.
    Started = "started" SessionStarted {
        /// A title for people.
        title: Option<String>,
        /// The agent that works in it.
        agent: Option<String>,
        /// How permission is given: `ask`, `allow` or `deny`; any other word asks.
        permission_mode: String,
        /// What runs the agent, where the deck runs it itself; absent where another program reports.
        driver: Option<String>,
        /// The workspace it works in, by the client's name for it.
        workspace: Option<String>,
    }

    /// A person wrote to the agent: a turn begins.
    Prompted = "prompted" SessionPrompted {
        /// What the person wrote.
        text: String,
        /// Who wrote it.
        by: String,
    }

    /// A session's description changed; what is absent stays.
    Updated = "updated" SessionUpdated {
        /// Its title for people.
        title: Option<String>,
        /// How permission is given from now on.
        permission_mode: Option<String>,
    }

    /// A piece of text arrived.
    TextDelta = "text_delta" SessionTextDelta {
        /// The turn it belongs to.
        turn_id: Option<String>,
        /// The piece; the turn's text is all pieces in order.
        delta: String,
    }

    /// A text is whole.
    TextCompleted = "text_completed" SessionTextCompleted {
        /// The turn it belongs to.
        turn_id: Option<String>,
        /// The whole text; it replaces the pieces.
        text: String,
        /// Whether the turn goes on.
        intermediate: bool,
    }

    /// A tool was called.
    ToolStarted = "tool_started" SessionToolStarted {
        /// The call's id.
        tool_use_id: String,
        /// The tool.
        tool_name: String,
        /// What it was called with.
        input: Value,
        /// What the agent means to do with it.
        intent: Option<String>,
        /// The tool's name for people.
        display_name: Option<String>,
        /// The turn it belongs to.
        turn_id: Option<String>,
    }

    /// A tool answered.
    ToolFinished = "tool_finished" SessionToolFinished {
        /// The call's id.
        tool_use_id: String,
        /// The tool.
        tool_name: String,
        /// What it answered.
        result: Value,
        /// Whether it failed.
        is_error: bool,
        /// The turn it belongs to.
        turn_id: Option<String>,
    }

    /// A person is asked for permission.
    PermissionRequested = "permission_requested" SessionPermissionRequested {
        /// The request's id.
        request_id: String,
        /// The tool that waits.
        tool_name: String,
        /// The command as it would run.
        command: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// What the tool would be called with.
        input: Option<Object>,
        /// When the request lapses and is denied.
        expires_at: Timestamp,
    }

    /// A person decided.
    PermissionDecided = "permission_decided" SessionPermissionDecided {
        /// The request's id.
        request_id: String,
        /// Whether the tool may run.
        allowed: bool,
        /// Whether the tool may run from now on in this session.
        always_allow: bool,
        /// Who decided.
        by: String,
        /// Why, in their words.
        reason: Option<String>,
    }

    /// Nobody decided in time.
    PermissionExpired = "permission_expired" SessionPermissionExpired {
        /// The request's id.
        request_id: String,
    }

    /// A turn of a session ended. Also follows `failed` and `aborted`, which it does not undo.
    Completed = "completed" SessionCompleted {}

    /// A session ended badly.
    Failed = "failed" SessionFailed {
        /// What went wrong.
        error: String,
    }

    /// A session was broken off.
    Aborted = "aborted" SessionAborted {
        /// Who broke it off.
        by: String,
    }

    /// A session was taken off the list; its events stay in the log.
    Removed = "removed" SessionRemoved {}
}
