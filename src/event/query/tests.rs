//! The grammar, its errors and what it asks of events and things.

use super::*;
use crate::event::wire::At;
use crate::event::{Draft, Event};
use proptest::prelude::*;
use serde_json::{Value, json};

fn query(text: &str) -> Query {
    text.parse().unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn event(value: Value) -> Event {
    Draft::read(value, &At::Root("")).unwrap().into_event(120, Timestamp(1_769_509_293_123))
}

fn matches(text: &str, event: &Event) -> bool {
    query(text).matches(event.subject(), &event.to_json())
}

#[test]
fn texts_have_one_form() {
    for (text, shown) in [
        ("", ""),
        ("  npm   test ", "npm test"),
        ("\"npm test\"", "\"npm test\""),
        ("\"npm\"", "npm"),
        ("type:task.* agent:planner", "agent:planner type:task.*"),
        ("agent:b agent:a,b -source:demo", "agent:a,b -source:demo"),
        ("-source:demo,test -x", "-source:demo,test -x"),
        ("agent:\"my planner\"", "agent:\"my planner\""),
        ("agent:\"a,b\"*,\"c*\"", "agent:\"a,b\"*,\"c*\""),
        ("entity:agent:* entity:task:a:b", "entity:agent:*,task:a:b"),
        ("after:2026-01-27 before:2026-01-27T10:21Z", "after:2026-01-27T00:00:00.000Z before:2026-01-27T10:21:00.000Z"),
        ("after:007 before:9", "after:7 before:9"),
        ("12:30 \"http://x\" C:\\dir \"-x\"", "\"-x\" 12:30 C:\\dir \"http://x\""),
        ("status:needs-you,failing", "status:failing,needs-you"),
        ("\"say \\\"hi\\\"\" say,it*", "\"say \\\"hi\\\"\" say,it*"),
    ] {
        assert_eq!(query(text).to_string(), shown, "{text}");
    }
}

#[test]
fn faults_say_what_and_where() {
    for (text, shown) in [
        (
            "ok typ:x",
            "character 4: unknown field \"typ\"; known are agent, task, session, entity, source, type, status, after, before; text with a colon stands in quotes",
        ),
        ("agent:", "character 7: nothing stands after agent:"),
        ("agent:a,,b", "character 9: nothing stands after agent:"),
        ("type:task", "character 6: \"task\" is no type: write task.progress or task.*"),
        ("type:Task.*", "character 6: \"Task.\" is no type: write task.progress or task.*"),
        (
            "grüße status:ill",
            "character 14: \"ill\" is no standing; they are needs-you, failing, stale, lost, working, waiting, idle, done",
        ),
        ("entity:agent", "character 8: \"agent\" is no entity: write task:abc or agent:*"),
        ("after:soon", "character 7: \"soon\" is neither a seq nor a time: write 1204 or 2026-01-27T10:21Z"),
        ("x \"npm", "character 3: a quote that does not end"),
        ("\"npm\"test", "character 6: a blank is missing after the quote"),
        ("-", "character 1: nothing to search for"),
    ] {
        assert_eq!(text.parse::<Query>().unwrap_err().to_string(), shown, "{text}");
    }
    let fault = "ok typ:x".parse::<Query>().unwrap_err();
    assert_eq!((fault.at, fault.length), (3, 3));
    let many = "x ".repeat(MAX_TERMS + 1);
    assert!(many.parse::<Query>().unwrap_err().problem.contains("more than 64 terms"));
    assert!("x".repeat(MAX_QUERY + 1).parse::<Query>().unwrap_err().problem.contains("1024 bytes"));
}

#[test]
fn events_are_asked_as_the_table_says() {
    let failed = event(
        json!({"type": "task.failed", "source": "worker-7", "entity": "task:build", "payload": {"error": "npm TEST: \"exit\" 1"}}),
    );
    for text in [
        "",
        "task:build",
        "task:bu*",
        "entity:task:build",
        "entity:task:*",
        "source:worker-7",
        "source:worker-*",
        "agent:worker-7",
        "type:task.*",
        "type:*",
        "type:agent.*,task.failed",
        "status:failing",
        "\"npm test\"",
        "npm exit",
        "\"\\\"EXIT\\\"\"",
        "BUILD",
        "after:119 before:121",
        "after:2026-01-27",
        "before:2026-01-28",
        "-agent:planner",
        "-source:demo task:build",
        "-success",
        "type:agent.* type:task.*",
    ] {
        assert!(matches(text, &failed), "{text}");
    }
    for text in [
        "task:other",
        "entity:agent:build",
        "source:demo",
        "agent:worker",
        "type:agent.*",
        "status:done",
        "npm success",
        "error",
        "payload",
        "after:120",
        "before:120",
        "before:2026-01-27",
        "-source:worker-*",
        "-npm",
        "-type:task.* npm",
        "session:build",
    ] {
        assert!(!matches(text, &failed), "{text}");
    }
    let sent = event(json!({"type": "message.sent", "entity": "message:m", "payload":
        {"from": "planner", "to": "the \"coder\"", "message_type": "query", "content": "from nobody", "size": 11}}));
    assert!(matches("agent:planner", &sent) && matches("agent:\"the \\\"coder\\\"\"", &sent) && matches("agent:the*", &sent));
    assert!(!matches("agent:nobody", &sent) && matches("11", &sent));
    let moved =
        event(json!({"type": "agent.status_changed", "entity": "agent:a", "payload": {"status": "busy", "task": "build"}}));
    assert!(matches("task:build status:working", &moved));
}

#[test]
fn things_are_asked_with_the_same_text() {
    let thing = Thing {
        kind: "agent",
        id: "planner",
        agent: None,
        task: Some("build"),
        standing: "failing",
        texts: &["The Planner", "npm test"],
    };
    for text in [
        "agent:plan*",
        "task:build",
        "status:failing,stale",
        "\"the planner\"",
        "type:task.*",
        "-source:demo",
        "entity:agent:planner",
    ] {
        assert!(query(text).fits(&thing), "{text}");
    }
    for text in ["agent:coder", "status:idle", "-agent:planner", "nothing", "session:planner"] {
        assert!(!query(text).fits(&thing), "{text}");
    }
    assert!(query("agent:x type:task.*").asks_of_events() && !query("agent:x status:idle y").asks_of_events());
}

#[test]
fn what_an_index_can_use_is_told() {
    assert_eq!(query("session:a,b npm").only_entities(), Some(vec![("session", "a"), ("session", "b")]));
    assert_eq!(query("entity:task:a").only_entities(), Some(vec![("task", "a")]));
    for text in ["session:a*", "-session:a", "entity:task:*", "agent:a", ""] {
        assert_eq!(query(text).only_entities(), None, "{text}");
    }
    assert_eq!(query("after:5 after:9 before:20 -before:3").range(), (9, 20));
    assert!(query("agent:a").needs_json() && !query("type:task.* session:x").needs_json());
}

fn term() -> impl Strategy<Value = String> {
    let value = prop_oneof!["[a-z]{1,4}", "[a-z]{1,3}\\*", "\"[a-z ,*\\-]{1,5}\"", "\"[a-z]{0,2}\\\\\\\\[a-z]{0,2}\"\\*"];
    let names = prop_oneof![Just("agent"), Just("task"), Just("session"), Just("source")];
    let fields = (any::<bool>(), names, proptest::collection::vec(value, 1..3))
        .prop_map(|(not, name, values)| format!("{}{name}:{}", if not { "-" } else { "" }, values.join(",")));
    prop_oneof![
        fields,
        "-?type:[a-c]\\.(\\*|[a-c])",
        "-?entity:[a-c]:(\\*|[a-c]{1,2})",
        "-?status:(failing|done|needs-you)",
        "-?(after|before):[0-9]{1,5}",
        "-?[a-zA-Z0-9.,*äÖß\\\\]{1,6}",
        "-?\"[a-z :\\-*,]{1,6}\"",
    ]
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_reads_back(text in "\\PC{0,40}") {
        if let Ok(read) = text.parse::<Query>() {
            prop_assert_eq!(read.to_string().parse::<Query>(), Ok(read), "{}", text);
        }
    }

    #[test]
    fn any_query_reads_back(terms in proptest::collection::vec(term(), 0..8)) {
        let read = query(&terms.join(" "));
        prop_assert_eq!(query(&read.to_string()), read);
    }

    #[test]
    fn the_order_of_terms_does_not_matter(terms in proptest::collection::vec(term(), 0..6)) {
        let back: Vec<String> = terms.iter().rev().cloned().collect();
        prop_assert_eq!(query(&terms.join(" ")).to_string(), query(&back.join(" ")).to_string());
    }

    /// Alternatives of a field, all fields, every word.
    #[test]
    fn agrees_with_its_definition(
        agents in proptest::collection::vec("[ab]{1,2}", 0..3), not_sources in proptest::collection::vec("[ab]", 0..2),
        words in proptest::collection::vec("[ab]{1,2}", 0..2), agent in "[ab]{1,2}", source in "[ab]", content in "[abAB\"\\\\ ]{0,6}",
    ) {
        let mut text = String::new();
        agents.iter().for_each(|it| text += &format!("agent:{it} "));
        not_sources.iter().for_each(|it| text += &format!("-source:{it} "));
        words.iter().for_each(|it| text += &format!("{it} "));
        let said = event(json!({"type": "x.y", "source": source, "entity": format!("agent:{agent}"), "payload": {"text": content}}));
        let has = |word: &String| [&agent, &source, &content.to_lowercase()].iter().any(|place| place.contains(word.as_str()));
        let expected = (agents.is_empty() || agents.iter().any(|it| *it == agent || *it == source))
            && !not_sources.contains(&source)
            && words.iter().all(has);
        prop_assert_eq!(matches(&text, &said), expected, "{}", text);
    }

    /// Any text of a payload is found by itself.
    #[test]
    fn what_is_there_is_found(content in "\\PC{1,12}", before in "\\PC{0,5}") {
        let said = event(json!({"type": "x.y", "payload": {"a": [{"b": format!("{before}{content}")}]}}));
        let quoted = content.replace('\\', "\\\\").replace('"', "\\\"");
        prop_assert!(matches(&format!("\"{quoted}\""), &said), "{}", quoted);
    }

    #[test]
    fn no_json_panics(json in "[{}\\[\\]\":,a1\\\\ ]{0,30}") {
        let subject = Subject { kind: "agent.status_changed", source: "s", entity: None };
        let _any = query("agent:a task:b status:done after:1 before:2026-01-01 text").matches(subject, &json);
        let _any = any_value(&json, &mut |_| false);
    }
}

#[test]
fn its_terms_can_be_taken_away_one_by_one() {
    let query: Query = "type:task.*,agent.* -source:demo \"npm test\"".parse().unwrap();
    let terms = query.terms();
    let text: Vec<&str> = terms.iter().map(|(text, _)| text.as_str()).collect();
    assert_eq!(text, ["-source:demo", "type:agent.*", "type:task.*", "\"npm test\""]);
    assert_eq!(terms[1].1, "-source:demo type:task.* \"npm test\"");
    assert_eq!(query.beside("type"), "-source:demo \"npm test\"");
    assert!(Query::default().terms().is_empty());
    for (one, others) in terms {
        assert_eq!([one, others].join(" ").parse::<Query>().unwrap(), query);
    }
}
