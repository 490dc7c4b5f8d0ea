//! Miniscript's own policy compiler, fed what a compiled policy means.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::PublicKey;
use bitcoin::secp256k1::Secp256k1;
use longstop::compile::{Compiled, DerivedLeaf, Keychain};
use longstop::policy::{Member, Quorum};
use miniscript::policy::Concrete;
use miniscript::{AbsLockTime, Descriptor, RelLockTime, Segwitv0, Threshold};

/// What came of all stages, and how long it took.
pub struct Anchor {
    pub stages: Vec<Descriptor<PublicKey>>,
    pub time: Duration,
}

/// All stages of a policy, with the keys of the first index.
pub fn compile(compiled: &Compiled) -> Result<Anchor, String> {
    let secp = Secp256k1::new();
    let mut policies = Vec::new();
    for stage in compiled.stages() {
        let derived = stage.derive(Keychain::Receive, 0, &secp).expect("an index");
        let internal_key = match derived.concrete() {
            Descriptor::Tr(tr) => Some(*tr.internal_key()),
            _ => None,
        };
        let leaves = derived.leaves();
        let policy = any(&leaves.iter().map(leaf).collect::<Vec<_>>());
        policies.push((policy, internal_key));
    }
    let begun = Instant::now();
    let mut least = Duration::MAX;
    for number in 1.. {
        let start = Instant::now();
        let stages = policies
            .iter()
            .map(|(policy, internal_key)| one(policy, *internal_key))
            .collect::<Result<Vec<_>, _>>()?;
        least = least.min(start.elapsed());
        if number >= 25 || begun.elapsed() > Duration::from_secs(1) {
            let time = least;
            return Ok(Anchor { stages, time });
        }
    }
    unreachable!("the loop ends by returning")
}

fn one(
    policy: &Concrete<PublicKey>,
    internal_key: Option<PublicKey>,
) -> Result<Descriptor<PublicKey>, String> {
    let compiled = catch_unwind(AssertUnwindSafe(|| match internal_key {
        Some(key) => policy.compile_tr(Some(key)).map_err(|_| "fails".to_owned()),
        None => {
            let script = policy
                .compile::<Segwitv0>()
                .map_err(|_| "fails".to_owned())?;
            Descriptor::new_wsh(script).map_err(|_| "fails".to_owned())
        }
    }));
    compiled.unwrap_or_else(|_| Err("panics".to_owned()))
}

/// One of these, each with its odds.
fn any(choices: &[(usize, Concrete<PublicKey>)]) -> Concrete<PublicKey> {
    match choices {
        [(_, only)] => only.clone(),
        [first, others @ ..] => {
            let odds = others.iter().map(|(odds, _)| odds).sum();
            Concrete::Or(vec![
                (first.0, Arc::new(first.1.clone())),
                (odds, Arc::new(any(others))),
            ])
        }
        [] => panic!("a stage has leaves"),
    }
}

fn leaf(derived: &DerivedLeaf) -> (usize, Concrete<PublicKey>) {
    let mut keys = derived.keys.iter().map(|used| used.public_key);
    let mut parts = Vec::new();
    for group in derived.leaf.groups() {
        let own: Vec<PublicKey> = keys.by_ref().take(group.seats().count()).collect();
        // A roster cannot be said: its keys would stand twice, which is refused.
        parts.push(quorum(group.quorum(), &mut own.into_iter()));
    }
    if let Some(lock) = derived.leaf.relative() {
        let lock = RelLockTime::from_consensus(lock.to_consensus()).expect("a sound lock");
        parts.push(Concrete::Older(lock));
    }
    if let Some(lock) = derived.leaf.absolute() {
        let lock = AbsLockTime::from_consensus(lock.to_consensus()).expect("a sound lock");
        parts.push(Concrete::After(lock));
    }
    let last = parts.pop().expect("a leaf has parts");
    let all = parts.into_iter().rev().fold(last, |rest, part| {
        Concrete::And(vec![Arc::new(part), Arc::new(rest)])
    });
    (derived.leaf.likelihood() as usize, all)
}

fn quorum(of: &Quorum, keys: &mut dyn Iterator<Item = PublicKey>) -> Concrete<PublicKey> {
    let members: Vec<Concrete<PublicKey>> = of
        .members()
        .iter()
        .map(|member| match member {
            Member::Party(_) => Concrete::Key(keys.next().expect("every seat has a key")),
            Member::Quorum(inner) => quorum(inner, keys),
        })
        .collect();
    thresh(of.threshold(), members)
}

fn thresh(threshold: usize, members: Vec<Concrete<PublicKey>>) -> Concrete<PublicKey> {
    match <[Concrete<PublicKey>; 1]>::try_from(members) {
        Ok([only]) => only,
        Err(members) => {
            let members = members.into_iter().map(Arc::new).collect();
            Concrete::Thresh(Threshold::new(threshold, members).expect("a sound threshold"))
        }
    }
}
