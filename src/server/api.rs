//! The services over HTTP: one file for each, with its addresses, bodies and answers.

mod agents;
mod body;
mod memory;
mod mesh;
mod messages;
mod params;
mod providers;
mod selfcheck;
mod sessions;
mod tasks;
mod topology;
mod trading;

use utoipa_axum::router::OpenApiRouter;

use super::AppState;

/// All their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(agents::routes())
        .merge(tasks::routes())
        .merge(messages::routes())
        .merge(memory::routes())
        .merge(topology::routes())
        .merge(providers::routes())
        .merge(selfcheck::routes())
        .merge(sessions::routes())
        .merge(trading::routes())
        .merge(mesh::routes())
}
