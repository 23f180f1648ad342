//! The page: shell, routes and frame. Views read the [`Live`] context and the URL, and nothing else.

pub mod api;
pub mod components;
pub mod pages;

use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::StaticSegment;
use leptos_router::components::{FlatRoutes, Route, Router};
use leptos_router::path;

use crate::client::{Boot, Live};
use crate::event::wire::to_text;
use components::frame::{Banner, Footer, Header, Navigation};
use pages::{
    activity::ActivityPage, agent::AgentPage, agents::AgentsPage, overview::OverviewPage, tasks::TasksPage,
    topology::TopologyPage,
};

/// Where the page finds what it begins with.
pub const BOOT_ID: &str = "boot";

/// Puts a kept theme on the page before it is drawn, so that it does not flash.
const THEME_SCRIPT: &str = "try{const t=localStorage.getItem('theme');if(t)document.documentElement.dataset.theme=t}catch{}";

/// The document around the app.
pub fn shell(options: LeptosOptions, boot: &Boot) -> impl IntoView + use<> {
    let boot = to_text(boot);
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="dark light" />
                <meta name="description" content="Live operations deck for swarms of AI agents" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" id="favicon" />
                <link rel="stylesheet" href="/pkg/swarmdeck.css" id="leptos" />
                <script nonce=use_nonce()>{THEME_SCRIPT}</script>
                <script type="application/json" id=BOOT_ID inner_html=boot></script>
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The app inside the document; the same on both sides.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let live = Live::new(use_context::<Boot>().unwrap_or_else(Boot::empty));
    provide_context(live);
    Effect::new(move || crate::client::start(live));
    let demo = move || live.demo.get().is_some();
    let stale = move || live.awake.get() && !demo() && !matches!(live.phase.get(), crate::client::link::Phase::Live { .. });

    view! {
        <Title formatter=|title: String| if title.is_empty() { "Swarmdeck".to_owned() } else { [&title, " · Swarmdeck"].concat() } />
        <Router>
            <a class="skip" href="#main">
                "Skip to content"
            </a>
            <div class="deck" class:demo=demo class:stale=stale data-awake=move || live.awake.get().then_some("true")>
                <Navigation />
                <Header />
                <Banner />
                <main id="main" tabindex="-1">
                    <FlatRoutes fallback=|| view! { <pages::missing::MissingPage /> }.into_any()>
                        <Route path=StaticSegment("") view=|| view! { <OverviewPage /> }.into_any() />
                        <Route path=path!("agents") view=|| view! { <AgentsPage /> }.into_any() />
                        <Route path=path!("agents/:id") view=|| view! { <AgentPage /> }.into_any() />
                        <Route path=path!("tasks") view=|| view! { <TasksPage /> }.into_any() />
                        <Route path=path!("topology") view=|| view! { <TopologyPage /> }.into_any() />
                        <Route path=path!("activity") view=|| view! { <ActivityPage /> }.into_any() />
                    </FlatRoutes>
                </main>
                <Footer />
            </div>
        </Router>
    }
}
