//! Laws of the compiler over policies that proptest makes up, judged on the chain.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use longstop::compile::{
    BranchUse, Compiled, Keychain, LeafKind, Role, Stage, StageDescriptor, compile,
};
use longstop::policy::check;
use miniscript::descriptor::{Descriptor, DescriptorPublicKey};
use proptest::prelude::*;

use crate::generate::{KindPlan, Plan, Span, Unit, UnlockPlan, of_any_version, plans};
use crate::leaf::check_leaf;
use crate::vault::World;

/// The same policy with locks so short that a test can wait for them.
fn hurried(mut plan: Plan) -> Plan {
    let short = |span: &mut Span, most: u32| {
        let most = if span.unit == Unit::Hours {
            most / 6
        } else {
            most
        };
        *span = Span {
            count: 1 + span.count % most.max(1),
            unit: if span.unit == Unit::Hours {
                Unit::Hours
            } else {
                Unit::Blocks
            },
        };
    };
    plan.refresh = Some(Span::blocks(1));
    for path in &mut plan.paths {
        match &mut path.kind {
            KindPlan::Direct { delay, unlock } => {
                if let Some(delay) = delay {
                    short(delay, 40);
                }
                match unlock {
                    Some(UnlockPlan::Height(height)) => *height = 150 + *height % 40,
                    // The chain starts with that year, and median time lags behind.
                    Some(UnlockPlan::Year(year)) => *year = 2026,
                    None => {}
                }
            }
            KindPlan::Staged(staged) => {
                short(&mut staged.window, 20);
                if let Some(lockup) = &mut staged.lockup {
                    short(&mut lockup.period, 20);
                    let count = lockup.period.count + lockup.backstop.count % 5;
                    lockup.backstop = Span {
                        count,
                        ..lockup.period
                    };
                }
            }
        }
    }
    plan
}

fn text(plan: &Plan) -> String {
    plan.to_toml() + "\n[lints]\nLS0503 = \"short delays keep the tests quick\"\n"
}

fn compiled(text: &str) -> Compiled {
    let checked = check(text);
    let problems = checked.diagnostics;
    let policy = checked.policy;
    let policy = policy.unwrap_or_else(|| panic!("{problems:#?}\n{text}"));
    compile(Arc::new(policy)).expect("short locks make no policy larger")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each leaf of each stage is spent by exactly its quorums, and not with one signature less
    /// nor one block earlier.
    #[test]
    fn every_leaf_holds_on_the_chain(plan in of_any_version(plans().prop_map(hurried))) {
        let world = World::new(Arc::new(compiled(&text(&plan))));
        for stage in world.compiled.stages() {
            for leaf in stage.leaves() {
                check_leaf(&world, stage.stage(), leaf.kind());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_text_compiles_to_the_same_bytes(plan in of_any_version(plans())) {
        let (one, two) = (compiled(&text(&plan)), compiled(&text(&plan)));
        prop_assert_eq!(one.id(), two.id());
        prop_assert_eq!(one.branches(), two.branches());
        let descriptors = |compiled: &Compiled| -> Vec<String> {
            compiled.stages().map(|stage| stage.descriptor().to_string()).collect()
        };
        prop_assert_eq!(descriptors(&one), descriptors(&two));
    }

    #[test]
    fn descriptors_survive_being_written_and_read(plan in of_any_version(plans())) {
        for stage in compiled(&text(&plan)).stages() {
            let written = stage.descriptor().to_string();
            let (body, checksum) = written.split_once('#').expect("a checksum");
            prop_assert_eq!(checksum.len(), 8);
            let read = Descriptor::<DescriptorPublicKey>::from_str(&written);
            prop_assert_eq!(read.expect("it reads back"), stage.descriptor().clone());
            let other = if checksum.starts_with('q') { "p" } else { "q" };
            let spoilt = format!("{body}#{other}{}", &checksum[1..]);
            prop_assert!(Descriptor::<DescriptorPublicKey>::from_str(&spoilt).is_err());
        }
    }

    /// No two seats share a key, in whichever leaves, stages or keychains they are.
    #[test]
    fn every_use_of_a_key_is_its_own(plan in of_any_version(plans())) {
        let compiled = compiled(&text(&plan));
        let secp = bitcoin::secp256k1::Secp256k1::new();
        let mut keys = BTreeSet::new();
        let mut scripts = BTreeSet::new();
        for stage in compiled.stages() {
            for keychain in Keychain::BOTH {
                let derived = stage.derive(keychain, 7, &secp).expect("an index");
                prop_assert!(scripts.insert(derived.script_pubkey().clone()));
                for leaf in derived.leaves() {
                    for key in &leaf.keys {
                        prop_assert!(keys.insert(key.public_key), "{} in {}", key.party, leaf.leaf.kind());
                    }
                }
            }
        }
        let uses = compiled.branches().uses();
        prop_assert_eq!(keys.len(), 2 * uses.len(), "the table has every use");
    }

    /// What is compiled from the same text knows its scripts again, and those of no other stage.
    #[test]
    fn a_stage_knows_its_own_scripts(plan in of_any_version(plans())) {
        let (one, other) = (compiled(&text(&plan)), compiled(&text(&plan)));
        let secp = bitcoin::secp256k1::Secp256k1::new();
        for stage in one.stages() {
            let derived = stage.derive(Keychain::Receive, 3, &secp).expect("an index");
            for known in one.stages().chain(other.stages()) {
                let is_same = known.stage() == stage.stage();
                prop_assert_eq!(known.is_origin_of(&derived), is_same);
            }
        }
    }

    /// The table names each pair of a party's account once, and gives root the first in the vault.
    #[test]
    fn the_branch_table_gives_no_pair_twice(plan in of_any_version(plans())) {
        let compiled = compiled(&text(&plan));
        let mut pairs: BTreeMap<(&str, u32), &BranchUse> = BTreeMap::new();
        for own in compiled.branches().uses() {
            let before = pairs.insert((&own.party, own.pair), own);
            prop_assert_eq!(before, None);
        }
        let first = &compiled.branches().uses()[0];
        prop_assert_eq!((&first.stage, &first.leaf), (&Stage::Vault, &LeafKind::Spend));
        prop_assert_eq!((first.role, first.pair), (Role::Root, 0));
    }

    /// The cheapest layout compiles whatever the other does, and weighs no more in expectation.
    #[test]
    fn the_cheapest_layout_is_no_dearer(plan in of_any_version(plans())) {
        let device = compiled(&text(&plan));
        let text = text(&plan).replacen("[policy]", "[policy]\nlayout = \"cheapest\"", 1);
        let cheapest = compiled(&text);
        for (before, after) in device.stages().zip(cheapest.stages()) {
            let expected = |stage: &StageDescriptor| -> f64 {
                let leaves = stage.leaves().iter();
                let weights = leaves.map(|leaf| {
                    f64::from(leaf.likelihood()) * stage.witness_weight(leaf.kind()).expected
                });
                weights.sum()
            };
            prop_assert!(expected(after) <= expected(before) + 0.001, "{}", after.stage());
            for leaf in after.leaves() {
                let scripts = after.scripts(leaf.kind());
                prop_assert!(scripts.len() == 1 || !leaf.is_presigned());
                let weight = after.witness_weight(leaf.kind());
                prop_assert!(weight.expected <= weight.most as f64 + 0.001);
            }
        }
    }
}
