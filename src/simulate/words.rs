//! What a rehearsal tells, in words.

use bitcoin::Amount;

use super::scenario::Scenario;
use crate::chain::Judge;
use crate::engine::{Prepared, Received, StepError};
use crate::policy::Policy;
use crate::report::Verdict;

/// What could be misunderstood, said first.
pub(super) fn warnings(policy: &Policy, scenario: &Scenario) -> Vec<String> {
    let mut warnings = vec![
        "all keys are stand-ins computed from the seed: the real ones take no part in a rehearsal"
            .to_owned(),
    ];
    for path in policy.paths() {
        if path
            .staged()
            .is_some_and(|staged| staged.activation().is_some())
        {
            let name = path.name();
            warnings.push(match scenario.speaks_of_cases() {
                true => format!(
                    "the activation of `{name}` holds honest software, not the chain: whoever acts `regardless`, and a thief, can trigger without it"
                ),
                false => format!(
                    "nobody says anything in this rehearsal that the activation of `{name}` turns on: its quorum triggers whenever the incident says so"
                ),
            });
        }
    }
    if !scenario.expects_anything() {
        warnings.push(
            "the incident expects nothing, so it passes whatever happens: write `[expect.coins]`, `[expect.holds]` or `[expect.cases]`"
                .to_owned(),
        );
    }
    warnings
}

pub(super) fn accepted(prepared: &Prepared, child: Option<(u64, Amount)>) -> Verdict {
    Verdict::Accepted {
        txid: prepared.transaction.compute_txid(),
        vbytes: prepared.transaction.vsize() as u64,
        fee_sats: (prepared.fee + child.map_or(Amount::ZERO, |(_, fee)| fee)).to_sat(),
        child_vbytes: child.map(|(vbytes, _)| vbytes),
    }
}

pub(super) fn refusal(error: &StepError) -> Verdict {
    match error {
        StepError::Refused(refusal) => Verdict::RefusedByChain {
            class: refusal.class.to_string(),
            detail: refusal.detail.clone(),
            consensus: refusal.by == Judge::Consensus,
        },
        error => Verdict::RefusedBySoftware {
            class: error.class().to_owned(),
            reason: error.to_string(),
        },
    }
}

pub(super) fn stripped(received: &[Received]) -> Vec<String> {
    let stripped = received.iter().flat_map(|received| &received.stripped);
    stripped
        .map(|signature| format!("stripped: {signature}"))
        .collect()
}

/// Names as a list: `a`, `a and b`, `a, b and c`.
pub(super) fn list(names: &[String]) -> String {
    match names {
        [] => "nobody".to_owned(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

pub(super) fn strings<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}
