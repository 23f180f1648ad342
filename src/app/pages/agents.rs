//! All agents, by standing.

use leptos::prelude::*;

use crate::app::components::age::ago;
use crate::app::components::badge::badge;
use crate::app::components::number::{UNKNOWN, bytes, count, rate, share};
use crate::app::reactive::{Item, When, current, flag, rows, text};
use crate::app::route::{Address, encode};
use crate::client::Live;
use crate::event::Timestamp;
use crate::swarm::agents::Agent;
use crate::swarm::bounds::order;
use crate::swarm::{Attention, Standing, SwarmState, Touched, status};

/// How many rows are shown; the rest are counted.
const SHOWN: usize = 300;

/// Ids by urgency, then in order: a row does not move while its standing stays.
fn listed(state: &SwarmState, now: Timestamp, wanted: Option<Attention>) -> Vec<String> {
    let rows: Vec<(&Agent, Attention)> = state
        .agents
        .by_id
        .values()
        .map(|agent| (agent, status::agent(agent, now).attention))
        .filter(|(_, attention)| wanted.is_none_or(|wanted| *attention == wanted))
        .collect();
    let places = order(rows.iter().map(|(_, attention)| *attention as u64));
    places.into_iter().take(SHOWN).map(|place| rows[place].0.id.clone()).collect()
}

/// The page of all agents.
#[component]
pub fn AgentsPage() -> impl IntoView {
    let live = expect_context::<Live>();
    let address = expect_context::<Address>();
    let wanted = Memo::new(move |_| {
        let word = address.parameter("status")?;
        Attention::ALL.iter().copied().find(|attention| attention.slug() == word)
    });
    let counts = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS, |state| status::agents_by_attention(state, now))
    });
    let all = move || counts.get().iter().sum::<u64>();
    let ids = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS, |state| listed(state, now, wanted.get()))
    });
    let matching = move || wanted.get().map_or_else(all, |attention| counts.get()[attention as usize]);
    let some = move || matching() > 0;
    let cut = move || matching() > SHOWN as u64;
    let chips = Attention::ALL.iter().map(|attention| {
        let attention = *attention;
        view! {
            <li>
                <a href=["/agents?status=", attention.slug()].concat() aria-current=current(move || wanted.get() == Some(attention))>
                    <span class=["glyph ", attention.slug()].concat() aria-hidden="true">
                        {attention.glyph()}
                    </span>
                    {attention.as_str()}
                    <b>{text(move || count(counts.get()[attention as usize]))}</b>
                </a>
            </li>
        }
    });
    view! {
        <div class="page-head">
            <h1>"Agents"</h1>
            <ul class="chips" aria-label="By standing">
                <li>
                    <a href="/agents" aria-current=current(move || wanted.get().is_none())>
                        "all"
                        <b>{text(move || count(all()))}</b>
                    </a>
                </li>
                {chips.collect_view()}
            </ul>
        </div>
        <When when=flag(some) otherwise=move || view! { <Nobody all=all() /> }>
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
                        {rows(move || ids.get().into_iter().map(|id| Item::new(id.clone(), id, agent_row)).collect())}
                    </tbody>
                </table>
            </div>
            <When when=flag(cut)>
                <p class="muted">"The first " {SHOWN} " of " {text(move || count(matching()))} "; narrow by standing to see others."</p>
            </When>
        </When>
    }
}

#[component]
fn Nobody(all: u64) -> impl IntoView {
    view! {
        <section class="nothing">
            {if all == 0 {
                view! { <p>"No agent has been heard of. " <a href="/">"How to send a first event"</a></p> }.into_any()
            } else {
                view! { <p>"No agent stands so now; " {count(all)} " stand otherwise. " <a href="/agents">"Show all"</a></p> }.into_any()
            }}
        </section>
    }
}

fn agent_row(id: String) -> AnyView {
    let live = expect_context::<Live>();
    let href = ["/agents/", &encode(&id)].concat();
    let key = id;
    let agent = Memo::new(move |_| live.read(Touched::AGENTS, |state| state.agents.by_id.get(&key).cloned()));
    let standing = Memo::new(move |_| {
        let now = live.now.get();
        agent.with(|agent| agent.as_ref().map(|agent| status::agent(agent, now)))
    });
    let of = move |read: fn(&Agent) -> String| text(move || agent.with(|agent| agent.as_ref().map(read).unwrap_or_default()));
    let stands = move |read: fn(&Standing) -> String| text(move || standing.with(|it| it.as_ref().map(read).unwrap_or_default()));
    view! {
        <tr>
            <td>
                {badge(move || standing.with(|it| it.as_ref().map_or(Attention::Idle, |it| it.attention)))}
            </td>
            <th scope="row">
                <a href=href>{of(|agent| agent.name.clone())}</a>
                <span class="muted">{of(|agent| agent.agent_type.clone().unwrap_or_else(|| UNKNOWN.to_owned()))}</span>
            </th>
            <td class="why">{stands(|standing| standing.why.clone())}</td>
            <td>
                {ago(move || standing.with(|it| it.as_ref().map_or(Timestamp(0), |it| it.evidence.ts)))}
            </td>
            <td class="number">{of(|agent| [&count(agent.completed), " / ", &count(agent.completed + agent.failed)].concat())}</td>
            <td class="number">{of(|agent| count(agent.sent + agent.received))}</td>
            <td class="number">{of(|agent| agent.cpu.map_or_else(|| UNKNOWN.to_owned(), |cpu| [&rate(cpu), " %"].concat()))}</td>
            <td class="number">{of(|agent| agent.memory.map_or_else(|| UNKNOWN.to_owned(), bytes))}</td>
            <td class="number">{of(|agent| agent.trust.map_or_else(|| UNKNOWN.to_owned(), share))}</td>
        </tr>
    }
    .into_any()
}
