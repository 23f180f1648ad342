//! Who was at which task when, and when a person was waited for: lanes by agent.

use super::derived::Derived;
use super::hostile::visible_line;
use super::lanes::{self, Axis, Mark};
use super::number::count;
use crate::app::html::{Element, Text, text};
use crate::app::route::encode;
use crate::event::Timestamp;
use crate::swarm::SwarmState;
use crate::swarm::bounds::order;
use crate::swarm::table::Table;
use crate::swarm::tasks::{Run, Task, TaskState};

/// How many runs of a lane have a mark each; the earlier ones have one together.
const MARKS: usize = 300;
/// How many marks of a lane are told in words: the newest.
const TOLD: usize = 20;

/// The lanes over a stretch of time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// The axis that all lanes share.
    pub axis: Axis,
    /// The lanes by agent.
    pub lanes: Table<Vec<Mark>>,
}

/// A stretch of time, and whose lanes are wanted.
#[expect(missing_debug_implementations, reason = "what is asked of a state has no text")]
pub struct Frame<'a> {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub now: Timestamp,
    /// Whether an agent's lane is wanted.
    pub agent: &'a dyn Fn(&str) -> bool,
    /// Whether a task's runs are wanted.
    pub task: &'a dyn Fn(&Task) -> bool,
}

impl Timeline {
    /// What the state tells of a stretch of time. An agent without a mark has no lane.
    pub fn of(state: &SwarmState, frame: &Frame<'_>) -> Self {
        let mut found: Table<Vec<(Run, &Task)>> = Table::default();
        let mut busy = Vec::new();
        let seen = |from: Timestamp, to: Timestamp| to >= frame.from && from <= frame.now;
        for task in state.tasks.by_id.values().filter(|task| (frame.task)(task)) {
            for run in task.runs_until(frame.now).filter(|run| seen(run.from, run.to)) {
                let Some(agent) = run.agent.clone().filter(|agent| (frame.agent)(agent)) else { continue };
                busy.push((run.from, run.to));
                found.entry(&agent, Vec::new).push((run, task));
            }
        }
        let mut lanes: Table<Vec<Mark>> = Table::default();
        for (agent, runs) in found.iter() {
            lanes.insert(agent, marks(agent, runs));
        }
        for agent in state.agents.by_id.values().filter(|agent| (frame.agent)(&agent.id)) {
            for wait in &agent.waits {
                let to = wait.to.unwrap_or(frame.now);
                // Beside the tasks that are wanted: a lane is of tasks.
                if let Some(lane) = lanes.get_mut(&agent.id).filter(|_| seen(wait.from, to)) {
                    busy.push((wait.from, to));
                    lane.push(waited(wait.from, to, wait.to.is_none()));
                }
            }
        }
        // A twentieth of the whole, and a minute at least, is a gap.
        let fold = (frame.now.since(frame.from) / 20).max(60_000);
        Self { axis: Axis::new(frame.from, frame.now, &busy, fold), lanes }
    }
}

/// The places of times, newest first.
fn newest(times: impl Iterator<Item = Timestamp>) -> Vec<usize> {
    order(times.map(|at| u64::MAX - at.0.max(0).cast_unsigned()))
}

/// The runs of an agent as marks, newest first; those beyond the bound as one.
fn marks(agent: &str, runs: &[(Run, &Task)]) -> Vec<Mark> {
    let places = newest(runs.iter().map(|(run, _)| run.to));
    let (own, earlier) = places.split_at(places.len().min(MARKS));
    let mut marks: Vec<Mark> = own.iter().map(|place| ran(runs[*place].1, &runs[*place].0)).collect();
    let earlier: Vec<&Run> = earlier.iter().map(|place| &runs[*place].0).collect();
    if let Some(from) = earlier.iter().map(|run| run.from).min() {
        let many = earlier.len() as u64;
        marks.push(Mark {
            from,
            to: earlier[0].to,
            class: "more".to_owned(),
            said: [&count(many), " earlier runs together, from"].concat(),
            href: ["/tasks?view=list&agent=", &encode(agent)].concat(),
            many,
        });
    }
    marks
}

fn ran(task: &Task, run: &Run) -> Mark {
    let how = match run.state {
        TaskState::Assigned | TaskState::Pending => "handed on",
        state => state.as_str(),
    };
    Mark {
        from: run.from,
        to: run.to,
        class: ["t-", run.state.as_str()].concat(),
        said: [&visible_line(task.label()), ", ", how, ", from"].concat(),
        href: ["/tasks?view=list&q=", &encode(&task.id)].concat(),
        many: 1,
    }
}

fn waited(from: Timestamp, to: Timestamp, open: bool) -> Mark {
    let said = if open { "waits for a person since" } else { "waited for a person from" };
    Mark { from, to, class: "blocked".to_owned(), said: said.to_owned(), href: "/approvals".to_owned(), many: 1 }
}

/// The axis as a drawing.
pub fn scale(timeline: Derived<Timeline>) -> Element {
    let drawing = text(move || timeline.with(|timeline| lanes::scale(&timeline.axis)));
    Element::new("svg").class("lane scale").hidden_from_readers().drawing(drawing)
}

/// An agent's lane as a drawing; its words stand beside it.
pub fn lane(timeline: Derived<Timeline>, agent: String) -> Element {
    let drawing = text(move || {
        timeline.with(|timeline| timeline.lanes.get(&agent).map(|marks| lanes::lane(&timeline.axis, marks)).unwrap_or_default())
    });
    Element::new("svg").class("lane").hidden_from_readers().drawing(drawing)
}

/// What an agent's lane shows, in words.
pub fn told(timeline: Derived<Timeline>, agent: String) -> Text {
    text(move || {
        timeline.with(|timeline| {
            let marks = timeline.lanes.get(&agent).map(Vec::as_slice).unwrap_or_default();
            in_words(marks)
        })
    })
}

/// The newest marks in words, and how many more there are.
fn in_words(marks: &[Mark]) -> String {
    let places = newest(marks.iter().map(|mark| mark.to));
    let (told, rest) = places.split_at(places.len().min(TOLD));
    let mut words: Vec<String> = told.iter().map(|place| marks[*place].title()).collect();
    let more: u64 = rest.iter().map(|place| marks[*place].many).sum();
    if more > 0 {
        words.push(["and ", &count(more), " more"].concat());
    }
    words.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Scenario;

    #[test]
    fn every_run_of_the_stretch_has_a_mark_and_wanted_lanes_only() {
        let (begin, mut state) = (Timestamp(1_769_509_293_000), SwarmState::default());
        let mut play = Scenario::new(7, 30, begin);
        for seq in 1..=3_000 {
            state.fold(&play.next_event().into_event(seq, Timestamp(begin.0 + 600_000)));
        }
        let now = state.as_of;
        let frame = |agent: &'static dyn Fn(&str) -> bool| Frame { from: begin, now, agent, task: &|_| true };
        let all = Timeline::of(&state, &frame(&|_| true));
        let runs = state.tasks.by_id.values().flat_map(|task| task.runs_until(now)).filter(|run| run.agent.is_some()).count();
        let marks =
            |timeline: &Timeline| -> usize { timeline.lanes.values().flatten().filter(|mark| mark.class != "blocked").count() };
        assert!(runs > 10);
        assert_eq!(marks(&all), runs);
        assert!(all.lanes.values().all(|marks| !marks.is_empty()));
        assert!(Timeline::of(&state, &frame(&|_| false)).lanes.is_empty());
    }

    #[test]
    fn a_lane_of_many_runs_sums_up_the_earlier_ones() {
        let (begin, mut state) = (Timestamp(1_769_509_293_000), SwarmState::default());
        let mut play = Scenario::new(7, 30, begin);
        for seq in 1..=3_000 {
            state.fold(&play.next_event().into_event(seq, Timestamp(begin.0 + 600_000)));
        }
        let mut task = state.tasks.by_id.values().next().unwrap().clone();
        task.title = Some("a\u{202e}b".to_owned());
        let task = &task;
        let at = |second: usize| Timestamp(begin.0 + second as i64 * 1_000);
        let run = |n: usize| Run { agent: None, from: at(n), to: at(n + 1), state: TaskState::Completed };
        let runs: Vec<(Run, &Task)> = (0..MARKS + 45).map(|n| (run(n), task)).collect();
        let few = marks("a", &runs[..MARKS]);
        assert!(few.len() == MARKS && few.iter().all(|mark| mark.many == 1));
        let many = marks("a", &runs);
        let last = many.last().unwrap();
        assert_eq!((many.len(), last.many, last.from, last.to), (MARKS + 1, 45, at(0), at(45)));
        assert_eq!(many[0].to, at(MARKS + 45), "the newest first");
        let words = in_words(&many);
        assert_eq!(words.split("; ").count(), TOLD + 1);
        assert!(words.starts_with("a⟨U+202E⟩b, completed") && words.ends_with("; and 325 more"), "{words}");
    }
}
