//! The catalogue as JSON Schema (draft 2020-12), made from the same tables that check events.

use serde_json::{Map, Value, json};

use super::catalogue::{DOMAINS, ENVELOPE};
use super::control::FRAMES;
use super::table::{About, Domain, Kind};
use super::wire::{Field, Shape};
use super::{MAX_ENTITY_ID, MAX_ENTITY_KIND, MAX_KEY, MAX_SOURCE, MAX_TYPE};

/// The schema of any event that a sender may write or a reader may meet.
pub fn schema() -> Value {
    let mut definitions = Map::new();
    for domain in DOMAINS {
        for kind in domain.kinds {
            definitions.insert(kind.name.to_owned(), event(domain, kind));
        }
    }
    for (name, fields) in FRAMES {
        definitions.insert((*name).to_owned(), frame(name, fields));
    }
    definitions.insert("entity".to_owned(), entity());
    definitions.insert("custom".to_owned(), custom());
    let known = DOMAINS.iter().flat_map(|domain| domain.kinds).map(|kind| reference(kind.name));
    let events: Vec<Value> = known.chain([reference("custom")]).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Swarmdeck event",
        "description": "One thing that happened in a swarm. Types outside the catalogue are accepted with any object as payload.",
        "oneOf": events,
        "$defs": definitions,
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn event(domain: &Domain, kind: &Kind) -> Value {
    let mut properties = envelope();
    properties.insert("type".to_owned(), json!({ "const": kind.name }));
    properties.insert("payload".to_owned(), record(kind.fields, true));
    let mut required = vec!["type"];
    if let About::Its(of) = domain.about {
        required.push("entity");
        properties.insert(
            "entity".to_owned(),
            json!({ "allOf": [reference("entity")], "description": format!("The {of} it is about.") }),
        );
    }
    if kind.fields.iter().any(|field| field.required) {
        required.push("payload");
    }
    json!({ "title": kind.name, "description": kind.doc, "type": "object", "properties": properties, "required": required })
}

fn custom() -> Value {
    let known: Vec<&str> = DOMAINS.iter().flat_map(|domain| domain.kinds).map(|kind| kind.name).collect();
    let mut properties = envelope();
    properties.insert(
        "type".to_owned(),
        json!({ "type": "string", "maxLength": MAX_TYPE, "pattern": "^[a-z][a-z0-9_-]*(\\.[a-z][a-z0-9_-]*)+$", "not": { "enum": known } }),
    );
    json!({ "title": "custom", "description": "An event of the sender's own type: kept and shown, folded into nothing.",
            "type": "object", "properties": properties, "required": ["type"] })
}

fn frame(name: &str, fields: &[Field]) -> Value {
    json!({ "title": name, "type": "object", "required": ["type", "payload"],
            "properties": { "type": { "const": name }, "ts": { "type": "string", "format": "date-time" },
                            "source": { "const": "core" }, "payload": record(fields, false) } })
}

fn entity() -> Value {
    json!({ "description": "What an event is about: an object, or the short form kind:id.",
        "oneOf": [
            { "type": "object", "required": ["kind", "id"], "properties": {
                "kind": { "type": "string", "minLength": 1, "maxLength": MAX_ENTITY_KIND },
                "id": { "type": "string", "minLength": 1, "maxLength": MAX_ENTITY_ID } } },
            { "type": "string", "pattern": "^[^:]+:.+$" } ] })
}

fn envelope() -> Map<String, Value> {
    ENVELOPE
        .iter()
        .map(|field| {
            let mut schema = shape(&field.shape, field.range);
            schema["description"] = json!(field.doc);
            match field.key {
                "source" => schema["maxLength"] = json!(MAX_SOURCE),
                "id" => schema["maxLength"] = json!(MAX_KEY),
                _ => {}
            }
            (field.key.to_owned(), schema)
        })
        .collect()
}

fn record(fields: &[Field], open: bool) -> Value {
    let properties: Map<String, Value> = fields
        .iter()
        .map(|field| {
            let mut schema = shape(&field.shape, field.range);
            schema["description"] = json!(field.doc);
            (field.key.to_owned(), schema)
        })
        .collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.key).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": open })
}

fn shape(shape_of: &Shape, range: Option<(f64, f64)>) -> Value {
    let mut schema = match shape_of {
        Shape::Text => json!({ "type": "string" }),
        Shape::Word(words) => json!({ "type": "string", "enum": words }),
        Shape::Number => json!({ "type": "number" }),
        Shape::Integer => json!({ "type": "integer" }),
        Shape::Count => json!({ "type": "integer", "minimum": 0 }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Time => json!({ "anyOf": [{ "type": "string", "format": "date-time" }, { "type": "integer" }] }),
        Shape::Reference => reference("entity"),
        Shape::Any => json!({}),
        Shape::Open => json!({ "type": "object" }),
        Shape::List(of) => json!({ "type": "array", "items": shape(of, None) }),
        Shape::Table(of) => json!({ "type": "object", "additionalProperties": shape(of, None) }),
        Shape::Record(fields) => record(fields, true),
    };
    if let Some((low, high)) = range {
        schema["minimum"] = json!(low);
        schema["maximum"] = json!(high);
    }
    schema
}
