//! What stands around every page: navigation, connection, banner, footer.

use leptos::prelude::*;

use super::number::{count, rate};
use leptos::server_fn::ServerFn as _;

use crate::app::api::{StopDemo, stop_demo};
use crate::app::reactive::{When, flag, text};
use crate::app::route::{Address, Page};
use crate::client::link::Phase;
use crate::client::{DemoWhy, Live, browser_now, preference, remember};
use crate::swarm::{Attention, Touched, rates::MEAN_SECONDS, status};

/// The pages, in the order of the navigation.
pub const PAGES: &[(&str, &str, &str)] = &[
    ("/", "Overview", "M3 3h8v8H3zM13 3h8v5h-8zM13 10h8v11h-8zM3 13h8v8H3z"),
    ("/agents", "Agents", "M12 3a4 4 0 1 1 0 8a4 4 0 1 1 0-8zM4 21c0-5 4-7 8-7s8 2 8 7z"),
    ("/tasks", "Tasks", "M3 4h5v16H3zM10 4h5v11h-5zM17 4h4v7h-4z"),
    (
        "/topology",
        "Topology",
        "M12 2a3 3 0 1 1 0 6a3 3 0 1 1 0-6zM5 16a3 3 0 1 1 0 6a3 3 0 1 1 0-6zM19 16a3 3 0 1 1 0 6a3 3 0 1 1 0-6zM11 8h2v4h6v4h-2v-2H7v2H5v-4h6z",
    ),
    ("/activity", "Activity", "M2 13h5l3-9l4 16l3-7h5v-2h-6l-2 4L10 1L6 11H2z"),
];

/// The ways around.
#[component]
pub fn Navigation() -> impl IntoView {
    let live = expect_context::<Live>();
    let waiting =
        move || live.read(Touched::AGENTS.and(Touched::SESSIONS), |state| state.sessions.open_requests().count() as u64);
    let address = expect_context::<Address>();
    let here = move |path: &str| if path == "/" { address.page() == Page::Overview } else { address.path().starts_with(path) };
    let links = PAGES.iter().map(|(path, name, icon)| {
        let asked = move || *path == "/" && waiting() > 0;
        view! {
            <li>
                <a href=*path aria-current=text(move || if here(path) { "page" } else { "false" })>
                    <svg viewBox="0 0 24 24" aria-hidden="true" inner_html=["<path d=\"", icon, "\"/>"].concat()></svg>
                    <span>{*name}</span>
                    <When when=flag(asked)>
                        <span class="count">{text(move || count(waiting()))} <span class="unseen">" waiting for you"</span></span>
                    </When>
                </a>
            </li>
        }
    });
    view! {
        <nav class="rail" aria-label="Pages">
            <a class="brand" href="/" aria-label="Swarmdeck, overview">
                <svg viewBox="0 0 32 32" aria-hidden="true">
                    <path class="cell" d="M16 2l12 7v14l-12 7L4 23V9z" />
                    <circle cx="16" cy="10" r="2.6" />
                    <circle cx="10.5" cy="20" r="2.6" />
                    <circle cx="21.5" cy="20" r="2.6" />
                </svg>
                <span>"Swarmdeck"</span>
            </a>
            <ul>{links.collect_view()}</ul>
        </nav>
    }
}

/// Connection, clock and theme.
#[component]
pub fn Header() -> impl IntoView {
    view! {
        <header class="bar">
            <Connection />
            <ThemeButton />
        </header>
    }
}

/// How the page stands with its server: `class`, word.
fn connection(live: &Live) -> (&'static str, String) {
    if live.demo().is_some() {
        return ("is-demo", "Demo".to_owned());
    }
    match live.phase() {
        _ if !live.awake.get() => ("is-static", "As rendered".to_owned()),
        Phase::Connecting => ("is-connecting", "Connecting".to_owned()),
        Phase::Live { .. } => ("is-live", "Live".to_owned()),
        Phase::Reconnecting { .. } => ("is-reconnecting", "Reconnecting".to_owned()),
    }
}

/// The connection in a word, with its particulars inside.
#[component]
fn Connection() -> impl IntoView {
    let live = expect_context::<Live>();
    let seq = move || live.read(Touched::ACTIVITY, |state| state.seq);
    let transport = move || match live.phase() {
        Phase::Live { transport } => transport.name(),
        _ => super::number::UNKNOWN,
    };
    let delay = move |p99: bool| {
        let delays = live.delays();
        delays.map_or_else(|| super::number::UNKNOWN.to_owned(), |it| [&rate(if p99 { it.p99 } else { it.p50 }), " ms"].concat())
    };
    view! {
        <details class="connection">
            <summary>
                <span class=text(move || ["dot ", connection(&live).0].concat()) aria-hidden="true"></span>
                <span id="connection" role="status">
                    {text(move || connection(&live).1)}
                </span>
            </summary>
            <dl>
                <dt>"Over"</dt>
                <dd>{text(transport)}</dd>
                <dt>"Newest event"</dt>
                <dd id="newest">{text(move || count(seq()))}</dd>
                <dt>"Event to screen, median"</dt>
                <dd id="delay-p50">{text(move || delay(false))}</dd>
                <dt>"Event to screen, 99 %"</dt>
                <dd id="delay-p99">{text(move || delay(true))}</dd>
                <dt>"Measured on"</dt>
                <dd id="delay-samples">{text(move || count(live.delays().map_or(0, |it| it.samples as u64)))}</dd>
            </dl>
        </details>
    }
}

/// Dark, light or as the system has it.
#[component]
fn ThemeButton() -> impl IntoView {
    let theme = RwSignal::new("system".to_owned());
    Effect::new(move || {
        if let Some(kept) = preference("theme").filter(|kept| !kept.is_empty()) {
            theme.set(kept);
        }
    });
    let turn = move |_| {
        let next = match theme.get_untracked().as_str() {
            "system" => "dark",
            "dark" => "light",
            _ => "system",
        };
        remember("theme", if next == "system" { "" } else { next });
        if let Some(root) = document().document_element() {
            let _ignored =
                if next == "system" { root.remove_attribute("data-theme") } else { root.set_attribute("data-theme", next) };
        }
        theme.set(next.to_owned());
    };
    view! {
        <button class="quiet" type="button" on:click=turn>
            "Theme: "
            {text(move || theme.get())}
        </button>
    }
}

/// What a person must know about the data on show: that it is made up, old, or back.
#[component]
pub fn Banner() -> impl IntoView {
    let live = expect_context::<Live>();
    view! {
        <div class="banners">
            <When when=flag(move || live.demo().is_some())>
                <div class="banner made-up" role="note">
                    <strong>"Demo data."</strong>
                    <span>
                        {text(move || match live.demo() {
                            Some(DemoWhy::Asked) => "Nothing here is real; it plays in this page only.".to_owned(),
                            _ => ["Nothing here is real: ", &cause(&live)].concat(),
                        })}
                    </span>
                    <Retry />
                    <When when=flag(move || live.demo() == Some(DemoWhy::Asked))>
                        <button class="quiet" type="button" on:click=move |_| live.end_demo()>
                            "End the demo"
                        </button>
                    </When>
                </div>
            </When>
            <When when=flag(move || lost(&live))>
                <div class="banner away" role="note">
                    <strong>"Not live."</strong>
                    <span>{text(move || cause(&live))} " Shown is the state at event " {text(move || count(live.read(Touched::ACTIVITY, |state| state.seq)))} "."</span>
                    <Retry />
                    <button class="quiet" type="button" on:click=move |_| live.begin_demo(DemoWhy::Asked, 1, browser_now())>
                        "Play the demo"
                    </button>
                </div>
            </When>
            <When when=flag(move || live.is_live() && live.returned().is_some())>
                <div class="banner back" role="status" id="returned">
                    {text(move || returned(&live))}
                    <button class="quiet" type="button" aria-label="Dismiss" on:click=move |_| live.dismiss()>
                        "✕"
                    </button>
                </div>
            </When>
            <When when=flag(move || live.swarm_demo.get())>
                <SwarmDemo />
            </When>
        </div>
    }
}

/// Whether real data is on show and the server is away.
fn lost(live: &Live) -> bool {
    live.demo().is_none() && matches!(live.phase(), Phase::Reconnecting { .. }) && live.has_data()
}

fn cause(live: &Live) -> String {
    match live.phase() {
        Phase::Reconnecting { cause, .. } => [&cause, "."].concat(),
        Phase::Connecting => "the server has not answered yet.".to_owned(),
        Phase::Live { .. } => "the log is empty.".to_owned(),
    }
}

fn returned(live: &Live) -> String {
    let Some(it) = live.returned() else { return String::new() };
    match it.lost {
        _ if it.other_log => "The server has another log now; this is its state.".to_owned(),
        0 => ["Resumed: ", &count(it.caught_up), " events caught up, none lost."].concat(),
        lost => ["Resumed from the whole state: ", &count(lost), " events are no longer kept."].concat(),
    }
}

/// When the next attempt is, and a button to have it now.
#[component]
fn Retry() -> impl IntoView {
    let live = expect_context::<Live>();
    let left = move || match live.phase() {
        Phase::Reconnecting { retry_at, .. } => {
            let now = live.now.get();
            Some(((retry_at - now.0 as f64) / 1_000.0).ceil().max(0.0) as u64)
        }
        _ => None,
    };
    view! {
        <When when=flag(move || left().is_some())>
            <span class="muted">"Next attempt in " {text(move || left().unwrap_or(0).to_string())} " s."</span>
            <button class="quiet" type="button" on:click=move |_| live.retry.update(|count| *count += 1)>
                "Retry now"
            </button>
        </When>
    }
}

/// The server's own demo swarm writes to this log.
#[component]
fn SwarmDemo() -> impl IntoView {
    let live = expect_context::<Live>();
    let stop = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        leptos::task::spawn_local(async move {
            if let Ok(runs) = stop_demo().await {
                live.swarm_demo.set(runs);
            }
        });
    };
    view! {
        <div class="banner made-up" role="note">
            <strong>"The demo swarm runs."</strong>
            <span>"Its events go to this log, under the source demo."</span>
            <form method="post" action=StopDemo::url()>
                <button class="quiet" type="submit" on:click=stop>
                    "Stop it"
                </button>
            </form>
        </div>
    }
}

/// The swarm in one line, on every page.
#[component]
pub fn Footer() -> impl IntoView {
    let live = expect_context::<Live>();
    let rate_now =
        move || live.read(Touched::ACTIVITY, |state| rate(state.rates.per_second(live.now.get(), MEAN_SECONDS).events));
    let working = move || {
        let by = live.read(Touched::AGENTS, |state| status::agents_by_attention(state, live.now.get()));
        count(by[Attention::Working as usize])
    };
    view! {
        <footer class="foot">
            <span>
                <b>{text(move || count(live.read(Touched::ACTIVITY, |state| state.seq)))}</b>
                " events"
            </span>
            <span>
                <b>{text(rate_now)}</b>
                " / s"
            </span>
            <span>
                <b>{text(working)}</b>
                " working"
            </span>
            <span class="push">
                <a href="/api/docs" rel="external">
                    "Reference"
                </a>
            </span>
        </footer>
    }
}
