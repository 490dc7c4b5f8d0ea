//! A descriptor, lifted, has the truth table of its policy over keys and time.

use longstop::compile::Stage;
use miniscript::descriptor::Descriptor;
use proptest::prelude::*;

use crate::dice::Dice;
use crate::draft::Draft;
use crate::full::policies;
use crate::lifted::compare;
use crate::reference::Reference;
use crate::sample::signer_sets;
use crate::subject::{Holders, Subject};
use crate::triples::compiled;

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_lifted_descriptor_is_the_policy(text in policies()) {
        let (compiled, reference) = (compiled(&text), Reference::read(&text));
        for stage in compiled.stages() {
            let compared = compare(&reference, &text, &compiled, stage);
            prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
        }
    }

    /// The leaves know by themselves when enough have signed them.
    #[test]
    fn quorums_are_met_when_the_policy_says(text in policies(), seed in any::<u64>()) {
        let (compiled, reference) = (compiled(&text), Reference::read(&text));
        let holders = Holders::read(&text);
        for stage in compiled.stages() {
            let subject = Subject::new(&reference, &holders, &compiled, stage, (0, 0));
            for signers in signer_sets(&subject, &mut Dice(seed)) {
                for (way, leaf) in subject.ways.iter().enumerate() {
                    let found = stage.leaves().iter().find(|found| found.kind().to_string() == leaf.kind);
                    let mut first = subject.seats_of(way).start;
                    let mut is_met = true;
                    for group in found.expect("every way is a leaf").groups() {
                        let signs = |seat: usize| signers[seat];
                        is_met &= group.is_met_by(&|seat| subject.signs(first + seat, &signs));
                        first += group.seats().count();
                    }
                    prop_assert_eq!(first, subject.seats_of(way).end);
                    prop_assert_eq!(is_met, subject.is_signed(way, &|seat| signers[seat]));
                }
            }
        }
    }
}

const SMALL: &str = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob", "carol"] }
agents = { threshold = 2, of = ["gina", "hal"] }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "dead-man"
quorum = "agents"
delay = "90 days"
unlock_height = 900000
"#;

/// The whole table of a small vault, and that it tells a policy from its neighbours.
#[test]
fn the_whole_table_of_a_small_vault() {
    for script in ["tr", "wsh"] {
        let text = Draft::new(script, SMALL).text();
        let compiled = compiled(&text);
        let vault = compiled.stage(&Stage::Vault).expect("there is a vault");
        assert!(matches!(vault.descriptor(), Descriptor::Tr(_)) == (script == "tr"));
        let rows = compare(&Reference::read(&text), &text, &compiled, vault);
        assert!(
            rows.is_ok_and(|rows| rows >= 32 * 9),
            "2^5 sets at 9 moments or more"
        );
        for (from, to) in [
            ("threshold = 2, of = [\"gina", "threshold = 1, of = [\"gina"),
            ("90 days", "12961 blocks"),
            ("900000", "899999"),
        ] {
            let other = text.replace(from, to);
            assert_ne!(other, text);
            let compared = compare(&Reference::read(&other), &text, &compiled, vault);
            assert!(compared.is_err(), "{from} -> {to}");
        }
    }
}
