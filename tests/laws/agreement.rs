//! Spendable or not: the reference, the planner and Bitcoin Core's interpreter agree.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use longstop::compile::{Compiled, compile};
use longstop::policy::check;
use proptest::prelude::*;

use crate::generate::plans;
use crate::reference::Reference;
use crate::subject::{Holders, Subject};
use crate::triples::{Dice, Tally, Trial};

fn compiled(text: &str) -> Compiled {
    let checked = check(text);
    let problems = checked.diagnostics;
    let policy = checked.policy;
    let policy = policy.unwrap_or_else(|| panic!("{problems:#?}\n{text}"));
    compile(Arc::new(policy)).expect("it compiles")
}

/// Judges so many triples of every stage, or all if there are no more.
fn judge(text: &str, most: usize) -> Result<Tally, String> {
    let compiled = compiled(text);
    let reference = Reference::read(text);
    let holders = Holders::read(text);
    let mut dice = Dice(7);
    let mut tally = Tally::default();
    for stage in compiled.stages() {
        let subject = Subject::new(&reference, &holders, &compiled, stage, (0, 3));
        let mut trial = Trial::new(&subject);
        trial.judge_most(most, &mut dice)?;
        tally.add(&trial.tally);
    }
    Ok(tally)
}

#[test]
fn on_the_policies_that_are_shipped() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let file = entry.expect("an entry").path().join("policy.toml");
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let tally =
            judge(&text, 200).unwrap_or_else(|problem| panic!("{}: {problem}", file.display()));
        assert!(
            tally.spendable > 0 && tally.spendable < tally.triples,
            "{tally:?}"
        );
        count += 1;
    }
    assert!(count > 8, "only {count} policies");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_generated_policies(plan in plans()) {
        let text = plan.to_toml();
        prop_assert_eq!(judge(&text, 100).map(|_| ()), Ok(()), "{}", text);
    }
}
