//! Pages rendered on the server.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use leptos::config::{Env, LeptosOptions};
use leptos::nonce::use_nonce;
use leptos::prelude::{IntoView, provide_context, use_context};
use leptos_axum::{ResponseOptions, handle_server_fns_with_context, render_app_async_with_context};

use super::deeds::offers;
use super::{AppState, assets};
use crate::app;
use crate::app::chunks::Chunk;
use crate::app::route::{Asked, Came, Page, parameter};
use crate::client::Boot;
use crate::event::wire::to_text;
use crate::hub::now;
use crate::swarm::SwarmState;

/// Where a browser finds what it keeps for when there is no server.
pub const BARE: &str = "/offline";

/// How the page finds its code. `cargo leptos watch` tells its own way through the environment.
pub fn options() -> LeptosOptions {
    let watched = std::env::var_os("LEPTOS_WATCH").is_some();
    let port = std::env::var("LEPTOS_RELOAD_PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3010);
    LeptosOptions::builder()
        .output_name("swarmdeck")
        .site_root("target/site")
        .site_pkg_dir("pkg")
        .env(if watched { Env::DEV } else { Env::PROD })
        .reload_port(port)
        .build()
}

/// The document of any page at this moment, with its policy.
fn shell(state: &AppState, past: Past) -> impl IntoView + use<> {
    let boot = boot(state, use_context::<Host>(), past);
    let told = to_text(&boot);
    provide_context(boot);
    forbid(&state.leptos);
    let asked = use_context::<Asked>().unwrap_or_else(|| Asked("/".to_owned()));
    let chunk = Chunk::of(&Page::of(&asked.0));
    let whole = state.leptos.env == Env::PROD;
    let code = if whole { assets::files_of(chunk.name()) } else { &[] };
    // A page that is built anew all the time is nothing to keep.
    app::shell(state.leptos.clone(), told, code, false, whole)
}

/// The document without a page and without data, as a browser keeps it for when there is no server:
/// it shows the demo. Its nonce is kept with its policy, and is that of this document alone.
pub async fn bare(State(state): State<AppState>, request: Request) -> Response {
    let shell = move || {
        forbid(&state.leptos);
        app::shell(state.leptos.clone(), to_text(&Boot::empty()), &[], true, true)
    };
    render_app_async_with_context(|| {}, shell)(request).await.into_response()
}

/// The name by which the server was asked.
#[derive(Debug, Clone)]
struct Host(String);

/// The state as it was where the address asks for it, or why it cannot be told; nothing else.
type Past = Result<Option<Arc<SwarmState>>, String>;

async fn past(state: &AppState, address: &str) -> Past {
    let Some(at) = parameter(address, "at") else { return Ok(None) };
    let seq = at.parse().map_err(|_| format!("at: {at:?} is no event's number"))?;
    let past = state.hub.state_at(seq).await.map_err(|error| error.to_string())?;
    Ok(Some(Arc::new(past)))
}

fn boot(state: &AppState, host: Option<Host>, past: Past) -> Boot {
    let (drivers, feeds) = offers(state);
    let (past, at_fault) = past.map_or_else(|fault| (None, fault), |past| (past, String::new()));
    let shown = past.as_ref().map_or_else(|| state.hub.state(), Arc::clone);
    Boot {
        at: past.is_some().then_some(shown.seq),
        at_fault,
        head: state.hub.head(),
        epoch: state.hub.epoch().to_string(),
        // The past is told by its own time.
        now: past.as_ref().map_or_else(now, |past| past.as_of),
        address: host.map_or_else(String::new, |host| ["http://", &host.0].concat()),
        demo_running: state.demo.is_running(),
        drivers,
        feeds,
        state: shown.for_page(),
    }
}

/// Says what the page may load: its own code, by nonce; nothing inline, nothing foreign.
fn forbid(options: &LeptosOptions) {
    let (Some(nonce), Some(response)) = (use_nonce(), use_context::<ResponseOptions>()) else { return };
    let reload = if options.env == Env::DEV {
        format!(" ws://127.0.0.1:{0} ws://localhost:{0}", options.reload_port)
    } else {
        String::new()
    };
    let policy = format!(
        "default-src 'self'; script-src 'strict-dynamic' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self' data:; connect-src 'self'{reload}; worker-src 'self'; manifest-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// The page at an address.
pub async fn page(State(state): State<AppState>, request: Request) -> Response {
    render(state, request).await
}

/// The page for an address that has none.
pub async fn not_found(state: AppState, request: Request) -> Response {
    let mut response = render(state, request).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

async fn render(state: AppState, request: Request) -> Response {
    let asked = Asked(request.uri().path_and_query().map_or("/", |asked| asked.as_str()).to_owned());
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = Host(host.to_owned());
    let past = past(&state, &asked.0).await;
    let context = move || {
        provide_context(asked.clone());
        provide_context(host.clone());
    };
    render_app_async_with_context(context, move || shell(&state, past.clone()))(request).await.into_response()
}

/// What the page asks for by its server functions.
pub async fn function(State(state): State<AppState>, request: Request) -> Response {
    let came = Came(came_from(&request));
    let context = move || {
        provide_context(state.clone());
        provide_context(came.clone());
    };
    handle_server_fns_with_context(context, request).await.into_response()
}

/// The page of this server that a form stands in; the overview where that is not told.
fn came_from(request: &Request) -> String {
    let referer = request.headers().get(header::REFERER).and_then(|referer| referer.to_str().ok());
    let uri = referer.and_then(|referer| referer.parse::<Uri>().ok());
    // The path alone: whatever server it names, the way back is on this one. What an earlier refusal
    // left in the address goes.
    let Some(uri) = uri.filter(|uri| uri.path().starts_with('/') && !uri.path().starts_with("//") && !uri.path().contains('\\'))
    else {
        return "/".to_owned();
    };
    let left = |pair: &&str| !["refused=", "__path=", "__err="].iter().any(|told| pair.starts_with(told));
    let kept: Vec<&str> = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).filter(left).collect();
    if kept.is_empty() { uri.path().to_owned() } else { [uri.path(), "?", &kept.join("&")].concat() }
}
