//! The task of one session: it listens to the driver, to people and to the clock, and appends.
//!
//! Everything that happens to a session in memory happens here, one thing after the other: that
//! keeps the order of its events. Text waits for a moment in a batch, which is told before
//! anything else of the session is.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use super::batch::{Deltas, Piece};
use super::driver::{self, AgentEvent, Ask, Driver, Said};
use super::permission::{self, Verdict};
use super::settings::Spec;
use super::{Shared, about, conversation, draft, fresh_id};
use crate::event::session::{SessionAborted, SessionCompleted, SessionEvent, SessionFailed, SessionTextDelta};
use crate::event::wire::{Object, from_text};
use crate::event::{Body, Draft, Event, Filter};
use crate::hub::{AppendError, DecideError, Delivery, Lag, LogError, Start, Subscription};
use crate::service::Refusal;
use crate::swarm::SwarmState;
use crate::swarm::sessions::SessionState;

/// How long a session waits before it tries the log again.
const RETRY: Duration = Duration::from_secs(1);
/// Who broke a turn off where the server stopped.
const BY_SERVER: &str = "server";

/// What the task is told.
pub(super) enum Command {
    /// Append something of this session at its place among the others.
    Ordered(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// Break the turn off.
    Abort {
        /// Who wants it.
        by: String,
        /// Told when it is over and in the log.
        done: oneshot::Sender<Result<(), AppendError>>,
    },
}

/// Where the task is told.
pub(super) struct Orders {
    pub(super) messages: mpsc::Receiver<String>,
    pub(super) commands: mpsc::Receiver<Command>,
}

/// A turn: from a message to its end.
struct Turn {
    message: String,
    /// The driver was started for it.
    fresh: bool,
    /// The agent did something.
    spoke: bool,
}

/// A request that waits for an answer.
struct Waiting {
    /// Our name for it.
    request: String,
    /// The agent's.
    theirs: String,
    /// When it lapses; nothing once it did.
    until: Option<Instant>,
}

/// How a turn ends.
enum End {
    Completed,
    Failed(String),
    Aborted(String),
}

/// What comes next.
enum Step {
    Stop,
    Message(Option<String>),
    Command(Option<Command>),
    Said(Said),
    Flush,
    Lapse,
    Decisions(Result<Delivery, LogError>),
}

/// The task of one session.
pub(super) struct Run {
    shared: Arc<Shared>,
    id: String,
    workspace: Option<String>,
    spec: Arc<Spec>,
    orders: Orders,
    driver: Option<Driver>,
    deltas: Deltas,
    waiting: Vec<Waiting>,
    /// Tells what is decided, from the log; open while something waits.
    decisions: Option<Subscription>,
    turn: Option<Turn>,
    /// What the driver said between turns, which nobody asked for.
    stray: u64,
}

impl Run {
    pub(super) fn new(shared: Arc<Shared>, id: String, workspace: Option<String>, spec: Arc<Spec>, orders: Orders) -> Self {
        Self {
            shared,
            id,
            workspace,
            spec,
            orders,
            driver: None,
            deltas: Deltas::default(),
            waiting: Vec::new(),
            decisions: None,
            turn: None,
            stray: 0,
        }
    }

    /// Runs until the session has no place in memory any more, or the services end.
    pub(super) async fn run(mut self) {
        loop {
            let step = self.next().await;
            match self.take(step).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    if !self.outlive(error).await {
                        break;
                    }
                }
            }
        }
        self.stop_driver().await;
    }

    async fn next(&mut self) -> Step {
        let lapse = self.waiting.iter().filter_map(|waiting| waiting.until).min();
        // In this order: an abort comes after the message that it breaks off, and an agent that
        // speaks without end holds up neither people nor the clock.
        tokio::select! {
            biased;
            () = self.shared.stopping.cancelled() => Step::Stop,
            message = self.orders.messages.recv() => Step::Message(message),
            command = self.orders.commands.recv() => Step::Command(command),
            decided = decided(&mut self.decisions) => Step::Decisions(decided),
            () = at(lapse) => Step::Lapse,
            () = at(self.deltas.due()) => Step::Flush,
            said = driver::next(&mut self.driver) => Step::Said(said),
        }
    }

    /// Does what comes next; whether the session goes on.
    async fn take(&mut self, step: Step) -> Result<bool, AppendError> {
        match step {
            Step::Stop | Step::Message(None) | Step::Command(None) => {
                self.break_off(BY_SERVER).await?;
                return Ok(false);
            }
            // It was broken off before it arrived.
            Step::Message(Some(_)) if !self.is_running() => self.shared.live.rest(&self.id),
            Step::Message(Some(message)) => {
                self.turn = Some(Turn { message, fresh: false, spoke: false });
                self.begin().await?;
            }
            Step::Command(Some(Command::Ordered(append))) => {
                self.flush().await?;
                append.await;
            }
            Step::Command(Some(Command::Abort { by, done })) => {
                let over = self.break_off(&by).await;
                let _nobody_waits = done.send(over.clone());
                over?;
            }
            Step::Said(said) => self.hear(said).await?,
            Step::Flush => self.flush().await?,
            Step::Lapse => self.lapse().await?,
            Step::Decisions(delivery) => self.decide(delivery).await?,
        }
        Ok(true)
    }

    /// Whether the log says that a turn goes on.
    fn is_running(&self) -> bool {
        let state = self.shared.hub.state();
        state.sessions.by_id.get(&self.id).is_some_and(|session| session.state == SessionState::Running)
    }

    /// Hands the turn's message to the driver, which is started where there is none.
    async fn begin(&mut self) -> Result<(), AppendError> {
        if self.driver.as_mut().is_some_and(Driver::is_over) {
            self.stop_driver().await;
        }
        let Some(turn) = &mut self.turn else { return Ok(()) };
        if self.driver.is_none() {
            turn.fresh = true;
            match Driver::start(&self.spec, &self.id, self.workspace.as_deref(), &self.shared.key_variables()) {
                Ok(driver) => self.driver = Some(driver),
                Err(problem) => return self.end(End::Failed(problem)).await,
            }
        }
        let Some(driver) = &mut self.driver else { return Ok(()) };
        let conversation = match driver.wants_conversation() {
            false => Vec::new(),
            true => match conversation::read(&self.shared.hub, &self.id).await {
                Ok(conversation) => conversation,
                Err(error) => return self.end(End::Failed(error.to_string())).await,
            },
        };
        match driver.message(&turn.message, conversation) {
            Ok(()) => Ok(()),
            Err(problem) => self.fail(problem).await,
        }
    }

    /// The driver cannot go on: it is stopped, and the turn with it.
    async fn fail(&mut self, problem: String) -> Result<(), AppendError> {
        self.stop_driver().await;
        self.end(End::Failed(problem)).await
    }

    async fn stop_driver(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.stop(self.shared.settings.stop_grace).await;
        }
    }

    async fn hear(&mut self, said: Said) -> Result<(), AppendError> {
        let event = match said {
            Said::Event(event) => event,
            Said::End(how) => return self.lose_driver(how).await,
        };
        let Some(turn) = &mut self.turn else {
            self.stray += 1;
            if self.stray.is_power_of_two() {
                tracing::warn!(session = self.id, events = self.stray, "sessions.run.stray: the driver speaks between turns");
            }
            return match event {
                AgentEvent::Permission(ask) => self.tell_driver(&ask.request, false, false, None).await,
                _ => Ok(()),
            };
        };
        turn.spoke = true;
        match event {
            AgentEvent::TextDelta { turn, text } => {
                let ready = self.deltas.push(turn.map(draft::name), &text, Instant::now());
                if !ready.is_empty() {
                    self.append(ready.into_iter().map(|piece| delta(&self.id, piece)).collect()).await?;
                }
            }
            AgentEvent::Complete => self.end(End::Completed).await?,
            AgentEvent::Error(error) => self.end(End::Failed(error)).await?,
            AgentEvent::Permission(ask) => self.ask(ask).await?,
            AgentEvent::Withdrawn { request } => {
                if let Some(place) = self.waiting.iter().position(|waiting| waiting.theirs == request) {
                    let ours = self.waiting.swap_remove(place).request;
                    self.expire(ours).await?;
                }
            }
            other => {
                let told = draft::of(&self.id, other);
                let drafts = self.deltas.take().map(|piece| delta(&self.id, piece)).into_iter().chain(told);
                self.append(drafts.collect()).await?;
            }
        }
        Ok(())
    }

    /// The driver is gone. Where it went before it took the message, another one gets it.
    async fn lose_driver(&mut self, how: Result<(), String>) -> Result<(), AppendError> {
        self.stop_driver().await;
        match (&self.turn, how) {
            (None, Ok(())) => Ok(()),
            (None, Err(problem)) => {
                tracing::info!(session = self.id, problem, "sessions.run.driver_lost: between turns");
                Ok(())
            }
            (Some(turn), _) if !turn.fresh && !turn.spoke => self.begin().await,
            (Some(_), Ok(())) => self.end(End::Completed).await,
            (Some(_), Err(problem)) => self.end(End::Failed(problem)).await,
        }
    }

    /// Puts a request up.
    async fn ask(&mut self, ask: Ask) -> Result<(), AppendError> {
        self.flush().await?;
        let (theirs, ask) = (ask.request.clone(), draft::bounded(ask));
        let request = fresh_id("req");
        let timeout = self.shared.settings.permission_timeout;
        let (id, ours) = (self.id.clone(), request.clone());
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        let rule = move |state: &SwarmState, now| permission::put_up(state, now, &id, &ours, ask, timeout_ms);
        match self.shared.hub.decide(rule).await {
            Ok((_, Verdict::Decided(allowed))) => self.tell_driver(&theirs, allowed, false, None).await,
            Ok((appended, Verdict::Asked)) => {
                let place = appended.seqs.first().copied().unwrap_or_default();
                self.decisions.get_or_insert_with(|| {
                    let start = Start::After(self.shared.hub.cursor(place));
                    self.shared.hub.subscribe(start, decisions_of(&self.id), Lag::Log)
                });
                self.waiting.push(Waiting { request, theirs, until: Some(Instant::now() + timeout) });
                Ok(())
            }
            // The session was taken off the list meanwhile.
            Err(DecideError::Refused(_)) => self.tell_driver(&theirs, false, false, None).await,
            Err(DecideError::Append(error)) => Err(error),
        }
    }

    /// Lets requests lapse whose time is over; the log says so, and then the driver is told.
    async fn lapse(&mut self) -> Result<(), AppendError> {
        let now = Instant::now();
        let late = self.waiting.iter_mut().filter(|waiting| waiting.until.is_some_and(|until| until <= now));
        let late: Vec<String> = late
            .map(|waiting| {
                waiting.until = None;
                waiting.request.clone()
            })
            .collect();
        for request in late {
            self.expire(request).await?;
        }
        Ok(())
    }

    async fn expire(&mut self, request: String) -> Result<(), AppendError> {
        self.flush().await?;
        let id = self.id.clone();
        match self.shared.hub.decide(move |state, _| permission::expire(state, &id, &request)).await {
            Err(DecideError::Append(error)) => Err(error),
            Ok(_) | Err(DecideError::Refused(_)) => Ok(()),
        }
    }

    /// Tells the driver what the log says was decided.
    async fn decide(&mut self, delivery: Result<Delivery, LogError>) -> Result<(), AppendError> {
        let events: Vec<Event> = match &delivery {
            Ok(Delivery::Picked(picked)) => {
                picked.events().filter_map(|(place, _)| from_text(picked.batch().json(place)).ok()).collect()
            }
            Ok(Delivery::Run(batch, places)) => places.clone().filter_map(|place| from_text(batch.json(place)).ok()).collect(),
            // What was decided is not to be had: that is no permission.
            Ok(Delivery::Gap(_)) | Err(_) => {
                for waiting in std::mem::take(&mut self.waiting) {
                    self.expire(waiting.request).await?;
                    self.tell_driver(&waiting.theirs, false, false, None).await?;
                }
                Vec::new()
            }
        };
        for event in events {
            let (request, allowed, always, reason) = match event.body {
                Body::Session(SessionEvent::PermissionDecided(it)) => (it.request_id, it.allowed, it.always_allow, it.reason),
                Body::Session(SessionEvent::PermissionExpired(it)) => {
                    (it.request_id, false, false, Some("nobody answered in time".to_owned()))
                }
                _ => continue,
            };
            if let Some(place) = self.waiting.iter().position(|waiting| waiting.request == request) {
                let theirs = self.waiting.swap_remove(place).theirs;
                self.tell_driver(&theirs, allowed, always, reason.as_deref()).await?;
            }
        }
        if self.waiting.is_empty() {
            self.decisions = None;
        }
        Ok(())
    }

    async fn tell_driver(&mut self, theirs: &str, allowed: bool, always: bool, reason: Option<&str>) -> Result<(), AppendError> {
        let told = self.driver.as_mut().map(|driver| driver.answer(theirs, allowed, always, reason));
        match told {
            Some(Err(problem)) => self.fail(problem).await,
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Ends the turn from outside, where one goes on.
    async fn break_off(&mut self, by: &str) -> Result<(), AppendError> {
        if self.turn.is_none() {
            return self.flush().await;
        }
        self.stop_driver().await;
        self.end(End::Aborted(by.to_owned())).await
    }

    /// Ends the turn in the log: what waits lapses, then how it ended, then that it did.
    async fn end(&mut self, end: End) -> Result<(), AppendError> {
        if self.turn.is_none() {
            return self.flush().await;
        }
        let id = self.id.clone();
        let mut last: Vec<Draft> = self.deltas.take().map(|piece| delta(&id, piece)).into_iter().collect();
        let waiting: Vec<String> = self.waiting.iter().map(|waiting| waiting.request.clone()).collect();
        self.shared.live.rest(&self.id);
        let rule = move |state: &SwarmState, _| {
            let open = state.sessions.by_id.get(&id).map(|session| &session.open);
            let lapsed = waiting.iter().filter(|request| open.is_some_and(|open| open.contains_key(request)));
            last.extend(lapsed.map(|request| permission::expired(&id, request)));
            last.extend(ending(&id, end));
            Ok::<_, Refusal>((last, ()))
        };
        match self.shared.hub.decide(rule).await {
            Err(DecideError::Append(error)) => return Err(error),
            Ok(_) | Err(DecideError::Refused(_)) => {}
        }
        (self.turn, self.waiting, self.decisions) = (None, Vec::new(), None);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), AppendError> {
        match self.deltas.take() {
            Some(piece) => self.append(vec![delta(&self.id, piece)]).await,
            None => Ok(()),
        }
    }

    async fn append(&mut self, drafts: Vec<Draft>) -> Result<(), AppendError> {
        self.shared.hub.append(drafts).await.map(|_| ())
    }

    /// The log takes nothing: what the agent does can no longer be told, so it is stopped, and its
    /// turn is ended as soon as the log takes events again. Whether the session goes on.
    async fn outlive(&mut self, error: AppendError) -> bool {
        tracing::error!(session = self.id, %error, "sessions.run.log");
        self.stop_driver().await;
        if matches!(error, AppendError::Closed) {
            return false;
        }
        while self.turn.is_some() {
            tokio::select! {
                () = self.shared.stopping.cancelled() => return false,
                () = sleep(RETRY) => {}
            }
            if self.end(End::Failed(error.to_string())).await.is_ok() {
                break;
            }
        }
        true
    }
}

/// What ends a turn: an error and an abort are followed by the end.
fn ending(id: &str, end: End) -> Vec<Draft> {
    let how = match end {
        End::Completed => None,
        End::Failed(error) => Some(about(id, SessionFailed { error: draft::cut(error), extra: Object::new() })),
        End::Aborted(by) => Some(about(id, SessionAborted { by, extra: Object::new() })),
    };
    how.into_iter().chain([about(id, SessionCompleted { extra: Object::new() })]).collect()
}

/// What ends a turn that nobody runs any more.
pub(super) fn ended_without(id: &str, error: &str) -> Vec<Draft> {
    ending(id, End::Failed(error.to_owned()))
}

/// What ends a turn that somebody broke off, and nobody runs.
pub(super) fn aborted_without(id: &str, by: &str) -> Vec<Draft> {
    ending(id, End::Aborted(by.to_owned()))
}

fn delta(id: &str, piece: Piece) -> Draft {
    about(id, SessionTextDelta { turn_id: piece.turn, delta: piece.text, extra: Object::new() })
}

/// What is decided in a session.
fn decisions_of(id: &str) -> Filter {
    let mut filter = Filter::about([("session".to_owned(), id.to_owned())]);
    let added = filter.add("types", "session.permission_decided,session.permission_expired");
    debug_assert_eq!(added, Ok(true));
    filter
}

/// Waits until then; for ever where there is no then.
async fn at(then: Option<Instant>) {
    match then {
        Some(then) => sleep_until(then).await,
        None => pending().await,
    }
}

/// The next decisions; nothing ever where nothing waits.
async fn decided(decisions: &mut Option<Subscription>) -> Result<Delivery, LogError> {
    match decisions {
        Some(decisions) => decisions.next().await,
        None => pending().await,
    }
}
