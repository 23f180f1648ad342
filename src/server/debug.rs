//! `/debug/stream`: a client to look at a stream with, whichever dialect it speaks.
//!
//! Page, script and style are plain files in `debug/`, served as they are; they stand apart from
//! the deck's own page, so that a stream can be seen even where that page is what is broken. The
//! script shows what a server sends as text, and the policy lets nothing else run.

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::AppState;

const PAGE: &str = include_str!("debug/stream.html");
const SCRIPT: &str = include_str!("debug/stream.js");
const STYLE: &str = include_str!("debug/stream.css");

/// What the page may load and reach: this server's own files and streams.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The page and its two files. All three change only with the binary, whose names for them stay:
/// a browser asks each time.
pub(super) fn routes() -> Router<AppState> {
    let fresh = || (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    let policy = || (header::CONTENT_SECURITY_POLICY, POLICY);
    Router::new()
        .route("/debug/stream", get(async move || file("text/html; charset=utf-8", PAGE, [fresh(), policy()])))
        .route("/debug/stream.js", get(async move || file("text/javascript; charset=utf-8", SCRIPT, [fresh()])))
        .route("/debug/stream.css", get(async move || file("text/css; charset=utf-8", STYLE, [fresh()])))
}

fn file<const N: usize>(kind: &'static str, text: &'static str, headers: [(HeaderName, HeaderValue); N]) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every place at which `before` stands, with what follows up to `end`.
    fn between<'a>(text: &'a str, before: &'a str, end: char) -> impl Iterator<Item = &'a str> {
        text.split(before).skip(1).filter_map(move |rest| rest.split(end).next())
    }

    #[test]
    fn the_script_finds_what_it_asks_the_page_for() {
        let asked: Vec<&str> = between(SCRIPT, "byId('", '\'').collect();
        assert!(asked.len() > 20);
        for id in asked {
            assert!(PAGE.contains(&format!("id=\"{id}\"")), "{id}");
        }
        for dialect in between(PAGE, "<option value=\"", '"') {
            assert!(SCRIPT.contains(&format!("\n  {dialect}: {{\n    path: '/")), "{dialect}");
        }
        for group in between(STYLE, "\n.d-", ' ') {
            assert!(SCRIPT.contains(&format!("{}: '", group.trim_end_matches(','))), "{group}");
        }
    }

    #[test]
    fn nothing_is_inline_and_nothing_is_read_as_markup() {
        assert_eq!(between(PAGE, "<script", '>').collect::<Vec<_>>(), [" type=\"module\" src=\"/debug/stream.js\""]);
        for inline in ["<style", " style=", " onclick", " onload", "javascript:"] {
            assert!(!PAGE.contains(inline), "{inline}");
        }
        for reads_markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", ".style"] {
            assert!(!SCRIPT.contains(reads_markup), "{reads_markup}");
        }
    }
}
