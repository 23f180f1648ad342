//! `/healthz`, `/readyz`, `/metrics`: for whoever runs the server.

use std::fmt::Write as _;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::AppState;
use crate::hub::now;

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "ok")))]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Whether the log takes events.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "ready"), (status = 503, description = "The log cannot be written, or the server is stopping")))]
pub async fn ready(State(app): State<AppState>) -> Response {
    if app.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    match app.hub.trouble() {
        Some(trouble) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {trouble}\n")).into_response(),
        None => "ready\n".into_response(),
    }
}

/// Figures in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses((status = 200, description = "Prometheus text format 0.0.4")))]
pub async fn metrics(State(app): State<AppState>) -> Response {
    let mut out = String::with_capacity(4_096);
    let counters = app.hub.counters();
    let state = app.hub.state();
    let swarm = state.metrics(now());
    let (events, bytes) = app.hub.ring_size();
    let counter = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed) as f64;
    let gauge = |value: &std::sync::atomic::AtomicI64| value.load(Ordering::Relaxed) as f64;
    let rows: [(&str, &str, &str, f64); 20] = [
        ("events_total", "counter", "Events committed since start.", counter(&counters.events)),
        ("commits_total", "counter", "Transactions committed since start.", counter(&counters.commits)),
        ("commit_seconds_total", "counter", "Time spent in commits since start.", counter(&counters.commit_micros) / 1e6),
        ("duplicates_total", "counter", "Events that were stored before.", counter(&counters.duplicates)),
        ("emit_dropped_total", "counter", "Events dropped at a full queue.", counter(&counters.emit_dropped)),
        ("refused_total", "counter", "Requests with events that did not fit.", counter(&app.gauges.refused)),
        ("log_reads_total", "counter", "Reads of the log for subscribers.", counter(&counters.log_reads)),
        ("gaps_total", "counter", "Gaps that subscribers were told of.", counter(&counters.gaps)),
        ("filter_evaluations_total", "counter", "Evaluations of filters on events.", counter(&counters.filter_evaluations)),
        ("state_copies_total", "counter", "Copies of the whole state for readers that held it.", counter(&counters.state_copies)),
        ("head", "gauge", "The newest event's seq.", app.hub.head() as f64),
        ("first", "gauge", "The oldest kept event's seq.", app.hub.first() as f64),
        ("websockets", "gauge", "Open WebSocket streams.", gauge(&app.gauges.websockets)),
        ("sse_streams", "gauge", "Open SSE streams.", gauge(&app.gauges.sse)),
        ("subscriptions", "gauge", "Open subscriptions.", app.hub.subscriptions() as f64),
        ("ring_events", "gauge", "Events in memory.", events as f64),
        ("ring_bytes", "gauge", "Bytes of events in memory, with what was made of them.", bytes as f64),
        ("agents_active", "gauge", "Agents at work.", swarm.active_agents as f64),
        ("tasks_pending", "gauge", "Tasks that nobody has begun.", swarm.pending_tasks as f64),
        ("messages_per_second", "gauge", "Messages a second over the last ten.", swarm.messages_per_second),
    ];
    for (name, kind, help, value) in rows {
        let _infallible =
            writeln!(out, "# HELP swarmdeck_{name} {help}\n# TYPE swarmdeck_{name} {kind}\nswarmdeck_{name} {value}");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], out).into_response()
}
