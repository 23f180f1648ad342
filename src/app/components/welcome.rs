//! The empty state: how to send a first event, and what becomes of the attempt.

use leptos::prelude::*;

use crate::app::api::{SendFirstEvent, StartDemo, last_refusal};
use crate::client::{DemoWhy, Live, browser_now, copy};

/// The address that a page served by default has; the browser puts its own in its place.
const DEFAULT_ADDRESS: &str = "http://127.0.0.1:3000";

fn command(address: &str) -> String {
    format!(
        "curl {address}/api/events \\\n  -d '{{\"type\":\"agent.registered\",\"entity\":\"agent:first\",\"payload\":{{\"name\":\"First agent\",\"agent_type\":\"worker\"}}}}'"
    )
}

/// What an empty deck shows.
#[component]
pub fn Welcome() -> impl IntoView {
    let live = expect_context::<Live>();
    let address = RwSignal::new(DEFAULT_ADDRESS.to_owned());
    let copied = RwSignal::new(false);
    let first = ServerAction::<SendFirstEvent>::new();
    let demo = ServerAction::<StartDemo>::new();
    let refused = RwSignal::new(None::<String>);
    Effect::new(move || {
        if let Ok(origin) = window().location().origin() {
            address.set(origin);
        }
    });
    Effect::new(move || {
        if matches!(demo.value().get(), Some(Ok(()))) {
            live.swarm_demo.set(true);
        }
    });
    // An attempt that was refused shows here, with the reason: looked for once a second while empty.
    Effect::new(move || {
        let second = live.now.get();
        if second.0 / 1_000 % 2 == 0 && matches!(live.phase.get_untracked(), crate::client::link::Phase::Live { .. }) {
            leptos::task::spawn_local(async move {
                if let Ok(refusal) = last_refusal().await {
                    let _gone = refused.try_set(refusal);
                }
            });
        }
    });
    view! {
        <section class="welcome" aria-labelledby="welcome-title">
            <h1 id="welcome-title">"Listening."</h1>
            <p class="lead">"No event yet. Send the first from any program; it appears here at once."</p>
            <div class="command">
                <pre tabindex="0">
                    <code>{move || command(&address.get())}</code>
                </pre>
                <button
                    type="button"
                    on:click=move |_| {
                        copy(&command(&address.get_untracked()));
                        copied.set(true);
                    }
                >
                    {move || if copied.get() { "Copied" } else { "Copy" }}
                </button>
            </div>
            <Show when=move || refused.get().is_some()>
                <p class="refused" role="status">
                    "An event was refused: "
                    <code>{move || refused.get().unwrap_or_default()}</code>
                </p>
            </Show>
            <div class="choices">
                <ActionForm action=first>
                    <button type="submit">"Send one from here"</button>
                </ActionForm>
                <ActionForm action=demo>
                    <input type="hidden" name="agents" value="24" />
                    <input type="hidden" name="rate" value="40" />
                    <button class="quiet" type="submit">
                        "Start a demo swarm on the server"
                    </button>
                </ActionForm>
                <Show when=move || live.awake.get()>
                    <button class="quiet" type="button" on:click=move |_| live.begin_demo(DemoWhy::Asked, 1, browser_now())>
                        "Play the demo in this page only"
                    </button>
                </Show>
            </div>
        </section>
    }
}
