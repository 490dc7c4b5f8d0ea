//! What a comparison of descriptors found.

use super::{BOLD, DIM, GREEN, RED, hanging, paint, shown};
use crate::cli::verify::Shown;
use crate::verify::Difference;

pub(in crate::cli) fn verification(result: &Shown<'_>, width: usize) -> String {
    let mut text = format!(
        "{}\npolicy id {}\n\n",
        paint(BOLD, &shown(result.policy)),
        result.id
    );
    let found = &result.verification;
    for stage in &found.stages {
        let name = shown(&stage.stage.to_string());
        if stage.differences.is_empty() {
            text.push_str(&format!("{}  {name}\n", paint(GREEN, "same   ")));
            text.push_str(&paint(
                DIM,
                &format!("         first address {}\n", stage.first_address),
            ));
            continue;
        }
        text.push_str(&format!("{}  {name}\n", paint(RED, "differs")));
        for difference in &stage.differences {
            text.push_str(&hanging(
                "         ",
                DIM,
                &shown(&words(difference)),
                width,
            ));
        }
    }
    for descriptor in &found.foreign {
        text.push_str(&format!(
            "{}  of no stage of this policy: {}\n",
            paint(RED, "foreign"),
            shown(descriptor)
        ));
    }
    if let Some(id) = &found.other_id {
        let other = format!("the policy id beside the descriptors is {}", shown(id));
        text.push_str(&format!("{}  {other}\n", paint(RED, "differs")));
    }
    text.push('\n');
    text.push_str(&if found.matches {
        paint(GREEN, "these descriptors are that policy\n")
    } else {
        paint(RED, "these descriptors are not that policy\n")
    });
    text
}

fn words(difference: &Difference) -> String {
    match difference {
        Difference::MissingStage => "no descriptor is given for it".to_owned(),
        Difference::Checksum {
            given: None,
            expected,
        } => format!("the checksum is missing; it would be `#{expected}`"),
        Difference::Checksum {
            given: Some(given),
            expected,
        } => format!("the checksum is `{given}`, and that of the text is `{expected}`"),
        Difference::Key {
            leaf,
            party,
            expected,
            given,
        } => format!("{leaf}: the key of {party} is `{given}` and should be `{expected}`"),
        Difference::Threshold {
            leaf,
            expected,
            given,
        } => format!("{leaf}: the threshold is {given} and should be {expected}"),
        Difference::Lock {
            leaf,
            expected,
            given,
        } => format!("{leaf}: the lock is {given} and should be {expected}"),
        Difference::Address { reason } => reason.clone(),
        Difference::OneKeychain { given } => format!("only the {given} descriptor is given"),
        Difference::InternalKey { expected, given } => {
            format!("the internal key is `{given}` and should be `{expected}`")
        }
        Difference::Structure {
            same_meaning,
            missing_keys,
            foreign_keys,
        } => {
            let mut text = if *same_meaning {
                "it means the same, but its scripts and addresses are others".to_owned()
            } else {
                "it means something else".to_owned()
            };
            for key in missing_keys {
                text.push_str(&format!("; missing: {key}"));
            }
            for key in foreign_keys {
                text.push_str(&format!("; of nobody in the policy: {key}"));
            }
            text
        }
    }
}
