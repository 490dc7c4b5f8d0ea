//! Leaves that stand in several scripts: everybody signs each of them, the cheapest that is
//! complete is used, and it weighs what was predicted.

use std::collections::BTreeSet;

use longstop::compile::{LeafKind, Place, Role, Stage};
use longstop::policy::{Member, Quorum};
use longstop::transaction::{StripReason, VaultCoin};

use crate::vault::{BAD_SCRIPT, DEPARTMENTS, Draft, SCRIPTS, TREASURY, World};

const ROSTER: &str = r#"council = { threshold = 2, of = ["legal", "finance", "operations"], roster = { of = ["alice", "bob", "dave", "frank"], share = "80%" } }"#;

fn departments(script: &'static str) -> Draft {
    Draft::new(script, DEPARTMENTS).with_layout("cheapest")
}

fn with_roster(script: &'static str) -> Draft {
    let plain = r#"council = { threshold = 2, of = ["legal", "finance", "operations"] }"#;
    departments(script).but(plain, ROSTER)
}

/// All smallest sets of parties that meet a quorum, in which nobody has two seats.
fn smallest_sets(quorum: &Quorum) -> Vec<Vec<String>> {
    let mut ways = vec![Vec::new(); quorum.threshold() + 1];
    ways[0].push(Vec::new());
    for member in quorum.members() {
        let own = match member {
            Member::Party(party) => vec![vec![party.name().to_owned()]],
            Member::Quorum(inner) => smallest_sets(inner),
        };
        for met in (1..ways.len()).rev() {
            let before = ways[met - 1].clone();
            for (before, own) in before.iter().flat_map(|b| own.iter().map(move |o| (b, o))) {
                ways[met].push([before.clone(), own.clone()].concat());
            }
        }
    }
    ways.swap_remove(quorum.threshold())
}

/// The weight of the witness with which these parties refresh the coin.
fn refreshed(world: &World, coin: &VaultCoin, by: &[String]) -> u64 {
    let mut refresh = world.builder().refresh(&[coin], 0).expect("it pays");
    for (party, received) in by.iter().zip(world.collect(
        &mut refresh,
        Role::Root,
        &by.iter().map(String::as_str).collect::<Vec<_>>(),
    )) {
        assert_eq!(received.accepted, [party.as_str()]);
        assert_eq!(received.stripped, [], "only what was asked for comes back");
    }
    let signed = refresh.into_signed().expect("they are enough");
    let complete = signed.finalize().expect("it is complete");
    world.accepts(complete.transaction());
    complete.transaction().input[0].witness.size() as u64
}

#[test]
fn whoever_suffices_can_spend_and_the_dearest_weighs_what_was_predicted() {
    for draft in [
        departments("tr"),
        departments("wsh"),
        with_roster("tr"),
        with_roster("wsh"),
    ] {
        let mut world = draft.world();
        let coin = world.deposit(1_000_000);
        let vault = world.compiled.vault().clone();
        let predicted = vault.witness_weight(&LeafKind::Spend);
        let quorum = world.compiled.policy().root().quorum();
        let sets = smallest_sets(quorum);
        let weights: Vec<u64> = sets
            .iter()
            .map(|set| refreshed(&world, &coin, set))
            .collect();
        let most = weights.iter().max().copied().expect("there are sets");
        let mean = weights.iter().sum::<u64>() as f64 / weights.len() as f64;
        let usual = quorum.roster().map(|roster| {
            let names: Vec<String> = roster.members().iter().cloned().collect();
            (
                refreshed(&world, &coin, &names) as f64,
                f64::from(roster.share()) / 100.0,
            )
        });
        let expected = usual.map_or(mean, |(usual, share)| share * usual + (1.0 - share) * mean);
        if vault.is_taproot() {
            assert_eq!(predicted.most, most);
            assert!(
                (predicted.expected - expected).abs() < 0.01,
                "{predicted:?} {expected}"
            );
        } else {
            // An ECDSA signature may be up to two bytes shorter than the longest.
            assert!(
                (most..=most + 8).contains(&predicted.most),
                "{predicted:?} {most}"
            );
            let below = predicted.expected - expected;
            assert!((0.0..=8.0).contains(&below), "{predicted:?} {expected}");
        }
    }
}

#[test]
fn it_is_no_dearer_than_the_device_layout_in_expectation() {
    for script in SCRIPTS {
        for terms in [TREASURY, DEPARTMENTS] {
            let device = Draft::new(script, terms).compiled();
            let cheapest = Draft::new(script, terms).with_layout("cheapest").compiled();
            for (before, after) in device.stages().zip(cheapest.stages()) {
                let expected = |stage: &longstop::compile::StageDescriptor| -> f64 {
                    let leaves = stage.leaves().iter();
                    leaves
                        .map(|leaf| {
                            let weight = stage.witness_weight(leaf.kind());
                            f64::from(leaf.likelihood()) * weight.expected
                        })
                        .sum()
                };
                assert!(
                    expected(after) <= expected(before) + 0.001,
                    "{}",
                    after.stage()
                );
            }
        }
    }
}

#[test]
fn what_holds_a_pre_signature_is_one_script_and_what_does_not_may_be_many() {
    for draft in [departments("tr"), with_roster("tr")] {
        let compiled = draft.compiled();
        let mut split = 0;
        for stage in compiled.stages() {
            let mut places = BTreeSet::new();
            for leaf in stage.leaves() {
                let scripts = stage.scripts(leaf.kind());
                if leaf.is_presigned() {
                    assert_eq!(scripts.len(), 1, "{}", leaf.kind());
                }
                split += usize::from(scripts.len() > 1);
                for script in scripts {
                    let Place::Tapleaf(number) = script.place() else {
                        panic!("root is no single key");
                    };
                    assert!(places.insert(number), "each tapleaf is of one leaf");
                }
            }
            assert_eq!(
                places,
                (0..places.len()).collect(),
                "and every one is of some leaf"
            );
        }
        assert!(split > 0);
    }
}

#[test]
fn the_roster_has_a_script_of_its_own() {
    let compiled = with_roster("tr").compiled();
    let vault = compiled.vault();
    let spend = vault.leaf(&LeafKind::Spend).expect("root spends");
    let names: Vec<&str> = spend.groups()[0].seats().map(|(party, _)| party).collect();
    let own = vault.scripts(&LeafKind::Spend).iter().filter(|script| {
        let parties: Vec<&str> = script.seats().iter().map(|seat| names[*seat]).collect();
        parties == ["alice", "bob", "dave", "frank"]
    });
    assert_eq!(own.count(), 1);
    let plain = departments("tr").compiled();
    let own = plain.vault().scripts(&LeafKind::Spend).iter();
    assert_eq!(own.filter(|script| script.seats().len() == 4).count(), 0);
}

#[test]
fn one_signature_too_few_is_too_few_and_one_of_another_leaf_is_stripped() {
    let mut world = departments("tr").world();
    let coin = world.deposit(1_000_000);
    let mut refresh = world.builder().refresh(&[&coin], 0).expect("it pays");
    world.collect(&mut refresh, Role::Root, &["alice", "bob", "dave", "greta"]);
    let mut refresh = *refresh
        .into_signed()
        .expect_err("one department is not enough");
    world.collect(&mut refresh, Role::Root, &["erin"]);
    let complete = refresh.into_signed().expect("two departments");
    let complete = complete.finalize().expect("it is complete");
    world.accepts(complete.transaction());
    // The same signatures with one left out open no script.
    let mut short = complete.transaction().clone();
    let mut items = short.input[0].witness.to_vec();
    let place = items
        .iter()
        .position(|item| item.len() == 64)
        .expect("a signature");
    items[place] = Vec::new();
    short.input[0].witness = bitcoin::Witness::from_slice(&items);
    world.refuses(&short, BAD_SCRIPT);
    // A signature for the trigger's script is nothing the refresh asked for.
    let mut refresh = world.builder().refresh(&[&coin], 0).expect("it pays");
    let mut returned = refresh.request(Role::Root).expect("a request");
    let trigger = coin.derived().leaf(&LeafKind::Trigger("sos".to_owned()));
    let trigger = trigger.expect("there is a path");
    let key = trigger.keys[0].public_key.inner.x_only_public_key().0;
    let signature = bitcoin::taproot::Signature {
        signature: bitcoin::secp256k1::schnorr::Signature::from_slice(&[1; 64]).expect("64 bytes"),
        sighash_type: bitcoin::TapSighashType::Default,
    };
    let hash = trigger.hash().expect("it has one script");
    returned.inputs[0]
        .tap_script_sigs
        .insert((key, hash), signature);
    let received = refresh
        .receive(Role::Root, &returned, world.secp())
        .expect("our own");
    assert_eq!(received.accepted, [""; 0]);
    assert_eq!(received.stripped[0].reason, StripReason::NotRequested);
    // Nor is a key of the leaf for a script in which it does not stand.
    let spend = coin.derived().leaf(&LeafKind::Spend).expect("root spends");
    let foreign = spend
        .scripts
        .iter()
        .find(|script| !script.script.seats().contains(&0));
    let foreign = foreign
        .and_then(|script| script.hash)
        .expect("one without the first seat");
    let key = spend.keys[0].public_key.inner.x_only_public_key().0;
    let mut returned = refresh.request(Role::Root).expect("a request");
    returned.inputs[0]
        .tap_script_sigs
        .insert((key, foreign), signature);
    let received = refresh
        .receive(Role::Root, &returned, world.secp())
        .expect("our own");
    assert_eq!(received.stripped[0].reason, StripReason::NotRequested);
}

#[test]
fn a_request_names_all_scripts_of_its_leaf_and_no_other() {
    let mut world = with_roster("tr").world();
    let coin = world.deposit(1_000_000);
    let scripts = |kind: &LeafKind| {
        let leaf = coin.derived().leaf(kind).expect("such a leaf");
        leaf.scripts
            .iter()
            .filter_map(|script| script.hash)
            .collect::<BTreeSet<_>>()
    };
    let refresh = world.builder().refresh(&[&coin], 0).expect("it pays");
    let request = refresh.request(Role::Root).expect("a request");
    let named = |psbt: &bitcoin::Psbt| {
        let origins = psbt.inputs[0].tap_key_origins.values();
        origins
            .flat_map(|(hashes, _)| hashes.clone())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(named(&request), scripts(&LeafKind::Spend));
    assert!(named(&request).len() > 1);
    let trigger = world.builder().trigger(&coin, "sos").expect("it pays");
    let request = trigger.request(Role::Arming).expect("a request");
    assert_eq!(
        named(&request),
        scripts(&LeafKind::Trigger("sos".to_owned()))
    );
    assert_eq!(*coin.derived().stage(), Stage::Vault);
}
