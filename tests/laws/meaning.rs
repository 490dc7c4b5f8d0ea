//! A descriptor, lifted, has the truth table of its policy over keys and time.

use longstop::compile::Stage;
use miniscript::descriptor::Descriptor;
use proptest::prelude::*;

use crate::draft::Draft;
use crate::full::policies;
use crate::lifted::compare;
use crate::reference::Reference;
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
