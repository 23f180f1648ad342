//! Who is on stage: agents, their jobs and their talks.

use super::random::Random;
use crate::event::agent::AgentStatus;

/// An agent of the play.
#[derive(Debug, Clone)]
pub(super) struct Player {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) parent: Option<String>,
    pub(super) status: AgentStatus,
    pub(super) trust: f64,
    pub(super) away: bool,
}

/// A task of the play.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) what: &'static str,
    pub(super) agent: Option<usize>,
    pub(super) started: bool,
    pub(super) progress: f64,
    pub(super) attempt: u64,
}

/// A session of the play.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    pub(super) id: String,
    pub(super) turn: u64,
    pub(super) words: &'static str,
    pub(super) said: usize,
    pub(super) asks: Option<String>,
    pub(super) patience: u64,
}

const ROLES: &[(&str, &str)] = &[
    ("planner", "Plan"),
    ("researcher", "Scout"),
    ("coder", "Forge"),
    ("reviewer", "Lens"),
    ("tester", "Probe"),
    ("writer", "Quill"),
];
const NAMES: &[&str] = &[
    "Ada", "Bell", "Cora", "Dune", "Echo", "Finn", "Gale", "Hugo", "Iris", "Juno", "Kite", "Lumen", "Moss", "Nova", "Onyx",
    "Pike",
];

pub(super) const CHORES: &[&str] = &[
    "Index the design documents",
    "Draft the migration plan",
    "Review the retry policy",
    "Profile the ingest path",
    "Write tests for the cursor",
    "Summarise yesterday's incidents",
    "Compare three vector stores",
    "Translate the error messages",
    "Find the flaky test",
    "Tidy the configuration loader",
];
pub(super) const STAGES: &[&str] = &["reading", "gathering context", "drafting", "checking", "polishing"];
pub(super) const LINES: &[&str] = &[
    "I will look at the failing test first, then at the code it covers. The assertion expects the old ordering. ",
    "The index is stale for two files; rebuilding only those is enough. Done, the counts agree now. ",
    "Three of the four endpoints retry on time-out. The fourth gives up at once, which explains the gap. ",
];
pub(super) const COMMANDS: &[&str] =
    &["cargo test --workspace", "rm -r build/cache", "git push origin main", "npm run build", "python3 migrate.py --apply"];
pub(super) const NAMESPACES: &[&str] = &["findings", "plans", "decisions", "sources"];
pub(super) const MINTS: &[&str] = &["So1arFare111", "BeeTokenAbc22", "MapleXyz333"];

/// The company: one coordinator, leads under it, and the rest under the leads.
pub(super) fn company(random: &mut Random, count: usize) -> Vec<Player> {
    let leads = (count / 8).clamp(1, 12);
    (0..count)
        .map(|index| {
            let (role, title) = if index == 0 { ("coordinator", "Helm") } else { *random.pick(ROLES) };
            let parent = match index {
                0 => None,
                lead if lead <= leads => Some(id(0)),
                other => Some(id(1 + (other - 1) % leads)),
            };
            let name = if index == 0 { title.to_owned() } else { format!("{} {title}", NAMES[index % NAMES.len()]) };
            Player { id: id(index), name, role, parent, status: AgentStatus::Spawning, trust: 0.5, away: false }
        })
        .collect()
}

fn id(index: usize) -> String {
    format!("demo-{index:02}")
}
