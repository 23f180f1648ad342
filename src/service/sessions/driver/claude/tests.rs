//! A hand-written sample of each kind of line.

use super::*;

fn delta(message: &str, text: &str) -> AgentEvent {
    AgentEvent::TextDelta { turn: Some(message.to_owned()), text: text.to_owned() }
}

fn whole(message: &str, text: &str, intermediate: bool) -> AgentEvent {
    AgentEvent::TextComplete { turn: Some(message.to_owned()), text: text.to_owned(), intermediate }
}

/// Reads lines one after the other; what the agent did, and what the program was told.
fn read(reader: &mut Reader, lines: &[Value]) -> (Vec<AgentEvent>, Vec<String>) {
    let (mut events, mut replies) = (Vec::new(), Vec::new());
    for line in lines {
        let read = reader.read(line.to_string().as_bytes());
        assert_eq!(read.passed_over, None, "{line}");
        events.extend(read.events);
        replies.extend(read.reply);
    }
    (events, replies)
}

fn init() -> Value {
    json!({"type":"system","subtype":"init","cwd":"/work","session_id":"0f3c","tools":["Bash","Read"],"mcp_servers":[],
           "model":"claude-opus","permissionMode":"default","apiKeySource":"none","slash_commands":["compact"],"uuid":"u1"})
}

fn partial(event: &Value) -> Value {
    json!({"type":"stream_event","event":event,"session_id":"0f3c","parent_tool_use_id":null,"uuid":"u2"})
}

fn assistant(id: &str, block: &Value) -> Value {
    json!({"type":"assistant","message":{"id":id,"type":"message","role":"assistant","model":"claude-opus","content":[block],
           "stop_reason":null,"usage":{"input_tokens":3,"output_tokens":5}},"parent_tool_use_id":null,"session_id":"0f3c","uuid":"u3"})
}

fn success(text: &str) -> Value {
    json!({"type":"result","subtype":"success","is_error":false,"duration_ms":2345,"duration_api_ms":2300,"num_turns":2,
           "result":text,"session_id":"0f3c","total_cost_usd":0.01,"usage":{},"permission_denials":[],"uuid":"u9"})
}

#[test]
fn a_turn_with_pieces_a_tool_and_an_end() {
    let text = |index: u64, text: &str| {
        partial(&json!({"type":"content_block_delta","index":index,"delta":{"type":"text_delta","text":text}}))
    };
    let lines = [
        init(),
        partial(&json!({"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[]}})),
        partial(&json!({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})),
        text(0, "I look "),
        text(0, "é🐝."),
        assistant("msg_1", &json!({"type":"text","text":"I look é🐝."})),
        partial(&json!({"type":"content_block_stop","index":0})),
        partial(
            &json!({"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"Bash","input":{}}}),
        ),
        partial(&json!({"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"com"}})),
        assistant(
            "msg_1",
            &json!({"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"ls","description":"List files"}}),
        ),
        partial(&json!({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}})),
        partial(&json!({"type":"message_stop"})),
        json!({"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_1","type":"tool_result","content":"a.txt","is_error":false}]},
               "parent_tool_use_id":null,"session_id":"0f3c","uuid":"u5","tool_use_result":{"stdout":"a.txt"}}),
        partial(&json!({"type":"message_start","message":{"id":"msg_2"}})),
        partial(&json!({"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}})),
        assistant("msg_2", &json!({"type":"thinking","thinking":"hm","signature":"s"})),
        text(1, "One file."),
        assistant("msg_2", &json!({"type":"text","text":"One file."})),
        partial(&json!({"type":"message_delta","delta":{"stop_reason":"end_turn"}})),
        success("One file."),
    ];
    let (events, replies) = read(&mut Reader::default(), &lines);
    assert!(replies.is_empty());
    let input = json!({"command":"ls","description":"List files"});
    assert_eq!(
        events,
        [
            delta("msg_1", "I look "),
            delta("msg_1", "é🐝."),
            whole("msg_1", "I look é🐝.", true),
            AgentEvent::ToolStart {
                id: "toolu_1".into(),
                tool: "Bash".into(),
                input,
                intent: Some("List files".into()),
                display: None,
                turn: Some("msg_1".into()),
            },
            AgentEvent::ToolResult {
                id: "toolu_1".into(),
                tool: "Bash".into(),
                result: json!("a.txt"),
                is_error: false,
                turn: None,
            },
            delta("msg_2", "One file."),
            whole("msg_2", "One file.", false),
            AgentEvent::Complete,
        ]
    );
}

#[test]
fn without_pieces_the_texts_come_whole() {
    let lines = [
        assistant("msg_1", &json!({"type":"text","text":"First."})),
        assistant("msg_1", &json!({"type":"tool_use","id":"t","name":"Read","input":{"file_path":"a"}})),
        assistant("msg_2", &json!({"type":"text","text":"Last."})),
        success("Last."),
    ];
    let (events, _) = read(&mut Reader::default(), &lines);
    assert_eq!((&events[0], &events[2]), (&whole("msg_1", "First.", true), &whole("msg_2", "Last.", false)));
    assert_eq!(events[3], AgentEvent::Complete);
}

#[test]
fn a_result_nobody_told_before_is_told() {
    let mut reader = Reader::default();
    let (events, _) = read(&mut reader, &[success("Compacted.")]);
    let text = AgentEvent::TextComplete { turn: None, text: "Compacted.".into(), intermediate: false };
    assert_eq!(events, [text, AgentEvent::Complete]);
    let (events, _) = read(&mut reader, &[success("")]);
    assert_eq!(events, [AgentEvent::Complete]);
}

#[test]
fn a_person_is_asked_and_answers() {
    let input = json!({"command":"rm a.txt","description":"Remove it"});
    let ask = json!({"type":"control_request","request_id":"req-1","request":{"subtype":"can_use_tool","tool_name":"Bash","input":input,
        "tool_use_id":"toolu_2","permission_suggestions":[{"type":"addRules","rules":[{"toolName":"Bash"}],"behavior":"allow","destination":"session"}]}});
    let mut reader = Reader::default();
    let (events, replies) = read(&mut reader, std::slice::from_ref(&ask));
    assert!(replies.is_empty());
    let expected = Ask {
        request: "req-1".into(),
        tool: "Bash".into(),
        command: Some("rm a.txt".into()),
        description: Some("Remove it".into()),
        input: input.as_object().cloned(),
    };
    assert_eq!(events, [AgentEvent::Permission(expected)]);
    let answer = |text: String| serde_json::from_str::<Value>(&text).unwrap();
    assert_eq!(
        answer(reader.answer("req-1", true, None)),
        json!({"type":"control_response","response":{"subtype":"success","request_id":"req-1",
               "response":{"behavior":"allow","updatedInput":input}}})
    );
    assert_eq!(
        answer(reader.answer("req-1", false, Some("not today"))),
        json!({"type":"control_response","response":{"subtype":"success","request_id":"req-1",
               "response":{"behavior":"deny","message":"not today"}}})
    );
    let (events, _) = read(&mut reader, &[ask, json!({"type":"control_cancel_request","request_id":"req-1"})]);
    assert_eq!(events[1], AgentEvent::Withdrawn { request: "req-1".into() });
}

#[test]
fn other_control_requests_are_refused() {
    let hook = json!({"type":"control_request","request_id":"req-2","request":{"subtype":"hook_callback","callback_id":"h"}});
    let (events, replies) = read(&mut Reader::default(), &[hook]);
    assert!(events.is_empty());
    assert_eq!(
        serde_json::from_str::<Value>(&replies[0]).unwrap(),
        json!({"type":"control_response","response":{"subtype":"error","request_id":"req-2","error":"hook_callback is not for this client"}})
    );
}

#[test]
fn results_of_all_kinds_end_the_turn() {
    for (line, error) in [
        (
            json!({"type":"result","subtype":"error_max_turns","is_error":true,"num_turns":9,"session_id":"0f3c"}),
            "error_max_turns",
        ),
        (json!({"type":"result","subtype":"error_during_execution","is_error":true,"errors":["a","b"]}), "a; b"),
        (json!({"type":"result","subtype":"success","is_error":true,"result":"Invalid API key"}), "Invalid API key"),
        (json!({"type":"result","subtype":"error","error":"no network"}), "no network"),
    ] {
        let (events, _) = read(&mut Reader::default(), std::slice::from_ref(&line));
        assert_eq!(events, [AgentEvent::Error(error.into())], "{line}");
    }
}

#[test]
fn of_a_subagent_only_its_tools_are_told() {
    let mut lines = [
        assistant("msg_7", &json!({"type":"text","text":"Inside."})),
        assistant("msg_7", &json!({"type":"tool_use","id":"t7","name":"Grep","input":{}})),
        partial(&json!({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Inside."}})),
    ];
    for line in &mut lines {
        line["parent_tool_use_id"] = json!("toolu_task");
    }
    let (events, _) = read(&mut Reader::default(), &lines);
    assert!(matches!(events.as_slice(), [AgentEvent::ToolStart { tool, .. }] if tool == "Grep"), "{events:?}");
}

#[test]
fn results_of_tools_may_be_blocks() {
    let result = |content: Value| {
        let line = json!({"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":content,"is_error":true}]}});
        match read(&mut Reader::default(), &[line]).0.remove(0) {
            AgentEvent::ToolResult { result, is_error: true, tool, .. } if tool == "t" => result,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(result(json!([{"type":"text","text":"a"},{"type":"text","text":"b"}])), json!("a\nb"));
    let image = json!([{"type":"image","source":{"type":"base64"}}]);
    assert_eq!(result(image.clone()), image);
}

#[test]
fn what_is_not_known_is_passed_over() {
    let mut reader = Reader::default();
    let over = |reader: &mut Reader, line: &str| reader.read(line.as_bytes()).passed_over;
    assert_eq!(over(&mut reader, r#"{"type":"rate_limit_event"}"#), Some(Line::Unknown));
    assert_eq!(over(&mut reader, "{}"), Some(Line::Unknown));
    assert!(matches!(over(&mut reader, "Error: no login"), Some(Line::Malformed(_))));
    assert!(matches!(over(&mut reader, "7"), Some(Line::Malformed(_))));
    // Known kinds in forms that nobody wrote down end nothing.
    for line in [
        r#"{"type":"user","message":"replayed"}"#,
        r#"{"type":"user","message":{"content":"replayed"}}"#,
        r#"{"type":"user"}"#,
        r#"{"type":"assistant","message":7}"#,
        r#"{"type":"assistant","message":{"content":["x",{"type":"tool_use"}]}}"#,
        r#"{"type":"stream_event","event":[]}"#,
        r#"{"type":"control_request"}"#,
        r#"{"type":"control_cancel_request","request_id":7}"#,
        r#"{"type":"control_response","response":{"subtype":"success"}}"#,
    ] {
        assert_eq!(reader.read(line.as_bytes()), Read::default(), "{line}");
    }
}

#[test]
fn a_message_is_one_line() {
    let line = message("a\nb");
    assert!(!line.contains('\n'));
    let value: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(value["message"]["content"][0]["text"], "a\nb");
    assert_eq!((value["type"].as_str(), value["message"]["role"].as_str()), (Some("user"), Some("user")));
}
