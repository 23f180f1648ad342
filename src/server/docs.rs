//! `/api/openapi.json` and `/api/docs`: the reference, made from the handlers and the catalogue.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use utoipa::OpenApi;

use super::limits;
use crate::event::catalogue::{DOMAINS, ENVELOPE};
use crate::event::control::FRAMES;
use crate::event::table::About;
use crate::event::wire::{Field, Shape};

/// The head of the description; the handlers say the rest.
#[derive(Debug, OpenApi)]
#[openapi(
    info(title = "Swarmdeck", description = "A live operations deck for swarms of AI agents. Errors are application/problem+json.",
         license(name = "MIT OR Apache-2.0")),
    tags((name = "events", description = "Send events, read the log and what it amounts to"),
         (name = "streams", description = "Follow the log"),
         (name = "agents", description = "Who is there, how well each is, and how far it is trusted"),
         (name = "tasks", description = "What is to be done, who does it and how it ended"),
         (name = "messages", description = "What agents tell each other, and what waits for each"),
         (name = "memory", description = "What a swarm keeps in common: values under keys, with full-text search"),
         (name = "topology", description = "Who is connected with whom"),
         (name = "providers", description = "The model servers and services that agents depend on"),
         (name = "selfcheck", description = "How the deck tests itself"),
         (name = "sessions", description = "Agents at work, and what they ask a person"),
         (name = "trading", description = "The paper-trading engine: play money and no network"),
         (name = "mesh", description = "The registry as clients of the mesh dialect know it"),
         (name = "operations", description = "For whoever runs the server"))
)]
pub(super) struct Api;

/// Both documents, made once.
#[derive(Debug, Clone)]
pub(super) struct Documents {
    openapi: Arc<str>,
    page: Arc<str>,
}

impl Documents {
    pub(super) fn new(api: &utoipa::openapi::OpenApi) -> Self {
        let openapi = serde_json::to_value(api).unwrap_or_default();
        Self { page: render(&openapi).into(), openapi: openapi.to_string().into() }
    }
}

pub(super) async fn openapi(State(documents): State<Documents>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], documents.openapi.to_string()).into_response()
}

pub(super) async fn page(State(documents): State<Documents>) -> Response {
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], documents.page.to_string()).into_response();
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn render(api: &Value) -> String {
    let mut out = String::from(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Reference · Swarmdeck</title><link rel=\"icon\" href=\"/favicon.svg\"><link rel=\"stylesheet\" href=\"/pkg/swarmdeck.css\"></head>\
         <body class=\"reference\"><main><p><a href=\"/\">Swarmdeck</a></p><h1>Reference</h1>\
         <p>Every address, event and bound. As data: <a href=\"/api/openapi.json\">OpenAPI</a>, <a href=\"/api/schema\">JSON Schema</a>.</p>",
    );
    addresses(&mut out, api);
    events(&mut out);
    out.push_str("<h2 id=\"bounds\">Bounds</h2><div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>What</th><th>Most</th><th></th></tr></thead><tbody>");
    for (what, most, note) in limits::TABLE {
        let _infallible = write!(out, "<tr><td>{what}</td><td>{most}</td><td>{note}</td></tr>");
    }
    out.push_str("</tbody></table></div><footer><p><a href=\"/debug/stream\">Stream client</a>: any stream, frame by frame.</p></footer></main></body></html>");
    out
}

fn addresses(out: &mut String, api: &Value) {
    out.push_str("<h2 id=\"addresses\">Addresses</h2>");
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let text = |key: &str| escape(operation[key].as_str().unwrap_or_default());
            let _infallible = write!(
                out,
                "<section class=\"address\"><h3><code>{} {}</code> {}</h3><p>{}</p>",
                method.to_uppercase(),
                escape(path),
                text("summary"),
                text("description")
            );
            let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
            if !parameters.is_empty() {
                out.push_str("<dl>");
                for parameter in parameters {
                    let text = |key: &str| escape(parameter[key].as_str().unwrap_or_default());
                    let _infallible = write!(out, "<dt><code>{}</code></dt><dd>{}</dd>", text("name"), text("description"));
                }
                out.push_str("</dl>");
            }
            out.push_str("</section>");
        }
    }
}

fn events(out: &mut String) {
    out.push_str("<h2 id=\"events\">Events</h2><h3 id=\"envelope\">The envelope</h3>");
    fields(out, ENVELOPE);
    for domain in DOMAINS {
        let about = match domain.about {
            About::Its(kind) => format!("Each is about a <code>{kind}</code>."),
            About::Anything => "Each may be about anything, or nothing.".to_owned(),
        };
        let _infallible = write!(out, "<h3 id=\"{0}\">{0}</h3><p>{1} {about}</p>", domain.name, escape(domain.doc));
        for kind in domain.kinds {
            let _infallible = write!(out, "<h4 id=\"{0}\"><code>{0}</code></h4><p>{1}</p>", kind.name, escape(kind.doc));
            fields(out, kind.fields);
        }
    }
    out.push_str("<h3 id=\"stream\">The stream's own frames</h3>");
    for (name, table) in FRAMES {
        let _infallible = write!(out, "<h4 id=\"{name}\"><code>{name}</code></h4>");
        fields(out, table);
    }
}

fn fields(out: &mut String, fields: &[Field]) {
    if fields.is_empty() {
        out.push_str("<p>No fields.</p>");
        return;
    }
    out.push_str(
        "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th>Field</th><th>Form</th><th>Meaning</th></tr></thead><tbody>",
    );
    for field in fields {
        let optional = if field.required { "" } else { "?" };
        let range = field.range.map_or(String::new(), |(low, high)| format!(", {low} to {high}"));
        let _infallible = write!(
            out,
            "<tr><td><code>{}{optional}</code></td><td>{}{range}</td><td>{}</td></tr>",
            field.key,
            form(&field.shape),
            escape(field.doc)
        );
    }
    out.push_str("</tbody></table></div>");
}

fn form(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Word(words) => words.iter().map(|word| format!("<code>{word}</code>")).collect::<Vec<_>>().join(" "),
        Shape::Number => "number".to_owned(),
        Shape::Integer => "whole number".to_owned(),
        Shape::Count => "whole number from 0".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Time => "time".to_owned(),
        Shape::Reference => "<code>{kind, id}</code> or <code>kind:id</code>".to_owned(),
        Shape::Any => "anything".to_owned(),
        Shape::Open => "object".to_owned(),
        Shape::List(of) => format!("list of {}", form(of)),
        Shape::Table(of) => format!("object of {}", form(of)),
        Shape::Record(fields) => {
            let keys = fields.iter().map(|field| format!("{}{}", field.key, if field.required { "" } else { "?" }));
            format!("<code>{{{}}}</code>", keys.collect::<Vec<_>>().join(", "))
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
