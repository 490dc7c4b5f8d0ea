//! What signing devices can do with a policy.

use std::collections::BTreeSet;

use super::compiled::{drawn, heading, table};
use super::{BOLD, DIM, hanging, paint, shown};
use crate::cli::devices::Shown;
use crate::devices::{Answer, Fact, StageDevice, StageDevices};

pub(in crate::cli) fn devices(result: &Shown<'_>, width: usize) -> String {
    let mut text = format!(
        "{}\npolicy id {}\n",
        paint(BOLD, &shown(result.policy)),
        result.id
    );
    for stage in &result.stages {
        text.push_str(&heading(&stage.stage.to_string()));
        text.push_str(&answers(stage, width));
        for device in &stage.devices {
            let reasons = reasons(device);
            if !reasons.is_empty() {
                let label = format!("{}: ", device.device);
                text.push_str(&hanging(&label, DIM, &reasons, width));
            }
        }
    }
    text.push('\n');
    text.push_str(&hanging(
        "",
        DIM,
        "yes and no rest on what somebody has written down; unknown means that nobody has. The sources are in the JSON result.",
        width,
    ));
    text
}

fn answers(stage: &StageDevices, width: usize) -> String {
    let mut header = vec!["device".to_owned(), "register".to_owned()];
    if let Some(device) = stage.devices.first() {
        let leaves = device.sign.iter();
        header.extend(leaves.map(|leaf| shown(&leaf.leaf.to_string())));
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut table = table(width, &header);
    for device in &stage.devices {
        let mut row = vec![device.device.clone(), device.register.answer.to_string()];
        let leaves = device.sign.iter();
        row.extend(leaves.map(|leaf| leaf.finding.answer.to_string()));
        table.add_row(row);
    }
    drawn(&mut table)
}

/// What stands in the way, and from which version on it works where nothing does.
fn reasons(device: &StageDevice) -> String {
    let findings = device.sign.iter().map(|leaf| &leaf.finding);
    let all: Vec<&Fact> = std::iter::once(&device.register)
        .chain(findings)
        .flat_map(|finding| &finding.because)
        .collect();
    let told = |answer: Answer| -> BTreeSet<&str> {
        let facts = all.iter().filter(|fact| fact.answer == answer);
        facts.map(|fact| fact.what.as_str()).collect()
    };
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    let (no, unknown) = (told(Answer::No), told(Answer::Unknown));
    if !no.is_empty() {
        parts.push(format!("no {}", list(no)));
    }
    if !unknown.is_empty() {
        parts.push(format!("unknown: {}", list(unknown)));
    }
    let since: BTreeSet<String> = all
        .iter()
        .filter_map(|fact| fact.since.as_ref())
        .map(|since| format!("{} {since}", device.software))
        .collect();
    if let (true, Some(since)) = (told(Answer::No).is_empty(), since.last()) {
        parts.push(format!("from {since} on"));
    }
    parts.join("; ")
}
