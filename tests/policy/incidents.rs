//! The JSON Schema of incidents, and the incidents that are shipped.

#![allow(
    clippy::panic,
    reason = "a test says what is wrong as an assertion does"
)]

use std::fs;
use std::path::{Path, PathBuf};

use longstop::simulate::incident_schema;

/// Whether an incident, as an editor hands it to a schema, follows it.
fn is_valid(text: &str) -> bool {
    let table: toml::Table = text.parse().expect("TOML");
    let json = serde_json::to_value(table).expect("TOML is JSON but for dates");
    let validator = jsonschema::draft7::new(&incident_schema()).expect("it is a schema");
    validator.is_valid(&json)
}

fn incidents() -> Vec<PathBuf> {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let list = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("an entry").path());
        paths.collect::<Vec<_>>()
    };
    let folders = list(&policies).into_iter();
    let mut files: Vec<PathBuf> = folders
        .flat_map(|folder| list(&folder.join("incidents")))
        .collect();
    files.sort();
    files
}

/// Each begins with the line by which editors find the schema.
#[test]
fn shipped_incidents_name_the_schema_and_follow_it() {
    let files = incidents();
    assert!(files.len() > 20, "{}", files.len());
    for file in files {
        let text = fs::read_to_string(&file).expect("an incident");
        let first = text.lines().next();
        assert_eq!(
            first,
            Some("#:schema ../../incident.schema.json"),
            "{}",
            file.display()
        );
        assert!(is_valid(&text), "{}", file.display());
    }
}

#[test]
fn the_schema_is_the_one_that_is_shipped() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/incident.schema.json");
    let written = fs::read_to_string(&path).unwrap_or_default();
    let mut expected = serde_json::to_string_pretty(&incident_schema()).expect("JSON");
    expected.push('\n');
    if written != expected {
        let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join("incident.schema.json");
        fs::write(&fresh, expected).expect("a place for the schema");
        panic!(
            "policies/incident.schema.json is not what the program prints, which is in {}",
            fresh.display()
        );
    }
}
