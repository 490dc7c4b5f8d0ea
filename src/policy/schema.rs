//! The JSON Schema of a policy, for editors that complete and check a document as it is typed.
//!
//! A schema sees one value at a time: that names are declared, that periods fit one another and
//! that keys can be derived from is said by [`check`](super::check) alone.

use serde_json::{Map, Value as Json, json};

use super::language::{CONDITIONS, Field, Need, POLICY, Shape, Value};

/// The JSON Schema (draft-07) of a policy in TOML.
#[must_use]
pub fn schema() -> Json {
    let mut schema = table(&POLICY);
    let conditions: Vec<Json> = CONDITIONS.iter().map(table).collect();
    if let Json::Object(schema) = &mut schema {
        schema.insert(
            "$schema".to_owned(),
            json!("http://json-schema.org/draft-07/schema#"),
        );
        schema.insert("title".to_owned(), json!("Longstop policy"));
        let condition = json!({
            "description": "A condition of an activation.",
            "oneOf": conditions,
        });
        schema.insert("definitions".to_owned(), json!({ "condition": condition }));
    }
    schema
}

fn table(shape: &Shape) -> Json {
    let mut properties = Map::new();
    for field in shape.fields {
        properties.insert(field.name.to_owned(), property(field));
    }
    let required: Vec<&str> = shape
        .fields
        .iter()
        .filter(|field| field.needed == Need::Required)
        .map(|field| field.name)
        .collect();
    let mut table = Map::new();
    table.insert("description".to_owned(), json!(shape.about));
    table.insert("type".to_owned(), json!("object"));
    table.insert("properties".to_owned(), Json::Object(properties));
    table.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        table.insert("required".to_owned(), json!(required));
    }
    if !shape.one_of.is_empty() {
        let one_of: Vec<Json> = shape.one_of.iter().copied().map(has).collect();
        table.insert("oneOf".to_owned(), json!(one_of));
    }
    if !shape.never_together.is_empty() {
        let never: Vec<Json> = shape.never_together.iter().copied().map(has).collect();
        table.insert("not".to_owned(), json!({ "anyOf": never }));
    }
    Json::Object(table)
}

fn has(names: &[&str]) -> Json {
    json!({ "required": names })
}

fn property(field: &Field) -> Json {
    let mut schema = value(field.value);
    if let Json::Object(schema) = &mut schema {
        schema.insert("description".to_owned(), json!(field.about));
        if let Some(default) = field.default {
            let default = serde_json::from_str(default).unwrap_or_else(|_| json!(default));
            schema.insert("default".to_owned(), default);
        }
    }
    schema
}

fn value(value: Value) -> Json {
    match value {
        Value::Text => json!({ "type": "string" }),
        Value::Reason => pattern(r"\S"),
        Value::Word(words) => json!({ "enum": words }),
        Value::Name => name(),
        Value::Names => json!({ "type": "array", "items": name(), "minItems": 1 }),
        Value::Boolean => json!({ "type": "boolean" }),
        Value::Number(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Value::Count => json!({ "type": "integer", "minimum": 1 }),
        Value::Weights => json!({
            "type": "object",
            "propertyNames": name(),
            "additionalProperties": { "type": "integer", "minimum": 1 },
        }),
        Value::Duration => pattern(r"^\s*[0-9]+\s*(blocks?|minutes?|hours?|days?|weeks?)\s*$"),
        Value::Moment => json!({ "type": "string" }),
        Value::Percentage => pattern(r"^\s*[0-9]{1,3}\s*%\s*$"),
        Value::Account => {
            pattern(r"^\[[0-9a-fA-F]{8}(/[0-9]+['h]?)*\][xt]pub[1-9A-HJ-NP-Za-km-z]+$")
        }
        Value::FeeWallet => pattern(
            r"^wpkh\(\[[0-9a-fA-F]{8}(/[0-9]+['h]?)*\][xt]pub[1-9A-HJ-NP-Za-km-z]+/<0;1>/\*\)(#[0-9a-z]{8})?$",
        ),
        Value::Identity => pattern(r"^[0-9a-fA-F]{64}$"),
        Value::Feerate => pattern(r"^\s*[1-3]\s*sat/vB\s*$"),
        Value::Feerates => json!({
            "type": "array",
            "items": { "type": "integer", "minimum": 1, "maximum": 10_000 },
            "minItems": 1,
            "maxItems": 3,
            "uniqueItems": true,
        }),
        Value::Table(shape) => table(shape),
        Value::Tables(shape) => json!({ "type": "array", "items": table(shape) }),
        Value::Named(shape) => json!({
            "type": "object",
            "propertyNames": name(),
            "additionalProperties": table(shape),
        }),
        Value::Silenced => json!({
            "type": "object",
            "propertyNames": pattern("^LS[0-9]{4}$"),
            "additionalProperties": pattern(r"\S"),
        }),
        Value::Condition => json!({ "allOf": [{ "$ref": "#/definitions/condition" }] }),
        Value::Conditions => json!({
            "type": "array",
            "items": { "$ref": "#/definitions/condition" },
            "minItems": 1,
        }),
    }
}

fn pattern(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": pattern })
}

fn name() -> Json {
    json!({ "type": "string", "minLength": 1, "maxLength": 64 })
}
