//! Messages: what agents tell each other.

use super::table::{About, domain, words};

words! {
    /// What a message is for.
    pub enum MessageType {
        Task = "task",
        Response = "response",
        Query = "query",
        Broadcast = "broadcast",
        Error = "error",
    }
}

domain! {
    /// Messages: what agents tell each other.
    MessageEvent = "message" about About::Its("message");

    /// A message was sent.
    Sent = "sent" MessageSent {
        /// The sending agent's id.
        from: String,
        /// The receiving agent's id; `*` for all.
        to: String,
        /// What it is for.
        message_type: MessageType,
        /// What it says.
        content: String,
        /// The content's size in bytes.
        size: u64,
        /// What it belongs to: an answer carries that of its question.
        correlation_id: Option<String>,
        /// Into how many inboxes the deck put it, where it did.
        receivers: Option<u64>,
    }

    /// An agent took a message out of its inbox: it is not delivered to it again.
    Delivered = "delivered" MessageDelivered {
        /// The receiving agent's id.
        agent: String,
        /// The place in the log of the message.
        sent_seq: u64,
    }
}
