//! Callbacks on the log: the bus, for programs in the same process.
//!
//! [`Hub::listen`] takes a plain function, [`Hub::listen_async`] an asynchronous one; a
//! [`Listening`] says which events, from where on, and what becomes of a slow callback. A listener
//! is a [`Subscription`] with a task of its own, and so has its promises: every event once, in the
//! order of the log, or a word about which are gone. Beyond that:
//!
//! - [`Hub::emit`] and [`Hub::append`] wait for no listener, and a slow one costs the others
//!   nothing: it is a cursor that stands further back, and reads the log when it must.
//! - A callback that panics or returns an error is logged and [counted](Listener::faults); it is
//!   called again with the next event, and no other listener notices.
//! - Where nobody listens nothing is done: an event is made a value again by the first listener
//!   that wants it, and kept for the others that keep up.
//!
//! The module knows no format and no socket: it hands out events as values.
//!
//! # Examples
//!
//! All types, one type and a pattern, with plain functions; an event from a thread that knows no
//! runtime; and the end.
//!
//! ```
//! use swarmdeck::event::{Body, Draft, Entity};
//! use swarmdeck::hub::{Hub, HubConfig, Listening};
//! use tokio::sync::mpsc::channel;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let hub = Hub::open(&HubConfig::at(folder.path()))?;
//! let (all, mut all_types) = channel(16);
//! let (one, mut one_type) = channel(16);
//!
//! // A plain function may block: it runs on a thread for such work. What it returns an error for
//! // is logged.
//! let everything = hub.listen(Listening::everything(), move |event| all.blocking_send(event.kind().to_owned()));
//! let finished = hub.listen(Listening::to("build.finished")?, move |event| one.blocking_send(event.seq));
//! let tasks = hub.listen(Listening::to("task.*")?, |event| println!("{}: {}", event.entity_id(), event.kind()));
//!
//! // Emitting never waits, and any thread may.
//! let emitter = hub.clone();
//! std::thread::spawn(move || {
//!     let build = Entity::new("build", "42");
//!     emitter.emit(Draft::new("ci", build.clone(), Body::custom("build.started")));
//!     emitter.emit(Draft::new("ci", build, Body::custom("build.finished")));
//! });
//! assert_eq!(all_types.recv().await.as_deref(), Some("build.started"));
//! assert_eq!(all_types.recv().await.as_deref(), Some("build.finished"));
//! assert_eq!(one_type.recv().await, Some(2));
//!
//! // Three ways to unsubscribe: to say so, to let go of the guard, and to wait for the last call.
//! everything.unsubscribe();
//! drop(tasks);
//! finished.finish().await;
//! assert_eq!(one_type.recv().await, None);
//! # hub.close().await;
//! # Ok(())
//! # }
//! ```

mod follow;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Hub, Lag, Start};
use crate::event::control::Gap;
use crate::event::{Event, Fault, Filter};
use follow::{Callback, Called, OnGap, Watch, follow};

/// What a listener hears, from where on, and what becomes of it when it is slow.
pub struct Listening {
    filter: Filter,
    start: Start,
    lag: Lag,
    on_gap: Option<OnGap>,
}

impl Listening {
    /// Every event from now on, none left out however slow the callback is.
    pub fn everything() -> Self {
        Filter::everything().into()
    }

    /// The same for one type (`task.completed`), for the types of a domain (`task.*`), or for
    /// several, separated by commas.
    ///
    /// # Errors
    /// What is no pattern of types.
    pub fn to(types: &str) -> Result<Self, Fault> {
        let mut filter = Filter::everything();
        filter.add("types", types)?;
        Ok(filter.into())
    }

    /// From another place on: [`Cursor::Beginning`](crate::event::Cursor::Beginning) for all that
    /// is kept, or where an earlier listener stopped.
    #[must_use]
    pub fn starting(mut self, start: Start) -> Self {
        self.start = start;
        self
    }

    /// What becomes of a callback that falls behind: [`Lag::Log`], the default, brings it
    /// everything; [`Lag::DropOldest`] the newest so many, after a [gap](Self::on_gap).
    #[must_use]
    pub fn lagging(mut self, lag: Lag) -> Self {
        self.lag = lag;
        self
    }

    /// Called with the events that will not come, at their place in the order: the callback was
    /// too slow, or they are no longer kept. It may block. Without it a gap is logged.
    #[must_use]
    pub fn on_gap(mut self, on_gap: impl FnMut(Gap) + Send + 'static) -> Self {
        self.on_gap = Some(Box::new(on_gap));
        self
    }
}

impl From<Filter> for Listening {
    fn from(filter: Filter) -> Self {
        Self { filter, start: Start::Now, lag: Lag::Log, on_gap: None }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Listening");
        shown.field("filter", &self.filter).field("start", &self.start).field("lag", &self.lag).finish_non_exhaustive()
    }
}

/// What a call comes to: nothing, or a result whose error is logged.
pub trait Outcome {
    /// What went wrong, in words.
    fn fault(self) -> Option<String>;
}

impl Outcome for () {
    fn fault(self) -> Option<String> {
        None
    }
}

impl<E: fmt::Display> Outcome for Result<(), E> {
    fn fault(self) -> Option<String> {
        self.err().map(|error| format!("{error:#}"))
    }
}

/// Keeps a callback subscribed; letting go of it unsubscribes.
///
/// It outlives [`Hub::close`], after which nothing more comes.
#[derive(Debug)]
#[must_use = "letting go of it unsubscribes"]
pub struct Listener {
    ending: DropGuard,
    task: JoinHandle<()>,
    faults: Arc<AtomicU64>,
}

impl Listener {
    /// Unsubscribes without waiting, as letting go of it does: no further call begins. One that has
    /// begun goes on to its end.
    pub fn unsubscribe(self) {
        drop(self);
    }

    /// Unsubscribes, and returns when the call that was under way has ended and the callback is
    /// dropped. Not for the callback itself, which would wait for its own end.
    pub async fn finish(self) {
        drop(self.ending);
        // It ends otherwise only with its runtime.
        let _ended = self.task.await;
    }

    /// How many calls panicked or returned an error.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }
}

impl Hub {
    /// Calls a plain function with each event, one after the other in the order of the log.
    ///
    /// It runs on a thread for blocking work, with all events that wait in one go, so that it may
    /// take its time without holding up anything else. It returns nothing, or a `Result` whose
    /// error is logged. What is appended after this returns is heard.
    ///
    /// # Panics
    /// Outside of a tokio runtime, as `tokio::spawn` does; a thread of one's own enters one with
    /// `Handle::enter`.
    pub fn listen<O: Outcome>(&self, what: Listening, mut callback: impl FnMut(&Event) -> O + Send + 'static) -> Listener {
        self.begin(what, Callback::Plain(Box::new(move |event| callback(event).fault())))
    }

    /// Calls an asynchronous function with each event, one after the other: the next call begins
    /// when the one before has ended. Else as [`listen`](Self::listen).
    ///
    /// # Panics
    /// Outside of a tokio runtime, as `tokio::spawn` does.
    ///
    /// # Examples
    /// ```
    /// use swarmdeck::event::{Body, Cursor, Draft, Entity};
    /// use swarmdeck::hub::{Hub, HubConfig, Lag, Listening, Start};
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// let hub = Hub::open(&HubConfig::at(folder.path()))?;
    /// hub.append(vec![Draft::new("ci", Entity::new("build", "42"), Body::custom("build.started"))]).await?;
    ///
    /// // From the beginning of the log, and of a thousand events that wait only the newest.
    /// let what = Listening::to("build.*")?
    ///     .starting(Start::After(Cursor::Beginning))
    ///     .lagging(Lag::DropOldest(1_000))
    ///     .on_gap(|gap| eprintln!("{} to {} passed by", gap.from, gap.to));
    /// let (say, mut said) = tokio::sync::mpsc::channel(1);
    /// let listener = hub.listen_async(what, move |event| {
    ///     let say = say.clone();
    ///     async move { say.send(event.entity_id().to_owned()).await }
    /// });
    /// assert_eq!(said.recv().await.as_deref(), Some("42"));
    /// listener.finish().await;
    /// # hub.close().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn listen_async<F>(&self, what: Listening, mut callback: impl FnMut(Arc<Event>) -> F + Send + 'static) -> Listener
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        let callback = move |event| {
            let called = callback(event);
            Box::pin(async move { called.await.fault() }) as Called
        };
        self.begin(what, Callback::Async(Box::new(callback)))
    }

    fn begin(&self, what: Listening, callback: Callback) -> Listener {
        let faults = Arc::<AtomicU64>::default();
        let ending = CancellationToken::new();
        let filter = if what.filter.is_everything() { "everything".into() } else { what.filter.to_string().into() };
        let watch = Watch { ending: ending.clone(), faults: Arc::clone(&faults), filter };
        let subscription = self.subscribe(what.start, what.filter, what.lag);
        let task = tokio::spawn(follow(subscription, callback, what.on_gap, watch));
        Listener { ending: ending.drop_guard(), task, faults }
    }
}

#[cfg(test)]
mod tests;
