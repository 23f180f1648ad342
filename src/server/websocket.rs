//! `WS /ws/events`: the stream over a WebSocket.
//!
//! The handshake is HTTP's; from then on the connection is a plain socket that this module owns.
//! What goes out was framed once for all connections (see [`Batch`](crate::hub::Batch)); what comes
//! in is little, and read by [`frame`].

mod connection;
pub mod frame;
mod socket;

pub(crate) use socket::{End, Socket};

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::{Parts, downcast};
use tungstenite::handshake::derive_accept_key;

use super::AppState;
use super::line::Io;
use super::problem::Problem;
use super::query::StreamQuery;
use connection::Connection;

/// Follow the log over a WebSocket.
///
/// Text frames: `stream.hello` first, then events and the stream's own frames. A client may send
/// `ping`, and `{"type":"subscribe","types":["task.*"]}` to change its filter.
#[utoipa::path(get, path = "/ws/events", tag = "streams",
    params(
        ("after" = Option<String>, Query, description = "Cursor to go on after; now where absent"),
        ("types" = Option<String>, Query, description = "task.*, task.progress, separated by commas; `filter` is short for it"),
        ("entity" = Option<String>, Query, description = "task:abc, agent:*"),
        ("source" = Option<String>, Query, description = "Reporters"),
        ("session" = Option<String>, Query, description = "Sessions"),
        ("q" = Option<String>, Query, description = "A filter as a person writes it: agent:planner type:task.* status:failing -source:demo \"npm test\""),
        ("snapshot" = Option<String>, Query, description = "1: the folded state comes first"),
        ("on_lag" = Option<String>, Query, description = "drop_oldest: a slow reader gets only the newest"),
        ("max_lag" = Option<u64>, Query, description = "How many, with on_lag=drop_oldest"),
    ),
    responses((status = 101, description = "The connection is a WebSocket"), (status = 400, description = "A parameter does not fit"),
              (status = 426, description = "Not a WebSocket handshake of version 13")))]
pub async fn follow(
    State(app): State<AppState>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let query = StreamQuery::read(query.as_deref(), &headers)?;
    upgrade(app, request, move |app, socket| async move { Connection::new(app, &query, socket).run().await })
}

/// Answers a handshake and has the socket served; the server's end waits for it.
pub(crate) fn upgrade<F: Future<Output = ()> + Send + 'static>(
    app: AppState,
    mut request: Request,
    serve: impl FnOnce(AppState, Socket) -> F + Send + 'static,
) -> Result<Response, Problem> {
    let accept = handshake(request.method(), request.version(), request.headers())?;
    let upgrade = hyper::upgrade::on(&mut request);
    let tracker = app.connections.clone();
    tracker.spawn(async move {
        let upgraded = match upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => return tracing::debug!(%error, "server.websocket.upgrade"),
        };
        match downcast::<TokioIo<Io>>(upgraded) {
            Ok(parts) => {
                // What HTTP read with is given back here, and not when the connection ends.
                let socket = socket(parts, &app);
                serve(app, socket).await;
            }
            Err(_) => tracing::error!("server.websocket.upgrade: the connection is no TCP socket"),
        }
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
        (header::SEC_WEBSOCKET_ACCEPT, accept),
    ];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

fn socket(parts: Parts<TokioIo<Io>>, app: &AppState) -> Socket {
    Socket::new(parts.io.into_inner().0, &parts.read_buf, app.stopping.clone())
}

/// Checks the client's handshake, RFC 6455 section 4.2.1; gives the accept value.
pub(super) fn handshake(method: &Method, version: Version, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
    let has = |name, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value: &HeaderValue| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let upgrades = has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade");
    if *method != Method::GET || version != Version::HTTP_11 || !upgrades {
        return Err(Problem::upgrade("this address speaks WebSocket: GET with Connection: Upgrade and Upgrade: websocket"));
    }
    if only(headers, &header::SEC_WEBSOCKET_VERSION) != Some(b"13") {
        return Err(Problem::upgrade("the WebSocket version is 13"));
    }
    let Some(key) = only(headers, &header::SEC_WEBSOCKET_KEY).filter(|key| is_key(key)) else {
        return Err(Problem::request("Sec-WebSocket-Key is not there once, as 16 bytes in base64"));
    };
    // Whoever reads on behind the head would take it for frames.
    let empty = headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0");
    if !empty || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Problem::request("a WebSocket handshake has no body"));
    }
    HeaderValue::from_str(&derive_accept_key(key)).map_err(|_| Problem::request("Sec-WebSocket-Key cannot be answered"))
}

/// The value of a header that must be there exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then_some(first.as_bytes())
}

/// Whether a key is sixteen bytes in base64: 22 characters and padding.
fn is_key(key: &[u8]) -> bool {
    key.len() == 24
        && key
            .strip_suffix(b"==")
            .is_some_and(|text| text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte)))
}
