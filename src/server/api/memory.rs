//! Shared memory.
//!
//! Names travel in the address, percent-encoded: a key may have slashes (`%2F`) and anything else.

mod view;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Body;
use super::params::reporter;
use crate::event::DEFAULT_SOURCE;
use crate::server::AppState;
use crate::server::problem::Problem;
use crate::server::query::{number, pairs};
use crate::service::Services;
use crate::service::memory::{Condition, MAX_NAMESPACES, MAX_RESULTS};
use view::{EntryView, KeyPage, NamespacePage, NamespaceView, SearchAnswer, ValueAnswer, WriteAnswer, WritePage, WriteView};

/// Their addresses.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_namespaces))
        .routes(routes!(search_memory))
        // A namespace may have this name too.
        .route("/api/memory/search", get(list_keys_of_search))
        .routes(routes!(list_keys))
        .routes(routes!(retrieve_value, store_value, delete_value))
        .routes(routes!(read_writes))
}

/// Results of a page or a search where no limit is asked for.
const DEFAULT_RESULTS: usize = 20;
/// Namespaces of a page where no limit is asked for.
const DEFAULT_NAMESPACES: usize = 100;

/// A value to store, and on which condition; at most one of the conditions.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StoreBody {
    /// The value: any JSON, up to 48 KiB.
    #[schema(value_type = Object)]
    pub value: Value,
    /// Only in the place of this version.
    pub if_version: Option<u64>,
    /// Only under a new key.
    #[serde(default)]
    pub if_absent: bool,
    /// Only in the place of another value.
    #[serde(default)]
    pub if_present: bool,
    /// Who stores it; `api` where absent.
    pub source: Option<String>,
}

/// A search.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchBody {
    /// Words that must all be there; one that ends in `*` stands for all that begin with it.
    pub query: String,
    /// The namespace; all of them where absent.
    pub namespace: Option<String>,
    /// At most so many results, up to 100; 20 where absent.
    pub limit: Option<u64>,
    /// Who searches; `api` where absent.
    pub source: Option<String>,
}

/// List the namespaces.
#[utoipa::path(
    get, path = "/api/memory", tag = "memory",
    params(
        ("after" = Option<String>, Query, description = "Names after this one"),
        ("limit" = Option<u64>, Query, description = "1 to 1000, 100 where absent"),
    ),
    responses(
        (status = 200, description = "A page of them", body = NamespacePage),
        (status = 400, description = "A parameter does not fit"),
        (status = 503, description = "The index is not up to date"),
    )
)]
pub async fn list_namespaces(
    State(services): State<Services>,
    RawQuery(query): RawQuery,
) -> Result<Json<NamespacePage>, Problem> {
    let asked = Asked::read(query.as_deref(), &["after", "limit"], DEFAULT_NAMESPACES, MAX_NAMESPACES)?;
    let (found, totals) = services.memory.namespaces(&asked.after, asked.limit).await?;
    let next = found.last().map(|last| last.name.clone()).filter(|_| found.len() == asked.limit);
    Ok(Json(NamespacePage { namespaces: found.into_iter().map(NamespaceView::from).collect(), next, totals: totals.into() }))
}

/// Search in all namespaces or in one.
#[utoipa::path(
    post, path = "/api/memory/search", tag = "memory", request_body = SearchBody,
    responses(
        (status = 200, description = "What was found, best first", body = SearchAnswer),
        (status = 400, description = "The body cannot be understood"),
        (status = 422, description = "No word, too many words, or a limit out of bounds"),
        (status = 503, description = "The index is not up to date"),
    )
)]
pub async fn search_memory(
    State(services): State<Services>,
    Body(body): Body<SearchBody>,
) -> Result<Json<SearchAnswer>, Problem> {
    let by = reporter(body.source)?;
    let limit = match body.limit {
        None => DEFAULT_RESULTS,
        Some(limit @ 1..=100) => limit as usize,
        Some(limit) => return Err(Problem::request(format!("limit: {limit} is not from 1 to {MAX_RESULTS}"))),
    };
    let found = services.memory.search(&by, &body.query, body.namespace.as_deref(), limit).await?;
    Ok(Json(SearchAnswer { results: found.hits.into_iter().map(EntryView::of_hit).collect(), latency_ms: found.latency_ms }))
}

/// List the keys of a namespace, or search in it.
#[utoipa::path(
    get, path = "/api/memory/{namespace}", tag = "memory",
    params(
        ("namespace" = String, Path, description = "The namespace"),
        ("q" = Option<String>, Query, description = "Words to search for; then `after` has no meaning"),
        ("after" = Option<String>, Query, description = "Keys after this one"),
        ("limit" = Option<u64>, Query, description = "1 to 100, 20 where absent"),
        ("source" = Option<String>, Query, description = "Who searches; `api` where absent"),
    ),
    responses(
        (status = 200, description = "A page of them; long values are cut", body = KeyPage),
        (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "There is no such namespace"),
        (status = 422, description = "The name or the query is over its bound"),
        (status = 503, description = "The index is not up to date"),
    )
)]
pub async fn list_keys(
    State(services): State<Services>,
    namespace: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<KeyPage>, Problem> {
    keys_of(&services, &names(namespace)?, query.as_deref()).await
}

/// The keys of the namespace that is called as the address of searches is.
async fn list_keys_of_search(State(services): State<Services>, RawQuery(query): RawQuery) -> Result<Json<KeyPage>, Problem> {
    keys_of(&services, "search", query.as_deref()).await
}

async fn keys_of(services: &Services, namespace: &str, query: Option<&str>) -> Result<Json<KeyPage>, Problem> {
    let asked = Asked::read(query, &["q", "after", "limit", "source"], DEFAULT_RESULTS, MAX_RESULTS)?;
    let Some(words) = &asked.query else {
        let (summary, found) = services.memory.keys(namespace, &asked.after, asked.limit).await?;
        let next = found.last().map(|last| last.key.clone()).filter(|_| found.len() == asked.limit);
        let keys = found.iter().map(EntryView::cut).collect();
        return Ok(Json(KeyPage { namespace: summary.into(), keys, next }));
    };
    let (summary, _) = services.memory.keys(namespace, "", 0).await?;
    let found = services.memory.search(&asked.source, words, Some(namespace), asked.limit).await?;
    let keys = found.hits.into_iter().map(EntryView::of_hit).collect();
    Ok(Json(KeyPage { namespace: summary.into(), keys, next: None }))
}

/// Retrieve a value.
#[utoipa::path(
    get, path = "/api/memory/{namespace}/{key}", tag = "memory",
    params(
        ("namespace" = String, Path, description = "The namespace"),
        ("key" = String, Path, description = "The key, percent-encoded"),
        ("source" = Option<String>, Query, description = "Who asks; `api` where absent"),
    ),
    responses(
        (status = 200, description = "The whole value", body = ValueAnswer),
        (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "There is no such key"),
        (status = 422, description = "A name is over its bound"),
        (status = 503, description = "The index is not up to date"),
    )
)]
pub async fn retrieve_value(
    State(services): State<Services>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<ValueAnswer>, Problem> {
    let (namespace, key) = names(path)?;
    let asked = Asked::read(query.as_deref(), &["source"], DEFAULT_RESULTS, MAX_RESULTS)?;
    let found = services.memory.retrieve(&asked.source, &namespace, &key).await?;
    let entry = EntryView::whole(&found.entry);
    Ok(Json(ValueAnswer { entry, cache_hit: found.cache_hit, latency_ms: found.latency_ms }))
}

/// Store a value under a key, new or not.
#[utoipa::path(
    put, path = "/api/memory/{namespace}/{key}", tag = "memory", request_body = StoreBody,
    params(
        ("namespace" = String, Path, description = "The namespace, up to 128 bytes"),
        ("key" = String, Path, description = "The key, up to 256 bytes, percent-encoded"),
    ),
    responses(
        (status = 200, description = "Put in the place of another (`memory.updated`)", body = WriteAnswer),
        (status = 201, description = "Put under a new key (`memory.stored`)", body = WriteAnswer),
        (status = 400, description = "The body cannot be understood"),
        (status = 404, description = "`if_present` or `if_version`, and there is no such key"),
        (status = 409, description = "`if_absent`, and there is one; or it has another version"),
        (status = 413, description = "The value is over 48 KiB"),
        (status = 422, description = "A name is over its bound"),
        (status = 503, description = "The log or the index does not answer"),
    )
)]
pub async fn store_value(
    State(services): State<Services>,
    path: Result<Path<(String, String)>, PathRejection>,
    Body(body): Body<StoreBody>,
) -> Result<(StatusCode, Json<WriteAnswer>), Problem> {
    let (namespace, key) = names(path)?;
    let condition = match (body.if_version, body.if_absent, body.if_present) {
        (None, false, false) => Condition::Always,
        (Some(version), false, false) => Condition::Version(version),
        (None, true, false) => Condition::Absent,
        (None, false, true) => Condition::Present,
        _ => return Err(Problem::request("if_version, if_absent, if_present: at most one of them")),
    };
    let by = reporter(body.source)?;
    let written = services.memory.store(&by, &namespace, &key, body.value, condition).await?;
    let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(WriteAnswer { version: written.version, created: written.created, latency_ms: written.latency_ms })))
}

/// Delete a key.
#[utoipa::path(
    delete, path = "/api/memory/{namespace}/{key}", tag = "memory",
    params(
        ("namespace" = String, Path, description = "The namespace"),
        ("key" = String, Path, description = "The key, percent-encoded"),
        ("if_version" = Option<u64>, Query, description = "Only this version"),
        ("source" = Option<String>, Query, description = "Who deletes it; `api` where absent"),
    ),
    responses(
        (status = 200, description = "It is gone (`memory.deleted`)", body = WriteAnswer),
        (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "There is no such key"),
        (status = 409, description = "It has another version"),
        (status = 422, description = "A name is over its bound"),
        (status = 503, description = "The log or the index does not answer"),
    )
)]
pub async fn delete_value(
    State(services): State<Services>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<WriteAnswer>, Problem> {
    let (namespace, key) = names(path)?;
    let asked = Asked::read(query.as_deref(), &["if_version", "source"], DEFAULT_RESULTS, MAX_RESULTS)?;
    let written = services.memory.delete(&asked.source, &namespace, &key, asked.version).await?;
    Ok(Json(WriteAnswer { version: written.version, created: false, latency_ms: written.latency_ms }))
}

/// Read what wrote a key, as the log tells it.
#[utoipa::path(
    get, path = "/api/memory/{namespace}/{key}/history", tag = "memory",
    params(
        ("namespace" = String, Path, description = "The namespace"),
        ("key" = String, Path, description = "The key, percent-encoded"),
        ("before" = Option<u64>, Query, description = "Writes before this place; the newest where absent"),
        ("limit" = Option<u64>, Query, description = "1 to 100, 20 where absent"),
    ),
    responses(
        (status = 200, description = "Newest first; long values are cut", body = WritePage),
        (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "Nothing ever wrote it, as far as is known"),
        (status = 422, description = "A name is over its bound"),
        (status = 503, description = "The log or the index does not answer"),
    )
)]
pub async fn read_writes(
    State(services): State<Services>,
    path: Result<Path<(String, String)>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Json<WritePage>, Problem> {
    let (namespace, key) = names(path)?;
    let asked = Asked::read(query.as_deref(), &["before", "limit"], DEFAULT_RESULTS, MAX_RESULTS)?;
    let history = services.memory.history(&namespace, &key, asked.before.unwrap_or(u64::MAX), asked.limit).await?;
    Ok(Json(WritePage { writes: history.writes.into_iter().map(WriteView::from).collect(), next: history.next }))
}

/// The parameters of these addresses.
#[derive(Debug)]
struct Asked {
    after: String,
    before: Option<u64>,
    limit: usize,
    query: Option<String>,
    source: String,
    version: Option<u64>,
}

impl Asked {
    fn read(query: Option<&str>, known: &[&str], limit: usize, most: usize) -> Result<Self, Problem> {
        let source = DEFAULT_SOURCE.to_owned();
        let mut asked = Self { after: String::new(), before: None, limit, query: None, source, version: None };
        for (name, value) in pairs(query)? {
            match name.as_str() {
                "token" => {}
                name if !known.contains(&name) => {
                    return Err(Problem::parameter(format!("{name}: unknown parameter; known are {}", known.join(", "))));
                }
                "limit" => asked.limit = number("limit", &value, most as u64)? as usize,
                "before" => asked.before = Some(number("before", &value, u64::MAX)?),
                "if_version" => asked.version = Some(number("if_version", &value, u64::MAX)?),
                "q" => asked.query = Some(value),
                "source" => asked.source = reporter(Some(value))?,
                _ => asked.after = value,
            }
        }
        Ok(asked)
    }
}

fn names<T>(path: Result<Path<T>, PathRejection>) -> Result<T, Problem> {
    path.map(|Path(names)| names).map_err(|rejection| Problem::request(rejection.body_text()))
}
