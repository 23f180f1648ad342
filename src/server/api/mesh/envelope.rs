//! The envelope of every answer of the mesh dialect.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::hub::{LogError, now};
use crate::service::{Reason, Refusal};

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Success {
    /// true.
    success: bool,
    /// What was asked for.
    data: Value,
    /// In words.
    message: String,
    /// When, RFC 3339.
    timestamp: String,
}

/// An answer that is none.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trouble {
    /// false.
    success: bool,
    /// What is wrong.
    error: Fault,
    /// When, RFC 3339.
    timestamp: String,
}

/// What is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Fault {
    /// BAD_REQUEST, NOT_FOUND, VALIDATION_ERROR and so on.
    code: &'static str,
    /// In words.
    message: String,
    /// What it is about.
    details: Value,
}

/// A refusal on its way into its envelope.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    details: Value,
}

/// An answer in its envelope.
pub(super) fn succeeded(status: StatusCode, data: Value, message: &str) -> Response {
    let body = Success { success: true, data, message: message.to_owned(), timestamp: now().to_string() };
    (status, Json(body)).into_response()
}

/// The same with 200.
pub(super) fn ok(data: Value, message: &str) -> Result<Response, Failure> {
    Ok(succeeded(StatusCode::OK, data, message))
}

/// A refusal with this status.
pub(super) fn failed(status: StatusCode, message: String, details: Value) -> Failure {
    Failure { status, message, details }
}

impl Failure {
    /// 400.
    pub(super) fn bad_request(message: String, details: Value) -> Self {
        failed(StatusCode::BAD_REQUEST, message, details)
    }

    /// 422: a health status that does not exist.
    pub(super) fn health(given: &Value) -> Self {
        let message = format!("Invalid health status: {given}; it is healthy, unhealthy, unknown or offline");
        failed(StatusCode::UNPROCESSABLE_ENTITY, message, json!({"field": "status", "value": given}))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.reason {
            Reason::Missing => StatusCode::NOT_FOUND,
            Reason::Conflict => StatusCode::CONFLICT,
            Reason::Invalid => StatusCode::BAD_REQUEST,
            Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Reason::Denied => StatusCode::FORBIDDEN,
            Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        failed(status, refusal.detail, Value::Null)
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Refusal::from(error).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let code = match self.status {
            StatusCode::BAD_REQUEST => "BAD_REQUEST",
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::CONFLICT => "CONFLICT",
            StatusCode::FORBIDDEN => "FORBIDDEN",
            StatusCode::PAYLOAD_TOO_LARGE => "PAYLOAD_TOO_LARGE",
            StatusCode::UNPROCESSABLE_ENTITY => "VALIDATION_ERROR",
            _ => "SERVICE_UNAVAILABLE",
        };
        let error = Fault { code, message: self.message, details: self.details };
        (self.status, Json(Trouble { success: false, error, timestamp: now().to_string() })).into_response()
    }
}
