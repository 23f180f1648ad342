//! Agents at work, with a person near.
//!
//! A session runs an agent through a driver and has turns: a person's message begins one, and
//! `session.completed` ends it, after `session.failed` or `session.aborted` where it went wrong.
//! What the agent does becomes events; what it must not do alone waits for a person. Sessions that
//! other programs report stand in the same list: their requests can be answered here, too, and the
//! program sees the decision on its stream; their messages and their end are its own.
//!
//! **The boundary.** A client chooses a driver by the name that it has in `[[sessions.drivers]]` of
//! the settings. No client can name a program, an argument, a folder or an address: what runs on
//! this machine is what its owner wrote down. Of what clients send, a program sees the messages and
//! answers on its standard input, and the session's id and workspace in its environment
//! (`SWARMDECK_SESSION`, `SWARMDECK_WORKSPACE`). The rest of its environment is the server's, without
//! the variables that hold the token or the keys of other drivers and of providers.
//!
//! **Modes.** `ask` asks a person; `allow` and `deny` decide at once, and every decision is an
//! event all the same. A mode of any other name asks.
//!
//! **In memory only** are the drivers, with what their programs know, the text of the last 50 ms,
//! and the time left of a request. After a restart a turn that was cut off is ended in the log as
//! failed, its requests lapse, and the next message starts the driver anew: a program without its
//! memory, a script at its beginning, a chat with the conversation as the log has it. A program
//! whose server was killed sees the end of its standard input.

mod batch;
mod conversation;
mod draft;
mod driver;
mod live;
mod permission;
mod run;
pub mod settings;

pub use live::MAX_RUNNING;
pub use permission::Answer;
pub use settings::{SessionsConfig, TOUR};

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::providers::Providers;
use super::{Refusal, Setup};
use crate::event::session::{SessionPrompted, SessionRemoved, SessionStarted, SessionUpdated};
use crate::event::wire::Object;
use crate::event::{Body, Draft, Entity};
use crate::hub::Hub;
use crate::swarm::SwarmState;
use crate::swarm::sessions::{Request, Session, SessionState};
use live::Live;
use run::{Command, Run};
use settings::Settings;

/// The longest message, in bytes.
pub const MAX_MESSAGE: usize = 64 << 10;
/// The longest title, workspace, agent or name of a person, in bytes.
pub const MAX_NAME: usize = 256;
/// The longest name of a permission mode, in bytes.
pub const MAX_MODE: usize = 64;
/// The mode of a session that names none.
pub const DEFAULT_MODE: &str = "ask";

/// What the tasks of all sessions share.
#[derive(Debug)]
struct Shared {
    hub: Hub,
    settings: Settings,
    /// They have keys in the environment too, which no program gets unasked.
    providers: Providers,
    live: Live,
    stopping: CancellationToken,
    tracker: TaskTracker,
}

impl Shared {
    /// The environment variables that hold somebody's key.
    fn key_variables(&self) -> Vec<String> {
        self.settings.key_variables().chain(self.providers.key_variables()).collect()
    }
}

/// Agents at work, with a person near. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sessions {
    shared: Arc<Shared>,
}

/// What a new session is to be; everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSession {
    /// The workspace it works in, by the client's name for it.
    pub workspace: Option<String>,
    /// How permission is given: `ask`, `allow` or `deny`.
    pub permission_mode: Option<String>,
    /// A title for people.
    pub title: Option<String>,
    /// The agent that works in it.
    pub agent: Option<String>,
    /// What runs it, by its name in the settings.
    pub driver: Option<String>,
}

/// What is to change of a session; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionChange {
    /// A title for people.
    pub title: Option<String>,
    /// How permission is given from now on.
    pub permission_mode: Option<String>,
}

/// What can run an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverInfo {
    /// Its name.
    pub name: String,
    /// Its kind: `command`, `openai` or `scripted`.
    pub kind: &'static str,
    /// Whether a session that names none gets it.
    pub default: bool,
}

impl Sessions {
    /// Starts it: checks the settings, and ends in the log what a server that is gone left running.
    ///
    /// # Errors
    /// A setting does not fit, or the log cannot be written.
    pub async fn start(setup: &Setup, providers: &Providers) -> Result<Self, Refusal> {
        let settings = Settings::check(&setup.config.sessions)?;
        setup.hub.decide(|state, _| Ok::<_, Refusal>((left_running(state), ()))).await?;
        let shared = Shared {
            hub: setup.hub.clone(),
            settings,
            providers: providers.clone(),
            live: Live::default(),
            stopping: setup.stopping.clone(),
            tracker: setup.tracker.clone(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How long a program has to end by itself.
    pub fn stop_grace(&self) -> Duration {
        self.shared.settings.stop_grace
    }

    /// What can run an agent, in order of the names.
    pub fn drivers(&self) -> Vec<DriverInfo> {
        let settings = &self.shared.settings;
        let info = |(name, spec): (&String, &Arc<settings::Spec>)| DriverInfo {
            name: name.clone(),
            kind: spec.kind(),
            default: *name == settings.default_driver,
        };
        settings.drivers.iter().map(info).collect()
    }

    /// Makes a session; its driver starts with the first message. Returns its id.
    ///
    /// # Errors
    /// There is no such driver, a text is too long, or the log takes no events.
    pub async fn create(&self, new: NewSession) -> Result<String, Refusal> {
        let settings = &self.shared.settings;
        let driver = new.driver.unwrap_or_else(|| settings.default_driver.clone());
        if !settings.drivers.contains_key(&driver) {
            let known: Vec<&str> = settings.drivers.keys().map(String::as_str).collect();
            return Err(Refusal::invalid(format!("driver: there is no {driver:?}; there are {}", known.join(", "))));
        }
        let mode = new.permission_mode.unwrap_or_else(|| DEFAULT_MODE.to_owned());
        check("permissionMode", Some(&mode), MAX_MODE)?;
        check("title", new.title.as_deref(), MAX_NAME)?;
        check("agent", new.agent.as_deref(), MAX_NAME)?;
        check("workspaceId", new.workspace.as_deref(), MAX_NAME)?;
        let id = fresh_id("ses");
        let started = SessionStarted {
            title: new.title,
            agent: new.agent,
            permission_mode: mode,
            driver: Some(driver),
            workspace: new.workspace,
            extra: Object::new(),
        };
        self.shared.hub.append(vec![about(&id, started)]).await?;
        Ok(id)
    }

    /// What `view` makes of each session, the newest first.
    pub fn list<T>(&self, view: impl Fn(&Session) -> T) -> Vec<T> {
        let state = self.shared.hub.state();
        let mut sessions: Vec<&Session> = state.sessions.by_id.values().collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.started));
        sessions.into_iter().map(view).collect()
    }

    /// What `view` makes of a session.
    ///
    /// # Errors
    /// There is no such session.
    pub fn get<T>(&self, id: &str, view: impl FnOnce(&Session) -> T) -> Result<T, Refusal> {
        session(&self.shared.hub.state(), id).map(view)
    }

    /// What `view` makes of each request that waits for a person, the oldest first.
    pub fn approvals<T>(&self, view: impl Fn(&Session, &str, &Request) -> T) -> Vec<T> {
        let state = self.shared.hub.state();
        let mut open: Vec<_> = state.sessions.open_requests().collect();
        open.sort_by_key(|(_, _, request)| request.by.seq);
        open.into_iter().map(|(session, id, request)| view(session, id, request)).collect()
    }

    /// Changes a session's title or mode.
    ///
    /// # Errors
    /// There is no such session, nothing is to change, or a text is too long.
    pub async fn update(&self, id: &str, change: SessionChange) -> Result<(), Refusal> {
        if change == SessionChange::default() {
            return Err(Refusal::invalid("nothing to change: title and permissionMode can be"));
        }
        check("permissionMode", change.permission_mode.as_deref(), MAX_MODE)?;
        check("title", change.title.as_deref(), MAX_NAME)?;
        let SessionChange { title, permission_mode } = change;
        self.decide(id, move |state, id| {
            session(state, id)?;
            Ok((vec![about(id, SessionUpdated { title, permission_mode, extra: Object::new() })], ()))
        })
        .await
    }

    /// Takes a session off the list; a turn that goes on is broken off first. Its events stay in
    /// the log.
    ///
    /// # Errors
    /// There is no such session, or a message has just begun another turn.
    pub async fn remove(&self, id: &str, by: &str) -> Result<(), Refusal> {
        self.abort_if_ours(id, by).await?;
        // Without the way to it the task ends.
        drop(self.shared.live.take(id));
        let id = id.to_owned();
        let rule = move |state: &SwarmState, _| {
            let session = session(state, &id)?;
            if session.driver.is_some() && session.state == SessionState::Running {
                return Err(Refusal::conflict(format!("session {id} is at work again")));
            }
            Ok((vec![about(&id, SessionRemoved { extra: Object::new() })], ()))
        };
        self.shared.hub.decide(rule).await?;
        Ok(())
    }

    /// Begins a turn with a person's message; returns once that is in the log.
    ///
    /// # Errors
    /// There is no such session, another program runs it, a turn goes on, the message is empty or
    /// too long, or too many sessions are at work.
    pub async fn send(&self, id: &str, message: &str, by: &str) -> Result<(), Refusal> {
        if message.trim().is_empty() {
            return Err(Refusal::invalid("message: empty"));
        }
        if message.len() > MAX_MESSAGE {
            return Err(Refusal::too_large(format!("message: {} bytes, over the limit of {MAX_MESSAGE}", message.len())));
        }
        check("by", Some(by), MAX_NAME)?;
        if self.shared.stopping.is_cancelled() {
            return Err(Refusal::unavailable("the server is stopping"));
        }
        let shared = Arc::clone(&self.shared);
        let prompted = SessionPrompted { text: message.to_owned(), by: by.to_owned(), extra: Object::new() };
        let session_id = id.to_owned();
        let rule = move |state: &SwarmState, _| {
            let session = session(state, &session_id)?;
            let driver = ours(session)?;
            let Some(spec) = shared.settings.drivers.get(driver) else {
                return Err(Refusal::conflict(format!("driver {driver} of session {session_id} is no longer in the settings")));
            };
            if session.state == SessionState::Running {
                return Err(Refusal::conflict(format!("session {session_id} is at work: wait for its end, or abort it")));
            }
            let running = state.sessions.by_id.values().filter(|it| it.driver.is_some() && it.state == SessionState::Running);
            if running.count() >= MAX_RUNNING {
                return Err(Refusal::unavailable(format!("{MAX_RUNNING} sessions are at work, which is the most at once")));
            }
            Ok((vec![about(&session_id, prompted)], (Arc::clone(spec), session.workspace.clone())))
        };
        let (shared, id, message) = (Arc::clone(&self.shared), id.to_owned(), message.to_owned());
        // Decided and begun in one: an asker that hangs up between leaves no turn that nobody runs.
        let begun = tokio::spawn(async move {
            let (_, (spec, workspace)) = shared.hub.decide(rule).await?;
            let running = Arc::clone(&shared);
            shared.live.message(&id, message, |orders| {
                let tracker = running.tracker.clone();
                tracker.spawn(Run::new(running, id.clone(), workspace, spec, orders).run());
            });
            Ok(())
        });
        begun.await.unwrap_or_else(|_| Err(Refusal::unavailable("the turn could not be begun")))
    }

    /// Breaks a turn off; returns once the driver has stopped and the log says so. Without a turn
    /// nothing happens.
    ///
    /// # Errors
    /// There is no such session, or another program runs it.
    pub async fn abort(&self, id: &str, by: &str) -> Result<(), Refusal> {
        self.get(id, |session| ours(session).map(|_| ()))??;
        self.abort_if_ours(id, by).await
    }

    async fn abort_if_ours(&self, id: &str, by: &str) -> Result<(), Refusal> {
        check("by", Some(by), MAX_NAME)?;
        let goes_on = self.get(id, |session| session.driver.is_some() && session.state == SessionState::Running)?;
        if !goes_on {
            return Ok(());
        }
        if self.tell_abort(id, by).await? {
            return Ok(());
        }
        // Nobody runs it yet: the log is told, and a task that gets its message now looks there.
        let (session_id, author) = (id.to_owned(), by.to_owned());
        let rule = move |state: &SwarmState, _| {
            let running = session(state, &session_id)?.state == SessionState::Running;
            Ok::<_, Refusal>((if running { run::aborted_without(&session_id, &author) } else { Vec::new() }, ()))
        };
        self.shared.hub.decide(rule).await?;
        // One that got it before is stopped.
        self.tell_abort(id, by).await?;
        Ok(())
    }

    /// Tells the session's task to break its turn off; whether there is one.
    async fn tell_abort(&self, id: &str, by: &str) -> Result<bool, Refusal> {
        let Some(task) = self.shared.live.get(id) else { return Ok(false) };
        let (done, over) = oneshot::channel();
        if task.send(Command::Abort { by: by.to_owned(), done }).await.is_err() {
            return Ok(false);
        }
        match over.await {
            Ok(over) => {
                over?;
                Ok(true)
            }
            Err(_its_task_ended) => Ok(false),
        }
    }

    /// Answers a request that waits for a person, in the session named or in whichever it is open.
    /// The first answer counts. Returns the session.
    ///
    /// # Errors
    /// There is no such request, or it is decided already: the words say by whom.
    pub async fn answer(
        &self,
        session: Option<&str>,
        request_id: &str,
        allowed: bool,
        always_allow: bool,
        by: &str,
    ) -> Result<String, Refusal> {
        self.answer_with(Answer {
            session: session.map(str::to_owned),
            request_id: request_id.to_owned(),
            allowed,
            always_allow,
            by: by.to_owned(),
            reason: None,
        })
        .await
    }

    /// The same, with a reason.
    ///
    /// # Errors
    /// As [`answer`](Self::answer), or a text is too long.
    pub async fn answer_with(&self, answer: Answer) -> Result<String, Refusal> {
        check("by", Some(&answer.by), MAX_NAME)?;
        check("reason", answer.reason.as_deref(), MAX_REASON)?;
        let id = permission::find(&self.shared.hub.state(), &answer)?;
        self.decide(&id, move |state, _| permission::decide(state, answer)).await
    }

    /// Decides something of a session at its place among the session's events: text that the agent
    /// said before stands before it.
    async fn decide<T: Send + 'static>(
        &self,
        id: &str,
        rule: impl FnOnce(&SwarmState, &str) -> Result<(Vec<Draft>, T), Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (hub, session) = (self.shared.hub.clone(), id.to_owned());
        let decide = async move {
            let (_, told) = hub.decide(move |state, _| rule(state, &session)).await?;
            Ok(told)
        };
        match self.shared.live.get(id) {
            None => decide.await,
            Some(task) => in_order(&task, decide).await,
        }
    }
}

/// The longest reason of an answer, in bytes.
const MAX_REASON: usize = 1_024;

async fn in_order<T: Send + 'static>(
    task: &tokio::sync::mpsc::Sender<Command>,
    decide: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let (tell, told) = oneshot::channel();
    let ordered = Box::pin(async move {
        let _nobody_waits = tell.send(decide.await);
    });
    let ending = || Refusal::unavailable("the session's driver is ending: try again");
    task.send(Command::Ordered(ordered)).await.map_err(|_| ending())?;
    told.await.map_err(|_| ending())?
}

/// What ends the turns that a server left running which is gone.
fn left_running(state: &SwarmState) -> Vec<Draft> {
    let left = state.sessions.by_id.values().filter(|session| session.driver.is_some() && session.state == SessionState::Running);
    left.flat_map(|session| {
        let lapsed = session.open.keys().map(|request| permission::expired(&session.id, request));
        lapsed.chain(run::ended_without(&session.id, "the server was restarted")).collect::<Vec<_>>()
    })
    .collect()
}

/// The driver of a session that is run here.
fn ours(session: &Session) -> Result<&str, Refusal> {
    session
        .driver
        .as_deref()
        .ok_or_else(|| Refusal::conflict(format!("session {} is run by the program that reports it", session.id)))
}

fn session<'a>(state: &'a SwarmState, id: &str) -> Result<&'a Session, Refusal> {
    state.sessions.by_id.get(id).ok_or_else(|| Refusal::missing(format!("there is no session {id}")))
}

fn check(name: &str, text: Option<&str>, most: usize) -> Result<(), Refusal> {
    let Some(text) = text else { return Ok(()) };
    if text.len() > most {
        return Err(Refusal::invalid(format!("{name}: {} bytes, over the limit of {most}", text.len())));
    }
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(Refusal::invalid(format!("{name}: empty, or with control characters")));
    }
    Ok(())
}

/// An event about a session.
fn about(id: &str, body: impl Into<Body>) -> Draft {
    Draft::new("core", Entity::new("session", id), body)
}

/// An id that nothing has yet: 64 random bits after a prefix.
fn fresh_id(prefix: &str) -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("the system has randomness: the log's identity came from it");
    format!("{prefix}_{:016x}", u64::from_ne_bytes(bytes))
}
