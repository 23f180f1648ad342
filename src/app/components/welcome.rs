//! The empty state: how to send a first event, and what becomes of the attempt.

use leptos::prelude::*;
use leptos::server_fn::ServerFn as _;
use web_sys::Event;

use crate::app::api::{SendFirstEvent, StartDemo, last_refusal, send_first_event, start_demo};
use crate::app::html::{Element, button, code, div, effect, flag, form, h1, input, p, pre, section, submit, text, when};
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
pub fn welcome() -> Element {
    let live = expect_context::<Live>();
    let address = RwSignal::new(live.address());
    // The reason of the last refusal; empty where nothing was refused.
    let refused = RwSignal::new(String::new());
    effect(move || {
        if let Ok(origin) = window().location().origin() {
            address.set(origin);
        }
    });
    // An attempt that was refused shows here, with the reason: looked for once a second while empty.
    effect(move || {
        let second = live.now.get();
        if second.0 / 1_000 % 2 == 0 && untrack(|| live.is_live()) {
            leptos::task::spawn_local(async move {
                if let Ok(refusal) = last_refusal().await {
                    let _gone = refused.try_set(refusal);
                }
            });
        }
    });
    section()
        .class("welcome")
        .attr("aria-labelledby", "welcome-title")
        .child(h1().id("welcome-title").child("Listening."))
        .child(p().class("lead").child("No event yet. Send the first from any program; it appears here at once."))
        .child(example(address))
        .child(when(flag(move || refused.with(|reason| !reason.is_empty())), move || {
            p().class("refused")
                .attr("role", "status")
                .child("An event was refused: ")
                .child(code().child(text(move || refused.get())))
        }))
        .child(choices(live, refused))
}

/// The command that sends a first event, to be copied.
fn example(address: RwSignal<String>) -> Element {
    let copied = RwSignal::new(false);
    let take = move |_| {
        copy(&command(&address.get_untracked()));
        copied.set(true);
    };
    div()
        .class("command")
        .child(pre().attr("tabindex", "0").child(code().child(text(move || command(&address.get())))))
        .child(button().on("click", take).child(text(move || if copied.get() { "Copied" } else { "Copy" })))
}

/// Other ways to begin. Without a script the forms do the same and come back here.
fn choices(live: Live, refused: RwSignal<String>) -> Element {
    let first = move |event: Event| {
        event.prevent_default();
        leptos::task::spawn_local(async move {
            if let Err(error) = send_first_event().await {
                let _gone = refused.try_set(error.to_string());
            }
        });
    };
    let swarm = move |event: Event| {
        event.prevent_default();
        leptos::task::spawn_local(async move {
            match start_demo(DEMO_AGENTS, DEMO_RATE).await {
                Ok(runs) => live.swarm_demo.set(runs),
                Err(error) => {
                    let _gone = refused.try_set(error.to_string());
                }
            }
        });
    };
    let post = |action: &'static str| form().attr("method", "post").attr("action", action);
    let field =
        |name: &'static str, value: u32| input().attr("type", "hidden").attr("name", name).attr("value", value.to_string());
    let play = move || {
        let play = move |_| live.begin_demo(DemoWhy::Asked, 1, browser_now());
        button().class("quiet").on("click", play).child("Play the demo in this page only")
    };
    div()
        .class("choices")
        .child(post(SendFirstEvent::url()).child(submit().on("click", first).child("Send one from here")))
        .child(
            post(StartDemo::url())
                .child(field("agents", DEMO_AGENTS))
                .child(field("rate", DEMO_RATE))
                .child(submit().class("quiet").on("click", swarm).child("Start a demo swarm on the server")),
        )
        .child(when(flag(move || live.awake.get()), play))
}
