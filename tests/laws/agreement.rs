//! Spendable or not: the reference, the planner and Bitcoin Core's interpreter agree.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::dice::Dice;
use crate::draft::Draft;
use crate::full::policies;
use crate::reference::Reference;
use crate::triples::{judge, judge_by};

#[test]
fn on_the_policies_that_are_shipped() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut count = 0;
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let file = entry.expect("an entry").path().join("policy.toml");
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        let tally = judge(&text, 150, &mut Dice(7));
        let tally = tally.unwrap_or_else(|problem| panic!("{}: {problem}", file.display()));
        assert!(
            tally.spendable > 0 && tally.spendable < tally.triples,
            "{tally:?}"
        );
        assert!(tally.witnesses >= tally.triples, "{tally:?}");
        count += 1;
    }
    assert!(count > 8, "only {count} policies");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_generated_policies(text in policies(), seed in any::<u64>()) {
        let judged = judge(&text, 60, &mut Dice(seed));
        prop_assert!(judged.is_ok(), "{}\n{text}", judged.unwrap_err());
    }
}

const TERMS: &str = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob", "carol"] }
agents = { threshold = 2, of = ["gina", "hal", "ivan"] }
vetoers = { threshold = 1, members_of = "council" }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "sos"
quorum = "agents"
escrow = { window = "20 blocks", veto = "vetoers", backstop = "40 blocks" }
lockup = { period = "30 blocks", clawback = true }

[[path]]
name = "late"
quorum = "agents"
unlock_height = 5000

[[path]]
name = "later"
quorum = "agents"
unlock_at = "2031-01-01T00:00:00Z"

[[path]]
name = "dead-man"
quorum = "agents"
clock = "time"
delay = "100 days"
"#;

/// Changes to the terms, each of which makes another policy.
const CHANGES: [(&str, &str); 14] = [
    ("council = { threshold = 2", "council = { threshold = 1"),
    ("council = { threshold = 2", "council = { threshold = 3"),
    ("agents = { threshold = 2", "agents = { threshold = 3"),
    ("vetoers = { threshold = 1", "vetoers = { threshold = 2"),
    ("\"20 blocks\"", "\"19 blocks\""),
    ("\"20 blocks\"", "\"21 blocks\""),
    ("\"40 blocks\"", "\"41 blocks\""),
    ("\"30 blocks\"", "\"29 blocks\""),
    ("5000", "4999"),
    ("5000", "5001"),
    ("2031-01-01T00:00:00Z", "2030-12-31T23:59:59Z"),
    ("2031-01-01T00:00:00Z", "2031-01-01T00:00:01Z"),
    ("\"100 days\"", "\"2401 hours\""),
    // Who may take the coins back, and whether anybody may.
    ("clawback = true", "clawback = false"),
];

/// Any of several, all of two among them: the script of the cheapest layout was refused as
/// malleable, since a part that can be dissatisfied was taken for one that cannot.
#[test]
fn on_a_choice_that_holds_a_conjunction() {
    let terms = r#"
[quorums]
council = { threshold = 1, of = ["carol"] }
both = { threshold = 2, of = ["bob", "carol"] }
any = { threshold = 1, of = ["erin", "frank"] }
legal = { threshold = 1, of = ["frank", "both", "any"] }
operations = { threshold = 2, of = ["dave", "frank"] }
vetoers = { threshold = 1, of = ["legal", "operations"] }

[root]
quorum = "council"
refresh = "10 blocks"

[[path]]
name = "rescue"
quorum = "council"
escrow = { window = "496 hours", veto = "vetoers" }
"#;
    for script in ["tr", "wsh"] {
        let text = Draft::new(script, terms).text();
        let text = text.replace("\"device\"", "\"cheapest\"\naccept_total_loss = \"a test\"");
        let judged = judge(&text, 200, &mut Dice(4));
        assert!(judged.is_ok(), "{script}: {}", judged.unwrap_err());
    }
}

/// The others would be worth nothing if no fault were ever found.
#[test]
fn a_policy_that_differs_by_one_is_found_out() {
    for (at, (from, to)) in CHANGES.into_iter().enumerate() {
        let script = ["tr", "wsh"][at % 2];
        let text = Draft::new(script, TERMS).text();
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        let judged = judge_by(&Reference::read(&changed), &text, 2_000, &mut Dice(1));
        assert!(
            judged.is_err(),
            "{script}: {from} -> {to} makes no difference"
        );
        let judged = judge(&text, 20, &mut Dice(1));
        assert!(judged.is_ok(), "{script}: {}", judged.unwrap_err());
    }
}
