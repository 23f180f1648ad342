//! The tasks as their events tell them.

use std::collections::VecDeque;

use super::Evidence;
use super::agents::MAX_TEXT;
use super::bounds::{clip, prune, push_newest};
use super::table::Table;
use crate::event::table::{record, unwritten, words};
use crate::event::task::TaskEvent;
use crate::event::wire::to_text;
use crate::event::{Event, Timestamp};

/// How many tasks are kept. Past it those that ended longest ago are forgotten and counted.
pub const MAX_TASKS: usize = 10_000;
/// How much of a result is kept, in bytes of its JSON; the whole of it is in the log.
pub const MAX_RESULT: usize = 600;
/// How many tasks one may depend on; what an event names beyond that is not waited for.
pub const MAX_DEPENDENCIES: usize = 64;
/// How many earlier runs of a task are kept.
pub const MAX_RUNS: usize = 8;

words! {
    /// Where a task stands.
    pub enum TaskState {
        Pending = "pending",
        Assigned = "assigned",
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl TaskState {
    /// Whether it has come to its end.
    pub fn ended(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

record! {
    /// A time in which somebody was at a task.
    pub struct Run {
        /// Who.
        agent: Option<String>,
        /// When it began.
        from: Timestamp,
        /// When it ended.
        to: Timestamp,
        /// Where it brought the task; where it came to no end, the state that the task went on in.
        state: TaskState,
    }
}

record! {
    /// One task.
    pub struct Task {
        /// Its id.
        id: String,
        /// What is to be done; its id where that was never said.
        description: String,
        /// A title for people.
        title: Option<String>,
        /// Urgency; a larger number comes first.
        priority: Option<i64>,
        /// The task it is a part of.
        parent: Option<String>,
        /// The tasks that must be completed before it can begin.
        depends_on: Vec<String>,
        /// Those of them that are not completed.
        open: Vec<String>,
        /// Who has it.
        agent: Option<String>,
        /// Who had it before, or has the task it is a part of.
        handed_by: Option<String>,
        /// Which attempt it is at; the first is 1.
        attempt: u64,
        /// Where it stands.
        state: TaskState,
        /// Where it stood before the last event about it.
        was: TaskState,
        /// The event that brought it there.
        state_by: Evidence,
        /// Share done, in percent.
        progress: Option<f64>,
        /// What is being done.
        message: Option<String>,
        /// What went wrong, or why it was called off.
        error: Option<String>,
        /// What came of it: the beginning of its JSON.
        result: Option<String>,
        /// How long it took by its own account, in milliseconds.
        duration_ms: Option<f64>,
        /// When it was put up.
        created: Option<Timestamp>,
        /// When it was begun.
        started: Option<Timestamp>,
        /// When it ended.
        ended: Option<Timestamp>,
        /// The runs before the one that `started` began, oldest first.
        runs: VecDeque<Run>,
        /// The newest event about it.
        heard: Evidence,
    }
}

record! {
    /// The tasks.
    #[derive(Default)]
    pub struct Tasks {
        /// By id.
        by_id: Table<Task>,
        /// How many ever completed.
        completed: u64,
        /// How many ever failed.
        failed: u64,
        /// How many ever were cancelled.
        cancelled: u64,
        /// How many have dependencies that are not completed.
        blocked: u64,
        /// How many were forgotten at the bound.
        forgotten: u64,
        /// Who waits for whom.
        waiting: Waiting,
    }
}

/// The ids of those that wait, by the task that they wait for.
///
/// It is what their `open` says, the other way round: on no wire, and of no account where states are
/// compared. Where it is not known it is made from the tasks.
#[derive(Debug, Clone, Default)]
pub struct Waiting(Option<Table<Vec<String>>>);

impl Waiting {
    fn of(&mut self, tasks: &Table<Task>) -> &mut Table<Vec<String>> {
        self.0.get_or_insert_with(|| {
            let mut waiting = Table::default();
            for task in tasks.values() {
                add(&mut waiting, &task.id, &task.open);
            }
            waiting
        })
    }
}

fn add(waiting: &mut Table<Vec<String>>, id: &str, open: &[String]) {
    for open in open {
        waiting.entry(open, Vec::new).push(id.to_owned());
    }
}

impl PartialEq for Waiting {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

unwritten!(Waiting);

impl Task {
    fn new(event: &Event, id: &str) -> Self {
        Self {
            id: id.to_owned(),
            description: id.to_owned(),
            title: None,
            priority: None,
            parent: None,
            depends_on: Vec::new(),
            open: Vec::new(),
            agent: None,
            handed_by: None,
            attempt: 1,
            state: TaskState::Pending,
            was: TaskState::Pending,
            state_by: Evidence::of(event),
            progress: None,
            message: None,
            error: None,
            result: None,
            duration_ms: None,
            created: None,
            started: None,
            ended: None,
            runs: VecDeque::new(),
            heard: Evidence::of(event),
        }
    }

    /// What people call it.
    pub fn label(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.description)
    }

    /// Whether it waits for other tasks.
    pub fn is_blocked(&self) -> bool {
        !self.state.ended() && !self.open.is_empty()
    }

    /// All times in which somebody was at it, oldest first; one that goes on reaches to `now`.
    pub fn runs_until(&self, now: Timestamp) -> impl Iterator<Item = Run> {
        self.runs.iter().cloned().chain(self.current(now))
    }

    /// The newest run. What ended without a beginning was only seen at its end, or says itself how
    /// long it took.
    fn current(&self, now: Timestamp) -> Option<Run> {
        let to = self.ended.unwrap_or(now);
        let took = self.duration_ms.unwrap_or(0.0) as i64;
        let from = self.started.or_else(|| self.ended.map(|ended| Timestamp(ended.0.saturating_sub(took))))?;
        Some(Run { agent: self.agent.clone(), from: from.min(to), to, state: self.state })
    }

    /// What was begun is over: its run is kept, and `state` is what the task goes on in.
    fn put_by(&mut self, event: &Event, state: TaskState) {
        if let Some(from) = self.started.take() {
            let (to, state) = self.ended.map_or((event.when(), state), |ended| (ended, self.state));
            push_newest(&mut self.runs, Run { agent: self.agent.clone(), from: from.min(to), to, state }, MAX_RUNS);
        }
    }

    fn turn(&mut self, event: &Event, state: TaskState) {
        if self.state == state {
            return;
        }
        self.state = state;
        self.state_by = Evidence::of(event);
        self.ended = state.ended().then_some(event.when());
        if !state.ended() {
            self.error = None;
        }
    }

    fn fold(&mut self, event: &Event, body: &TaskEvent) {
        match body {
            TaskEvent::Created(it) => {
                self.description = clip(&it.description, MAX_TEXT);
                self.priority = it.priority;
                self.parent.clone_from(&it.parent);
                self.created = Some(event.when());
                self.depends_on = it.depends_on.iter().take(MAX_DEPENDENCIES).cloned().collect();
                if self.state.ended() {
                    self.put_by(event, TaskState::Pending);
                    (self.progress, self.message, self.result) = (None, None, None);
                    self.turn(event, TaskState::Pending);
                }
            }
            TaskEvent::Assigned(it) => {
                self.put_by(event, TaskState::Assigned);
                self.agent = Some(it.agent.clone());
                self.turn(event, TaskState::Assigned);
            }
            TaskEvent::Started(it) => {
                self.put_by(event, TaskState::Running);
                if it.agent.is_some() {
                    self.agent.clone_from(&it.agent);
                }
                if it.title.is_some() {
                    self.title = it.title.as_deref().map(|title| clip(title, MAX_TEXT));
                }
                self.started = Some(event.when());
                self.turn(event, TaskState::Running);
            }
            TaskEvent::Progress(it) if !self.state.ended() => {
                // Progress only grows: a late report does not take back an earlier one.
                self.progress = Some(self.progress.unwrap_or(0.0).max(it.progress));
                self.message = it.message.as_deref().map(|message| clip(message, MAX_TEXT));
                if self.state != TaskState::Running {
                    self.started = self.started.or(Some(event.when()));
                    self.turn(event, TaskState::Running);
                }
            }
            TaskEvent::Progress(_) => {}
            TaskEvent::Completed(it) => {
                self.duration_ms = it.duration_ms;
                self.result = it.result.as_ref().map(|result| clip(&to_text(result), MAX_RESULT));
                self.turn(event, TaskState::Completed);
            }
            TaskEvent::Failed(it) => {
                self.turn(event, TaskState::Failed);
                self.error = Some(clip(&it.error, MAX_TEXT));
            }
            TaskEvent::Cancelled(it) => {
                self.turn(event, TaskState::Cancelled);
                self.error = it.reason.as_deref().map(|reason| clip(reason, MAX_TEXT));
            }
            TaskEvent::Retried(it) => {
                self.attempt = it.attempt;
                self.put_by(event, TaskState::Pending);
                (self.progress, self.message, self.result, self.duration_ms) = (None, None, None, None);
                self.handed_by = self.agent.take();
                self.turn(event, TaskState::Pending);
            }
            // What a router thinks is no assignment: those who follow it say so in an event of their own.
            TaskEvent::Routed(_) | TaskEvent::RouteVerified(_) | TaskEvent::Rerouted(_) | TaskEvent::RouteOverridden(_) => {}
        }
    }
}

impl Tasks {
    /// Who has a task.
    pub fn owner(&self, id: &str) -> Option<String> {
        self.by_id.get(id)?.agent.clone()
    }

    pub(super) fn fold(&mut self, event: &Event, id: &str, body: &TaskEvent) {
        if !self.by_id.contains_key(id) {
            self.by_id.insert(id, Task::new(event, id));
            let went = prune(&mut self.by_id, MAX_TASKS, |task| (!task.state.ended(), task.heard.seq));
            if went > 0 {
                self.forgotten += went;
                self.blocked = self.by_id.values().filter(|task| !task.open.is_empty()).count() as u64;
                self.waiting = Waiting::default();
            }
        }
        let open = match body {
            TaskEvent::Created(it) => self.open_among(&it.depends_on),
            _ => Vec::new(),
        };
        let Some(task) = self.by_id.get_mut(id) else { return };
        let before = task.agent.clone();
        task.was = task.state;
        task.heard = Evidence::of(event);
        task.fold(event, body);
        if matches!(body, TaskEvent::Created(_)) {
            self.blocked = self.blocked + u64::from(!open.is_empty()) - u64::from(!task.open.is_empty());
            match &mut self.waiting.0 {
                Some(waiting) if task.open.is_empty() => add(waiting, id, &open),
                // What it waited for before was said once more.
                _ => self.waiting = Waiting::default(),
            }
            task.open = open;
        }
        let (state, turned) = (task.state, task.state != task.was);
        if task.agent.is_some() && task.agent != before {
            self.handed(id, before);
        }
        if turned {
            match state {
                TaskState::Completed => {
                    self.completed += 1;
                    self.release(id);
                }
                TaskState::Failed => self.failed += 1,
                TaskState::Cancelled => self.cancelled += 1,
                TaskState::Pending | TaskState::Assigned | TaskState::Running => {}
            }
        }
    }

    /// Those of some tasks that are not completed. One that was never heard of is open.
    fn open_among(&self, ids: &[String]) -> Vec<String> {
        let open = |id: &&String| self.by_id.get(id).is_none_or(|task| task.state != TaskState::Completed);
        ids.iter().take(MAX_DEPENDENCIES).filter(open).cloned().collect()
    }

    /// A task was completed: nobody waits for it any longer. What follows is not taken back where
    /// the same task is begun anew.
    fn release(&mut self, id: &str) {
        if self.blocked == 0 {
            return;
        }
        let waiting = self.waiting.of(&self.by_id).remove(id);
        for waiter in waiting.unwrap_or_default() {
            let Some(task) = self.by_id.get_mut(&waiter) else { continue };
            if let Some(place) = task.open.iter().position(|open| open == id) {
                task.open.remove(place);
                self.blocked -= u64::from(task.open.is_empty());
            }
        }
    }

    /// A task came to another agent: it was handed over by who had it, or by who has the whole.
    fn handed(&mut self, id: &str, before: Option<String>) {
        let Some(task) = self.by_id.get(id) else { return };
        let whole = || self.by_id.get(task.parent.as_deref()?)?.agent.clone();
        let giver = before.or_else(|| task.handed_by.clone()).or_else(whole).filter(|giver| task.agent.as_ref() != Some(giver));
        if let Some(task) = self.by_id.get_mut(id) {
            task.handed_by = giver;
        }
    }

    /// How many are in a state.
    pub fn in_state(&self, state: TaskState) -> u64 {
        self.by_id.values().filter(|task| task.state == state).count() as u64
    }

    /// How many nobody has begun.
    pub fn pending(&self) -> u64 {
        self.in_state(TaskState::Pending) + self.in_state(TaskState::Assigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::task::{TaskCompleted, TaskCreated, TaskRetried};
    use crate::event::{Draft, Entity};
    use proptest::prelude::*;

    fn created(waits: &[u8]) -> TaskCreated {
        TaskCreated {
            description: String::new(),
            priority: None,
            parent: None,
            depends_on: waits.iter().map(u8::to_string).collect(),
            extra: serde_json::Map::new(),
        }
    }

    proptest! {
        /// Who waits for whom is the same whether it is kept up or made anew for each event.
        #[test]
        fn who_waits_is_kept_up(steps in proptest::collection::vec((0..3_u8, 0..6_u8, proptest::collection::vec(0..6_u8, 0..4)), 0..60)) {
            let (mut kept, mut anew) = (Tasks::default(), Tasks::default());
            for (seq, (what, id, waits)) in (1..).zip(steps) {
                let id = Entity::new("task", id.to_string());
                let draft = match what {
                    0 => Draft::new("s", id, created(&waits)),
                    1 => Draft::new("s", id, TaskCompleted { result: None, duration_ms: None, stats: None, extra: serde_json::Map::new() }),
                    _ => Draft::new("s", id, TaskRetried { attempt: 2, reason: None, extra: serde_json::Map::new() }),
                };
                let event = draft.into_event(seq, Timestamp(seq as i64));
                let crate::event::Body::Task(body) = &event.body else { continue };
                anew.waiting = Waiting::default();
                kept.fold(&event, event.entity_id(), body);
                anew.fold(&event, event.entity_id(), body);
                prop_assert_eq!(&kept, &anew);
                let blocked = kept.by_id.values().filter(|task| !task.open.is_empty()).count() as u64;
                prop_assert_eq!(kept.blocked, blocked);
            }
            prop_assert!(!to_text(&kept).contains("waiting"));
        }
    }
}
