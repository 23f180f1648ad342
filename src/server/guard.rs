//! Who may ask: the name asked for, the place asked from, and the token.
//!
//! A page on the web can make a browser send requests to this machine. It cannot choose the `Host`
//! header freely nor hide its `Origin`; both are checked, so that it can neither change nor read
//! anything here.

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use subtle::ConstantTimeEq as _;

use super::problem::Problem;
use super::query::pairs;
use super::{AppState, ServerConfig};

/// The cookie that carries the token for pages.
const COOKIE: &str = "swarmdeck_token";

/// Checks a request, lets it through, and puts the headers on the answer that every answer has.
pub async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    checked(&state.config, OPEN, request, next).await
}

/// The deck's own addresses that tell whether it is well, to whoever asks.
const OPEN: &[&str] = &["/healthz", "/readyz"];

/// The same for a listener whose clients are pages from other ports of this machine.
pub async fn local(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let from_here = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).is_some_and(is_local_origin);
    if from_here {
        request.headers_mut().remove(header::ORIGIN);
    }
    // Such a listener serves its clients at any path: none of them is open.
    checked(&state.config, &[], request, next).await
}

/// Whether an origin is a page of this machine.
pub(crate) fn is_local_origin(origin: &str) -> bool {
    let authority = origin.split_once("://").and_then(|(_, authority)| authority.parse::<Authority>().ok());
    authority.is_some_and(|authority| is_loopback(authority.host()))
}

async fn checked(config: &ServerConfig, open: &[&str], request: Request, next: Next) -> Response {
    let secure = match check(config, open, &request) {
        Ok(Pass::Through) => next.run(request).await,
        Ok(Pass::SignIn(response)) => response,
        Err(problem) => {
            tracing::debug!(uri = %request.uri().path(), detail = problem.detail(), "server.guard.refused");
            problem.into_response()
        }
    };
    with_headers(secure)
}

enum Pass {
    Through,
    /// A page was opened with the token in its address: it goes into a cookie and out of sight.
    SignIn(Response),
}

fn check(config: &ServerConfig, open: &[&str], request: &Request) -> Result<Pass, Problem> {
    let path = request.uri().path();
    let headers = request.headers();
    let host = host(headers, request.uri())?;
    check_host(config, &host)?;
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes || headers.contains_key(header::UPGRADE) {
        check_origin(config, headers, &host)?;
    }
    let Some(token) = &config.token else { return Ok(Pass::Through) };
    if open.contains(&path) || carries(headers, token) {
        return Ok(Pass::Through);
    }
    let query = pairs(request.uri().query())?;
    let in_address = query.iter().any(|(name, value)| name == "token" && same(value, token));
    match in_address {
        false => Err(Problem::unauthorized()),
        true if wants_page(request) => Ok(Pass::SignIn(sign_in(path, &query, token))),
        true => Ok(Pass::Through),
    }
}

fn host(headers: &HeaderMap, uri: &Uri) -> Result<Authority, Problem> {
    // HTTP/2 has the name in the address itself.
    if let Some(authority) = uri.authority() {
        return Ok(authority.clone());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.and_then(|host| host.parse().ok()).ok_or_else(|| Problem::request("the Host header is missing or malformed"))
}

fn check_host(config: &ServerConfig, host: &Authority) -> Result<(), Problem> {
    // Beyond this machine the names are not known, and the token stands in their place.
    let known = !config.addr.ip().is_loopback()
        || is_loopback(host.host())
        || config.allowed_hosts.iter().any(|allowed| allowed == host.host() || allowed == host.as_str());
    if known { Ok(()) } else { Err(Problem::forbidden(format!("Host {host} is not this server's; --allow-host adds a name"))) }
}

/// Whether a name or an address is this machine's own.
pub(crate) fn is_loopback(name: &str) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || name.ends_with(".localhost") || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Programs send no `Origin`; a browser does, and cannot be made to lie.
fn check_origin(config: &ServerConfig, headers: &HeaderMap, host: &Authority) -> Result<(), Problem> {
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or("?");
    let own = origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host.as_str()));
    if own || config.allowed_origins.iter().any(|allowed| allowed == origin) {
        return Ok(());
    }
    Err(Problem::forbidden(format!("Origin {origin} is not this server's; --allow-origin adds one")))
}

fn carries(headers: &HeaderMap, token: &str) -> bool {
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("Bearer "));
    if bearer.is_some_and(|given| same(given, token)) {
        return true;
    }
    let cookies =
        headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split("; "));
    cookies.filter_map(|cookie| cookie.split_once('=')).any(|(name, given)| name == COOKIE && same(given, token))
}

fn same(given: &str, token: &str) -> bool {
    given.as_bytes().ct_eq(token.as_bytes()).into()
}

fn wants_page(request: &Request) -> bool {
    let accepts = |kind| {
        request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains(kind))
    };
    *request.method() == Method::GET && accepts("text/html") && !request.headers().contains_key(header::UPGRADE)
}

fn sign_in(path: &str, query: &[(String, String)], token: &str) -> Response {
    use crate::app::route::encode;
    let kept =
        query.iter().filter(|(name, _)| name != "token").map(|(name, value)| [&encode(name), "=", &encode(value)].concat());
    let kept: Vec<String> = kept.collect();
    // One slash: two would name another server.
    let mut to = ["/", path.trim_start_matches('/')].concat();
    if !kept.is_empty() {
        to = [&to, "?", &kept.join("&")].concat();
    }
    let mut response = Redirect::to(&to).into_response();
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A token that a cookie and a header can carry: 8 to 256 letters, digits and `-._~`.
///
/// # Errors
/// Says what does not fit.
pub fn check_token(token: &str) -> Result<(), String> {
    let plain = token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
    if !plain || !(8..=256).contains(&token.len()) {
        return Err("a token is 8 to 256 letters, digits and - . _ ~".to_owned());
    }
    Ok(())
}

const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Not no-referrer: a form would then be sent with the origin null, like one from nowhere.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("permissions-policy"), HeaderValue::from_static("camera=(), microphone=(), geolocation=()")),
];

/// What an answer that is no page may do in a browser: nothing.
const NO_PAGE: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

fn with_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NO_PAGE);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn ask(config: &ServerConfig, method: &str, headers: &[(&str, &str)]) -> Result<(), u16> {
        let mut request = Request::builder().method(method).uri("/api/events");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(config, OPEN, &request.body(Body::empty()).unwrap())
            .map(|_| ())
            .map_err(|problem| problem.into_response().status().as_u16())
    }

    #[test]
    fn hosts_and_origins() {
        let config = ServerConfig::at("127.0.0.1:3000".parse().unwrap());
        for host in ["localhost:3000", "127.0.0.1:3000", "[::1]:3000", "deck.localhost"] {
            assert_eq!(ask(&config, "POST", &[("host", host)]), Ok(()), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:3000", "10.0.0.1"] {
            assert_eq!(ask(&config, "GET", &[("host", host)]), Err(403), "{host}");
        }
        assert_eq!(ask(&config, "GET", &[]), Err(400));
        assert_eq!(ask(&config, "POST", &[("host", "localhost:3000"), ("origin", "http://localhost:3000")]), Ok(()));
        for origin in ["http://evil.example", "null", "http://localhost:4000", "http://localhost"] {
            assert_eq!(ask(&config, "POST", &[("host", "localhost:3000"), ("origin", origin)]), Err(403), "{origin}");
            assert_eq!(
                ask(&config, "GET", &[("host", "localhost:3000"), ("origin", origin), ("upgrade", "websocket")]),
                Err(403),
                "{origin}"
            );
        }
        let config = ServerConfig {
            allowed_origins: vec!["http://localhost:4000".into()],
            allowed_hosts: vec!["deck.lan".into()],
            ..config
        };
        assert_eq!(ask(&config, "POST", &[("host", "deck.lan:3000"), ("origin", "http://localhost:4000")]), Ok(()));
    }

    #[test]
    fn tokens() {
        let config = ServerConfig { token: Some("secret-token".into()), ..ServerConfig::at("0.0.0.0:3000".parse().unwrap()) };
        let host = ("host", "deck.example");
        let well = || Request::builder().uri("/healthz").header("host", "deck.example").body(Body::empty()).unwrap();
        assert!(check(&config, OPEN, &well()).is_ok());
        assert!(check(&config, &[], &well()).is_err(), "a listener that serves any path has no open one");
        assert_eq!(ask(&config, "GET", &[host]), Err(401));
        assert_eq!(ask(&config, "GET", &[host, ("authorization", "Bearer wrong-token")]), Err(401));
        assert_eq!(ask(&config, "GET", &[host, ("authorization", "Bearer secret-token")]), Ok(()));
        assert_eq!(ask(&config, "GET", &[host, ("cookie", "a=b; swarmdeck_token=secret-token")]), Ok(()));
        assert!(check_token("short").is_err() && check_token("has space in it").is_err() && check_token("secret-token").is_ok());
    }
}
