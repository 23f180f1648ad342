//! An inbox as Server-Sent Events.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;

use super::{LetterView, place};
use crate::hub::batch::sse_event;
use crate::server::api::params::Params;
use crate::server::problem::Problem;
use crate::server::{AppState, Counted};
use crate::service::messages::InboxPage;

/// Between two signs of life on a quiet stream.
const QUIET: Duration = Duration::from_secs(15);
/// How many messages one write carries at most.
const PAGE: usize = 100;

/// Follow an inbox as Server-Sent Events.
///
/// It begins with what waits. `event:` is `message`, `id:` the cursor of the message, `data:` the
/// message. A browser that comes back sends `Last-Event-ID` and goes on after it; messages before it
/// that were not acknowledged are delivered again on a stream without one.
#[utoipa::path(get, path = "/api/agents/{id}/inbox/stream", tag = "messages",
    params(
        ("id" = String, Path, description = "The agent"),
        ("after" = Option<String>, Query, description = "Only messages after this place of the log, a seq or a cursor"),
    ),
    responses((status = 200, description = "text/event-stream"), (status = 400, description = "A parameter does not fit"),
        (status = 404, description = "No such agent")))]
pub(super) async fn follow(
    State(app): State<AppState>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut params = Params::read(query.as_deref())?;
    let mut after = place(&app.hub, params.take("after").as_deref(), "after")?;
    params.end()?;
    if let Some(last) = headers.get("last-event-id").and_then(|last| last.to_str().ok()).filter(|last| !last.is_empty()) {
        after = place(&app.hub, Some(last), "Last-Event-ID")?;
    }
    let first = app.services.messages.inbox(&id, after, PAGE).await?;
    let open = Counted::new(&app.gauges, |gauges| &gauges.sse);
    let reader = Reader { app, id, after, first: Some(first), _open: open };
    let body = Body::from_stream(unfold(reader, |mut reader| async move {
        let chunk = reader.next().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), reader))
    }));
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, body).into_response())
}

struct Reader {
    app: AppState,
    id: String,
    after: u64,
    /// What waited when it began; an empty page still says that the stream stands.
    first: Option<InboxPage>,
    _open: Counted,
}

impl Reader {
    /// What goes out next; none at the end: the server stops, the agent is gone, or the log cannot be
    /// read.
    async fn next(&mut self) -> Option<Bytes> {
        let page = match self.first.take() {
            Some(page) => page,
            None => {
                let waiting = self.app.services.messages.wait(&self.id, self.after, PAGE, QUIET);
                tokio::select! {
                    biased;
                    () = self.app.stopping.cancelled() => return None,
                    page = waiting => page.inspect_err(|refusal| tracing::debug!(%refusal, "server.inbox.ended")).ok()?,
                }
            }
        };
        self.after = page.next;
        let mut out = Vec::new();
        for letter in page.messages {
            let cursor = self.app.hub.cursor(letter.seq);
            let json = serde_json::to_string(&LetterView::of(letter)).ok()?;
            sse_event(&mut out, cursor, "message", &json);
        }
        if out.is_empty() {
            out.extend_from_slice(b": nothing new\n\n");
        }
        Some(out.into())
    }
}
