//! All addresses, by who calls them.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::limits::MAX_BODY;
use super::problem::Problem;
use super::{
    AppState, api, assets, debug, dialect, docs, export, guard, health, history, ingest, pages, sse, timeline, websocket,
};
use crate::app::route::Page;

/// The server's addresses and what stands before them.
pub fn router(state: AppState) -> Router {
    // Programs
    let (programs, api) = OpenApiRouter::with_openapi(docs::Api::openapi())
        .routes(routes!(history::read_events, ingest::send_events))
        .routes(routes!(history::read_state))
        .routes(routes!(history::read_snapshot))
        .routes(routes!(history::read_approach))
        .routes(routes!(history::read_schema))
        .routes(routes!(timeline::read_timeline))
        .routes(routes!(timeline::seek))
        .routes(routes!(export::export))
        .routes(routes!(websocket::follow))
        .routes(routes!(sse::follow))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .merge(api::routes())
        .merge(dialect::routes())
        .split_for_parts();
    let api = docs::Documents::new(&api);

    // People
    let people = Page::patterns().fold(Router::new(), |people, pattern| people.route(pattern, get(pages::page)));
    let people = people.route("/api/page/{*function}", post(pages::function));
    let people = people.route(pages::BARE, get(pages::bare)).route("/sw.js", get(assets::service_worker));

    Router::new()
        .merge(programs)
        .route("/api/openapi.json", get(docs::openapi).with_state(api.clone()))
        .route("/api/docs", get(docs::page).with_state(api))
        .merge(people)
        .merge(debug::routes())
        .fallback(fallback)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::map_response(problem_of_body))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(state.clone(), guard::guard))
        .with_state(state)
}

/// A file of the site, or the page that says that there is nothing.
async fn fallback(State(state): State<AppState>, request: Request) -> Response {
    if let Some(file) = assets::serve(&request) {
        return file;
    }
    let page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"));
    if page {
        return pages::not_found(state, request).await;
    }
    Problem::not_found(format!("nothing at {}; /api/docs lists what there is", request.uri().path())).into_response()
}

async fn wrong_method(request: Request) -> Problem {
    Problem::method(format!("{} has no {}; /api/docs lists what there is", request.uri().path(), request.method()))
}

/// A body over the limit is answered like every other problem.
async fn problem_of_body(response: Response) -> Response {
    let plain = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if response.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE && plain {
        return Problem::too_large(format!("the body is over the limit of {MAX_BODY} bytes")).into_response();
    }
    response
}
