//! The tree of RFC 6962, by vectors of another implementation and by its definition.

use std::fs;

use bitcoin::hashes::{Hash, sha256};
use longstop::ledger::{ConsistencyProof, InclusionProof, Memory, Store, TreeHash};
use proptest::prelude::*;
use serde::Deserialize;

use super::common::{append, record};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    name: String,
    leaf_idx: u64,
    tree_size: u64,
    root: Option<String>,
    leaf_hash: Option<String>,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consistency {
    name: String,
    size1: u64,
    size2: u64,
    root1: Option<String>,
    root2: Option<String>,
    proof: Option<Vec<String>>,
    want_err: bool,
}

fn hash(text: Option<&str>) -> Option<TreeHash> {
    TreeHash::parse(text?)
}

fn hashes(texts: Option<Vec<String>>) -> Option<Vec<TreeHash>> {
    let texts = texts.unwrap_or_default();
    texts.iter().map(|text| TreeHash::parse(text)).collect()
}

fn cases<T: for<'de> Deserialize<'de>>(file: &str) -> Vec<T> {
    let text = fs::read_to_string(format!("tests/vectors/rfc6962/{file}")).expect("it is there");
    let case = |line: &str| serde_json::from_str(line).expect("a case");
    text.lines().map(case).collect()
}

#[test]
fn inclusion_vectors() {
    let mut counted = [0, 0];
    for case in cases::<Inclusion>("inclusion.jsonl") {
        let holds = || {
            let proof = InclusionProof {
                position: case.leaf_idx,
                size: case.tree_size,
                hashes: hashes(case.proof.clone())?,
            };
            let (root, leaf) = (
                hash(case.root.as_deref())?,
                hash(case.leaf_hash.as_deref())?,
            );
            proof.check(root, leaf).ok()
        };
        assert_eq!(holds().is_none(), case.want_err, "{}", case.name);
        counted[usize::from(case.want_err)] += 1;
    }
    assert_eq!(counted, [6, 92]);
}

#[test]
fn consistency_vectors() {
    let mut counted = [0, 0];
    for case in cases::<Consistency>("consistency.jsonl") {
        // The roots of this one are no hashes, because they do not matter; they get no further.
        let otherwise = case.name == "additional/sizes-are-equal-one-and-proof-is-empty";
        let holds = || {
            let proof = ConsistencyProof {
                old: case.size1,
                new: case.size2,
                hashes: hashes(case.proof.clone())?,
            };
            let (old, new) = (hash(case.root1.as_deref())?, hash(case.root2.as_deref())?);
            proof.verify(old, new).ok()
        };
        assert_eq!(
            holds().is_none(),
            case.want_err != otherwise,
            "{}",
            case.name
        );
        counted[usize::from(case.want_err)] += 1;
    }
    assert_eq!(counted, [6, 92]);
}

/// The hash of a list as section 2.1 defines it.
fn defined(records: &[Vec<u8>]) -> [u8; 32] {
    let digest = |parts: &[&[u8]]| sha256::Hash::hash(&parts.concat()).to_byte_array();
    match records {
        [] => digest(&[]),
        [only] => digest(&[&[0], only]),
        _ => {
            let split = records.len().next_power_of_two() / 2;
            let (left, right) = records.split_at(split);
            digest(&[&[1], &defined(left), &defined(right)])
        }
    }
}

#[test]
fn root_hashes_are_as_defined() {
    let mut store = Memory::new(Vec::new());
    let mut all = Vec::new();
    for number in 0..70 {
        let root = store.head().expect("a head").root;
        assert_eq!(root.to_bytes(), defined(&all), "{number} records");
        all.push(record(number).bytes);
        append(&mut store, number + 1, 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A proof holds for its record in its place in its tree, and for nothing else.
    #[test]
    fn inclusion_proofs_show_one_thing(
        size in 1_u64..200, position in any::<prop::sample::Index>(), other in 0_u64..200, bit in 0_usize..256,
    ) {
        let position = position.index(usize::try_from(size).expect("small")) as u64;
        let mut store = Memory::new(Vec::new());
        append(&mut store, size, size);
        let root = store.head().expect("a head").root;
        let own = record(position).bytes;
        let proof = store.prove_inclusion(position, size).expect("a proof");
        prop_assert_eq!(proof.verify(root, &own), Ok(()));
        if other != position {
            prop_assert!(proof.verify(root, &record(other).bytes).is_err());
            let moved = InclusionProof { position: other, ..proof.clone() };
            prop_assert!(moved.verify(root, &own).is_err());
        }
        for (at, hash) in proof.hashes.iter().enumerate() {
            let mut bytes = hash.to_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut changed = proof.clone();
            changed.hashes[at] = TreeHash::from_bytes(bytes);
            prop_assert!(changed.verify(root, &own).is_err());
        }
        let mut longer = proof.clone();
        longer.hashes.push(root);
        prop_assert!(longer.verify(root, &own).is_err());
        let mut shorter = proof.clone();
        if shorter.hashes.pop().is_some() {
            prop_assert!(shorter.verify(root, &own).is_err());
        }
        let text = serde_json::to_string(&proof).expect("it is written");
        prop_assert_eq!(serde_json::from_str::<InclusionProof>(&text).expect("it is read"), proof);
    }

    /// A proof holds between the two trees that it is about, and no record before has changed.
    #[test]
    fn consistency_proofs_show_one_thing(new in 0_u64..200, old in 0_u64..200, changed in 0_u64..200) {
        prop_assume!(old <= new);
        let mut store = Memory::new(Vec::new());
        append(&mut store, new, new.max(1));
        let (before, now) = (store.root_of(old).expect("a root"), store.root_of(new).expect("a root"));
        let proof = store.prove_consistency(old, new).expect("a proof");
        prop_assert_eq!(proof.verify(before, now), Ok(()));
        if old > 0 {
            // Another history: one record of the old ones differs.
            let mut other = Memory::new(Vec::new());
            for number in 0..old {
                let mut own = record(number);
                if number == changed % old {
                    own.bytes.push(0);
                }
                other.append(&[own]).expect("there is room");
            }
            let wrong = other.head().expect("a head").root;
            prop_assert!(proof.verify(wrong, now).is_err());
        }
        if new != old {
            prop_assert!(proof.verify(now, before).is_err() || old == 0);
        }
        let text = serde_json::to_string(&proof).expect("it is written");
        prop_assert_eq!(serde_json::from_str::<ConsistencyProof>(&text).expect("it is read"), proof);
    }

    /// Whatever a proof says, judging it ends, and quickly.
    #[test]
    fn hostile_proofs_are_refused(
        position in any::<u64>(), size in any::<u64>(), count in 0_usize..100, old in any::<u64>(),
    ) {
        let hashes = vec![TreeHash::EMPTY; count];
        let inclusion = InclusionProof { position, size, hashes: hashes.clone() };
        prop_assert!(inclusion.verify(TreeHash::EMPTY, b"record").is_err());
        let consistency = ConsistencyProof { old, new: size, hashes };
        if old != size || count > 0 {
            prop_assert!(consistency.verify(TreeHash::EMPTY, TreeHash::EMPTY).is_err());
        }
    }
}
