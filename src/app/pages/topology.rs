//! The swarm as a graph, with the same nodes as a list.

use leptos::prelude::*;

use crate::app::components::badge::badge;
use crate::app::components::graph::GraphView;
use crate::app::components::number::{UNKNOWN, count};
use crate::app::reactive::{Item, When, flag, rows, text};
use crate::app::route::encode;
use crate::client::Live;
use crate::swarm::graph::Place;
use crate::swarm::{Attention, Touched, graph};

fn listed(place: &Place) -> Item {
    let key = [place.id.as_str(), place.attention.map_or("", Attention::as_str)].join(" ");
    Item::new(key, place.clone(), |place| {
        view! {
            <li>
                {place.attention.map(|attention| view! { {badge(move || attention)} })}
                <span class="grow">
                    <a href=["/agents/", &encode(&place.id)].concat()>{place.name}</a>
                </span>
                <span class="muted">{place.kind}</span>
            </li>
        }
        .into_any()
    })
}

/// The page of the topology.
#[component]
pub fn TopologyPage() -> impl IntoView {
    let live = expect_context::<Live>();
    let drawn = Memo::new(move |_| {
        let now = live.now.get();
        live.read(Touched::AGENTS.and(Touched::TOPOLOGY).and(Touched::MESSAGES), |state| graph::graph(state, now))
    });
    let kind = move || drawn.with(|drawn| drawn.kind.map_or(UNKNOWN, |kind| kind.as_str()));
    let nodes = move || count(drawn.with(|drawn| (drawn.places.len() + drawn.left_out) as u64));
    let edges = move || count(drawn.with(|drawn| drawn.links.len() as u64));
    let cut = move || drawn.with(|drawn| drawn.left_out > 0);
    let any = Memo::new(move |_| drawn.with(|drawn| !drawn.places.is_empty()));
    view! {
        <div class="page-head">
            <h1>"Topology"</h1>
            <p class="muted">{text(kind)} " · " {text(nodes)} " nodes · " {text(edges)} " edges"</p>
        </div>
        <When
            when=flag(move || any.get())
            otherwise=|| {
                view! {
                    <section class="nothing">
                        <p>"Nobody is connected yet. " <a href="/">"How to send a first event"</a></p>
                    </section>
                }
            }
        >
            <div class="grid topology">
                <section class="card canvas" tabindex="0" role="region" aria-label="Graph">
                    <GraphView graph=drawn />
                    <ul class="legend" aria-label="Legend">
                        <li class="l-parent">"started by"</li>
                        <li class="l-reported">"reported"</li>
                        <li class="l-messages">"messages only"</li>
                        <li class="l-ailing">"poor health"</li>
                    </ul>
                </section>
                <section class="card" aria-labelledby="nodes-title">
                    <h2 id="nodes-title">"Nodes"</h2>
                    <ul class="lines nodes" tabindex="0" aria-labelledby="nodes-title">
                        {rows(move || drawn.with(|drawn| drawn.places.iter().map(listed).collect()))}
                    </ul>
                    <When when=flag(cut)>
                        <p class="muted">{text(move || drawn.with(|drawn| drawn.left_out.to_string()))} " more are not drawn"</p>
                    </When>
                </section>
            </div>
        </When>
    }
}
