//! Every type of the catalogue: that it reads back, and that what does not fit is refused by name.

use serde_json::{Map, Value, json};

use super::catalogue::DOMAINS;
use super::table::{About, Domain, Kind};
use super::wire::{At, Field, Shape, from_text, to_text};
use super::{Draft, Entity, Event, Timestamp, schema};

/// A value that fits a field.
fn sample(field: &Field) -> Value {
    fn of(shape: &Shape, range: Option<(f64, f64)>) -> Value {
        match shape {
            Shape::Text => json!("text with \"quotes\" and <markup>"),
            Shape::Word(words) => json!(words.last()),
            Shape::Number => json!(range.map_or(1.5, |(low, high)| (low + high.min(low + 1.0)) / 2.0)),
            Shape::Integer => json!(-3),
            Shape::Count => json!(7),
            Shape::Flag => json!(true),
            Shape::Time => json!("2026-01-27T10:21:33.123Z"),
            Shape::Reference => json!({"kind": "task", "id": "t"}),
            Shape::Any => json!({"any": [1, null, "x"]}),
            Shape::Open => json!({"open": 1}),
            Shape::List(item) => json!([of(item, None), of(item, None)]),
            Shape::Table(item) => json!({"key": of(item, None)}),
            Shape::Record(fields) => Value::Object(payload(fields, true)),
        }
    }
    of(&field.shape, field.range)
}

fn payload(fields: &[Field], optional: bool) -> Map<String, Value> {
    fields.iter().filter(|field| optional || field.required).map(|field| (field.key.to_owned(), sample(field))).collect()
}

fn kinds() -> impl Iterator<Item = (&'static Domain, &'static Kind)> {
    DOMAINS.iter().flat_map(|domain| domain.kinds.iter().map(move |kind| (domain, kind)))
}

fn envelope(domain: &Domain, kind: &Kind, payload: Map<String, Value>) -> Value {
    let mut event = json!({"type": kind.name, "ts": "2026-01-27T10:21:33.123Z", "source": "test", "payload": payload});
    if let About::Its(of) = domain.about {
        event["entity"] = json!({"kind": of, "id": "x1"});
    }
    event
}

/// An event of every type, with all its fields and with the required ones only.
pub(crate) fn samples() -> Vec<Event> {
    let both =
        kinds().flat_map(|(domain, kind)| [true, false].map(|optional| envelope(domain, kind, payload(kind.fields, optional))));
    let event = |(seq, value)| read(value).expect("a sample fits").into_event(seq, Timestamp(1_769_509_293_123));
    (1..).zip(both).map(event).collect()
}

fn read(value: Value) -> Result<Draft, super::Fault> {
    Draft::read(value, &At::Index(&At::Root("events"), 3))
}

#[test]
fn the_catalogue_is_whole() {
    assert_eq!(DOMAINS.len(), 11);
    assert_eq!(kinds().count(), 59);
}

#[test]
fn every_type_reads_back() {
    for (domain, kind) in kinds() {
        for optional in [true, false] {
            let mut said = payload(kind.fields, optional);
            said.insert("a key of mine".to_owned(), json!({"kept": [1.25, "yes"]}));
            let mut expected = envelope(domain, kind, said);
            let draft = read(expected.clone()).unwrap_or_else(|e| panic!("{}: {e}", kind.name));
            assert_eq!(draft.body.name(), kind.name);
            let event = draft.into_event(9, Timestamp(1_769_509_293_123));
            expected["seq"] = json!(9);
            let written = to_text(&event);
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), expected, "{}", kind.name);
            assert_eq!(from_text::<Event>(&written).unwrap(), event, "{}", kind.name);
            let through_serde: Event = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
            assert_eq!(through_serde, event, "{}", kind.name);
        }
    }
}

#[test]
fn every_required_field_is_missed_by_name() {
    for (domain, kind) in kinds() {
        for field in kind.fields.iter().filter(|field| field.required) {
            let mut said = payload(kind.fields, true);
            said.remove(field.key);
            let fault = read(envelope(domain, kind, said)).unwrap_err();
            assert_eq!(fault.to_string(), format!("events[3].payload.{}: missing", field.key));
        }
    }
}

#[test]
fn every_field_refuses_what_does_not_fit() {
    for (domain, kind) in kinds() {
        for field in kind.fields {
            let wrong = match field.shape {
                Shape::Any => continue,
                Shape::Text | Shape::Word(_) | Shape::Reference => json!(12),
                _ => json!("twelve"),
            };
            let mut said = payload(kind.fields, true);
            said.insert(field.key.to_owned(), wrong);
            let fault = read(envelope(domain, kind, said)).unwrap_err();
            assert!(fault.path.starts_with(&format!("events[3].payload.{}", field.key)), "{}: {fault}", kind.name);
            if let Some((low, high)) = field.range {
                for (number, word) in [(low - 1.0, "under"), (high * 2.0 + 1.0, "over")] {
                    let mut said = payload(kind.fields, true);
                    said.insert(field.key.to_owned(), json!(number));
                    let fault = read(envelope(domain, kind, said)).unwrap_err();
                    assert!(fault.problem.contains(word), "{}: {fault}", kind.name);
                }
            }
        }
    }
}

#[test]
fn a_fault_names_value_and_bound() {
    let event = json!({"type": "task.progress", "entity": "task:a", "payload": {"progress": 140}});
    assert_eq!(read(event).unwrap_err().to_string(), "events[3].payload.progress: 140 is over 100");
    let event = json!({"type": "agent.status_changed", "entity": "agent:a", "payload": {"status": "bussy"}});
    assert_eq!(
        read(event).unwrap_err().to_string(),
        "events[3].payload.status: \"bussy\" is not one of spawning, active, idle, busy, error, stopped"
    );
    let event = json!({"type": "topology.changed", "payload": {"topology": "mesh", "edges": [{"source": "a", "target": "b", "health": 3}]}});
    assert_eq!(read(event).unwrap_err().to_string(), "events[3].payload.edges[0].health: 3 is over 1");
}

#[test]
fn envelopes_that_do_not_fit_are_refused() {
    for (event, fault) in [
        (json!(12), "events[3]: expected an object, found 12"),
        (json!({}), "events[3].type: missing"),
        (
            json!({"type": "progress"}),
            "events[3].type: \"progress\" is no type: write <domain>.<action> in lower case, such as task.progress",
        ),
        (
            json!({"type": "Task.Progress"}),
            "events[3].type: \"Task.Progress\" is no type: write <domain>.<action> in lower case, such as task.progress",
        ),
        (
            json!({"type": "stream.hello"}),
            "events[3].type: \"stream.hello\" is not for senders: stream.* are the server's own frames",
        ),
        (
            json!({"type": "x.y", "payloads": {}}),
            "events[3].payloads: unknown field; an event has type, ts, source, entity, payload, id",
        ),
        (json!({"type": "x.y", "payload": [1]}), "events[3].payload: expected an object, found a list"),
        (json!({"type": "x.y", "ts": "soon"}), "events[3].ts: \"soon\" is not a time like 2026-01-27T10:21:33.123Z"),
        (json!({"type": "x.y", "source": ""}), "events[3].source: empty"),
        (json!({"type": "x.y", "id": "k".repeat(129)}), "events[3].id: 129 bytes, over the limit of 128"),
        (json!({"type": "x.y", "entity": {"kind": "task"}}), "events[3].entity.id: missing"),
        (json!({"type": "x.y", "entity": "task"}), "events[3].entity: \"task\" is no entity: write kind:id"),
        (
            json!({"type": "task.created", "payload": {"description": "d"}}),
            "events[3].entity: missing; task.created says which task it is about",
        ),
        (
            json!({"type": "task.created", "entity": "agent:a", "payload": {"description": "d"}}),
            "events[3].entity.kind: \"agent\" does not fit task.created, which is about a \"task\"",
        ),
    ] {
        assert_eq!(read(event.clone()).map_err(|e| e.to_string()), Err(fault.to_owned()), "{event}");
    }
}

#[test]
fn a_custom_type_is_kept_as_it_is() {
    let event = json!({"type": "task.weighed", "entity": "task:a", "payload": {"to": ["b"], "why": {"deep": null}}});
    let event = read(event).unwrap().into_event(1, Timestamp(0));
    assert_eq!(event.kind(), "task.weighed");
    let written: Value = serde_json::from_str(&event.to_json()).unwrap();
    assert_eq!(written["payload"], json!({"to": ["b"], "why": {"deep": null}}));
    assert_eq!(written["source"], json!("api"));
}

#[test]
fn an_exported_event_can_be_sent_again() {
    let event = Draft::new("s", Entity::new("task", "a"), super::task::TaskFailed { error: "e".into(), extra: Map::new() });
    let exported = event.clone().into_event(5, Timestamp(7)).to_json();
    let again = Draft::read(serde_json::from_str(&exported).unwrap(), &At::Root("event")).unwrap();
    assert_eq!(again, event.at(Timestamp(7)));
}

#[test]
fn a_clock_far_ahead_is_marked_and_not_followed() {
    let draft = || Draft::new("s", Entity::new("session", "a"), super::session::SessionCompleted { extra: Map::new() });
    let near = draft().at(Timestamp(299_000)).into_event(1, Timestamp(0));
    assert_eq!((near.ahead_ms, near.when()), (0, Timestamp(299_000)));
    let far = draft().at(Timestamp(301_000)).into_event(1, Timestamp(0));
    assert_eq!((far.ts, far.ahead_ms, far.when()), (Timestamp(301_000), 301_000, Timestamp(0)));
    assert_eq!(from_text::<Event>(&far.to_json()).unwrap(), far);
}

#[test]
fn the_schema_describes_every_type() {
    let schema = schema::schema();
    for (_, kind) in kinds() {
        let definition = &schema["$defs"][kind.name];
        assert_eq!(definition["properties"]["type"]["const"], json!(kind.name));
        for field in kind.fields {
            assert!(
                definition["properties"]["payload"]["properties"][field.key]["description"].is_string(),
                "{} {}",
                kind.name,
                field.key
            );
        }
    }
    assert_eq!(schema["$defs"]["task.progress"]["properties"]["payload"]["properties"]["progress"]["maximum"], json!(100.0));
}
