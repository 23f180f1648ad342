//! Claude Code's `stream-json`, as it comes with `--output-format stream-json --verbose
//! --include-partial-messages --input-format stream-json --permission-prompt-tool stdio`.
//!
//! | line | what becomes of it |
//! |---|---|
//! | `system` | nothing: it describes the program |
//! | `stream_event` with `content_block_delta` / `text_delta` | a piece of text |
//! | `assistant` with `text` | a whole text; intermediate where a tool follows it |
//! | `assistant` with `tool_use` | a tool is called |
//! | `user` with `tool_result` | a tool answered |
//! | `control_request` / `can_use_tool` | a person is asked |
//! | `control_request` of another kind | refused, so that the program does not wait for it |
//! | `control_cancel_request` | the request is withdrawn |
//! | `result` | the turn is over, well or not |
//!
//! What a subagent says (`parent_tool_use_id`) is left out but for its tools. A whole text waits for
//! the line after it, which tells whether the turn goes on. Kinds that are not known are passed over
//! and counted.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::events::Line;
use super::{AgentEvent, Ask};

/// How many calls of tools of one turn are kept by name; an answer to a further one is told under
/// the call's id.
const MAX_CALLS: usize = 512;
/// How many requests of a turn are kept with their input; a further one is answered without it.
const MAX_ASKS: usize = 64;

/// What a line amounts to.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read {
    /// What the agent does.
    pub(super) events: Vec<AgentEvent>,
    /// What the program is told at once.
    pub(super) reply: Option<String>,
    /// Why the line was passed over.
    pub(super) passed_over: Option<Line>,
}

/// Reads the lines of one program, one after the other.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The message whose pieces come in.
    message: Option<String>,
    /// A whole text of which it is not known whether the turn goes on after it.
    held: Option<(Option<String>, String)>,
    /// Whether the agent said anything in this turn.
    spoke: bool,
    /// Tools by the id of their call.
    calls: HashMap<String, String>,
    /// Inputs by request: an answer that allows repeats them.
    inputs: HashMap<String, Value>,
}

impl Reader {
    /// Reads a line.
    pub(super) fn read(&mut self, line: &[u8]) -> Read {
        let mut object = match serde_json::from_slice::<Value>(line) {
            Ok(object) if object.is_object() => object,
            Ok(_) => return Read { passed_over: Some(Line::Malformed("no object".to_owned())), ..Read::default() },
            Err(error) => {
                return Read { passed_over: Some(Line::Malformed(format!("not JSON: {error}"))), ..Read::default() };
            }
        };
        let mut read = Read::default();
        match object["type"].as_str().unwrap_or_default() {
            "system" | "control_response" | "keep_alive" => {}
            "stream_event" => self.partial(&object, &mut read.events),
            "assistant" => self.assistant(&object, &mut read.events),
            "user" => self.user(&mut object, &mut read.events),
            "control_request" => self.control(&mut object, &mut read),
            "control_cancel_request" => {
                if let Some(request) = text(&object["request_id"]) {
                    self.inputs.remove(&request);
                    read.events.push(AgentEvent::Withdrawn { request });
                }
            }
            "result" => self.result(&object, &mut read.events),
            _ => read.passed_over = Some(Line::Unknown),
        }
        read
    }

    fn partial(&mut self, object: &Value, events: &mut Vec<AgentEvent>) {
        if !is_own(object) {
            return;
        }
        let event = &object["event"];
        match event["type"].as_str() {
            Some("message_start") => self.message = text(&event["message"]["id"]),
            Some("content_block_delta") if event["delta"]["type"] == "text_delta" => {
                self.release(true, events);
                if let Some(text) = text(&event["delta"]["text"]) {
                    self.spoke = true;
                    events.push(AgentEvent::TextDelta { turn: self.message.clone(), text });
                }
            }
            Some("message_delta") => match event["delta"]["stop_reason"].as_str() {
                Some("tool_use" | "pause_turn") => self.release(true, events),
                Some(_) => self.release(false, events),
                None => {}
            },
            _ => {}
        }
    }

    fn assistant(&mut self, object: &Value, events: &mut Vec<AgentEvent>) {
        let message = &object["message"];
        let turn = text(&message["id"]);
        for block in message["content"].as_array().into_iter().flatten() {
            match block["type"].as_str() {
                Some("text") if is_own(object) => {
                    self.release(true, events);
                    self.spoke = true;
                    self.held = text(&block["text"]).map(|text| (turn.clone(), text));
                }
                Some("tool_use") => {
                    self.release(true, events);
                    let (Some(id), Some(tool)) = (text(&block["id"]), text(&block["name"])) else { continue };
                    if self.calls.len() < MAX_CALLS {
                        self.calls.insert(id.clone(), tool.clone());
                    }
                    let intent = text(&block["input"]["description"]);
                    let input = block["input"].clone();
                    events.push(AgentEvent::ToolStart { id, tool, input, intent, display: None, turn: turn.clone() });
                }
                _ => {}
            }
        }
    }

    fn user(&mut self, object: &mut Value, events: &mut Vec<AgentEvent>) {
        let Some(Value::Array(blocks)) = object.pointer_mut("/message/content").map(Value::take) else { return };
        for mut block in blocks {
            if block["type"] != "tool_result" {
                continue;
            }
            self.release(true, events);
            let Some(id) = text(&block["tool_use_id"]) else { continue };
            let tool = self.calls.remove(&id).unwrap_or_else(|| id.clone());
            let is_error = block["is_error"].as_bool().unwrap_or_default();
            events.push(AgentEvent::ToolResult { id, tool, result: plain(block["content"].take()), is_error, turn: None });
        }
    }

    fn control(&mut self, object: &mut Value, read: &mut Read) {
        let Some(request) = text(&object["request_id"]) else { return };
        let mut ask = object["request"].take();
        let (subtype, tool) = (ask["subtype"].as_str().unwrap_or_default(), text(&ask["tool_name"]));
        let (true, Some(tool)) = (subtype == "can_use_tool", tool) else {
            let error = format!("{subtype} is not for this client");
            let answer = json!({"subtype": "error", "request_id": request, "error": error});
            read.reply = Some(json!({"type": "control_response", "response": answer}).to_string());
            return;
        };
        self.release(true, &mut read.events);
        let input = ask["input"].take();
        let command = text(&input["command"]);
        let description = text(&ask["description"]).or_else(|| text(&input["description"]));
        if self.inputs.len() < MAX_ASKS {
            self.inputs.insert(request.clone(), input.clone());
        }
        let input = match input {
            Value::Object(input) => Some(input),
            _ => None,
        };
        read.events.push(AgentEvent::Permission(Ask { request, tool, command, description, input }));
    }

    fn result(&mut self, object: &Value, events: &mut Vec<AgentEvent>) {
        self.release(false, events);
        let said = text(&object["result"]).filter(|said| !said.is_empty());
        let subtype = object["subtype"].as_str().unwrap_or_default();
        if subtype != "success" || object["is_error"] == true {
            let errors = object["errors"].as_array().into_iter().flatten().filter_map(text).collect::<Vec<_>>().join("; ");
            let words = said.or_else(|| text(&object["error"])).or(Some(errors).filter(|errors| !errors.is_empty()));
            events.push(AgentEvent::Error(words.unwrap_or_else(|| subtype.to_owned())));
        } else {
            if let Some(text) = said.filter(|_| !self.spoke) {
                events.push(AgentEvent::TextComplete { turn: None, text, intermediate: false });
            }
            events.push(AgentEvent::Complete);
        }
        *self = Self::default();
    }

    /// Tells the text that was held, now that it is known whether the turn goes on.
    fn release(&mut self, intermediate: bool, events: &mut Vec<AgentEvent>) {
        if let Some((turn, text)) = self.held.take() {
            events.push(AgentEvent::TextComplete { turn, text, intermediate });
        }
    }

    /// The line that answers a request.
    pub(super) fn answer(&mut self, request: &str, allowed: bool, reason: Option<&str>) -> String {
        let input = self.inputs.remove(request).unwrap_or_else(|| json!({}));
        let answer = if allowed {
            json!({"behavior": "allow", "updatedInput": input})
        } else {
            json!({"behavior": "deny", "message": reason.unwrap_or("a person denied it")})
        };
        let response = json!({"subtype": "success", "request_id": request, "response": answer});
        json!({"type": "control_response", "response": response}).to_string()
    }
}

/// The line that tells a message.
pub(super) fn message(text: &str) -> String {
    let content = json!([{"type": "text", "text": text}]);
    json!({"type": "user", "message": {"role": "user", "content": content}, "parent_tool_use_id": null, "session_id": ""})
        .to_string()
}

/// Whether a line is of the agent itself, not of one that it called.
fn is_own(object: &Value) -> bool {
    object["parent_tool_use_id"].is_null()
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Blocks that are all text become that text.
fn plain(content: Value) -> Value {
    let Value::Array(blocks) = &content else { return content };
    let texts: Option<Vec<&str>> =
        blocks.iter().map(|block| block["text"].as_str().filter(|_| block["type"] == "text")).collect();
    match texts {
        Some(texts) if !texts.is_empty() => Value::String(texts.join("\n")),
        _ => content,
    }
}

#[cfg(test)]
mod tests;
