//! Swarmdeck: a live operations deck for swarms of AI agents.
//!
//! One gapless ordered log of events, and one pure reducer that folds it into the state of the
//! swarm, compiled into the server and into the browser. In reading order:
//!
//! - [`event`]: what agents report, its catalogue, cursor and filter;
//! - [`swarm`]: the reducer, from events to the state of the swarm;
//! - [`demo`]: a made-up swarm from a seed;
//! - `dialect`: the wire formats of other systems, as pure functions;
//! - `hub`: the durable log and its fan-out;
//! - `service`: what agents ask for: registry, tasks, messages, memory, sessions and more;
//! - `server`: HTTP, WebSocket and Server-Sent Events in front of the hub;
//! - [`client`]: the browser's side of the stream;
//! - [`app`]: the page;
//! - `cli`: the commands.
//!
//! Arrows point down that list's dependencies only: `app`, `client`, `server` and `cli` know
//! `service`, `hub`, `swarm` and `event`; `event` and `swarm` know no I/O, clock or framework.

#[macro_use]
mod cut;

pub mod app;
#[cfg(feature = "ssr")]
pub mod cli;
pub mod client;
pub mod demo;
#[cfg(feature = "ssr")]
pub mod dialect;
pub mod event;
#[cfg(feature = "ssr")]
pub mod hub;
#[cfg(feature = "ssr")]
pub mod server;
#[cfg(feature = "ssr")]
pub mod service;
pub mod swarm;

/// The browser's entry: takes over the page that the server rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    use leptos::prelude::{document, provide_context};

    console_error_panic_hook::set_once();
    let text = document().get_element_by_id(app::BOOT_ID).and_then(|element| element.text_content());
    let boot = text.and_then(|text| event::wire::from_text::<client::Boot>(&text).ok()).unwrap_or_else(client::Boot::empty);
    // What hydration would do itself, were it not that the page's code has to arrive before.
    let _once = any_spawner::Executor::init_wasm_bindgen();
    leptos::task::spawn_local(async move {
        let shown = app::route::shown();
        // Without its code the page stays as it was rendered: readable, and not live.
        if !app::chunks::fetch(app::chunks::Chunk::of(&app::route::Page::of(&shown))).await {
            leptos::logging::error!("the page's code did not arrive: it stays as it was rendered");
            return;
        }
        let begin = move || {
            provide_context(boot);
            provide_context(app::route::Asked(shown));
            app::app()
        };
        if app::is_bare() { leptos::mount::mount_to_body(begin) } else { leptos::mount::hydrate_body(begin) }
    });
}

/// The hash of the seeded play's fold, as the browser folds it: compared with the server's in a
/// test, which builds the page's code with this feature on. No page carries it.
#[cfg(feature = "fold")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn demo_hash(seed: u32, count: u32) -> String {
    demo::hash_of(u64::from(seed), u64::from(count))
}
