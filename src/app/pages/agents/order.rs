//! Which agents are listed, and in which order.

use super::row::measures;
use crate::app::components::narrow::{Direction, Sorted, asked, has};
use crate::app::route::Address;
use crate::event::Timestamp;
use crate::swarm::agents::Agent;
use crate::swarm::bounds::order;
use crate::swarm::{Attention, Evidence, SwarmState, status};

/// What the address asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Wanted {
    /// The slug of a standing; all where it is empty.
    pub(super) standing: String,
    /// What a text about the agent must have in it.
    pub(super) words: String,
    /// By what they are sorted; by urgency where nothing is asked for.
    pub(super) sorted: Option<Sorted>,
}

impl Wanted {
    pub(super) fn asked(address: Address) -> Self {
        let parameter = |name| asked(address, name).unwrap_or_default();
        Self { standing: parameter("status"), words: parameter("q").trim().to_owned(), sorted: Sorted::asked(address) }
    }

    fn fits(&self, agent: &Agent) -> bool {
        let texts = [Some(&agent.id), Some(&agent.name), agent.agent_type.as_ref(), agent.host.as_ref(), agent.task.as_ref()];
        self.words.is_empty() || texts.into_iter().flatten().any(|text| has(text, &self.words))
    }
}

/// The ids of those that fit. By urgency a row does not move while its standing stays.
pub(super) fn listed(state: &SwarmState, now: Timestamp, wanted: &Wanted) -> Vec<String> {
    let mut found: Vec<&Agent> = Vec::new();
    let mut keys: Vec<u64> = Vec::new();
    for agent in state.agents.by_id.values().filter(|agent| wanted.fits(agent)) {
        let standing = status::rests_on(agent, now);
        if wanted.standing.is_empty() || standing.0.slug() == wanted.standing {
            found.push(agent);
            keys.push(wanted.sorted.as_ref().map_or(standing.0 as u64, |sorted| key(sorted, agent, standing)));
        }
    }
    if wanted.sorted.as_ref().is_some_and(|sorted| sorted.key == "name") {
        found.sort_by_cached_key(|agent| agent.name.to_ascii_lowercase());
        if wanted.sorted.as_ref().is_some_and(|sorted| sorted.direction == Direction::Down) {
            found.reverse();
        }
        return found.into_iter().map(|agent| agent.id.clone()).collect();
    }
    order(keys.into_iter()).into_iter().map(|place| found[place].id.clone()).collect()
}

/// The place of an agent by a column. A column that there is not leaves them in order of their ids.
fn key(sorted: &Sorted, agent: &Agent, (attention, evidence): (Attention, &Evidence)) -> u64 {
    let measured = |number: Option<f64>| number.filter(|_| measures(attention));
    let value = match sorted.key.as_str() {
        "standing" => Some(f64::from(attention as u8)),
        "since" => Some(evidence.ts.0 as f64),
        "done" => Some(agent.completed as f64),
        "messages" => Some((agent.sent + agent.received) as f64),
        "cpu" => measured(agent.cpu),
        "memory" => measured(agent.memory),
        "trust" => agent.trust,
        "health" => agent.health.map(|health| f64::from(health as u8)),
        _ => return 0,
    };
    sorted.place(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Scenario;

    fn swarm() -> SwarmState {
        let (begin, mut state) = (Timestamp(1_769_509_293_000), SwarmState::default());
        let mut play = Scenario::new(7, 30, begin);
        for seq in 1..=3_000 {
            state.fold(&play.next_event().into_event(seq, Timestamp(begin.0 + 600_000)));
        }
        state
    }

    fn sorted(key: &str, direction: Direction) -> Wanted {
        Wanted { sorted: Some(Sorted { key: key.to_owned(), direction }), ..Wanted::default() }
    }

    #[test]
    fn every_column_sorts_both_ways_and_keeps_everybody() {
        let state = swarm();
        let now = state.as_of;
        let all = listed(&state, now, &Wanted::default());
        assert_eq!(all.len(), state.agents.by_id.len());
        for key in ["standing", "name", "since", "done", "messages", "cpu", "memory", "trust", "health", "nothing"] {
            for direction in [Direction::Up, Direction::Down] {
                let mut ids = listed(&state, now, &sorted(key, direction));
                ids.sort_unstable();
                assert!(ids.iter().eq(state.agents.by_id.keys()), "{key}");
            }
        }
        // What the lost and the done once measured is not of now.
        for direction in [Direction::Up, Direction::Down] {
            let ids = listed(&state, now, &sorted("cpu", direction));
            let is_known = |id: &String| {
                let agent = &state.agents.by_id[id];
                agent.cpu.is_some() && measures(status::attention(agent, now))
            };
            assert!(ids.iter().any(is_known) && !ids.iter().all(is_known));
            assert!(ids.windows(2).all(|two| is_known(&two[0]) || !is_known(&two[1])));
        }
        let by_messages = listed(&state, now, &sorted("messages", Direction::Down));
        let messages = |id: &String| state.agents.by_id[id].sent + state.agents.by_id[id].received;
        assert!(by_messages.windows(2).all(|two| messages(&two[0]) >= messages(&two[1])));
    }

    #[test]
    fn who_fits_is_listed_and_nobody_else() {
        let state = swarm();
        let first = state.agents.by_id.values().next().unwrap();
        let wanted = Wanted { words: first.name.to_ascii_uppercase(), ..Wanted::default() };
        assert!(listed(&state, state.as_of, &wanted).contains(&first.id));
        let nobody = Wanted { words: "nobody is called so".to_owned(), ..Wanted::default() };
        assert!(listed(&state, state.as_of, &nobody).is_empty());
        let by_standing =
            |slug: &str| listed(&state, state.as_of, &Wanted { standing: slug.to_owned(), ..Wanted::default() }).len();
        let counted = status::agents_by_attention(&state, state.as_of);
        for attention in Attention::ALL {
            assert_eq!(by_standing(attention.slug()), counted[*attention as usize] as usize, "{}", attention.slug());
        }
    }
}
