//! All agents, by standing.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;

use crate::app::components::age::Age;
use crate::app::components::badge::Badge;
use crate::app::components::number::{UNKNOWN, bytes, count, rate};
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::agents::Agent;
use crate::swarm::{Attention, Standing, SwarmState, Touched, status};

/// How many rows are shown; the rest are counted.
const SHOWN: usize = 300;

/// A segment of an address.
pub fn encode(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn listed(state: &SwarmState, now: Timestamp, wanted: Option<Attention>) -> Vec<(Attention, u64, String)> {
    let standing = |agent: &Agent| status::agent(agent, now);
    let mut rows: Vec<(Attention, u64, String)> = state
        .agents
        .by_id
        .values()
        .map(|agent| (standing(agent), agent))
        .filter(|(standing, _)| wanted.is_none_or(|wanted| standing.attention == wanted))
        .map(|(standing, agent)| (standing.attention, agent.status_by.seq, agent.id.clone()))
        .collect();
    // By urgency, then by name: a row does not move while its standing stays.
    rows.sort_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2)));
    rows
}

/// The page of all agents.
#[component]
pub fn AgentsPage() -> impl IntoView {
    let live = expect_context::<Live>();
    let query = use_query_map();
    let wanted = Memo::new(move |_| {
        let word = query.read().get("status")?;
        Attention::ALL.iter().copied().find(|attention| attention.slug() == word)
    });
    let counts = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS, |state| status::agents_by_attention(state, now))
    });
    let all = move || counts.get().iter().sum::<u64>();
    let ids = Memo::new(move |_| {
        let now = live.now.get();
        let listed = live.read(Touched::AGENTS, |state| listed(state, now, wanted.get()));
        listed.into_iter().take(SHOWN).map(|(_, _, id)| id).collect::<Vec<_>>()
    });
    let matching = move || wanted.get().map_or_else(all, |attention| counts.get()[attention as usize]);
    let some = move || matching() > 0;
    let cut = move || matching() > SHOWN as u64;
    let chips = Attention::ALL.iter().map(|attention| {
        let attention = *attention;
        view! {
            <li>
                <A href=["/agents?status=", attention.slug()].concat() attr:aria-current=move || (wanted.get() == Some(attention)).then_some("true")>
                    <span class=["glyph ", attention.slug()].concat() aria-hidden="true">
                        {attention.glyph()}
                    </span>
                    {attention.as_str()}
                    <b>{move || count(counts.get()[attention as usize])}</b>
                </A>
            </li>
        }
    });
    view! {
        <Title text="Agents" />
        <div class="page-head">
            <h1>"Agents"</h1>
            <ul class="chips" aria-label="By standing">
                <li>
                    <A href="/agents" attr:aria-current=move || wanted.get().is_none().then_some("true")>
                        "all"
                        <b>{move || count(all())}</b>
                    </A>
                </li>
                {chips.collect_view()}
            </ul>
        </div>
        <Show when=some fallback=move || view! { <Nobody all=all() /> }>
            <div class="card scroll" tabindex="0" role="region" aria-label="Agents">
                <table class="agents">
                    <thead>
                        <tr>
                            <th scope="col">"Standing"</th>
                            <th scope="col">"Agent"</th>
                            <th scope="col">"Why"</th>
                            <th scope="col">"Since"</th>
                            <th scope="col">"Tasks"</th>
                            <th scope="col">"Messages"</th>
                            <th scope="col">"CPU"</th>
                            <th scope="col">"Memory"</th>
                            <th scope="col">"Trust"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || ids.get() key=String::clone let:id>
                            <AgentRow id=id />
                        </For>
                    </tbody>
                </table>
            </div>
            <Show when=cut>
                <p class="muted">"The first " {SHOWN} " of " {move || count(matching())} "; narrow by standing to see others."</p>
            </Show>
        </Show>
    }
}

#[component]
fn Nobody(all: u64) -> impl IntoView {
    view! {
        <section class="nothing">
            {if all == 0 {
                view! { <p>"No agent has been heard of. " <A href="/">"How to send a first event"</A></p> }.into_any()
            } else {
                view! { <p>"No agent stands so now; " {count(all)} " stand otherwise. " <A href="/agents">"Show all"</A></p> }.into_any()
            }}
        </section>
    }
}

#[component]
fn AgentRow(id: String) -> impl IntoView {
    let live = expect_context::<Live>();
    let href = ["/agents/", &encode(&id)].concat();
    let key = id.clone();
    let agent = Memo::new(move |_| live.read(Touched::AGENTS, |state| state.agents.by_id.get(&key).cloned()));
    let standing = Memo::new(move |_| {
        let now = live.now.get();
        agent.with(|agent| agent.as_ref().map(|agent| status::agent(agent, now)))
    });
    let of = move |read: fn(&Agent) -> String| move || agent.with(|agent| agent.as_ref().map(read).unwrap_or_default());
    let stands = move |read: fn(&Standing) -> String| move || standing.with(|it| it.as_ref().map(read).unwrap_or_default());
    view! {
        <tr>
            <td>
                <Badge attention=Signal::derive(move || standing.with(|it| it.as_ref().map_or(Attention::Idle, |it| it.attention))) />
            </td>
            <th scope="row">
                <A href=href>{of(|agent| agent.name.clone())}</A>
                <span class="muted">{of(|agent| agent.agent_type.clone().unwrap_or_else(|| UNKNOWN.to_owned()))}</span>
            </th>
            <td class="why">{stands(|standing| standing.why.clone())}</td>
            <td>
                <Age at=Signal::derive(move || standing.with(|it| it.as_ref().map_or(Timestamp(0), |it| it.evidence.ts))) />
            </td>
            <td class="number">{of(|agent| [&count(agent.completed), " / ", &count(agent.completed + agent.failed)].concat())}</td>
            <td class="number">{of(|agent| count(agent.sent + agent.received))}</td>
            <td class="number">{of(|agent| agent.cpu.map_or_else(|| UNKNOWN.to_owned(), |cpu| [&rate(cpu), " %"].concat()))}</td>
            <td class="number">{of(|agent| agent.memory.map_or_else(|| UNKNOWN.to_owned(), bytes))}</td>
            <td class="number">{of(|agent| agent.trust.map_or_else(|| UNKNOWN.to_owned(), |trust| format!("{trust:.2}")))}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_of_any_kind_make_addresses() {
        assert_eq!(super::encode("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }
}
