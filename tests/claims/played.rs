//! Counterexamples really happen: each is played with real transactions on the embedded chain.

use longstop::analysis::{Analyst, Claim, Happening};
use longstop::policy::check;
use longstop::simulate::{Script, rehearse};
use proptest::prelude::*;

use crate::dice::Dice;
use crate::full::full;
use crate::generate::plans;
use crate::made_up::claim;

/// Plays an incident, in which everything has to come as it expects.
fn play(incident: &str, policy: &str, claim: &str) {
    let script = Script {
        incident,
        policy,
        record: false,
    };
    let rehearsal = match rehearse(script) {
        Ok(rehearsal) => rehearsal,
        Err(error) => panic!("{claim}: {error}\n{incident}\n{policy}"),
    };
    let unmet: Vec<String> = rehearsal
        .report
        .expectations
        .iter()
        .filter(|expectation| !expectation.met)
        .map(|unmet| {
            let (expected, actual) = (&unmet.expected, &unmet.actual);
            format!("line {:?}: {expected}, but {actual}", unmet.line)
        })
        .collect();
    let terms = &policy[policy.find("[[path]]").unwrap_or_default()..];
    assert!(
        unmet.is_empty(),
        "{claim}: {unmet:#?}\n{incident}\n{terms}\n{policy}"
    );
    assert!(
        !rehearsal.report.expectations.is_empty(),
        "{claim}\n{incident}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 100, ..ProptestConfig::default() })]

    #[test]
    fn counterexamples_happen(plan in plans(), seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let text = full(&plan, &mut dice);
        let Some(policy) = check(&text).policy else { return Ok(()) };
        let mut analyst = Analyst::of(&policy);
        for _ in 0..5 {
            let claim = claim(&policy, &mut dice);
            let parsed = Claim::parse(&claim, &policy).expect("a claim");
            let verdict = analyst.judge(&parsed).expect("small enough");
            let Some(found) = &verdict.counterexample else { continue };
            match analyst.incident(&verdict, "policy.toml") {
                Some(incident) => play(&incident, &text, &claim),
                None => {
                    let has_height = text.contains("unlock_height");
                    let is_empty = found.what == Happening::NothingToVeto;
                    assert!(has_height || is_empty, "{claim}: {found:?}\n{text}");
                }
            }
        }
    }
}
