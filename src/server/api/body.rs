//! The JSON body of a request.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::server::problem::Problem;

/// A body read as JSON, whatever its content type says; an empty one is read as `{}`.
///
/// A fault names the field: `priority: invalid type: string "high", expected i64`.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state).await.map_err(|error| Problem::request(error.body_text()))?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            if path == "." {
                Problem::request(error.into_inner().to_string())
            } else {
                Problem::request(format!("{path}: {}", error.inner()))
            }
        })?;
        reader.end().map_err(|error| Problem::request(error.to_string()))?;
        Ok(Self(value))
    }
}
