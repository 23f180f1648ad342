//! The page: shell, routes and frame. Views read the [`Live`] context and the URL, and nothing else.

pub mod act;
pub mod api;
pub mod chunks;
pub mod components;
pub mod hands;
pub mod history;
pub mod html;
pub mod pages;
pub mod route;

use leptos::prelude::*;

use crate::client::{Boot, DemoWhy, Live, browser_now};
use components::frame::{banners, bar, foot, navigation};
use hands::Hands;
use html::{Node, a, div, effect, main, part, text};
use route::{Address, Asked, Page};

/// Where the page finds what it begins with.
pub const BOOT_ID: &str = "boot";

/// Marks a document without a page in it: the browser draws all of it.
pub const BARE: &str = "data-bare";

/// Puts what is set for the look on the page before it is drawn, so that it does not flash. The names
/// are those of [`hands::settings`].
const LOOK_SCRIPT: &str = "try{for(const k of['theme','density','motion']){const v=localStorage.getItem(k);\
                           if(v)document.documentElement.dataset[k]=v}}catch{}";

/// Whether the browser draws all of the page that it shows.
pub fn is_bare() -> bool {
    document().body().is_some_and(|body| body.has_attribute(BARE))
}

/// The document around the app.
///
/// `boot` is the JSON of what it begins with. `code` names the files that draw the page, to be fetched
/// at once; a document without a page is `bare`. `installs` says whether a browser may keep the deck as
/// an app.
pub fn shell(options: LeptosOptions, boot: String, code: &[String], bare: bool, installs: bool) -> impl IntoView + use<> {
    let asked = use_context::<Asked>().unwrap_or_else(|| Asked("/".to_owned()));
    // A title may hold an agent's id, and is text only when it is escaped.
    let title = Page::of(&asked.0).title().replace('&', "&amp;").replace('<', "&lt;");
    let code = code.iter().map(|file| {
        let href = ["/pkg/", file].concat();
        view! { <link rel="preload" href=href r#as="fetch" r#type="application/wasm" crossorigin="anonymous" /> }
    });
    let code = code.collect_view();
    // With its token, where the server wants one.
    let manifest = installs.then(|| view! { <link rel="manifest" href="/manifest.webmanifest" crossorigin="use-credentials" /> });
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="dark light" />
                <meta name="description" content="Live operations deck for swarms of AI agents" />
                <meta name="theme-color" content="#0b0f14" media="(prefers-color-scheme: dark)" />
                <meta name="theme-color" content="#f5f7fa" media="(prefers-color-scheme: light)" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" id="favicon" />
                <link rel="apple-touch-icon" href="/icon-192.png" />
                {manifest}
                <link rel="stylesheet" href="/pkg/swarmdeck.css" id="leptos" />
                <script nonce=use_nonce()>{LOOK_SCRIPT}</script>
                <script type="application/json" id=BOOT_ID inner_html=boot></script>
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                {code}
                <title inner_html=title></title>
            </head>
            <body data-bare=bare.then_some("")>
                {(!bare).then(app)}
                {bare.then(|| view! { <noscript>"The server of Swarmdeck cannot be reached."</noscript> })}
            </body>
        </html>
    }
}

/// The app inside the document; the same on both sides.
pub fn app() -> Node {
    let live = Live::new(take_context::<Boot>().unwrap_or_else(Boot::empty));
    provide_context(live);
    let hands = Hands::new(live);
    provide_context(hands);
    let address = Address::first();
    provide_context(address);
    effect(move || {
        crate::client::start(live);
        hands.start();
        // There was no server to ask for a page.
        if is_bare() {
            live.begin_demo(DemoWhy::NoServer, 1, browser_now());
        }
        address.follow();
        chunks::fetch_rest();
    });
    let path = address.drawable();
    effect(move || document().set_title(&hands.title(&Page::at(&path.get()))));
    let class = text(move || {
        let demo = live.demo().is_some();
        let stale = live.awake.get() && !demo && !live.is_live();
        if live.past().is_some() {
            "deck history"
        } else if demo {
            "deck demo"
        } else if stale {
            "deck stale"
        } else {
            "deck"
        }
    });
    let page = part(move || {
        let page = Page::at(&path.get());
        untrack(|| chunks::draw(page))
    });
    let deck = div()
        .class(class)
        .attr("data-awake", text(move || live.awake.get().to_string()))
        .child(navigation())
        .child(bar())
        .child(banners())
        .child(main().id("main").attr("tabindex", "-1").child(page))
        .child(history::under_pages(live, address))
        .child(foot())
        .children(hands.around());
    vec![a("#main").class("skip").child("Skip to content").into(), deck.into()].into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Scenario;
    use crate::event::{Entity, Timestamp};

    const NOW: Timestamp = Timestamp(1_769_509_293_123);

    /// The page at an address, of a swarm that plays, with names as agents may choose them.
    fn page(address: &str, events: u64) -> String {
        let mut boot = Boot::empty();
        boot.now = NOW;
        let mut play = Scenario::new(7, 12, Timestamp(NOW.0 - 60_000));
        for seq in 1..=events {
            let mut draft = play.next_event();
            draft.entity = draft.entity.map(|entity| Entity::new(entity.kind, ["<script>'\"&", &entity.id].concat()));
            boot.state.fold(&draft.into_event(seq, NOW));
        }
        Owner::new().with(|| {
            provide_context(boot);
            provide_context(Asked(address.to_owned()));
            app().to_html()
        })
    }

    #[test]
    fn every_page_is_whole_and_shows_text_as_text() {
        for address in ["/", "/agents", "/agents?status=idle", "/agents/x", "/tasks", "/topology", "/activity", "/nowhere"] {
            for events in [0, 400] {
                let html = page(address, events);
                assert_eq!(html.matches("<h1").count(), 1, "{address}: {html}");
                assert!(!html.contains("<script"), "{address}: {html}");
                for tag in ["div", "section", "ul", "ol", "li", "p", "span", "a", "table", "tbody", "svg", "button", "form"] {
                    let opened =
                        html.matches(&["<", tag, " "].concat()).count() + html.matches(&["<", tag, ">"].concat()).count();
                    assert_eq!(opened, html.matches(&["</", tag, ">"].concat()).count(), "{tag} at {address}");
                }
            }
        }
        assert!(page("/activity", 400).contains("&lt;script&gt;"));
        assert!(page("/", 0).contains("Listening."));
    }

    #[test]
    fn the_same_state_is_the_same_page() {
        for address in ["/", "/agents", "/tasks", "/topology", "/activity?types=task.*"] {
            assert_eq!(page(address, 300), page(address, 300), "{address}");
        }
    }
}
