//! There is no such page.

use leptos::prelude::*;

/// What an unknown address shows.
#[component]
pub fn MissingPage() -> impl IntoView {
    view! {
        <section class="welcome">
            <h1>"There is nothing here."</h1>
            <p class="lead">
                "The address may be mistyped. " <a href="/">"Back to the overview"</a>
            </p>
        </section>
    }
}
