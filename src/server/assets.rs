//! What the page is made of, inside the binary: styles, script, WebAssembly, icons.
//!
//! In a debug build the files are read from `target/site`, as `cargo leptos watch` renews them.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leptos::config::Env;

use super::AppState;
use super::pages::BARE;
use crate::app::route::Page;

/// The script that hears the stream beside the page.
const STREAM: &str = "stream.js";

/// What scripts beside the page may do: ask this server, and run nothing else. Said with each answer,
/// also that nothing changed: what that says holds for what the browser has.
const BESIDE: (header::HeaderName, HeaderValue) =
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; connect-src 'self'"));

#[derive(rust_embed::RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Site;

/// The file at a path; none where there is no such file. Compressed where the client takes it so.
///
/// Names do not change with content: a browser asks each time, and is told "not modified" by tag.
pub fn serve(request: &Request) -> Option<Response> {
    let path = request.uri().path().trim_start_matches('/');
    if path.is_empty() || path.ends_with(".br") || path.ends_with(".gz") {
        return None;
    }
    let plain = Site::get(path)?;
    let tag = HeaderValue::from_str(&format!("\"{}\"", hex(&plain.metadata.sha256_hash()[..12]))).ok()?;
    let policy = (path == STREAM).then_some([BESIDE]);
    if request.headers().get(header::IF_NONE_MATCH) == Some(&tag) {
        let mut response = (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
        response.headers_mut().extend(policy.into_iter().flatten());
        return Some(response);
    }
    let (encoding, file) = ["br", "gzip"]
        .into_iter()
        .filter(|encoding| accepts(request.headers(), encoding))
        .find_map(|encoding| {
            Some((Some(encoding), Site::get(&format!("{path}.{}", if encoding == "br" { "br" } else { "gz" }))?))
        })
        .unwrap_or((None, plain));
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let mut response = Body::from(file.data).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(kind.as_ref()).ok()?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::ETAG, tag);
    headers.extend(policy.into_iter().flatten());
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Some(response)
}

/// What keeps the deck for when there is no server, in the browser: the script of the site, told which
/// files there are and which addresses are pages. Whenever one of the files is another, so is this.
pub async fn service_worker(State(state): State<AppState>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/javascript")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        BESIDE,
    ];
    // What is built anew all the time is not kept, nor what a release kept at this address.
    if state.leptos.env == Env::DEV {
        return (headers, "skipWaiting(); addEventListener('activate', () => registration.unregister());").into_response();
    }
    let Some(script) = Site::get("sw.js") else { return StatusCode::NOT_FOUND.into_response() };
    let kept = |path: &str| {
        let code = path.starts_with("pkg/") && [".js", ".wasm", ".css"].iter().any(|end| path.ends_with(end));
        code || path == STREAM || [".svg", ".png", ".webmanifest"].iter().any(|end| path.ends_with(end))
    };
    let mut files: Vec<String> = Site::iter().filter(|path| kept(path)).map(|path| ["/", &path].concat()).collect();
    files.sort();
    let mut version = script.metadata.sha256_hash().to_vec();
    for file in &files {
        let hash = Site::get(file.trim_start_matches('/')).map(|file| file.metadata.sha256_hash()).unwrap_or_default();
        version.iter_mut().zip(hash).for_each(|(sum, byte)| *sum = sum.rotate_left(1) ^ byte);
    }
    let pages: Vec<&str> = Page::patterns().collect();
    let told = serde_json::json!({ "version": hex(&version[..8]), "files": files, "pages": pages, "shell": BARE });
    let body = ["const TOLD = ", &told.to_string(), ";\n", &String::from_utf8_lossy(&script.data)].concat();
    (headers, body).into_response()
}

/// The files of one of the chunks that a release's page is cut into; none where it is in one piece.
pub fn files_of(chunk: &str) -> &'static [String] {
    static CHUNKS: LazyLock<HashMap<String, Vec<String>>> = LazyLock::new(|| {
        let list = Site::get("pkg/__wasm_split_manifest.json");
        let mut chunks: HashMap<String, Vec<String>> =
            list.and_then(|list| serde_json::from_slice(&list.data).ok()).unwrap_or_default();
        chunks.values_mut().flatten().for_each(|file| file.push_str(".wasm"));
        chunks
    });
    CHUNKS.get(chunk).map_or(&[], Vec::as_slice)
}

/// Whether the page's code is here at all: a server built before the browser's half has none.
pub fn is_complete() -> bool {
    Site::get("pkg/swarmdeck.wasm").is_some() || Site::get("pkg/swarmdeck_bg.wasm").is_some()
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|part| part.split(';').next().unwrap_or_default().trim() == encoding)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
