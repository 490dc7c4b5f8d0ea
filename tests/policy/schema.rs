//! The JSON Schema and the reader agree about what a policy may have.

#![allow(
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not in the schema is a fault of it, and a helper says so as an assertion does"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use longstop::policy::{Code, check, schema};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::generate::plans;
use crate::template::Filled;

fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).expect("the schema is one")
}

/// A TOML document as an editor hands it to a schema.
fn json_of(text: &str) -> Value {
    let table: toml::Table = text.parse().expect("TOML");
    serde_json::to_value(table).expect("TOML is JSON but for dates")
}

#[test]
fn the_schema_is_the_one_that_is_shipped() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/policy.schema.json");
    let written = fs::read_to_string(&path).unwrap_or_default();
    let mut expected = serde_json::to_string_pretty(&schema()).expect("JSON");
    expected.push('\n');
    if written != expected {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("policy.schema.json");
        fs::write(&fresh, expected).expect("a place for the schema");
        panic!(
            "policies/policy.schema.json is not what the program prints, which is in {}",
            fresh.display()
        );
    }
}

#[test]
fn the_schema_is_a_schema() {
    assert!(jsonschema::meta::is_valid(&schema()));
}

#[test]
fn shipped_policies_follow_the_schema() {
    let validator = validator();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut policies = 0;
    for entry in fs::read_dir(folder).expect("policies can be listed") {
        let path = entry.expect("an entry").path().join("policy.toml");
        if let Ok(text) = fs::read_to_string(&path) {
            let errors: Vec<String> = validator
                .iter_errors(&json_of(&text))
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
            policies += 1;
        }
    }
    assert!(policies > 8, "{policies}");
}

/// Codes of mistakes that a schema can see as well, each in the place where it is.
const SEEN_BY_BOTH: [Code; 8] = [
    Code::UnknownField,
    Code::MissingField,
    Code::WrongType,
    Code::WrongWord,
    Code::OutOfRange,
    Code::NoUnit,
    Code::BadDuration,
    Code::EmptyReason,
];

#[test]
fn fixtures_with_mistakes_of_form_fail_the_schema() {
    let validator = validator();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policy");
    let mut failing = 0;
    for entry in fs::read_dir(folder).expect("the fixtures") {
        let path = entry.expect("a fixture").path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        let text = Filled::new(&fs::read_to_string(&path).expect("a fixture")).text;
        if text.parse::<toml::Table>().is_err() {
            continue;
        }
        let problems = check(&text).diagnostics;
        let of_form = problems
            .iter()
            .any(|problem| SEEN_BY_BOTH.contains(&problem.code()));
        let sound = check(&text).policy.is_some();
        let valid = validator.is_valid(&json_of(&text));
        assert!(
            !of_form || !valid,
            "{}: the schema sees nothing",
            path.display()
        );
        assert!(
            !sound || valid,
            "{}: the schema sees too much",
            path.display()
        );
        failing += usize::from(of_form);
    }
    assert!(failing > 4, "{failing}");
}

#[test]
fn durations_are_those_of_the_reader() {
    let validator = validator();
    let with = |duration: &str| {
        let text = crate::BASE.replace("\"365 days\"", &format!("{duration:?}"));
        validator.is_valid(&json_of(&Filled::new(&text).text))
    };
    let units = [
        "block", "blocks", "second", "seconds", "minute", "minutes", "hour", "hours", "day",
        "days", "week", "weeks", "month", "months", "year", "years", "",
    ];
    for unit in units {
        for duration in [
            format!("3 {unit}"),
            format!(" 3{unit} "),
            format!("-3 {unit}"),
            unit.to_owned(),
        ] {
            let read = duration.parse::<longstop::policy::Duration>().is_ok();
            assert_eq!(with(&duration), read, "{duration:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn generated_policies_follow_the_schema(plan in plans()) {
        let text = plan.to_toml();
        let document = json_of(&text);
        let validator = validator();
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        prop_assert!(errors.is_empty(), "{:?}\n{}", errors, text);
    }
}

/// One document for each way through the alternatives of the schema, in which every field stands
/// that the way allows.
fn every_field(shape: &Value, schema: &Value, depth: usize) -> Value {
    let shape = resolve(shape, schema);
    if let Some(kinds) = shape
        .get("oneOf")
        .filter(|_| shape.get("properties").is_none())
    {
        let kinds = kinds.as_array().expect("a list");
        // Each kind of a condition once, the ones that contain conditions only so deep.
        let nested = |kind: &&Value| kind["properties"].get("any").is_some();
        let leaf = |kind: &&Value| {
            ["any", "all"]
                .iter()
                .all(|list| kind["properties"].get(list).is_none())
        };
        let kind = match depth {
            0..4 => kinds.iter().find(nested),
            _ => kinds.iter().find(leaf),
        };
        return every_field(kind.expect("a kind"), schema, depth + 1);
    }
    if let Some(words) = shape.get("enum") {
        return words[0].clone();
    }
    match shape["type"].as_str() {
        Some("object") => {
            let mut object = serde_json::Map::new();
            for (name, property) in shape
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                object.insert(name.clone(), every_field(property, schema, depth + 1));
            }
            if let Some(other) = shape
                .get("additionalProperties")
                .filter(|it| it.is_object())
            {
                object.insert(
                    "some-name".to_owned(),
                    every_field(other, schema, depth + 1),
                );
            }
            Value::Object(object)
        }
        Some("array") => {
            let item = resolve(&shape["items"], schema);
            match item.get("oneOf").and_then(Value::as_array) {
                Some(kinds) if depth < 6 => kinds
                    .iter()
                    .map(|kind| every_field(kind, schema, depth + 1))
                    .collect(),
                _ => json!([every_field(item, schema, depth + 1)]),
            }
        }
        Some("integer") => shape["minimum"].clone(),
        Some("boolean") => json!(true),
        _ => json!("14 days"),
    }
}

fn resolve<'a>(shape: &'a Value, schema: &'a Value) -> &'a Value {
    let reference = shape.get("$ref").or_else(|| shape["allOf"][0].get("$ref"));
    match reference.and_then(Value::as_str) {
        Some("#/definitions/condition") => &schema["definitions"]["condition"],
        Some(other) => panic!("unknown reference {other}"),
        None => shape,
    }
}

/// Whatever the schema has is read: the document with every field has none that is unknown.
#[test]
fn the_reader_knows_every_field_of_the_schema() {
    let schema = schema();
    let document = every_field(&schema, &schema, 0);
    let text = toml::to_string(&document).expect("TOML");
    for field in [
        "fewer_than",
        "turnout",
        "beneficiary",
        "roster",
        "unlock_height",
    ] {
        assert!(text.contains(field), "{field} is missing in\n{text}");
    }
    let unknown: Vec<String> = check(&text)
        .diagnostics
        .iter()
        .filter(|problem| problem.code() == Code::UnknownField)
        .map(ToString::to_string)
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}\n{text}");
}

/// A document with a field that no table has in every table.
const UNKNOWN_EVERYWHERE: &str = r#"
nonsense = 1
[policy]
nonsense = 1
[parties.alice]
nonsense = 1
custody = { nonsense = 1 }
[items.gina-copy]
nonsense = 1
custody = { nonsense = 1 }
[quorums]
council = { nonsense = 1, roster = { nonsense = 1 } }
[root]
nonsense = 1
[[path]]
nonsense = 1
escrow = { nonsense = 1 }
lockup = { nonsense = 1 }
[path.activation]
nonsense = 1
any = [
  { nonsense = 1, all = [{ nonsense = 1, manual = "council" }] },
  { nonsense = 1, alarm = "council" },
  { nonsense = 1, silence = "council" },
  { nonsense = 1, vote = "council" },
]
"#;

/// Whatever is read is in the schema: in each table the reader lists the very fields of one
/// table of the schema.
#[test]
fn the_schema_knows_every_field_of_the_reader() {
    let mut known = Vec::new();
    tables(&schema(), &mut known);
    let mut compared = 0;
    let mut seen = BTreeSet::new();
    for problem in check(UNKNOWN_EVERYWHERE).diagnostics {
        if problem.code() != Code::UnknownField {
            continue;
        }
        let advice = problem.advice().expect("it lists the fields");
        let (_, list) = advice
            .split_once("fields here are ")
            .unwrap_or(("", advice));
        let fields: BTreeSet<String> = list
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        assert!(
            known.contains(&fields),
            "the schema has no table of {fields:?}"
        );
        seen.insert(fields);
        compared += 1;
    }
    assert_eq!(compared, UNKNOWN_EVERYWHERE.matches("nonsense").count());
    for table in known {
        assert!(
            seen.contains(&table),
            "the reader has no table of {table:?}"
        );
    }
}

/// The names of the fields of every table of the schema.
fn tables(schema: &Value, found: &mut Vec<BTreeSet<String>>) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(properties)) = object.get("properties") {
                found.push(properties.keys().cloned().collect());
            }
            object.values().for_each(|value| tables(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| tables(value, found)),
        _ => {}
    }
}

/// `h` and `'` are the two spellings of hardened steps (BIP-380); `H` is none, for anybody.
#[test]
fn hardened_steps_are_those_of_the_reader() {
    let validator = validator();
    let text = include_str!("../../policies/joint-account/policy.toml");
    for (step, is_one) in [("48h", true), ("48'", true), ("48H", false)] {
        let text = text.replace("/48h/", &format!("/{step}/"));
        assert_eq!(validator.is_valid(&json_of(&text)), is_one, "{step}");
        let checked = check(&text);
        assert_eq!(checked.policy.is_some(), is_one, "{step}");
        if !is_one {
            let mut told = checked.diagnostics.iter().map(|found| format!("{found:?}"));
            assert!(told.any(|told| told.contains("`48h`")), "{step}");
        }
    }
}
