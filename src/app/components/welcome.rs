//! The empty state: how to send a first event, and what becomes of the attempt.

use leptos::prelude::*;

use leptos::server_fn::ServerFn as _;

use crate::app::api::{SendFirstEvent, StartDemo, last_refusal, send_first_event, start_demo};
use crate::app::reactive::{When, flag, text};
use crate::client::{DemoWhy, Live, browser_now, copy};

/// The demo swarm that the page starts on the server.
const DEMO_AGENTS: u32 = 24;
const DEMO_RATE: u32 = 40;

fn command(address: &str) -> String {
    [
        "curl ",
        address,
        "/api/events -d '{\n  \"type\": \"agent.registered\", \"entity\": \"agent:first\",\n",
        "  \"payload\": {\"name\": \"First agent\", \"agent_type\": \"worker\"}\n}'",
    ]
    .concat()
}

/// What an empty deck shows.
#[component]
pub fn Welcome() -> impl IntoView {
    let live = expect_context::<Live>();
    let address = RwSignal::new(live.address());
    let copied = RwSignal::new(false);
    let refused = RwSignal::new(None::<String>);
    Effect::new(move || {
        if let Ok(origin) = window().location().origin() {
            address.set(origin);
        }
    });
    // An attempt that was refused shows here, with the reason: looked for once a second while empty.
    Effect::new(move || {
        let second = live.now.get();
        if second.0 / 1_000 % 2 == 0 && untrack(|| live.is_live()) {
            leptos::task::spawn_local(async move {
                if let Ok(refusal) = last_refusal().await {
                    let _gone = refused.try_set(Some(refusal).filter(|refusal| !refusal.is_empty()));
                }
            });
        }
    });
    // Without a script the forms do the same and come back here.
    let first = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        leptos::task::spawn_local(async move {
            if let Err(error) = send_first_event().await {
                refused.set(Some(error.to_string()));
            }
        });
    };
    let swarm = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        leptos::task::spawn_local(async move {
            match start_demo(DEMO_AGENTS, DEMO_RATE).await {
                Ok(runs) => live.swarm_demo.set(runs),
                Err(error) => refused.set(Some(error.to_string())),
            }
        });
    };
    view! {
        <section class="welcome" aria-labelledby="welcome-title">
            <h1 id="welcome-title">"Listening."</h1>
            <p class="lead">"No event yet. Send the first from any program; it appears here at once."</p>
            <div class="command">
                <pre tabindex="0">
                    <code>{text(move || command(&address.get()))}</code>
                </pre>
                <button
                    type="button"
                    on:click=move |_| {
                        copy(&command(&address.get_untracked()));
                        copied.set(true);
                    }
                >
                    {text(move || if copied.get() { "Copied" } else { "Copy" })}
                </button>
            </div>
            <When when=flag(move || refused.get().is_some())>
                <p class="refused" role="status">
                    "An event was refused: "
                    <code>{text(move || refused.get().unwrap_or_default())}</code>
                </p>
            </When>
            <div class="choices">
                <form method="post" action=SendFirstEvent::url()>
                    <button type="submit" on:click=first>
                        "Send one from here"
                    </button>
                </form>
                <form method="post" action=StartDemo::url()>
                    <input type="hidden" name="agents" value=DEMO_AGENTS.to_string() />
                    <input type="hidden" name="rate" value=DEMO_RATE.to_string() />
                    <button class="quiet" type="submit" on:click=swarm>
                        "Start a demo swarm on the server"
                    </button>
                </form>
                <When when=flag(move || live.awake.get())>
                    <button class="quiet" type="button" on:click=move |_| live.begin_demo(DemoWhy::Asked, 1, browser_now())>
                        "Play the demo in this page only"
                    </button>
                </When>
            </div>
        </section>
    }
}
