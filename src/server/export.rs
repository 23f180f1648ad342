//! `GET /api/export`: the log as a file, read and sent a page at a time.

use std::io;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::unfold;

use super::problem::Problem;
use super::query::{filter, pairs, place};
use crate::event::Filter;
use crate::event::query::field;
use crate::hub::{Hub, Read, Stored};

/// Events that one reading of the log brings at most.
const PAGE: usize = 1_000;
/// The columns of a CSV export.
const COLUMNS: &str = "seq,ts,type,source,entity_kind,entity_id,id,payload\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Ndjson,
    Csv,
}

/// Export the log.
///
/// As NDJSON, which `POST /api/events` takes again as it stands, or as CSV (RFC 4180, UTF-8) with the
/// columns seq, ts, type, source, entity_kind, entity_id, id and payload (as JSON). In CSV a cell that
/// begins with `=`, `+`, `-`, `@`, a tab or a carriage return gets an apostrophe before it, so that no
/// spreadsheet takes it for a formula. Events that come after the request are not in it. A transfer
/// that does not end as it should broke off: the log could not be read, or retention took events that
/// were still to come.
#[utoipa::path(
    get, path = "/api/export", tag = "events",
    params(
        ("format" = Option<String>, Query, description = "ndjson or csv; ndjson where absent"),
        ("after" = Option<String>, Query, description = "A seq or a cursor: events after it; the beginning where absent"),
        ("until" = Option<String>, Query, description = "A seq or a cursor: events up to and with it; the newest where absent"),
        ("types" = Option<String>, Query, description = "task.*, task.progress, separated by commas; `filter` is short for it"),
        ("entity" = Option<String>, Query, description = "task:abc, agent:*, separated by commas"),
        ("source" = Option<String>, Query, description = "Reporters, separated by commas"),
        ("session" = Option<String>, Query, description = "Sessions, separated by commas"),
        ("q" = Option<String>, Query, description = "A filter as a person writes it: agent:planner type:task.* status:failing -source:demo \"npm test\""),
    ),
    responses((status = 200, description = "A file"), (status = 400, description = "A parameter does not fit"))
)]
pub async fn export(State(hub): State<Hub>, RawQuery(query): RawQuery, headers: HeaderMap) -> Result<Response, Problem> {
    let (mut format, mut wanted) = (Format::Ndjson, Filter::everything());
    let (mut after, mut until) = (0, hub.head());
    for (name, value) in pairs(query.as_deref())? {
        match name.as_str() {
            "format" => {
                format = match value.as_str() {
                    "ndjson" => Format::Ndjson,
                    "csv" => Format::Csv,
                    _ => return Err(Problem::parameter(format!("format: {value:?} is neither ndjson nor csv"))),
                };
            }
            "after" => after = place("after", &value, &hub)?,
            "until" => until = until.min(place("until", &value, &hub)?),
            "token" => {}
            _ if filter(&mut wanted, &name, &value)? => {}
            _ => {
                let known = "format, after, until, types, filter, entity, source, session, q";
                return Err(Problem::parameter(format!("{name}: unknown parameter; known are {known}")));
            }
        }
    }
    let after = after.max(hub.first() - 1);
    let (kind, ending) = match format {
        Format::Ndjson => ("application/x-ndjson", "ndjson"),
        Format::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
    };
    let name = format!("attachment; filename=\"swarmdeck-{}-{}-{until}.{ending}\"", hub.epoch(), after + 1);
    let head = if format == Format::Csv { COLUMNS } else { "" };
    let begin = Progress { hub, filter: wanted, format, after, until, head: Some(head), over: false };
    let body = Body::from_stream(unfold(begin, |mut progress| async move {
        let chunk = progress.next().await.transpose()?;
        Some((chunk, progress))
    }));
    let mut response = ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], body).into_response();
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(super::history::local(response, &headers))
}

/// How far an export has come.
struct Progress {
    hub: Hub,
    filter: Filter,
    format: Format,
    after: u64,
    until: u64,
    head: Option<&'static str>,
    over: bool,
}

impl Progress {
    /// The next piece; none at the end.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if let Some(head) = self.head.take().filter(|head| !head.is_empty()) {
            return Ok(Some(Bytes::from_static(head.as_bytes())));
        }
        while !self.over && self.after < self.until {
            let read =
                Read { after: self.after, before: self.until + 1, limit: PAGE, newest: false, filter: self.filter.clone() };
            let page = self.hub.read(read).await.map_err(|error| self.broken(&error.to_string()))?;
            // Looked at after the read: what retention took meanwhile shows.
            if self.hub.first() > self.after + 1 {
                return Err(self.broken("retention took events that were still to come"));
            }
            self.over = page.exhausted;
            self.after = page.reached;
            let mut out = String::with_capacity(page.events.iter().map(|event| event.json.len() + 100).sum());
            for event in &page.events {
                match self.format {
                    Format::Ndjson => {
                        out.push_str(&event.json);
                        out.push('\n');
                    }
                    Format::Csv => row(&mut out, event),
                }
            }
            if !out.is_empty() {
                return Ok(Some(out.into()));
            }
        }
        Ok(None)
    }

    fn broken(&mut self, why: &str) -> io::Error {
        self.over = true;
        tracing::error!(why, after = self.after, "server.export.broken");
        io::Error::other(why.to_owned())
    }
}

fn row(out: &mut String, event: &Stored) {
    let (kind, id) = event.entity.as_ref().map_or(("", ""), |entity| (&entity.kind, &entity.id));
    let ts = field(&event.json, "ts").unwrap_or_default().trim_matches('"');
    let payload = field(&event.json, "payload").unwrap_or_default();
    out.push_str(&event.seq.to_string());
    for text in [ts, &event.kind, &event.source, kind, id, event.key.as_deref().unwrap_or_default(), payload] {
        out.push(',');
        cell(out, text);
    }
    out.push_str("\r\n");
}

/// Appends a cell: no formula, and in quotes where it has a mark of the format.
fn cell(out: &mut String, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !text.contains([',', '"', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_no_formulas_and_keep_their_text() {
        let shown = |text: &str| {
            let mut out = String::new();
            cell(&mut out, text);
            out
        };
        assert_eq!(shown("plain text"), "plain text");
        assert_eq!(shown("a,\"b\"\r\nc"), "\"a,\"\"b\"\"\r\nc\"");
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(shown(formula), format!("\"'{formula}\""));
        }
        assert_eq!(shown("=HYPERLINK(\"http://x\")"), "\"'=HYPERLINK(\"\"http://x\"\")\"");
    }
}
