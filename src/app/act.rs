//! What a person can have the services do from the page.
//!
//! One address for all of it: a [`Deed`] and a few texts that mean what the deed says. A form
//! without a script sends the same and comes back to its page.

use leptos::prelude::*;

use super::api::Answer;
use crate::event::table::{record, words};

words! {
    /// What can be asked for, and what the texts of [`act`] are then.
    pub enum Deed {
        /// `about`: the driver; `name`: a title; `text`: the first message; `choice`: the permission mode.
        StartSession = "session.start",
        /// `about`: the session; `text`: the message.
        Send = "session.send",
        /// `about`: the session.
        Abort = "session.abort",
        /// `about`: the request; `name`: its session; `choice`: allow, always or deny; `text`: why.
        Answer = "permission.answer",
        /// `text`: what is to be done; `name`: an agent's id, or nobody's; `choice`: the priority.
        CreateTask = "task.create",
        /// `about`: the task; `name`: the agent that is to have it.
        AssignTask = "task.assign",
        /// `about`: the task.
        CancelTask = "task.cancel",
        /// `about`: the task.
        RetryTask = "task.retry",
        /// `about`: to whom; `name`: from whom; `text`: the content; `choice`: the kind.
        Tell = "message.send",
        /// `about`: the namespace; `name`: the key; `text`: the value.
        Store = "memory.store",
        /// `about`: the namespace; `name`: the key.
        Delete = "memory.delete",
        /// `text`: the words.
        Search = "memory.search",
        /// `name`: its name; `text`: its address; `choice`: its kind.
        AddProvider = "provider.add",
        /// `about`: its name.
        RemoveProvider = "provider.remove",
        /// `about`: its name.
        Probe = "provider.probe",
        /// Nothing more.
        Check = "selfcheck.run",
        /// `name`: the feed; `text`: how many times as fast as its own clock.
        StartTrading = "trading.start",
        /// Nothing more.
        StopTrading = "trading.stop",
        /// `choice`: scan, buy, sell or buyback; `name`: the token; `text`: the amount.
        Simulate = "trading.simulate",
    }
}

record! {
    /// A value that a search found.
    pub struct Found {
        /// Its namespace.
        namespace: String,
        /// Its key.
        key: String,
        /// The part of the value that fits.
        snippet: String,
    }
}

record! {
    /// What came of a deed.
    #[derive(Default)]
    pub struct Outcome {
        /// Where the page goes then; empty where it stays.
        to: String,
        /// Why nothing came of it; empty where something did.
        refused: String,
        /// What a search found.
        found: Vec<Found>,
    }
}

/// Has a service do something. A refusal is an answer like any other: the page tells it.
#[server(prefix = "/api/page", endpoint = "act", output = Answer)]
pub async fn act(
    what: String,
    #[server(default)] about: String,
    #[server(default)] name: String,
    #[server(default)] text: String,
    #[server(default)] choice: String,
) -> Result<Outcome, ServerFnError> {
    use crate::server::deeds::{Wish, back, perform};

    let deed = Deed::ALL.iter().copied().find(|deed| deed.as_str() == what);
    let deed = deed.ok_or_else(|| ServerFnError::new(format!("{what:?} is nothing that can be done")))?;
    let wish = Wish { about, name, text, choice };
    let app = expect_context::<crate::server::AppState>();
    let outcome = perform(&app.services, deed, wish).await;
    let outcome = outcome.unwrap_or_else(|refusal| Outcome { refused: refusal.detail, ..Outcome::default() });
    back(&outcome);
    Ok(outcome)
}
