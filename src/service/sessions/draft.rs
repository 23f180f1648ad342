//! From what an agent does to what the log keeps, within bounds.
//!
//! What is over a bound is cut, and the event says in `cut` how many bytes are missing.

use serde_json::Value;

use super::about;
use super::driver::{AgentEvent, Ask};
use crate::event::Draft;
use crate::event::session::{SessionTextCompleted, SessionToolFinished, SessionToolStarted};
use crate::event::wire::{Object, to_text};
use crate::swarm::bounds::clip;

/// The longest whole text, in bytes.
const MAX_WHOLE: usize = 256 << 10;
/// The largest input or result of a tool, in bytes of JSON; a larger one is kept as the beginning
/// of its text.
const MAX_VALUE: usize = 32 << 10;
/// The longest name of a tool, id of a call or of a turn, in bytes.
const MAX_NAME: usize = 200;
/// The longest intent, description or error, in bytes.
const MAX_WORDS: usize = 4 << 10;

/// The event that tells what an agent did; none for what the session's task tells itself.
pub(super) fn of(id: &str, event: AgentEvent) -> Option<Draft> {
    let mut extra = Object::new();
    Some(match event {
        AgentEvent::TextComplete { turn, text, intermediate } => {
            let text = shorten(text, MAX_WHOLE, &mut extra);
            about(id, SessionTextCompleted { turn_id: turn.map(name), text, intermediate, extra })
        }
        AgentEvent::ToolStart { id: call, tool, input, intent, display, turn } => {
            let input = small(input, &mut extra);
            about(
                id,
                SessionToolStarted {
                    tool_use_id: name(call),
                    tool_name: name(tool),
                    input,
                    intent: intent.map(cut),
                    display_name: display.map(name),
                    turn_id: turn.map(name),
                    extra,
                },
            )
        }
        AgentEvent::ToolResult { id: call, tool, result, is_error, turn } => {
            let result = small(result, &mut extra);
            about(
                id,
                SessionToolFinished {
                    tool_use_id: name(call),
                    tool_name: name(tool),
                    result,
                    is_error,
                    turn_id: turn.map(name),
                    extra,
                },
            )
        }
        AgentEvent::TextDelta { .. }
        | AgentEvent::Permission(_)
        | AgentEvent::Withdrawn { .. }
        | AgentEvent::Complete
        | AgentEvent::Error(_) => return None,
    })
}

/// A request within the bounds. An input over them stands, cut, where the command would.
pub(super) fn bounded(mut ask: Ask) -> Ask {
    ask.tool = name(ask.tool);
    ask.description = ask.description.map(cut);
    if let Some(input) = &ask.input {
        let text = to_text(input);
        if text.len() > MAX_VALUE {
            ask.input = None;
            ask.command.get_or_insert(text);
        }
    }
    ask.command = ask.command.map(|command| clip(&command, MAX_VALUE));
    ask
}

/// Words within the bound.
pub(super) fn cut(words: String) -> String {
    clip(&words, MAX_WORDS)
}

/// A name or id within the bound.
pub(super) fn name(name: String) -> String {
    clip(&name, MAX_NAME)
}

fn shorten(mut text: String, most: usize, extra: &mut Object) -> String {
    if text.len() > most {
        let mut end = most;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        extra.insert("cut".to_owned(), (text.len() - end).into());
        text.truncate(end);
    }
    text
}

fn small(value: Value, extra: &mut Object) -> Value {
    let text = match &value {
        Value::String(text) => text.clone(),
        other => to_text(other),
    };
    if text.len() <= MAX_VALUE { value } else { Value::String(shorten(text, MAX_VALUE, extra)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_cut_is_counted() {
        let result = |result: Value| {
            let event = AgentEvent::ToolResult { id: "u".into(), tool: "Read".into(), result, is_error: false, turn: None };
            serde_json::from_str::<Value>(&of("s", event).unwrap().to_json()).unwrap()["payload"].clone()
        };
        let told = result(json!("é".repeat(20_000)));
        assert_eq!((told["result"].as_str().unwrap().len(), &told["cut"]), (MAX_VALUE, &json!(40_000 - MAX_VALUE)));
        let told = result(json!({"lines": vec!["x"; 20_000]}));
        assert!(told["result"].as_str().unwrap().starts_with("{\"lines\":[\"x\""));
        assert_eq!(result(json!({"n": 1})), json!({"tool_use_id":"u","tool_name":"Read","result":{"n":1},"is_error":false}));
    }

    #[test]
    fn a_request_with_a_large_input_shows_its_beginning() {
        let input = json!({"content": "x".repeat(MAX_VALUE)}).as_object().cloned();
        let ask = Ask { request: "r".into(), tool: "Write".into(), command: None, description: None, input };
        let ask = bounded(ask);
        assert_eq!(ask.input, None);
        assert!(ask.command.unwrap().starts_with("{\"content\":\"xxx"));
    }
}
