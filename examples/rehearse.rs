//! Rehearses an incident with the library alone, and prints the report as JSON.
//!
//! ```text
//! cargo run --example rehearse -- policies/dao-treasury/incidents/council-vanishes.toml
//! ```

#![expect(clippy::print_stdout, reason = "an example prints its result")]

use std::path::Path;

use longstop::simulate::{Scenario, Script, rehearse};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("name an incident file")?;
    let incident = std::fs::read_to_string(&path)?;
    let folder = Path::new(&path).parent().unwrap_or_else(|| Path::new("."));
    let policy = std::fs::read_to_string(folder.join(Scenario::parse(&incident)?.policy))?;
    let rehearsal = rehearse(Script {
        incident: &incident,
        policy: &policy,
        record: false,
    })?;
    println!("{}", serde_json::to_string_pretty(&rehearsal.report)?);
    assert!(
        rehearsal.report.passed(),
        "the incident did not go as expected"
    );
    Ok(())
}
