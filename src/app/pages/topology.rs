//! The swarm as a graph, with the same nodes as a list.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::components::A;

use super::agents::encode;
use crate::app::components::badge::Badge;
use crate::app::components::graph::GraphView;
use crate::app::components::number::{UNKNOWN, count};
use crate::client::Live;
use crate::swarm::{Touched, graph};

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
        <Title text="Topology" />
        <div class="page-head">
            <h1>"Topology"</h1>
            <p class="muted">{kind} " · " {nodes} " nodes · " {edges} " edges"</p>
        </div>
        <Show
            when=move || any.get()
            fallback=|| {
                view! {
                    <section class="nothing">
                        <p>"Nobody is connected yet. " <A href="/">"How to send a first event"</A></p>
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
                        <For
                            each=move || drawn.with(|drawn| drawn.places.clone())
                            key=|place| (place.id.clone(), place.attention)
                            let:place
                        >
                            <li>
                                {place.attention.map(|attention| view! { <Badge attention=attention /> })}
                                <span class="grow">
                                    <A href=["/agents/", &encode(&place.id)].concat()>{place.name}</A>
                                </span>
                                <span class="muted">{place.kind}</span>
                            </li>
                        </For>
                    </ul>
                    <Show when=cut>
                        <p class="muted">{move || drawn.with(|drawn| drawn.left_out)} " more are not drawn"</p>
                    </Show>
                </section>
            </div>
        </Show>
    }
}
