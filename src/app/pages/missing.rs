//! There is no such page.

use leptos::prelude::*;
use leptos_meta::Title;

/// What an unknown address shows.
#[component]
pub fn MissingPage() -> impl IntoView {
    view! {
        <Title text="Not found" />
        <section class="welcome">
            <h1>"There is nothing here."</h1>
            <p class="lead">
                "The address may be mistyped. " <a href="/">"Back to the overview"</a>
            </p>
        </section>
    }
}
