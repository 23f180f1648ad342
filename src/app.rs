//! The page: shell, routes and frame. Views read the [`Live`] context and the URL, and nothing else.

pub mod api;
pub mod components;
pub mod pages;
pub mod reactive;
pub mod route;

use leptos::prelude::*;

use crate::client::{Boot, Live};
use crate::event::wire::to_text;
use components::frame::{Banner, Footer, Header, Navigation};
use pages::activity::ActivityPage;
use pages::agent::AgentPage;
use pages::agents::AgentsPage;
use pages::missing::MissingPage;
use pages::overview::OverviewPage;
use pages::tasks::TasksPage;
use pages::topology::TopologyPage;
use reactive::text;
use route::{Address, Asked, Page};

/// Where the page finds what it begins with.
pub const BOOT_ID: &str = "boot";

/// Puts a kept theme on the page before it is drawn, so that it does not flash.
const THEME_SCRIPT: &str = "try{const t=localStorage.getItem('theme');if(t)document.documentElement.dataset.theme=t}catch{}";

/// The document around the app.
pub fn shell(options: LeptosOptions, boot: &Boot) -> impl IntoView + use<> {
    let boot = to_text(boot);
    let asked = use_context::<Asked>().unwrap_or_else(|| Asked("/".to_owned()));
    // A title may hold an agent's id, and is text only when it is escaped.
    let title = Page::of(&asked.0).title().replace('&', "&amp;").replace('<', "&lt;");
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
                <title inner_html=title></title>
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
    let live = Live::new(take_context::<Boot>().unwrap_or_else(Boot::empty));
    provide_context(live);
    let address = Address::first();
    provide_context(address);
    Effect::new(move || {
        crate::client::start(live);
        address.follow();
    });
    let page = Memo::new(move |_| address.page());
    Effect::new(move |_| document().set_title(&page.get().title()));
    let class = text(move || {
        let demo = live.demo().is_some();
        let stale = live.awake.get() && !demo && !live.is_live();
        if demo {
            "deck demo"
        } else if stale {
            "deck stale"
        } else {
            "deck"
        }
    });
    view! {
        <a class="skip" href="#main">
            "Skip to content"
        </a>
        <div class=class data-awake=text(move || live.awake.get().to_string())>
            <Navigation />
            <Header />
            <Banner />
            <main id="main" tabindex="-1">
                {(move || on_show(&page.get())).into_any()}
            </main>
            <Footer />
        </div>
    }
}

fn on_show(page: &Page) -> AnyView {
    match page {
        Page::Overview => view! { <OverviewPage /> }.into_any(),
        Page::Agents => view! { <AgentsPage /> }.into_any(),
        Page::Agent(id) => view! { <AgentPage id=id.clone() /> }.into_any(),
        Page::Tasks => view! { <TasksPage /> }.into_any(),
        Page::Topology => view! { <TopologyPage /> }.into_any(),
        Page::Activity => view! { <ActivityPage /> }.into_any(),
        Page::Missing => view! { <MissingPage /> }.into_any(),
    }
}
