//! The `events` format: NDJSON agent events, in the words of the sessions dialect.
//!
//! A program of this format writes one JSON object a line to its standard output:
//!
//! ```text
//! {"type":"text_delta","delta":"Hel","turnId":"1"}
//! {"type":"text_complete","text":"Hello","isIntermediate":false,"turnId":"1"}
//! {"type":"tool_start","toolUseId":"u1","toolName":"Bash","toolInput":{"command":"ls"},"toolIntent":"Look","toolDisplayName":"Shell"}
//! {"type":"tool_result","toolUseId":"u1","toolName":"Bash","result":"a.txt","isError":false}
//! {"type":"permission_request","requestId":"r1","toolName":"Bash","command":"rm a.txt","description":"Clean up","input":{}}
//! {"type":"permission_cancel","requestId":"r1"}
//! {"type":"complete"}
//! {"type":"error","error":"the model does not answer"}
//! ```
//!
//! `turnId`, `isIntermediate`, `isError`, `toolIntent`, `toolDisplayName`, `command`, `description`
//! and `input` may be left out, and the fields of a request may stand inside `"request":{…}`, as
//! the dialect has them. Every turn ends with `complete` or `error`, or with the end of the program.
//!
//! It reads, one JSON object a line, from its standard input:
//!
//! ```text
//! {"type":"message","message":"what a person wrote"}
//! {"type":"permission_response","requestId":"r1","allowed":true,"alwaysAllow":false}
//! ```
//!
//! The end of its standard input tells it to end.

use serde_json::{Value, json};

use super::{AgentEvent, Ask};
use crate::event::wire::Object;

/// What a line says.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Event(AgentEvent),
    /// A kind that is not known; passed over and counted.
    Unknown,
    /// No JSON object, or a known kind without a field it must have; passed over and counted.
    Malformed(String),
}

/// Reads a line.
pub(super) fn read(line: &[u8]) -> Line {
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => read_object(object),
        Ok(_) => Line::Malformed("no object".to_owned()),
        Err(error) => Line::Malformed(format!("not JSON: {error}")),
    }
}

/// Reads an object that was read already.
pub(super) fn read_object(mut object: Object) -> Line {
    let kind = text(&mut object, "type").unwrap_or_default();
    let event = match kind.as_str() {
        "text_delta" | "text_complete" | "tool_start" | "tool_result" | "permission_request" | "permission_cancel"
        | "complete" | "error" => fields(&kind, object),
        _ => return Line::Unknown,
    };
    match event {
        Ok(event) => Line::Event(event),
        Err(field) => Line::Malformed(format!("{kind} without {field}")),
    }
}

fn fields(kind: &str, mut it: Object) -> Result<AgentEvent, &'static str> {
    let turn = text(&mut it, "turnId");
    Ok(match kind {
        "text_delta" => AgentEvent::TextDelta { turn, text: must(&mut it, "delta")? },
        "text_complete" => {
            AgentEvent::TextComplete { turn, text: must(&mut it, "text")?, intermediate: flag(&it, "isIntermediate") }
        }
        "tool_start" => AgentEvent::ToolStart {
            id: must(&mut it, "toolUseId")?,
            tool: must(&mut it, "toolName")?,
            input: it.remove("toolInput").unwrap_or_default(),
            intent: text(&mut it, "toolIntent"),
            display: text(&mut it, "toolDisplayName"),
            turn,
        },
        "tool_result" => AgentEvent::ToolResult {
            id: must(&mut it, "toolUseId")?,
            tool: must(&mut it, "toolName")?,
            result: it.remove("result").unwrap_or_default(),
            is_error: flag(&it, "isError"),
            turn,
        },
        "permission_request" => {
            let mut it = match it.remove("request") {
                Some(Value::Object(request)) => request,
                _ => it,
            };
            AgentEvent::Permission(Ask {
                request: must(&mut it, "requestId")?,
                tool: must(&mut it, "toolName")?,
                command: text(&mut it, "command"),
                description: text(&mut it, "description"),
                input: match it.remove("input") {
                    Some(Value::Object(input)) => Some(input),
                    _ => None,
                },
            })
        }
        "permission_cancel" => AgentEvent::Withdrawn { request: must(&mut it, "requestId")? },
        "complete" => AgentEvent::Complete,
        _ => AgentEvent::Error(must(&mut it, "error")?),
    })
}

/// Takes a text out of an object.
pub(super) fn text(object: &mut Object, key: &str) -> Option<String> {
    match object.remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn must(object: &mut Object, key: &'static str) -> Result<String, &'static str> {
    text(object, key).ok_or(key)
}

fn flag(object: &Object, key: &str) -> bool {
    object.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// The line that tells a message.
pub(super) fn message(text: &str) -> String {
    json!({"type": "message", "message": text}).to_string()
}

/// The line that answers a request.
pub(super) fn answer(request: &str, allowed: bool, always: bool) -> String {
    json!({"type": "permission_response", "requestId": request, "allowed": allowed, "alwaysAllow": always}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read() {
        let turn = || Some("1".to_owned());
        let ask = Ask {
            request: "r1".into(),
            tool: "Bash".into(),
            command: Some("rm a".into()),
            description: Some("Clean up".into()),
            input: None,
        };
        for (line, event) in [
            (json!({"type":"text_delta","delta":"é🐝","turnId":"1"}), AgentEvent::TextDelta { turn: turn(), text: "é🐝".into() }),
            (json!({"type":"text_delta","delta":""}), AgentEvent::TextDelta { turn: None, text: String::new() }),
            (
                json!({"type":"text_complete","text":"a","isIntermediate":true,"turnId":"1"}),
                AgentEvent::TextComplete { turn: turn(), text: "a".into(), intermediate: true },
            ),
            (
                json!({"type":"tool_start","toolName":"Bash","toolUseId":"u","toolInput":{"command":"ls"},"toolIntent":"Look","toolDisplayName":"Shell"}),
                AgentEvent::ToolStart {
                    id: "u".into(),
                    tool: "Bash".into(),
                    input: json!({"command":"ls"}),
                    intent: Some("Look".into()),
                    display: Some("Shell".into()),
                    turn: None,
                },
            ),
            (
                json!({"type":"tool_result","toolUseId":"u","toolName":"Bash","result":["a",1],"isError":true,"turnId":"1"}),
                AgentEvent::ToolResult {
                    id: "u".into(),
                    tool: "Bash".into(),
                    result: json!(["a", 1]),
                    is_error: true,
                    turn: turn(),
                },
            ),
            (
                json!({"type":"permission_request","requestId":"r1","toolName":"Bash","command":"rm a","description":"Clean up"}),
                AgentEvent::Permission(ask.clone()),
            ),
            (
                json!({"type":"permission_request","request":{"requestId":"r1","toolName":"Bash","command":"rm a","description":"Clean up","input":{"x":1}}}),
                AgentEvent::Permission(Ask { input: json!({"x":1}).as_object().cloned(), ..ask }),
            ),
            (json!({"type":"permission_cancel","requestId":"r1"}), AgentEvent::Withdrawn { request: "r1".into() }),
            (json!({"type":"complete","usage":{"tokens":3}}), AgentEvent::Complete),
            (json!({"type":"error","error":"no"}), AgentEvent::Error("no".into())),
        ] {
            assert_eq!(read(line.to_string().as_bytes()), Line::Event(event), "{line}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_apart() {
        for line in ["{\"type\":\"thinking\"}", "{}", "{\"type\":7}"] {
            assert_eq!(read(line.as_bytes()), Line::Unknown, "{line}");
        }
        for (line, problem) in [
            ("hello", "not JSON"),
            ("[1]", "no object"),
            ("{\"type\":\"text_delta\"}", "text_delta without delta"),
            ("{\"type\":\"text_delta\",\"delta\":7}", "text_delta without delta"),
            ("{\"type\":\"tool_start\",\"toolUseId\":\"u\"}", "tool_start without toolName"),
            ("{\"type\":\"permission_request\",\"request\":{}}", "permission_request without requestId"),
        ] {
            assert!(matches!(read(line.as_bytes()), Line::Malformed(told) if told.contains(problem)), "{line}");
        }
        assert!(matches!(read(b"{\"type\":\"\xff\"}"), Line::Malformed(_)));
    }

    #[test]
    fn lines_to_the_program_stay_lines() {
        assert_eq!(message("a\n\"b\""), r#"{"message":"a\n\"b\"","type":"message"}"#);
        assert_eq!(
            answer("r1", true, false),
            r#"{"allowed":true,"alwaysAllow":false,"requestId":"r1","type":"permission_response"}"#
        );
    }
}
