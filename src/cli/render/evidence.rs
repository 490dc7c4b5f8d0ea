//! Evidence: what was put together, and what was verified.

use super::ledger::{row, short, when};
use super::{GREEN, RED, YELLOW, counted, hanging, paint, shown};
use crate::cli::evidence::{Created, Verified};
use crate::evidence::{Check, Subject};

/// Evidence that was written.
pub(in crate::cli) fn evidence_created(created: &Created, width: usize) -> String {
    let mut text = format!(
        "{} {}, about case {} on {}, {}\n",
        paint(GREEN, "written:"),
        created.file,
        short(created.case),
        shown(&created.path),
        when(created.now)
    );
    let signed = format!(
        "{}, root {}, signed by {}",
        counted(created.head.size, "event"),
        created.head.root,
        created.party
    );
    text += &row("ledger", &signed, width);
    let size = format!(
        "{}, {} bytes",
        counted(created.files, "file"),
        created.bytes
    );
    text += &row("holds", &size, width);
    text += &row("SHA256SUMS", &created.sums.to_string(), width);
    for check in &created.verification.checked {
        if !check.passed || is_attached(check.what) {
            text += &found(check, width);
        }
    }
    text
}

/// What was verified.
pub(in crate::cli) fn evidence_verified(verified: &Verified, width: usize) -> String {
    let verification = &verified.verification;
    let mut text = String::new();
    for check in &verification.checked {
        text += &found(check, width);
    }
    let (verdict, style) = match verification.passed {
        true => ("all is as it should be", GREEN),
        false => ("something is not as it should be", RED),
    };
    text += &format!("{}: {}\n", verified.evidence, paint(style, verdict));
    if let (Some(case), Some(now)) = (verification.case, verification.now) {
        text += &row("case", &format!("{case}, {}", when(now)), width);
    }
    if let Some(policy) = verification.policy_id {
        text += &row("policy id", &policy.to_string(), width);
    }
    if !verified.is_compared {
        text += &hanging(
            "next: ",
            YELLOW,
            "compare the policy id with what the parties say: policy, events and signatures can be made up together",
            width,
        );
    }
    text
}

const fn is_attached(what: Subject) -> bool {
    matches!(
        what,
        Subject::Psbt | Subject::Transaction | Subject::Block | Subject::Report
    )
}

fn found(check: &Check, width: usize) -> String {
    let (mark, style) = match check.passed {
        true => ("✓", GREEN),
        false => ("✗", RED),
    };
    let what = match check.what {
        Subject::Files => "files",
        Subject::Readme => "readme",
        Subject::Policy => "policy",
        Subject::Events => "events",
        Subject::Rules => "rules",
        Subject::Checkpoint => "checkpoint",
        Subject::Proofs => "proofs",
        Subject::Case => "case",
        Subject::Psbt => "psbt",
        Subject::Transaction => "transaction",
        Subject::Block => "block",
        Subject::Report => "report",
    };
    let says = match &check.file {
        Some(file) => format!("{}: {}", shown(file), shown(&check.says)),
        None => shown(&check.says),
    };
    hanging(&format!("{mark} {what:12}"), style, &says, width)
}
