//! Two leaves of a vault that are written as one: their common keys stand once, and nobody can do
//! anything else by it.

use std::collections::BTreeMap;

use longstop::compile::{Compiled, LeafKind};

use crate::dice::Dice;
use crate::draft::Draft;
use crate::full::later_keys;
use crate::heaviest::weigh_all;
use crate::lifted::compare;
use crate::reference::Reference;
use crate::triples::{compiled, judge};

/// The leaves of the vault that have keys in common, each pair once.
fn joint(compiled: &Compiled) -> Vec<[LeafKind; 2]> {
    let mut first: BTreeMap<(&str, u32), &LeafKind> = BTreeMap::new();
    let mut pairs = Vec::new();
    for row in compiled.branches().uses() {
        match first.get(&(row.party.as_str(), row.pair)) {
            None => {
                first.insert((&row.party, row.pair), &row.leaf);
            }
            Some(leaf) => pairs.push([(*leaf).clone(), row.leaf.clone()]),
        }
    }
    pairs.sort();
    pairs.dedup();
    pairs
}

/// A key that two leaves share is attributed to neither: the later leaf may stand first in the
/// policy, and is shut when the other one spends.
#[test]
fn a_shared_key_is_of_whichever_leaf_is_open() {
    let quorums = r#"
[quorums]
council = { threshold = 2, of = ["alice", "bob"] }
anybody = { threshold = 1, of = ["alice", "bob", "carol"] }
one = { threshold = 1, of = ["carol"] }

[root]
quorum = "council"
refresh = "10 blocks"
"#;
    let late = r#"
[[path]]
name = "late"
quorum = "anybody"
delay = "5000 blocks"
unlock_height = 9000
"#;
    let soon = r#"
[[path]]
name = "soon"
quorum = "one"
delay = "4000 blocks"
"#;
    for paths in [[late, soon], [soon, late]] {
        let terms = quorums.to_owned() + &paths.concat();
        let text = Draft::new("wsh", &terms).with_layout("cheapest").text();
        let pairs = joint(&compiled(&text));
        assert_eq!(pairs.len(), 1, "{pairs:?}");
        let judged = judge(&text, 1_000, &mut Dice(1));
        assert!(judged.is_ok(), "{}\n{text}", judged.unwrap_err());
    }
}

/// Judged by the reference, the planner and the interpreter; lifted; weighed.
#[test]
fn policies_with_later_keys_hold_all_laws() {
    let (mut joined, mut apart) = (0, 0);
    for seed in 0..14 {
        let text = later_keys(&mut Dice(seed));
        let compiled = compiled(&text);
        let judged = judge(&text, 20, &mut Dice(seed));
        assert!(judged.is_ok(), "{}\n{text}", judged.unwrap_err());
        let reference = Reference::read(&text);
        for stage in compiled.stages() {
            let compared = compare(&reference, &text, &compiled, stage);
            assert!(compared.is_ok(), "{}", compared.unwrap_err());
        }
        let weighed = weigh_all(&reference, &text, &compiled);
        assert!(weighed.is_ok(), "{}\n{text}", weighed.unwrap_err());
        let pairs = joint(&compiled);
        for [one, other] in &pairs {
            for leaf in [one, other] {
                let leaf = compiled.vault().leaf(leaf).expect("a leaf of the vault");
                assert!(!leaf.is_presigned() && leaf.relative().is_some());
            }
        }
        if pairs.is_empty() {
            apart += 1;
        } else {
            assert!(text.contains("wsh") && text.contains("cheapest"));
            joined += 1;
        }
    }
    assert!(joined > 2 && apart > 2, "{joined} and {apart}");
}
