//! What a client is told when something is wrong: `application/problem+json`, RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::event::Fault;
use crate::hub::{AppendError, HistoryError, LogError};
use crate::service::{Reason, Refusal};

/// A problem: a status, a stable code, and words that name the fault and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    /// Where in the input.
    path: Option<String>,
    /// The words under `error`, for clients of a dialect that read them there.
    error: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), path: None, error: None }
    }

    /// 400: a parameter that does not exist or does not fit.
    pub fn parameter(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_parameter", "A parameter does not fit", detail)
    }

    /// 400: a request that cannot be understood.
    pub fn request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", "The request cannot be understood", detail)
    }

    /// 422: an event that does not fit.
    pub fn event(fault: &Fault) -> Self {
        let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_event", "An event does not fit", fault.to_string());
        Self { path: Some(fault.path.clone()), ..problem }
    }

    /// 413: too large.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The request is too large", detail)
    }

    /// 401: no token, or a wrong one.
    pub fn unauthorized() -> Self {
        let detail = "this server wants a token: Authorization: Bearer TOKEN, or open the page once with ?token=TOKEN";
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "A token is needed", detail)
    }

    /// 403: a host or an origin that is not the server's.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "The request is not allowed from there", detail)
    }

    /// 404: nothing there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing", detail)
    }

    /// 405: a method that the address does not have.
    pub fn method(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The address has no such method", detail)
    }

    /// 426: the WebSocket handshake is of another version.
    pub fn upgrade(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "A WebSocket handshake is needed", detail)
    }

    /// The same with words under `error`, which clients of a dialect read.
    #[must_use]
    pub fn with_error(self, error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..self }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Its words, for logs and for the page.
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::event(&fault)
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "log_unavailable", "The log takes no events now", error.to_string())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.detail;
        match refusal.reason {
            Reason::Missing => Self::not_found(detail),
            Reason::Conflict => Self::new(StatusCode::CONFLICT, "conflict", "It does not fit how things stand", detail),
            Reason::Invalid => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "What is asked for does not fit", detail),
            Reason::TooLarge => Self::too_large(detail),
            Reason::Denied => Self::forbidden(detail),
            Reason::Unavailable => Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "It cannot be done now", detail),
        }
    }
}

impl From<LogError> for Problem {
    fn from(error: LogError) -> Self {
        tracing::error!(%error, "server.log.read");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "log_unreadable", "The log cannot be read", error.to_string())
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Future { .. } => Self::not_found(error.to_string()),
            HistoryError::Gone { .. } => Self::new(StatusCode::GONE, "gone", "It is no longer kept", error.to_string()),
            HistoryError::Log(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("/api/docs#problem-{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(path) = self.path {
            body["path"] = path.into();
        }
        if let Some(error) = self.error {
            body["error"] = error.into();
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
