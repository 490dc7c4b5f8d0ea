//! What signing devices can do with a policy.

use std::collections::BTreeSet;

use super::compiled::{drawn, heading, table};
use super::{BOLD, DIM, hanging, paint, shown};
use crate::cli::devices::Shown;
use crate::devices::{Answer, Finding, StageDevice, StageDevices};

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

/// A column for each device, since there are always as many of them, and a row for each leaf.
fn answers(stage: &StageDevices, width: usize) -> String {
    let devices = stage.devices.iter();
    let header: Vec<&str> = std::iter::once("")
        .chain(devices.map(|device| device.device.as_str()))
        .collect();
    let mut table = table(width, &header);
    let row = |what: String, answer: &dyn Fn(&StageDevice) -> Option<Answer>| {
        let answers = stage.devices.iter().map(answer);
        let answers = answers.map(|answer| answer.unwrap_or(Answer::Unknown).to_string());
        std::iter::once(what).chain(answers).collect::<Vec<_>>()
    };
    table.add_row(row("register".to_owned(), &|device| {
        Some(device.register.answer)
    }));
    let leaves = stage.devices.first().map_or(&[][..], |device| &device.sign);
    for (number, leaf) in leaves.iter().enumerate() {
        table.add_row(row(shown(&leaf.leaf.to_string()), &|device| {
            device.sign.get(number).map(|leaf| leaf.finding.answer)
        }));
    }
    drawn(&mut table)
}

/// What stands in the way, and from which version on it works where nothing does.
///
/// What is not known is told only where the answer depends on it: beside a `no` it changes nothing.
fn reasons(device: &StageDevice) -> String {
    let leaves = device.sign.iter().map(|leaf| &leaf.finding);
    let findings: Vec<&Finding> = std::iter::once(&device.register).chain(leaves).collect();
    let told = |answer: Answer| -> BTreeSet<&str> {
        let open = findings.iter().filter(|finding| finding.answer == answer);
        let facts = open.flat_map(|finding| &finding.because);
        let facts = facts.filter(|fact| fact.answer == answer);
        facts.map(|fact| fact.what.as_str()).collect()
    };
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    let (no, unknown) = (told(Answer::No), told(Answer::Unknown));
    if !no.is_empty() {
        parts.push(format!("does not take {}", list(no)));
    }
    if !unknown.is_empty() {
        parts.push(format!("unknown: {}", list(unknown)));
    }
    let facts = findings.iter().flat_map(|finding| &finding.because);
    let since = facts
        .filter_map(|fact| fact.since.as_deref())
        .max_by_key(|since| numbers(since));
    if let (true, Some(since)) = (told(Answer::No).is_empty(), since) {
        parts.push(format!("from {} {since} on", device.software));
    }
    parts.join("; ")
}

/// The numbers of a version, so that 9.9.0 comes before 9.21.0.
fn numbers(version: &str) -> Vec<u32> {
    let parts = version.split('.');
    parts.filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let versions = ["9.9.0", "9.15.0", "9.21.0", "9.21.1", "25.03.0"];
        assert!(versions.is_sorted_by_key(|version| numbers(version)));
        assert_eq!(numbers("25.03.0"), [25, 3, 0]);
    }
}
